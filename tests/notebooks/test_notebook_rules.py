"""Each rule for notebooks fails on a notebook that breaks it, and passes one that keeps them all."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import notebook_rules as rules
from tools.notebooks import dress

FIGURE = new_output("display_data", {"image/png": "AAAA", "text/plain": "<Figure size 1x1>"})
WIDGET = new_output("display_data", {rules.WIDGET_VIEW: {"model_id": "1"}})
ERROR = new_output("error", ename="ValueError", evalue="no", traceback=[])
KL = """def kl_divergence(mu, log_var):
    return -0.5 * (1 + log_var - mu.square() - log_var.exp())"""
OPENING = """# Title

You will be able to … 1 minutes to read. See [this](other.md), ![a dot](dot.png)"""
CLAIM = "with claim('One is one'):\n    one = 1\n    assert one == 1"


def code(source: str, *outputs: NotebookNode, tag: str | None = None, **metadata: str) -> NotebookNode:
    """A code cell with copies of these outputs, tagged or not."""
    copies = [nbformat.from_dict(output) for output in outputs]
    return new_code_cell(source, outputs=copies, metadata=metadata | ({"tags": [tag]} if tag else {}))


def good_notebook() -> NotebookNode:
    """A chapter in small that keeps every rule."""
    cells = [
        new_markdown_cell(OPENING),
        code("%pip list\nimport torch", tag="setup"),
        code("SEED = 0", tag="parameters"),
        code("plt.plot([1])\nplt.show()", FIGURE, alt="A line."),
        code(CLAIM, tag="claim"),
        new_markdown_cell("The line rises, at 3/home."),
        code(KL, tag="taught:kl_divergence"),
        code("print(1)", new_output("stream", text="1\n"), tag="nbval-check-output"),
        new_markdown_cell("## Recap\n" + "<details>Yes.</details>\n" * 3),
        new_markdown_cell("## References\n" + "1. A paper.\n" * 5),
    ]
    for n, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        cell.execution_count = n
    notebook = new_notebook(cells=cells)
    dress(notebook)
    return notebook


def complaints_of(rule: rules.Rule, notebook: NotebookNode, folder: Path) -> list[str]:
    """What the rule says of this notebook, stored as a chapter between two other files."""
    path = folder / "01_chapter.ipynb"
    nbformat.write(notebook, path)
    for neighbour in ("other.md", "dot.png"):
        (folder / neighbour).touch()
    return rule(nbformat.read(path, as_version=4), path)


def replace(index: int, **values: object) -> Callable[[NotebookNode], None]:
    """A way to break a notebook: other values for one of its cells."""
    return lambda notebook: notebook.cells[index].update(values)


def append(*cells: NotebookNode) -> Callable[[NotebookNode], None]:
    """A way to break a notebook: more cells at its end."""
    return lambda notebook: notebook.cells.extend(cells)


def claims(*sources: str) -> Callable[[NotebookNode], None]:
    """A way to break a notebook: another claim, and more cells at its end."""
    first, *more = sources
    return lambda notebook: notebook.cells.extend([code(first, tag="claim"), *map(code, more)])


BROKEN = [
    (rules.is_executed_from_top_to_bottom, replace(3, execution_count=7)),
    (rules.is_executed_from_top_to_bottom, append(code("never_run()"))),
    (rules.stores_no_error, replace(3, outputs=[ERROR])),
    (rules.is_at_most_one_megabyte, append(new_markdown_cell("x" * 1_000_001))),
    (rules.stores_no_widget, lambda notebook: notebook.metadata.update(widgets={})),
    (rules.stores_no_widget, replace(3, outputs=[WIDGET])),
    (rules.stores_the_outputs_that_are_checked, replace(7, outputs=[])),
    (rules.is_dressed, replace(3, metadata={"tags": ["figure"]})),
    (rules.is_dressed, replace(4, source=CLAIM)),
    (rules.is_dressed, replace(7, metadata={"tags": ["hide-input"]})),
    (rules.names_no_machine, append(new_markdown_cell("See /tmp/here."))),
    (rules.names_no_machine, append(code("open('/home/me/file')"))),
    (rules.names_no_machine, append(code("x", new_output("stream", text="C:\\Users\\me")))),
    (rules.names_no_machine, append(code("x", new_output("display_data", {"text/plain": "/root"})))),
    (rules.uses_no_magic, append(code("x = 1\n%matplotlib inline"))),
    (rules.uses_no_magic, replace(1, source="%matplotlib inline")),
    (rules.uses_no_magic, append(code("!pip install torch"))),
    (rules.uses_no_magic, append(code("1", tag="setup"))),
    (rules.uses_no_magic, replace(7, source="# nbval_check_output\nprint(1)")),
    (rules.fits_a_projector, append(code("x" * 89))),
    (rules.has_one_parameters_cell, replace(2, metadata={})),
    (rules.has_one_parameters_cell, append(code("SEED = 1", tag="parameters"))),
    (rules.has_one_parameters_cell, replace(2, source="EPOCHS = 10")),
    (rules.shows_each_figure, replace(3, source="plt.show()\nplt.plot([1])")),
    (rules.shows_each_figure, replace(3, source="# plt.show()\nplt.plot([1])")),
    (rules.teaches_the_librarys_code, replace(6, source=KL.replace("-0.5 * ", "-"))),
    (rules.teaches_the_librarys_code, replace(6, source="x = 1")),
    (rules.teaches_the_librarys_code, append(code("def f(): pass", tag="taught:f"))),
    (rules.opens_with_title_and_aims, replace(0, source="You will be able to …")),
    (rules.opens_with_title_and_aims, replace(0, source="# Title")),
    (rules.opens_with_title_and_aims, lambda notebook: notebook.cells.pop(0)),
    (rules.reads_each_figure_in_words, replace(5, source="## The next thing")),
    (rules.reads_each_figure_in_words, lambda notebook: notebook.cells.pop(5)),
    (rules.reads_each_figure_in_words, append(code("plt.show()", FIGURE))),
    (rules.keeps_its_promise_of_minutes, append(new_markdown_cell("word " * 9200))),
    (rules.keeps_its_promise_of_minutes, append(code("x = 1\n" * 20))),
    (rules.keeps_its_promise_of_minutes, replace(0, source=OPENING.replace("1 minutes to read", "soon"))),
    (rules.bears_out_its_numbers, append(new_markdown_cell("Most of them, 73 %, are circles."))),
    (rules.bears_out_its_numbers, append(new_markdown_cell("The loss is .25."))),
    (rules.bears_out_its_numbers, append(new_markdown_cell("Of the 1,200 images, none."))),
    (rules.describes_each_figure, replace(3, metadata={"alt": " "})),
    (rules.describes_each_figure, replace(3, outputs=[FIGURE, FIGURE])),
    (rules.has_a_recap, replace(8, source="<details>Yes.</details>\n" * 3)),
    (rules.asks_three_questions, replace(8, source="## Recap\n" + "<details>Yes.</details>\n" * 2)),
    (rules.has_at_most_five_references, replace(9, source="## References\n" + "- A paper.\n" * 6)),
    (rules.claims_are_blocks, lambda notebook: notebook.cells.pop(4)),
    (rules.claims_are_blocks, replace(4, metadata={})),
    (rules.claims_are_blocks, replace(4, source="# it is one\nassert 1 == 1")),
    (rules.claims_are_blocks, claims("with claim('Two'):\n    two = 2")),
    (rules.claims_are_blocks, claims("with claim('Two'):\n    assert 2 > 1\n    print(2)")),
    (rules.claims_are_blocks, claims("with claim('Two'):\n    if many:\n        assert 2 > 1")),
    (rules.claims_are_blocks, claims("torch.manual_seed(1)\nwith claim('Two'):\n    assert 2 > 1")),
    (rules.claims_state_different_things, claims(CLAIM)),
    (rules.claims_state_different_things, claims("with claim(f'{2}'):\n    assert 2 > 1")),
    (rules.claims_state_different_things, claims("with claim('Two', 'Three'):\n    assert 2 > 1")),
    (rules.asserts_make_one_comparison, claims("with claim('Two'):\n    assert 1 < 2 < 3")),
    (rules.asserts_make_one_comparison, claims("with claim('Two'):\n    assert 1 < 2 and 2 < 3")),
    (rules.asserts_make_one_comparison, claims("with claim('Two'):\n    assert all(0 < x < 3 for x in two)")),
    (rules.asserts_make_one_comparison, append(code("assert 1 == 1 or 2 == 2"))),
    (rules.later_cells_need_no_claim, append(code("print(one)"))),
    (rules.later_cells_need_no_claim, append(code("one = one + 1"))),
    (rules.later_cells_need_no_claim, append(code("def f():\n    return one"))),
    (rules.later_cells_need_no_claim, append(code("x = [one for y in z]"), code("one = 1"))),
    (rules.later_cells_need_no_claim, claims("def f(): ...\nwith claim('Two'):\n    assert f() > 1", "f()")),
    (rules.later_cells_need_no_claim, claims("with claim('Two'):\n    assert one < 2")),
    (rules.describes_each_image, append(new_markdown_cell("![](dot.png)"))),
    (rules.describes_each_image, append(new_markdown_cell('<img src="dot.png" alt="">'))),
    (rules.links_to_files_that_exist, append(new_markdown_cell("[gone](gone.md#there)"))),
    (rules.links_to_files_that_exist, append(new_markdown_cell('<a href="gone.md">gone</a>'))),
    (rules.links_to_files_that_exist, append(new_markdown_cell("[absolute](/etc/hosts)"))),
]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_keeps_the_rule(rule, tmp_path):
    assert complaints_of(rule, good_notebook(), tmp_path) == []


GOOD_CELLS = {  # more that the rules for claims let pass
    "loops and blocks": [
        "for x in y:\n        with torch.no_grad():\n            z = x\n        assert z > 0"
    ],
    "what chooses": ["assert max(x for x in y if 0 < x < 3 and x) > 1"],
    "a mask": ["assert x[(x > 1) & (x < 2)].min() > 1"],
    "assigned anew": ["a = 1\n    assert a > 0", "a = 2\nprint(a)", "print(a)"],
    "a loop's own name": ["a = 1\n    assert a > 0", "for a in b:\n    print(a)"],
    "names inside": ["assert all(a > 0 for a in b)", "print(a)"],
    "an argument": ["a = 1\n    assert a > 0", "def f(a):\n    return a"],
}


@pytest.mark.parametrize("name", GOOD_CELLS)
def test_a_good_claim_keeps_the_rules(name, tmp_path):
    notebook, (inside, *more) = good_notebook(), GOOD_CELLS[name]
    claims(f"with claim('Two'):\n    {inside}", *more)(notebook)
    for rule in (r for r in rules.RULES if "claim" in r.__name__ or "assert" in r.__name__):
        assert complaints_of(rule, notebook, tmp_path) == []


@pytest.mark.parametrize(("rule", "break_it"), BROKEN, ids=[rule.__name__ for rule, _ in BROKEN])
def test_a_bad_notebook_breaks_the_rule(rule, break_it, tmp_path):
    notebook = good_notebook()
    break_it(notebook)
    assert complaints_of(rule, notebook, tmp_path) != []


def test_every_rule_has_a_notebook_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == set(rules.RULES)


LIBRARY_VERSION = '''
class Scaler(Base):
    """Scales."""

    def scale(self, x: Tensor, *, by: float = 2.0) -> Tensor:
        """Scale x."""
        _require_shape(x)
        _require.positive(by=by)
        y: Tensor = x * by
        return y
'''
TAUGHT_VERSION = """
class Scaler(Base):
    def scale(self, x, *, by=2.0):
        y = x * by  # the whole trick
        return y
