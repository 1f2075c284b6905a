"""Closed forms: against torch.distributions, scikit-learn's probabilistic PCA, and Bayes' rule."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import Normal, kl_divergence

from course_lib import gaussians


@pytest.mark.parametrize("mu", [-3.0, 0.0, 0.7])
@pytest.mark.parametrize("sigma", [0.2, 1.0, 2.0])
def test_the_terms_of_the_kl_add_up_to_it(mu, sigma):
    terms = gaussians.kl_terms(mu, sigma).values()
    assert sum(terms) == pytest.approx(kl_divergence(Normal(mu, sigma), Normal(0.0, 1.0)).item(), abs=1e-6)
    assert list(gaussians.kl_terms(-2.0, 1.0).values()) == [0, 2.5, -0.5]


@pytest.mark.parametrize("angle", [-60, 0, 37])
@pytest.mark.parametrize(("along", "across"), [(3, 0.5), (0.5, 3), (8, 1), (2, 2)])
def test_the_best_linear_vae_is_probabilistic_pca(along, across, angle):
    turn = np.deg2rad(angle)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])  # a row each
    axes *= np.sqrt([[along], [across]])
    x = np.sqrt(3 / 2) * np.concatenate([axes, -axes])  # four points, and n − 1 is what PCA divides by
    pca = PCA(1).fit(x)
    vae = gaussians.best_linear_vae(along, across, angle)
    assert vae.sigma2 == pytest.approx(pca.noise_variance_)
    np.testing.assert_allclose(vae.covariance, pca.get_covariance(), atol=1e-12)
    assert vae.w @ vae.w == pytest.approx(max(along, across) - vae.sigma2)
    # the posterior of each point by Bayes' rule: precision 1 from the prior, |w|² / σ² from the point
    precision = 1 + vae.w @ vae.w / vae.sigma2
    assert vae.posterior_variance == pytest.approx(1 / precision)
    mu = torch.from_numpy(np.sqrt(4 / 3) * x @ vae.w / vae.sigma2 / precision)  # n points again
    kl = kl_divergence(Normal(mu, precision**-0.5), Normal(0.0, 1.0)).mean()
    assert vae.kl == pytest.approx(kl.item())
