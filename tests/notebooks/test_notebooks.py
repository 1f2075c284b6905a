"""The chapters as documents: every rule of notebook_rules.py holds for every notebook."""

from pathlib import Path

import nbformat
import pytest
from notebook_rules import ROOT, RULES, Rule

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS, "notebooks/ is empty, so that the tests below would test nothing"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_notebook(rule: Rule, path: Path):
    complaints = rule(nbformat.read(path, as_version=4), path)
    assert not complaints, f"{path.name}: {rule.__doc__}\n" + "\n".join(complaints)
