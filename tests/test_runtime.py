"""Seeds, devices, and what the environment check finds."""

import random
import subprocess
import sys

import numpy as np
import torch

from course_lib import runtime


def draws():
    return random.random(), float(np.random.rand()), torch.rand(1).item()  # noqa: NPY002


def test_one_seed_starts_every_generator():
    runtime.seed_everything(7)
    first = draws()
    assert draws() != first
    runtime.seed_everything(7)
    assert draws() == first


def test_cuda_is_taken_when_there_is_one_and_mps_only_when_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.pick_device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtime.pick_device().type == "cpu"
    assert runtime.pick_device("mps").type == "mps"


def test_the_check_passes_here_and_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.runtime"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "Ready for the course." in done.stdout
    assert f"torch {torch.__version__.split('+')[0]}" in done.stdout


def test_an_old_package_is_named_with_what_to_do(monkeypatch):
    real = runtime.importlib.metadata.version
    monkeypatch.setattr(
        runtime.importlib.metadata, "version", lambda name: "1.0" if name == "torch" else real(name)
    )
    assert "torch>=2.4" in runtime.check_packages().fix
    assert "found 1.0" in runtime.check_packages().fix


def test_a_missing_package_is_named(monkeypatch):
    def version(name):
        raise runtime.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(runtime.importlib.metadata, "version", version)
    assert "scipy" in runtime.check_packages().fix


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(runtime.sys, "version_info", (3, 9, 1))
    assert "3.10" in runtime.check_python().fix


def test_a_folder_without_write_access_is_found(monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(runtime.tempfile, "TemporaryFile", refuse)
    assert "folder" in runtime.check_write_access().fix


def test_one_problem_makes_the_whole_check_fail(monkeypatch, capsys):
    monkeypatch.setattr(runtime, "CHECKS", [lambda: runtime.Finding("all broken", "Mend it.")])
    assert not runtime.check_environment()
    assert "Mend it." in capsys.readouterr().out
