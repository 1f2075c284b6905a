"""Which PyTorch `tools/install.py` takes, with and without a GPU and an answer of PyTorch's index."""

import functools
import os
import re
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools import install


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The address of two indexes of empty packages: /default and, with the label +cpu, /cpu."""
    for index, label in ("default", ""), ("cpu", "+cpu"):
        write_wheel(tmp_path / index, "torch", f"2.9{label}")
        write_wheel(tmp_path / index, "torchvision", f"0.24{label}", needs="torch==2.9")
    write_wheel(tmp_path / "default", "numpy", "2.4")
    write_wheel(tmp_path / "cpu", "numpy", "1.26")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def write_wheel(index, name, version, needs=None):
    """A package that holds nothing."""
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (index / name).mkdir(parents=True)
    with zipfile.ZipFile(index / name / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


@pytest.mark.parametrize(
    ("platform", "gpu", "index", "why"),
    [
        ("linux", False, "/cpu", "the CPU build (0.2 GB), as there is no NVIDIA GPU"),
        ("linux", False, "/nothing", "/nothing does not answer"),
        ("linux", True, "/cpu", "there is an NVIDIA GPU"),
        ("darwin", False, "/cpu", "no GPU libraries on this system"),
    ],
)
def test_takes_the_build_for_this_computer(server, monkeypatch, platform, gpu, index, why):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(install, "CPU_BUILDS", server + index)
    monkeypatch.setattr(install, "has_nvidia_gpu", lambda: gpu)
    options, reason = install.choose()
    assert options == (["--extra-index-url", f"{server}/cpu"] if "CPU build" in why else [])
    assert why in reason


def test_pip_takes_the_cpu_builds_as_a_pair_and_the_rest_from_the_default_index(server, monkeypatch, capfd):
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(install, "choose", lambda: (["--extra-index-url", f"{server}/cpu"], "the CPU build"))
    options = f"--dry-run --ignore-installed --index-url {server}/default torchvision numpy"
    monkeypatch.setattr(sys, "argv", ["install.py", *options.split()])
    assert install.main() == 0
    would_install = re.search(r"Would install (.+)", capfd.readouterr().out)[1].split()
    assert sorted(would_install) == ["numpy-2.4", "torch-2.9+cpu", "torchvision-0.24+cpu"]


def test_a_computer_that_is_not_there_does_not_answer():
    assert not install.answers("http://127.0.0.1:9/torch/", seconds=1)
