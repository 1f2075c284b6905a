"""Seeds, devices, and a thread for each free core: all clocks and counters are made up here."""

import json
import os
import random
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from course_lib import runtime
from tests.library.small import AE, autoencoder, train

CORES = 8


def test_one_seed_starts_every_generator():
    def draws(seed):
        runtime.seed_everything(seed)
        return random.random(), float(np.random.rand()), torch.rand(1).item()  # noqa: NPY002

    assert draws(7) == draws(7)
    assert not {*draws(7)} & {*draws(8)}


def test_cuda_is_taken_when_there_is_one_and_mps_only_when_asked_for(monkeypatch):
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert runtime.pick_device().type == device
    assert runtime.pick_device("mps").type == "mps"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A computer with eight cores, whose time passes when a test says so."""
    machine = SimpleNamespace(now=100.0, own=50.0, idle=[0.0] * CORES, quota=tmp_path / "cpu.max")

    def run(seconds, own, idle):
        """Time passes: this process has so many cores meanwhile, and so many are idle."""
        machine.now += seconds
        machine.own += own * seconds
        machine.idle = [before + idle / CORES * seconds for before in machine.idle]

    machine.run = run
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: machine.now)
    monkeypatch.setattr(runtime.time, "process_time", lambda: machine.own)
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: [SimpleNamespace(idle=t) for t in machine.idle])
    monkeypatch.setattr(runtime, "CONTAINER", tmp_path)
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: set(range(CORES)), raising=False)
    monkeypatch.setattr(runtime, "threads_at_the_start", CORES)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield machine
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("limit", "cores"), [("150000 100000", 1.5), ("max 100000", 8), ("1600000 100000", 8), (None, 8)]
)
def test_cores_are_those_that_the_container_gives(machine, limit, cores):
    if limit:
        machine.quota.write_text(limit + "\n")
    assert runtime.available_cores() == cores


def threads(machine, *times, device="cpu", most=None):
    """How many threads there are at first, and after times of (seconds, own cores, idle cores)."""
    outside, seen = torch.get_num_threads(), []
    with runtime.threads_for_free_cores(torch.device(device), most) as adjust:
        seen.append(torch.get_num_threads())
        for time in times:
            machine.run(*time)
            adjust()
            seen.append(torch.get_num_threads())
    assert torch.get_num_threads() == outside
    return seen


@pytest.mark.parametrize(
    ("own", "idle", "expected"),
    [
        (7.9, 0.1, 8),  # alone, all threads spinning
        (1, 7, 8),  # alone, few of them at work
        (7.1, 0, 7),  # beside one busy process
        (4, 0, 4),  # beside a training that spins on all cores, too
        (1, 2.9, 4),  # room for more than before
        (0.4, 0, 1),  # beside many
    ],
)
def test_a_thread_for_each_core_that_is_not_taken(machine, own, idle, expected):
    assert threads(machine, (1, own, idle)) == [4, expected]  # half at first


def test_threads_go_and_come_back_and_not_every_step_looks(machine):
    assert threads(machine, (0.2, 8, 0), (0.2, 4, 0), (0.2, 4, 4), (0.2, 3, 0)) == [4, 8, 4, 8, 3]
    assert threads(machine, (0.05, 1, 0), (0.1, 1, 0)) == [4, 4, 1]


def test_what_the_user_chose_and_what_a_container_gives_is_the_most(machine):
    machine.quota.write_text("500000 100000\n")
    assert threads(machine, (1, 5, 3)) == [3, 5]
    assert threads(machine, (1, 3, 5), most=3) == [2, 3]
    assert threads(machine, (1, 1, 7), most=1) == [1, 1]


def test_cores_that_the_scheduler_withholds_are_not_free(machine, monkeypatch):
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert threads(machine, (1, 1, 4)) == [2, 3]  # two of the four idle cores are not ours


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_nothing_is_done_for_a_gpu(machine, monkeypatch, device):
    torch.set_num_threads(3)
    monkeypatch.setattr(runtime, "usable_seconds", lambda: pytest.fail("cores were counted"))
    assert threads(machine, (1, 1, 0), device=device) == [3] * 2


def test_fit_looks_after_each_step(machine):
    """Each step takes a second, in which another program takes one more core."""
    seen = []

    def objective(model, x):
        seen.append(torch.get_num_threads())
        machine.run(1, CORES - len(seen), 0)
        return AE(model, x)

    train(autoencoder(), objective=objective)
    assert seen == [4, 7, 6, 5]
    assert torch.get_num_threads() == 1


def test_fit_has_at_most_the_threads_that_it_is_given(machine):
    seen = []

    def objective(model, x):
        seen.append(torch.get_num_threads())
        machine.run(1, 1, CORES - 1)
        return AE(model, x)

    train(autoencoder(), objective=objective, threads=2)
    assert seen == [1, 2, 2, 2]


def test_fit_gives_the_threads_back_when_it_is_stopped(machine):
    def objective(model, x):
        assert torch.get_num_threads() == CORES // 2
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(autoencoder(), objective=objective)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("cores", "chosen", "blas", "threads"),
    [
        (2, {}, 1, 1),
        (8, {}, 1, 2),
        (2, {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}, 2, 2),
    ],
)
def test_few_cores_get_one_thread_unless_the_user_chose(cores, chosen, blas, threads):
    """Before the course, the libraries have two threads; SciPy's is loaded after it."""
    code = f"""
import json, os, numpy, torch, threadpoolctl
given = os.environ.get("OMP_NUM_THREADS")
threadpoolctl.threadpool_limits(2)
torch.set_num_threads(2)
os.sched_getaffinity = lambda _: set(range({cores}))
import course_lib.runtime, scipy.linalg
found = [(pool["internal_api"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()]
found += [("torch", torch.get_num_threads()), ("fit", course_lib.runtime.threads_at_the_start)]
assert os.environ.get("OMP_NUM_THREADS") == given  # a program that we start has all its threads
print(json.dumps(found))
"""
    environment = {name: text for name, text in os.environ.items() if not name.endswith("_NUM_THREADS")}
    python = [sys.executable, "-c", code]
    printed = subprocess.run(python, env=environment | chosen, capture_output=True, text=True, check=True)
    found = json.loads(printed.stdout)
    assert {count for library, count in found if library == "openblas"} <= {blas}
    assert {count for library, count in found if library == "torch"} == {threads}
    assert found.pop() == ["fit", 2]
    assert {count for library, count in found if library == "openmp"} == {threads}
