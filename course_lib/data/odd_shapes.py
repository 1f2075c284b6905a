"""Images that are no circles of ours, for an anomaly detector to find. Lengths are in units of the square.

Each drawing function gets the pixel centres of N images (N, H, W, 2) and a NumPy generator. It returns the
distance of every pixel to what it draws (N, H, W): unsigned for lines, negative inside for filled shapes.
(The distance functions are Inigo Quilez's well-known ones, written with tensors.)
"""

import numpy as np
import torch
from torch import Tensor

from course_lib import _require
from course_lib.data._random import frozen_random
from course_lib.data.circle import canvas, require_canvas
from course_lib.data.handwriting import small_digits

Random = np.random.RandomState


def draw_square(points: Tensor, random: Random) -> Tensor:
    return _distance_to_polygon(points, _regular_polygon(len(points), 4, random))


def draw_triangle(points: Tensor, random: Random) -> Tensor:
    return _distance_to_polygon(points, _regular_polygon(len(points), 3, random))


def draw_cross(points: Tensor, random: Random) -> Tensor:
    corners = _regular_polygon(len(points), 4, random)
    one = distance_to_segment(points, corners[:, 0], corners[:, 2])
    return torch.minimum(one, distance_to_segment(points, corners[:, 1], corners[:, 3]))


def draw_two_circles(points: Tensor, random: Random) -> Tensor:
    n = len(points)
    angle = _uniform(random, 0, 2 * np.pi, n)
    apart = _uniform(random, 0.15, 0.22, n)[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    center = _center(random, n)
    one = distance_to_circle(points, center + apart, _uniform(random, 0.08, 0.20, n))
    other = distance_to_circle(points, center - apart, _uniform(random, 0.08, 0.20, n))
    return torch.minimum(one, other)


def draw_arc(points: Tensor, random: Random) -> Tensor:
    """A circle with a gap of 60° to 120°."""
    n = len(points)
    center, radius = _center(random, n), _uniform(random, 0.15, 0.47, n)
    turned = _turn(points - center[:, None, None], _uniform(random, 0, 2 * np.pi, n))
    half_gap = _uniform(random, np.pi / 6, np.pi / 3, n)
    x, y = turned[..., 0], turned[..., 1].abs()  # the gap lies around the x axis
    inside_gap = torch.atan2(y, x) < half_gap[:, None, None]
    end = radius[:, None] * torch.stack([half_gap.cos(), half_gap.sin()], dim=1)
    to_end = _norm(torch.stack([x, y], dim=-1) - end[:, None, None])
    to_circle = (_norm(turned) - radius[:, None, None]).abs()
    return torch.where(inside_gap, to_end, to_circle)


def draw_off_centre(points: Tensor, random: Random) -> Tensor:
    """A proper circle of 0.05 to 0.20 in one of the four corners."""
    n = len(points)
    corner = torch.from_numpy(random.choice([0.25, 0.78], (n, 2))).float()
    return distance_to_circle(points, corner, _uniform(random, 0.05, 0.20, n))


def draw_disc(points: Tensor, random: Random) -> Tensor:
    n = len(points)
    return distance_to_disc(points, _center(random, n), _uniform(random, 0.15, 0.47, n))


def draw_dot(points: Tensor, random: Random) -> Tensor:
    """A filled disc as small as the smallest circles."""
    n = len(points)
    return distance_to_disc(points, _center(random, n), _uniform(random, 0.03, 0.08, n))


def draw_duck(points: Tensor, random: Random) -> Tensor:
    """A swimming duck of one to one and a half times half the square, facing left or right."""
    n = len(points)
    scale = _uniform(random, 0.75, 1.0, n)[:, None, None, None]
    mirror = torch.from_numpy(random.choice([-1.0, 1.0], n)).float()
    p = (points - _center(random, n)[:, None, None]) / scale
    p = torch.stack([p[..., 0] * mirror[:, None, None], p[..., 1]], dim=-1)

    def place(x: float, y: float) -> Tensor:
        return torch.tensor([[x, y]]).expand(n, 2)

    def size(r: float) -> Tensor:
        return torch.full((n,), r)

    body = distance_to_disc(p * torch.tensor([0.62, 1.0]), place(-0.03, 0.16), size(0.21))
    chest = distance_to_disc(p, place(0.14, 0.06), size(0.15))
    head = distance_to_disc(p, place(0.17, -0.22), size(0.15))
    beak = distance_to_segment(p, place(0.30, -0.20), place(0.42, -0.17)) - 0.04
    tail = distance_to_segment(p, place(-0.30, 0.08), place(-0.42, -0.06)) - 0.05
    shape = torch.stack([body, chest, head, beak, tail]).amin(dim=0)
    eye = distance_to_disc(p, place(0.20, -0.26), size(0.03))
    return torch.maximum(shape, -eye) * scale[..., 0]


LINES = {
    "square": draw_square,
    "triangle": draw_triangle,
    "cross": draw_cross,
    "two_circles": draw_two_circles,
    "arc": draw_arc,
    "off_centre": draw_off_centre,
}
FILLED = {"disc": draw_disc, "dot": draw_dot, "duck": draw_duck}
ANOMALY_KINDS = (*LINES, *FILLED, "digit", "noise", "blank")


def anomalies(kind: str, n: int, *, size: int = 28, seed: int = 0) -> Tensor:
    """`n` images (n, 1, size, size) of one of ANOMALY_KINDS, with the circles' ink and line width."""
    _require.one_of(ANOMALY_KINDS, kind=kind)
    _require.whole(n=n)
    require_canvas(size, 1.5)
    random = frozen_random(seed)
    if kind == "blank":
        return torch.zeros(n, 1, size, size)
    if kind == "noise":
        return torch.from_numpy(random.uniform(0, 1, (n, 1, size, size))).float()
    if kind == "digit":
        return small_digits(size).images[random.randint(0, 1797, n)]
    margin, scale = canvas(size)
    axis = (torch.arange(size) + 0.5 - margin) / scale  # pixel centres, in units
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x, y], dim=-1).expand(n, size, size, 2)
    distance = scale * (LINES | FILLED)[kind](points, random)  # in pixels
    half_width = 0.75 if kind in LINES else 0
    return (half_width + 0.5 - distance).clamp(0, 1)[:, None]


