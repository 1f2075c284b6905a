"""What a solutions notebook holds, and how to get an exercise's answer out of it."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode


@dataclass(frozen=True)
class Exercise:
    """A check cell and what it is called with."""

    check: str  # check_kl_divergence
    answer: str  # the name in the notebook that the check is given


def nbgrader(cell: NotebookNode) -> dict:
    """nbgrader's metadata of a cell; an ordinary cell has none."""
    return cell.metadata.get("nbgrader", {})


def exercises_of(path: Path) -> list[Exercise]:
    """The exercises of a notebook, in order: the calls `checks.check_…(answer)` in its graded cells."""
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        if nbgrader(cell).get("grade"):
            for call in (n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Call)):
                name = ast.unparse(call.func).removeprefix("checks.")
                if name.startswith("check_"):
                    found.append(Exercise(name, ast.unparse(call.args[0])))
    return found


@cache
def namespace_of(path: Path) -> dict:
    """What the set-up cell and the solved functions of a notebook define; nothing else is run."""
    namespace: dict = {}
    for cell in nbformat.read(path, as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        if "setup" in tags or (nbgrader(cell).get("solution") and "experiment" not in tags):
            exec(compile(cell.source, path.name, "exec"), namespace)
    return namespace


def solution_of(path: Path, check: str) -> object | None:
    """The solved notebook's own answer to an exercise; None when a cell tagged `experiment` makes it."""
    answer = next(e.answer for e in exercises_of(path) if e.check == check)
    return namespace_of(path).get(answer)


def answer_lines(source: str) -> list[str]:
    """The lines between BEGIN SOLUTION and END SOLUTION that hold code."""
    blocks = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
