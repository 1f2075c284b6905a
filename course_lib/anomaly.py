"""Finding odd images by how badly an autoencoder redraws them.

A score is one number an image, and a higher score means odder: thresholds, ROC curves and the AUC below
take this for granted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import _require
from course_lib.losses import reconstruction_error


@torch.no_grad()
def redraw(model: nn.Module, images: Tensor) -> Tensor:
    """Each image decoded from its code, without noise: (N, C, H, W) → (N, C, H, W)."""
    _require_model(model)
    _require.batch(images=images)
    _require.scale(images=images)
    batches = images.split(500)  # enough to be fast, few enough for any memory
    return torch.cat([model.decode(model.embed(x)) for x in batches])


def anomaly_scores(model: nn.Module, images: Tensor, kind: str = "mse") -> Tensor:
    """The reconstruction error of each image, summed over its pixels: (N, C, H, W) → (N,)."""
    return reconstruction_error(redraw(model, images), images, kind)


def relative_scores(model: nn.Module, images: Tensor) -> Tensor:
    """Squared error ÷ (squared ink of the image + squared ink of its redrawing): (N, C, H, W) → (N,).

    0 when both are the same, 1 when they have no ink in common: one minus the Dice coefficient that
    segmentation uses. A blank image that is redrawn blank scores 0.
    """
    x_hat = redraw(model, images)
    ink = images.square().flatten(1).sum(dim=1) + x_hat.square().flatten(1).sum(dim=1)
    return reconstruction_error(x_hat, images) / ink.clamp(min=1e-12)


def threshold_at(scores: Tensor, false_positive_rate: float) -> float:
    """The lowest of the normal `scores` (N,) with at most a share `false_positive_rate` of them above it."""
    _require_scores(scores=scores)
    _require_rate(false_positive_rate)
    allowed = int(false_positive_rate * len(scores) + 1e-9)  # 0.29 · 100 is 28.999999999999996
    return float(scores.sort(descending=True).values[allowed])


def roc(normal: Tensor, odd: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(false-positive rates, true-positive rates) of the rule "odd when the score is above t", all t."""
    _require_scores(normal=normal, odd=odd)
    from sklearn.metrics import roc_curve  # here, for it takes memory that most chapters need not spend

    scores = np.concatenate([_array(normal), _array(odd)])
    fpr, tpr, _ = roc_curve(np.arange(len(scores)) >= len(normal), scores)
    return fpr, tpr


def auc(normal: Tensor, odd: Tensor) -> float:
    """The chance that an odd image scores above a normal one: ½ is guessing, 1 is perfect.

    A tie counts half.
    """
    _require_scores(normal=normal, odd=odd)
    return _auc(_array(normal), _array(odd))


def auc_interval(
    normal: Tensor,
    odd: Tensor,
    *,
    groups: tuple[Sequence[str], Sequence[str]] | None = None,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile-bootstrap interval of `auc`, resampling normal and odd images apart.

    It knows only the images at hand: without one error among them it is (1, 1), however few they are, and
    it says nothing of how another training run would have come out.

    `groups` names the group of each normal and of each odd image. Whole groups are then resampled, for images
    of a group are alike: images one by one would give too narrow an interval. A side with one group alone is
    resampled image by image.
    """
    _require_scores(normal=normal, odd=odd)
    for name, scores in {"normal": normal, "odd": odd}.items():
        if len(scores) < 2:
            raise ValueError(f"{name} must hold at least two scores to resample, not {len(scores)}")
    from scipy.stats import bootstrap

    parts = [_array(normal), _array(odd)]
    if groups is not None:
        parts = [_by_group(*part) for part in zip(parts, groups, ("normal", "odd"), strict=True)]

    def auc_of(*drawn: np.ndarray) -> float:
        return _auc(*(_taken(part, rows) for part, rows in zip(parts, drawn, strict=True)))

    result = bootstrap(
        [np.arange(len(part)) for part in parts],
        auc_of,
        n_resamples=resamples,
        confidence_level=confidence,
        vectorized=False,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def precision_at_base_rate(true_positive_rate: float, false_positive_rate: float, base_rate: float) -> float:
    """The share of alarms that are real when a share `base_rate` of all images is odd (Bayes' rule).

    NaN when there are no alarms.
    """
    _require_shares(
        true_positive_rate=true_positive_rate, false_positive_rate=false_positive_rate, base_rate=base_rate
    )
    hits = true_positive_rate * base_rate
    alarms = hits + false_positive_rate * (1 - base_rate)
    return hits / alarms if alarms else float("nan")


class Confusion(NamedTuple):
    """The four counts of the rule "odd when the score is above the threshold", and the rates made of them."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int

    @property
    def false_positive_rate(self) -> float:
        """The share of normal images that raise an alarm."""
        return self.false_positives / (self.true_negatives + self.false_positives)

    @property
    def true_positive_rate(self) -> float:
        """The share of odd images that raise an alarm."""
        return self.true_positives / (self.false_negatives + self.true_positives)

    def precision(self, base_rate: float) -> float:
        """The share of alarms that are real when a share `base_rate` of all images is odd."""
        return precision_at_base_rate(self.true_positive_rate, self.false_positive_rate, base_rate)


def confusion(normal: Tensor, odd: Tensor, threshold: float) -> Confusion:
    """Who raises an alarm at `threshold`: scores of normal (N,) and of odd (M,) images."""
    _require_scores(normal=normal, odd=odd)
    false_alarms, hits = int((normal > threshold).sum()), int((odd > threshold).sum())
    return Confusion(len(normal) - false_alarms, false_alarms, len(odd) - hits, hits)


def _auc(normal: np.ndarray, odd: np.ndarray) -> float:
    normal = np.sort(normal)
    below, not_above = (np.searchsorted(normal, odd, side).mean() for side in ("left", "right"))
    return float((below + not_above) / 2 / len(normal))


def _by_group(scores: np.ndarray, groups: Sequence[str], name: str) -> np.ndarray | list[np.ndarray]:
    """The scores of each group; those of a single group as they are."""
    groups = np.asarray(groups)
    if groups.shape != scores.shape:
        raise ValueError(
            f"groups must name the group of each {name} score, {scores.shape}, not {groups.shape}"
        )
    names = np.unique(groups)
    return [scores[groups == group] for group in names] if len(names) > 1 else scores


def _taken(part: np.ndarray | list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    return part[rows] if isinstance(part, np.ndarray) else np.concatenate([part[row] for row in rows])


def _array(scores: Tensor) -> np.ndarray:
    return scores.detach().cpu().numpy()


def _require_scores(**named: Tensor) -> None:
    for name, scores in named.items():
        _require.tensor(**{name: scores})
        if scores.ndim != 1 or len(scores) == 0:
            raise ValueError(f"{name} must be of shape (N,), one score an image, not {tuple(scores.shape)}")
        _require.finite(**{name: scores})


def _require_model(model: nn.Module) -> None:
    if not hasattr(model, "embed") or not hasattr(model, "decode"):
        raise ValueError(
            f"model must have embed and decode, as AutoEncoder and VAE do, not {_require.given(model)}"
        )


def _require_rate(rate: float) -> None:
    if not 0 < rate < 1:
        raise ValueError(f"false_positive_rate must lie between 0 and 1, not {rate!r}")


def _require_shares(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie in [0, 1], not {value!r}")
