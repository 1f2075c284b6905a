"""Circles of random radius and slightly random centre, and what can be known of them without a network."""

from copy import copy

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_lib import _require
from course_lib.data._random import frozen_random

RADIUS_RANGE = (0.03, 0.47)  # units
CENTER_RANGE = (0.50, 0.53)  # units, for x and for y


class Circles(TensorDataset):
    """Pairs (image (1, H, W), radius ()), with the centre of each circle kept beside them.

    `images` (N, 1, H, W) in [0, 1], `radii` (N,) and `centers` (N, 2) as (x, y), both in units.
    """

    def __init__(self, images: Tensor, radii: Tensor, centers: Tensor):
        super().__init__(images, radii)
        self.images, self.radii, self.centers = images, radii, centers


def circles(n: int = 1000, *, size: int = 28, stroke: float = 1.5, seed: int = 0) -> Circles:
    """Draw `n` circles of random radius and slightly random centre.

    Radius and centre are uniform in RADIUS_RANGE and CENTER_RANGE (units); `stroke` is the width
    of the line in pixels. A seed gives the same bits on every platform.
    """
    _require.whole(n=n)
    require_canvas(size, stroke)
    random = frozen_random(seed)
    radii = torch.from_numpy(random.uniform(*RADIUS_RANGE, n)).float()
    centers = torch.from_numpy(random.uniform(*CENTER_RANGE, (n, 2))).float()
    return Circles(_render_in_pieces(radii, centers, size=size, stroke=stroke), radii, centers)


def render_circles(radii: Tensor, centers: Tensor, *, size: int = 28, stroke: float = 1.5) -> Tensor:
    """Ink of circles with `radii` (N,) and `centers` (N, 2) in units → images (N, 1, size, size).

    A pixel holds as much ink as the line covers of it, measured along the line's normal: a line of
    width `stroke` at distance d from a pixel's centre covers stroke/2 + 1/2 − |d|, at least 0 and
    at most all of the pixel (or all of the line, when it is thinner than one pixel).
    """
    require_canvas(size, stroke)
    _require_causes(radii, centers)
    margin, scale = canvas(size, stroke)
    pixel_centers = torch.arange(size) + 0.5
    dx = pixel_centers - (margin + scale * centers[:, 0:1])  # (N, W), in pixels
    dy = pixel_centers - (margin + scale * centers[:, 1:2])  # (N, H)
    squared = dx.square()[:, None, :] + dy.square()[:, :, None]  # (N, H, W)
    distance_to_center = squared.double().sqrt().float()  # so that every processor rounds alike
    distance_to_line = (distance_to_center - scale * radii[:, None, None]).abs()
    ink = (stroke / 2 + 0.5 - distance_to_line).clamp(0, min(1, stroke))
    return ink[:, None]  # (N, 1, H, W)


def _render_in_pieces(radii: Tensor, centers: Tensor, **canvas: float) -> Tensor:
    """What `render_circles` returns, with less memory: thousands at once take many times their own."""
    pieces = zip(radii.split(500), centers.split(500), strict=True)
    return torch.cat([render_circles(r, c, **canvas) for r, c in pieces])


def canvas(size: int = 28, stroke: float = 1.5) -> tuple[float, float]:
    """(margin, scale): the unit square starts `margin` pixels in, and one unit is `scale` pixels."""
    margin = max(size / 14, stroke / 2 + 0.5)
    return margin, size - 2 * margin


