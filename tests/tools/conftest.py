"""Small notebooks to try the tools on."""

import pytest
from nbformat.v4 import new_notebook

from tools.notebooks import store


@pytest.fixture
def notebook_file(tmp_path):
    """Writes a notebook of these cells into a folder of its own."""

    def write(*cells, name="01_small.ipynb"):
        store(new_notebook(cells=list(cells)), tmp_path / name)
        return tmp_path / name

    return write
