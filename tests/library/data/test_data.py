"""What all data have in common: a seed decides."""

import pytest
import torch

from course_lib import data

SEEDED = {  # name → a function of the seed that returns tensors
    "circles": lambda seed: data.circles(20, seed=seed).tensors,
    "split": lambda seed: data.split(data.circles(40), 20, seed=seed)[0].tensors,
    "moons": lambda seed: data.moons(20, seed=seed).tensors,
    "gaussian_points": lambda seed: data.gaussian_points(20, seed=seed).tensors,
    "banana": lambda seed: data.banana(20, seed=seed).tensors,
    "patches": lambda seed: [data.patches(20, seed=seed)],
    **{k: lambda seed, k=k: [data.anomalies(k, 6, seed=seed)] for k in data.ANOMALY_KINDS if k != "blank"},
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_decides_and_another_differs(name):
    one, again, other = (SEEDED[name](seed) for seed in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert len(one[0].flatten(1).unique(dim=0)) > 1
