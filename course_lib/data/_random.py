"""The generator that every dataset draws from."""

import numpy as np


def frozen_random(seed: int) -> np.random.RandomState:
    """NumPy's frozen generator: its stream is promised never to change, torch's is not."""
    return np.random.RandomState(seed)
