"""Moons: the lit area is the phase, and brute force draws the same picture."""

import math

import pytest
import torch

from course_lib import data


@pytest.mark.parametrize("size", [16, 28, 33, 64])
def test_the_lit_area_is_the_phase_times_the_disc(size):
    phases = torch.linspace(0, 1, 41)
    lit = data.render_moons(phases, size=size).sum(dim=(1, 2, 3))
    radius = data.canvas(size)[1] / 2
    torch.testing.assert_close(lit, phases * math.pi * radius**2, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("phase", [0.0, 0.1, 0.25, 0.5, 0.65, 0.97, 1.0])
def test_counting_lit_points_gives_the_same_ink(phase):
    """A point is lit when it lies on the disc and right of the half ellipse x² / a² + y² = R²."""
    dots, radius = 40, 12.0
    axis = (torch.arange(28 * dots) + 0.5) / dots - 14
    x, y = axis[None, :], axis[:, None]
    across = 1 - 2 * phase  # the ellipse's half width ÷ R, negative when it bulges to the left
    inside = x.square() + y.square() < radius**2
    beyond = x > across * (radius**2 - y.square()).clamp(min=0).sqrt()
    counted = (inside & beyond).float().reshape(28, dots, 28, dots).mean(dim=(1, 3))
    drawn = data.render_moons(torch.tensor([phase]))[0, 0]
    assert (drawn - counted).abs().max() < 0.04


def test_phases_are_uniform_between_new_and_full():
    moons = data.moons(4000, size=8, seed=1)
    assert torch.equal(data.render_moons(moons.phases, size=8), moons.images)
    assert moons.images.dtype == moons.phases.dtype == torch.float32
    assert 0 <= moons.phases.min() < moons.phases.max() <= 1
    assert abs(moons.phases.mean() - 0.5) < 0.02
    assert abs(moons.phases.var() - 1 / 12) < 0.004
