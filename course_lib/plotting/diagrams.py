"""Drawings without data: the autoencoder, the kinds of machine learning, the graph of a loss."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from course_lib.plotting._shared import density, new_axes
from course_lib.plotting.style import BLUE, GREEN, GREY, ORANGE, RED, SKY


def draw_autoencoder(*, variational: bool = False, ax: Axes | None = None) -> Figure:
    """The picture of the course: image → encoder → code → decoder → image, the code as small as it is.

    A variational one has, in place of the code, a line of codes with the prior, the cloud of the image, and
    one draw from it.
    """
    if variational:
        return _draw_variational_autoencoder(new_axes(ax, width=8.5, height=3.4))
    ax = new_axes(ax, width=7.4, height=2.5)
    middle = 1.25
    for x, half in ((0.7, 0.62), (3.7, 0.19), (6.7, 0.62)):
        corner = (x - half, middle - half)
        ax.add_patch(Rectangle(corner, 2 * half, 2 * half, facecolor="white", edgecolor="black"))
    ax.text(3.7, middle, "z", ha="center", va="center", fontsize=13)
    for x, text in ((0.7, "x: 784 pixels"), (3.7, "the code"), (6.7, "x_hat: 784 pixels")):
        ax.text(x, 0.28, text, ha="center", va="center", fontsize=12)
    ax.add_patch(Circle((0.7, middle), 0.36, fill=False, edgecolor="black", linewidth=3))
    ax.add_patch(Circle((6.7, middle), 0.36, fill=False, edgecolor=GREY, linewidth=6, alpha=0.6))
    for left, right, tall, short, name, color in (
        (1.65, 3.0, 0.95, 0.26, "encoder", SKY),
        (4.4, 5.75, 0.26, 0.95, "decoder", ORANGE),
    ):
        ends = [
            (left, middle - tall),
            (left, middle + tall),
            (right, middle + short),
            (right, middle - short),
        ]
        ax.add_patch(Polygon(ends, facecolor=color, edgecolor="black", alpha=0.55))
        ax.text((left + right) / 2, middle, name, ha="center", va="center", fontsize=13)
    for start, end in ((1.32, 1.65), (3.0, 3.51), (3.89, 4.4), (5.75, 6.08)):
        arrow = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0, "color": "black"}
        ax.add_patch(FancyArrowPatch((start, middle), (end, middle), **arrow))
    ax.set(xlim=(0, 7.4), ylim=(0.05, 2.3), aspect="equal")
    ax.axis("off")
    return ax.figure


def _draw_variational_autoencoder(ax: Axes) -> Figure:
    base, middle = 0.22, 0.5
    for x, text, color, width in ((0.045, "x", "black", 3), (0.955, "x_hat", "#9B9B9B", 5)):
        box = FancyBboxPatch((x - 0.05, 0.33), 0.1, 0.34, boxstyle="round,pad=0.005", facecolor="white")
        ax.add_patch(box)
        ax.plot(x, middle, "o", markersize=30, markerfacecolor="none", color=color, markeredgewidth=width)
        ax.text(x, base, text, ha="center", va="center", fontsize=13)
    for left, right, tall, short, name, color in (
        (0.13, 0.29, 0.34, 0.14, "encoder", SKY),
        (0.71, 0.87, 0.14, 0.34, "decoder", ORANGE),
    ):
        corners = [
            (left, middle - tall),
            (left, middle + tall),
            (right, middle + short),
            (right, middle - short),
        ]
        ax.add_patch(Polygon(corners, facecolor=color, edgecolor="black", alpha=0.55))
        ax.text((left + right) / 2, middle, name, ha="center", va="center", fontsize=13)
    z = np.linspace(-3, 3, 400)
    x, cloud = middle + 0.055 * z, base + 0.55 * np.exp(-(((z - 0.9) / 0.3) ** 2) / 2)
    ax.plot([x[0] - 0.01, x[-1] + 0.01], [base, base], color="black", linewidth=1.2)
    ax.plot(x, base + 0.5 * density(z), "--", color="black")
    ax.fill_between(x, base, cloud, color=BLUE, alpha=0.3, linewidth=0)
    ax.plot(x, cloud, color=BLUE)
    center, drawn = middle + 0.055 * 0.9, middle + 0.055 * 1.2
    ax.plot(drawn, base, "o", color=RED, markersize=10, zorder=3)
    for where, text, color in (
        ((0.39, base + 0.26), "prior\np(z)", "black"),
        ((center, base + 0.63), "cloud q(z | x)", BLUE),
        ((drawn, base - 0.09), "z, drawn", RED),
        ((0.375, 0.67), "mu, log_var", "black"),
    ):
        ax.text(*where, text, ha="center", va="center", fontsize=13, color=color)
    for start, end in (
        ((0.1, middle), (0.13, middle)),
        ((0.29, 0.61), (center - 0.02, 0.61)),
        ((drawn + 0.01, base + 0.01), (0.71, 0.42)),
        ((0.87, middle), (0.9, middle)),
    ):
        arrow = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0, "color": "black"}
        ax.add_patch(FancyArrowPatch(start, end, **arrow))
    ax.set(xlim=(-0.02, 1.02), ylim=(0.08, 0.95))
    ax.axis("off")
    return ax.figure


def draw_learning_map(ax: Axes | None = None) -> Figure:
    """Kinds of machine learning as a tree from left to right, the VAE between shortening and generating."""
    ax = new_axes(ax, width=7, height=4.6)
    places = {  # text: (x, y, parents)
        "machine\nlearning": (0.0, 3.0, ()),
        "supervised\n(labels)": (1.6, 6.2, ("machine\nlearning",)),
        "unsupervised\n(data alone)": (1.6, 3.0, ("machine\nlearning",)),
        "reinforcement\n(rewards)": (1.6, -0.2, ("machine\nlearning",)),
        "shorten": (3.2, 4.4, ("unsupervised\n(data alone)",)),
        "generate": (3.2, 1.6, ("unsupervised\n(data alone)",)),
        "classify, predict": (4.7, 6.6, ("supervised\n(labels)",)),
        "PCA": (4.7, 5.5, ("shorten",)),
        "autoencoder": (4.7, 4.4, ("shorten",)),
        "VAE": (4.7, 3.3, ("shorten", "generate")),
        "GAN": (4.7, 2.4, ("generate",)),
        "flow": (4.7, 1.5, ("generate",)),
        "diffusion": (4.7, 0.6, ("generate",)),
        "autoregressive": (4.7, -0.3, ("generate",)),
    }
    for text, (x, y, parents) in places.items():
        for x0, y0 in (places[parent][:2] for parent in parents):
            ax.plot([x0, x], [y0, y], color=GREY, linewidth=1.2, zorder=0)  # the boxes hide its ends
        frame = {"boxstyle": "round,pad=0.35", "edgecolor": "black", "linewidth": 1, "facecolor": "white"}
        if text in ("autoencoder", "VAE"):
            frame |= {"linewidth": 2.5, "facecolor": SKY}
        ax.text(x, y, text, ha="center", va="center", fontsize=12, bbox=frame, zorder=2)
    ax.set(xlim=(-0.55, 5.5), ylim=(-0.9, 7.1))
    ax.axis("off")
    return ax.figure


def draw_stochastic_graph(reparameterized: bool, *, ax: Axes | None = None) -> Figure:
    """The graph of a VAE's loss from x (below) to the loss (above), and the way of the gradient back.

    Without the trick z is drawn (red, dashed) and the gradient (green, dotted) stops there; with it only
    eps is drawn, and the gradient reaches the encoder.
    """
    ax = new_axes(ax, width=5, height=6)
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


def _draw_node(ax: Axes, x: float, y: float, text: str, *, random: bool = False) -> None:
    """A box for what is computed, a round dashed one for what is drawn at random."""
    edge = RED if random else "black"
    box = {
        "boxstyle": "circle,pad=0.5" if random else "round,pad=0.4",
        "facecolor": "white",
        "edgecolor": edge,
    }
    box |= {"linestyle": "--" if random else "-", "linewidth": 2 if random else 1.3}
    ax.text(x, y, text, ha="center", va="center", fontsize=12, zorder=3, bbox=box)


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
    head = {"arrowstyle": "-|>", "mutation_scale": 13, "shrinkA": 0, "shrinkB": 0, "linewidth": 0.5}
    ax.add_patch(FancyArrowPatch(tuple(neck), tuple(b), color=color, **head))  # apart: dashes would tear it
