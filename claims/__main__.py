"""Run notebooks over many values of SEED and count in how many each claim holds.

A claim is a cell tagged `claim`, named by its first comment or else by its first assert. It may print
lines `margin: <name> = <number>`; the smallest over the seeds is kept. Errors in other cells are
reported too. Writes claims.md and, for the chapters that are not run this time, claims.json beside it.
"""

import argparse
import itertools
import json
import multiprocessing
import re
import signal
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from benchmarks.machine import machine
from tools.notebook_client import run

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
MARGIN = re.compile(r"^margin: (.+) = (\S+)$", re.MULTILINE)


@dataclass
class Run:
    """What one notebook did with one seed."""

    chapter: str
    seed: int
    seconds: float = 0.0
    claims: dict[str, str] = field(default_factory=dict)  # name → error, "" when it held
    margins: dict[str, dict[str, float]] = field(default_factory=dict)  # claim → name → number
    errors: list[str] = field(default_factory=list)  # of cells that are no claims

    def __str__(self) -> str:
        failed = [f"  ✗ {name}: {error}" for name, error in self.claims.items() if error]
        errors = [f"  ! {error}" for error in self.errors]
        held = f"{len(self.claims) - len(failed)} of {len(self.claims)} claims hold"
        head = f"{self.chapter}  seed {self.seed}  {self.seconds:5.1f} s  {held}"
        return "\n".join([head, *failed, *errors])


def main() -> int:
    """Run what the command line names; 1 when a claim failed or another cell raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in notebooks/")
    parser.add_argument("--seeds", type=parse_seeds, default="0-9", help="0-9, or 3, or 0-4,7")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at once, a thread each")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of claims.md")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)  # now: a run that cannot be written is lost
    paths = options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    try:
        runs = run_all(paths, options.seeds, options.jobs)
    except KeyboardInterrupt:
        print("Interrupted: the report stays as it was.")
        return 130
    write_report(options.output, {path.stem: summarise(runs[path.stem]) for path in paths})
    return 1 if any(r.errors or any(r.claims.values()) for all_ in runs.values() for r in all_) else 0


def parse_seeds(text: str) -> list[int]:
    """'0-4,7' → [0, 1, 2, 3, 4, 7]."""
    seeds: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds |= set(range(int(first), int(last or first) + 1))
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text!r} names no seed")
    return sorted(seeds)


def run_all(paths: list[Path], seeds: list[int], jobs: int) -> dict[str, list[Run]]:
    """Every notebook with every seed, `jobs` at a time: chapter → its runs in the order of seeds."""
    runs: dict[str, list[Run]] = {path.stem: [] for path in paths}
    workers = multiprocessing.get_context("spawn")  # a fork of a process with threads may lock up
    with workers.Pool(jobs, initializer=_leave_interrupts_to_the_parent) as pool:
        for result in pool.imap_unordered(run_once, itertools.product(paths, seeds)):
            print(result, flush=True)
            runs[result.chapter].append(result)
    return {chapter: sorted(found, key=lambda result: result.seed) for chapter, found in runs.items()}


def _leave_interrupts_to_the_parent() -> None:
    """The pool ends its workers when the parent is interrupted, and their kernels end with them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_once(path_and_seed: tuple[Path, int]) -> Run:
    """Execute one notebook with one seed in a kernel of one thread; errors do not stop it."""
    path, seed = path_and_seed
    notebook = load_notebook_node(str(path))
    notebook = parameterize_notebook(notebook, {"SEED": seed}, kernel_name="python3", language="python")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    result = Run(path.stem, seed)
    try:
        result.seconds = run(notebook, path, allow_errors=True, **ONE_THREAD)
    except DeadKernelError as error:
        result.errors.append(str(error))
    judge(notebook, result)
    return result


def judge(notebook: NotebookNode, result: Run) -> None:
    """Fill in `result` from the outputs of an executed notebook."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        error = "" if cell.execution_count else "not reached"
        error = next((one_line(o) for o in cell.outputs if o.output_type == "error"), error)
        if "claim" in tags:
            name = claim_name(cell.source)
            while name in result.claims:
                name += " (again)"
            result.claims[name] = error
            text = "".join(o.text for o in cell.outputs if o.output_type == "stream")
            result.margins[name] = {key: float(number) for key, number in MARGIN.findall(text)}
        elif error and "raises-exception" not in tags:
            result.errors.append(f"{error} in the cell `{cell.source.strip().splitlines()[0]}`")


def one_line(error: NotebookNode) -> str:
    """An error output as `Name: message`, short enough for a line."""
    return " ".join(f"{error.ename}: {error.evalue}".split())[:200]


def claim_name(source: str) -> str:
    """The first comment of a claim cell, else its first assert."""
    lines = [line.strip() for line in source.splitlines()]
    for start in ("#", "assert"):
        for line in lines:
            if line.startswith(start):
                return line.lstrip("# ")
    return lines[0]


def summarise(runs: list[Run]) -> dict:
    """One chapter over its seeds, ready for JSON."""
    names = dict.fromkeys(name for run in runs for name in run.claims)
    return {
        "seeds": [run.seed for run in runs],
        "seconds": round(statistics.median(run.seconds for run in runs), 1),
        "machine": machine().rpartition(", ")[0],  # without its threads: each notebook has one
        "errors": sorted({error for run in runs for error in run.errors}),
        "claims": {
            name: {
                "failed": [run.seed for run in runs if run.claims.get(name, "missing")],
                "margins": _smallest(run.margins.get(name, {}) for run in runs),
            }
            for name in names
        },
    }


def _smallest(margins: Iterable[dict[str, float]]) -> dict[str, float]:
    worst: dict[str, float] = {}
    for found in margins:
        for name, number in found.items():
            worst[name] = min(number, worst.get(name, number))
    return worst


def write_report(folder: Path, new: dict[str, dict]) -> None:
    """Put the new chapters among those already in claims.json, and render claims.md from it."""
    store = folder / "claims.json"
    known = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    chapters = dict(sorted({**known, **new}.items()))
    store.write_text(
        json.dumps(chapters, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )
    report = folder / "claims.md"
    report.write_text(render(chapters), encoding="utf-8", newline="\n")
    print(f"Wrote {report.name} and {store.name} in {folder}.")


def render(chapters: dict[str, dict]) -> str:
    """The chapters as two Markdown tables: the runs, and the claims."""
    runs = ["| chapter | seeds | seconds (median, one thread) | errors outside claims | machine |"]
    claims = ["| chapter | claim | held | failed for seeds | smallest margin |"]
    runs.append("|---|---|---|---|---|")
    claims.append("|---|---|---|---|---|")
    for chapter, facts in chapters.items():
        seeds, errors = facts["seeds"], "; ".join(facts["errors"]) or "none"
        row = (chapter, _join(seeds), facts["seconds"], errors, facts["machine"])
        runs.append(_row(*row))
        for name, claim in facts["claims"].items():
            held = f"{len(seeds) - len(claim['failed'])} of {len(seeds)}"
            margin = ", ".join(f"{key} {number:.3g}" for key, number in claim["margins"].items())
            claims.append(_row(chapter, name, held, _join(claim["failed"]) or "none", margin))
    title = "# The claims of the chapters over many seeds"
    note = "Written by `make claims`. A claim is a cell tagged `claim`: an assert about a result."
    return "\n".join([title, "", note, "", *runs, "", *claims, ""])


def _row(*values: object) -> str:
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def _join(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds))


if __name__ == "__main__":
    sys.exit(main())
