"""What every test shares: a claim that fails is an error, no windows, no figure left open."""

import os
from importlib.util import find_spec

import matplotlib.pyplot as plt
import nbval.kernel
import pytest

from tools.notebooks import started

# two workers start kernels at once, which may be given the same port
start_once = nbval.kernel.start_new_kernel
nbval.kernel.start_new_kernel = lambda *args, **options: started(lambda: start_once(*args, **options))
plt.switch_backend("Agg")
os.environ["COURSE_STRICT"] = "1"  # for the kernels of notebooks, too
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)) > 1:  # a thread each: more would fight over the cores
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

# nbgrader does not go with Colab's IPython, nor with the oldest that we allow
collect_ignore = [] if find_spec("nbgrader") else ["tests/checks/test_exercises.py"]


@pytest.fixture(autouse=True)
def no_open_figures():
    """A test that leaves a figure open fails: in a notebook such figures would pile up."""
    yield
    left = plt.get_fignums()
    plt.close("all")
    assert left == [], f"figures {left} were left open; close them with plt.close()"
