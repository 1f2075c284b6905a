"""Seeds, devices, and the cores that this process may use."""

import random

import numpy as np
import pytest
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


@pytest.mark.parametrize(
    ("limit", "cores"), [("150000 100000", 1.5), ("max 100000", 8), ("1600000 100000", 8), (None, 8)]
)
def test_cores_are_those_that_the_container_gives(limit, cores, monkeypatch, tmp_path):
    if limit:
        (tmp_path / "cpu.max").write_text(limit + "\n")
    monkeypatch.setattr(runtime, "CONTAINER", tmp_path)
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert runtime.available_cores() == cores
