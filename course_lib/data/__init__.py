"""Images whose cause is known: circles, their splits, things that are not circles; digits; clouds of points.

Ink is 1 and paper is 0. Lengths come in two units: *units* of the unit square in which a circle is
described, and *pixels* of the image on which it is drawn. The square fills the image except for
a margin, so that nothing is ever clipped; y points down, as rows do.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad
from torch.utils.data import TensorDataset

from course_lib import mnist, shapes

RADIUS_RANGE = (0.03, 0.47)  # units
CENTER_RANGE = (0.50, 0.53)  # units, for x and for y
LINE_KINDS = ("square", "triangle", "cross", "two_circles", "arc", "off_centre")
FILLED_KINDS = ("disc", "dot", "duck")
FLAT_PATCH = 0.5  # standard deviations of a whitened photo
PHOTO_RIM = 16  # pixels
ANOMALY_KINDS = (*LINE_KINDS, *FILLED_KINDS, "digit", "noise", "blank")
DIGIT_SPLITS = ("train", "test")
DIGIT_SOURCES = ("auto", "mnist", "sklearn")


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
    _require_count(n=n)
    _require_canvas(size, stroke)
    random = _random(seed)
    radii = torch.from_numpy(random.uniform(*RADIUS_RANGE, n)).float()
    centers = torch.from_numpy(random.uniform(*CENTER_RANGE, (n, 2))).float()
    return Circles(_render_in_pieces(radii, centers, size=size, stroke=stroke), radii, centers)


def render_circles(radii: Tensor, centers: Tensor, *, size: int = 28, stroke: float = 1.5) -> Tensor:
    """Ink of circles with `radii` (N,) and `centers` (N, 2) in units → images (N, 1, size, size).

    A pixel holds as much ink as the line covers of it, measured along the line's normal: a line of
    width `stroke` at distance d from a pixel's centre covers stroke/2 + 1/2 − |d|, at least 0 and
    at most all of the pixel (or all of the line, when it is thinner than one pixel).
    """
    _require_canvas(size, stroke)
    _require_causes(radii, centers)
    margin, scale = canvas(size, stroke)
    pixel_centers = torch.arange(size) + 0.5
    dx = pixel_centers - (margin + scale * centers[:, 0:1])  # (N, W), in pixels
    dy = pixel_centers - (margin + scale * centers[:, 1:2])  # (N, H)
    distance_to_center = (dx.square()[:, None, :] + dy.square()[:, :, None]).sqrt()  # (N, H, W)
    distance_to_line = (distance_to_center - scale * radii[:, None, None]).abs()
    ink = (stroke / 2 + 0.5 - distance_to_line).clamp(0, min(1, stroke))
    return ink[:, None]  # (N, 1, H, W)


def _render_in_pieces(radii: Tensor, centers: Tensor, **canvas: float) -> Tensor:
    """What `render_circles` returns, with less memory: thousands at once take many times their own."""
    pieces = zip(radii.split(500), centers.split(500), strict=True)
    return torch.cat([render_circles(r, c, **canvas) for r, c in pieces])


class Moons(TensorDataset):
    """Pairs (image (1, H, W), phase ()): `images` (N, 1, H, W) in [0, 1], `phases` (N,) in [0, 1]."""

    def __init__(self, images: Tensor, phases: Tensor):
        super().__init__(images, phases)
        self.images, self.phases = images, phases


def moons(n: int = 1000, *, size: int = 28, seed: int = 0) -> Moons:
    """Draw `n` moons whose phase is uniform between new (0) and full (1). A seed gives the same bits."""
    _require_count(n=n)
    phases = torch.from_numpy(_random(seed).uniform(0, 1, n)).float()
    return Moons(render_moons(phases, size=size), phases)


def render_moons(phases: Tensor, *, size: int = 28) -> Tensor:
    """The lit part of waxing moons → images (N, 1, size, size); `phases` (N,) is its share of the disc.

    The disc has radius R. On the line at height y it is 2·w(y) wide, with w(y) = √(R² − y²), and lit from
    (1 − 2·phase)·w(y) to w(y): the edge of the light is half an ellipse. What a line covers of each
    pixel is exact; 8 lines a row are averaged.
    """
    _require_canvas(size, 1.5)
    _require_phases(phases)
    lines = 8
    radius = canvas(size)[1] / 2  # in pixels
    left = torch.arange(size) - size / 2  # the left edge of each pixel, seen from the centre
    ink = torch.zeros(len(phases), size, size)  # (N, H, W)
    for line in range(lines):
        y = left + (line + 0.5) / lines
        width = (radius**2 - y.square()).clamp(min=0).sqrt()  # (H,)
        start = (1 - 2 * phases[:, None]) * width  # (N, H)
        covered_to = torch.minimum(width[:, None], left + 1)  # (H, W)
        covered_from = torch.maximum(start[:, :, None], left)  # (N, H, W)
        ink += (covered_to - covered_from).clamp(min=0) / lines
    return ink.clamp(max=1)[:, None]  # (N, 1, H, W)


def gaussian_points(
    n: int = 1000,
    *,
    covariance: Sequence[Sequence[float]] = ((2.1, 1.2), (1.2, 1.4)),
    seed: int = 0,
) -> TensorDataset:
    """`n` points (D,) drawn from N(0, covariance), as one tensor (n, D).

    The default covariance has the variance 3 along (0.8, 0.6) and 0.5 across. The number of rows and
    columns of `covariance` is D.
    """
    _require_count(n=n)
    covariance = np.asarray(covariance, dtype=float)
    _require_covariance(covariance)
    eps = _random(seed).standard_normal((n, len(covariance)))
    return TensorDataset(torch.from_numpy(eps @ np.linalg.cholesky(covariance).T).float())


def banana(n: int = 1000, *, bend: float = 1.2, noise: float = 0.5, seed: int = 0) -> TensorDataset:
    """`n` pairs (point (2,), position ()): a place on `banana_curve`, plus noise in both directions.

    The position is drawn from N(0, 1), and the noise from N(0, noise²): the points of a VAE with one
    latent dimension whose decoder is the curve.
    """
    _require_count(n=n)
    if not 0 < noise < float("inf"):
        raise ValueError(f"noise must be a standard deviation above 0, not {noise!r}")
    random = _random(seed)
    position = torch.from_numpy(random.standard_normal(n)).float()
    eps = torch.from_numpy(random.standard_normal((n, 2))).float()
    return TensorDataset(banana_curve(position, bend=bend) + noise * eps, position)


def banana_curve(position: Tensor, *, bend: float = 1.2) -> Tensor:
    """Points (N, 2) on an arc of radius 2 that starts at the origin; `bend` radians for a step of 1."""
    _require_bend(bend)
    angle = bend * position
    return torch.stack([2 * angle.sin(), 2 - 2 * angle.cos()], dim=-1)


def canvas(size: int = 28, stroke: float = 1.5) -> tuple[float, float]:
    """(margin, scale): the unit square starts `margin` pixels in, and one unit is `scale` pixels."""
    margin = max(size / 14, stroke / 2 + 0.5)
    return margin, size - 2 * margin


def split(dataset: Circles, *sizes: int, seed: int = 0) -> list[Circles]:
    """Deal a dataset of circles out into disjoint parts of the given `sizes`, in random order."""
    for size in sizes:
        _require_count(size=size)
    if sum(sizes) > len(dataset):
        raise ValueError(f"cannot deal {sum(sizes)} images out of a dataset of {len(dataset)}")
    order = torch.from_numpy(_random(seed).permutation(len(dataset)))[: sum(sizes)]
    return [
        Circles(dataset.images[rows], dataset.radii[rows], dataset.centers[rows])
        for rows in order.split(list(sizes))
    ]


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
    batches = images.detach().cpu().flatten(1).split(500)
    nearest = [torch.cdist(x, drawn).min(dim=1) for x in batches]
    distance, best = (torch.cat(parts) for parts in zip(*nearest, strict=True))
    return distance.square(), radii.flatten()[best]


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


def anomalies(kind: str, n: int, *, size: int = 28, seed: int = 0) -> Tensor:
    """`n` images (n, 1, size, size) of one of ANOMALY_KINDS, with the circles' ink and line width."""
    if kind not in ANOMALY_KINDS:
        raise ValueError(f"kind must be one of {', '.join(ANOMALY_KINDS)}, not {kind!r}")
    _require_count(n=n)
    _require_canvas(size, 1.5)
    random = _random(seed)
    if kind == "blank":
        return torch.zeros(n, 1, size, size)
    if kind == "noise":
        return torch.from_numpy(random.uniform(0, 1, (n, 1, size, size))).float()
    if kind == "digit":
        from sklearn.datasets import (
            load_digits,
        )  # here, for it takes memory that most chapters need not spend

        return _resized_digits(load_digits().images, size)[random.randint(0, 1797, n)]
    margin, scale = canvas(size)
    axis = (torch.arange(size) + 0.5 - margin) / scale  # pixel centres, in units
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x, y], dim=-1).expand(n, size, size, 2)
    distance = scale * getattr(shapes, f"draw_{kind}")(points, random)  # in pixels
    half_width = 0.75 if kind in LINE_KINDS else 0
    return (half_width + 0.5 - distance).clamp(0, 1)[:, None]


