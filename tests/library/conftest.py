"""What the tests of the library share."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import runtime


@pytest.fixture(autouse=True)
def seeded(monkeypatch):
    """Every test draws the same random numbers and adds in the same order, alone or among others."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    monkeypatch.setattr(runtime, "threads_at_the_start", 1)


@pytest.fixture
def shown(monkeypatch):
    """The figures that plt.show() was called for; no other may be open then."""
    figures = []

    def show():
        assert plt.get_fignums() == [plt.gcf().number]
        figures.append(plt.gcf())

    monkeypatch.setattr(plt, "show", show)
    return figures
