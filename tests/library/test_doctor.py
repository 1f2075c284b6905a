"""What the environment check finds, and that it says so wherever it runs."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from course_lib import doctor

ROOT = Path(doctor.__file__).resolve().parents[1]


def run_the_check(*options: str, **environment: str) -> subprocess.CompletedProcess:
    """The check in a Python of its own, in the folder of the course."""
    command = [sys.executable, *options, "-m", "course_lib.doctor"]
    environment = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_check_passes_here_and_says_so():
    done = run_the_check()
    assert done.returncode == 0, done.stdout
    assert "Ready for the course." in done.stdout
    assert f"torch {torch.__version__.split('+')[0]}" in done.stdout


def test_it_finds_jupyters_kernel_and_prints_on_a_console_that_lacks_the_letters_of_a_folder(tmp_path):
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["/étude → φ/bin/python"], "display_name": "old"}))
    done = run_the_check(PYTHONIOENCODING="ascii", JUPYTER_PATH=str(tmp_path))
    assert done.returncode == 1
    assert "notebooks with /?tude ? ?/bin/python" in done.stdout
    assert "    -> Run `jupyter kernelspec remove" in done.stdout


@pytest.mark.parametrize(
    ("options", "file", "content", "said"),
    [
        (["-S"], "no_site_packages.py", "", "make install"),
        ([], "torch.py", "raise OSError('libcudart.so: cannot open')", "imported: libcudart.so"),
        ([], "sitecustomize.py", "import sys\nsys.version_info = (3, 9, 18)", "needs Python 3.10 or newer"),
    ],
)
def test_what_it_cannot_run_without_is_a_sentence_and_no_traceback(options, file, content, said, tmp_path):
    (tmp_path / file).write_text(content)
    done = run_the_check(*options, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_and_a_plain_console_can_read_the_check():
    for name in ("__init__.py", "doctor.py"):
        ast.parse((ROOT / "course_lib" / name).read_text(encoding="ascii"), feature_version=(3, 8))


def gives(value):
    """A function that takes anything and returns `value`, or raises it."""

    def function(*_, **__):
        if isinstance(value, Exception):
            raise value
        return value

    return function


def openmp(*names):
    loaded = [("openmp", name) for name in names] + [("blas", "libopenblas")]
    return {"threadpool_info": gives([{"user_api": api, "prefix": name} for api, name in loaded])}


def processor(threads, cores, listed="", built_for=None):
    listed = SimpleNamespace(stdout=listed) if listed else FileNotFoundError("nvidia-smi")
    return {
        "torch.cuda.is_available": gives(False),
        "threads_at_the_start": threads,
        "torch.version.cuda": built_for,
        "available_cores": gives(cores),
        "subprocess.run": gives(listed),
    }


def memory(free, **limits):
    return {
        "psutil.virtual_memory": gives(SimpleNamespace(available=free)),
        "limit_of_the_container": lambda name: limits.get(name.removeprefix("memory."), ""),
    }


OLD = {"importlib.metadata.version": lambda name: "1.0" if name == "torch" else version(name)}
GPU = "GPU 0: NVIDIA T4 (UUID: GPU-1)\n"
FOUND = [  # the check, what it meets, whether it says fix or tip, and what
    ("packages", OLD, "fix", r"torch>=2.4 \(found 1.0\)"),
    (
        "packages",
        {"importlib.metadata.version": gives(PackageNotFoundError("it"))},
        "fix",
        "scipy.* .not inst",
    ),
    ("packages", {"importlib.metadata.requires": gives(PackageNotFoundError("it"))}, "fix", "make install"),
    ("torchvision", {"nms": gives(RuntimeError("no torchvision::nms"))}, "fix", "::nms.*together"),
    ("openmp", openmp("libgomp", "libgomp"), "", "libgomp"),  # two copies of one
    ("openmp", openmp("libiomp", "vcomp"), "", "libiomp"),  # Windows' own beside another
    ("openmp", openmp("libgomp", "libiomp"), "fix", "libgomp and libiomp.*conda"),
    ("device", processor(64, 2), "fix", "OMP_NUM_THREADS=2"),
    ("device", processor(1, 0.5), "", "on 0.5 cores"),  # enough for one thread
    ("device", processor(1, 1, GPU), "tip", "without CUDA"),
    ("device", processor(1, 1, GPU, "13.2"), "tip", "driver may be too old for CUDA 13.2"),
    ("device", processor(1, 1, "No devices were found\n", "13.2"), "", ""),
    ("memory", memory(3e8), "fix", "Close other programs"),
    ("memory", memory(8e9, max="2000000000", current="1900000000"), "fix", "0.1 GB"),
    ("memory", memory(8e9, max="max", current="1900000000"), "", "8.0 GB"),
    ("disk", {"shutil.disk_usage": gives(SimpleNamespace(free=1e8))}, "fix", "Make room"),
    ("disk", {"shutil.disk_usage": gives(SimpleNamespace(free=1e9))}, "", "1.0 GB"),
    (
        "write_access",
        {"tempfile.TemporaryFile": gives(PermissionError(13, "denied"))},
        "fix",
        "denied.*folder",
    ),
    ("speed", {"timeit.repeat": gives([9, 9, *[0.05] * 10])}, "", "50.0 ms"),
    ("speed", {"timeit.repeat": gives([9, 9, *[0.5] * 10])}, "tip", "500.0 ms.*many minutes"),
]


def kinds(finding):
    return [kind for kind in ("fix", "tip") if getattr(finding, kind)]


@pytest.mark.parametrize(("check", "met", "kind", "words"), FOUND)
def test_what_a_check_finds_and_says(check, met, kind, words, monkeypatch):
    for name, value in met.items():
        place = "torchvision.ops." if name == "nms" else "course_lib.doctor."
        monkeypatch.setattr(place + name, value)
    finding = getattr(doctor, f"check_{check}")()
    assert kinds(finding) == [kind] * bool(kind)
    assert re.search(words, str(finding))


def test_notebooks_run_on_the_environment_of_the_course_or_the_active_one(tmp_path, monkeypatch):
    ours, other = tmp_path / "course" / ".venv", tmp_path / "other"
    for folder in (ours, other):
        folder.mkdir(parents=True)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "course" / "course_lib" / "doctor.py"))
    for prefix, active, kernel, kind, named in (
        (ours, "", "", [], ""),
        (other, "", "", ["tip"], ours),
        (other, other, "", [], ""),
        (ours, "", other / "python", ["fix"], other),
    ):
        monkeypatch.setattr(sys, "prefix", str(prefix))
        monkeypatch.setenv("CONDA_PREFIX", str(active))
        monkeypatch.setattr(doctor, "_default_kernel", gives(str(kernel)))
        finding = doctor.check_kernel()
        assert kinds(finding) == kind
        assert str(named) in finding.text + finding.tip


@pytest.mark.parametrize(("kind", "mark", "ready"), [("fix", "FIX", False), ("tip", "tip", True)])
def test_a_fix_makes_the_whole_check_fail_and_a_tip_does_not(kind, mark, ready, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", [lambda: doctor.Finding("it", **{kind: "Mend it."})])
    assert doctor.check_environment() == ready
    last = "Ready for the course." if ready else "Not ready yet: see the lines marked FIX."
    assert capsys.readouterr().out == f"{mark} it\n    -> Mend it.\n{last}\n"
