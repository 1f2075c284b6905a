"""Seeds, devices, and the processor cores that this process may use."""

import os
import random
from pathlib import Path

import numpy as np
import torch

CONTAINER = Path("/sys/fs/cgroup")  # where Linux says what a process may use


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


def available_cores() -> float:
    """The processor cores that this process may use: not all, when a container or a scheduler says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = limit_of_the_container("cpu.max").partition(" ")
    return min(cores, int(quota) / int(period)) if quota.isdigit() else cores


def limit_of_the_container(name: str) -> str:
    """What the control group says, such as "max"; "" where there is none."""
    try:
        return (CONTAINER / name).read_text().strip()
    except OSError:
        return ""
