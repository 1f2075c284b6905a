"""The chapters as documents: every rule of notebook_rules.py holds for every notebook."""

from pathlib import Path

import pytest

from tests.notebooks.notebook_rules import RULES, Rule
from tools.notebooks import chapters, read


def test_there_are_notebooks():
    assert chapters(), "notebooks/ is empty, so that the tests below would test nothing"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_notebook(rule: Rule, path: Path):
    complaints = rule(read(path), path)
    assert not complaints, f"{path.name}: {rule.__doc__}\n" + "\n".join(complaints)
