"""Find out what was handed in: whose notebooks lie in a folder or zip, and what is wrong with them.

Learning platforms put names into the names of files and folders, and learners hand in second copies, bundles
of Colab and other files. All is looked at and mended before anything runs.
"""

import copy
import re
import shutil
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools.make_exercises import is_check
from tools.notebooks import read, tags

PLATFORM = re.compile(r"_(?:LATE_)?\d{2,}(?:_\d+)*(?:_assignsubmission_file)?_?")  # Moodle, Canvas
HANDED_IN = re.compile(r"_\d+_(?:assignsubmission|\d+)_")  # surely a name that a platform made
COPY = re.compile(r"(?:[ _-]*(?:\(\d+\)|-?\bcopy\b(?: ?\d+)?|Kopie|[-_]\d{1,2}(?=$)))+$", re.IGNORECASE)
STRAY = ("__MACOSX", ".ipynb_checkpoints")


@dataclass
class Submission:
    """What one learner handed in: the notebook to grade, mended, or None and a remark that says why."""

    learner: str
    notebook: NotebookNode | None
    remarks: list[str] = field(default_factory=list)


def collect(place: Path, release: NotebookNode, workspace: Path) -> tuple[list[Submission], list[str]]:
    """The submissions in a folder, a zip or a single file, one a learner, and the names of stray files.

    Zips are unpacked below `workspace`, zips within them too. Who handed in other files alone is there, too.
    """
    root = unpack(place, workspace)
    while len(inside := parts_of(root)) == 1 and any(part.is_dir() for part in parts_of(inside[0])):
        root = inside[0]  # one folder around all
    by_learner, others, strays = defaultdict(list), defaultdict(list), []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        if set(path.parts) & set(STRAY) or path.name.startswith(".") or path.suffix == ".zip":
            continue
        learner, name = learner_of(path, root, title_of(release)), path.relative_to(root).as_posix()
        if path.suffix == ".ipynb":
            by_learner[learner].append(path)
            continue
        strays.append(name)
        if HANDED_IN.search(name):
            others[learner].append(path.name)
    found = [choose(learner, paths, release) for learner, paths in by_learner.items()]
    found += [
        Submission(learner, None, [f"no notebook, only {', '.join(names)}"])
        for learner, names in others.items()
        if learner not in by_learner
    ]
    return sorted(found, key=lambda submission: submission.learner), strays


def unpack(place: Path, workspace: Path) -> Path:
    """The folder in which the files lie: `place`, or a copy below `workspace` with all zips unpacked."""
    if not place.exists():
        raise SystemExit(f"There is nothing at {place}.")
    root = workspace / "unpacked"
    if place.is_dir():
        if not any(place.rglob("*.zip")):
            return place
        shutil.copytree(place, root)
    elif zipfile.is_zipfile(place):
        shutil.unpack_archive(place, root, "zip")
    elif place.suffix == ".ipynb":
        root.mkdir()
        shutil.copy(place, root)
    else:
        raise SystemExit(f"{place} is neither a folder, nor a zip, nor a notebook.")
    while zips := [path for path in root.rglob("*.zip") if path.is_file() and zipfile.is_zipfile(path)]:
        for path in zips:
            shutil.unpack_archive(path, path.with_suffix(""), "zip")
            path.unlink()
    return root


def parts_of(folder: Path) -> list[Path]:
    """What lies in a folder, rubbish and files that only look like zips aside; nothing when it is a file."""
    return [p for p in folder.glob("*") if p.name not in STRAY and p.suffix != ".zip"]


def title_of(release: NotebookNode) -> str:
    """The name of the assignment's file, which the grader puts into the metadata."""
    return release.metadata["assignment"]


def learner_of(path: Path, root: Path, assignment: str) -> str:
    """Who handed a file in, as its folders or its name tell."""
    folders = [part for part in path.relative_to(root).parts[:-1] if part != assignment]
    named = [PLATFORM.split(folder)[0] for folder in folders if PLATFORM.search(folder)]
    stem = path.stem
    own = COPY.sub("", stem)
    platform, _, rest = own.partition(assignment)
    if named:
        name = named[-1]
    elif folders and folders[-1] not in ("submitted", "submissions"):
        name = folders[0] if folders[0] not in ("submitted", "submissions") else folders[-1]
    elif PLATFORM.search(stem):
        name = PLATFORM.split(stem)[0]
    else:
        name = platform if assignment in own and platform.strip(" _-") else rest if rest.strip(" _-") else own
    return re.sub(r"[^\w.-]+", "_", name.strip(" _-")).strip("_.") or "unnamed"