class Digits(TensorDataset):
    """Pairs (image (1, 28, 28), label ()): `images` (N, 1, 28, 28) in [0, 1], `labels` (N,) from 0 to 9."""

    def __init__(self, images: Tensor, labels: Tensor):
        super().__init__(images, labels)
        self.images, self.labels = images, labels


def digits(root: str | Path | None = None, *, split: str = "train", source: str = "auto") -> Digits:
    """Handwritten digits, and one line that says which: MNIST's, else scikit-learn's 1,797, resized.

    MNIST lies under `root` (default: $COURSE_DATA, else `data`) as torchvision puts it there, or is
    downloaded to it. scikit-learn's digits are dealt out into 1,400 for `split` "train" and 397 for "test",
    always the same. `source` "mnist" or "sklearn" takes nothing else than that; "mnist" raises
    FileNotFoundError when it cannot be had.
    """
    _require_choice(split=(split, DIGIT_SPLITS), source=(source, DIGIT_SOURCES))
    reason = ""
    if source != "sklearn":
        root = Path(root or os.environ.get("COURSE_DATA") or "data").expanduser()
        try:
            pixels, labels = mnist.load(root, train=split == "train")
            print(f"Digits: {len(labels):,} images of MNIST ({split}), from {root}.")
            return Digits(pixels[:, None] / 255, labels)
        except mnist.Unavailable as error:
            reason = f" MNIST is {error}."
            if source == "mnist":
                raise FileNotFoundError(reason.strip()) from None
    from sklearn.datasets import load_digits

    small = load_digits()
    rows = _random(0).permutation(len(small.target))
    rows = rows[:1400] if split == "train" else rows[1400:]
    print(f"Digits: {len(rows):,} images of scikit-learn's ({split}), resized to 28 × 28.{reason}")
    return Digits(_resized_digits(small.images[rows], 28), torch.from_numpy(small.target[rows]).long())


