"""Clouds of points in place of images: a Gaussian, and a banana that no linear code can follow."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_lib import _require
from course_lib.data._random import frozen_random


def gaussian_points(
    n: int = 1000,
    *,
    covariance: Sequence[Sequence[float]] = ((2.1, 1.2), (1.2, 1.4)),
    seed: int = 0,
) -> TensorDataset:
    """`n` points (D,) drawn from N(0, covariance), as one tensor (n, D).

    The default covariance has the variance 3 along (0.8, 0.6) and 0.5 across. The number of rows and
    columns of `covariance` is D.
    """
    _require.whole(n=n)
    covariance = np.asarray(covariance, dtype=float)
    _require_covariance(covariance)
    eps = frozen_random(seed).standard_normal((n, len(covariance)))
    return TensorDataset(torch.from_numpy(eps @ np.linalg.cholesky(covariance).T).float())


def banana(n: int = 1000, *, bend: float = 1.2, noise: float = 0.5, seed: int = 0) -> TensorDataset:
    """`n` pairs (point (2,), position ()): a place on `banana_curve`, plus noise in both directions.

    The position is drawn from N(0, 1), and the noise from N(0, noise²): the points of a VAE with one
    latent dimension whose decoder is the curve.
    """
    _require.whole(n=n)
    _require.positive(noise=noise)
    random = frozen_random(seed)
    position = torch.from_numpy(random.standard_normal(n)).float()
    eps = torch.from_numpy(random.standard_normal((n, 2))).float()
    return TensorDataset(banana_curve(position, bend=bend) + noise * eps, position)


def banana_curve(position: Tensor, *, bend: float = 1.2) -> Tensor:
    """Points (N, 2) on an arc of radius 2 that starts at the origin; `bend` radians for a step of 1."""
    _require.tensor(position=position)
    _require.positive(bend=bend)
    angle = bend * position
    return torch.stack([2 * angle.sin(), 2 - 2 * angle.cos()], dim=-1)


def _require_covariance(covariance: np.ndarray) -> None:
    square = covariance.ndim == 2 and covariance.shape[0] == covariance.shape[1]
    finite = square and bool(np.isfinite(covariance).all())
    rounding = 1e-5 * np.abs(covariance).max() if finite else 0
    if (
        not finite
        or not np.allclose(covariance, covariance.T, atol=rounding)
        or np.linalg.eigvalsh(covariance)[0] <= 0
    ):
        raise ValueError(
            "covariance must be a symmetric square of finite numbers whose eigenvalues are above 0, not "
            f"{covariance.tolist()}"
        )
