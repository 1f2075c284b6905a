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


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.circles(0), "n must be"),
        (lambda: data.circles(5, size=0), "size must be"),
        (lambda: data.circles(5, size=4), "leaves no room"),
        (lambda: data.circles(5, stroke=0), "stroke must be"),
        (lambda: data.circles(5, stroke=float("nan")), "stroke must be"),
        (lambda: data.circles(5, stroke=40), "leaves no room"),
        (lambda: data.render_circles(torch.zeros(3), torch.zeros(2, 2)), "radii"),
        (lambda: data.split(data.circles(5), 4, 2), "cannot deal 6 images out of a dataset of 5"),
        (lambda: data.split(data.circles(5), 0), "size must be"),
        (lambda: data.nearest_circle(torch.zeros(3, 28, 28)), r"shape \(N, 1, H, W\)"),
        (lambda: data.nearest_circle(torch.full((3, 1, 28, 28), float("nan"))), "finite"),
        (lambda: data.moons(0), "n must be"),
        (lambda: data.moons(5, size=3), "no room"),
        (lambda: data.render_moons(torch.tensor([1.2])), "from 1.2 to 1.2"),
        (lambda: data.render_moons(torch.tensor([float("nan")])), "phases must be"),
        (lambda: data.render_moons(torch.tensor([[0.5]])), r"\(1, 1\)"),
        (lambda: data.gaussian_points(0), "n must be"),
        (lambda: data.gaussian_points(5, covariance=((1, 2), (0, 1))), "symmetric"),
        (lambda: data.gaussian_points(5, covariance=((1, 2), (2, 1))), "eigenvalues are above 0"),
        (lambda: data.gaussian_points(5, covariance=((1, 0, 0), (0, 1, 0))), "symmetric square"),
        (lambda: data.gaussian_points(5, covariance=((float("nan"), 0), (0, 1))), "finite"),
        (lambda: data.gaussian_points(5, covariance=(1, 2)), "symmetric square"),
        (lambda: data.banana(0), "n must be"),
        (lambda: data.banana(5, noise=0), "noise must be"),
        (lambda: data.banana(5, bend=-1), "bend must be"),
        (lambda: data.banana_curve(torch.zeros(2), bend=0), "bend must be"),
        (lambda: data.anomalies("hexagon", 3), "kind must be one of square, .*blank, not 'hexagon'"),
        (lambda: data.anomalies("disc", 0), "n must be"),
        (lambda: data.anomalies("disc", 3, size=0), "size must be"),
        (lambda: data.anomalies("blank", 3, size=4), "leaves no room"),
        (lambda: data.patches(0), "n must be"),
        (lambda: data.patches(5, size=2.5), "size must be"),
        (lambda: data.patches(5, size=1), "size must be from 2 to 395 pixels, not 1"),
        (lambda: data.patches(5, size=400), "size must be from 2 to 395 pixels, not 400"),
        (lambda: data.digits(split="valid"), "split must be one of train, test"),
        (lambda: data.digits(source="web"), "source must be one of auto"),
    ],
)
def test_bad_input_gets_a_sentence(refuses, call, words):
    refuses(call, words)
