"""Where codes lie: on a line, in a plane, against their cause, beside the prior."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from course_lib.plotting._shared import array, density, new_axes, number, pictures, places
from course_lib.plotting.images import draw_image
from course_lib.plotting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

TINT = "#F5D08A"  # paper of pictures that are marked


def plot_latent_histogram(z: Tensor, *, ax: Axes | None = None, title: str = "Codes z") -> Figure:
    """How the codes z (N,) or (N, 1) are spread, beside the density of N(0, 1)."""
    ax = new_axes(ax)
    z = places(z, 1)[:, 0]
    line = np.linspace(min(-3.5, z.min()), max(3.5, z.max()), 300)
    ax.hist(z, bins=40, density=True, color=SKY, edgecolor="white", linewidth=0.4, label="codes")
    ax.plot(line, density(line), "--", color="black", label="N(0, 1)")
    ax.set(xlabel="z", ylabel="density", title=title)
    ax.legend()
    return ax.figure


def plot_latent_against_cause(
    z: Tensor, cause: Tensor, *, name: str = "radius", ax: Axes | None = None, title: str = ""
) -> Figure:
    """Each image's code z (N,) or (N, 1) against the cause (N,) that made it."""
    ax = new_axes(ax)
    ax.plot(array(cause), places(z, 1)[:, 0], ".", markersize=4, alpha=0.5, color=BLUE)
    ax.set(xlabel=name, ylabel="z", title=title or f"Code against {name}")
    return ax.figure


def plot_decoded_code(image: Tensor, z: Tensor, codes: Tensor | None = None) -> Figure:
    """What the decoder draws for z (D,), beside where z lies among `codes` (N, D) and the prior.

    One dimension is a line; more are a plane of the first two, and a second plane of the first and third.
    """
    z = array(z).ravel()
    codes = None if codes is None else array(codes)
    pairs = [(0, 1), (0, 2)][: len(z) - 1] or [None]
    widths = [1, *([1.9] if pairs == [None] else [1.15] * len(pairs))]
    fig, axes = plt.subplots(
        1, len(widths), figsize=(3.1 * sum(widths), 3.2), gridspec_kw={"width_ratios": widths}
    )
    draw_image(axes[0], pictures(image[None])[0])
    axes[0].set_title("decoded from z")
    for ax, pair in zip(axes[1:], pairs, strict=True):
        _mark_on_line(ax, z[0], codes) if pair is None else _mark_in_plane(ax, z, codes, pair)
    return fig


def plot_decoded_plane(
    axes: tuple[Tensor, Tensor],
    images: Tensor,
    z: Tensor,
    *,
    tinted: Tensor | None = None,
    ax: Axes | None = None,
) -> Figure:
    """What is decoded from a grid of codes, each image where its code lies.

    `axes` (X,) and (Y,), evenly spaced, span the plane; `images` (X·Y, 1, H, W) come in the order of
    `torch.cartesian_prod(*axes)`. A blue frame: some of the codes z (N, 2) lie here. A tint: `tinted` (X·Y,)
    says so. Dashed: N(0, I) at one and two standard deviations.
    """
    ax = new_axes(ax, width=7, height=7)
    x, y = (array(axis) for axis in axes)
    ink = pictures(images, channels=(1,))[:, 0].clip(0, 1)
    tinted = np.zeros(len(ink), bool) if tinted is None else array(tinted)
    paper = np.where(tinted[:, None], to_rgb(TINT), 1.0)  # (X·Y, 3)
    tiles = paper[:, None, None] * (1 - ink[..., None])
    height, width = ink.shape[1:]
    grid = tiles.reshape(len(x), len(y), height, width, 3)[:, ::-1]  # imshow begins at the top
    wall = grid.transpose(1, 2, 0, 3, 4).reshape(len(y) * height, len(x) * width, 3)
    dx, dy = x[1] - x[0], y[1] - y[0]
    edges = [np.append(axis - step / 2, axis[-1] + step / 2) for axis, step in ((x, dx), (y, dy))]
    ax.imshow(wall, extent=(*edges[0][[0, -1]], *edges[1][[0, -1]]))
    counts, *_ = np.histogram2d(*places(z, 2).T, bins=edges)
    for i, j in np.argwhere(counts > 0):
        frame = Rectangle((edges[0][i], edges[1][j]), dx, dy, fill=False, edgecolor=BLUE, linewidth=1.6)
        ax.add_patch(frame)
    for radius in (1, 2):
        ax.add_patch(Circle((0, 0), radius, fill=False, edgecolor=RED, linestyle="--", linewidth=1.8))
    ax.set(xlabel="first number of z", ylabel="second number of z", aspect="equal")
    return ax.figure


def plot_labelled_plane(
    z: Tensor, labels: Tensor, *, faint: bool = False, prior: bool = True, ax: Axes | None = None
) -> Figure:
    """Codes z (N, 2) as numerals: their labels (N,) from 0 to 9. `faint` leaves room for marks on top.

    Dashed, unless `prior` is False: N(0, I) at one and two standard deviations.
    """
    ax = new_axes(ax, width=6.5, height=6.5)
    z, labels = places(z, 2), array(labels)
    colors = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, "black", "#8B5A2B", "#4B0082"]
    for digit in range(10):
        x, y = z[labels == digit].T
        style = {"marker": f"${digit}$", "s": 24 if faint else 60, "linewidth": 0}
        ax.scatter(x, y, color=GREY if faint else colors[digit], alpha=0.6 if faint else 0.9, **style)
    for radius in (1, 2) if prior else ():
        ax.add_patch(Circle((0, 0), radius, fill=False, edgecolor="black", linestyle="--", linewidth=1))
    ax.set(xlabel="first number of z", ylabel="second number of z", aspect="equal")
    ax.set_title("" if faint else "Held-out digits, placed by their codes")
    return ax.figure


def plot_place_in_plane(images: Tensor, z: Tensor, codes: Tensor, labels: Tensor, nearest: int) -> Figure:
    """What is decoded from z (2,), the image whose code is nearest, and both places among codes (N, 2)."""
    fig, axes = plt.subplots(1, 3, figsize=(10, 4.4), gridspec_kw={"width_ratios": [1, 1, 2.2]})
    for ax, image, title in zip(axes, pictures(images), ("decoded here", "nearest real digit"), strict=False):
        draw_image(ax, image)
        ax.set_title(title)
    plot_labelled_plane(codes, labels, faint=True, ax=axes[2])
    real, here = array(codes)[nearest], array(z)
    axes[2].plot(*real, "o", markersize=14, markerfacecolor="none", color=BLUE, markeredgewidth=2)
    axes[2].plot(*here, "X", color=RED, markersize=13, markeredgecolor="white")
    axes[2].set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), title=f"z = ({number(here[0])}, {number(here[1])})")
    return fig


def _mark_on_line(ax: Axes, z: float, codes: np.ndarray | None) -> None:
    if codes is None:
        line = np.linspace(-3.5, 3.5, 300)
        ax.plot(line, density(line), "--", color="black", label="N(0, 1)")
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
