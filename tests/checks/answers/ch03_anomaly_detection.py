"""Answers to the exercises of chapter 3."""

import math
from fractions import Fraction
from functools import partial

import numpy as np
import torch
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from course_lib.anomaly import auc, threshold_at

# ── score_images ─────────────────────────────────────────────────────────────────────────────────


def scores_in_loops(model, images):
    scores = []
    for image in images:
        x_hat = model.decode(model.embed(image[None]))[0]
        scores.append(sum((a - b) ** 2 for a, b in zip(x_hat.flatten(), image.flatten(), strict=True)))
    return torch.stack(scores)


def scores_with_numpy(model, images):
    with torch.no_grad():
        off = (model(images) - images).double().numpy()
    return np.einsum("nchw,nchw->n", off, off)


def scores_with_mse(model, images):
    squared = torch.nn.functional.mse_loss(model(images), images, reduction="none")
    return squared.mean(dim=(1, 2, 3)) * images[0].numel()


def scores_one_by_one(model, images):
    return torch.tensor([float((model(image) - image).square().sum()) for image in images.split(1)])


def scores_by_distance(model, images):
    off = torch.linalg.vector_norm(model(images) - images, dim=(1, 2, 3))
    return off * off


def scores_with_vmap(model, images):
    return torch.vmap(lambda off: (off * off).sum())(model(images) - images)


def squared(model, images):
    return (model(images) - images).square()


WRONG_SCORES = [
    ("averaged_over_batch", lambda model, images: scores_in_loops(model, images).mean()),
    ("averaged_over_everything", lambda model, images: torch.nn.functional.mse_loss(model(images), images)),
    ("summed_over_everything", lambda model, images: squared(model, images).sum()),
    (
        "same_for_all",
        lambda model, images: squared(model, images).sum() / len(images) * torch.ones(len(images)),
    ),
    ("over_images", lambda model, images: squared(model, images).sum(dim=0)),
    ("not_summed", squared),
    ("mean_over_pixels", lambda model, images: squared(model, images).mean(dim=(1, 2, 3))),
    ("absolute", lambda model, images: (model(images) - images).abs().sum(dim=(1, 2, 3))),
    ("root", lambda model, images: squared(model, images).sum(dim=(1, 2, 3)).sqrt()),
    ("square_of_sum", lambda model, images: (model(images) - images).sum(dim=(1, 2, 3)) ** 2),
    ("channels", lambda model, images: squared(model, images).mean(dim=1).sum(dim=(1, 2))),
    ("channels", lambda model, images: squared(model, images)[:, 0].sum(dim=(1, 2))),
    ("channels", lambda model, images: squared(model, images).reshape(-1, 42).sum(dim=1)),
    ("squeezed", lambda model, images: squared(model, images).flatten(1).sum(dim=1).squeeze()),
    ("model_frozen", lambda model, images: squared(model.requires_grad_(False), images).sum(dim=(1, 2, 3))),
    ("value", lambda model, images: (model(images).clamp(0, 1) - images).square().sum(dim=(1, 2, 3))),
    ("value", lambda model, images: -squared(model, images).sum(dim=(1, 2, 3))),
    ("shape", lambda model, images: squared(model, images).flatten(1).sum(dim=1, keepdim=True)),
    ("value", lambda model, images: 0.5 * squared(model, images).flatten(1).sum(dim=1)),
]


# ── calibrate ────────────────────────────────────────────────────────────────────────────────────


def above(scores, threshold):
    return (scores > threshold).double().mean().item()


def calibrate_in_loops(calibrate_scores, test_scores, false_positive_rate):
    falling = sorted(calibrate_scores.tolist(), reverse=True)
    threshold = falling[0]
    for score in falling:
        if sum(s > score for s in falling) <= false_positive_rate * len(falling) + 1e-9:
            threshold = score
    return threshold, sum(s > threshold for s in test_scores.tolist()) / len(test_scores)


def calibrate_with_numpy(calibrate_scores, test_scores, false_positive_rate):
    threshold = np.quantile(calibrate_scores.numpy(), 1 - false_positive_rate, method="inverted_cdf")
    return [threshold, np.mean(test_scores.numpy() > threshold)]


def calibrate_with_topk(calibrate_scores, test_scores, false_positive_rate, whole=math.floor):
    allowed = whole(false_positive_rate * len(calibrate_scores))
    threshold = calibrate_scores.topk(allowed + 1).values[-1]
    return threshold, (test_scores > threshold).float().mean()


def calibrate_by_trying(calibrate_scores, test_scores, false_positive_rate):
    shares = (calibrate_scores > calibrate_scores[:, None]).float().mean(dim=1)
    threshold = calibrate_scores[shares <= false_positive_rate].min()
    return torch.stack([threshold, (test_scores > threshold).float().mean()])


