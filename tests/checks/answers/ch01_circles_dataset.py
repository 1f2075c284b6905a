"""Answers to the exercises of chapter 1."""

import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split

from course_lib import data

# ── ink_of_pixel ─────────────────────────────────────────────────────────────────────────────────


def ink_by_intervals(row, column, radius, x, y, stroke):
    away = math.dist((column + 0.5, row + 0.5), (2 + 24 * x, 2 + 24 * y))
    start = max(away - 0.5, 24 * radius - stroke / 2)
    end = min(away + 0.5, 24 * radius + stroke / 2)
    return max(0.0, end - start)


def ink_in_units(row, column, radius, x, y, stroke):
    across, down = (column - 1.5) / 24 - x, (row - 1.5) / 24 - y
    off = 24 * np.abs(np.sqrt(across**2 + down**2) - radius)
    return np.clip((stroke + 1) / 2 - off, 0, np.minimum(1, stroke))


def ink_of_a_tensor(row, column, radius, x, y, stroke):
    center = 2 + 24 * torch.tensor([x, y], dtype=torch.float64)
    pixel = torch.tensor([column, row]) + 0.5
    off = ((pixel - center).norm() - 24 * radius).abs()
    return (stroke / 2 + 0.5 - off).clamp(0, min(1, stroke))


def ink(row, column, radius, x, y, stroke, *, margin=2, scale=24, half=0.5):
    """A pixel's distance to the line, in pixels, when margin, scale and half are right."""
    return abs(
        math.hypot(column + half - margin - scale * x, row + half - margin - scale * y) - scale * radius
    )


def ink_between_two_discs(row, column, radius, x, y, stroke):
    """In units, as the difference of what two discs cover of the pixel."""
    away = abs(complex((column - 1.5) / 24 - x, (row - 1.5) / 24 - y)) + 1 / 48  # the pixel's far end
    outer, inner = (min(max(away - edge, 0), 1 / 24) for edge in (radius + stroke / 48, radius - stroke / 48))
    return 24 * (inner - outer)


def clip(value, stroke=1.0):
    return min(max(value, 0), 1, stroke)


def ink_without_scale_of_radius(row, column, radius, x, y, s):
    return clip(s / 2 + 0.5 - abs(math.hypot(column - 1.5 - 24 * x, row - 1.5 - 24 * y) - radius), s)


WRONG_INK = [
    ("threshold", lambda r, c, radius, x, y, s: 1.0 if ink(r, c, radius, x, y, s) < s / 2 else 0.0),
    ("threshold", lambda r, c, radius, x, y, s: float(ink(r, c, radius, x, y, s) < s / 2 + 0.5)),
    ("units", ink_without_scale_of_radius),
    (
        "units",
        lambda r, c, radius, x, y, s: clip(s / 2 + 0.5 - ink(r, c, radius, x, y, s, margin=0, scale=1), s),
    ),
    (
        "units",
        lambda r, c, radius, x, y, s: clip(
            s / 2 + 0.5 - abs(math.hypot(c + 0.5 - x, r + 0.5 - y) - 24 * radius), s
        ),
    ),
    ("margin", lambda r, c, radius, x, y, s: clip(s / 2 + 0.5 - ink(r, c, radius, x, y, s, margin=0), s)),
    ("corner", lambda r, c, radius, x, y, s: clip(s / 2 + 0.5 - ink(r, c, radius, x, y, s, half=0), s)),
    ("units", lambda r, c, radius, x, y, s: clip(12 * s + 0.5 - ink(r, c, radius, x, y, s), 24 * s)),
    ("units", lambda *given: clip(given[5] / 2 + 0.5 - ink(*given, margin=0, scale=28), given[5])),
    ("swapped", lambda r, c, radius, x, y, s: ink_by_intervals(c, r, radius, x, y, s)),
    ("half_pixel", lambda r, c, radius, x, y, s: clip(s / 2 - ink(r, c, radius, x, y, s), s)),
    ("whole_stroke", lambda r, c, radius, x, y, s: clip(s + 0.5 - ink(r, c, radius, x, y, s), s)),
    (
        "filled",
        lambda r, c, radius, x, y, s: clip(
            s / 2 + 0.5 + 24 * radius - math.hypot(c - 1.5 - 24 * x, r - 1.5 - 24 * y), s
        ),
    ),
    ("above_one", lambda r, c, radius, x, y, s: max(s / 2 + 0.5 - ink(r, c, radius, x, y, s), 0)),
    ("below_zero", lambda r, c, radius, x, y, s: min(s / 2 + 0.5 - ink(r, c, radius, x, y, s), 1)),
    ("below_zero", lambda r, c, radius, x, y, s: s / 2 + 0.5 - ink(r, c, radius, x, y, s)),
    ("paper", lambda r, c, radius, x, y, s: 1 - ink_by_intervals(r, c, radius, x, y, s)),
    ("thin_line", lambda r, c, radius, x, y, s: clip(s / 2 + 0.5 - ink(r, c, radius, x, y, s))),
    ("value", lambda r, c, radius, x, y, s: clip(s / 2 + 0.5 - ink(r, c, radius, x, y, s)) * min(1, s)),
    ("value", lambda r, c, radius, x, y, s: 0.9 * ink_by_intervals(r, c, radius, x, y, s)),
    ("type", lambda r, c, radius, x, y, s: torch.zeros(28, 28)),
]


