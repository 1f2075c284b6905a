"""Everything that a room full of learners hands in gets exactly its points, and none touches another's."""

import copy
import csv
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytest.importorskip("nbgrader")

from tools.grading.assignment import find, write
from tools.grading.grade import grade
from tools.grading.intake import collect, learner_of, name_of
from tools.grading.preprocessors import Contained
from tools.make_colab import bundle
from tools.make_exercises import is_check, make_exercise
from tools.notebooks import read, store

SOLUTION = find("01")
NAME = SOLUTION.stem
CHEAT = """\
class checks:
    def __getattr__(self, name):
        return lambda f: print("✓ all is right")
checks = checks()
import course_lib
import course_lib.checks
for name in list(vars(course_lib.checks)):
    if name.startswith("check_"):
        setattr(course_lib.checks, name, lambda f: print("✓ all is right"))
course_lib.checks = checks
"""
WARN = "import sys, warnings\nwarnings.warn('old')\nprint('!', file=sys.stderr)\n"


def released():
    """The learner's copy, as the grader sees it."""
    notebook = make_exercise(read(SOLUTION))
    notebook.metadata["assignment"] = NAME
    return notebook


def solved(*left_out):
    """A copy with right answers, but for the cells whose names are given."""
    right = {name_of(cell): cell.source for cell in read(SOLUTION).cells if name_of(cell)}
    notebook = released()
    for cell in notebook.cells:
        if name_of(cell) and name_of(cell) not in left_out:
            cell.source = right[name_of(cell)]
    return notebook


def cell_of(notebook, name):
    """The cell that nbgrader calls `name`."""
    return next(cell for cell in notebook.cells if name_of(cell) == name)


def changed(name, change):
    """A perfect copy with one cell's source changed by a function."""
    notebook = solved()
    cell = cell_of(notebook, name)
    cell.source = change(cell.source)
    return notebook


def noisy(source):
    """An answer that writes to stderr when it is called, as progress bars do."""
    return source.replace("    ### BEGIN", "    import sys; print('!', file=sys.stderr)\n    ### BEGIN")


def without(name):
    notebook = solved()
    notebook.cells.remove(cell_of(notebook, name))
    return notebook


def doubled(name):
    notebook = solved()
    cell = cell_of(notebook, name)
    notebook.cells.insert(notebook.cells.index(cell), copy.deepcopy(cell))
    return notebook


def without_names():
    notebook = solved()
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    return notebook


def cheating():
    notebook = released()
    first = next(i for i, cell in enumerate(notebook.cells) if name_of(cell))
    notebook.cells.insert(first, new_code_cell(CHEAT))
    return notebook


def answers():
    """The names of the cells for answers, in order."""
    return [name_of(c) for c in released().cells if name_of(c) and not is_check(c)]


def checks():
    """The names of the checks, in order."""
    return [name_of(c) for c in released().cells if is_check(c)]