def split(dataset: Circles, *sizes: int, seed: int = 0) -> list[Circles]:
    """Deal a dataset, circles or another of `data`, out into disjoint parts of `sizes`, in random order."""
    _require_dataset(dataset)
    for size in sizes:
        _require.whole(size=size)
    if sum(sizes) > len(dataset):
        raise ValueError(f"cannot deal {sum(sizes)} images out of a dataset of {len(dataset)}")
    order = frozen_random(seed).permutation(len(dataset))
    ends = np.cumsum(sizes)
    return [_rows_of(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def _rows_of(dataset: TensorDataset, rows: np.ndarray) -> TensorDataset:
    part = copy(dataset)
    part.tensors = tuple(values[rows] for values in dataset.tensors)
    arrays = {name: v for name, v in vars(dataset).items() if isinstance(v, (Tensor, np.ndarray))}
    vars(part).update({name: values[rows] for name, values in arrays.items()})
    return part


def nearest_circle(images: Tensor, *, stroke: float = 1.5, steps: int = 221) -> tuple[Tensor, Tensor]:
    """How far each image (N, 1, H, W) is from the nearest circle that the renderer can draw.

    Returns (distance (N,), radius (N,)): the squared error summed over pixels to the best of a
    grid of `steps` radii × 4 × 4 centres, and that circle's radius in units.
    """
    _require_images(images)
    axis = torch.linspace(*CENTER_RANGE, 4)
    radii, x, y = torch.meshgrid(torch.linspace(*RADIUS_RANGE, steps), axis, axis, indexing="ij")
    centers = torch.stack([x.flatten(), y.flatten()], dim=1)
    drawn = _render_in_pieces(radii.flatten(), centers, size=images.shape[-1], stroke=stroke).flatten(1)
    batches = images.detach().cpu().float().flatten(1).split(500)
    nearest = [torch.cdist(x, drawn).min(dim=1) for x in batches]
    distance, best = (torch.cat(parts) for parts in zip(*nearest, strict=True))
    return distance.square(), radii.flatten()[best]


def misfit(images: Tensor) -> tuple[Tensor, Tensor]:
    """How unlike a circle each image (N, 1, H, W) is, in the usual stroke: chapter 2's yardstick.

    Returns (misfit (N,), radius (N,)): the squared error to the nearest circle as a share of the squared
    ink of a circle of that radius, 1 for blank paper, and the radius in units.
    """
    distance, radius = nearest_circle(images)
    middle = torch.full((len(radius), 2), 0.515)
    circles = render_circles(radius, middle, size=images.shape[-1])
    return distance / circles.square().sum(dim=(1, 2, 3)), radius


def radius_only_floor(*, size: int = 28, stroke: float = 1.5, steps: int = 221) -> float:
    """Share of the pixel variance that stays unexplained when only the radius is known.

    The best guess for a radius is the mean over all centres; what is left is the variance that the
    centre's jitter makes. The centres are averaged over a 9 × 9 grid of the middles of equal cells.
    """
    low, high = CENTER_RANGE
    axis = low + (high - low) * (torch.arange(9) + 0.5) / 9
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    centers = torch.stack([x.flatten(), y.flatten()], dim=1)
    low, high = RADIUS_RANGE
    radii = low + (high - low) * (torch.arange(steps) + 0.5) / steps
    means, within = [], []
    for some in radii.split(20):  # all at once, 18,000 images would take a quarter of a gigabyte
        images = render_circles(
            some.repeat_interleave(len(centers)), centers.repeat(len(some), 1), size=size, stroke=stroke
        ).reshape(len(some), len(centers), -1)
        means.append(images.mean(dim=1))
        within.append(images.var(dim=1, correction=0).sum(dim=1))
    within, between = torch.cat(within).mean(), torch.cat(means).var(dim=0, correction=0).sum()
    return float(within / (within + between))


def require_canvas(size: int, stroke: float) -> None:
    """Refuse an image on which a line of `stroke` pixels leaves no room for the unit square."""
    _require.whole(size=size)
    _require.positive(stroke=stroke)
    if canvas(size, stroke)[1] < 4:
        raise ValueError(f"a stroke of {stroke} px leaves no room on an image of {size} × {size} px")


def _require_causes(radii: Tensor, centers: Tensor) -> None:
    _require.tensor(radii=radii, centers=centers)
    if radii.ndim != 1 or centers.shape != (len(radii), 2):
        raise ValueError(
            f"radii must be (N,) and centers (N, 2), not {tuple(radii.shape)} and {tuple(centers.shape)}"
        )


def _require_dataset(dataset: TensorDataset) -> None:
    if not isinstance(dataset, TensorDataset):
        raise ValueError(f"dataset must be one of `data`, such as circles(), not {_require.given(dataset)}")


def _require_images(images: Tensor) -> None:
    _require.batch(images=images)
    if images.ndim != 4 or images.shape[1] != 1 or images.shape[2] != images.shape[3]:
        raise ValueError(f"images must be square, of shape (N, 1, H, W), not {tuple(images.shape)}")
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError("images must hold finite numbers in [0, 1], and these do not")