# ── render_discs ─────────────────────────────────────────────────────────────────────────────────


def discs_in_loops(radii, centers):
    images = torch.zeros(len(radii), 1, 28, 28, dtype=torch.float64)
    for n in range(len(radii)):
        r, (x, y) = 24 * radii[n].item(), (2 + 24 * centers[n]).tolist()
        for row in range(28):
            for column in range(28):
                away = math.hypot(column + 0.5 - x, row + 0.5 - y)
                images[n, 0, row, column] = min(max(r + 0.5 - away, 0), 1)
    return images


def discs_with_numpy(radii, centers):
    y, x = np.mgrid[0:28, 0:28] + 0.5
    cx, cy = 2 + 24 * centers.numpy().T.reshape(2, -1, 1, 1, 1)
    return np.clip(24 * radii.numpy().reshape(-1, 1, 1, 1) + 0.5 - np.hypot(x - cx, y - cy), 0, 1)


def discs_in_units(radii, centers):
    axis = (torch.arange(28) - 1.5) / 24
    points = torch.cartesian_prod(axis, axis).flip(1)  # (784, 2) as (x, y)
    inside = radii[:, None] - torch.cdist(centers, points)
    return inside.mul_(24).add_(0.5).clamp_(0, 1).reshape(-1, 1, 28, 28)


def discs_one_by_one(radii, centers):
    axis = torch.arange(28) + 0.5

    def one(radius, center):
        x, y = 2 + 24 * center
        return (24 * radius - torch.hypot(axis[None] - x, axis[:, None] - y) + 0.5).clip(0, 1)[None]

    return torch.vmap(one)(radii, centers)


def discs_by_overlap(radii, centers):
    grid = torch.stack(torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="xy")) + 0.5
    away = (grid - (2 + 24 * centers)[:, :, None, None]).square().sum(1, keepdim=True).sqrt()
    return (torch.minimum(away + 0.5, 24 * radii.view(-1, 1, 1, 1)) - (away - 0.5)).relu()


def inside(radii, centers, *, margin=2, scale=24, half=0.5):
    axis = torch.arange(28) + half
    dx, dy = (axis - margin - scale * centers[:, i : i + 1] for i in (0, 1))
    return (scale * radii[:, None, None] - (dx[:, None] ** 2 + dy[:, :, None] ** 2).sqrt())[:, None]


def disc(*inputs, **changed):
    return (inside(*inputs, **changed) + 0.5).clamp(0, 1)


