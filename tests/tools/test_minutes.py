"""README, chapter 00 and the openings show the seconds that `nox -s bench` measured."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.notebook_rules import markdown
from tools import fill_minutes, minutes
from tools.notebooks import ROOT, chapters

MEASURED = json.loads(fill_minutes.MEASURED.read_text(encoding="utf-8"))
TABLE = """\
| chapter | question | runs in |
|---|---|---|
| [1 Circles](notebooks/01_circles.ipynb) | How? | 3 s |
| [2 Squares](02_squares.ipynb) | Why? | 4 s |

<!-- measured -->then<!-- /measured --> and now
"""


def shown() -> dict[str, str]:
    """The documents that show measured numbers."""
    start = markdown(nbformat.read(fill_minutes.START, as_version=4))
    return {"README": fill_minutes.README.read_text(encoding="utf-8"), "chapter 00": start}


@pytest.mark.parametrize("name", ["README", "chapter 00"])
def test_the_tables_show_what_was_measured(name):
    text = shown()[name]
    assert fill_minutes.fill(text, MEASURED) == text, "run `python -m tools.fill_minutes`"


@pytest.mark.parametrize("name", ["README", "chapter 00"])
def test_every_measured_chapter_has_its_row(name):
    top = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} - {fill_minutes.START.stem}
    assert top & set(MEASURED["notebooks"]) <= {row[2] for row in fill_minutes.ROW.finditer(shown()[name])}


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_the_opening_of_a_chapter_says_what_was_measured(path):
    opening = nbformat.read(path, as_version=4).cells[0].source
    assert fill_minutes.OPENING.search(opening), "the opening does not say how many seconds it runs"
    numbers = MEASURED["notebooks"].get(path.stem)
    assert fill_minutes.open_with(opening, numbers) == opening, "run `python -m tools.fill_minutes`"


def test_only_rows_of_measured_notebooks_change():
    measured = {"machine": "an abacus", "notebooks": {"01_circles": {"seconds": 100}}}
    filled = fill_minutes.fill(TABLE, measured)
    note = "Measured on an abacus, the start of the kernel aside. "
    note += "All 1 notebooks, appendices too, together take 1.7 minutes."
    assert filled == TABLE.replace("3 s", "1.7 min").replace("then", note)
    assert fill_minutes.fill(filled, measured) == filled


@pytest.mark.parametrize(
    ("seconds", "words"), [(7.4, "7 s"), (85.0, "85 s"), (99.4, "99 s"), (99.6, "1.7 min"), (126, "2.1 min")]
)
def test_a_duration_as_one_says_it(seconds, words):
    assert fill_minutes.duration(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(7.6, "8"), (9.4, "9"), (12.4, "10"), (33.2, "35")])
def test_an_opening_rounds_its_seconds(seconds, words):
    opening = fill_minutes.open_with("9 minutes to read, about 50 seconds to run.", {"seconds": seconds})
    assert opening == f"9 minutes to read, about {words} seconds to run."


def test_honest_minutes_count_words_visible_lines_and_pictures():
    picture = new_output("display_data", {"image/png": "AAAA"})
    cells = [
        new_markdown_cell("The chapter takes 9 minutes to read.\n\n" + "word " * 393),
        new_code_cell("x = 1\n\n" * 30, outputs=[picture] * 3),
        new_code_cell("y = 1\n" * 99, metadata={"tags": ["claim"]}),
    ]
    notebook = new_notebook(cells=cells)
    assert minutes.honest_minutes(notebook) == round(2 + 30 * 7 / 60 + 1.5)
    minutes.state(notebook)
    assert notebook.cells[0].source.startswith("The chapter takes 7 minutes to read.")
