"""Claims over seeds: what held, what failed, and how far each comparison was from failing."""

import ast
import json

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell

from claims import margins, report, seeds

CLAIM = {"tags": ["claim"]}
IMPORT = "from course_lib.claims import claim"


@pytest.mark.parametrize(
    ("text", "numbers"), [("3", [3]), ("0-2", [0, 1, 2]), ("7,0-1", [0, 1, 7]), ("1,1", [1])]
)
def test_seeds_are_read_as_written(text, numbers):
    assert seeds.parse_seeds(text) == numbers


def test_claims_are_counted_over_seeds(notebook_file, tmp_path, monkeypatch, capsys):
    path = notebook_file(
        new_code_cell(f"{IMPORT}\nSEED = 9", metadata={"tags": ["parameters"]}),
        new_code_cell('with claim("Small"):\n    assert SEED < 1', metadata=CLAIM),
        new_code_cell("1 / 0"),
        new_code_cell('with claim("After an error"):\n    assert 1 - SEED > -4', metadata=CLAIM),
        new_markdown_cell("The end."),
    )
    other = {"seeds": [0], "seconds": 1.0, "machine": "a laptop", "errors": [], "claims": {}}
    output = tmp_path / "a folder" / "that is new"
    output.mkdir(parents=True)
    (output / "claims.json").write_text(json.dumps({"00_other": other}), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["claims", str(path), "--seeds", "0-1", "--output", str(output)])

    assert seeds.main() == 1

    text = (output / "claims.md").read_text(encoding="utf-8")
    assert "| 01_small | Small | 1 of 2 | 1 | 0 % of the limit: `SEED < 1` |" in text
    # the smaller of (1 + 4) / 4 and (0 + 4) / 4, although it came first or last
    assert "| 01_small | After an error | 2 of 2 | none | 100 % of the limit: `1 - SEED > -4` |" in text
    assert "ZeroDivisionError" in text
    assert "| 00_other | 0 | 1.0 | none | a laptop |" in text, "the other chapters keep their rows"
    assert "✗ Small: not with these settings (SEED < 1 is false, where SEED = 1)" in capsys.readouterr().out


def test_the_smallest_margin_of_all_runs_is_kept():
    runs = [{"a": 3.56, "b": 1.0}, {"a": 4.41}, {"b": 0.5}]
    assert report.smallest(runs) == {"a": 3.56, "b": 0.5}


def measured(monkeypatch, *asserts, **names):
    """Run the asserts of a claim as a kernel would → assert → margin."""
    monkeypatch.setenv("COURSE_STRICT", "0")
    monkeypatch.setattr(margins, "MARGINS", {})
    monkeypatch.setattr("builtins.__margin__", margins.compare, raising=False)
    source = "\n    ".join([f'{IMPORT}\nwith claim("It holds"):', *asserts])
    tree = margins.MeasureClaims().visit(ast.parse(source))
    exec(compile(tree, "<claim>", "exec"), names)
    return margins.MARGINS.get("It holds", {})


@pytest.mark.parametrize(
    ("comparison", "margin"),
    [
        ("share < 0.5", 0.2),  # (0.5 - 0.4) / 0.5
        ("share > 0.1", 3),  # (0.4 - 0.1) / 0.1
        ("0.5 >= share", 0.2),  # the plain number is the limit, on either side
        ("share > 0", 0.4),  # a limit of 0 gives no unit
        ("all(x < 4 for x in (1, 2, 3))", 0.25),  # the nearest of them
        ("(tensor < 8).all()", 0.5),
        ("(array > limits).all()", 0.5),  # (6 - 4) / 4
    ],
)
def test_a_margin_is_relative_to_its_limit(monkeypatch, comparison, margin):
    values = {
        "share": 0.4,
        "tensor": torch.tensor([1.0, 4.0]),
        "array": np.array([5, 6]),
        "limits": np.array([1, 4]),
    }
    assert measured(monkeypatch, f"assert {comparison}", **values) == {
        comparison_as(comparison): pytest.approx(margin)
    }


def comparison_as(text):
    return ast.unparse(ast.parse(text, mode="eval"))


@pytest.mark.parametrize("test", ["x == 1", "not x > 2", "any(y < 1 for y in (0, 5))", "'a' < 'b'", "True"])
def test_what_has_no_margin_is_left_alone(monkeypatch, test):
    assert measured(monkeypatch, f"assert {test}", x=1) == {}


def test_a_comparison_that_is_measured_still_fails(monkeypatch, capsys):
    assert measured(monkeypatch, "assert x < 1", x=2) == {"x < 1": -1}
    assert "✗ It holds" in capsys.readouterr().out
