"""Write an assignment: `python -m tools.grading.assignment 06` builds grading/06_kl_divergence/release.

`source/` and `release/` are nbgrader's folders; the learners' copy is in `release/`.
"""

import argparse
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

from tools.make_colab import unlink
from tools.make_exercises import is_check, with_stubs
from tools.notebooks import ROOT, read, repository, store

GRADING = ROOT / "grading"


def main() -> int:
    """Write the assignment that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapter", help="its number, such as 06, or the name of its notebook")
    solution = find(parser.parse_args().chapter)
    release = write(solution, GRADING / solution.stem)
    solved = read(solution)
    points = sum(cell.metadata["nbgrader"]["points"] for cell in solved.cells if is_check(cell))
    graded = len(set(exercises(solved).values()))
    print(f"Hand out {release.relative_to(ROOT)}: {graded} graded exercises, {points:g} points, no answers.")
    print(f"Then: make grade NB={solution.stem[:2]} FROM=the-folder-or-zip-that-comes-back")
    return 0


def find(chapter: str) -> Path:
    """The solved notebook of a chapter, named by its number or its file."""
    name = Path(chapter).stem
    found = sorted((ROOT / "solutions").glob(f"{name.zfill(2)}*.ipynb")) if name else []
    if len(found) != 1:
        known = ", ".join(path.stem[:2] for path in sorted((ROOT / "solutions").glob("[0-9]*.ipynb")))
        raise SystemExit(f"Which chapter? NB is {chapter!r}; there are {known}: make assignment NB=02")
    return found[0]


def write(solution: Path, course: Path) -> Path:
    """Build nbgrader's source and release of a solved notebook below `course`: the file to hand out."""
    name = solution.stem
    for folder in ("source", "release"):
        shutil.rmtree(course / folder, ignore_errors=True)
    (course / "gradebook.db").unlink(missing_ok=True)
    store(as_source(read(solution), f"solutions/{solution.name}"), course / "source" / name / solution.name)
    demand(nbgrader(course).generate_assignment(name), f"{solution.name} cannot be released")
    return course / "release" / name / solution.name


def as_source(notebook: NotebookNode, name: str) -> NotebookNode:
    """A solved notebook as nbgrader's source: the exercises' title, links that hold wherever it lies."""
    for cell in with_stubs(notebook).cells:
        if cell.cell_type == "markdown":
            cell.source = unlink(cell.source, name, repository())
    return notebook


def exercises(notebook: NotebookNode) -> dict[str, str]:
    """The name of each graded cell → the number of its exercise, in order."""
    number, found = "", {}
    for cell in notebook.cells:
        if heading := re.match(r"## (\d+\.\d+) ", cell.source):
            number = heading[1]
        if is_check(cell):
            found[cell.metadata["nbgrader"]["grade_id"]] = number
    return found


def nbgrader(course: Path, **config: dict) -> NbGraderAPI:
    """nbgrader for the course in a folder, with the course's settings and more of them by class."""
    scripts = sysconfig.get_path("scripts")  # it calls alembic by name
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ["PATH"]])
    settings = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    settings.merge(Config(CourseDirectory={"root": str(course)}, **config))
    return NbGraderAPI(config=settings)


def demand(result: dict, otherwise: str) -> None:
    """Stop with nbgrader's own words when it did not succeed."""
    if not result["success"]:
        raise RuntimeError(f"{otherwise}.\n{result.get('log', '')}\n{result.get('error', '')}")


if __name__ == "__main__":
    sys.exit(main())
