"""Scores, thresholds, ROC, AUC and base rates: against scikit-learn, NumPy, closed forms, and by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc as trapezoids
from sklearn.metrics import confusion_matrix, precision_score, roc_auc_score, roc_curve
from torch import nn

from course_lib import anomaly, data
from tests.library.small import SHAPE, vae

SCORES = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30).map(torch.tensor)


class Redraw(nn.Module):
    """A model whose redrawing of an image is known: `how` (image) → image."""

    def __init__(self, how):
        super().__init__()
        self.decode = how

    def embed(self, x):
        return x


def shift(by):
    return Redraw(lambda x: x + by)


def always(image):
    return Redraw(lambda x: image.expand_as(x))


def labelled(normal, odd):
    return np.r_[np.zeros(len(normal)), np.ones(len(odd))], np.r_[normal.numpy(), odd.numpy()]


# ── Scores ───────────────────────────────────────────────────────────────────────────────────────


def test_a_score_is_the_sum_over_the_pixels_of_one_image():
    scores = anomaly.anomaly_scores(shift(0.5), torch.rand(5, *SHAPE))
    assert scores.tolist() == pytest.approx([784 * 0.25] * 5, rel=1e-5)
    half = always(torch.full((1, *SHAPE), 0.5))
    nats = anomaly.anomaly_scores(half, torch.zeros(1, *SHAPE), kind="bce")
    assert nats.item() == pytest.approx(784 * math.log(2), rel=1e-5)


def test_the_company_of_other_images_changes_no_score():
    """A mean over the batch would make every image as odd as its batch."""
    circles, ducks = data.circles(3).images, data.anomalies("duck", 2)
    model = always(circles[:1])
    together = anomaly.anomaly_scores(model, torch.cat([circles, ducks]))
    alone = [anomaly.anomaly_scores(model, image[None]) for image in (*circles, *ducks)]
    assert together.tolist() == pytest.approx(torch.cat(alone).tolist(), rel=1e-6)
    assert together[0] == 0
    assert together[3:].min() > together[:3].max()


def test_scores_come_in_the_order_of_the_images_whatever_the_batches():
    images = data.circles(1203).images  # two full batches of the library and a rest
    target = torch.zeros(1, *SHAPE)
    scores = anomaly.anomaly_scores(always(target), images)
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


def test_relative_scores_at_their_ends():
    circles, blank = data.circles(4).images, torch.zeros(1, *SHAPE)
    assert anomaly.relative_scores(shift(0), circles).tolist() == [0] * 4
    assert anomaly.relative_scores(always(circles[:1]), blank).item() == pytest.approx(1)
    assert anomaly.relative_scores(always(circles[:1] / 50), blank).item() == pytest.approx(1)
    assert anomaly.relative_scores(always(blank), blank).item() == 0  # redrawn perfectly, not NaN


# ── Thresholds ───────────────────────────────────────────────────────────────────────────────────


def test_a_threshold_by_hand():
    ten = torch.tensor([2.0, 1.0, 3.0, 9.0, 2.5, 1.5, 4.0, 2.2, 6.0, 1.8])
    assert anomaly.threshold_at(ten, 0.2) == 4.0
    assert anomaly.threshold_at(ten, 0.29) == 4.0
    assert anomaly.threshold_at(ten, 0.3) == 3.0
    assert anomaly.threshold_at(ten, 0.01) == 9.0  # none of ten may lie above


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.29, 0.5, 0.57])
def test_exactly_the_chosen_share_of_distinct_scores_lies_above(rate):
    for n in (100, 1000):  # 0.29 · 100 is a little less than 29 in floating point
        scores = torch.randperm(n).float()
        above = (scores > anomaly.threshold_at(scores, rate)).sum().item()
        assert above == round(n * rate)


@given(scores=SCORES, rate=st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.9]))
def test_a_threshold_is_numpys_inverted_cdf_and_never_passes_too_many(scores, rate):
    threshold = anomaly.threshold_at(scores, rate)
    allowed = math.floor(rate * len(scores) + 1e-9)
    assert (scores > threshold).sum() <= allowed
    lower = scores[scores < threshold]
    assert len(lower) == 0 or (scores > lower.max()).sum() > allowed  # the next lower one passes too many
    steps = np.quantile(scores.numpy(), 1 - allowed / len(scores) - 1e-9, method="inverted_cdf")
    assert threshold == steps


# ── ROC and AUC ──────────────────────────────────────────────────────────────────────────────────


@given(normal=SCORES, odd=SCORES)
def test_auc_and_roc_against_scikit_learn_ties_included(normal, odd):
    labels, scores = labelled(normal, odd)
    assert anomaly.auc(normal, odd) == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    fpr, tpr = anomaly.roc(normal, odd)
    expected = roc_curve(labels, scores)
    np.testing.assert_array_equal(fpr, expected[0])
    np.testing.assert_array_equal(tpr, expected[1])
    assert trapezoids(fpr, tpr) == pytest.approx(anomaly.auc(normal, odd), abs=1e-9)


def test_the_interval_is_as_wide_as_the_theory_says():
    """Two normal distributions one standard deviation apart: Hanley and McNeil's formula for the spread."""
    n, m = 400, 150
    normal, odd = torch.randn(n), torch.randn(m) + 1
    area = anomaly.auc(normal, odd)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (n * m)
    low, high = anomaly.auc_interval(normal, odd, resamples=1000)
    assert low < area < high
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.12)
    narrow = anomaly.auc_interval(normal, odd, resamples=1000, confidence=0.5)
    assert narrow[1] - narrow[0] == pytest.approx(2 * 0.674 * math.sqrt(variance), rel=0.15)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    truth = 0.5 * (1 + math.erf(1 / 2))  # P(odd > normal) for means one apart
    generator = torch.Generator().manual_seed(5)
    held = 0
    for seed in range(120):
        normal, odd = torch.randn(60, generator=generator), torch.randn(60, generator=generator) + 1
        low, high = anomaly.auc_interval(normal, odd, confidence=0.9, seed=seed)
        held += low <= truth <= high
    assert 0.8 < held / 120 < 0.97


