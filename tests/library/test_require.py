"""What each refusal lets pass, and what it refuses."""

import numpy as np
import pytest

from course_lib import _require

INFINITY, NAN = float("inf"), float("nan")
PASSED_AND_REFUSED = {
    _require.whole: ([1, np.int64(3)], [0, -3, 2.0, True, None, "3"]),
    _require.positive: ([1e-9, 3], [0, -1, INFINITY, NAN]),
    _require.not_negative: ([0, 2.5], [-1e-9, NAN]),
}


@pytest.mark.parametrize("check", PASSED_AND_REFUSED, ids=lambda check: check.__name__)
def test_numbers(refuses, check):
    passed, refused = PASSED_AND_REFUSED[check]
    for value in passed:
        check(good=1, n=value)
    for value in refused:
        refuses(lambda value=value: check(good=1, n=value), f"n must be .*, not {value!r}")


def test_names(refuses):
    _require.one_of({"mse": 1, "bce": 2}, kind="bce")
    for name in ("mae", None, ""):
        refuses(
            lambda name=name: _require.one_of(("mse", "bce"), kind=name),
            f"kind must be one of mse, bce, not {name!r}",
        )