def choose(learner: str, paths: list[Path], release: NotebookNode) -> Submission:
    """The learner's notebook with the most answers; among equals the last by name."""
    opened = [(path, mend(path, release)) for path in paths]
    path, best = max(
        opened, key=lambda pair: (answers(pair[1].notebook, release), len(pair[0].stem), pair[0])
    )
    others = sorted(p.name for p, _ in opened if p != path)
    if others:
        best.remarks.insert(0, f"graded {path.name}, which has the most answers, and not {', '.join(others)}")
    return Submission(learner, best.notebook, best.remarks)


def answers(notebook: NotebookNode | None, release: NotebookNode) -> int:
    """How many cells for answers differ from the released ones; -1 when there is nothing to grade."""
    if notebook is None:
        return -1
    stubs = {name_of(cell): cell.source.strip() for cell in release.cells if is_answer(cell)}
    return sum(
        stubs.get(name_of(c), c.source.strip()) != c.source.strip() for c in notebook.cells if is_answer(c)
    )


def mend(path: Path, release: NotebookNode) -> Submission:
    """A notebook whose graded cells are there, once each; the remarks say what was wrong."""
    try:
        notebook = read(path)
    except Exception as error:  # whatever a file with this ending can hold
        return Submission("", None, [f"{path.name} is no notebook ({type(error).__name__})"])
    notebook.cells = [cell for cell in notebook.cells if not is_bundle(cell)]
    remarks = []
    found = recognise(notebook, release)
    if not found:
        return Submission("", None, [f"{path.name} is another notebook: no cell of this assignment is in it"])
    wanted = [cell for cell in release.cells if name_of(cell)]
    for cell in wanted:
        same = [mine for mine in notebook.cells if name_of(mine) == name_of(cell)]
        for twin in same[:-1]:
            del twin.metadata["nbgrader"]
        if len(same) > 1:
            remarks.append(f"{name_of(cell)} was there {len(same)} times: the last one counts")
    place = 0
    for cell in wanted:
        index = next((i for i, mine in enumerate(notebook.cells) if name_of(mine) == name_of(cell)), None)
        if index is None:
            missing = new_code_cell(cell.source, metadata=copy.deepcopy(cell.metadata))
            notebook.cells.insert(place, missing)
            remarks.append(f"{name_of(cell)} was missing: put back as it was handed out")
            index = place
        place = max(place, index + 1)
    for cell in notebook.cells:  # ids may be double, too, where cells were copied
        cell.pop("id", None)
    notebook.nbformat_minor = 4
    return Submission("", notebook, remarks)


def recognise(notebook: NotebookNode, release: NotebookNode) -> int:
    """Give cells that lost their metadata on the way their names back; how many are known in all."""
    known = {name_of(cell): cell for cell in release.cells if name_of(cell)}
    for cell in notebook.cells:
        if name_of(cell) and name_of(cell) not in known:
            del cell.metadata["nbgrader"]
    there = {name_of(cell) for cell in notebook.cells}
    for name, cell in known.items():
        if name not in there:
            for mine in notebook.cells:
                if mine.cell_type == "code" and not name_of(mine) and says_the_same(mine, cell):
                    mine.metadata["nbgrader"] = copy.deepcopy(cell.metadata["nbgrader"])
                    break
    return len({name_of(cell) for cell in notebook.cells} - {""})


def says_the_same(mine: NotebookNode, released: NotebookNode) -> bool:
    """Whether a cell is this check, or defines what this cell for an answer defines."""
    if is_check(released):
        return mine.source.strip() == released.source.strip()
    defined = re.findall(r"^(?:def|class) (\w+)", released.source, re.MULTILINE)
    return bool(defined) and f"{defined[0]}(" in mine.source and "def " in mine.source


def name_of(cell: NotebookNode) -> str:
    """nbgrader's name of a cell, "" when it has none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def is_answer(cell: NotebookNode) -> bool:
    """Whether an answer belongs into this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_bundle(cell: NotebookNode) -> bool:
    """Whether a cell unpacks a copy of course_lib: the grader uses its own."""
    return "bundle" in tags(cell) or "unpacks course_lib" in cell.source[:200]