WRONG_DISCS = [
    ("ring", lambda radii, centers: data.render_circles(radii, centers)),
    ("ring", lambda radii, centers: (0.5 - inside(radii, centers).abs()).clamp(0, 1)),
    ("threshold", lambda radii, centers: (inside(radii, centers) > 0).float()),
    ("units", lambda radii, centers: disc(radii / 24, centers)),
    ("units", lambda radii, centers: disc(24 * radii, centers, margin=0, scale=1)),
    ("margin", lambda radii, centers: disc(radii, centers, margin=0)),
    ("corner", lambda radii, centers: disc(radii, centers, half=0)),
    ("swapped", lambda radii, centers: disc(radii, centers).transpose(2, 3)),
    ("half_pixel", lambda radii, centers: inside(radii, centers).clamp(0, 1)),
    ("too_large", lambda radii, centers: (inside(radii, centers) + 1).clamp(0, 1)),
    ("too_large", lambda radii, centers: (inside(radii, centers) + 0.75 + 0.5).clamp(0, 1)),
    ("unclamped", lambda radii, centers: inside(radii, centers) + 0.5),
    ("paper", lambda radii, centers: 1 - disc(radii, centers)),
    ("no_channel", lambda radii, centers: disc(radii, centers)[:, 0]),
    ("shape", lambda radii, centers: disc(radii, centers).flatten(1)),
    ("value", lambda radii, centers: disc(radii, centers).square()),
    ("value", lambda radii, centers: disc(radii, centers.mean(0).expand_as(centers))),
    ("value", lambda radii, centers: disc(radii[:1].expand_as(radii), centers)),
    ("value", lambda radii, centers: disc(radii / 2, centers)),
]


# ── split_rows ───────────────────────────────────────────────────────────────────────────────────


def split_with_numpy(n, n_train, seed):
    order = np.random.default_rng(seed).permutation(n)
    return order[:n_train], order[n_train:]


def split_as_lists(n, n_train, seed):
    rows = list(range(n))
    random.Random(seed).shuffle(rows)
    return [rows[n - n_train :], rows[: n - n_train]]


def split_with_sklearn(n, n_train, seed):
    return tuple(train_test_split(np.arange(n), train_size=n_train, random_state=seed % 2**32))


def split_by_random_keys(n, n_train, seed):
    torch.manual_seed(seed)
    return torch.rand(n).argsort().tensor_split([n_train])


def split_as_a_dataset(n, n_train, seed):
    generator = torch.Generator().manual_seed(seed)
    train, held_out = torch.utils.data.random_split(range(n), [n_train, n - n_train], generator)
    return train.indices, held_out.indices


def split_sorted(n, n_train, seed):
    return tuple(np.sort(rows) for rows in split_with_numpy(n, n_train, seed))


def split_the_rest(n, n_train, seed):
    train = random.Random(seed).sample(range(n), n_train)
    return train, [row for row in range(n) if row not in train]


