"""Figures named for what they show. Each draws on `ax` when given one, and returns its figure.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; no figure relies on colour alone.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon
from torch import Tensor
from torch.distributions import Normal

from course_lib import data
from course_lib.anomaly import precision_at_base_rate
from course_lib.losses import kl_divergence

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#595959",
)


def use_style() -> None:
    """Legible on a projector: larger type, thicker lines, fewer frames."""
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.titlesize": 13,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 2,
            "legend.frameon": False,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]),
        }
    )


def show_images(
    images: Tensor, *, titles: Sequence[str] | None = None, columns: int = 10, title: str = ""
) -> Figure:
    """Images (N, 1, H, W) in rows of `columns`, ink dark on white paper, each in a thin frame."""
    images = _array(images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = 1.05 + 0.28 * (titles is not None)
    fig, axes = plt.subplots(
        rows, columns, figsize=(1.05 * columns, height * rows + 0.4 * bool(title)), squeeze=False
    )
    for ax in axes.flat[len(images) :]:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        _draw_image(ax, image)
        if titles is not None:
            ax.set_title(titles[i], fontsize=11)
    if title:
        fig.suptitle(title)
    return fig


def show_image_rows(rows: Mapping[str, Tensor], *, title: str = "") -> Figure:
    """One labelled row of images (N, 1, H, W) for each entry: originals above reconstructions, say."""
    columns = max(len(images) for images in rows.values())
    fig, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(1.05 * columns + 1.3, 1.05 * len(rows) + 0.4 * bool(title)),
        squeeze=False,
    )
    for line, (label, images) in zip(axes, rows.items(), strict=True):
        for ax in line[len(images) :]:
            ax.axis("off")
        for ax, image in zip(line, _array(images), strict=False):
            _draw_image(ax, image)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    if title:
        fig.suptitle(title)
    return fig


def show_atoms(atoms: Tensor, *, columns: int = 16, title: str = "", ax: Axes | None = None) -> Figure:
    """Atoms (N, 1, H, W) as tiles in rows of `columns`, each scaled to its own strongest pixel.

    Mid grey is 0; a positive pixel is bright, a negative one dark.
    """
    atoms = _array(atoms)
    columns = min(columns, len(atoms))
    rows = -(-len(atoms) // columns)
    height, width = (side + 1 for side in atoms.shape[-2:])  # one pixel between two tiles
    wall = np.full((rows * height + 1, columns * width + 1), 1.0)
    for i, atom in enumerate(atoms[:, 0]):
        top, left = i // columns * height + 1, i % columns * width + 1
        wall[top : top + height - 1, left : left + width - 1] = atom / max(np.abs(atom).max(), 1e-9)
    ax = _axes(ax, width=0.5 * columns + 0.3, height=0.5 * rows + 0.5)
    ax.imshow(wall, cmap="gray", vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    return ax.figure


def plot_history(
    history: Mapping[str, Sequence[float]], *, name: str = "loss", ax: Axes | None = None
) -> Figure:
    """One term of a training history, epoch by epoch, with its validation curve if there is one."""
    ax = _axes(ax)
    epochs = np.arange(1, len(history[name]) + 1)
    ax.plot(epochs, history[name], "o-", markersize=4, label="train")
    if f"validation_{name}" in history:
        ax.plot(epochs, history[f"validation_{name}"], "s--", markersize=4, label="held out")
        ax.legend()
    ax.set(xlabel="epoch", ylabel=f"{name} per image", title=f"{name.capitalize()} while training")
    return ax.figure


def plot_latent_histogram(z: Tensor, *, ax: Axes | None = None, title: str = "Codes z") -> Figure:
    """How the codes z (N,) or (N, 1) are spread, beside the density of N(0, 1)."""
    ax = _axes(ax)
    z = _array(z).ravel()
    line = np.linspace(min(-3.5, z.min()), max(3.5, z.max()), 300)
    ax.hist(z, bins=40, density=True, color=SKY, edgecolor="white", linewidth=0.4, label="codes")
    ax.plot(line, _density(line), "--", color="black", label="N(0, 1)")
    ax.set(xlabel="z", ylabel="density", title=title)
    ax.legend()
    return ax.figure


def plot_latent_against_cause(
    z: Tensor, cause: Tensor, *, name: str = "radius", ax: Axes | None = None, title: str = ""
) -> Figure:
    """Each image's code z (N,) or (N, 1) against the cause (N,) that made it."""
    ax = _axes(ax)
    ax.plot(_array(cause), _array(z).ravel(), ".", markersize=4, alpha=0.5, color=BLUE)
    ax.set(xlabel=name, ylabel="z", title=title or f"Code against {name}")
    return ax.figure


