"""Solutions and exercises as documents, unsolved exercises at work, and nbgrader's own command on them."""

import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator

from course_lib import checks
from course_lib.checks.unfamiliar import Script
from tests.checks.exercise_rules import answer_lines, exercises_of, nbgrader
from tests.notebooks import notebook_rules as rules
from tools.make_exercises import EXERCISES, SOLUTIONS, exercise_of, make_exercise
from tools.notebooks import ROOT, as_text, read, run

REMAKE = "run `python -m tools.make_exercises`"
NAMES = [path.name for path in sorted(SOLUTIONS.glob("*.ipynb"))]
CHAPTERS = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))[1:]]  # 00 teaches nothing yet
PROJECT = [name for name in NAMES if name.startswith("project_")]  # its worked examples, one for each kind
each_notebook = pytest.mark.parametrize("name", NAMES)
each_chapter = pytest.mark.parametrize("name", CHAPTERS)
each_example = pytest.mark.parametrize("name", PROJECT)


def solution(name: str) -> nbformat.NotebookNode:
    return read(SOLUTIONS / name)


def sections(name: str) -> list[list[nbformat.NotebookNode]]:
    """The cells of each exercise: from its heading (## …) to the next."""
    found: list[list] = []
    for cell in solution(name).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append([])
        if found:
            found[-1].append(cell)
    return found


def test_every_chapter_has_exercises_made_from_solutions():
    assert [*CHAPTERS, *PROJECT] == NAMES
    made = sorted({exercise_of(name) for name in NAMES})
    assert sorted(path.name for path in EXERCISES.glob("*.ipynb")) == made, REMAKE


@each_chapter
def test_four_to_seven_exercises_a_chapter(name):
    assert 4 <= len(sections(name)) <= 7


def kind_of(cells: list[nbformat.NotebookNode]) -> str:
    """The kind in the line "*Build · difficulty …*" of an exercise."""
    found = re.search(r"^\*([A-Z][^·]*) · difficulty", as_prose(cells), re.MULTILINE)
    assert found, f"{cells[0].source.splitlines()[0]}: no kind"
    return found[1]


def as_prose(cells: list[nbformat.NotebookNode]) -> str:
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


EVERY_KIND = (
    "02_vanilla_autoencoder.ipynb",
    "04_variational_autoencoder.ipynb",
    "06_kl_divergence.ipynb",
    "08_convolutional_vae.ipynb",
    "10_sparse_and_denoising.ipynb",
)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_exercises_of_every_kind(name):
    found = {kind_of(cells) for cells in sections(name)}
    assert found >= {"Predict", "Explain", "Unfamiliar code", "Transfer"}
    minutes = [int(re.search(r"(\d+) minutes", as_prose(cells))[1]) for cells in sections(name)]
    assert sum(minutes) <= 120, "an evening; whoever has less leaves out the last two"


@each_notebook
def test_exercises_are_made_from_the_solutions(name):
    """The examples of a project make the same exercise, but for the parameters: which data it begins with."""
    made, stored = make_exercise(solution(name)), nbformat.read(EXERCISES / exercise_of(name), as_version=4)
    if name in PROJECT[1:]:
        for cell, other in zip(made.cells, stored.cells, strict=True):
            if "parameters" in cell.metadata.get("tags", []):
                cell.source = other.source
    assert as_text(stored) == as_text(made), REMAKE


@each_notebook
def test_exercises_keep_nothing_of_the_answers(name):
    exercise = (EXERCISES / exercise_of(name)).read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in exercise
    cells = nbformat.reads(exercise, as_version=4).cells
    stubs = {nbgrader(cell).get("grade_id"): cell.source for cell in cells if nbgrader(cell).get("solution")}
    everything = "\n".join(cell.source for cell in cells)
    words = [cell.source for cell in solution(name).cells if "your-words" in cell.metadata.get("tags", [])]
    assert not any(text in everything for text in words)
    for cell in solution(name).cells:
        if nbgrader(cell).get("solution"):
            assert answer_lines(cell.source), "a solution cell without an answer"
            for line in answer_lines(cell.source):
                assert len(line) < 12 or line not in stubs[nbgrader(cell)["grade_id"]], line
                assert len(line) < 30 or line not in everything, f"a hint gives away: {line}"


