"""Checks for chapter 1, the circles dataset."""

import math
from contextlib import suppress

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close, describe

MARGIN, SCALE = 2.0, 24.0  # pixels on an image of 28 × 28
PIXELS = 28


# ── The ink of one pixel ─────────────────────────────────────────────────────────────────────────


def _overlap_of_line(row: Tensor, column: Tensor, radius: Tensor, x: Tensor, y: Tensor, stroke: Tensor):
    """How much of the pixel's interval [D − ½, D + ½] the line's interval covers, walking outwards."""
    away = _to_center(row, column, x, y)
    start = torch.maximum(away - 0.5, SCALE * radius - stroke / 2)
    end = torch.minimum(away + 0.5, SCALE * radius + stroke / 2)
    return (end - start).clamp(min=0)


def _to_center(row, column, x, y, *, margin=MARGIN, scale=SCALE, half=0.5):
    """Distance from a pixel's centre to the circle's, in pixels."""
    return torch.hypot(column + half - margin - scale * x, row + half - margin - scale * y)


def _to_line(row, column, radius, x, y, *, scale=SCALE, **other):
    return (_to_center(row, column, x, y, scale=scale, **other) - scale * radius).abs()


def _no_more_than(ink: Tensor, stroke: Tensor) -> Tensor:
    return torch.minimum(ink.clamp(min=0), stroke.clamp(max=1))


MISTAKEN_INK = [
    ("threshold", lambda r, c, radius, x, y, s: (_to_line(r, c, radius, x, y) < s / 2).double()),
    ("threshold", lambda r, c, radius, x, y, s: (_to_line(r, c, radius, x, y) < s / 2 + 0.5).double()),
    (
        "units",
        lambda r, c, radius, x, y, s: _no_more_than(s / 2 + 0.5 - _to_line(r, c, radius / SCALE, x, y), s),
    ),
    (
        "units",
        lambda r, c, radius, x, y, s: _no_more_than(
            s / 2 + 0.5 - _to_line(r, c, radius, x, y, margin=0, scale=1), s
        ),
    ),
    (
        "units",
        lambda r, c, radius, x, y, s: _no_more_than(
            s / 2 + 0.5 - (_to_center(r, c, x, y, margin=0, scale=1) - radius * SCALE).abs(), s
        ),
    ),
    (
        "units",
        lambda r, c, radius, x, y, s: _no_more_than(12 * s + 0.5 - _to_line(r, c, radius, x, y), SCALE * s),
    ),
    (
        "units",
        lambda r, c, radius, x, y, s: _no_more_than(
            s / 2 + 0.5 - _to_line(r, c, radius, x, y, margin=0, scale=PIXELS), s
        ),
    ),
    (
        "margin",
        lambda r, c, radius, x, y, s: _no_more_than(s / 2 + 0.5 - _to_line(r, c, radius, x, y, margin=0), s),
    ),
    (
        "corner",
        lambda r, c, radius, x, y, s: _no_more_than(s / 2 + 0.5 - _to_line(r, c, radius, x, y, half=0), s),
    ),
    ("swapped", lambda r, c, radius, x, y, s: _overlap_of_line(c, r, radius, x, y, s)),
    ("half_pixel", lambda r, c, radius, x, y, s: _no_more_than(s / 2 - _to_line(r, c, radius, x, y), s)),
    ("whole_stroke", lambda r, c, radius, x, y, s: _no_more_than(s + 0.5 - _to_line(r, c, radius, x, y), s)),
    (
        "filled",
        lambda r, c, radius, x, y, s: _no_more_than(s / 2 + 0.5 + SCALE * radius - _to_center(r, c, x, y), s),
    ),
    (
        "above_one",
        lambda r, c, radius, x, y, s: (s / 2 + 0.5 - _to_line(r, c, radius, x, y)).clamp(min=0),
    ),
    ("below_zero", lambda r, c, radius, x, y, s: (s / 2 + 0.5 - _to_line(r, c, radius, x, y)).clamp(max=1)),
    ("below_zero", lambda r, c, radius, x, y, s: s / 2 + 0.5 - _to_line(r, c, radius, x, y)),
    ("paper", lambda r, c, radius, x, y, s: 1 - _overlap_of_line(r, c, radius, x, y, s)),
]