def plot_decoded_code(image: Tensor, z: Tensor, codes: Tensor | None = None) -> Figure:
    """What the decoder draws for z (D,), beside where z lies among `codes` (N, D) and the prior.

    One dimension is a line; more are a plane of the first two, and a second plane of the first and third.
    """
    z = _array(z).ravel()
    codes = None if codes is None else _array(codes)
    pairs = [(0, 1), (0, 2)][: len(z) - 1] or [None]
    widths = [1, *([1.9] if pairs == [None] else [1.15] * len(pairs))]
    fig, axes = plt.subplots(
        1, len(widths), figsize=(3.1 * sum(widths), 3.2), gridspec_kw={"width_ratios": widths}
    )
    _draw_image(axes[0], _array(image))
    axes[0].set_title("decoded from z")
    for ax, pair in zip(axes[1:], pairs, strict=True):
        _mark_on_line(ax, z[0], codes) if pair is None else _mark_in_plane(ax, z, codes, pair)
    return fig


def plot_code_map(
    axes: tuple[Tensor, Tensor],
    distance: Tensor,
    z: Tensor,
    cause: Tensor,
    *,
    limit: float,
    ax: Axes | None = None,
) -> Figure:
    """A plane of codes: where circles are drawn, and where codes z (N, 2) lie, dots growing with the cause.

    `axes` (X,) and (Y,) span the plane; `distance` (X, Y) says how far the picture decoded at a point is from
    a circle: grey above `limit`. Dashed: N(0, I) at one and two standard deviations.
    """
    ax = _axes(ax, width=5.2, height=5.2)
    x, y, distance = _array(axes[0]), _array(axes[1]), _array(distance)
    levels = [0, limit, max(limit, distance.max()) + 1]
    ax.contourf(x, y, distance.T, levels, colors=["white", "#BFBFBF"])
    z, cause = _array(z), _array(cause)
    area = 2 + 22 * (cause - cause.min()) / max(np.ptp(cause), 1e-9)
    ax.scatter(z[:, 0], z[:, 1], s=area, color=BLUE, linewidth=0)
    for radius in (1, 2):
        ax.add_patch(Circle((0, 0), radius, fill=False, edgecolor=RED, linestyle="--", linewidth=1.8))
    ax.set(xlabel="first number of z", ylabel="second number of z", aspect="equal")
    ax.set_title("White: circles are drawn. Grey: none")
    return ax.figure


def plot_labelled_plane(
    z: Tensor, labels: Tensor, *, faint: bool = False, prior: bool = True, ax: Axes | None = None
) -> Figure:
    """Codes z (N, 2) as numerals: their labels (N,) from 0 to 9. `faint` leaves room for marks on top.

    Dashed, unless `prior` is False: N(0, I) at one and two standard deviations.
    """
    ax = _axes(ax, width=6.5, height=6.5)
    z, labels = _array(z), _array(labels)
    colors = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, "black"]
    for digit in range(10):
        x, y = z[labels == digit].T
        style = {"marker": f"${digit}$", "s": 24 if faint else 40, "linewidth": 0}
        ax.scatter(x, y, color=GREY if faint else colors[digit % 8], alpha=0.6 if faint else 0.9, **style)
    for radius in (1, 2) if prior else ():
        ax.add_patch(Circle((0, 0), radius, fill=False, edgecolor="black", linestyle="--", linewidth=1))
    ax.set(xlabel="first number of z", ylabel="second number of z", aspect="equal")
    ax.set_title("" if faint else "Held-out digits, placed by their codes")
    return ax.figure


