"""Clouds of points: their moments are those that NumPy and SciPy compute from the formulas."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2, kstest, norm

from course_lib import data

COVARIANCES = [((2.1, 1.2), (1.2, 1.4)), ((3.0, -1.0, 0.5), (-1.0, 2.0, 0.3), (0.5, 0.3, 1.0)), ((0.25,),)]


@pytest.mark.parametrize("covariance", COVARIANCES, ids=len)
def test_points_are_gaussian_with_the_covariance_that_was_asked_for(covariance):
    """x · C⁻¹ · x follows a chi-squared distribution with D degrees of freedom."""
    (points,) = data.gaussian_points(50_000, covariance=covariance, seed=2).tensors
    assert points.shape == (50_000, len(covariance))
    assert points.dtype == torch.float32
    np.testing.assert_allclose(points.mean(dim=0), 0, atol=0.04)
    np.testing.assert_allclose(np.cov(points.numpy().T), np.squeeze(covariance), atol=0.08)
    squared = np.einsum("nd,de,ne->n", points, np.linalg.inv(covariance), points)
    assert kstest(squared[:2000], chi2(len(covariance)).cdf).pvalue > 0.01


def test_the_default_has_variance_three_along_and_a_half_across():
    turned = data.gaussian_points(50_000, seed=3).tensors[0].numpy() @ [[0.8, -0.6], [0.6, 0.8]]
    np.testing.assert_allclose(np.cov(turned.T), np.diag([3, 0.5]), atol=0.08)


def test_rounding_does_not_make_a_covariance_asymmetric():
    covariance = [[9.0, 0.0], [1e-7, 0.4]]  # what single precision leaves of a zero
    assert data.gaussian_points(5, covariance=covariance).tensors[0].shape == (5, 2)


@pytest.mark.parametrize(("bend", "noise"), [(1.2, 0.5), (0.8, 0.3)])
def test_the_banana_is_its_curve_plus_noise(bend, noise):
    points, position = data.banana(20_000, bend=bend, noise=noise, seed=4).tensors
    assert points.dtype == position.dtype == torch.float32
    eps = (points - data.banana_curve(position, bend=bend)).numpy() / noise
    assert kstest(position.numpy()[:2000], norm.cdf).pvalue > 0.01
    assert kstest(eps[:1000].ravel(), norm.cdf).pvalue > 0.01
    correlations = np.corrcoef(np.column_stack([position, eps]).T)
    np.testing.assert_allclose(correlations, np.eye(3), atol=0.03)


def test_the_curve_is_an_arc_of_radius_two_walked_at_constant_speed():
    """From its middle at the origin, around (0, 2), first to the right."""
    angle = 1.2 * torch.linspace(-1.5, 1.5, 31)
    arc = torch.stack([2 * angle.sin(), 2 - 2 * angle.cos()], dim=1)
    torch.testing.assert_close(data.banana_curve(angle / 1.2, bend=1.2), arc)