def test_the_interval_keeps_to_its_seed_and_to_the_ends():
    normal, odd = torch.randn(50), torch.randn(50) + 0.5
    assert anomaly.auc_interval(normal, odd, seed=4) == anomaly.auc_interval(normal, odd, seed=4)
    assert anomaly.auc_interval(normal, odd, seed=4) != anomaly.auc_interval(normal, odd, seed=5)
    assert anomaly.auc_interval(normal, normal.max() + torch.rand(9) + 1) == (1.0, 1.0)
    assert anomaly.auc_interval(normal, normal.min() - torch.rand(9) - 1) == (0.0, 0.0)


# ── Base rates ───────────────────────────────────────────────────────────────────────────────────


def test_precision_against_scikit_learn():
    random = np.random.default_rng(0)
    odd = random.random(20_000) < 0.03
    alarm = np.where(odd, random.random(20_000) < 0.7, random.random(20_000) < 0.02)
    precision = anomaly.precision_at_base_rate(alarm[odd].mean(), alarm[~odd].mean(), odd.mean())
    assert precision == pytest.approx(precision_score(odd, alarm))


def test_precision_at_the_ends():
    assert anomaly.precision_at_base_rate(0.9, 0, 0.001) == 1
    assert anomaly.precision_at_base_rate(0.9, 0.1, 0) == 0
    assert anomaly.precision_at_base_rate(0.3, 0.3, 0.2) == pytest.approx(0.2)  # a coin knows nothing
    assert math.isnan(anomaly.precision_at_base_rate(0, 0, 0.5))


# ── Confusion ────────────────────────────────────────────────────────────────────────────────────


@given(normal=SCORES, odd=SCORES, threshold=st.integers(-1, 9))
def test_the_counts_are_those_of_scikit_learn_ties_included(normal, odd, threshold):
    labels, scores = labelled(normal, odd)
    found = anomaly.confusion(normal, odd, threshold)
    assert list(found) == confusion_matrix(labels, scores > threshold, labels=[0, 1]).ravel().tolist()
    assert found.false_positive_rate == pytest.approx((normal > threshold).float().mean().item())
    assert found.true_positive_rate == pytest.approx((odd > threshold).float().mean().item())


def test_the_precision_of_counts_by_hand_at_two_base_rates():
    found = anomaly.confusion(torch.arange(200.0), torch.tensor([5.0, 198, 300, 300, 300]), 197)
    assert found == (198, 2, 1, 4)
    assert found.precision(0.5) == pytest.approx(0.8 / 0.81)
    assert found.precision(0.001) == pytest.approx(8 / 107.9)  # of 10,000: 10 odd, 9,990 · 1 % alarms
    assert math.isnan(anomaly.confusion(torch.zeros(3), torch.zeros(3), 0).precision(0.1))


# ── Bad input ────────────────────────────────────────────────────────────────────────────────────

GOOD = torch.rand(5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: anomaly.auc(GOOD, torch.empty(0)), r"odd must be .*\(N,\).* not \(0,\)"),
        (lambda: anomaly.auc(GOOD[:, None], GOOD), r"normal must be .*not \(5, 1\)"),
        (lambda: anomaly.auc(GOOD, torch.tensor([math.nan])), "odd must hold finite"),
        (lambda: anomaly.auc([1.0], GOOD), "not list"),
        (lambda: anomaly.roc(torch.tensor([math.inf]), GOOD), "normal must hold finite"),
        (lambda: anomaly.auc_interval(torch.tensor(1.0), GOOD), r"not \(\)"),
        (lambda: anomaly.confusion(GOOD, torch.empty(0), 1.0), "odd must be"),
        (lambda: anomaly.threshold_at(torch.empty(0), 0.1), "scores must be"),
        (lambda: anomaly.threshold_at(GOOD, 0), "between 0 and 1, not 0"),
        (lambda: anomaly.threshold_at(GOOD, 5), "between 0 and 1, not 5"),
        (lambda: anomaly.precision_at_base_rate(1.2, 0.1, 0.1), "true_positive_rate must lie"),
        (lambda: anomaly.precision_at_base_rate(0.2, math.nan, 0.1), "false_positive_rate must lie"),
        (lambda: anomaly.precision_at_base_rate(0.2, 0.1, -1), "base_rate must lie"),
        (lambda: anomaly.anomaly_scores(shift(0), GOOD[None], kind="mae"), "kind must be"),
    ],
)
def test_bad_input_gets_a_sentence(refuses, call, words):
    refuses(call, words)
