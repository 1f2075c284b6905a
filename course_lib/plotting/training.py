"""What training does, epoch by epoch and over a sweep of the reconstruction_factor."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import _require
from course_lib.plotting._shared import new_axes, pictures
from course_lib.plotting.images import draw_image
from course_lib.plotting.style import BLUE, ORANGE


def plot_history(
    history: Mapping[str, Sequence[float]], *, name: str = "loss", ax: Axes | None = None
) -> Figure:
    """One term of a training history, epoch by epoch, with its validation curve if there is one."""
    _require.one_of(history, name=name)
    ax = new_axes(ax)
    epochs = np.arange(1, len(history[name]) + 1)
    ax.plot(epochs, history[name], "o-", markersize=4, label="train")
    if f"validation_{name}" in history:
        ax.plot(epochs, history[f"validation_{name}"], "s--", markersize=4, label="held out")
        ax.legend()
    ax.set(xlabel="epoch", ylabel=f"{name} per image", title=f"{name.capitalize()} while training")
    return ax.figure


def plot_sweep(sweep: Mapping[float, Mapping[str, float | Tensor]], *, factor: float | None = None) -> Figure:
    """The numbers of a sweep over the reconstruction_factor, two panels a row; one factor can be marked.

    `sweep` maps each factor to names and what was found there: numbers, and images (N, C, H, W).
    """
    names = _numbers_of(sweep)
    columns, rows = min(2, len(names)), -(-len(names) // 2)
    fig, axes = plt.subplots(rows, columns, figsize=(3.7 * columns, 2.9 * rows), squeeze=False)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    for ax, name in zip(axes.flat, names, strict=False):
        _plot_over_factors(ax, sweep, name, factor)
    return fig


def draw_sweep_step(sweep: Mapping[float, Mapping[str, float | Tensor]], factor: float) -> Figure:
    """What a sweep found at one factor: its images in rows, and its numbers among the others."""
    names = _numbers_of(sweep)
    rows = {name: pictures(v)[:10] for name, v in sweep[factor].items() if isinstance(v, Tensor)}
    fig = plt.figure(figsize=(3.1 * len(names), 3.4 + 1.05 * len(rows)))
    grid = fig.add_gridspec(2, len(names), height_ratios=[1.05 * len(rows), 3])
    top = fig.add_subplot(grid[0, :])
    _, channels, *_, width = next(iter(rows.values())).shape
    side = width + 2  # a frame of one pixel around each image
    wall = np.full((channels, side * len(rows), side * 10), 0.25)
    for i, images in enumerate(rows.values()):
        for j, image in enumerate(images):
            wall[:, i * side + 1 : (i + 1) * side - 1, j * side + 1 : (j + 1) * side - 1] = image
    draw_image(top, wall)
    top.set(xticks=[], title=f"reconstruction_factor = {factor:g}")
    top.set_yticks([side * (i + 0.5) for i in range(len(rows))], list(rows))
    top.tick_params(length=0)
    top.spines[:].set_visible(False)
    for column, name in enumerate(names):
        _plot_over_factors(fig.add_subplot(grid[1, column]), sweep, name, factor)
    return fig


def _numbers_of(sweep: Mapping[float, Mapping[str, float | Tensor]]) -> list[str]:
    return [name for name, value in next(iter(sweep.values())).items() if not isinstance(value, Tensor)]


def _plot_over_factors(ax: Axes, sweep: Mapping, name: str, factor: float | None) -> None:
    factors = sorted(sweep)
    ax.plot(factors, [sweep[f][name] for f in factors], "o-", color=BLUE, markersize=5)
    ax.set(xscale="log", xlabel="factor", title=name, ylim=(0, None))
    if factor is not None:
        ax.plot(factor, sweep[factor][name], "D", color=ORANGE, markersize=11, markeredgecolor="black")