def plot_place_in_plane(images: Tensor, z: Tensor, codes: Tensor, labels: Tensor, nearest: int) -> Figure:
    """What is decoded from z (2,), the image whose code is nearest, and both places among codes (N, 2)."""
    fig, axes = plt.subplots(1, 3, figsize=(10, 4.4), gridspec_kw={"width_ratios": [1, 1, 2.2]})
    for ax, image, title in zip(axes, _array(images), ("decoded here", "nearest real digit"), strict=False):
        _draw_image(ax, image)
        ax.set_title(title)
    plot_labelled_plane(codes, labels, faint=True, ax=axes[2])
    real, here = _array(codes)[nearest], _array(z)
    axes[2].plot(*real, "o", markersize=14, markerfacecolor="none", color=BLUE, markeredgewidth=2)
    axes[2].plot(*here, "X", color=RED, markersize=13, markeredgecolor="white")
    axes[2].set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), title=f"z = ({_number(here[0])}, {_number(here[1])})")
    return fig


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
    ax = _axes(ax, width=8, height=0.4 * len(scores) + 1.3)
    scores = {kind: _array(values) for kind, values in scores.items()}
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


def plot_auc_table(aucs: Mapping[str, Mapping[str, float]], *, ax: Axes | None = None) -> Figure:
    """Score → kind → AUC as a table: purple is better than chance, orange is worse."""
    kinds = list(next(iter(aucs.values())))
    values = np.array([[by_kind[kind] for by_kind in aucs.values()] for kind in kinds])
    ax = _axes(ax, width=1.5 * len(aucs) + 1.6, height=0.36 * len(kinds) + 0.9)
    ax.imshow(values, cmap="PuOr", vmin=0, vmax=1, aspect="auto", alpha=0.8)
    for (row, column), value in np.ndenumerate(values):
        color = "white" if abs(value - 0.5) > 0.36 else "black"
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
    ax.set_xticks(range(len(aucs)), list(aucs))
    ax.set_yticks(range(len(kinds)), kinds)
    ax.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    ax.set_title("AUC of each score for each kind", pad=10)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax.figure


def draw_confusion_table(
    normal: Tensor, odd: Tensor, threshold: float, *, base_rate: float = 0.001, ax: Axes | None = None
) -> Figure:
    """The four counts of the rule "odd when the score is above the threshold", and the rates made of them."""
    ax = _axes(ax, width=4.6, height=3.4)
    alarms = {name: _array(scores) > threshold for name, scores in (("normal", normal), ("odd", odd))}
    for x, heading in ((0.5, "no alarm"), (0.82, "alarm")):
        ax.text(x, 0.92, heading, ha="center", weight="bold")
    for y, (name, alarm) in zip((0.83, 0.74), alarms.items(), strict=True):
        ax.text(0.02, y, name, weight="bold")
        ax.text(0.5, y, f"{(~alarm).sum():,}", ha="center")
        ax.text(0.82, y, f"{alarm.sum():,}", ha="center")
    false_positive_rate, true_positive_rate = (float(alarm.mean()) for alarm in alarms.values())
    precision = precision_at_base_rate(true_positive_rate, false_positive_rate, base_rate)
    lines = (
        f"false-positive rate {false_positive_rate:.2%}",
        f"true-positive rate {true_positive_rate:.1%}",
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
    ax = _axes(ax, width=5, height=4.6)
    styles = ["-", "--", "-.", ":"]
    for i, (name, (fpr, tpr)) in enumerate(curves.items()):
        ax.plot(_array(fpr), _array(tpr), styles[i % len(styles)], label=name)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="chance")
    ax.set(xlabel="false-positive rate", ylabel="true-positive rate", aspect="equal", title="ROC")
    ax.legend(loc="lower right")
    return ax.figure


