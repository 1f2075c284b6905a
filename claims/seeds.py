"""Run chapters over many values of SEED: in how many does each claim hold, and how far was it from failing?

Errors outside claims are reported too. Writes claims.md and, for the chapters that are not run this time,
claims.json beside it.
"""

import argparse
import ast
import itertools
import json
import multiprocessing
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from claims.margins import statement_of
from claims.report import summarise, write
from tools.notebooks import ROOT, chapters, read, run, tags, with_parameters

HERE = Path(__file__).resolve().parent
INSTALL = "import claims.margins as _margins\n_margins.install()"
COLLECT = "print(_margins.as_json())"


@dataclass
class Run:
    """What one notebook did with one seed."""

    chapter: str
    seed: int
    seconds: float = 0.0
    claims: dict[str, str] = field(default_factory=dict)  # statement → what failed, "" when it held
    margins: dict[str, dict[str, float]] = field(default_factory=dict)  # statement → assert → margin
    errors: list[str] = field(default_factory=list)  # of cells that are no claims

    def __str__(self) -> str:
        failed = [f"  ✗ {statement}: {reason}" for statement, reason in self.claims.items() if reason]
        errors = [f"  ! {error}" for error in self.errors]
        held = f"{len(self.claims) - len(failed)} of {len(self.claims)} claims hold"
        return "\n".join(
            [f"{self.chapter}  seed {self.seed}  {self.seconds:5.1f} s  {held}", *failed, *errors]
        )


def main() -> int:
    """Run what the command line names; 1 when a claim failed or another cell raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all chapters and appendices")
    parser.add_argument("--seeds", type=parse_seeds, default="0-9", help="0-9, or 3, or 0-4,7")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at once, a thread each")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of claims.md")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)  # now: a run that cannot be written is lost
    paths = options.notebooks or chapters()
    try:
        runs = run_all(paths, options.seeds, options.jobs)
    except KeyboardInterrupt:
        print("Interrupted: the report stays as it was.")
        return 130
    write(options.output, {path.stem: summarise(runs[path.stem]) for path in paths})
    return 1 if any(r.errors or any(r.claims.values()) for found in runs.values() for r in found) else 0


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
    notebook, result = read(path), Run(path.stem, seed)
    with_parameters(notebook, SEED=seed)
    notebook.cells = [new_code_cell(INSTALL), *notebook.cells, new_code_cell(COLLECT)]
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kernel = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "COURSE_STRICT": "0", "PYTHONPATH": search}
    try:
        result.seconds = run(notebook, path, allow_errors=True, **kernel)
        result.margins = json.loads(text_of(notebook.cells.pop()))
    except DeadKernelError as error:
        result.errors.append(str(error))
    judge(notebook, result)
    return result


def judge(notebook: NotebookNode, result: Run) -> None:
    """Fill in `result` from the outputs of an executed notebook."""
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        lines = text_of(cell).splitlines()
        for statement in statements_of(cell.source) if "claim" in tags(cell) else ():
            sign = f"✗ {statement}: "
            reasons = [line.removeprefix(sign) for line in lines if line.startswith(sign)]
            result.claims[statement] = "" if f"✓ {statement}" in lines else (reasons or ["not reached"])[0]
        errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]
        error = (errors or [""] if cell.execution_count else ["not reached"])[0]
        if error and "raises-exception" not in tags(cell):
            first = cell.source.strip().splitlines()[0]
            result.errors.append(f"{' '.join(error.split())[:200]} in the cell `{first}`")


def statements_of(source: str) -> list[str]:
    """What the claims of a cell say."""
    blocks = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.With))
    return [statement for block in blocks if (statement := statement_of(block)) is not None]


def text_of(cell: NotebookNode) -> str:
    """What a cell printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")