def distance_to_circle(points: Tensor, center: Tensor, radius: Tensor) -> Tensor:
    return distance_to_disc(points, center, radius).abs()


def distance_to_disc(points: Tensor, center: Tensor, radius: Tensor) -> Tensor:
    """`points` (N, H, W, 2), `center` (N, 2), `radius` (N,) → signed distance (N, H, W)."""
    return _norm(points - center[:, None, None]) - radius[:, None, None]


def distance_to_segment(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """`points` (N, H, W, 2), ends (N, 2) → distance (N, H, W)."""
    along = (end - start)[:, None, None]
    offset = points - start[:, None, None]
    share = ((offset * along).sum(dim=-1) / along.square().sum(dim=-1)).clamp(0, 1)
    return _norm(offset - share[..., None] * along)


def _distance_to_polygon(points: Tensor, corners: Tensor) -> Tensor:
    """Distance to the outline through `corners` (N, K, 2)."""
    sides = zip(corners.unbind(dim=1), corners.roll(-1, dims=1).unbind(dim=1), strict=True)
    return torch.stack([distance_to_segment(points, a, b) for a, b in sides]).amin(dim=0)


def _regular_polygon(n: int, corners: int, random: Random) -> Tensor:
    """Corners (N, K, 2) on a circle of 0.15 to 0.47 around the usual centre, turned at random."""
    steps = torch.arange(corners) * (2 * np.pi / corners)
    angles = _uniform(random, 0, 2 * np.pi, n)[:, None] + steps
    radius = _uniform(random, 0.15, 0.47, n)[:, None, None]
    return _center(random, n)[:, None] + radius * torch.stack([angles.cos(), angles.sin()], dim=-1)


def _center(random: Random, n: int) -> Tensor:
    return torch.from_numpy(random.uniform(0.50, 0.53, (n, 2))).float()


def _uniform(random: Random, low: float, high: float, n: int) -> Tensor:
    return torch.from_numpy(random.uniform(low, high, n)).float()


def _turn(points: Tensor, angle: Tensor) -> Tensor:
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y = points[..., 0], points[..., 1]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


def _norm(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=-1).sqrt()
