"""The circles: what is drawn, where, with how much ink; and the yardsticks made of them."""

import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from course_lib import data


def test_a_dataset_holds_images_radii_and_centers():
    circles = data.circles(50, seed=3)
    assert isinstance(circles, TensorDataset)
    assert len(circles) == 50
    image, radius = circles[7]
    assert image.shape == (1, 28, 28)
    assert radius.shape == ()
    assert circles.images.dtype == circles.radii.dtype == circles.centers.dtype == torch.float32
    assert circles.centers.shape == (50, 2)
    assert torch.equal(image, circles.images[7])
    assert torch.equal(radius, circles.radii[7])


def test_causes_fill_their_ranges():
    circles = data.circles(4000, seed=1)
    assert 0.03 <= circles.radii.min() < 0.035
    assert 0.465 < circles.radii.max() <= 0.47
    assert circles.centers.min() >= 0.50
    assert circles.centers.max() <= 0.53
    # a uniform distribution has the standard deviation of its width / sqrt(12)
    assert circles.radii.std().item() == pytest.approx(0.44 / math.sqrt(12), rel=0.03)
    assert circles.centers.std(dim=0).tolist() == pytest.approx([0.03 / math.sqrt(12)] * 2, rel=0.03)


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(14, 64),
    stroke=st.floats(0.2, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_ink_is_in_range_and_nothing_is_clipped(size, stroke, seed):
    images = data.circles(20, size=size, stroke=stroke, seed=seed).images
    assert images.shape == (20, 1, size, size)
    assert images.min() == 0
    assert 0 < images.max() <= 1
    edge = torch.cat([images[..., 0], images[..., -1], images[..., 0, :], images[..., -1, :]])
    # the line may touch the outermost pixels, but its ink must fall off inside the image: a circle
    # drawn on a larger canvas with the same geometry has nowhere else to put ink
    assert edge.max() <= min(1, stroke)
    margin, scale = data.canvas(size, stroke)
    assert margin + scale * (0.53 + 0.47) + stroke / 2 <= size + 1e-9
    assert margin + scale * (0.50 - 0.47) - stroke / 2 >= 0


def test_paper_is_zero_and_ink_is_one():
    images = data.circles(200).images
    assert images.max() == 1
    assert (images == 0).float().mean() > 0.7


def test_the_same_seed_gives_the_same_bits_everywhere():
    circles = data.circles(100, seed=0)
    raw = circles.images.numpy().tobytes() + circles.radii.numpy().tobytes()
    assert hashlib.sha256(raw).hexdigest() == (
        "06fca30cd1fd0a4b332f0bf0ff78ea23660548f927153b63e2a1cb5f4c61e157"
    )
    assert not torch.equal(circles.images, data.circles(100, seed=1).images)


def test_a_pixel_against_an_integral_over_its_area():
    """The ink of a pixel is close to the share of 40 × 40 points inside it that the line covers."""
    radius, center, stroke = 0.3, (0.51, 0.52), 1.5
    image = data.render_circles(torch.tensor([radius]), torch.tensor([center]), stroke=stroke)[0, 0]
    margin, scale = data.canvas(28, stroke)
    points = (np.arange(28 * 40) + 0.5) / 40
    x, y = np.meshgrid(points, points)
    distance = np.hypot(x - margin - scale * center[0], y - margin - scale * center[1])
    covered = np.abs(distance - scale * radius) < stroke / 2
    coverage = covered.reshape(28, 40, 28, 40).mean(axis=(1, 3))
    error = np.abs(image.numpy() - coverage)
    assert error.max() < 0.12  # a pixel is a square, its width along a slanted normal is not 1
    assert error.mean() < 0.01
    assert image.sum().item() == pytest.approx(2 * math.pi * scale * radius * stroke, rel=0.01)


def test_a_thin_line_has_less_than_full_ink():
    images = data.circles(50, stroke=0.5).images
    assert images.max() == pytest.approx(0.5)


def test_split_deals_out_every_row_once_with_its_cause():
    circles = data.circles(100, seed=5)
    parts = data.split(circles, 60, 25, 15, seed=2)
    assert [len(part) for part in parts] == [60, 25, 15]
    radii = torch.cat([part.radii for part in parts])
    assert torch.equal(radii.sort().values, circles.radii.sort().values)
    part = parts[1]
    assert torch.equal(part.images, data.render_circles(part.radii, part.centers))
    again = data.split(circles, 60, 25, 15, seed=2)
    assert torch.equal(again[0].images, parts[0].images)
    assert not torch.equal(data.split(circles, 60, seed=3)[0].radii, parts[0].radii)


def test_a_loader_makes_batches():
    x, radius = next(iter(DataLoader(data.circles(64), batch_size=32)))
    assert x.shape == (32, 1, 28, 28)
    assert radius.shape == (32,)


def test_nearest_circle_finds_circles_and_their_radius():
    circles = data.circles(100, seed=9)
    distance, radius = data.nearest_circle(circles.images)
    assert distance.max() < 2
    assert (radius - circles.radii).abs().max() < 0.01
    far, _ = data.nearest_circle(data.anomalies("square", 20))
    assert far.min() > distance.max()


def test_nearest_circle_of_a_drawn_grid_point_is_itself():
    image = data.render_circles(torch.tensor([0.03 + 0.44 / 2]), torch.tensor([[0.51, 0.52]]))
    distance, radius = data.nearest_circle(image)
    assert distance.item() == pytest.approx(0, abs=1e-3)
    assert radius.item() == pytest.approx(0.25, abs=1e-6)


def test_the_floor_against_a_regression_on_the_radius():
    """scikit-learn predicts the pixels from the radius alone: nearly as well as anyone can."""
    from sklearn.neighbors import KNeighborsRegressor

    train, test = data.circles(20_000, seed=1), data.circles(2_000, seed=2)
    predict = KNeighborsRegressor(60).fit(train.radii[:, None], train.images.flatten(1)).predict
    x = test.images.flatten(1)
    error = (torch.from_numpy(predict(test.radii[:, None])) - x).square().sum(dim=1).mean()
    share = float(error / x.var(dim=0, correction=0).sum())
    assert data.radius_only_floor() == pytest.approx(share, rel=0.05)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.circles(0), "n must be"),
        (lambda: data.circles(2.5), "n must be"),
        (lambda: data.circles(5, size=0), "size must be"),
        (lambda: data.circles(5, size=4), "leaves no room"),
        (lambda: data.circles(5, stroke=0), "stroke must be"),
        (lambda: data.circles(5, stroke=float("nan")), "stroke must be"),
        (lambda: data.circles(5, stroke=40), "leaves no room"),
        (lambda: data.split(data.circles(5), 4, 2), "cannot deal 6 images out of a dataset of 5"),
        (lambda: data.split(data.circles(5), 0), "size must be"),
        (lambda: data.nearest_circle(torch.zeros(3, 28, 28)), r"shape \(N, 1, H, W\)"),
        (lambda: data.nearest_circle(torch.full((3, 1, 28, 28), float("nan"))), "finite"),
        (lambda: data.render_circles(torch.zeros(3), torch.zeros(2, 2)), "radii"),
    ],
)
def test_bad_input_gets_a_sentence(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
