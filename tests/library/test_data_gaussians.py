"""Clouds of points: their moments are those that NumPy and SciPy compute from the formulas."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate
from scipy.stats import chi2, kstest, norm
from torch.utils.data import TensorDataset

from course_lib import data

COVARIANCES = [
    ((2.1, 1.2), (1.2, 1.4)),
    ((1.0, 0.0), (0.0, 1.0)),
    ((3.0, -1.0, 0.5), (-1.0, 2.0, 0.3), (0.5, 0.3, 1.0)),
    ((0.25,),),
]


@pytest.mark.parametrize("covariance", COVARIANCES, ids=len)
def test_mean_and_covariance_are_what_was_asked_for(covariance):
    (points,) = data.gaussian_points(50_000, covariance=covariance, seed=1).tensors
    assert points.shape == (50_000, len(covariance))
    assert points.dtype == torch.float32
    np.testing.assert_allclose(points.mean(dim=0), 0, atol=0.04)
    np.testing.assert_allclose(np.cov(points.numpy().T), np.squeeze(covariance), atol=0.08)


def test_points_are_gaussian_and_not_only_of_the_right_covariance():
    """x · C⁻¹ · x follows a chi-squared distribution with D degrees of freedom."""
    covariance = np.array(COVARIANCES[2])
    points = data.gaussian_points(2000, covariance=covariance, seed=2).tensors[0].numpy()
    squared = np.einsum("nd,de,ne->n", points, np.linalg.inv(covariance), points)
    assert kstest(squared, chi2(3).cdf).pvalue > 0.01


def test_the_default_has_variance_three_along_and_a_half_across():
    along = np.array([0.8, 0.6])
    across = np.array([-0.6, 0.8])
    points = data.gaussian_points(50_000, seed=3).tensors[0].numpy()
    assert abs((points @ along).var() - 3) < 0.08
    assert abs((points @ across).var() - 0.5) < 0.015
    assert abs(np.mean((points @ along) * (points @ across))) < 0.02


def test_the_banana_is_its_curve_plus_noise():
    dataset = data.banana(20_000, bend=1.2, noise=0.5, seed=4)
    assert isinstance(dataset, TensorDataset)
    points, position = dataset.tensors
    assert points.shape == (20_000, 2)
    assert position.shape == (20_000,)
    assert points.dtype == position.dtype == torch.float32
    eps = (points - data.banana_curve(position, bend=1.2)).numpy() / 0.5
    assert kstest(position.numpy()[:2000], norm.cdf).pvalue > 0.01
    assert kstest(eps[:1000].ravel(), norm.cdf).pvalue > 0.01
    correlations = np.corrcoef(np.column_stack([position, eps]).T)
    np.testing.assert_allclose(correlations, np.eye(3), atol=0.03)


@pytest.mark.parametrize(("bend", "noise"), [(1.2, 0.5), (0.8, 0.3)])
def test_moments_of_the_banana_agree_with_quadrature(bend, noise):
    def average(f):
        return integrate.quad(lambda u: f(bend * u) * norm.pdf(u), -10, 10)[0]

    mean = [average(lambda a: 2 * math.sin(a)), average(lambda a: 2 - 2 * math.cos(a))]
    variance = [
        average(lambda a: (2 * math.sin(a)) ** 2) - mean[0] ** 2 + noise**2,
        average(lambda a: (2 - 2 * math.cos(a)) ** 2) - mean[1] ** 2 + noise**2,
    ]
    points = data.banana(50_000, bend=bend, noise=noise, seed=5).tensors[0].numpy()
    np.testing.assert_allclose(points.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(points.var(axis=0), variance, rtol=0.03)


def test_the_curve_is_an_arc_of_radius_two_walked_at_constant_speed():
    position = torch.linspace(-1.5, 1.5, 301)
    curve = data.banana_curve(position, bend=1.2)
    to_middle = (curve - torch.tensor([0.0, 2.0])).norm(dim=1)
    torch.testing.assert_close(to_middle, torch.full((301,), 2.0))
    steps = (curve[1:] - curve[:-1]).norm(dim=1)
    torch.testing.assert_close(steps, torch.full((300,), 2 * 1.2 * 0.01), rtol=1e-3, atol=0)
    torch.testing.assert_close(curve[150], torch.zeros(2))


@pytest.mark.parametrize("make", [data.gaussian_points, data.banana])
def test_a_seed_gives_the_same_points_and_another_seed_others(make):
    one, again, other = make(20, seed=4), make(20, seed=4), make(20, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(one.tensors, again.tensors, strict=True))
    assert not torch.equal(one.tensors[0], other.tensors[0])


@pytest.mark.parametrize("make", [data.gaussian_points, data.banana])
def test_drawing_points_leaves_the_global_generators_alone(make):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global generator is what must not move
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    make(5, seed=9)
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.gaussian_points(0), "n must be"),
        (lambda: data.gaussian_points(5, covariance=((1, 2), (0, 1))), "symmetric"),
        (lambda: data.gaussian_points(5, covariance=((1, 2), (2, 1))), "eigenvalues are above 0"),
        (lambda: data.gaussian_points(5, covariance=((1, 0, 0), (0, 1, 0))), "symmetric square"),
        (lambda: data.gaussian_points(5, covariance=((float("nan"), 0), (0, 1))), "finite"),
        (lambda: data.gaussian_points(5, covariance=(1, 2)), "symmetric square"),
        (lambda: data.banana(0), "n must be"),
        (lambda: data.banana(5, noise=0), "noise must be"),
        (lambda: data.banana(5, noise=float("nan")), "noise must be"),
        (lambda: data.banana(5, bend=-1), "bend must be"),
        (lambda: data.banana_curve(torch.zeros(2), bend=0), "bend must be"),
    ],
)
def test_bad_input_gets_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rounding_does_not_make_a_covariance_asymmetric():
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    covariance = axes @ np.diag([9, 3, 0.9, 0.5, 0.4]) @ axes.T
    covariance[0, 1] = 0.0
    covariance[1, 0] = 1e-7  # what single precision leaves of a zero
    assert data.gaussian_points(5, covariance=covariance).tensors[0].shape == (5, 5)
