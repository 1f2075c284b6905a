"""Anomaly scores, and what a threshold makes of them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import _require
from course_lib.anomaly import confusion
from course_lib.plotting._shared import array, new_axes
from course_lib.plotting.style import BLUE, GREY, ORANGE


def plot_score_histograms(
    scores: Mapping[str, Tensor],
    *,
    threshold: float | None = None,
    name: str = "score: reconstruction error of an image",
    ax: Axes | None = None,
) -> Figure:
    """Anomaly scores (N,) by kind on one logarithmic axis, a row each from the top, normal images first.

    With a threshold: a line, and the share of each kind above it.
    """
    _require.mapping(scores=scores)
    ax = new_axes(ax, width=8, height=0.4 * len(scores) + 1.3)
    scores = {kind: array(values) for kind, values in scores.items()}
    lowest = min(values.min() for values in scores.values())
    highest = max(values.max() for values in scores.values())
    bins = np.geomspace(max(lowest, 1e-3) * 0.9, highest * 1.1, 60)
    for row, values in enumerate(scores.values()):
        counts, _ = np.histogram(values.clip(bins[0]), bins)
        color = BLUE if row == 0 else ORANGE
        ax.stairs(-0.85 * counts / counts.max() + row, bins, baseline=row, fill=True, color=color)
        ax.axhline(row, color=GREY, linewidth=0.5)
    ax.set_yticks(np.arange(len(scores)) - 0.35, list(scores))
    ax.tick_params(axis="y", length=0)
    ax.set(xscale="log", xlabel=name, xlim=(bins[0], bins[-1]), ylim=(len(scores) - 0.8, -1))
    if threshold is not None:
        ax.axvline(threshold, color="black", linestyle="--")
        ax.set_title(f"threshold {threshold:.3g}", fontsize=12)
        for row, values in enumerate(scores.values()):
            text = f"{(values > threshold).mean():.1%} above"
            ax.annotate(text, (1.02, row - 0.35), xycoords=ax.get_yaxis_transform(), va="center")
    return ax.figure


def draw_confusion_table(
    normal: Tensor, odd: Tensor, threshold: float, *, base_rate: float = 0.001, ax: Axes | None = None
) -> Figure:
    """The four counts of the rule "odd when the score is above the threshold", and the rates made of them."""
    ax = new_axes(ax, width=4.6, height=3.4)
    found = confusion(normal, odd, threshold)
    for x, heading in ((0.5, "no alarm"), (0.82, "alarm")):
        ax.text(x, 0.92, heading, ha="center", weight="bold")
    for y, name, quiet, alarms in (
        (0.83, "normal", found.true_negatives, found.false_positives),
        (0.74, "odd", found.false_negatives, found.true_positives),
    ):
        ax.text(0.02, y, name, weight="bold")
        ax.text(0.5, y, f"{quiet:,}", ha="center")
        ax.text(0.82, y, f"{alarms:,}", ha="center")
    precision = found.precision(base_rate)
    lines = (
        f"false-positive rate {found.false_positive_rate:.2%}",
        f"true-positive rate {found.true_positive_rate:.1%}",
        f"if 1 image in {1 / base_rate:,.0f} is odd,",
        "no image raises an alarm" if np.isnan(precision) else f"{precision:.1%} of all alarms are real",
    )
    for y, line in zip((0.57, 0.48, 0.33, 0.24), lines, strict=True):
        ax.text(0.02, y, line)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.axis("off")
    return ax.figure


def plot_roc(curves: Mapping[str, tuple[Tensor, Tensor]], *, ax: Axes | None = None) -> Figure:
    """ROC curves, name → (false-positive rates, true-positive rates), over the diagonal of chance."""
    _require.mapping(curves=curves)
    ax = new_axes(ax, width=5, height=4.6)
    styles = ["-", "--", "-.", ":"]
    for i, (name, (fpr, tpr)) in enumerate(curves.items()):
        ax.plot(array(fpr), array(tpr), styles[i % len(styles)], label=name)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="chance")
    ax.set(xlabel="false-positive rate", ylabel="true-positive rate", aspect="equal", title="ROC")
    ax.legend(loc="lower right")
    return ax.figure
