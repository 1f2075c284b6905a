"""The circles: what is drawn, where, with how much ink; and the yardsticks made of them."""

import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor

from course_lib import data


def test_causes_fill_their_ranges():
    circles = data.circles(4000, seed=1)
    for causes, low, high in ((circles.radii[:, None], 0.03, 0.47), (circles.centers, 0.50, 0.53)):
        assert causes.dtype == torch.float32
        assert low <= causes.min() < causes.max() <= high
        # a uniform distribution has the standard deviation of its width / sqrt(12)
        deviations = [(high - low) / math.sqrt(12)] * causes.shape[1]
        assert causes.std(dim=0).tolist() == pytest.approx(deviations, rel=0.03)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(14, 64), stroke=st.floats(0.2, 4), seed=st.integers(0, 2**32 - 1))
def test_ink_is_in_range_and_nothing_is_clipped(size, stroke, seed):
    images = data.circles(20, size=size, stroke=stroke, seed=seed).images
    assert images.shape == (20, 1, size, size)
    assert images.min() == 0
    assert 0.8 * min(1, stroke) < images.max() < min(1, stroke) + 1e-6
    margin, scale = data.canvas(size, stroke)
    assert margin + scale * (0.53 + 0.47) + stroke / 2 <= size + 1e-9
    assert margin + scale * (0.50 - 0.47) - stroke / 2 >= 0


def test_the_same_seed_gives_the_same_bits_everywhere():
    """Those of NumPy's square root, which IEEE 754 fixes to the last bit."""
    circles = data.circles(100, seed=0)
    raw = circles.images.numpy().tobytes() + circles.radii.numpy().tobytes()
    assert hashlib.sha256(raw).hexdigest().startswith("6ef0c60a4ad59b75200f49ddbc613a06")


def test_a_pixel_against_an_integral_over_its_area():
    """The ink of a pixel is close to the share of 40 × 40 points inside it that the line covers."""
    radius, center, stroke = 0.3, (0.51, 0.52), 1.5
    image = data.render_circles(torch.tensor([radius]), torch.tensor([center]), stroke=stroke)[0, 0]
    margin, scale = data.canvas(28, stroke)
    points = (np.arange(28 * 40) + 0.5) / 40
    x, y = np.meshgrid(points, points)
    distance = np.hypot(x - margin - scale * center[0], y - margin - scale * center[1])
    covered = np.abs(distance - scale * radius) < stroke / 2
    error = np.abs(image.numpy() - covered.reshape(28, 40, 28, 40).mean(axis=(1, 3)))
    assert error.max() < 0.12  # a pixel is a square, its width along a slanted normal is not 1
    assert error.mean() < 0.01
    assert image.sum().item() == pytest.approx(2 * math.pi * scale * radius * stroke, rel=0.01)


def test_split_deals_out_every_row_once_with_its_cause():
    circles = data.circles(100, seed=5)
    parts = data.split(circles, 60, 25, 15, seed=2)
    assert [len(part) for part in parts] == [60, 25, 15]
    radii = torch.cat([part.radii for part in parts])
    assert torch.equal(radii.sort().values, circles.radii.sort().values)
    assert torch.equal(parts[1].images, data.render_circles(parts[1].radii, parts[1].centers))


def test_nearest_circle_finds_circles_and_their_radius():
    circles = data.circles(100, seed=9)
    on_grid = data.render_circles(torch.tensor([0.25]), torch.tensor([[0.51, 0.52]]))
    squares = data.anomalies("square", 20)
    distance, radius = data.nearest_circle(torch.cat([circles.images, on_grid, squares]))
    assert distance[:100].max() < 2 < distance[101:].min()
    assert (radius[:100] - circles.radii).abs().max() < 0.01
    assert (distance[100].item(), radius[100].item()) == pytest.approx((0, 0.25), abs=1e-3)


def test_a_misfit_is_a_share_of_a_circles_ink():
    circle = data.render_circles(torch.tensor([0.25]), torch.tensor([[0.51, 0.52]]))
    faint = torch.cat([circle, 0.8 * circle, 0.5 * circle, 0 * circle])
    shares, radii = data.misfit(faint)  # a share a of the ink is missing: a² of the squared ink
    assert shares[:3].tolist() == pytest.approx([0, 0.04, 0.25], abs=0.02)
    assert shares[3] == pytest.approx(1, abs=0.02)
    assert radii[:3].tolist() == pytest.approx([0.25] * 3, abs=2e-3)


def test_a_misfit_knows_the_size_of_the_image():
    large = data.circles(50, size=56, seed=3)
    shares, radii = data.misfit(0.5 * large.images)
    assert shares.median() == pytest.approx(0.25, abs=0.05)
    assert (radii - large.radii).abs().max() < 0.01


def test_the_floor_against_a_regression_on_the_radius():
    """scikit-learn predicts the pixels from the radius alone: nearly as well as anyone can."""
    train, test = data.circles(20_000, seed=1), data.circles(2_000, seed=2)
    predict = KNeighborsRegressor(60).fit(train.radii[:, None], train.images.flatten(1)).predict
    x = test.images.flatten(1)
    error = (torch.from_numpy(predict(test.radii[:, None])) - x).square().sum(dim=1).mean()
    share = float(error / x.var(dim=0, correction=0).sum())
    assert data.radius_only_floor() == pytest.approx(share, rel=0.05)
