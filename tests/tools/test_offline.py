"""What `nox -s offline` puts on PYTHONPATH does close the network, and nothing else."""

import os
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.notebooks import ROOT, run

CLOSED = {"PYTHONPATH": str(ROOT / "tools" / "offline")}
REFUSED = {
    "a name": "socket.getaddrinfo('example.org', 80)",
    "an address": "socket.create_connection(('192.0.2.1', 80), timeout=5)",
    "without an exception": "socket.socket().connect_ex(('192.0.2.1', 80))",
    "a datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 80))",
    "a download": "urllib.request.urlopen('https://example.org')",
    "a socket made in C": "_socket.socket().connect(('192.0.2.1', 80))",
}


def python(code: str) -> subprocess.CompletedProcess:
    """Run this code in a Python of its own without a network."""
    return subprocess.run(
        [sys.executable, "-c", f"import _socket, socket, urllib.request\n{code}"],
        env={**os.environ, **CLOSED},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_every_way_out_is_closed(code):
    done = python(code)
    assert done.returncode == 1
    assert "the network is switched off" in done.stderr


def test_this_computer_can_still_be_reached():
    done = python(
        "here = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(here.getsockname()).close()\n"
        "socket.getaddrinfo('localhost', 80)\n"
        "socket.socketpair()"
    )
    assert done.returncode == 0, done.stderr


def test_it_is_closed_in_a_kernel_too(tmp_path):
    notebook = new_notebook(
        cells=[new_code_cell(f"import socket\n{REFUSED['a name']}"), new_code_cell("1 + 1")]
    )
    run(notebook, tmp_path / "x.ipynb", allow_errors=True, **CLOSED)
    error, two = (cell.outputs[0] for cell in notebook.cells)
    assert "the network is switched off" in error.evalue
    assert two.data["text/plain"] == "2", "the kernel itself goes on"
