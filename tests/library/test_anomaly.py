"""Scores, thresholds, ROC, AUC and base rates: against scikit-learn, NumPy, closed forms, and by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_score, roc_auc_score, roc_curve

from course_lib import anomaly, data
from tests.library.small import SHAPE, vae

SCORES = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30).map(torch.tensor)


def always(image):
    """A stand-in for a model that redraws every image as this one."""
    return SimpleNamespace(embed=lambda x: x, decode=image.expand_as)


@pytest.mark.parametrize(("kind", "error"), [("mse", 784 * 0.25), ("bce", 784 * math.log(2))])
def test_a_score_is_the_sum_over_the_pixels_of_one_image(kind, error):
    half = always(torch.full((1, *SHAPE), 0.5))
    scores = anomaly.anomaly_scores(half, torch.zeros(5, *SHAPE), kind=kind)
    assert scores.tolist() == pytest.approx([error] * 5, rel=1e-5)


def test_scores_come_in_the_order_of_the_images_whatever_the_batches():
    images = data.circles(1203).images  # two full batches of the library and a rest
    scores = anomaly.anomaly_scores(always(torch.zeros(1, *SHAPE)), images)
    np.testing.assert_allclose(scores, images.square().flatten(1).sum(dim=1), rtol=1e-5)


def test_scores_of_a_vae_draw_no_noise_and_keep_no_graph():
    model, images = vae(2), data.circles(20).images
    for score in (anomaly.anomaly_scores, anomaly.relative_scores):
        first, second = score(model, images), score(model, images)
        assert torch.equal(first, second)
        assert not first.requires_grad


def test_relative_scores_are_one_minus_the_dice_coefficient():
    """Of binary masks: 1 − 2 |A ∩ B| / (|A| + |B|)."""
    masks = (torch.rand(50, *SHAPE) < 0.3).float()
    other = (torch.rand(1, *SHAPE) < 0.4).float()
    both = (masks.bool() & other.bool()).flatten(1).sum(dim=1)
    dice = 2 * both / (masks.flatten(1).sum(dim=1) + other.sum())
    np.testing.assert_allclose(anomaly.relative_scores(always(other), masks), 1 - dice, rtol=1e-5)
    blank = torch.zeros(1, *SHAPE)
    assert anomaly.relative_scores(always(blank), blank).item() == 0  # redrawn perfectly, not NaN


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.29, 0.5, 0.57])
def test_a_threshold_is_numpys_inverted_cdf(rate):
    """At most this share of the scores lies above. 0.29 · 100 is a little less than 29 in floating point."""
    for scores in (
        torch.randperm(100).float(),
        torch.randperm(1000).float(),
        torch.randint(9, (37,)).float(),
    ):
        expected = np.quantile(scores.numpy(), 1 - rate - 1e-9, method="inverted_cdf")
        assert anomaly.threshold_at(scores, rate) == expected


@settings(deadline=None)
@given(normal=SCORES, odd=SCORES, threshold=st.integers(-1, 9))
def test_auc_roc_and_counts_against_scikit_learn_ties_included(normal, odd, threshold):
    labels = np.r_[np.zeros(len(normal)), np.ones(len(odd))]
    scores = np.r_[normal.numpy(), odd.numpy()]
    assert anomaly.auc(normal, odd) == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    for found, expected in zip(anomaly.roc(normal, odd), roc_curve(labels, scores), strict=False):
        np.testing.assert_array_equal(found, expected)
    found = anomaly.confusion(normal, odd, threshold)
    assert list(found) == confusion_matrix(labels, scores > threshold, labels=[0, 1]).ravel().tolist()


@pytest.mark.parametrize(("confidence", "deviations"), [(0.95, 1.96), (0.5, 0.674)])
def test_the_interval_is_as_wide_as_the_theory_says(confidence, deviations):
    """Two normal distributions one standard deviation apart: Hanley and McNeil's formula for the spread."""
    n, m = 400, 150
    normal, odd = torch.randn(n), torch.randn(m) + 1
    area = anomaly.auc(normal, odd)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (n * m)
    low, high = anomaly.auc_interval(normal, odd, resamples=1000, confidence=confidence)
    assert low < area < high
    assert high - low == pytest.approx(2 * deviations * math.sqrt(variance), rel=0.15)


def test_the_interval_keeps_to_its_seed_and_to_the_ends():
    normal, odd = torch.randn(50), torch.randn(50) + 0.5
    one, again, other = (anomaly.auc_interval(normal, odd, seed=seed) for seed in (4, 4, 5))
    assert one == again != other
    assert anomaly.auc_interval(normal, normal.max() + torch.rand(9) + 1) == (1.0, 1.0)


@pytest.mark.parametrize("odd_in_groups", [True, False])
def test_copies_in_a_group_make_the_interval_no_narrower(odd_in_groups):
    normal, odd = torch.randn(20), torch.randn(12) + 0.5
    copies = [torch.arange(n).repeat_interleave(30) for n in (20, 12)]
    by_group = anomaly.auc_interval(
        normal[copies[0]],
        odd[copies[1]] if odd_in_groups else odd,
        groups=(copies[0], copies[1] if odd_in_groups else ["odd"] * 12),
    )
    assert by_group == pytest.approx(anomaly.auc_interval(normal, odd))


def test_precision_against_scikit_learn_from_rates_and_from_counts():
    random = np.random.default_rng(0)
    odd = random.random(20_000) < 0.03
    alarm = np.where(odd, random.random(20_000) < 0.7, random.random(20_000) < 0.02)
    rates, expected = (alarm[odd].mean(), alarm[~odd].mean()), pytest.approx(precision_score(odd, alarm))
    found = anomaly.confusion(*(torch.from_numpy(alarm[rows]).float() for rows in (~odd, odd)), 0.5)
    assert anomaly.precision_at_base_rate(*rates, odd.mean()) == expected
    assert found.precision(odd.mean()) == expected
    assert (found.true_positive_rate, found.false_positive_rate) == pytest.approx(rates)
    assert math.isnan(anomaly.precision_at_base_rate(0, 0, 0.5))  # no alarm at all
