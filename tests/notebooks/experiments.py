"""`nox -s experiments`: who turns a chapter's parameters refutes claims, and breaks nothing else."""

import copy
import re

import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebooks.notebook_rules import names_in
from tools.notebooks import chapters, read, run, tags, with_parameters

EXTREMES = {  # what a reader may try → the constants that it turns, by their names
    "one_epoch": {},
    "narrow": {r"HIDDEN|SMALL|UNITS|WIDTH|FILTERS": 8, r"LATENT_DIM|CODE": 1, r"SEED": 7},
    "large_code": {r"LATENT_DIM|CODE": 10, r"HIDDEN|SMALL": 32},
    "few_images": {r"N_\w+|IMAGES|HELD_OUT|PATCHES|POINTS": 40, r"BATCH(_SIZE)?": 16},
}


def turned(path, extreme):
    """A chapter whose constants that count epochs are 1, and those of one extreme what it says."""
    notebook = read(path)
    (parameters,) = (cell.source for cell in notebook.cells if "parameters" in tags(cell))
    values = {r"\w*EPOCHS": 1, **EXTREMES[extreme]}
    constants = sorted(names_in(parameters)[0])
    chosen = {c: v for c in constants for pattern, v in values.items() if re.fullmatch(pattern, c)}
    with_parameters(notebook, **chosen)
    return notebook


def errors_of(notebook, path):
    """What stopped a cell of a chapter, claims aside."""
    run(notebook, path, allow_errors=True, COURSE_STRICT="0")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_with_each_cell_run_twice_only_claims_object(path):
    notebook = turned(path, "one_epoch")
    notebook.cells = [each for cell in notebook.cells for each in (cell, copy.deepcopy(cell))]
    assert errors_of(notebook, path) == []


@pytest.mark.parametrize("extreme", [*EXTREMES][1:])
@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_at_an_extreme_only_claims_object(path, extreme):
    assert errors_of(turned(path, extreme), path) == []


def test_a_claim_that_does_not_hold_stops_a_strict_run():
    path = chapters()[2]
    with pytest.raises(CellExecutionError, match=r"AssertionError\S*: .+ is false"):
        run(turned(path, "one_epoch"), path, COURSE_STRICT="1")