def plot_sweep(sweep: Mapping[float, Mapping[str, float | Tensor]], *, factor: float | None = None) -> Figure:
    """The numbers of a sweep over the reconstruction_factor, a panel each; one factor can be marked.

    `sweep` maps each factor to names and what was found there: numbers, and images (N, 1, H, W).
    """
    names = _numbers_of(sweep)
    fig, axes = plt.subplots(1, len(names), figsize=(3.9 * len(names), 3.2), squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        _plot_over_factors(ax, sweep, name, factor)
    return fig


def draw_sweep_step(sweep: Mapping[float, Mapping[str, float | Tensor]], factor: float) -> Figure:
    """What a sweep found at one factor: its images in rows, and its numbers among the others."""
    names = _numbers_of(sweep)
    rows = {name: _array(v)[:10] for name, v in sweep[factor].items() if isinstance(v, Tensor)}
    fig = plt.figure(figsize=(3.9 * len(names), 3.4 + 1.05 * len(rows)))
    grid = fig.add_gridspec(2, len(names), height_ratios=[1.05 * len(rows), 3])
    top = fig.add_subplot(grid[0, :])
    side = next(iter(rows.values())).shape[-1] + 2  # a frame of one pixel around each image
    wall = np.full((side * len(rows), side * 10), 0.25)
    for i, images in enumerate(rows.values()):
        for j, image in enumerate(images):
            wall[i * side + 1 : (i + 1) * side - 1, j * side + 1 : (j + 1) * side - 1] = image[0]
    top.imshow(wall, cmap="gray_r", vmin=0, vmax=1)
    top.set(xticks=[], title=f"reconstruction_factor = {factor:g}")
    top.set_yticks([side * (i + 0.5) for i in range(len(rows))], list(rows))
    top.tick_params(length=0)
    top.spines[:].set_visible(False)
    for column, name in enumerate(names):
        _plot_over_factors(fig.add_subplot(grid[1, column]), sweep, name, factor)
    return fig


def draw_autoencoder(*, variational: bool = False, ax: Axes | None = None) -> Figure:
    """The picture of the course: image → encoder → code → decoder → image."""
    ax = _axes(ax, width=9, height=2.8)
    code = "mu\nlog_var\n↓\nz" if variational else "z"
    for x, half, text in ((0.06, 0.055, ""), (0.5, 0.045, code), (0.94, 0.055, "")):
        box = FancyBboxPatch((x - half, 0.3), 2 * half, 0.4, boxstyle="round,pad=0.005", facecolor="white")
        ax.add_patch(box)
        ax.text(x, 0.5, text, ha="center", va="center")
    for x, text in ((0.06, "x: 784 pixels"), (0.5, "code"), (0.94, "x_hat: 784 pixels")):
        ax.text(x, 0.2, text, ha="center", va="center", fontsize=11)
    ax.plot(0.06, 0.5, "o", markersize=32, markerfacecolor="none", color="black", markeredgewidth=3)
    ax.plot(0.94, 0.5, "o", markersize=32, markerfacecolor="none", color=GREY, markeredgewidth=5, alpha=0.6)
    for left, right, tall, short, name, color in (
        (0.17, 0.40, 0.38, 0.14, "encoder", SKY),
        (0.60, 0.83, 0.14, 0.38, "decoder", ORANGE),
    ):
        corners = [(left, 0.5 - tall), (left, 0.5 + tall), (right, 0.5 + short), (right, 0.5 - short)]
        ax.add_patch(Polygon(corners, facecolor=color, edgecolor="black", alpha=0.55))
        ax.text((left + right) / 2, 0.5, name, ha="center", va="center", fontsize=13)
    for start, end in ((0.12, 0.17), (0.40, 0.45), (0.55, 0.60), (0.83, 0.88)):
        arrow = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0, "color": "black"}
        ax.add_patch(FancyArrowPatch((start, 0.5), (end, 0.5), **arrow))
    ax.set(xlim=(-0.05, 1.05), ylim=(0.05, 0.95))
    ax.axis("off")
    return ax.figure


