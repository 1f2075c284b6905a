"""Checks for chapter 8, the convolutional VAE."""

import math
import numbers
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close, describe
from course_lib.models import AutoEncoder

# ── 8.1 Sizes through a decoder ──────────────────────────────────────────────────────────────────

Layers = list[tuple[int, ...]]


def _chain(size_after: Callable) -> Callable:
    """(n, layers) → the sizes after each layer, when one layer takes n to size_after(n, *layer)."""

    def sizes(n: int, layers: Layers) -> list[int]:
        found = []
        for layer in layers:
            n = size_after(n, *layer)
            found.append(n)
        return found

    return sizes


def _sizes_in_torch(n: int, layers: Layers) -> list[int]:
    """The sizes that PyTorch's own layers give."""
    x, found = torch.zeros(1, 1, n), []
    for kernel, stride, padding, output_padding in layers:
        layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding)
        x = layer(x).detach()
        found.append(x.shape[-1])
    return found


@check(
    Mistake(
        "output_padding_ignored",
        "output_padding has no influence: it makes the result larger by itself, at one end.",
        _chain(lambda n, k, s, p, extra: (n - 1) * s - 2 * p + k),
    ),
    Mistake(
        "ordinary_convolution",
        "These are the sizes after ordinary convolutions: they shrink an image, and these layers grow it.",
        _chain(lambda n, k, s, p, extra: max(n + 2 * p - k, 0) // s + 1),
    ),
    Mistake(
        "padding_at_one_end",
        "The padding is counted once per layer, but it cuts at both ends.",
        _chain(lambda n, k, s, p, extra: (n - 1) * s - p + k + extra),
    ),
    Mistake(
        "padding_added",
        "The padding makes the result larger: in a transposed convolution it cuts off.",
        _chain(lambda n, k, s, p, extra: (n - 1) * s + 2 * p + k + extra),
    ),
    Mistake(
        "one_stamp_too_many",
        "One stride too many: n stamps have only n − 1 gaps between them.",
        _chain(lambda n, k, s, p, extra: n * s - 2 * p + k + extra),
    ),
    Mistake(
        "one_too_many",
        "Each layer comes out one too large: the + 1 belongs to the formula of the ordinary convolution.",
        _chain(lambda n, k, s, p, extra: (n - 1) * s - 2 * p + k + extra + 1),
    ),
    Mistake(
        "size_times_stride",
        "You multiplied by the stride and left it at that: kernel and padding matter, too.",
        _chain(lambda n, k, s, p, extra: n * s),
    ),
    Mistake(
        "kernel_and_stride",
        "Kernel and stride are mixed up: in which order does a layer come?",
        _chain(lambda n, k, s, p, extra: (n - 1) * k - 2 * p + s + extra),
    ),
    Mistake(
        "not_chained",
        "Each layer starts from the first size: it has to start from what the layer before it made.",
        lambda n, layers: [(n - 1) * s - 2 * p + k + extra for k, s, p, extra in layers],
    ),
    Mistake(
        "starts_with_input",
        "The list begins with n itself: one size for each layer, after it.",
        lambda n, layers: [n, *_sizes_in_torch(n, layers)],
    ),
    Mistake("last_only", "You return the last size alone: return a list, one size after each layer."),
    tests="against PyTorch's own layers: kernels 2 to 5, strides 1 to 3, with padding and output_padding, "
    "no layers at all",
)
def check_transposed_sizes(answer: Answer) -> None:
    """f(n, layers), each layer (kernel, stride, padding, output_padding) → a list of sizes, one per layer."""
    chosen: list[tuple[int, Layers]] = [
        (5, [(4, 2, 0, 0), (3, 2, 1, 1), (5, 3, 1, 0), (2, 1, 0, 0)]),
        (7, [(3, 2, 1, 1), (3, 2, 1, 1)]),
        (9, [(3, 2, 1, 0)]),
    ]
    for n, layers in [*chosen, *(_random_layers(answer) for _ in range(5)), (6, [])]:
        inputs = {"n": n, "layers": layers}
        expected = _sizes_in_torch(n, layers)
        found = _whole_numbers(answer, answer.call(**inputs), expected, "sizes")
        if found == expected:
            continue
        for mistake in answer.mistakes:
            if layers and mistake.answer is not None and found == mistake.answer(n, layers):
                answer.fail(mistake.name)
        if len(found) != len(expected):
            raise WrongAnswer(
                f"{answer.name} must return {len(expected)} sizes here, one per layer, not {len(found)}.",
                "shape",
            )
        raise WrongAnswer(
            f"{answer.name} returned {found} where {expected} is right; it was given {describe(inputs)}.",
            "value",
        )


def _random_layers(answer: Answer) -> tuple[int, Layers]:
    layers = []
    for _ in range(_between(answer, 2, 4)):
        kernel, stride = _between(answer, 2, 5), _between(answer, 1, 3)
        padding = _between(answer, 0, (kernel - 1) // 2)
        layers.append((kernel, stride, padding, _between(answer, 0, stride - 1)))
    return _between(answer, 4, 9), layers


def _between(answer: Answer, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (), generator=answer.rng))


def _whole_numbers(answer: Answer, value: object, expected: list[int], what: str) -> list[int]:
    """A list, tuple, array or tensor of whole numbers, as a list."""
    if isinstance(value, (Tensor, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (numbers.Real, np.generic)) and value == (expected or [None])[-1]:
        answer.fail("last_only")
    if not isinstance(value, (list, tuple)):
        raise WrongAnswer(f"{answer.name} must return a list of {what}, not {value!r:.60}.", "type")
    parts = [
        part.item()
        if isinstance(part, (Tensor, np.ndarray, np.generic)) and np.prod(part.shape) == 1
        else part
        for part in value
    ]
    if not all(
        isinstance(part, numbers.Real) and math.isfinite(part) and part == int(part) for part in parts
    ):
        raise WrongAnswer(
            f"The {what} must be whole numbers, and {answer.name} returned {value!r:.100}.", "type"
        )
    return [int(part) for part in parts]


# ── 8.2 A transposed convolution by hand ─────────────────────────────────────────────────────────


def _torch_transposed(x: Tensor, kernel: Tensor, stride: int, padding: int, output_padding: int) -> Tensor:
    result = F.conv_transpose2d(
        x.double()[None, None], kernel.double()[None, None], None, stride, padding, output_padding
    )
    return result[0, 0]


def _stamped(x: Tensor, kernel: Tensor, stride: int, overwrite: bool) -> Tensor:
    (height, width), k = x.shape, len(kernel)
    canvas = torch.zeros((height - 1) * stride + k, (width - 1) * stride + k, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            place = canvas[stride * i : stride * i + k, stride * j : stride * j + k]
            place[:] = x[i, j] * kernel + (0 if overwrite else place)
    return canvas


def _cut(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    """`padding` off the start, padding − output_padding off the end (or zeros there)."""
    end = output_padding - padding
    return F.pad(canvas, (-padding, end, -padding, end))


def _slid(spread: Tensor, kernel: Tensor, padding: int) -> Tensor:
    return F.conv2d(spread[None, None].double(), kernel[None, None].double(), padding=padding)[0, 0]


def _spread(x: Tensor, stride: int, after_last: bool = False) -> Tensor:
    height, width = x.shape
    spread = torch.zeros(height * stride, width * stride, dtype=torch.float64)
    spread[::stride, ::stride] = x
    return spread if after_last else spread[: (height - 1) * stride + 1, : (width - 1) * stride + 1]


@check(
    Mistake(
        "kernel_flipped",
        "The kernel lies the wrong way round: a single pixel of 1 must come out as the kernel itself, "
        "neither turned nor mirrored.",
        lambda x, k, s, p, extra: _torch_transposed(x, k.flip(0, 1), s, p, extra),
    ),
    Mistake(
        "kernel_mirrored",
        "Rows and columns of the kernel are exchanged: a pixel of 1 must come out as the kernel itself.",
        lambda x, k, s, p, extra: _torch_transposed(x, k.T, s, p, extra),
    ),
    Mistake(
        "overwritten",
        "Where stamps overlap, the later one replaces the earlier one: they add up.",
        lambda x, k, s, p, extra: _cut(_stamped(x, k, s, overwrite=True), p, extra),
    ),
    Mistake(
        "zeros_after_the_last",
        "The result is too large by stride − 1: zeros belong between the pixels, not after the last one.",
        lambda x, k, s, p, extra: F.pad(
            _slid(_spread(x, s, after_last=True), k.flip(0, 1), len(k) - 1 - p), (0, extra, 0, extra)
        ),
    ),
    Mistake(
        "padding_ignored",
        "The result is too large: padding cuts off rows and columns at both ends.",
        lambda x, k, s, p, extra: _torch_transposed(x, k, s, 0, extra),
    ),
    Mistake(
        "padding_added",
        "Zeros were put around the result: here padding makes it smaller, by so many rows and columns at "
        "each end.",
        lambda x, k, s, p, extra: F.pad(_torch_transposed(x, k, s, 0, extra), (p, p, p, p)),
    ),
    Mistake(
        "padding_of_the_convolution",
        "You gave the layer's padding to the ordinary convolution. That one needs another padding, which "
        "depends on the kernel's size: the more the layer cuts off, the less is added.",
        lambda x, k, s, p, extra: F.pad(_slid(_spread(x, s), k.flip(0, 1), p), (0, extra, 0, extra)),
    ),
    Mistake(
        "cut_at_the_start_only",
        "The padding is cut off above and on the left only: it cuts at all four sides.",
        lambda x, k, s, p, extra: F.pad(_torch_transposed(x, k, s, 0, 0)[p:, p:], (0, extra, 0, extra)),
    ),
    Mistake(
        "output_padding_ignored",
        "output_padding has no influence: it adds rows below and columns on the right.",
        lambda x, k, s, p, extra: _torch_transposed(x, k, s, p, 0),
    ),
    Mistake(
        "output_padding_of_zeros",
        "The extra rows and columns are all zeros: part of what padding cuts off at the end belongs there. "
        "Cut less, instead of adding zeros.",
        lambda x, k, s, p, extra: F.pad(_torch_transposed(x, k, s, p, 0), (0, extra, 0, extra)),
    ),
    Mistake(
        "output_padding_at_the_start",
        "The extra row and column lie above and on the left: they belong below and on the right.",
        lambda x, k, s, p, extra: F.pad(_torch_transposed(x, k, s, 0, 0), (extra - p, -p, extra - p, -p)),
    ),
    Mistake(
        "stride_ignored",
        "The stride has no influence: it says how far apart the stamps of two neighbouring pixels lie.",
        lambda x, k, s, p, extra: _torch_transposed(x, k, 1, p, 0),
    ),
    Mistake(
        "ordinary_convolution",
        "This is an ordinary convolution: it shrinks the image.",
        lambda x, k, s, p, extra: _slid(x, k, p)[::s, ::s],
    ),
    Mistake(
        "ready_made",
        "The numbers are right, and PyTorch's own transposed convolution made them: build it from stamps, or "
        "from zeros and F.conv2d.",
    ),
    tests="against PyTorch, for images that are not square and one pixel, six kernels, strides 1 to 3, "
    "(output_)padding, that it is your own",
)
def check_transposed_convolution(answer: Answer) -> None:
    """f(x (H, W), kernel (k, k), stride, padding, output_padding) → the transposed convolution (H', W')."""
    cases = [  # H, W, k, stride, padding, output_padding
        (4, 5, 4, 3, 1, 0),
        (4, 5, 4, 2, 1, 1),
        (5, 4, 3, 2, 1, 1),
        (3, 6, 2, 3, 0, 0),
        (6, 4, 5, 1, 2, 0),
        (4, 4, 3, 3, 0, 2),
        (1, 1, 3, 2, 1, 1),
    ]
    watch = _Watch()
    for height, width, k, stride, padding, output_padding in cases:
        inputs = {
            "x": answer.normal(height, width),
            "kernel": answer.normal(k, k),
            "stride": stride,
            "padding": padding,
            "output_padding": output_padding,
        }
        expected = _torch_transposed(*inputs.values())
        compare = answer.compare if height > 1 else answer.compare_edge  # with one pixel mistakes look alike
        with watch:
            compare(expected, **inputs)
    if watch.used:
        answer.fail("ready_made")


class _Watch(TorchFunctionMode):
    """Notices whether PyTorch's transposed convolution is called."""

    used = False

    def __torch_function__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None):
        self.used |= "conv_transpose" in getattr(func, "__name__", "")
        return func(*args, **(kwargs or {}))


# ── 8.3 How far one number sees ──────────────────────────────────────────────────────────────────


def _seen(layers: Layers) -> int:
    """How many inputs of a chain of convolutions have a gradient from one output: measured."""
    x = torch.zeros(1, 1, 2000, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    (gradient,) = torch.autograd.grad(y[0, 0, y.shape[-1] // 2], x)
    places = gradient[0, 0].nonzero()
    return int(places.max() - places.min()) + 1


def _walk(grow: Callable, step: Callable = lambda jump, stride: jump * stride) -> Callable:
    """layers → 1 + what each layer adds, with the distance `jump` of its inputs measured in pixels."""

    def field(layers: Layers) -> int:
        found, jump = 1, 1
        for kernel, stride in layers:
            found += grow(kernel, stride, jump)
            jump = step(jump, stride)
        return found

    return field


def _from_the_wrong_end(layers: Layers) -> int:
    found = 1
    for kernel, stride in layers:
        found = (found - 1) * stride + kernel
    return found


FIELD_MISTAKES = (
    Mistake(
        "strides_ignored",
        "The strides have no influence: after a stride of 2, neighbouring numbers lie two pixels apart, and "
        "every later kernel reaches further.",
        _walk(lambda k, s, jump: k - 1),
    ),
    Mistake(
        "own_stride",
        "A layer's own stride makes its own window wider here: it only matters to the layers after it.",
        _walk(lambda k, s, jump: (k - 1) * jump * s),
    ),
    Mistake(
        "kernel_not_less_one",
        "Each layer adds a whole kernel: one of its places is there already.",
        _walk(lambda k, s, jump: k * jump),
    ),
    Mistake(
        "start_missing",
        "One too few: without any layer a number sees one pixel, itself.",
        lambda layers: _seen(layers) - 1,
    ),
    Mistake(
        "sum_of_kernels", "You added up the kernels: they overlap.", lambda layers: sum(k for k, _ in layers)
    ),
    Mistake(
        "product_of_kernels",
        "You multiplied the kernels: windows of neighbours overlap, so they do not multiply.",
        lambda layers: math.prod(k for k, _ in layers),
    ),
    Mistake(
        "wrong_end",
        "You started at the wrong end: a stride widens what comes after it, not what came before.",
        _from_the_wrong_end,
    ),
    Mistake(
        "strides_added",
        "The strides are added up: two halvings make a step of four pixels, not of three.",
        _walk(lambda k, s, jump: (k - 1) * jump, step=lambda jump, stride: jump + stride - 1),
    ),
)


@check(
    *FIELD_MISTAKES,
    tests="against gradients through PyTorch's convolutions: the chapter's encoder, random layers, no layers",
)
def check_receptive_field(answer: Answer) -> None:
    """f(layers), each (kernel, stride) → how many input pixels in a row one output number sees."""
    cases: list[Layers] = [
        [(5, 1), (3, 3), (4, 3), (3, 2), (2, 1)],
        [(3, 1), (3, 2), (3, 2), (3, 1)],
        [(4, 3)],
    ]
    for _ in range(5):
        layers = [(_between(answer, 2, 5), _between(answer, 1, 3)) for _ in range(_between(answer, 2, 5))]
        cases.append(layers)
    for layers in [*cases, []]:
        value, expected = answer.number(answer.call(layers=layers)), _seen(layers)
        if value == expected:
            continue
        for mistake in FIELD_MISTAKES:
            if layers and value == mistake.answer(layers):
                answer.fail(mistake.name)
        raise WrongAnswer(
            f"receptive_field returned {value:g} where {expected} is right; it was given layers = {layers}.",
            "value",
        )


# ── 8.4 Pale pictures (find the bug) ─────────────────────────────────────────────────────────────


def _per_image(values: Tensor) -> Tensor:
    return values.flatten(1).sum(dim=1)


def _bce_of(scores: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy of each pixel, from scores, in double precision: stable for all scores."""
    scores, x = scores.double(), x.double()
    return F.softplus(scores) - x * scores


def _ink(scores: Tensor) -> Tensor:
    return scores.double().sigmoid()


@check(
    Mistake(
        "sigmoid_twice",
        "The bug is still there: follow one score into the loss and count the sigmoids on its way. One of "
        "them is hidden in a name.",
        lambda scores, x: (_ink(scores), _per_image(_bce_of(_ink(scores), x))),
    ),
    Mistake(
        "scores_as_image",
        "Loss right, images wrong: you return the scores, which may be any number, and not ink.",
        lambda scores, x: (scores, _per_image(_bce_of(scores, x))),
    ),
    Mistake(
        "image_of_sigmoid_twice",
        "Loss right, images wrong: they went through two sigmoids and cannot get darker than 0.73.",
        lambda scores, x: (_ink(_ink(scores)), _per_image(_bce_of(scores, x))),
    ),
    Mistake(
        "mean_over_pixels",
        "The cross-entropy is averaged over the pixels: that is a sum, for it belongs to the whole image.",
        lambda scores, x: (_ink(scores), _bce_of(scores, x).flatten(1).mean(dim=1)),
    ),
    Mistake(
        "over_the_batch",
        "The images of the batch have become one number: return the loss of each of them, (B,).",
        lambda scores, x: (_ink(scores), _per_image(_bce_of(scores, x)).sum()),
    ),
    Mistake(
        "mean_over_the_batch",
        "The images of the batch have become one number, their mean: return the loss of each, (B,).",
        lambda scores, x: (_ink(scores), _per_image(_bce_of(scores, x)).mean()),
    ),
    Mistake(
        "squared_error",
        "This is the squared error now: the task keeps the cross-entropy.",
        lambda scores, x: (_ink(scores), _per_image((_ink(scores) - x).square())),
    ),
    Mistake(
        "one_sided",
        "Only the ink is judged, not the paper: an all-black image would cost nothing. Cross-entropy has two "
        "terms.",
        lambda scores, x: (_ink(scores), _per_image(-x * _ink(scores).log())),
    ),
    Mistake(
        "saturated",
        "NaN or infinity for scores of ±200: there the sigmoid is exactly 0 or 1, and its logarithm is lost. "
        "PyTorch has a function that works on the scores.",
    ),
    Mistake(
        "capped",
        "For scores of ±200 the loss is {found:.0f} where {right:.0f} is right: it went through a sigmoid or "
        "a clamp, which forgets how large a score was.",
    ),
    Mistake(
        "detached",
        "The loss is right, and no gradient comes back to scores: nothing could be trained with it. Look for "
        ".item(), .detach(), .data, float() or NumPy.",
    ),
    tests="images in [0, 1], the cross-entropy of each image against the closed form, one image, three "
    "channels, scores up to ±200, gradients of the loss, at ±200 too",
)
def check_loss_from_scores(answer: Answer) -> None:
    """f(scores (B, 1, H, W), x (B, 1, H, W)) → (x_hat in [0, 1], cross-entropy of each image (B,))."""
    for batch, channels, side in ((5, 1, 6), (3, 3, 5), (1, 1, 4)):
        scores = 10 * answer.uniform(batch, channels, side, side) - 5
        x = answer.uniform(batch, channels, side, side)
        expected = {"x_hat": _ink(scores), "loss": _per_image(_bce_of(scores, x))}
        compare = answer.compare_parts if batch > 1 else answer.compare_edge
        compare(expected, scores=scores, x=x)
        answer.check_gradient(lambda s, x: _bce_of(s, x), "scores", part=1, scores=scores, x=x)
    scores = 200 * answer.uniform(3, 1, 4, 4, low=0.9) * answer.normal(3, 1, 4, 4).sign()
    inputs = {"scores": scores, "x": answer.uniform(3, 1, 4, 4)}
    right = _per_image(_bce_of(**inputs))
    results = answer.parts(answer.call(**inputs), "x_hat", "loss")
    x_hat, loss = (answer.tensor(r, inputs, name) for r, name in zip(results, ("x_hat", "loss"), strict=True))
    if not bool(torch.isfinite(loss).all()):
        answer.fail("saturated")
    if not close(loss, right):
        answer.fail("capped", found=loss.max(), right=right.max())
    if not close(x_hat, _ink(scores)):
        raise WrongAnswer("x_hat is not the sigmoid of the scores when they are as large as ±200.", "value")
    answer.check_gradient(lambda s, x: _bce_of(s, x), "scores", part=1, **inputs)


# ── 8.5 A lean VAE (experiment) ──────────────────────────────────────────────────────────────────

MOST_PARAMETERS = 10_000
RANKS = 0.99
OVER_FLOOR = 2.0


@check(
    Mistake(
        "too_many_parameters",
        "{parameters:,} parameters, and the budget is 10,000. Which layer holds most of them? Look at the "
        "linear ones.",
    ),
    Mistake("no_vae", "This is an autoencoder without a prior: the task is about a models.VAE."),
    Mistake(
        "remembers",
        "decode(z) draws another image after other images went through embed: the model keeps what it has "
        "seen, and the code alone must be enough.",
    ),
    Mistake(
        "neighbours",
        "The same image gets another code among other images: a code may depend on its own image alone. Is "
        "noise drawn in embed?",
    ),
    Mistake("more_latents", "It has {latents} latent dimensions: the task is about one."),
    Mistake(
        "collapsed",
        "It has collapsed: the code hardly depends on the image (its standard deviation is {spread:.3f}), so "
        "nothing can be read off.",
    ),
    Mistake(
        "folded",
        "Spearman's correlation with the radius is {ranks:.3f}, and 0.99 is the goal, although it draws "
        "well: the sizes are out of order. Look at code against radius for a fold or a jump.",
    ),
    Mistake(
        "poor_drawings",
        "The code has the right order, but the error is {over:.2f} times the floor, and 2 is the goal: the "
        "decoder does not draw well enough.",
    ),
    Mistake(
        "neither",
        "Spearman {ranks:.3f} (goal 0.99), error {over:.2f} times the floor (goal 2): it has not learned "
        "enough yet. Train longer, or with another lr.",
    ),
    tests="all parameters, frozen ones too, and on 1,000 fresh circles the ranks of the codes and the error, "
    "decoded from mu",
)
def check_lean_vae(answer: Answer) -> str:
    """A trained VAE with one latent dimension and at most 10,000 parameters, judged by embed and decode."""
    model = answer.f
    if not all(callable(getattr(model, name, None)) for name in ("embed", "decode", "parameters")):
        raise WrongAnswer("The answer must be the trained model itself, a models.VAE.", "type")
    if isinstance(model, AutoEncoder):
        answer.fail("no_vae")
    parameters = sum(p.numel() for p in model.parameters())
    if parameters > MOST_PARAMETERS:
        answer.fail("too_many_parameters", parameters=parameters)
    circles = data.circles(1000, seed=_between(answer, 0, 2**31 - 1))
    with torch.no_grad():
        z, x_hat = _codes_and_images(answer, circles.images)
    spread = float(z.std())
    if z.shape[1] != 1:
        answer.fail("more_latents", latents=z.shape[1])
    if not bool(torch.isfinite(z).all() and torch.isfinite(x_hat).all()):
        raise WrongAnswer("Codes or images are NaN or infinite: the training broke. Try a smaller lr.", "nan")
    if spread < 0.05:
        answer.fail("collapsed", spread=spread)
    ranks = abs(float(spearmanr(z[:, 0].numpy(), circles.radii.numpy()).statistic))
    variance = circles.images.flatten(1).double().var(dim=0, correction=0).sum()
    error = (x_hat - circles.images).square().flatten(1).sum(dim=1).mean()
    over = float(error / variance) / data.radius_only_floor()
    facts = {"ranks": ranks, "over": over}
    if ranks < RANKS and over > OVER_FLOOR:
        answer.fail("neither", **facts)
    if ranks < RANKS:
        answer.fail("folded", **facts)
    if over > OVER_FLOOR:
        answer.fail("poor_drawings", **facts)
    return f"Yours: {parameters:,} parameters, Spearman {ranks:.3f}, error {over:.2f} times the floor."


def _codes_and_images(answer: Answer, images: Tensor) -> tuple[Tensor, Tensor]:
    """mu (N, D) and the images decoded from it (N, 1, 28, 28), in double precision."""
    model, few = answer.f, images[:20]

    def judged(x: Tensor) -> tuple[Tensor, ...]:
        modes = [(module, module.training) for module in getattr(model, "modules", tuple)()]
        for module, _ in modes:
            module.training = False
        z = model.embed(x)
        x_hat = model.decode(z)
        alone = model.embed(few)
        again = model.decode(z)
        for module, training in modes:
            module.training = training
        return z, x_hat, alone, again

    answer.f = judged
    parts = answer.parts(answer.call(x=images), "mu", "x_hat", "mu of few", "x_hat again")
    answer.f = model
    names = ("embed(x)", "decode(z)", "embed(x)", "decode(z)")
    z, x_hat, alone, again = (
        answer.tensor(p, {"x": images}, name) for p, name in zip(parts, names, strict=True)
    )
    if z.ndim != 2 or len(z) != len(images) or x_hat.shape != images.shape:
        raise WrongAnswer(
            f"For images {tuple(images.shape)}, embed returned {tuple(z.shape)} and decode "
            f"{tuple(x_hat.shape)}: the image must come back in its own shape.",
            "shape",
        )
    if bool(z.isfinite().all()) and not close(alone, z[:20], atol=1e-3 * float(z.std())):
        answer.fail("neighbours")
    if bool(x_hat.isfinite().all()) and not close(again, x_hat, atol=1e-3):
        answer.fail("remembers")
    return z, x_hat
