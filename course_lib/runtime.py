"""Seeds, devices, and a check of the environment: `python -m course_lib.runtime`."""

import importlib.metadata
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from packaging.requirements import Requirement
from torch import nn


def seed_everything(seed: int) -> None:
    """Start the generators of Python, NumPy and PyTorch (CPU and GPU) from `seed`."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global generator is what others draw from
    torch.manual_seed(seed)


def pick_device(prefer: str | None = None) -> torch.device:
    """CUDA when there is one, else the CPU; Apple's MPS only when asked for by name."""
    if prefer is not None:
        return torch.device(prefer)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Finding:
    """One line of the environment check; `fix` says what to do and is empty when all is well."""

    text: str
    fix: str = ""


def check_python() -> Finding:
    version = platform.python_version()
    fix = "" if sys.version_info >= (3, 10) else "Install Python 3.10 or newer."
    return Finding(f"Python {version} on {platform.system()} {platform.machine()}", fix)


def check_packages() -> Finding:
    """Every requirement of the course is installed in a version that it accepts."""
    lines, missing = [], []
    for line in importlib.metadata.requires("course-lib") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{requirement} (not installed)")
            continue
        lines.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            missing.append(f"{requirement} (found {version})")
    return Finding(", ".join(lines), f"Install {', '.join(missing)}." if missing else "")


def check_torchvision() -> Finding:
    try:
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
    except Exception as error:  # a mismatched pair fails in many ways, at import or at first use
        return Finding(f"torchvision does not work: {error}", "Install torch and torchvision together.")
    return Finding("torch and torchvision fit together")


def check_device() -> Finding:
    device = pick_device()
    threads = torch.get_num_threads()
    if device.type == "cuda":
        return Finding(f"training on {torch.cuda.get_device_name(device)} (CUDA)")
    return Finding(f"training on the CPU with {threads} threads of {os.cpu_count()} processors")


def check_write_access() -> Finding:
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            return Finding("the current folder can be written to")
    except OSError as error:
        return Finding(f"cannot write here: {error.strerror}", "Move the course to a folder of yours.")


def check_speed() -> Finding:
    """Time training steps of the course's usual dense network (512 wide, 32 images)."""
    layers = [
        nn.Linear(784, 512),
        nn.LeakyReLU(),
        nn.Linear(512, 512),
        nn.LeakyReLU(),
        nn.Linear(512, 784),
    ]
    device = pick_device()
    model = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.rand(32, 784, device=device)
    seconds = []
    for _ in range(12):
        start = time.perf_counter()
        loss = (model(x) - x).square().sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # wait for the device
        seconds.append(time.perf_counter() - start)
    milliseconds = 1000 * statistics.median(seconds[2:])
    fix = "" if milliseconds < 100 else "Close other programs: the chapters will take many minutes."
    return Finding(f"one training step takes {milliseconds:.1f} ms", fix)


CHECKS: list[Callable[[], Finding]] = [
    check_python,
    check_packages,
    check_torchvision,
    check_device,
    check_write_access,
    check_speed,
]


def check_environment() -> bool:
    """Print one line a check, with what to fix; True when nothing needs fixing."""
    findings = [check() for check in CHECKS]
    for finding in findings:
        print(f"{'FIX' if finding.fix else 'ok ':4}{finding.text}")
        if finding.fix:
            print(f"    → {finding.fix}")
    ready = not any(finding.fix for finding in findings)
    print("Ready for the course." if ready else "Not ready yet: see the lines marked FIX.")
    return ready


if __name__ == "__main__":
    sys.exit(0 if check_environment() else 1)
