"""Moons between new and full: one cause, the phase."""

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_lib import _require
from course_lib.data._random import frozen_random
from course_lib.data.circle import canvas, require_canvas


class Moons(TensorDataset):
    """Pairs (image (1, H, W), phase ()): `images` (N, 1, H, W) in [0, 1], `phases` (N,) in [0, 1]."""

    def __init__(self, images: Tensor, phases: Tensor):
        super().__init__(images, phases)
        self.images, self.phases = images, phases


def moons(n: int = 1000, *, size: int = 28, seed: int = 0) -> Moons:
    """Draw `n` moons whose phase is uniform between new (0) and full (1). A seed gives the same bits."""
    _require.whole(n=n)
    phases = torch.from_numpy(frozen_random(seed).uniform(0, 1, n)).float()
    return Moons(render_moons(phases, size=size), phases)


def render_moons(phases: Tensor, *, size: int = 28) -> Tensor:
    """The lit part of waxing moons → images (N, 1, size, size); `phases` (N,) is its share of the disc.

    The disc has radius R. On the line at height y it is 2·w(y) wide, with w(y) = √(R² − y²), and lit from
    (1 − 2·phase)·w(y) to w(y): the edge of the light is half an ellipse. What a line covers of each
    pixel is exact; 8 lines a row are averaged.
    """
    require_canvas(size, 1.5)
    _require_phases(phases)
    lines = 8
    radius = canvas(size)[1] / 2  # in pixels
    left = torch.arange(size) - size / 2  # the left edge of each pixel, seen from the centre
    ink = torch.zeros(len(phases), size, size)  # (N, H, W)
    for line in range(lines):
        y = left + (line + 0.5) / lines
        width = (radius**2 - y.square()).clamp(min=0).sqrt()  # (H,)
        start = (1 - 2 * phases[:, None]) * width  # (N, H)
        covered_to = torch.minimum(width[:, None], left + 1)  # (H, W)
        covered_from = torch.maximum(start[:, :, None], left)  # (N, H, W)
        ink += (covered_to - covered_from).clamp(min=0) / lines
    return ink.clamp(max=1)[:, None]  # (N, 1, H, W)


def _require_phases(phases: Tensor) -> None:
    _require.tensor(phases=phases)
    if phases.ndim != 1 or not bool(((phases >= 0) & (phases <= 1)).all()):
        raise ValueError(
            "phases must be of shape (N,) with numbers from 0 (new) to 1 (full); these are of shape "
            f"{tuple(phases.shape)}"
            + (f" and reach from {phases.min():g} to {phases.max():g}" if phases.numel() else "")
        )