@check(
    Mistake(
        "threshold",
        "Yours is all ink or none, by a yes or no about the distance: at the edges a pixel is covered in "
        "part. "
        "Limit the overlap, not the distance.",
    ),
    Mistake(
        "units",
        "Units and pixels are mixed: radius, x and y are given in units of 24 pixels, row, column and "
        "stroke in "
        "pixels. Bring all of them to pixels first.",
    ),
    Mistake(
        "margin",
        "The circle sits too far up and to the left: the unit square starts 2 pixels in, after the margin.",
    ),
    Mistake(
        "corner",
        "You measure from the corner of the pixel: its centre lies half a pixel further right and further "
        "down.",
    ),
    Mistake("swapped", "Rows and columns are swapped: x goes along the columns, y down the rows."),
    Mistake(
        "half_pixel",
        "You treat the pixel as a point: it reaches half a pixel to either side of its centre, and meets the "
        "line that much earlier.",
    ),
    Mistake(
        "whole_stroke", "Your line is twice as wide: it reaches half a stroke to either side of its middle."
    ),
    Mistake(
        "filled",
        "This inks the inside of the circle too: the distance to the line has no sign, inside counts like "
        "outside.",
    ),
    Mistake("above_one", "Some pixels get more ink than 1: a pixel cannot be covered more than wholly."),
    Mistake("below_zero", "Far from the line your ink is negative: an overlap is never less than nothing."),
    Mistake("paper", "Ink and paper are swapped: ink is 1, paper is 0."),
    Mistake(
        "thin_line",
        "Right for wide lines. But a line thinner than a pixel cannot cover all of it, even if it runs "
        "through "
        "its middle.",
    ),
    tests="120 pixels near random circles against the overlap of two intervals, among them thin lines",
)
def check_ink_of_pixel(answer: Answer) -> None:
    """f(row, column, radius, x, y, stroke) → how much of the pixel the line covers, one number."""
    wide = _pixels_near_a_line(answer, 60, 1.0, 3.0)
    found = _ink_of_each(answer, wide)
    for name, mistaken in MISTAKEN_INK:
        if close(found, mistaken(*wide)) and not close(found, _overlap_of_line(*wide)):
            answer.fail(name)
    _agrees_at_each(answer, wide, found)
    thin = _pixels_near_a_line(answer, 60, 0.3, 0.7)
    found = _ink_of_each(answer, thin)
    if close(found, (thin[5] / 2 + 0.5 - _to_line(*thin[:5])).clamp(0, 1)):
        answer.fail("thin_line")
    _agrees_at_each(answer, thin, found)


def _pixels_near_a_line(answer: Answer, n: int, thinnest: float, thickest: float) -> tuple[Tensor, ...]:
    """row, column, radius, x, y, stroke of n pixels, each (n,): most partly covered, a few far away."""
    radius = answer.uniform(n, low=0.1, high=0.45).double()
    x, y = answer.uniform(2, n, low=0.50, high=0.53).double()
    stroke = answer.uniform(n, low=thinnest, high=thickest).double()
    angle = answer.uniform(n, high=2 * math.pi).double()
    away = SCALE * radius + (stroke + 1.6) * answer.uniform(n, low=-0.5, high=0.5).double()
    away[:6] += torch.tensor([-4.0, -3.0, -2.5, 3.0, 2.5, 2.0])
    column = (MARGIN + SCALE * x + away.abs() * angle.cos()).floor().clamp(0, PIXELS - 1)
    row = (MARGIN + SCALE * y + away.abs() * angle.sin()).floor().clamp(0, PIXELS - 1)
    return row, column, radius, x, y, stroke


def _ink_of_each(answer: Answer, pixels: tuple[Tensor, ...]) -> Tensor:
    return torch.tensor(
        [answer.number(answer.call(**_inputs(pixel))) for pixel in zip(*pixels, strict=True)],
        dtype=torch.double,
    )


def _inputs(pixel: tuple[Tensor, ...]) -> dict[str, float]:
    row, column, *lengths = (value.item() for value in pixel)
    names = ("radius", "x", "y", "stroke")
    return {"row": int(row), "column": int(column)} | dict(zip(names, lengths, strict=True))


def _agrees_at_each(answer: Answer, pixels: tuple[Tensor, ...], found: Tensor) -> None:
    expected = _overlap_of_line(*pixels)
    worst = (found - expected).abs().argmax()
    if not close(found, expected):
        inputs = _inputs(tuple(value[worst] for value in pixels))
        inputs = {name: round(value, 3) for name, value in inputs.items()}
        raise WrongAnswer(
            f"{answer.name} returned {found[worst]:.3f} where {expected[worst]:.3f} is right: it was given "
            f"{describe(inputs)}."
        )


