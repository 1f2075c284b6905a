"""How large a server must be: what check_hub.py measured, and the tables of README.md that follow from it."""

import json
import math
import os
import platform
import re
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
README, MEASURED = HERE / "README.md", HERE / "measured.json"
SYSTEM = 1.5  # GiB for the operating system and its file cache
MARGIN = 1.25  # for a second notebook here and there
PATIENCE = 5 * 60  # seconds for a whole chapter that all run at the same moment
ROOMS = (5, 10, 20, 30, 60)
MARKED = re.compile(r"(<!-- (measured|sizes) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def store(run: dict) -> None:
    """Keep the figures of a run, and write them into README.md."""
    runs = {key(old): old for old in load()["runs"]}
    runs[key(run)] = run
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 2**30
    known = {"machine": f"{cores} cores, {memory:.0f} GiB, Python {platform.python_version()}"}
    known["runs"] = sorted(runs.values(), key=key)
    MEASURED.write_text(json.dumps(known, indent=1) + "\n")
    README.write_text(fill(README.read_text(encoding="utf-8"), known), encoding="utf-8")


def load() -> dict:
    """The machine, and a run for each chapter and number of learners."""
    return json.loads(MEASURED.read_text()) if MEASURED.exists() else {"runs": []}


def key(run: dict) -> tuple[str, int]:
    return run["chapter"], run["learners"]


def fill(text: str, known: dict) -> str:
    """A README with the tables of what is known."""
    tables = {"measured": measured(known), "sizes": rooms(known)}
    return MARKED.sub(lambda found: found[1] + tables[found[2]] + found[3], text)


def measured(known: dict) -> str:
    """A row for each run."""
    lines = [
        "| at once | chapter | log-in to server | chapter runs | kernel with torch | after the chapter "
        "| server | hub and proxy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in known["runs"]:
        ready, ran = ("{:.0f} s ({:.0f})".format(*run[name]) for name in ("ready", "run"))
        sizes = (f"{run[name]:.0f} MiB" for name in ("imported", "kernel", "server", "hub"))
        chapter = run["chapter"].partition("_")[0]
        lines.append(f"| {run['learners']} | {chapter} | {ready} | {ran} | {' | '.join(sizes)} |")
    return "\n".join(lines) + f"\n\nMeasured on {known['machine']}. Seconds: the median, and the slowest.\n"


def largest(known: dict) -> dict:
    """The run whose kernels had most memory: of those measured, the one with few learners who share pages."""
    return max(known["runs"], key=lambda run: run["kernel"])


def room(known: dict, learners: int) -> tuple[int, int]:
    """GiB of memory, an even number, and cores for as many learners at once."""
    run = largest(known)
    each = MARGIN * (run["kernel"] + run["server"])
    memory = SYSTEM + (run["hub"] + learners * each) / 1024
    return 2 * math.ceil(memory / 2), max(2, math.ceil(learners * run["kernel_seconds"] / PATIENCE))


def rooms(known: dict) -> str:
    """A row for each number of learners, and how the one for thirty comes about."""
    lines = ["| learners | memory | cores |", "|---|---|---|"]
    for learners in ROOMS:
        memory, cores = room(known, learners)
        lines.append(f"| {learners} | {memory} GiB | {cores} |")
    run = largest(known)
    each, seconds = run["kernel"] + run["server"], run["kernel_seconds"]
    lines += [
        "",
        f"Thirty learners who have all run chapter {run['chapter'][:2]}: 30 · ({run['kernel']:.0f} + "
        f"{run['server']:.0f}) MiB = {30 * each / 1024:.1f} GiB, and 30 · {seconds:.0f} s = "
        f"{30 * seconds / 60:.0f} minutes of one core.",
    ]
    return "\n".join(lines) + "\n"