def draw_learning_map(ax: Axes | None = None) -> Figure:
    """Kinds of machine learning as a tree, with the VAE between compressing and generating."""
    ax = _axes(ax, width=10, height=4.6)
    places = {  # text: (x, y, parent)
        "machine learning": (0.50, 0.93, None),
        "supervised\n(labels)": (0.14, 0.70, "machine learning"),
        "unsupervised\n(data alone)": (0.50, 0.70, "machine learning"),
        "reinforcement\n(rewards)": (0.86, 0.70, "machine learning"),
        "classify": (0.05, 0.42, "supervised\n(labels)"),
        "predict\na number": (0.20, 0.42, "supervised\n(labels)"),
        "make smaller": (0.42, 0.42, "unsupervised\n(data alone)"),
        "generate": (0.77, 0.42, "unsupervised\n(data alone)"),
        "PCA": (0.30, 0.12, "make smaller"),
        "autoencoder": (0.42, 0.12, "make smaller"),
        "VAE": (0.59, 0.12, "make smaller"),
        "GAN": (0.71, 0.12, "generate"),
        "flow": (0.81, 0.12, "generate"),
        "diffusion": (0.93, 0.12, "generate"),
    }
    links = [(parent, text) for text, (_, _, parent) in places.items() if parent] + [("generate", "VAE")]
    for parent, text in links:
        (x0, y0, _), (x1, y1, _) = places[parent], places[text]
        ax.plot([x0, x1], [y0, y1], color=GREY, linewidth=1.2, zorder=0)  # the boxes hide its ends
    for text, (x, y, _) in places.items():
        ours = text in ("autoencoder", "VAE")
        frame = {"boxstyle": "round,pad=0.35", "edgecolor": "black", "linewidth": 1 + ours}
        frame["facecolor"] = SKY if ours else "white"
        ax.text(x, y, text, ha="center", va="center", fontsize=11, bbox=frame, zorder=2)
    x, y, _ = places["VAE"]
    outer = {"boxstyle": "round,pad=0.62", "facecolor": "white", "edgecolor": "black", "linewidth": 1}
    ax.text(x, y, "VAE", ha="center", va="center", fontsize=11, bbox=outer, zorder=1)
    ax.set(xlim=(-0.02, 1.02), ylim=(0, 1))
    ax.axis("off")
    return ax.figure


def draw_stochastic_graph(reparameterized: bool, *, ax: Axes | None = None) -> Figure:
    """The graph of a VAE's loss from x (below) to the loss (above), and the way of the gradient back.

    Without the trick z is drawn (red, dashed) and the gradient (green, dotted) stops there; with it only
    eps is drawn, and the gradient reaches the encoder.
    """
    ax = _axes(ax, width=5, height=6)
    z = (0.5, 0.6)
    parameters, decoder, kl, loss = (0.5, 0.36), (0.5, 0.79), (0.12, 0.6), (0.5, 0.96)
    for (x, y), text in (
        ((0.5, 0.03), "x"),
        ((0.5, 0.18), "encoder"),
        (parameters, "mu, log_var"),
        (decoder, "decoder"),
        (kl, "KL"),
        (loss, "loss"),
    ):
        _draw_node(ax, x, y, text)
    _draw_node(ax, *z, "z = mu + eps·sigma" if reparameterized else "z", random=not reparameterized)
    steps = [((0.5, 0.18), parameters), (z, decoder), (decoder, loss), (parameters, kl), (kl, loss)]
    for start, end in [((0.5, 0.03), (0.5, 0.18)), *steps]:
        _draw_arrow(ax, start, end, color="black")
    for start, end in steps:
        side = -1 if start == kl else 1  # where no node is in the way
        _draw_arrow(ax, end, start, color=GREEN, style=":", shift=0.035 * side)
    if reparameterized:
        _draw_node(ax, 0.93, 0.6, "eps", random=True)
        ax.text(0.93, 0.36, "N(0, 1)", ha="center", va="center", fontsize=11)
        _draw_arrow(ax, (0.93, 0.36), (0.93, 0.6), color=RED, style="--")
        _draw_arrow(ax, (0.93, 0.6), (0.7, 0.6), color="black", shrink=0.06)
        _draw_arrow(ax, parameters, z, color="black")
        _draw_arrow(ax, z, parameters, color=GREEN, style=":", shift=0.035)
    else:
        _draw_arrow(ax, parameters, z, color=RED, style="--")
        ax.plot(0.56, 0.5, "x", color="black", markersize=13, markeredgewidth=3.5)
        ax.text(0.61, 0.5, "the gradient\nstops here", va="center", fontsize=11)
    for text, color, style in (
        ("computed", "black", "-"),
        ("drawn at random", RED, "--"),
        ("gradient", GREEN, ":"),
    ):
        ax.plot([], [], color=color, linestyle=style, label=text)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=10, handlelength=2.2)
    title = "With the trick" if reparameterized else "Without the trick"
    ax.set(xlim=(0, 1), ylim=(-0.02, 1.01), title=title)
    ax.axis("off")
    return ax.figure