# ── Discs ────────────────────────────────────────────────────────────────────────────────────────


def _discs(radii: Tensor, centers: Tensor) -> Tensor:
    """How much of [D − ½, D + ½] lies below the radius, pixel by pixel: (N, 1, 28, 28)."""
    images = np.zeros((len(radii), 1, PIXELS, PIXELS))
    middle = np.arange(PIXELS) + 0.5
    for image, radius, (x, y) in zip(images, radii.tolist(), centers.tolist(), strict=True):
        away = np.hypot.outer(middle - MARGIN - SCALE * y, middle - MARGIN - SCALE * x)
        inner, outer = away - 0.5, np.minimum(away + 0.5, SCALE * radius)
        image[0] = np.maximum(outer - inner, 0)
    return torch.from_numpy(images)


def _inside(radii: Tensor, centers: Tensor, *, margin=MARGIN, scale=SCALE, half=0.5) -> Tensor:
    """How far each pixel lies inside the disc, in pixels, negative outside: (N, 1, 28, 28)."""
    middle = torch.arange(PIXELS) + half
    dx = middle - margin - scale * centers[:, 0:1]
    dy = middle - margin - scale * centers[:, 1:2]
    return (scale * radii[:, None, None] - torch.hypot(dy[:, :, None], dx[:, None, :]))[:, None]


@check(
    Mistake(
        "ring",
        "This draws rings: a disc is inked inside too, so the distance to the edge keeps its sign.",
        lambda radii, centers: (1.25 - _inside(radii, centers).abs()).clamp(0, 1),
    ),
    Mistake(
        "ring",
        "This draws rings: a disc is inked inside too, so the distance to the edge keeps its sign.",
        lambda radii, centers: (0.5 - _inside(radii, centers).abs()).clamp(0, 1),
    ),
    Mistake(
        "threshold",
        "Your edges are hard, all ink or none: a pixel on the edge is covered in part. Clamp the overlap "
        "instead of "
        "asking whether its centre lies inside.",
        lambda radii, centers: (_inside(radii, centers) > 0).float(),
    ),
    Mistake(
        "units",
        "Units and pixels are mixed: radii and centres are given in units, and one unit is 24 pixels.",
        lambda radii, centers: (_inside(radii / SCALE, centers) + 0.5).clamp(0, 1),
    ),
    Mistake(
        "units",
        "Units and pixels are mixed: radii and centres are given in units, and one unit is 24 pixels.",
        lambda radii, centers: (_inside(radii * SCALE, centers, margin=0, scale=1) + 0.5).clamp(0, 1),
    ),
    Mistake(
        "margin",
        "The discs sit too far up and to the left: the unit square starts 2 pixels in, after the margin.",
        lambda radii, centers: (_inside(radii, centers, margin=0) + 0.5).clamp(0, 1),
    ),
    Mistake(
        "corner",
        "The discs sit half a pixel too far right and down: measure from the centres of the pixels, not "
        "from their "
        "corners.",
        lambda radii, centers: (_inside(radii, centers, half=0) + 0.5).clamp(0, 1),
    ),
    Mistake(
        "swapped",
        "Rows and columns are swapped: x goes along the columns (the last axis), y down the rows.",
        lambda radii, centers: (_inside(radii, centers.flip(1)) + 0.5).clamp(0, 1),
    ),
    Mistake(
        "half_pixel",
        "The discs are half a pixel too small: where the edge runs through a pixel's centre, half of it is "
        "covered.",
        lambda radii, centers: _inside(radii, centers).clamp(0, 1),
    ),
    *(
        Mistake(
            "too_large",
            "The discs are too large: where the edge runs through a pixel's centre, half of it is covered. "
            "(A disc has no stroke.)",
            lambda radii, centers, more=more: (_inside(radii, centers) + more).clamp(0, 1),
        )
        for more in (1.0, 1.25, 0.75)
    ),
    Mistake(
        "unclamped",
        "The ink leaves [0, 1]: an overlap is never less than nothing and never more than the whole pixel.",
        lambda radii, centers: _inside(radii, centers) + 0.5,
    ),
    Mistake(
        "paper",
        "Ink and paper are swapped: ink is 1, paper is 0.",
        lambda radii, centers: 1 - (_inside(radii, centers) + 0.5).clamp(0, 1),
    ),
    Mistake(
        "no_channel",
        "The pixels are right, the channel is missing: images are (N, 1, 28, 28), one channel of grey.",
        lambda radii, centers: (_inside(radii, centers) + 0.5).clamp(0, 1)[:, 0],
    ),
    tests="shape, every pixel of six random discs, a single disc, discs as small and as large as the circles",
)
def check_render_discs(answer: Answer) -> None:
    """f(radii (N,), centers (N, 2)), both in units → images (N, 1, 28, 28)."""
    for n in (6, 1):
        radii = answer.uniform(n, low=0.1, high=0.4)
        centers = answer.uniform(n, 2, low=0.42, high=0.58)
        answer.compare(_discs(radii, centers), radii=radii, centers=centers)
    radii, centers = torch.tensor(data.RADIUS_RANGE), answer.uniform(2, 2, low=0.5, high=0.53)
    answer.compare_edge(_discs(radii, centers), radii=radii, centers=centers)


