"""Figures named for what they show. Each draws on `ax` when given one, and returns its figure.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; no figure relies on colour alone.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from scipy.stats import norm
from torch import Tensor

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
    ax.plot(line, norm.pdf(line), "--", color="black", label="N(0, 1)")
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


def plot_score_histograms(
    scores: Mapping[str, Tensor], *, threshold: float | None = None, ax: Axes | None = None
) -> Figure:
    """Anomaly scores (N,) by kind on one logarithmic axis, a row each, with the threshold as a line."""
    ax = _axes(ax, height=0.45 * len(scores) + 1.2)
    lowest = min(float(values.min()) for values in scores.values())
    highest = max(float(values.max()) for values in scores.values())
    bins = np.geomspace(max(lowest, 1e-3) * 0.9, highest * 1.1, 60)
    for row, values in enumerate(scores.values()):
        counts, _ = np.histogram(_array(values).clip(bins[0]), bins)
        color = BLUE if row == 0 else ORANGE
        ax.bar(bins[:-1], 0.85 * counts / counts.max(), np.diff(bins), row, align="edge", color=color)
        ax.axhline(row, color=GREY, linewidth=0.5)
    ax.set_yticks(np.arange(len(scores)) + 0.3, list(scores))
    ax.tick_params(axis="y", length=0)
    ax.set(xscale="log", xlabel="score: reconstruction error of an image")
    if threshold is not None:
        ax.axvline(threshold, color="black", linestyle="--")
        ax.annotate(
            f"threshold {threshold:.1f}",
            (threshold, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            va="bottom",
            ha="center",
        )
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
        _draw_node(ax, 0.9, 0.6, "eps", random=True)
        ax.text(0.9, 0.36, "N(0, 1)", ha="center", va="center", fontsize=11)
        _draw_arrow(ax, (0.9, 0.36), (0.9, 0.6), color=RED, style="--")
        _draw_arrow(ax, (0.9, 0.6), (0.68, 0.6), color="black", shrink=0.045)
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