def split_leaky(n, n_train, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = (torch.randperm(n, generator=generator) for _ in range(2))
    return next(parts)[:n_train], next(parts)[n_train:]


def split_swapped(n, n_train, seed):
    return split_with_numpy(n, n_train, seed)[::-1]


def split_losing(n, n_train, seed):
    train, held_out = split_with_numpy(n, n_train, seed)
    return train, held_out[:-1]


def split_with_return(n, n_train, seed):
    random_ = np.random.default_rng(seed)
    return random_.integers(0, n, n_train), random_.integers(0, n, n - n_train)


def split_at_random(n, n_train, seed):
    return torch.randperm(n).split([n_train, n - n_train])


WRONG_SPLITS = [
    ("overlap", split_leaky),
    ("overlap", lambda n, n_train, seed: (split_with_numpy(n, n_train, seed)[0], torch.arange(n))),
    ("repeated", split_with_return),
    ("sizes_swapped", split_swapped),
    ("lost", split_losing),
    ("not_shuffled", lambda n, n_train, seed: (torch.arange(n_train), torch.arange(n_train, n))),
    ("not_shuffled", lambda n, n_train, seed: (np.arange(n - n_train, n), np.arange(n - n_train))),
    ("not_seeded", split_at_random),
    ("seed_ignored", lambda n, n_train, seed: split_with_numpy(n, n_train, 0)),
    ("in_order", split_sorted),
    ("in_order", split_the_rest),
    ("shape", lambda n, n_train, seed: split_with_numpy(n, n_train + 1, seed)),
    ("overlap", lambda n, n_train, seed: (split_with_numpy(n, n_train, seed)[0],) * 2),
    ("value", lambda n, n_train, seed: tuple(part + 1 for part in split_with_numpy(n, n_train, seed))),
    ("type", lambda n, n_train, seed: torch.rand(n) < n_train / n),
    ("type", lambda n, n_train, seed: (torch.rand(n_train), torch.rand(n - n_train))),
]


# ── error_share ──────────────────────────────────────────────────────────────────────────────────


def share_in_loops(a, b):
    shares = []
    for one, other in zip(a.flatten(1).tolist(), b.flatten(1).tolist(), strict=True):
        error = sum((p - q) ** 2 for p, q in zip(one, other, strict=True))
        ink = sum(p * p + q * q for p, q in zip(one, other, strict=True))
        shares.append(error / ink if ink else 0.0)
    return np.array(shares)


def share_by_dice(a, b):
    a, b = a.double(), b.double()
    both = torch.einsum("nchw,nchw->n", a, a) + torch.einsum("nchw,nchw->n", b, b)
    common = torch.einsum("nchw,nchw->n", a, b)
    return torch.where(both > 0, 1 - 2 * common / both.clamp(min=1e-12), 0.0)


def share_with_nan_to_num(a, b):
    error = torch.linalg.vector_norm(a - b, dim=(1, 2, 3)) ** 2
    return (error / (a.pow(2).sum(dim=(1, 2, 3)) + b.pow(2).sum(dim=(1, 2, 3)))).nan_to_num(0)


def share_by_norms(a, b):
    a, b, off = (np.linalg.norm(images.numpy().reshape(len(a), -1), axis=1) ** 2 for images in (a, b, a - b))
    return np.divide(off, a + b, out=np.zeros_like(off), where=a + b > 0)


def share_with_vmap(a, b):
    return torch.vmap(lambda p, q: (p - q).square().sum() / (p.square().sum() + q.square().sum() + 1e-9))(
        a, b
    )


def total(image):
    return image.flatten(1).sum(dim=1)


WRONG_SHARES = [
    ("one_for_all", lambda a, b: (a - b).square().sum() / (a.square() + b.square()).sum()),
    ("mean_of_shares", lambda a, b: share_by_dice(a, b).mean()),
    ("one_ink", lambda a, b: total((a - b) ** 2) / total(a**2)),
    ("other_ink", lambda a, b: total((a - b) ** 2) / total(b**2)),
    ("plain_ink", lambda a, b: total((a - b) ** 2) / total(a + b)),
    ("absolute", lambda a, b: total((a - b).abs()) / total(a**2 + b**2)),
    ("root", lambda a, b: share_by_dice(a, b).sqrt()),
    ("mean_over_pixels", lambda a, b: (a - b).square().mean(dim=(1, 2, 3)) / total(a**2 + b**2)),
    ("sum_squared", lambda a, b: total(a - b) ** 2 / total(a**2 + b**2)),
    ("blank", lambda a, b: total((a - b) ** 2) / total(a**2 + b**2)),
    ("blank", lambda a, b: (total((a - b) ** 2) / total(a**2 + b**2)).nan_to_num(1.0)),
    ("absolute", lambda a, b: total((a - b).abs()) / total(a + b).clamp(min=1e-9)),
    ("limit", lambda a, b: total((a - b) ** 2) / total(a**2 + b**2).clamp(min=1)),
    ("limit", lambda a, b: total((a - b) ** 2) / (total(a**2 + b**2) + 1)),
    ("shape", lambda a, b: share_by_dice(a, b).squeeze()),
    ("value", lambda a, b: 2 * share_by_dice(a, b)),
    ("value", lambda a, b: total((a - b) ** 2) / torch.maximum(total(a**2), total(b**2)).clamp(min=1e-9)),
    ("value", lambda a, b: total((a - b) ** 2) / total((a + b) ** 2).clamp(min=1e-9)),
    ("shape", lambda a, b: share_by_dice(a, b)[:, None]),
    ("value", lambda a, b: 1 - share_by_dice(a, b)),
]


# ── prepare ──────────────────────────────────────────────────────────────────────────────────────


def blurred_often(images):
    for _ in range(6):
        images = F.avg_pool2d(images, 5, stride=1, padding=2)
    return images


def filled(images):
    """Ink from the left and from the right, from above and from below: what lies between is inside."""
    x = images.numpy()
    across = np.minimum(x.cumsum(3), 1) * np.minimum(x[..., ::-1].cumsum(3), 1)[..., ::-1]
    down = np.minimum(x.cumsum(2), 1) * np.minimum(x[:, :, ::-1].cumsum(2), 1)[:, :, ::-1]
    return np.sqrt((across * down).sum(axis=(2, 3)))


def spread_of_ink(images):
    """The ink's distance from its own middle, in one number an image."""
    axis = torch.arange(28.0)
    weight = images[:, 0] / images.sum(dim=(1, 2, 3))[:, None, None]
    x, y = ((weight * grid).sum(dim=(1, 2)) for grid in (axis, axis[:, None]))
    off = (axis - x[:, None, None]) ** 2 + (axis[:, None] - y[:, None, None]) ** 2
    return (weight * off).sum(dim=(1, 2)).sqrt()


def extent_in_whole_pixels(images):
    return [[int((image[0] > 0.5).any(axis).sum()) for axis in (0, 1)] for image in images]


RIGHT = {
    "check_ink_of_pixel": [ink_by_intervals, ink_in_units, ink_of_a_tensor, ink_between_two_discs],
    "check_render_discs": [
        discs_in_loops,
        discs_with_numpy,
        discs_in_units,
        discs_one_by_one,
        discs_by_overlap,
    ],
    "check_split_rows": [
        split_with_numpy,
        split_as_lists,
        split_with_sklearn,
        split_by_random_keys,
        split_as_a_dataset,
    ],
    "check_error_share": [
        share_in_loops,
        share_by_dice,
        share_with_nan_to_num,
        share_by_norms,
        share_with_vmap,
    ],
    "check_prepare": [
        blurred_often,
        filled,
        lambda images: images.double().sum(dim=(1, 2, 3)),
        lambda images: images.cumsum(2).cumsum(3),
        lambda images: (images * 255).round().int().sum(dim=(1, 2, 3)),
        spread_of_ink,
        extent_in_whole_pixels,
    ],
}

WRONG = {
    "check_ink_of_pixel": WRONG_INK,
    "check_render_discs": WRONG_DISCS,
    "check_split_rows": WRONG_SPLITS,
    "check_error_share": WRONG_SHARES,
    "check_prepare": [
        ("unchanged", lambda images: images),
        ("unchanged", lambda images: images.flatten(1).double()),
        ("all_alike", lambda images: torch.zeros(len(images), 4)),
        ("depends_on_batch", lambda images: images - images.mean(dim=0)),
        ("depends_on_batch", lambda images: images.sum(dim=(1, 2, 3)).argsort().argsort().float()),
        ("depends_on_batch", lambda images: images.flatten(1) - images[0].flatten()),
        ("depends_on_batch", lambda images: torch.randn(len(images), 3)),
        ("lost_images", lambda images: images.mean(dim=0)),
        ("lost_images", lambda images: images.sum(dim=(1, 2, 3)).squeeze()),
        ("nan", lambda images: images.sum(dim=(1, 2, 3)) / 0),
        ("value", lambda images: images / images.sum(dim=(1, 2, 3), keepdim=True)),
        ("value", lambda images: F.avg_pool2d(images, 3, stride=1, padding=1)),
        ("value", lambda images: (images > 0.5).float()),
    ],
}
