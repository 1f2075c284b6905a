"""What every test shares: no windows, no figure left open."""

from importlib.util import find_spec

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

# nbgrader does not go with Colab's IPython, nor with the oldest that we allow
collect_ignore = [] if find_spec("nbgrader") else ["checks/test_exercises.py"]


@pytest.fixture(autouse=True)
def no_open_figures():
    """A test that leaves a figure open fails: in a notebook such figures would pile up."""
    yield
    left = plt.get_fignums()
    plt.close("all")
    assert left == [], f"figures {left} were left open; close them with plt.close()"
