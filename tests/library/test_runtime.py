"""Seeds, devices, and what the environment check finds."""

import ast
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_lib import runtime

ROOT = Path(__file__).resolve().parents[1]


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


def test_a_torchvision_of_another_torch_is_found(monkeypatch):
    def missing(name, *rest):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("torchvision.ops.nms", missing)
    finding = runtime.check_torchvision()
    assert "torchvision::nms does not exist" in finding.text
    assert "together" in finding.fix


def run_the_check(*options: str, **environment: str) -> subprocess.CompletedProcess:
    """The check in a Python of its own, in the folder of the course."""
    return subprocess.run(
        [sys.executable, *options, "-m", "course_lib.runtime"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_packages_it_says_what_to_do_in_place_of_a_traceback():
    done = run_the_check("-S")  # no site-packages
    assert done.returncode == 1
    assert "cannot be imported" in done.stderr
    assert "make install" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_torch_that_does_not_load_is_named(tmp_path):
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so: cannot open shared object file')")
    done = run_the_check(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "libcudart.so" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_too_old_to_import_the_course_is_told_so(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 9, 18)")
    done = run_the_check(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "needs Python 3.10 or newer" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_can_read_the_check():
    """A syntax that it does not know would hide the message from it."""
    for name in ("__init__.py", "runtime.py"):
        ast.parse((ROOT / "course_lib" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """Folders of two environments; none is active, none lies beside the course, Jupyter's kernel is ours."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setattr(runtime, "__file__", str(tmp_path / "course" / "course_lib" / "runtime.py"))
    monkeypatch.setattr(runtime, "_default_kernel", lambda: "")
    ours, other = tmp_path / "course" / ".venv", tmp_path / "other"
    ours.mkdir(parents=True)
    other.mkdir()
    return ours, other


def test_the_environment_of_the_course_or_the_active_one_is_right(environments, monkeypatch):
    ours, other = environments
    monkeypatch.setattr(sys, "prefix", str(ours))
    assert runtime.check_kernel().tip == ""
    monkeypatch.setattr(sys, "prefix", str(other))
    monkeypatch.setenv("CONDA_PREFIX", str(other))
    assert runtime.check_kernel().tip == ""


def test_a_kernel_of_another_environment_is_found(environments, monkeypatch):
    ours, other = environments
    monkeypatch.setattr(sys, "prefix", str(other))
    assert str(ours) in runtime.check_kernel().tip


def test_jupyters_default_kernel_of_another_python_is_found(environments, monkeypatch):
    monkeypatch.setattr(runtime, "_default_kernel", lambda: str(environments[1] / "bin" / "python"))
    finding = runtime.check_kernel()
    assert str(environments[1]) in finding.text
    assert "kernelspec remove" in finding.fix


def test_a_kernel_that_an_earlier_course_left_behind_is_seen(tmp_path, monkeypatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["/elsewhere/bin/python"], "display_name": "old"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert runtime._default_kernel() == "/elsewhere/bin/python"


def test_jupyters_own_kernel_is_ours():
    assert runtime._default_kernel() == ""


def openmp(*names):
    return lambda: (
        [{"user_api": "openmp", "prefix": name} for name in names]
        + [{"user_api": "blas", "prefix": "libopenblas"}]
    )


def test_two_openmp_runtimes_are_found(monkeypatch):
    monkeypatch.setattr(runtime, "threadpool_info", openmp("libgomp", "libiomp"))
    finding = runtime.check_openmp()
    assert "libgomp and libiomp" in finding.text
    assert "conda" in finding.fix


@pytest.mark.parametrize("names", [(), ("libgomp", "libgomp"), ("libiomp", "vcomp")])
def test_one_openmp_runtime_is_fine_even_in_two_copies_or_beside_windows_own(names, monkeypatch):
    monkeypatch.setattr(runtime, "threadpool_info", openmp(*names))
    assert runtime.check_openmp().fix == ""


def fake_container(monkeypatch, folder: Path, **limits: str) -> None:
    """Limits of a Linux container; without any, there is none."""
    for name, text in limits.items():
        (folder / name.replace("_", ".")).write_text(text + "\n")
    monkeypatch.setattr(runtime, "CONTAINER", folder)


def test_more_threads_than_cores_are_found(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(runtime, "available_cores", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    assert "OMP_NUM_THREADS=2" in runtime.check_device().fix
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert runtime.check_device().fix == ""


@pytest.mark.parametrize(
    ("limit", "cores"), [("150000 100000", 1.5), ("max 100000", 8), ("1600000 100000", 8), (None, 8)]
)
def test_cores_are_those_that_the_container_gives(limit, cores, monkeypatch, tmp_path):
    fake_container(monkeypatch, tmp_path, **({"cpu_max": limit} if limit else {}))
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert runtime.available_cores() == cores


def test_half_a_core_is_enough_for_one_thread(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(runtime, "available_cores", lambda: 0.5)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert runtime.check_device().fix == ""


@pytest.mark.parametrize(
    ("listed", "built_for", "said"),
    [
        ("GPU 0: NVIDIA T4 (UUID: GPU-1)\n", None, "without CUDA"),
        ("GPU 0: NVIDIA T4 (UUID: GPU-1)\n", "13.2", "driver may be too old for CUDA 13.2"),
        ("No devices were found\n", "13.2", ""),
    ],
)
def test_a_gpu_that_torch_does_not_see_is_a_tip_and_no_obstacle(listed, built_for, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(runtime.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=listed))
    finding = runtime.check_device()
    assert finding.fix == ""
    assert said in finding.tip
    assert bool(said) == bool(finding.tip)


def test_without_nvidias_tool_there_is_no_gpu(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(runtime.subprocess, "run", missing)
    assert runtime._unseen_gpu() == ""


@pytest.mark.parametrize(
    ("free", "limits", "little"),
    [
        (8e9, {}, False),
        (3e8, {}, True),
        (8e9, {"memory_max": "2000000000", "memory_current": "1900000000"}, True),
        (8e9, {"memory_max": "max", "memory_current": "1900000000"}, False),
    ],
)
def test_little_memory_is_found_in_a_container_too(free, limits, little, monkeypatch, tmp_path):
    fake_container(monkeypatch, tmp_path, **limits)
    monkeypatch.setattr(runtime.psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert bool(runtime.check_memory().fix) == little


@pytest.mark.parametrize(("free", "little"), [(1e8, True), (1e9, False)])
def test_a_full_disk_is_found(free, little, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert bool(runtime.check_disk().fix) == little


def test_one_problem_makes_the_whole_check_fail(monkeypatch, capsys):
    monkeypatch.setattr(runtime, "CHECKS", [lambda: runtime.Finding("all broken", "Mend it.")])
    assert not runtime.check_environment()
    assert "Mend it." in capsys.readouterr().out


def test_a_tip_does_not_make_it_fail(monkeypatch, capsys):
    monkeypatch.setattr(runtime, "CHECKS", [lambda: runtime.Finding("well enough", tip="Could be better.")])
    assert runtime.check_environment()
    out = capsys.readouterr().out
    assert "tip well enough\n    → Could be better." in out
    assert "Ready for the course." in out
