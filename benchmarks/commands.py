"""How long whole commands take: every chapter as the tests run it, the book, the playground, grading."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.speed_report import Numbers
from tools.notebooks import ROOT

PLAYGROUND = ROOT / "site" / "playground"
TESTED = ("pytest", "-q", "-n", "2", "--dist", "loadfile", "--nbval-lax", "--nbval-current-env", "notebooks")


def commands(copies: int = 4) -> Numbers:
    """Seconds of what maintainers and teachers wait for."""
    return {
        "all chapters and appendices, tested two at a time (min)": seconds_of(*TESTED) / 60,
        "the book and the playground, built (s)": seconds_of("tools.site"),
        "grading: a submission of chapter 6 (s)": grading(copies) / copies,
    }


def seconds_of(module: str, *arguments: str) -> float:
    """Seconds of `python -m module arguments`, which must succeed."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def grading(copies: int) -> float:
    """Seconds to grade the solution of chapter 6, handed in by so many learners, one after another."""
    from tools.grading.grade import SECONDS, grade  # here, for only teachers install nbgrader

    (solution,) = (ROOT / "solutions").glob("06_*.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        course, place = Path(folder, "course"), Path(folder, "handed in")
        place.mkdir()
        for i in range(copies):
            shutil.copy(solution, place / f"learner{i}_{solution.name}")
        start = time.perf_counter()
        rows = grade(solution, place, course, jobs=1, seconds=SECONDS)
        seconds = time.perf_counter() - start
    if any(row["points"] < row["of"] for row in rows) or len(rows) != copies:
        raise RuntimeError(f"The solution did not get all its points: {rows}")
    return seconds


def playground(train: Callable[[], object], rounds: int = 3) -> Numbers:
    """The training of the page's own settings in headless Chromium, and the same one by `train`, in turns."""
    if not (PLAYGROUND / "dist").exists():
        seconds_of("tools.site")
    pages, seconds = [], []
    for _ in range(rounds):
        pages.append(in_browser())
        start = time.perf_counter()
        train()
        seconds.append(time.perf_counter() - start)
    ratios = [page["30 epochs (s)"] / own for page, own in zip(pages, seconds, strict=True)]
    return {
        **{name: statistics.median(page[name] for page in pages) for name in pages[0]},
        "30 epochs by fit (s)": statistics.median(seconds),
        "page ÷ fit": statistics.median(ratios),
    }


def in_browser() -> Numbers:
    """The built page's seconds, frames and kB (Chromium, and the package playwright)."""
    script = [sys.executable, PLAYGROUND / "bench" / "in_browser.py", "--json"]
    return json.loads(subprocess.run(script, check=True, stdout=subprocess.PIPE).stdout)
