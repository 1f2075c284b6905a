"""What all data have in common: types, ranges, seeds, refusals."""

import pytest
import torch
from torch.utils.data import TensorDataset

from course_lib import data

PAIRS = {  # name → (dataset, the names of its two parts)
    "circles": (data.circles(20, size=20), ("images", "radii")),
    "moons": (data.moons(20, size=20), ("images", "phases")),
    "digits": (data.digits(source="sklearn"), ("images", "labels")),
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


@pytest.mark.parametrize("name", PAIRS)
def test_a_dataset_of_pairs(name):
    dataset, (first, second) = PAIRS[name]
    images, causes = getattr(dataset, first), getattr(dataset, second)
    assert isinstance(dataset, TensorDataset)
    assert images.shape[:2] == (len(dataset), 1)
    assert images.dtype == torch.float32
    assert causes.dtype == (torch.int64 if second == "labels" else torch.float32)
    image, cause = dataset[7]
    assert torch.equal(image, images[7])
    assert cause.shape == ()
    assert cause == causes[7]


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_decides_and_another_differs(name):
    one, again, other = (SEEDED[name](seed) for seed in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert len(one[0].flatten(1).unique(dim=0)) > 1