def calibrate_in_fractions(calibrate_scores, test_scores, false_positive_rate):
    allowed = int(Fraction(str(false_positive_rate)) * len(calibrate_scores))
    threshold = np.partition(calibrate_scores.numpy(), -1 - allowed)[-1 - allowed]
    return np.array([threshold, np.count_nonzero(test_scores.numpy() > threshold) / len(test_scores)])


def calibrate_at(place=0, on="calibrate", judge="test", scale=1.0):
    """A calibration that makes one mistake."""

    def calibrate(calibrate_scores, test_scores, false_positive_rate):
        parts = {"calibrate": calibrate_scores, "test": test_scores}
        parts["both"] = torch.cat([calibrate_scores, test_scores])
        allowed = int(false_positive_rate * len(parts[on]) + 1e-9)
        threshold = parts[on].sort(descending=True).values[allowed + place].item()
        return threshold, scale * above(parts[judge], threshold)

    return calibrate


def calibrate_with_quantile(of=lambda rate: 1 - rate, on="calibrate", method="linear"):
    def calibrate(calibrate_scores, test_scores, false_positive_rate):
        scores = calibrate_scores if on == "calibrate" else test_scores
        threshold = scores.quantile(of(false_positive_rate), interpolation=method).item()
        return threshold, above(test_scores, threshold)

    return calibrate


def calibrate_not_measured(calibrate_scores, test_scores, false_positive_rate):
    return threshold_at(calibrate_scores, false_positive_rate), false_positive_rate


def calibrate_at_or_above(calibrate_scores, test_scores, false_positive_rate):
    threshold = threshold_at(calibrate_scores, false_positive_rate)
    return threshold, (test_scores >= threshold).float().mean().item()


def calibrate_counted(calibrate_scores, test_scores, false_positive_rate):
    threshold = threshold_at(calibrate_scores, false_positive_rate)
    return threshold, (test_scores > threshold).sum().item()


WRONG_CALIBRATIONS = [
    ("from_test", calibrate_at(on="test")),
    ("from_test", calibrate_with_quantile(on="test")),
    ("pooled", calibrate_at(on="both")),
    ("wrong_end", calibrate_with_quantile(of=lambda rate: rate)),
    ("interpolated", calibrate_with_quantile()),
    ("one_too_high", calibrate_at(place=-1)),
    ("one_too_low", calibrate_at(place=1)),
    ("not_measured", calibrate_at(judge="calibrate")),
    ("not_measured", calibrate_not_measured),
    ("rounded", partial(calibrate_with_topk, whole=round)),
    ("rounded", partial(calibrate_with_topk, whole=math.ceil)),
    ("rounded", calibrate_with_quantile(method="lower")),
    ("below", lambda *given: (calibrate_in_loops(*given)[0], 1 - calibrate_in_loops(*given)[1])),
    ("at_or_above", calibrate_at_or_above),
    ("percent", calibrate_at(scale=100)),
    ("counted", calibrate_counted),
    ("swapped", lambda *inputs: calibrate_in_loops(*inputs)[::-1]),
    ("value", lambda scores, test, rate: (scores.max(), above(test, scores.max()))),
    ("value", calibrate_at(judge="both")),
    ("value", calibrate_at(place=7)),
    ("value", calibrate_at(scale=0.9)),
    ("type", lambda calibrate_scores, test_scores, rate: threshold_at(calibrate_scores, rate)),
    ("type", lambda calibrate_scores, test_scores, rate: (calibrate_scores, test_scores)),
]


# ── auc_by_pairs ─────────────────────────────────────────────────────────────────────────────────


def auc_in_loops(normal, odd):
    won = sum(1.0 if o > n else 0.5 if o == n else 0.0 for o in odd for n in normal)
    return won / (len(odd) * len(normal))


def auc_with_signs(normal, odd):
    return (odd[:, None] - normal[None, :]).sign().double().mean() / 2 + 0.5


def auc_by_bisection(normal, odd):
    falling = np.sort(normal.numpy())
    below, not_above = (np.searchsorted(falling, odd.numpy(), side) for side in ("left", "right"))
    return (below + not_above).mean() / (2 * len(falling))


def auc_of_all_pairs(normal, odd):
    pairs = torch.cartesian_prod(odd, normal)
    return torch.heaviside(pairs[:, 0] - pairs[:, 1], torch.tensor(0.5)).mean()


def auc_row_by_row(normal, odd):
    rows = [((score > normal).double() + (score >= normal).double()).mean() / 2 for score in odd]
    return np.float64(sum(rows) / len(rows))


def auc_with_mann_whitney(normal, odd):
    return mannwhitneyu(odd.numpy(), normal.numpy()).statistic / (len(odd) * len(normal))


