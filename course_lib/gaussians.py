"""Closed forms for Gaussians, which figures draw and tests can look up."""

from typing import NamedTuple

import numpy as np

from course_lib import _require


def kl_terms(mu: float, sigma: float) -> dict[str, float]:
    """The three terms that add up to KL(N(mu, sigma²) ‖ N(0, 1)), in nats, by their formula."""
    return {"−½ log σ²": -np.log(sigma), "½ (σ² + μ²)": (sigma**2 + mu**2) / 2, "−½": -0.5}


class LinearVAE(NamedTuple):
    """x = w z + noise, with z from N(0, 1) and noise of variance sigma2 in both directions."""

    w: np.ndarray  # (2,)
    sigma2: float

    @property
    def covariance(self) -> np.ndarray:
        """Of p(x), which is a Gaussian: (2, 2)."""
        return np.outer(self.w, self.w) + self.sigma2 * np.eye(2)

    @property
    def posterior_variance(self) -> float:
        """Of p(z | x), the same for every x."""
        return self.sigma2 / (self.sigma2 + self.w @ self.w)

    @property
    def kl(self) -> float:
        """KL(p(z | x) ‖ N(0, 1)) in nats, averaged over the data."""
        return -np.log(self.posterior_variance) / 2


def best_linear_vae(along: float, across: float, angle: float) -> LinearVAE:
    """The linear VAE with one latent dimension that fits a Gaussian cloud in the plane best.

    The cloud has the variance `along` in the direction `angle` (degrees) and the variance `across` at
    right angles to it. Tipping and Bishop (1999).
    """
    _require.positive(along=along, across=across)
    turn = np.deg2rad(angle + 90 * (across > along))  # the direction of the larger variance
    direction = np.array([np.cos(turn), np.sin(turn)])
    return LinearVAE(direction * np.sqrt(abs(along - across)), min(along, across))
