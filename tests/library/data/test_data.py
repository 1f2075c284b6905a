"""What all data have in common: types, seeds."""

import pytest
import torch

from course_lib import data

PAIRS = {  # the names of its two parts → a dataset
    ("images", "radii"): data.circles(20, size=20),
    ("images", "phases"): data.moons(20, size=20),
    ("images", "labels"): data.digits(source="sklearn"),
}
SEEDED = {  # name → a function of the seed that returns tensors
    "circles": lambda seed: data.circles(20, seed=seed).tensors,
    "split": lambda seed: data.split(data.circles(40), 20, seed=seed)[0].tensors,
    "moons": lambda seed: data.moons(20, seed=seed).tensors,
    "gaussian_points": lambda seed: data.gaussian_points(20, seed=seed).tensors,
    "banana": lambda seed: data.banana(20, seed=seed).tensors,
    "patches": lambda seed: [data.patches(20, seed=seed)],
    **{k: lambda seed, k=k: [data.anomalies(k, 6, seed=seed)] for k in data.ANOMALY_KINDS if k != "blank"},
}


@pytest.mark.parametrize("names", PAIRS)
def test_a_dataset_of_pairs(names):
    images, causes = (getattr(PAIRS[names], name) for name in names)
    assert images.shape == (len(causes), 1, *images.shape[2:])
    assert images.dtype == torch.float32
    assert causes.dtype == (torch.int64 if "labels" in names else torch.float32)
    torch.testing.assert_close(PAIRS[names][7], (images[7], causes[7]), rtol=0, atol=0)


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_decides_and_another_differs(name):
    one, again, other = (SEEDED[name](seed) for seed in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert len(one[0].flatten(1).unique(dim=0)) > 1