@each_chapter
def test_each_exercise_is_complete(name):
    for cells in sections(name):
        title, prose = cells[0].source.splitlines()[0], as_prose(cells)
        assert re.search(r"difficulty [●○]{3}", prose), f"{title}: no difficulty"
        assert re.search(r"\d+ minutes", prose), f"{title}: no minutes"
        assert "**Why it matters.**" in prose, title
        assert "**What to do.**" in prose, title
        checks_here = [bool(nbgrader(c).get("grade")) for c in cells].count(True)
        if kind_of(cells) == "Explain":
            rubric = prose.partition("<summary>Rubric")[2].partition("</details>")[0]
            assert len(re.findall(r"^\d\. ", rubric, re.MULTILINE)) == 4, f"{title}: a rubric of four points"
            assert "<summary>A model answer" in prose, title
        elif kind_of(cells) == "Predict" and not checks_here:
            assert any("my_guess = None" in cell.source for cell in cells), f"{title}: no guess"
            assert "<summary>The reason" in prose, f"{title}: the miss is not explained"
        else:
            assert prose.count("<details>") == 2, f"{title}: hints come in two steps"
            assert "**See it work.**" in prose, title
            assert checks_here == 1 + (kind_of(cells) == "Unfamiliar code"), f"{title}: one check"
        figures = [i for i, cell in enumerate(cells) if rules.has_figure(cell)]
        assert figures or kind_of(cells) == "Explain", f"{title}: no figure that uses the answer"
        assert all(cells[i + 1].cell_type == "markdown" for i in figures), f"{title}: a figure is not read"
        assert all("see-it-work" in cells[i].metadata.get("tags", []) for i in figures), title
        assert all(cells[i].metadata.get("alt") for i in figures), f"{title}: a figure without its words"


@each_example
def test_each_step_of_the_project_asks_for_words(name):
    minutes = 0
    for cells in sections(name):
        title, prose = cells[0].source.splitlines()[0], as_prose(cells)
        minutes += int(re.search(r"\*(\d+) minutes\.\*", prose)[1])
        words = [c for c in cells if "your-words" in c.metadata.get("tags", [])]
        assert [len(c.source) > 60 for c in words] == [True], f"{title}: one place to write, filled in"
        figures = [i for i, cell in enumerate(cells) if rules.has_figure(cell)]
        assert all("see-it-work" in cells[i].metadata["tags"] for i in figures), title
        assert all(cells[i].metadata["alt"] for i in figures), title
        checks_here = [c for c in cells if nbgrader(c).get("grade")]
        functions = [c for c in cells if nbgrader(c).get("solution") and c.source.startswith("def ")]
        assert len(checks_here) >= len(functions), f"{title}: a function without a check"
        assert prose.count("<summary>Hint") == 2 * len(functions), f"{title}: hints come in two steps"
    assert minutes == 180, "about three hours"
    rubric = prose.partition("<summary>Rubric")[2]  # of the last step
    assert len(re.findall(r"^\d\. ", rubric, re.MULTILINE)) == 6
    assert 150 <= len(words[0].source.split()) <= 260, "half a page"


@each_chapter
def test_what_a_check_repeats_is_what_the_learner_sees(name):
    """The script with all its mistakes, and functions that make data."""
    module = importlib.import_module(f"course_lib.checks.ch{Path(name).stem}")
    for cell in solution(name).cells:
        for tag in cell.metadata.get("tags", []):
            if tag == "unfamiliar":
                (script,) = (value for value in vars(module).values() if isinstance(value, Script))
                assert cell.source == script.source(*(flaw.kind for flaw in script.flaws))
            if tag.startswith("taught:"):
                taught = getattr(module, tag.removeprefix("taught:"))
                assert inspect.getsource(taught).strip() in cell.source


