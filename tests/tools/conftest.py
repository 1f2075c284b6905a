"""Small notebooks to try the tools on."""

import socket

import pytest
from jupyter_client.connect import LocalPortCache
from nbformat.v4 import new_notebook

from tools.notebooks import store


@pytest.fixture
def notebook_file(tmp_path):
    """Writes a notebook of these cells into a folder of its own."""

    def write(*cells, name="01_small.ipynb"):
        store(new_notebook(cells=list(cells)), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def taken_port(monkeypatch):
    """A port that jupyter_client believes free and that is in use: the first kernel dies of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        find = LocalPortCache.find_available_port
        left = [server.getsockname()[1]]
        monkeypatch.setattr(
            LocalPortCache,
            "find_available_port",
            lambda cache, ip: left.pop() if left and ip == "127.0.0.1" else find(cache, ip),
        )
        yield left
