"""What the tests of the data share."""

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def no_generator_outside_is_touched(seeded):
    """Data follow from their own seed."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is watched
    yield
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