@each_notebook
def test_solutions_are_stored_as_they_ran(name):
    for rule in (rules.is_executed_from_top_to_bottom, rules.stores_no_error, rules.is_dressed):
        assert rule(solution(name), SOLUTIONS / name) == []
    assert (SOLUTIONS / name).stat().st_size < 500_000


@each_notebook
def test_check_cells_hold_a_known_check_and_points(name):
    for cell in solution(name).cells:
        if nbgrader(cell).get("grade"):
            assert nbgrader(cell)["points"] >= 1
            assert nbgrader(cell)["locked"]
    for exercise in exercises_of(SOLUTIONS / name):
        assert exercise.check in checks.__all__


@each_notebook
@pytest.mark.parametrize("folder", [SOLUTIONS, EXERCISES], ids=lambda path: path.name)
def test_notebooks_are_valid_for_nbgrader_and_readers(folder, name):
    name = name if folder == SOLUTIONS else exercise_of(name)
    notebook = nbformat.read(folder / name, as_version=4)
    MetadataValidator().validate_nb(notebook)
    assert not rules.names_no_machine(notebook, folder / name)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert rules.broken_links(prose, folder) == []
    back = CHAPTERS if name.startswith("project_") else [name]
    assert any(f"../notebooks/{chapter}" in prose for chapter in back), "a link back to the chapter"


@pytest.mark.parametrize("name", sorted({exercise_of(name) for name in NAMES}))
def test_unsolved_exercises_run_to_their_end(name):
    path = EXERCISES / name
    notebook = nbformat.read(path, as_version=4)
    run(notebook, path, allow_errors=True, MPLBACKEND="module://matplotlib_inline.backend_inline")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    for cell in code:
        errors = [o for o in cell.outputs if o.output_type == "error"]
        assert {o.ename for o in errors} <= {"NotAttempted"}, cell.source
        assert all("Traceback" not in line for o in errors for line in o.traceback), cell.source
        if nbgrader(cell).get("grade"):
            assert errors, f"passes without an answer: {cell.source}"
        assert not rules.has_figure(cell) or not errors, f"an empty figure: {cell.source}"


# ── nbgrader ─────────────────────────────────────────────────────────────────────────────────────

GRADED = "06_kl_divergence.ipynb"


def test_nbgrader_autogrades(tmp_path):
    """A solved copy gets all points, an untouched one none, a half-solved one those of its answers."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "source" / "kl").mkdir(parents=True)
    shutil.copy(SOLUTIONS / GRADED, tmp_path / "source" / "kl")
    _nbgrader(tmp_path, "generate_assignment", "kl")
    released = tmp_path / "release" / "kl" / GRADED

    answers = {
        nbgrader(c)["grade_id"]: c.source for c in solution(GRADED).cells if nbgrader(c).get("solution")
    }
    half = list(answers)[: len(answers) // 2]
    for student, solved in {"solved": list(answers), "untouched": [], "half": half}.items():
        notebook = nbformat.read(released, as_version=4)
        for cell in notebook.cells:
            if nbgrader(cell).get("grade_id") in solved:
                cell.source = answers[nbgrader(cell)["grade_id"]]
        folder = tmp_path / "submitted" / student / "kl"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / GRADED)
    _nbgrader(tmp_path, "autograde", "kl")

    points = {
        nbgrader(c)["grade_id"].removeprefix("check_"): nbgrader(c)["points"]
        for c in solution(GRADED).cells
        if nbgrader(c).get("grade")
    }
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        score = {s: gradebook.find_submission("kl", s).score for s in ("solved", "untouched", "half")}
    assert score == {
        "solved": sum(points.values()),
        "untouched": 0,
        "half": sum(points[grade_id] for grade_id in half),
    }


def _nbgrader(folder: Path, command: str, assignment: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # finds alembic
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", command, assignment],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