def photographs() -> Tensor:
    """The two photographs inside scikit-learn, in grey: (2, 427, 640), from 0 (black) to 1 (white)."""
    from sklearn.datasets import load_sample_images

    colours = np.stack(load_sample_images().images)  # (2, 427, 640, 3), whole numbers up to 255
    return torch.from_numpy(colours.mean(axis=3) / 255).float()


def whiten(photos: Tensor) -> Tensor:
    """Make all spatial frequencies of photos (N, H, W) about equally strong, but for the very highest.

    Photographs hold the less the higher the frequency f (in cycles a pixel). The filter f · exp(−(f / 0.4)⁴)
    evens that out, and cuts off the noise of the pixel grid. Each photo then has mean 0 and standard
    deviation 1. Olshausen and Field (1996).
    """
    fy = torch.fft.fftfreq(photos.shape[-2])[:, None]
    fx = torch.fft.fftfreq(photos.shape[-1])
    f = (fy.square() + fx.square()).sqrt()  # (H, W)
    filtered = torch.fft.ifft2(torch.fft.fft2(photos) * f * torch.exp(-((f / 0.4) ** 4))).real
    return filtered / filtered.std(dim=(-2, -1), keepdim=True)


def patches(n: int, *, size: int = 16, seed: int = 0) -> Tensor:
    """Cut `n` square pieces out of the two whitened photographs: (n, 1, size, size).

    Their unit is the standard deviation of a whitened photo, and each patch has mean 0: values are *not* in
    [0, 1], and a positive one is brighter than the surroundings. Left out are patches with a standard
    deviation below FLAT_PATCH (sky, blur) and a rim where the filter joins opposite sides of a photo.
    A seed gives the same places; the last decimals depend on the decoder of the photographs.
    """
    _require_count(n=n, size=size)
    photos = whiten(photographs())[:, PHOTO_RIM:-PHOTO_RIM, PHOTO_RIM:-PHOTO_RIM]
    if not 2 <= size <= photos.shape[1]:
        raise ValueError(f"size must be from 2 to {photos.shape[1]} pixels, not {size}")
    places = photos.unfold(1, size, 1).unfold(2, size, 1)  # (2, rows, columns, size, size), no copy
    random = _random(seed)
    kept = torch.empty(0, size, size)
    while len(kept) < n:
        photo, row, column = (torch.from_numpy(random.randint(0, m, n)) for m in places.shape[:3])
        drawn = places[photo, row, column]
        drawn = drawn - drawn.mean(dim=(1, 2), keepdim=True)
        kept = torch.cat([kept, drawn[drawn.std(dim=(1, 2)) >= FLAT_PATCH]])
    return kept[:n, None]


