"""What every test shares: no windows, no figure left open, no threads that fight over the cores."""

import os
from importlib.util import find_spec

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest
import torch

workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
# nbgrader does not go with Colab's IPython, nor with the oldest that we allow
collect_ignore = [] if find_spec("nbgrader") else ["test_exercises.py"]


@pytest.fixture(autouse=True)
def no_open_figures():
    """A test that leaves a figure open fails: in a notebook such figures would pile up."""
    yield
    left = plt.get_fignums()
    plt.close("all")
    assert left == [], f"figures {left} were left open; close them with plt.close()"
