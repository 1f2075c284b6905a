"""What holds wherever pytest runs, for the kernels of notebooks too: a claim that fails is an error."""

import os

os.environ["COURSE_STRICT"] = "1"
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)) > 1:  # a thread each: more would fight over the cores
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