# ── A split ──────────────────────────────────────────────────────────────────────────────────────


@check(
    Mistake(
        "overlap",
        "{shared} of {n} images are in both parts: whoever learned them by heart would pass. Shuffle once, "
        "then cut: n_train rows, and the n − n_train others.",
    ),
    Mistake(
        "repeated", "The same row occurs twice within a part: deal the rows out without putting them back."
    ),
    Mistake(
        "sizes_swapped",
        "The sizes are swapped: n_train rows belong in the first part, the rest in the second.",
    ),
    Mistake("lost", "Some rows are in neither part: what is not for training is held out."),
    Mistake(
        "not_shuffled",
        "The first rows go to one part and the last to the other: a sorted dataset would send all small "
        "circles into "
        "one part. Shuffle first.",
    ),
    Mistake(
        "in_order",
        "No row is in both parts, and the rows of {part} stand in order: random order is asked for. Where "
        "are they sorted?",
    ),
    Mistake(
        "not_seeded",
        "Two calls with the same seed give different parts: after a restart, training images would turn up "
        "among the "
        "held-out ones.",
    ),
    Mistake("seed_ignored", "Two seeds give the same parts: let the order follow from the seed."),
    tests="sizes, no row twice, none lost, both parts in random order, and repeatable by the seed",
)
def check_split_rows(answer: Answer) -> None:
    """f(n, n_train, seed) → (train_rows, held_out_rows), whole numbers from 0 to n − 1."""
    n = int(answer.uniform(1, low=300, high=400))
    n_train = int(0.7 * n)
    seed = int(answer.uniform(1, low=1, high=1e6))
    train, held_out = _two_parts(answer, n, n_train, seed)
    if train.unique().numel() < len(train) or held_out.unique().numel() < len(held_out):
        answer.fail("repeated")
    shared = torch.isin(held_out, train).sum().item()
    if shared:
        answer.fail("overlap", shared=shared, n=n)
    if len(train) == n - n_train and len(held_out) == n_train:
        answer.fail("sizes_swapped")
    if len(train) + len(held_out) < n and len(train) <= n_train:
        answer.fail("lost")
    if len(train) != n_train:
        raise WrongAnswer(
            f"The first part has {len(train)} rows where n_train = {n_train} was asked for (n = {n}).",
            "shape",
        )
    if train.max() == n_train - 1 or train.min() == n - n_train:
        answer.fail("not_shuffled")
    again, _ = _two_parts(answer, n, n_train, seed)
    if not torch.equal(again.sort().values, train.sort().values):
        answer.fail("not_seeded")
    other, _ = _two_parts(answer, n, n_train, seed + 1)
    if torch.equal(other.sort().values, train.sort().values):
        answer.fail("seed_ignored")
    for rows, part in ((train, "the training part"), (held_out, "the held-out part")):
        if abs((rows.diff() > 0).double().mean() - 0.5) > 0.25:  # a shuffled row climbs at every second step
            answer.fail("in_order", part=part)


def _two_parts(answer: Answer, n: int, n_train: int, seed: int) -> list[Tensor]:
    result = answer.call(n=n, n_train=n_train, seed=seed)
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise WrongAnswer(
            "split_rows must return two things: the training rows and the held-out rows.", "type"
        )
    parts = []
    for name, part in zip(("The training rows", "The held-out rows"), result, strict=True):
        try:
            rows = torch.as_tensor(part if isinstance(part, (Tensor, np.ndarray)) else list(part))
        except (TypeError, ValueError, RuntimeError):
            raise WrongAnswer(
                f"{name} must be whole numbers in a tensor, an array or a list.", "type"
            ) from None
        if rows.is_floating_point() or rows.is_complex() or rows.dtype == torch.bool or rows.ndim != 1:
            raise WrongAnswer(
                f"{name} must be a row of whole numbers, not {rows.dtype} of the shape {tuple(rows.shape)}.",
                "type",
            )
        if rows.numel() == 0 or rows.min() < 0 or rows.max() >= n:
            raise WrongAnswer(f"{name} must hold numbers from 0 to n − 1 = {n - 1}, at least one.", "value")
        parts.append(rows.long())
    return parts