"""


@pytest.mark.parametrize(
    ("taught", "same"),
    [
        (TAUGHT_VERSION, True),
        (TAUGHT_VERSION.replace("x * by ", "x / by "), False),
        (TAUGHT_VERSION.replace("2.0", "3.0"), False),
        (TAUGHT_VERSION.replace("        return y", "        print(y)\n        return y"), False),
        (TAUGHT_VERSION + "\n    def more(self): ...\n", False),
    ],
)
def test_taught_code_may_leave_out_only_what_does_nothing(taught, same):
    kept, shown = (
        rules.definition(rules.python_of(source), "Scaler") for source in (LIBRARY_VERSION, taught)
    )
    assert (rules.difference_between(kept, shown) == "") is same


def test_links_in_code_and_formulas_are_no_links(tmp_path):
    text = "`a[i](x)`, $E[x](z)$, [web](https://pytorch.org), [here](#recap)\n```\n[x](y)\n```"
    assert rules.broken_links(text, tmp_path) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "An output: about 1,200, 1,230 or 1,234.5, and 45 %.",
        "In chapters 10 and 11, exercise 10.4, in 2013.",
        "Over ten seeds it lies between 17 and 19.",
        "They found 88.57 [there](https://example.org), and 77 (Name, 2013).",
        "A formula, $28 · 28 = 784$ pixels, so 784. It is `size=31`: 31.",
        "A few, 3.",
    ],
)
def test_a_number_that_is_borne_out(sentence):
    notebook = good_notebook()
    notebook.cells.append(code("print(x)", new_output("stream", text="1234.5 of 0.4482\n")))
    notebook.cells.append(new_markdown_cell(sentence))
    assert rules.bears_out_its_numbers(notebook, Path("01_chapter.ipynb")) == []


@pytest.mark.parametrize("sentence", ["1,235.", "1,240.", "46 %.", ".448 is .450.", "4,482."])
def test_a_number_that_rounding_does_not_explain(sentence):
    notebook = good_notebook()
    notebook.cells.append(code("print(x)", new_output("stream", text="1234.4 of 0.4482\n")))
    notebook.cells.append(new_markdown_cell(sentence))
    assert len(rules.bears_out_its_numbers(notebook, Path("01_chapter.ipynb"))) == 1
