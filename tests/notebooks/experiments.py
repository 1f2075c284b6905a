"""`nox -s experiments`: who turns a chapter's parameters refutes claims, and breaks nothing else."""

import copy
import re

import pytest
from nbclient.exceptions import CellExecutionError

from tools.notebooks import chapters, read, run, tags, with_parameters


def chapter_of_one_epoch(path):
    """A chapter whose constants that count epochs are 1."""
    notebook = read(path)
    (parameters,) = (cell.source for cell in notebook.cells if "parameters" in tags(cell))
    epochs = re.findall(r"^\w*EPOCHS\b", parameters, re.MULTILINE)
    with_parameters(notebook, **dict.fromkeys(epochs, 1))
    return notebook


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_with_one_epoch_and_each_cell_run_twice_only_claims_object(path):
    notebook = chapter_of_one_epoch(path)
    notebook.cells = [each for cell in notebook.cells for each in (cell, copy.deepcopy(cell))]
    run(notebook, path, allow_errors=True, COURSE_STRICT="0")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"] == []


def test_a_claim_that_does_not_hold_stops_a_strict_run():
    path = chapters()[2]
    with pytest.raises(CellExecutionError, match=r"AssertionError: .+ is false"):
        run(chapter_of_one_epoch(path), path, COURSE_STRICT="1")