def draw_reparameterization(
    mu: float, log_var: float, eps: Tensor, *, limit: float = 8.5, ax: Axes | None = None
) -> Figure:
    """Each eps (N,) on the axis above, joined to its z = mu + eps · exp(log_var / 2) on the axis below.

    The densities N(0, 1) and N(mu, exp(log_var)) are drawn over and under them, scaled to one height.
    """
    ax = _axes(ax, width=8, height=4)
    sigma = float(np.exp(log_var / 2))
    eps = _array(eps)
    z = mu + eps * sigma
    line = np.linspace(-limit, limit, 2000)
    for y, values, center, width, color, side in ((1, eps, 0, 1, ORANGE, 1), (0, z, mu, sigma, BLUE, -1)):
        curve = y + side * 0.5 * np.exp(-0.5 * ((line - center) / width) ** 2)
        ax.fill_between(line, y, curve, color=color, alpha=0.45, linewidth=0)
        ax.plot(line, curve, color=color, linewidth=1.5)
        ax.axhline(y, color="black", linewidth=1)
        ax.plot(values, np.full(len(values), y), "o", color="black", markersize=4, zorder=3)
    ax.plot(np.stack([eps, z]), np.array([[1], [0]]) * np.ones(len(eps)), color=GREY, linewidth=1)
    ax.set(xlim=(-limit, limit), ylim=(-0.6, 1.6), xlabel="value")
    ax.set_yticks([1, 0], ["eps ~ N(0, 1)", "z"])
    ax.tick_params(axis="y", length=0)
    ax.set_title(f"mu = {mu:.2f},  log_var = {log_var:.2f},  so sigma = {sigma:.2f}")
    return ax.figure


def plot_kl_terms(mu: float, sigma: float) -> Figure:
    """q = N(mu, sigma²) over p = N(0, 1), beside the three terms that add up to KL(q ‖ p), in nats.

    The axes are the same for every mu in [−3, 3] and sigma in [0.2, 2], so that two figures compare.
    """
    terms = {"−½ log σ²": -np.log(sigma), "½ (σ² + μ²)": (sigma**2 + mu**2) / 2, "−½": -0.5}
    kl = sum(terms.values())
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
    _draw_posterior(left, mu, sigma, np.linspace(-6, 6, 601))
    left.set(ylim=(0, 2.1), xlabel="z", ylabel="density")
    left.set_title(f"mu = {_number(mu)}, sigma = {_number(sigma)}")
    left.legend(loc="upper left" if mu > 0 else "upper right")
    bars = right.barh([*terms, "sum: KL"], [*terms.values(), kl], color=[SKY] * 3 + [BLUE], height=0.6)
    right.bar_label(bars, [_number(nats, 3) for nats in (*terms.values(), kl)], padding=4)
    right.axvline(0, color="black", linewidth=1)
    right.set(xlim=(-3.3, 8.6), xlabel="nats", title=f"KL = {_number(kl, 3)} nats")
    right.invert_yaxis()
    return fig


