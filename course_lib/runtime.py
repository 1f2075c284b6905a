"""Seeds, devices, and the processor cores that this process may use."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import torch
from threadpoolctl import threadpool_limits

CONTAINER = Path("/sys/fs/cgroup")  # where Linux says what a process may use
SECONDS_BETWEEN_LOOKS = 0.1  # long beside the ticks (10 to 16 ms) in which systems count


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
    cores = len(_allowed_cores())
    quota, _, period = limit_of_the_container("cpu.max").partition(" ")
    return min(cores, int(quota) / int(period)) if quota.isdigit() else cores


def limit_of_the_container(name: str) -> str:
    """What the control group says, such as "max"; "" where there is none."""
    try:
        return (CONTAINER / name).read_text().strip()
    except OSError:
        return ""


def _allowed_cores() -> set[int]:
    """The numbers of the cores that the scheduler may put this process on."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def usable_seconds() -> float:
    """Core-seconds that this process has used or that nobody has, from an arbitrary zero.

    What they grow by in a second is the number of cores that no other process keeps busy.
    """
    cores = (core for i, core in enumerate(psutil.cpu_times(percpu=True)) if i in _allowed_cores())
    return time.process_time() + sum(core.idle + getattr(core, "iowait", 0) for core in cores)


@contextmanager
def threads_for_free_cores(device: torch.device, most: int | None = None) -> Iterator[Callable[[], None]]:
    """Inside, PyTorch has a thread for each core that no other process keeps busy.

    Its threads spin while they wait for one another: with more of them than free cores, a step takes many
    times as long. Hands over a function that counts the free cores, at most ten times a second, and sets the
    threads: call it after each step. There are never more than `most`, by default as many as PyTorch had
    before the course lowered them. Outside, their number is as before. Nothing is done for a GPU.
    """
    outside = torch.get_num_threads()
    if device.type != "cpu":
        yield lambda: None
        return
    most = min(most or threads_at_the_start, max(1, round(available_cores())))
    then, before = time.perf_counter(), usable_seconds()

    def adjust() -> None:
        nonlocal then, before
        now = time.perf_counter()
        if now - then >= SECONDS_BETWEEN_LOOKS:
            usable = usable_seconds()
            torch.set_num_threads(min(most, max(1, round((usable - before) / (now - then)))))
            then, before = now, usable

    # Half at first: on all of them, one step beside another training can take seconds.
    torch.set_num_threads((most + 1) // 2)
    try:
        yield adjust
    finally:
        torch.set_num_threads(outside)


def lower_threads() -> None:
    """Lower the threads outside of training: one for OpenBLAS, and with two cores or fewer one for the rest.

    Threads spin while they wait for one another: where another program takes one of two cores, chapter 12
    takes nearly four times as long on two threads as on one, and where none does, its small steps are as
    fast on one. What the user has chosen by OMP_NUM_THREADS or OPENBLAS_NUM_THREADS stays.
    """
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for a library that is loaded later, as SciPy's can be
        threadpool_limits(1, user_api="blas")
    if "OMP_NUM_THREADS" not in os.environ and available_cores() <= 2:
        threadpool_limits(1, user_api="openmp")
        torch.set_num_threads(1)


threads_at_the_start = torch.get_num_threads()
lower_threads()
