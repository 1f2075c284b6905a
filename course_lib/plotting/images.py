"""Images and atoms, side by side."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import _require
from course_lib.plotting._shared import new_axes, pictures


def show_images(
    images: Tensor, *, titles: Sequence[str] | None = None, columns: int = 10, title: str = ""
) -> Figure:
    """Images (N, C, H, W) in rows of `columns`, each in a thin frame.

    One channel is ink, dark on white paper; three are colours; signals (N, C, 1, W) are curves.
    """
    images = pictures(images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = 1.05 + 0.28 * (titles is not None)
    fig, axes = plt.subplots(
        rows, columns, figsize=(1.05 * columns, height * rows + 0.4 * bool(title)), squeeze=False
    )
    for ax in axes.flat[len(images) :]:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        draw_image(ax, image)
        if titles is not None:
            ax.set_title(titles[i], fontsize=11)
    if title:
        fig.suptitle(title)
    return fig


def show_image_rows(rows: Mapping[str, Tensor], *, title: str = "") -> Figure:
    """One labelled row of images (N, C, H, W) for each entry: originals above reconstructions, say."""
    _require.mapping(rows=rows)
    rows = {label: pictures(images) for label, images in rows.items()}
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
        for ax, image in zip(line, images, strict=False):
            draw_image(ax, image)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    if title:
        fig.suptitle(title)
    return fig


def show_atoms(atoms: Tensor, *, columns: int = 16, title: str = "", ax: Axes | None = None) -> Figure:
    """Atoms (N, 1, H, W) as tiles in rows of `columns`, each scaled to its own strongest pixel.

    Mid grey is 0; a positive pixel is bright, a negative one dark.
    """
    atoms = pictures(atoms, channels=(1,))
    columns = min(columns, len(atoms))
    rows = -(-len(atoms) // columns)
    height, width = (side + 1 for side in atoms.shape[-2:])  # one pixel between two tiles
    wall = np.full((rows * height + 1, columns * width + 1), 1.0)
    for i, atom in enumerate(atoms[:, 0]):
        top, left = i // columns * height + 1, i % columns * width + 1
        wall[top : top + height - 1, left : left + width - 1] = atom / max(np.abs(atom).max(), 1e-9)
    ax = new_axes(ax, width=0.5 * columns + 0.3, height=0.5 * rows + 0.5)
    ax.imshow(wall, cmap="gray", vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    return ax.figure


def draw_image(ax: Axes, image: np.ndarray) -> None:
    """One image (C, H, W): ink, colours, or curves where it is one pixel high."""
    channels, height, _ = image.shape
    if height == 1:
        ax.plot(image[:, 0].T, linewidth=1)
        ax.set(ylim=(-0.1, 1.1))
    elif channels == 1:
        ax.imshow(image[0], cmap="gray_r", vmin=0, vmax=1)
    else:
        ax.imshow(image.transpose(1, 2, 0).clip(0, 1))
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color="#BBBBBB", linewidth=0.8)
