"""The twelve kinds of image that are not circles."""

import hashlib
from itertools import product

import numpy as np
import pytest
import torch

from course_lib import data
from course_lib.data.odd_shapes import FILLED, LINES


def ink(images):
    return images.flatten(1).sum(dim=1)


@pytest.mark.parametrize("size", [20, 28, 40])
@pytest.mark.parametrize("kind", data.ANOMALY_KINDS)
def test_shape_type_and_range(kind, size):
    images = data.anomalies(kind, 7, size=size, seed=3)
    assert images.shape == (7, 1, size, size)
    assert images.dtype == torch.float32
    assert 0 <= images.min() <= images.max() <= 1
    assert (ink(images) > 0).tolist() == [kind != "blank"] * 7


@pytest.mark.parametrize("kind", [*LINES, *sorted(FILLED), "digit"])
def test_no_image_is_a_circle_but_some_dots_almost_are(kind):
    """Real circles are at most 1.7 from the nearest on the grid. The smallest have no hole, like dots."""
    distance, _ = data.nearest_circle(data.anomalies(kind, 100))
    assert distance.max() > 1.7
    assert distance.min() < 0.1 if kind == "dot" else distance.min() > 1.7


@pytest.mark.parametrize("kind", [*LINES, *FILLED])
def test_shapes_have_full_ink_and_are_not_clipped(kind):
    images = data.anomalies(kind, 200, seed=4)
    if kind != "dot":  # the smallest dots do not fill a pixel
        assert images.flatten(1).amax(dim=1).min() > 0.8
    assert images.count_nonzero() == images[..., 1:-1, 1:-1].count_nonzero()


def test_the_ink_of_each_kind_is_what_geometry_says():
    scale, stroke = data.canvas()[1], 1.5
    discs = data.anomalies("disc", 400)
    radii = (ink(discs) / np.pi).sqrt() / scale  # from the area
    assert 0.14 < radii.min() < 0.17 < 0.45 < radii.max() < 0.48
    wide = (discs[:, 0, 14] > 0.5).sum(dim=1) / (2 * scale)  # from the width, to a pixel
    assert (radii - wide).abs().max() < 1.2 / scale
    longest = {"square": 4 * 2**0.5, "triangle": 3 * 3**0.5, "cross": 4.0}
    for kind, length in longest.items():  # of the outline, for a radius of 1
        assert ink(data.anomalies(kind, 400)).max() == pytest.approx(0.47 * length * scale * stroke, rel=0.06)
    circles = ink(data.anomalies("two_circles", 300)) / (2 * np.pi * scale * stroke)
    assert 0.95 * 2 * 0.08 < circles.min() < circles.max() < 1.02 * 2 * 0.20


def test_arcs_miss_between_a_sixth_and_a_third_of_a_circle():
    """The widest run of angles without ink: 60° to 120°, less the round ends of the line."""
    margin, scale = data.canvas()
    axis = torch.arange(28) + 0.5 - (margin + scale * 0.515)
    angle = torch.atan2(axis[:, None], axis[None, :])
    for image in data.anomalies("arc", 50, seed=6):
        held = angle[image[0] > 0.3].sort().values
        gaps = torch.cat([held, held[:1] + 2 * np.pi]).diff()
        assert 15 < np.degrees(gaps.max().item()) < 125


def test_off_centre_circles_sit_in_all_four_corners_and_the_others_in_the_middle():
    margin, scale = data.canvas()
    axis = (torch.arange(28) + 0.5 - margin) / scale - 0.515  # from the middle of a circle
    for kind in ("off_centre", "square", "triangle", "cross", "disc", "dot"):
        images = data.anomalies(kind, 200)
        x, y = ((images.sum(dim=(1, side)) * axis).sum(dim=1) / ink(images) for side in (2, 3))
        if kind == "off_centre":
            assert min(x.abs().min(), y.abs().min()) > 0.2
            assert {*zip((x > 0).tolist(), (y > 0).tolist(), strict=True)} == {
                *product((True, False), repeat=2)
            }
        else:
            assert max(x.abs().max(), y.abs().max()) < 0.04


def test_noise_is_uniform_and_the_same_bits_on_every_platform():
    values = data.anomalies("noise", 50).flatten()
    assert values.mean().item() == pytest.approx(0.5, abs=0.01)
    assert values.std().item() == pytest.approx(12**-0.5, abs=0.01)
    raw = data.anomalies("noise", 3, seed=0).numpy().tobytes()
    assert hashlib.sha256(raw).hexdigest().startswith("bb36cc695497cfbefc5b1fcdcf692e67")
