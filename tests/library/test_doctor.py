"""What the environment check finds, and that it says so wherever it runs."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from course_lib import doctor

ROOT = Path(doctor.__file__).resolve().parents[1]


def run_the_check(*options: str, **environment: str) -> subprocess.CompletedProcess:
    """The check in a Python of its own, in the folder of the course."""
    return subprocess.run(
        [sys.executable, *options, "-m", "course_lib.doctor"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def raises(error: Exception):
    """A function that takes anything and raises `error`."""

    def function(*_, **__):
        raise error

    return function


def write_kernel(folder: Path, python: str) -> None:
    """Make `python` the one that Jupyter with `JUPYTER_PATH=folder` starts for the kernel `python3`."""
    kernel = folder / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": [python], "display_name": "old"}))


def test_the_check_passes_here_and_says_so():
    done = run_the_check()
    assert done.returncode == 0, done.stdout
    assert "Ready for the course." in done.stdout
    assert f"torch {torch.__version__.split('+')[0]}" in done.stdout


def test_it_prints_on_a_console_that_lacks_the_letters_of_a_folder(tmp_path):
    write_kernel(tmp_path, "/étude → φ/bin/python")
    done = run_the_check(PYTHONIOENCODING="ascii", JUPYTER_PATH=str(tmp_path))
    assert done.returncode == 1
    assert "notebooks with /?tude ? ?/bin/python" in done.stdout
    assert "    -> Run `jupyter kernelspec remove" in done.stdout
    assert "Not ready yet" in done.stdout


def test_its_own_words_need_no_more_than_ascii():
    assert Path(doctor.__file__).read_text(encoding="utf-8").isascii()


@pytest.mark.parametrize(
    ("options", "file", "content", "said"),
    [
        (["-S"], None, "", "make install"),  # no site-packages
        ([], "torch.py", "raise OSError('libcudart.so: cannot open')", "imported: libcudart.so"),
        ([], "sitecustomize.py", "import sys\nsys.version_info = (3, 9, 18)", "needs Python 3.10 or newer"),
    ],
)
def test_what_it_cannot_run_without_is_a_sentence_and_no_traceback(options, file, content, said, tmp_path):
    if file:
        (tmp_path / file).write_text(content)
    done = run_the_check(*options, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_can_read_the_check():
    """A syntax that it does not know would hide the message from it."""
    for name in ("__init__.py", "doctor.py"):
        ast.parse((ROOT / "course_lib" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_an_old_package_is_named_with_what_to_do(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0" if name == "torch" else real(name))
    assert "torch>=2.4 (found 1.0)" in doctor.check_packages().fix


@pytest.mark.parametrize(
    ("function", "said"), [("version", r"scipy>=[\d.]+ \(not installed"), ("requires", "make install")]
)
def test_a_missing_package_is_named(function, said, monkeypatch):
    """`requires` knows only what is installed: it raises when the course itself is missing."""
    missing = importlib.metadata.PackageNotFoundError("it")
    monkeypatch.setattr(importlib.metadata, function, raises(missing))
    assert re.search(said, doctor.check_packages().fix)


def test_a_folder_without_write_access_is_found(monkeypatch):
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", raises(PermissionError(13, "Permission denied")))
    assert "folder" in doctor.check_write_access().fix


def test_a_torchvision_of_another_torch_is_found(monkeypatch):
    missing = RuntimeError("operator torchvision::nms does not exist")
    monkeypatch.setattr("torchvision.ops.nms", raises(missing))
    finding = doctor.check_torchvision()
    assert str(missing) in finding.text
    assert "together" in finding.fix


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """Folders of two environments; none is active, none lies beside the course, Jupyter's kernel is ours."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "course" / "course_lib" / "doctor.py"))
    monkeypatch.setattr(doctor, "_default_kernel", lambda: "")
    ours, other = tmp_path / "course" / ".venv", tmp_path / "other"
    ours.mkdir(parents=True)
    other.mkdir()
    return ours, other


def test_the_environment_of_the_course_or_the_active_one_is_right(environments, monkeypatch):
    ours, other = environments
    monkeypatch.setattr(sys, "prefix", str(ours))
    assert doctor.check_kernel().tip == ""
    monkeypatch.setattr(sys, "prefix", str(other))
    assert str(ours) in doctor.check_kernel().tip
    monkeypatch.setenv("CONDA_PREFIX", str(other))
    assert doctor.check_kernel().tip == ""


def test_jupyters_default_kernel_of_another_python_is_found(environments, monkeypatch):
    monkeypatch.setattr(doctor, "_default_kernel", lambda: str(environments[1] / "bin" / "python"))
    finding = doctor.check_kernel()
    assert str(environments[1]) in finding.text
    assert "kernelspec remove" in finding.fix