def points_of(*names):
    """The points that these checks give."""
    graded = {name_of(c): c.metadata["nbgrader"]["points"] for c in released().cells if is_check(c)}
    return sum(graded[name] for name in names)


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A zip such as learning platforms make, and the points that each learner has earned."""
    first, second, third, *_ = answers()
    a, b, c, *rest = checks()
    full = points_of(a, b, c, *rest)
    kinds = {
        "perfect": (solved(), full),
        "untouched": (released(), 0),
        "half": (solved(*answers()[2:]), points_of(a, b)),
        "crash": (changed(third, lambda s: f"{s}\nimport os\nos._exit(1)"), full - points_of(c)),
        "deleted": (without(b), full),
        "duplicated": (doubled(b), full),
        "warning": (changed(first, lambda s: WARN + s), full),
        "noisy": (changed(second, noisy), full),
        "cheat": (cheating(), 0),
        "endless": (changed(second, lambda s: f"{s}\nwhile True:\n    pass"), full - points_of(b)),
        "syntax": (changed(second, lambda s: s + "\n)"), full - points_of(b)),
        "nameless": (without_names(), full),
        "bundle": (bundle(solved(), f"exercises/{NAME}.ipynb", "AAAA"), full),
        "another": (make_exercise(read(find("06"))), 0),
    }
    folder = tmp_path_factory.mktemp("handed_in")
    for number, (learner, (notebook, _)) in enumerate(kinds.items()):
        store(notebook, folder / f"{learner}_{number + 1000}_assignsubmission_file_" / f"{NAME}.ipynb")
    store(solved(), folder / "renamed_77_assignsubmission_file_" / "my final version.ipynb")
    store(released(), folder / "renamed_77_assignsubmission_file_" / f"{NAME} (1).ipynb")
    (folder / "report.pdf").write_bytes(b"%PDF")
    (folder / "broken_78_assignsubmission_file_").mkdir()
    (folder / "broken_78_assignsubmission_file_" / f"{NAME}.ipynb").write_text("{")
    (folder / "printed_79_assignsubmission_file_").mkdir()
    (folder / "printed_79_assignsubmission_file_" / f"{NAME}.html").write_text("<p>my answers</p>")
    place = shutil.make_archive(str(folder), "zip", folder)
    return place, {k: p for k, (_, p) in kinds.items()} | {"renamed": full, "broken": 0, "printed": 0}


def test_every_submission_gets_exactly_its_points(handed_in, tmp_path, capsys):
    place, earned = handed_in
    rows = grade(SOLUTION, Path(place), tmp_path, jobs=2, seconds=60)
    assert {row["learner"]: row["points"] for row in rows} == earned
    remarks = {row["learner"]: row["remarks"] for row in rows}
    assert "another notebook" in remarks["another"]
    assert "was missing" in remarks["deleted"]
    assert "2 times" in remarks["duplicated"]
    assert "no notebook" in remarks["broken"]
    assert "my final version.ipynb" in remarks["renamed"]
    assert f"only {NAME}.html" in remarks["printed"]
    assert remarks["crash"] == "a cell ended the kernel"
    assert remarks["endless"] == "a cell took more than 60 seconds"
    remarked = {"another", "broken", "crash", "deleted", "duplicated", "endless", "printed", "renamed"}
    assert {k for k, r in remarks.items() if r} == remarked
    assert "report.pdf" in capsys.readouterr().out
    with (tmp_path / "points.csv").open(encoding="utf-8-sig") as file:
        written = {row["learner"]: row for row in csv.DictReader(file)}
    assert [key for key in written["half"] if key[0].isdigit()] == ["1.1", "1.2", "1.3", "1.4", "1.5"]
    assert float(written["crash"]["1.3"]) == 0
    assert {float(row["points"]) for row in written.values()} == set(earned.values())
    pages = {path.stem for path in (tmp_path / "feedback").glob("*.html")}
    assert pages == set(earned) - {"another", "broken", "printed"}
    page = (tmp_path / "feedback" / "half.html").read_text("utf-8")
    assert "_importlib" not in page  # what the grader puts before a check
    assert "white-space: pre-wrap" in page.partition("</head>")[0].rpartition("<style>")[2]
    assert re.findall(r">([^<]+)</a> \(Score: ([\d.]+)", page) == [
        ("Exercise 1.1", "2.0"), ("Exercise 1.2", "3.0"), ("Exercise 1.3", "0.0"),
        ("Exercise 1.4", "0.0"), ("Exercise 1.5", "0.0"),
    ]  # fmt: skip
    assert "This cell ended the kernel" in (tmp_path / "feedback" / "crash.html").read_text("utf-8")
    assert "took more than 60 seconds" in (tmp_path / "feedback" / "endless.html").read_text("utf-8")


def test_a_kernel_that_found_its_port_taken_costs_no_points(taken_port):
    notebook, _ = Contained().preprocess(new_notebook(cells=[new_code_cell("print(1)")]), {"metadata": {}})
    assert notebook.cells[0].outputs[0].text == "1\n"
    assert not taken_port


def test_the_release_holds_no_answer_and_may_stop_at_its_checks_only(tmp_path):
    release = read(write(SOLUTION, tmp_path))
    text = "\n".join(cell.source for cell in release.cells)
    assert "BEGIN SOLUTION" not in text
    assert text.startswith("# 1. ")
    assert "solutions" not in text.splitlines()[0]
    assert "](../" not in text
    tagged = [c for c in release.cells if is_check(c) and "raises-exception" in c.metadata.get("tags", [])]
    assert len(tagged) == len(checks())


@pytest.mark.parametrize(
    ("file", "learner"),
    [
        ("Jane Doe_1234567_assignsubmission_file_/{}.ipynb", "Jane_Doe"),
        ("Jane Doe_1234567_assignsubmission_file_{}.ipynb", "Jane_Doe"),
        ("doejane_LATE_12345_678901_{}-1.ipynb", "doejane"),
        ("submitted/jane/{0}/{0}.ipynb", "jane"),
        ("jane/{}.ipynb", "jane"),
        ("jane/work/other name.ipynb", "jane"),
        ("{}_jane.ipynb", "jane"),
        ("jane {} (1).ipynb", "jane"),
        ("Žofie-{}.ipynb", "Žofie"),
        ("{}.ipynb", NAME),
    ],
)
def test_the_learner_is_read_from_names(file, learner, tmp_path):
    assert learner_of(tmp_path / file.format(NAME), tmp_path, NAME) == learner


def test_zips_within_zips_are_opened_and_rubbish_is_left(tmp_path):
    inner = tmp_path / "inner"
    store(released(), inner / "jane" / f"{NAME}.ipynb")
    store(released(), inner / "__MACOSX" / "jane" / f"._{NAME}.ipynb")
    store(released(), inner / "jane" / ".ipynb_checkpoints" / f"{NAME}-checkpoint.ipynb")
    outer = tmp_path / "outer"
    outer.mkdir()
    shutil.make_archive(str(outer / "all"), "zip", inner)
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.write(outer / "all.zip", "all.zip")
    deep = tmp_path / "deep"
    deep.mkdir()
    shutil.copy(tmp_path / "whole.zip", deep)
    for place in (outer, tmp_path / "whole.zip", deep):
        workspace = tmp_path / f"work-{place.stem}"
        workspace.mkdir()
        found, strays = collect(place, released(), workspace)
        assert [(s.learner, s.notebook is not None) for s in found] == [("jane", True)]
        assert strays == []
