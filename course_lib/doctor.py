"""The environment check: `python -m course_lib.doctor` says what is wrong and what helps."""

from __future__ import annotations  # so that an old Python can read this file, and be told

import importlib.metadata
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import timeit
from dataclasses import dataclass
from pathlib import Path

INSTALL = (
    f"Run `make install`, or `{Path(sys.executable).name} -m pip install -e .` in the course's folder; "
    "when that changes nothing, this is another Python than the one it installs into."
)


def _give_up(problem: str, fix: str) -> None:
    if __name__ == "__main__":
        sys.exit(f"FIX {problem}\n    -> {fix}")
    raise ImportError(f"{problem} {fix}")


if sys.version_info < (3, 10):  # noqa: UP036 - pip refuses it, a notebook's kernel does not
    _give_up(f"This is Python {platform.python_version()}.", "The course needs Python 3.10 or newer.")
try:
    import psutil
    import torch
    from packaging.requirements import Requirement
    from threadpoolctl import threadpool_info
    from torch import nn

    from course_lib.runtime import available_cores, limit_of_the_container, pick_device, threads_at_the_start
except (ImportError, OSError) as broken:  # OSError: a library of torch that does not load
    _give_up(f"A package cannot be imported: {broken}.", INSTALL)


@dataclass
class Finding:
    """One line of the environment check. `fix` says what must be done, `tip` what would be better."""

    text: str
    fix: str = ""
    tip: str = ""


def check_python() -> Finding:
    return Finding(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")


def check_packages() -> Finding:
    """Every requirement of the course is installed in a version that it accepts."""
    found, wrong = [], []
    try:
        requirements = [Requirement(line) for line in importlib.metadata.requires("course-lib") or []]
    except importlib.metadata.PackageNotFoundError:
        return Finding("the course is not installed in this Python", INSTALL)
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement} (not installed)")
            continue
        found.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement} (found {version})")
    return Finding(", ".join(found), f"Install {', '.join(wrong)}." if wrong else "")


def check_torchvision() -> Finding:
    try:
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
    except Exception as error:  # a mismatched pair fails in many ways, at import or at first use
        return Finding(f"torchvision does not work: {error}", "Install torch and torchvision together.")
    return Finding("torch and torchvision fit together")


def check_kernel() -> Finding:
    """Notebooks run on the Python of the environment that was made for the course."""
    other = _default_kernel()
    if other and Path(other).parent.resolve() != Path(sys.executable).parent.resolve():
        return Finding(
            f"Jupyter starts notebooks with {other}, and not with this Python ({sys.executable})",
            "Run `jupyter kernelspec remove python3`: only that link goes.",
        )
    beside = Path(__file__).resolve().parents[1] / ".venv"
    active = (Path(os.environ[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name))
    environments = [path.resolve() for path in (beside, *active) if path.is_dir()]
    if environments and Path(sys.prefix).resolve() not in environments:
        return Finding(
            f"this runs on {sys.executable}",
            tip=f"The course has an environment in {environments[0]}: in a notebook choose it as the kernel.",
        )
    return Finding("notebooks run on the Python of this environment")


def _default_kernel() -> str:
    """The Python that Jupyter starts for the kernel `python3`, "" when it is this one or none is known."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return ""
    try:
        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return ""
    return python if os.path.isabs(python) else ""  # a mere "python" means the one that asks


def check_openmp() -> Finding:
    """Two OpenMP runtimes in one process crash it, or slow it down."""
    loaded = {library["prefix"] for library in threadpool_info() if library["user_api"] == "openmp"}
    loaded -= {"vcomp"}  # Windows' own does no harm
    names = " and ".join(sorted(loaded)) or "none"
    if len(loaded) < 2:
        return Finding(f"OpenMP runtime: {names}")
    return Finding(
        f"{len(loaded)} OpenMP runtimes are loaded: {names}",
        "Some packages come from conda and some from pip. Make a new environment, all of it by pip.",
    )


def check_device() -> Finding:
    device = pick_device()
    if device.type == "cuda":
        return Finding(f"training on {torch.cuda.get_device_name(device)} (CUDA)")
    threads, cores = threads_at_the_start, available_cores()
    text = f"training on the CPU with {threads} threads on {cores:g} cores"
    if threads > max(1, cores):
        fewer = f"OMP_NUM_THREADS={max(1, int(cores))}"
        return Finding(text, f"Set {fewer} before Jupyter starts: more threads than cores wait.")
    return Finding(text, tip=_unseen_gpu())


def _unseen_gpu() -> str:
    """What to do about an NVIDIA GPU that is there and that torch does not use; "" when there is none."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if not listed.stdout.startswith("GPU"):
        return ""
    if torch.version.cuda is None:
        return "There is a GPU, and this torch was built without CUDA: install one with it from pytorch.org."
    return (
        f"There is a GPU, and torch cannot use it: its driver may be too old for CUDA {torch.version.cuda}."
    )


def check_memory() -> Finding:
    """Room for the largest chapter, which needs some 500 MB beyond what this check has taken already."""
    free = psutil.virtual_memory().available
    limit, used = (limit_of_the_container(f"memory.{name}") for name in ("max", "current"))
    if limit.isdigit() and used.isdigit():
        free = min(free, int(limit) - int(used))
    fix = "" if free > 5e8 else "Close other programs, and shut down the kernels of other notebooks."
    return Finding(f"{free / 1e9:.1f} GB of memory free", fix)


def check_disk() -> Finding:
    """Room to save notebooks, and for MNIST (8 MB for chapter 9), should you want it."""
    free = shutil.disk_usage(Path.cwd()).free
    fix = "" if free > 2e8 else "Make room: your work could not be saved."
    return Finding(f"{free / 1e9:.1f} GB of disk free", fix)


def check_write_access() -> Finding:
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            return Finding("the current folder can be written to")
    except OSError as error:
        return Finding(f"cannot write here: {error.strerror}", "Move the course to a folder of yours.")


def check_speed() -> Finding:
    """Time training steps of the course's usual dense network (512 wide, 32 images)."""
    device = pick_device()
    layers = [nn.Linear(784, 512), nn.LeakyReLU(), nn.Linear(512, 512), nn.LeakyReLU(), nn.Linear(512, 784)]
    model = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.rand(32, 784, device=device)

    def step() -> None:
        loss = (model(x) - x).square().sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # wait for the device

    milliseconds = 1000 * statistics.median(timeit.repeat(step, number=1, repeat=12)[2:])
    tip = "" if milliseconds < 100 else "Close other programs: the chapters will take many minutes."
    return Finding(f"one training step takes {milliseconds:.1f} ms", tip=tip)


CHECKS = [check_python, check_packages, check_torchvision, check_kernel, check_openmp]
CHECKS += [check_device, check_memory, check_disk, check_write_access, check_speed]


def check_environment() -> bool:
    """Print one line a check, with what to fix; True when nothing needs fixing."""
    findings = [check() for check in CHECKS]
    for finding in findings:
        print(f"{'FIX' if finding.fix else 'tip' if finding.tip else 'ok':4}{finding.text}")
        if finding.fix or finding.tip:
            print(f"    -> {finding.fix or finding.tip}")
    ready = not any(finding.fix for finding in findings)
    print("Ready for the course." if ready else "Not ready yet: see the lines marked FIX.")
    return ready


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a folder's name may have letters that the console lacks
    sys.exit(0 if check_environment() else 1)