# ── The error as a share of the ink ──────────────────────────────────────────────────────────────


def _share(a: Tensor, b: Tensor) -> Tensor:
    """One minus the Dice coefficient 2⟨a, b⟩ / (⟨a, a⟩ + ⟨b, b⟩) of each pair; two blank pages have 0."""
    a, b = a.double().flatten(1).numpy(), b.double().flatten(1).numpy()
    common = np.einsum("np,np->n", a, b)
    both = np.einsum("np,np->n", a, a) + np.einsum("np,np->n", b, b)
    return torch.from_numpy(1 - 2 * common / np.where(both > 0, both, np.inf)) * torch.from_numpy(both > 0)


def _squared(a: Tensor) -> Tensor:
    return a.double().square().flatten(1).sum(dim=1)


@check(
    Mistake(
        "one_for_all",
        "You return one number for the whole batch: each pair of images has its own share, so sum over the "
        "pixels only.",
        lambda a, b: _squared(a - b).sum() / (_squared(a) + _squared(b)).sum(),
    ),
    Mistake(
        "mean_of_shares",
        "You averaged the shares over the batch: keep one for each pair, (N,).",
        lambda a, b: _share(a, b).mean(),
    ),
    Mistake(
        "one_ink",
        "You divide by the ink of the first image only: both images can be wrong, so the ink of both counts.",
        lambda a, b: _squared(a - b) / _squared(a),
    ),
    Mistake(
        "other_ink",
        "You divide by the ink of the second image only: both images can be wrong, so the ink of both "
        "counts.",
        lambda a, b: _squared(a - b) / _squared(b),
    ),
    Mistake(
        "plain_ink",
        "The ink below the line is not squared: the error is a sum of squares, and so is what it is "
        "compared with.",
        lambda a, b: _squared(a - b) / (a + b).double().flatten(1).sum(dim=1),
    ),
    Mistake(
        "absolute",
        "You take the absolute difference where the squared one belongs.",
        lambda a, b: (a - b).double().abs().flatten(1).sum(dim=1) / (_squared(a) + _squared(b)),
    ),
    Mistake(
        "absolute",
        "You take the absolute difference where the squared one belongs.",
        lambda a, b: (a - b).double().abs().flatten(1).sum(dim=1) / (a + b).double().flatten(1).sum(dim=1),
    ),
    *(
        Mistake(
            "limit",
            "Right where there is much ink. But your lower limit matters for pale images too: it is there "
            "for blank pages alone, so make it far smaller.",
            wrong,
        )
        for wrong in (
            lambda a, b: _squared(a - b) / (_squared(a) + _squared(b)).clamp(min=1),
            lambda a, b: _squared(a - b) / (_squared(a) + _squared(b) + 1),
        )
    ),
    Mistake(
        "root",
        "You took a square root: the share is made of the squared error itself.",
        lambda a, b: _share(a, b).sqrt(),
    ),
    Mistake(
        "mean_over_pixels",
        "One of the two is a mean over the pixels and the other a sum: the share is off by the number of "
        "pixels.",
        lambda a, b: _squared(a - b) / a[0].numel() / (_squared(a) + _squared(b)),
    ),
    Mistake(
        "sum_squared",
        "You square after summing: square each pixel's difference first, or ink too much and too little "
        "cancel.",
        lambda a, b: (a - b).double().flatten(1).sum(dim=1) ** 2 / (_squared(a) + _squared(b)),
    ),
    Mistake(
        "blank",
        "Two blank pages give {found:.4g}: they are equal, so their share is 0. What is divided by what?",
    ),
    tests="five random pairs against 1 − Dice, pale ones, a single one, circles without common ink, one "
    "blank page, two blank pages",
)
def check_error_share(answer: Answer) -> None:
    """f(a, b), each (N, 1, H, W) → squared error ÷ squared ink of both, (N,)."""
    inks = torch.tensor([0.1, 0.3, 0.5, 0.8, 1.0])[:, None, None, None]  # shares of their own for each pair
    a, b = inks * answer.uniform(5, 1, 6, 7), inks.flip(0) * answer.uniform(5, 1, 6, 7)
    answer.compare(_share(a, b), a=a, b=b)
    a, b = 0.12 * a / inks, 0.12 * b / inks.flip(0)
    answer.compare(_share(a, b), rtol=1e-2, a=a, b=b)
    answer.compare_edge(_share(a[:1], b[:1]), rtol=1e-2, a=a[:1], b=b[:1])
    radii, centers = torch.tensor([0.2, 0.4, 0.3, 0.3]), torch.full((4, 2), 0.515)
    drawn = data.render_circles(radii, centers)
    answer.compare(torch.tensor([1.0, 0.0]), a=drawn[[0, 2]], b=drawn[[1, 3]])
    blank = torch.zeros(2, 1, 28, 28)
    answer.compare_edge(torch.ones(2), a=blank, b=drawn[:2])
    shares = answer.tensor(answer.call(a=blank, b=blank), {})
    if shares.shape == (2,) and not close(shares, torch.zeros(2).double()):
        answer.fail("blank", found=shares[0])
    answer.match(shares, torch.zeros(2), a=blank, b=blank)