def _resized_digits(images: np.ndarray, size: int) -> Tensor:
    """scikit-learn's 8 × 8 digits, values 0 to 16 → (N, 1, size, size), with MNIST's share of margin."""
    margin = round(size / 7)
    inner = size - 2 * margin
    small = torch.from_numpy(images / 16).float()[:, None]
    drawn = interpolate(small, (inner, inner), mode="bilinear", align_corners=False)
    return pad(drawn, [margin] * 4)


def _random(seed: int) -> np.random.RandomState:
    """NumPy's frozen generator: its stream is promised never to change, torch's is not."""
    return np.random.RandomState(seed)


def _require_count(**named: int) -> None:
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def _require_choice(**named: tuple[str, tuple[str, ...]]) -> None:
    for name, (value, choices) in named.items():
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _require_canvas(size: int, stroke: float) -> None:
    _require_count(size=size)
    if not stroke > 0:
        raise ValueError(f"stroke must be a width in pixels above 0, not {stroke!r}")
    if canvas(size, stroke)[1] < 4:
        raise ValueError(f"a stroke of {stroke} px leaves no room on an image of {size} × {size} px")


def _require_causes(radii: Tensor, centers: Tensor) -> None:
    if radii.ndim != 1 or centers.shape != (len(radii), 2):
        raise ValueError(
            f"radii must be (N,) and centers (N, 2), not {tuple(radii.shape)} and {tuple(centers.shape)}"
        )


def _require_covariance(covariance: np.ndarray) -> None:
    square = covariance.ndim == 2 and covariance.shape[0] == covariance.shape[1]
    finite = square and bool(np.isfinite(covariance).all())
    rounding = 1e-5 * np.abs(covariance).max() if finite else 0
    if (
        not finite
        or not np.allclose(covariance, covariance.T, atol=rounding)
        or np.linalg.eigvalsh(covariance)[0] <= 0
    ):
        raise ValueError(
            "covariance must be a symmetric square of finite numbers whose eigenvalues are above 0, not "
            f"{covariance.tolist()}"
        )


def _require_bend(bend: float) -> None:
    if not 0 < bend < float("inf"):
        raise ValueError(f"bend must be a finite number above 0, not {bend!r}")


def _require_phases(phases: Tensor) -> None:
    if phases.ndim != 1 or not bool(((phases >= 0) & (phases <= 1)).all()):
        raise ValueError(
            "phases must be of shape (N,) with numbers from 0 (new) to 1 (full); these are of shape "
            f"{tuple(phases.shape)}"
            + (f" and reach from {phases.min():g} to {phases.max():g}" if phases.numel() else "")
        )


def _require_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 1:
        given = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be a tensor of shape (N, 1, H, W), not {given}")
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError("images must hold finite numbers in [0, 1], and these do not")
