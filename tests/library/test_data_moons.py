"""Moons: the lit area is the phase, and brute force draws the same picture."""

import math

import pytest
import torch
from torch.utils.data import TensorDataset

from course_lib import data


@pytest.mark.parametrize("size", [16, 28, 33, 64])
def test_the_lit_area_is_the_phase_times_the_disc(size):
    phases = torch.linspace(0, 1, 41)
    radius = data.canvas(size)[1] / 2
    lit = data.render_moons(phases, size=size).sum(dim=(1, 2, 3))
    torch.testing.assert_close(lit, phases * math.pi * radius**2, rtol=2e-3, atol=1e-3)


def test_counting_lit_points_gives_the_same_ink():
    """A point is lit when it lies on the disc and right of the half ellipse x² / a² + y² = R²."""
    dots, radius = 40, 12.0
    axis = (torch.arange(28 * dots) + 0.5) / dots - 14
    x, y = axis[None, :], axis[:, None]
    for phase in (0.1, 0.25, 0.5, 0.65, 0.97):
        across = 1 - 2 * phase  # the ellipse's half width ÷ R, negative when it bulges to the left
        inside = x.square() + y.square() < radius**2
        beyond = x > across * (radius**2 - y.square()).clamp(min=0).sqrt()
        counted = (inside & beyond).float().reshape(28, dots, 28, dots).mean(dim=(1, 3))
        drawn = data.render_moons(torch.tensor([phase]))[0, 0]
        assert (drawn - counted).abs().max() < 0.04


def test_new_half_and_full_moon():
    new, half, full = data.render_moons(torch.tensor([0.0, 0.5, 1.0]))[:, 0]
    assert new.max() == 0
    assert full[14, 2:26].min() > 0.9  # 24 pixels across
    assert half[:, :14].max() == 0  # dark on the left, lit on the right
    assert torch.equal(half[:, 14:], full[:, 14:])


def test_a_later_moon_holds_all_the_ink_of_an_earlier_one():
    images = data.render_moons(torch.linspace(0, 1, 30))
    assert (images[1:] - images[:-1] >= -1e-6).all()
    assert ((images >= 0) & (images <= 1)).all()


def test_top_and_bottom_mirror_each_other():
    images = data.render_moons(torch.tensor([0.2, 0.8]))
    torch.testing.assert_close(images, images.flip(2), rtol=0, atol=1e-5)


def test_nothing_is_clipped():
    images = data.render_moons(torch.tensor([1.0]))
    border = torch.cat([images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]])
    assert border.max() == 0


def test_a_dataset_of_pairs():
    moons = data.moons(50, size=20, seed=3)
    assert isinstance(moons, TensorDataset)
    assert moons.images.shape == (50, 1, 20, 20)
    assert moons.phases.shape == (50,)
    assert moons.images.dtype == moons.phases.dtype == torch.float32
    image, phase = moons[7]
    assert torch.equal(image, moons.images[7])
    assert phase == moons.phases[7]
    assert torch.equal(data.render_moons(moons.phases, size=20), moons.images)


def test_phases_are_uniform_between_new_and_full():
    phases = data.moons(4000, size=8, seed=1).phases
    assert phases.min() >= 0
    assert phases.max() <= 1
    assert abs(phases.mean() - 0.5) < 0.02
    assert abs(phases.var() - 1 / 12) < 0.004


def test_a_seed_gives_the_same_moons_and_another_seed_others():
    one, again, other = data.moons(20, seed=4), data.moons(20, seed=4), data.moons(20, seed=5)
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.phases, again.phases)
    assert not torch.equal(one.phases, other.phases)


def test_drawing_moons_leaves_the_global_generators_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    data.moons(5, seed=9)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.moons(0), "n must be"),
        (lambda: data.moons(5, size=3), "no room"),
        (lambda: data.render_moons(torch.tensor([1.2])), "from 1.2 to 1.2"),
        (lambda: data.render_moons(torch.tensor([float("nan")])), "phases must be"),
        (lambda: data.render_moons(torch.tensor([[0.5]])), r"\(1, 1\)"),
    ],
)
def test_bad_input_gets_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