# ── Experiment: an error that knows the size ─────────────────────────────────────────────────────

GUIDE = 0.95  # rank correlation; over seeds 200 circles as they are have 0.45 to 0.60


@check(
    Mistake(
        "unchanged",
        "These are the images themselves: their rank correlation is {found:.2f}, and the yardstick 0.95. "
        "What would "
        "make circles of different sizes share ink?",
    ),
    Mistake("all_alike", "All images come out alike, so their distances say nothing about the sizes."),
    Mistake(
        "depends_on_batch",
        "What becomes of an image depends on the others in the batch, or on luck: it must follow from its "
        "own pixels alone.",
    ),
    Mistake(
        "lost_images", "The first axis must stay the images: {given} went in, and the shape {found} came out."
    ),
    tests="200 fresh circles: the rank correlation of distance and difference in size is at least 0.95; each "
    "image by itself",
)
def check_prepare(answer: Answer) -> None:
    """f(images (N, 1, 28, 28)) → (N, …), whose distances should follow the difference of the radii."""
    circles = data.circles(200, seed=int(answer.uniform(1, high=2**31 - 1)))
    images = circles.images
    prepared = _prepared(answer, images)
    for few in (slice(60, 64), slice(7, 8)):
        if not torch.allclose(_prepared(answer, images[few]), prepared[few], rtol=1e-2, atol=1e-4):
            answer.fail("depends_on_batch")
    vectors = prepared.reshape(len(images), -1)
    if vectors.std(dim=0).max() < 1e-6:
        answer.fail("all_alike")
    found = _rank_correlation(vectors, circles.radii)
    if close(vectors, images.flatten(1).double()):
        answer.fail("unchanged", found=found)
    if not found >= GUIDE:
        raise WrongAnswer(
            f"On 200 fresh circles the rank correlation of distance and difference in size is {found:.2f}; "
            f"the "
            f"yardstick is {GUIDE}. (The images as they are have about 0.5.)"
        )


def _prepared(answer: Answer, images: Tensor) -> Tensor:
    """What the answer makes of the images, as float64 (N, …): tensor, array or list, whole numbers or not."""
    result = answer.call(images=images)
    if isinstance(result, (list, tuple)):
        with suppress(TypeError, ValueError, RuntimeError):
            result = torch.tensor([np.asarray(part, dtype=float).tolist() for part in result])
    if isinstance(result, np.ndarray) and result.dtype.kind in "biuf":
        result = torch.from_numpy(result.astype(float))
    if isinstance(result, Tensor) and not result.is_complex():
        result = result.double()
    prepared = answer.tensor(result, {"images": images})
    if prepared.ndim == 0 or len(prepared) != len(images):
        answer.fail("lost_images", given=len(images), found=tuple(prepared.shape))
    if not bool(torch.isfinite(prepared).all()):
        raise WrongAnswer("prepare returned NaN or infinity for ordinary circles.", "nan")
    return prepared


def _rank_correlation(vectors: Tensor, radii: Tensor) -> float:
    """Spearman's, over all pairs: distance of the vectors (N, P) against the difference of the radii (N,)."""
    one, other = torch.triu_indices(len(radii), len(radii), 1)
    distance = torch.cdist(vectors, vectors)[one, other]
    return float(spearmanr(distance, (radii[one] - radii[other]).abs()).statistic)
