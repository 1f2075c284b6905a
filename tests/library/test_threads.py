"""`fit` computes on as many threads as there are free cores; all clocks and counters are made up here."""

from types import SimpleNamespace

import psutil
import pytest
import torch
from torch import nn

from course_lib import data, losses, models, runtime, training

CPU = torch.device("cpu")
CORES = 8


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A computer with eight cores, whose time passes when a test says so."""
    machine = SimpleNamespace(now=100.0, own=50.0, idle=[0.0] * CORES)

    def run(seconds, own, idle):
        """Time passes: this process has so many cores meanwhile, and so many are idle."""
        machine.now += seconds
        machine.own += own * seconds
        machine.idle = [before + idle / CORES * seconds for before in machine.idle]

    machine.run = run
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: machine.now)
    monkeypatch.setattr(runtime.time, "process_time", lambda: machine.own)
    monkeypatch.setattr(
        psutil, "cpu_times", lambda percpu: [SimpleNamespace(idle=idle) for idle in machine.idle]
    )
    monkeypatch.setattr(runtime, "CONTAINER", tmp_path)
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: set(range(CORES)), raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield machine
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("own", "idle", "threads"),
    [
        (7.9, 0.1, 8),  # alone, all threads spinning
        (1, 7, 8),  # alone, few of them at work
        (7.1, 0, 7),  # beside one busy process
        (4, 0, 4),  # beside a training that spins on all cores, too
        (1, 2.9, 4),  # room for more than before
        (0.4, 0, 1),  # beside many
    ],
)
def test_a_thread_for_each_core_that_is_not_taken(machine, own, idle, threads):
    with runtime.threads_for_free_cores(CPU) as adjust:
        assert torch.get_num_threads() == CORES, "begins with all threads"
        machine.run(1, own, idle)
        adjust()
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == CORES


def test_threads_go_and_come_back(machine):
    seen = []
    with runtime.threads_for_free_cores(CPU) as adjust:
        for own, idle in ((8, 0), (4, 0), (4, 4), (3, 0)):
            machine.run(0.2, own, idle)
            adjust()
            seen.append(torch.get_num_threads())
    assert seen == [8, 4, 8, 3]


def test_it_does_not_look_at_every_step(machine, monkeypatch):
    with runtime.threads_for_free_cores(CPU) as adjust:
        monkeypatch.setattr(runtime, "usable_seconds", lambda: pytest.fail("looked too early"))
        machine.run(0.05, 1, 0)
        adjust()


def test_what_the_user_chose_is_the_most(machine):
    torch.set_num_threads(3)
    with runtime.threads_for_free_cores(CPU) as adjust:
        assert torch.get_num_threads() == 3
        machine.run(1, 3, 5)
        adjust()
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == 3


def test_a_container_may_give_fewer_cores_than_it_shows(machine, tmp_path):
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    with runtime.threads_for_free_cores(CPU) as adjust:
        assert torch.get_num_threads() == 2
        machine.run(1, 2, 6)
        adjust()
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == CORES


def test_cores_that_the_scheduler_withholds_are_not_free(machine, monkeypatch):
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    with runtime.threads_for_free_cores(CPU) as adjust:
        machine.idle = [0, 0, 0, 0, 1, 1, 1, 1]
        machine.now, machine.own = machine.now + 1, machine.own + 2
        adjust()
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("device", "threads"), [("cuda", 8), ("mps", 8), ("cpu", 1)])
def test_nothing_is_done_for_a_gpu_or_with_one_thread(machine, monkeypatch, device, threads):
    torch.set_num_threads(threads)
    with monkeypatch.context() as watched:
        watched.setattr(torch, "set_num_threads", lambda n: pytest.fail("threads were set"))
        watched.setattr(runtime, "usable_seconds", lambda: pytest.fail("cores were counted"))
        with runtime.threads_for_free_cores(torch.device(device)) as adjust:
            machine.run(1, 1, 0)
            adjust()


def train(objective, **settings):
    torch.manual_seed(0)
    encoder = models.Encoder(models.dense_body((1, 28, 28), 8), (1, 28, 28), 1)
    model = models.AutoEncoder(encoder, models.dense_decoder(1, (1, 28, 28), 8))
    settings = {"epochs": 2, "seed": 0, "device": "cpu", "progress": False} | settings
    return model, training.fit(model, objective, data.circles(64), **settings)


def test_fit_looks_after_each_step(machine):
    """Each step takes a second, in which another program takes one more core."""
    seen = []

    def objective(model: nn.Module, x: torch.Tensor):
        seen.append(torch.get_num_threads())
        machine.run(1, CORES - len(seen), 0)
        return losses.ae_objective()(model, x)

    train(objective)
    assert seen == [8, 7, 6, 5]
    assert torch.get_num_threads() == CORES


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ZeroDivisionError])
def test_fit_gives_the_threads_back_when_it_is_stopped(machine, stop):
    def objective(model: nn.Module, x: torch.Tensor):
        if torch.get_num_threads() < CORES:
            raise stop
        machine.run(1, 1, 0)
        return losses.ae_objective()(model, x)

    if stop is KeyboardInterrupt:
        train(objective)
    else:
        with pytest.raises(stop):
            train(objective)
    assert torch.get_num_threads() == CORES


def test_on_one_thread_nothing_depends_on_what_others_do(machine):
    torch.set_num_threads(1)
    quiet, quiet_history = train(losses.ae_objective())

    def beside_many(model: nn.Module, x: torch.Tensor):
        machine.run(1, 0.1, 0)
        return losses.ae_objective()(model, x)

    crowded, crowded_history = train(beside_many)
    assert crowded_history == quiet_history
    for a, b in zip(quiet.parameters(), crowded.parameters(), strict=True):
        assert torch.equal(a, b)