def plot_kl_grid(mus: Sequence[float], sigmas: Sequence[float]) -> Figure:
    """KL(N(mu, sigma²) ‖ N(0, 1)) as pairs of curves: a column for each mu, a row for each sigma."""
    fig, axes = plt.subplots(
        len(sigmas),
        len(mus),
        figsize=(2.1 * len(mus), 1.3 * len(sigmas) + 0.6),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    z = np.linspace(-5, 5, 401)
    for line, sigma in zip(axes, sigmas, strict=True):
        for ax, mu in zip(line, mus, strict=True):
            _draw_posterior(ax, mu, sigma, z)
            kl = float(kl_divergence(*torch.tensor([mu, 2 * np.log(sigma)])))
            side = -4.9 if mu > 0 else 4.9  # where q is not
            ax.text(
                side,
                1.4,
                f"{_number(kl)} nats",
                fontsize=11,
                ha="left" if side < 0 else "right",
                fontweight="bold" if kl == 0 else None,
            )
            ax.set(ylim=(0, 1.75), yticks=[])
        line[0].set_ylabel(f"sigma = {sigma:g}", fontsize=11)
    for ax, mu in zip(axes[0], mus, strict=True):
        ax.set_title(f"mu = {mu:g}".replace("-", "−"))
    for ax in axes[-1]:
        ax.set_xlabel("z")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return fig


def plot_kl_map(*, ax: Axes | None = None) -> Figure:
    """KL(N(mu, exp(log_var)) ‖ N(0, 1)) in nats over mu and log_var, with sigma on the right-hand side."""
    ax = _axes(ax, width=6, height=4)
    mu, log_var = torch.meshgrid(torch.linspace(-3, 3, 241), torch.linspace(-5, 3.5, 241), indexing="xy")
    kl = kl_divergence(mu, log_var)
    levels = [0.1, 0.25, 0.5, 1, 2, 4, 8]
    shades = plt.get_cmap("Blues")(np.linspace(0, 0.6, len(levels) + 1))
    ax.contourf(mu, log_var, kl, [0, *levels, 100], colors=shades)
    lines = ax.contour(mu, log_var, kl, levels, colors="black", linewidths=1)
    places = [(0.38, -0.35), (0.59, -0.6), (0.83, -0.9), (1.19, -1.3), (1.69, -2), (2.62, -2), (0, 3)]
    ax.clabel(lines, fmt="%g", fontsize=11, manual=places)
    ax.plot(0, 0, "*", color=RED, markersize=14, markeredgecolor="white", zorder=3)
    ax.annotate("0", (0, 0), (-17, -4), textcoords="offset points", color=RED, fontweight="bold")
    ax.set(xlabel="mu", ylabel="log_var", title="KL in nats: zero at the star, and nowhere else")
    sigmas = [0.125, 0.25, 0.5, 1, 2, 4]
    right = ax.secondary_yaxis("right")
    right.set_yticks(2 * np.log(sigmas), [f"{sigma:g}" for sigma in sigmas])
    right.set_ylabel("sigma")
    return ax.figure


def plot_linear_vae(along: float, across: float, angle: float) -> Figure:
    """What a linear VAE with one latent dimension learns from a Gaussian cloud: the closed form.

    The cloud has the variance `along` in the direction `angle` (degrees) and the variance `across` at
    right angles to it. Tipping and Bishop (1999).
    """
    if not min(along, across) > 0:
        raise ValueError(f"along and across are variances above 0, not {along!r} and {across!r}")
    turn = np.deg2rad(angle + 90 * (across > along))  # the direction of the larger variance
    direction = np.array([np.cos(turn), np.sin(turn)])
    large, sigma2 = max(along, across), min(along, across)
    w = direction * np.sqrt(large - sigma2)
    covariance = np.outer(w, w) + sigma2 * np.eye(2)
    circle = np.linspace(0, 2 * np.pi, 100)
    circle = 2 * np.stack([np.cos(circle), np.sin(circle)])  # (2, 100), two standard deviations
    ax = _axes(None, width=7, height=5)
    ax.plot(*data.gaussian_points(500, covariance=covariance).tensors[0].T, ".", markersize=3, color=SKY)
    ax.plot(*(np.linalg.cholesky(covariance) @ circle), color="black", label="p(x)")
    ax.plot(*(w[:, None] + np.sqrt(sigma2) * circle), "--", color=RED, label="p(x | z = 1)")
    ax.plot(*np.outer(w, [-3, 3]), "o-", markersize=4, color=ORANGE, label="decoder, z from −3 to 3")
    ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", xlim=(-9, 9), ylim=(-7, 7))
    nats = np.log(large / sigma2) / 2
    ax.set_title(
        f"σ² = {sigma2:.2f}, |w| = {np.sqrt(large - sigma2):.2f}, "
        f"posterior variance {sigma2 / large:.2f}, KL {nats:.2f} nats",
        fontsize=12,
    )
    ax.legend(loc="upper left", fontsize=11)
    return ax.figure


def _draw_posterior(ax: Axes, mu: float, sigma: float, z: np.ndarray) -> None:
    """The density of q = N(mu, sigma²) in blue over the dashed one of p = N(0, 1)."""
    q = _density(z, mu, sigma)
    ax.fill_between(z, q, color=BLUE, alpha=0.25)
    ax.plot(z, q, color=BLUE, label="q(z|x)")
    ax.plot(z, _density(z), "--", color="black", label="p(z) = N(0, 1)")


def _density(z: np.ndarray, mu: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Of N(mu, sigma²)."""
    return Normal(mu, sigma).log_prob(torch.from_numpy(z)).exp().numpy()


def _number(value: float, decimals: int = 2) -> str:
    """Some decimals with a minus sign, and never −0.00."""
    return f"{round(value, decimals) + 0:.{decimals}f}".replace("-", "−")


def _mark_on_line(ax: Axes, z: float, codes: np.ndarray | None) -> None:
    if codes is None:
        line = np.linspace(-3.5, 3.5, 300)
        ax.plot(line, _density(line), "--", color="black", label="N(0, 1)")
        ax.set(xlabel="z", ylabel="density")
    else:
        plot_latent_histogram(codes[:, 0], ax=ax)
    ax.axvline(z, ymax=0.8, color=RED, linewidth=3)
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])  # room for the legend
    ax.set_title(f"z = {z:.2f}")
    ax.legend(loc="upper right", ncols=2, fontsize=11)


def _mark_in_plane(ax: Axes, z: np.ndarray, codes: np.ndarray | None, pair: tuple[int, int]) -> None:
    i, j = pair
    angle = np.linspace(0, 2 * np.pi, 100)
    for radius in (1, 2):  # one and two standard deviations of N(0, I)
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), "--", color="black", linewidth=1)
    if codes is not None:
        ax.plot(codes[:, i], codes[:, j], ".", markersize=3, color=SKY)
    ax.plot(z[i], z[j], "P", markersize=13, color=RED, markeredgecolor="black")
    ax.set(xlabel=f"z{i + 1}", ylabel=f"z{j + 1}", aspect="equal")
    ax.set_title(f"z{i + 1} = {z[i]:.2f}, z{j + 1} = {z[j]:.2f}")


def _numbers_of(sweep: Mapping[float, Mapping[str, float | Tensor]]) -> list[str]:
    return [name for name, value in next(iter(sweep.values())).items() if not isinstance(value, Tensor)]


def _plot_over_factors(ax: Axes, sweep: Mapping, name: str, factor: float | None) -> None:
    factors = sorted(sweep)
    ax.plot(factors, [sweep[f][name] for f in factors], "o-", color=BLUE, markersize=5)
    ax.set(xscale="log", xlabel="reconstruction_factor", title=name, ylim=(0, None))
    if factor is not None:
        ax.plot(factor, sweep[factor][name], "D", color=ORANGE, markersize=11, markeredgecolor="black")


def _axes(ax: Axes | None, *, width: float = 6, height: float = 3.6) -> Axes:
    return plt.subplots(figsize=(width, height))[1] if ax is None else ax


def _draw_node(ax: Axes, x: float, y: float, text: str, *, random: bool = False) -> None:
    """A box for what is computed, a round dashed one for what is drawn at random."""
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=12,
        zorder=3,
        bbox={
            "boxstyle": "circle,pad=0.5" if random else "round,pad=0.4",
            "facecolor": "white",
            "edgecolor": RED if random else "black",
            "linestyle": "--" if random else "-",
            "linewidth": 2 if random else 1.3,
        },
    )


def _draw_arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str,
    style: str = "-",
    shift: float = 0.0,
    shrink: float = 0.05,
) -> None:
    """An arrow between two nodes, `shrink` short of their centres and moved left of its way by `shift`."""
    a, b = np.array(start), np.array(end)
    along = (b - a) / np.linalg.norm(b - a)
    aside = shift * np.array([-along[1], along[0]])
    a, b = a + shrink * along + aside, b - shrink * along + aside
    neck = b - 0.02 * along
    ax.plot(*zip(a, neck, strict=True), color=color, linestyle=style, linewidth=2)
    ax.add_patch(  # the head alone, which dashes would tear
        FancyArrowPatch(
            tuple(neck),
            tuple(b),
            arrowstyle="-|>",
            mutation_scale=13,
            shrinkA=0,
            shrinkB=0,
            color=color,
            linewidth=0.5,
        )
    )


def _array(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _draw_image(ax: Axes, image: np.ndarray) -> None:
    ax.imshow(image.reshape(image.shape[-2:]), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color="#BBBBBB", linewidth=0.8)