def test_a_kernel_that_an_earlier_course_left_behind_is_seen(tmp_path, monkeypatch):
    assert doctor._default_kernel() == "", "Jupyter's own is ours"
    write_kernel(tmp_path, "/elsewhere/bin/python")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert doctor._default_kernel() == "/elsewhere/bin/python"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), ""),
        (("libgomp", "libgomp"), ""),  # two copies of one
        (("libiomp", "vcomp"), ""),  # Windows' own beside another
        (("libgomp", "libiomp"), "libgomp and libiomp"),
    ],
)
def test_two_openmp_runtimes_are_found(names, said, monkeypatch):
    loaded = [{"user_api": "openmp", "prefix": name} for name in names]
    loaded += [{"user_api": "blas", "prefix": "libopenblas"}]
    monkeypatch.setattr(doctor, "threadpool_info", lambda: loaded)
    finding = doctor.check_openmp()
    assert said in finding.text
    assert ("conda" in finding.fix) == bool(said)


@pytest.fixture
def on_the_cpu(monkeypatch):
    """Say how many threads torch uses on how many cores, with no GPU."""

    def fake(threads: int, cores: float) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(doctor, "available_cores", lambda: cores)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    return fake


@pytest.mark.parametrize(
    ("threads", "cores", "said"), [(64, 2, "OMP_NUM_THREADS=2"), (2, 2, ""), (1, 0.5, "")]
)
def test_more_threads_than_cores_are_found(threads, cores, said, on_the_cpu):
    """Half a core is enough for one thread."""
    on_the_cpu(threads, cores)
    fix = doctor.check_device().fix
    assert said in fix
    assert bool(said) == bool(fix)


@pytest.mark.parametrize(
    ("answer", "built_for", "said"),
    [
        ("GPU 0: NVIDIA T4 (UUID: GPU-1)\n", None, "without CUDA"),
        ("GPU 0: NVIDIA T4 (UUID: GPU-1)\n", "13.2", "driver may be too old for CUDA 13.2"),
        ("No devices were found\n", "13.2", ""),
        (FileNotFoundError("nvidia-smi"), "13.2", ""),
    ],
)
def test_a_gpu_that_torch_does_not_see_is_a_tip_and_no_obstacle(
    answer, built_for, said, on_the_cpu, monkeypatch
):
    on_the_cpu(1, 1)
    listed = (
        raises(answer) if isinstance(answer, Exception) else lambda *_, **__: SimpleNamespace(stdout=answer)
    )
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(doctor.subprocess, "run", listed)
    finding = doctor.check_device()
    assert finding.fix == ""
    assert said in finding.tip
    assert bool(said) == bool(finding.tip)


@pytest.mark.parametrize(
    ("free", "limits", "little"),
    [
        (8e9, {}, False),
        (3e8, {}, True),
        (8e9, {"memory.max": "2000000000", "memory.current": "1900000000"}, True),
        (8e9, {"memory.max": "max", "memory.current": "1900000000"}, False),
    ],
)
def test_little_memory_is_found_in_a_container_too(free, limits, little, monkeypatch):
    monkeypatch.setattr(doctor, "limit_of_the_container", lambda name: limits.get(name, ""))
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert bool(doctor.check_memory().fix) == little


@pytest.mark.parametrize(("free", "little"), [(1e8, True), (1e9, False)])
def test_a_full_disk_is_found(free, little, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert bool(doctor.check_disk().fix) == little


@pytest.mark.parametrize(("seconds", "slow"), [(0.05, False), (0.5, True)])
def test_a_slow_computer_is_told_and_may_go_on(seconds, slow, monkeypatch):
    monkeypatch.setattr(doctor.timeit, "repeat", lambda *_, **__: [9, 9, *[seconds] * 10])
    finding = doctor.check_speed()
    assert f"{1000 * seconds:.1f} ms" in finding.text
    assert finding.fix == ""
    assert bool(finding.tip) == slow


@pytest.mark.parametrize(
    ("kind", "mark", "ready"),
    [("fix", "FIX it\n    -> Mend it.", False), ("tip", "tip it\n    -> Mend it.", True)],
)
def test_what_must_be_fixed_makes_the_whole_check_fail_and_a_tip_does_not(
    kind, mark, ready, monkeypatch, capsys
):
    monkeypatch.setattr(doctor, "CHECKS", [lambda: doctor.Finding("it", **{kind: "Mend it."})])
    assert doctor.check_environment() == ready
    out = capsys.readouterr().out
    assert mark in out
    assert ("Ready for the course." in out) == ready