def auc_with_sklearn(normal, odd):
    return roc_auc_score([0] * len(normal) + [1] * len(odd), torch.cat([normal, odd]))


def wins(normal, odd):
    return (odd[:, None] > normal).double()


WRONG_AUCS = [
    ("upside_down", lambda normal, odd: auc_in_loops(odd, normal)),
    ("upside_down", lambda normal, odd: 1 - auc_in_loops(normal, odd)),
    ("counted", lambda normal, odd: wins(normal, odd).sum().item()),
    ("divided_by_odd", lambda normal, odd: wins(normal, odd).sum() / len(odd)),
    ("divided_by_normal", lambda normal, odd: wins(normal, odd).sum() / len(normal)),
    ("one_for_all", lambda normal, odd: (odd > normal.mean()).float().mean()),
    ("one_for_all", lambda normal, odd: (odd > normal.median()).float().mean()),
    ("never_below_half", lambda normal, odd: max(auc_in_loops(normal, odd), auc_in_loops(odd, normal))),
    ("library", auc),
    ("library", auc_with_mann_whitney),
    ("library", auc_with_sklearn),
    ("one_by_one", lambda normal, odd: np.mean([o > n for o, n in zip(odd, normal, strict=False)])),
    ("ties_lost", lambda normal, odd: wins(normal, odd).mean()),
    ("ties_won", lambda normal, odd: (odd[:, None] >= normal).float().mean()),
    ("raised", lambda normal, odd: (odd > normal).float().mean()),
    ("value", lambda normal, odd: 2 * auc_with_signs(normal, odd) - 1),
    ("value", lambda normal, odd: wins(normal, odd).sum() / (odd[:, None] != normal).sum().clamp(min=1)),
    ("value", lambda normal, odd: (odd[:, None] - normal).sigmoid().mean()),
    ("value", lambda normal, odd: 0.9 * auc_in_loops(normal, odd)),
    ("type", lambda normal, odd: wins(normal, odd)),
]


# ── affordable_rate ──────────────────────────────────────────────────────────────────────────────


def rate_by_counting(true_positive_rate, base_rate, precision):
    odd, good = 1e6 * base_rate, 1e6 * (1 - base_rate)
    hits = true_positive_rate * odd
    alarms = hits / precision
    return (alarms - hits) / good


def rate_by_odds(true_positive_rate, base_rate, precision):
    prior, wanted = base_rate / (1 - base_rate), precision / (1 - precision) if precision < 1 else math.inf
    return np.float32(true_positive_rate * prior / wanted)


def rate_by_halving(true_positive_rate, base_rate, precision):
    low, high = 0.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        hits = true_positive_rate * base_rate
        enough = hits >= precision * (hits + middle * (1 - base_rate))
        low, high = (middle, high) if enough else (low, middle)
    return torch.tensor(low)


def rate_from_logarithms(true_positive_rate, base_rate, precision):
    with np.errstate(divide="ignore"):
        odds = np.log(base_rate) - np.log1p(-base_rate) + np.log(1 / precision - 1)
    return true_positive_rate * np.exp(odds)


def rate_at_most_one(true_positive_rate, base_rate, precision):
    return min(1.0, true_positive_rate * base_rate * (1 / precision - 1) / (1 - base_rate))


def odds_of_falseness(precision):
    return (1 - precision) / precision


WRONG_RATES = [
    ("base_rate_forgotten", lambda caught, base, precision: caught * odds_of_falseness(precision)),
    ("per_image", lambda caught, base, precision: caught * base * odds_of_falseness(precision)),
    ("share_of_hits", lambda caught, base, precision: caught * base * (1 - precision) / (1 - base)),
    (
        "upside_down",
        lambda caught, base, precision: caught * base / max(odds_of_falseness(precision), 1e-9) / (1 - base),
    ),
    ("all_caught", lambda caught, base, precision: rate_by_counting(1, base, precision)),
    ("alarms_not_false_ones", lambda caught, base, precision: caught * base / precision / (1 - base)),
    ("odds_upside_down", lambda caught, base, precision: rate_by_counting(caught, 1 - base, precision)),
    ("percent", lambda caught, base, precision: 100 * rate_by_counting(caught, base, precision)),
    ("value", lambda caught, base, precision: caught * base / (caught * base + precision * (1 - base))),
    ("counted", lambda caught, base, precision: 10_000 * rate_by_counting(caught, base, precision)),
    ("value", lambda caught, base, precision: round(rate_by_counting(caught, base, precision), 4)),
    ("value", lambda caught, base, precision: rate_by_counting(1 - caught, base, precision)),
    ("value", lambda caught, base, precision: 1 - precision),
    ("type", lambda caught, base, precision: f"{rate_by_counting(caught, base, precision):.1%}"),
]


