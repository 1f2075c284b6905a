"""Finding odd images by how badly an autoencoder redraws them."""

import numpy as np
import torch
from scipy.stats import bootstrap
from sklearn.metrics import roc_auc_score, roc_curve
from torch import Tensor, nn

from course_lib.losses import reconstruction_error


@torch.no_grad()
def anomaly_scores(model: nn.Module, images: Tensor, kind: str = "mse") -> Tensor:
    """The reconstruction error of each image, decoded from its code without noise: (N, C, H, W) → (N,)."""
    batches = images.split(500)  # enough to be fast, few enough for any memory
    return torch.cat([reconstruction_error(model.decode(model.embed(x)), x, kind) for x in batches])


def threshold_at(scores: Tensor, false_positive_rate: float) -> float:
    """The score above which a share `false_positive_rate` of normal `scores` (N,) lies."""
    _require_scores(scores=scores)
    if not 0 < false_positive_rate < 1:
        raise ValueError(f"false_positive_rate must lie between 0 and 1, not {false_positive_rate!r}")
    return float(np.quantile(scores.numpy(), 1 - false_positive_rate, method="higher"))


def roc(normal: Tensor, odd: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(false-positive rates, true-positive rates) of the rule "odd when the score is above t", all t."""
    _require_scores(normal=normal, odd=odd)
    fpr, tpr, _ = roc_curve(*_labelled(normal, odd))
    return fpr, tpr


def auc(normal: Tensor, odd: Tensor) -> float:
    """The chance that an odd image scores above a normal one; ½ is guessing, 1 is perfect."""
    _require_scores(normal=normal, odd=odd)
    return float(roc_auc_score(*_labelled(normal, odd)))


def auc_interval(
    normal: Tensor, odd: Tensor, *, confidence: float = 0.95, resamples: int = 200, seed: int = 0
) -> tuple[float, float]:
    """Percentile-bootstrap interval of `auc`, resampling normal and odd images apart."""
    _require_scores(normal=normal, odd=odd)
    if float(normal.max()) < float(odd.min()):
        return 1.0, 1.0  # every resample is separated too
    result = bootstrap(
        (normal.numpy(), odd.numpy()),
        lambda a, b: roc_auc_score(*_labelled(a, b)),
        n_resamples=resamples,
        confidence_level=confidence,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def precision_at_base_rate(true_positive_rate: float, false_positive_rate: float, base_rate: float) -> float:
    """The share of alarms that are real when a share `base_rate` of all images is odd (Bayes)."""
    for name, value in locals().items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie in [0, 1], not {value!r}")
    hits = true_positive_rate * base_rate
    alarms = hits + false_positive_rate * (1 - base_rate)
    return hits / alarms if alarms else float("nan")


def _labelled(normal: Tensor | np.ndarray, odd: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels = np.concatenate([np.zeros(len(normal)), np.ones(len(odd))])
    return labels, np.concatenate([np.asarray(normal), np.asarray(odd)])


def _require_scores(**named: Tensor) -> None:
    for name, scores in named.items():
        if scores.ndim != 1 or len(scores) == 0 or not bool(torch.isfinite(scores).all()):
            raise ValueError(f"{name} must be finite scores of shape (N,), not {tuple(scores.shape)}")