# ── mended_score ─────────────────────────────────────────────────────────────────────────────────


def total(image):
    return image.flatten(1).sum(dim=1)


def relative(x_hat, x):
    return total((x_hat - x) ** 2) / total(x_hat**2 + x**2).clamp(min=1e-9)


def relative_to_the_page(x_hat, x):
    x_hat, x = (images.double().numpy().reshape(len(images), -1) for images in (x_hat, x))
    return ((x_hat - x) ** 2).sum(axis=1) / ((x**2).sum(axis=1) + 1)


def one_minus_cosine(x_hat, x):
    return 1 - torch.cosine_similarity(x_hat.flatten(1), x.flatten(1), eps=1e-6)


def blanks_apart(x_hat, x):
    """The relative error in a loop, with a rule of its own for pages without ink."""
    scores = []
    for ours, image in zip(x_hat, x, strict=True):
        ink = image.square().sum()
        scores.append(((ours - image).square().sum() / ink).item() if ink > 0 else 10.0)
    return torch.tensor(scores)


def share_without_common_ink(x_hat, x):
    return 1 - 2 * total(torch.minimum(x_hat, x)) / total(x_hat + x).clamp(min=1e-6)


def largest_difference(x_hat, x):
    return np.abs(x_hat.numpy() - x.numpy()).reshape(len(x), -1).max(axis=1)


def batch_normalised(x_hat, x):
    score = relative(x_hat, x)
    return score / score.max()


WRONG_MENDED = [
    ("summed", lambda x_hat, x: total((x_hat - x) ** 2)),
    ("mean_over_pixels", lambda x_hat, x: (x_hat - x).square().mean(dim=(1, 2, 3))),
    ("averaged_over_batch", lambda x_hat, x: relative(x_hat, x).mean()),
    ("divided_by_zero", lambda x_hat, x: total((x_hat - x) ** 2) / total(x**2)),
    ("blank_redrawn_blank", lambda x_hat, x: total((x_hat - x) ** 2) / total(x_hat**2 + x**2)),
    ("depends_on_batch", batch_normalised),
    ("depends_on_batch", lambda x_hat, x: relative(x_hat, x) + 0.5 * torch.rand(len(x))),
    ("depends_on_batch", lambda x_hat, x: relative(x_hat, x).argsort().argsort().float()),
    ("summed", lambda x_hat, x: torch.where(total(x) > 1, total((x_hat - x) ** 2), 1e6)),
    ("shape", lambda x_hat, x: relative(x_hat, x).squeeze()),
    ("shape", lambda x_hat, x: ((x_hat - x) ** 2).sum((2, 3)) / (x_hat**2 + x**2 + 1e-9).sum((2, 3))),
    ("upside_down", lambda x_hat, x: -relative(x_hat, x)),
    ("upside_down", lambda x_hat, x: torch.cosine_similarity(x_hat.flatten(1), x.flatten(1))),
    ("value", lambda x_hat, x: total((x_hat - x).abs())),
    ("value", lambda x_hat, x: total((x_hat - x) ** 2).sqrt()),
    ("shape", lambda x_hat, x: relative(x_hat, x)[:, None]),
]


RIGHT = {
    "check_score_images": [
        scores_in_loops,
        scores_with_numpy,
        scores_with_mse,
        scores_one_by_one,
        scores_by_distance,
        scores_with_vmap,
        lambda model, images: squared(model.eval(), images).sum(dim=(1, 2, 3)).tolist(),
    ],
    "check_calibrate": [
        calibrate_in_loops,
        calibrate_with_numpy,
        calibrate_with_topk,
        calibrate_by_trying,
        calibrate_in_fractions,
        lambda scores, test, rate: (threshold_at(scores, rate), above(test, threshold_at(scores, rate))),
    ],
    "check_auc_by_pairs": [
        auc_in_loops,
        auc_with_signs,
        auc_by_bisection,
        auc_of_all_pairs,
        auc_row_by_row,
    ],
    "check_affordable_rate": [
        rate_by_counting,
        rate_by_odds,
        rate_by_halving,
        rate_from_logarithms,
        rate_at_most_one,
        lambda caught, base, precision: caught * base / (1 - base) / (precision / (1 - precision)),
    ],
    "check_mended_score": [
        relative,
        relative_to_the_page,
        one_minus_cosine,
        blanks_apart,
        share_without_common_ink,
        largest_difference,
        lambda x_hat, x: tuple(float(score) for score in relative(x_hat, x)),
    ],
}

WRONG = {
    "check_score_images": WRONG_SCORES,
    "check_calibrate": WRONG_CALIBRATIONS,
    "check_auc_by_pairs": WRONG_AUCS,
    "check_affordable_rate": WRONG_RATES,
    "check_mended_score": WRONG_MENDED,
}
