"""Checks for chapter 2, the vanilla autoencoder."""

import copy
import itertools
import math
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import torch
from sklearn.metrics import r2_score
from torch import Tensor, nn

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.models import AutoEncoder

# ── Counting parameters ──────────────────────────────────────────────────────────────────────────


def _pairs(sizes: list[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(sizes))


def _weights(sizes: list[int]) -> int:
    return sum(a * b for a, b in _pairs(sizes))


@check(
    Mistake(
        "no_biases",
        "The biases are missing: each layer has weights, and one bias more for each feature that it puts "
        "out.",
        lambda sizes: float(_weights(sizes)),
    ),
    Mistake(
        "biases_of_inputs",
        "You count a bias for each feature that goes into a layer; it has one for each feature that comes "
        "out.",
        lambda sizes: float(_weights(sizes) + sum(sizes[:-1])),
    ),
    Mistake(
        "biases_everywhere",
        "There is one layer too many with biases: the pixels that go in at the start have none.",
        lambda sizes: float(_weights(sizes) + sum(sizes)),
    ),
    Mistake(
        "one_bias_a_layer",
        "A layer has not one bias but one for each feature that it puts out.",
        lambda sizes: float(_weights(sizes) + len(sizes) - 1),
    ),
    Mistake(
        "last_layer",
        "The last layer is missing: n + 1 sizes make n layers.",
        lambda sizes: float(_weights(sizes[:-1]) + sum(sizes[1:-1])),
    ),
    Mistake(
        "first_layer",
        "The first layer is missing: it leads from the first size to the second.",
        lambda sizes: float(_weights(sizes[1:]) + sum(sizes[2:])),
    ),
    Mistake(
        "features",
        "You added up the sizes: that counts features. A layer from a to b features has a weight for each "
        "pair.",
        lambda sizes: float(sum(sizes)),
    ),
    Mistake(
        "product",
        "You multiplied all sizes: each layer joins only two neighbours, and the layers are added.",
        lambda sizes: float(np.prod(sizes)),
    ),
    tests="random networks of one to six layers and the chapter's, against what PyTorch builds",
)
def check_count_by_hand(answer: Answer) -> None:
    """f(sizes: list of n + 1 whole numbers) → the number of weights and biases of n dense layers."""
    drawn = [answer.uniform(layers + 1, low=3, high=40).int().tolist() for layers in (4, 6, 2, 1)]
    for sizes in (*drawn, [784, 512, 512, 1, 512, 512, 784]):
        built = nn.Sequential(*(nn.Linear(a, b) for a, b in _pairs(sizes)))
        expected = sum(p.numel() for p in built.parameters())
        found = answer.number(answer.call(sizes=sizes))
        answer.match(found, float(expected), rtol=0, atol=0.5, sizes=sizes)


# ── One training step ────────────────────────────────────────────────────────────────────────────

LR = 0.02


class _Recorder(torch.optim.SGD):
    """Plain gradient descent that notes what is done with it."""

    def __init__(self, parameters: list[nn.Parameter], log: list[str]):
        super().__init__(parameters, lr=LR)
        self.log = log

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        empty = all(g is None or not bool(g.any()) for g in gradients)
        self.log.append("step without gradients" if empty else "step")
        super().step()
        return loss


@check(
    Mistake(
        "no_zero_grad",
        "The first step is right, the later ones are not: they follow the sum of all gradients since the "
        "start. What "
        "throws the old ones away?",
    ),
    Mistake(
        "zeroed_too_early",
        "The gradients are thrown away between computing and using them: nothing is left for the update.",
    ),
    Mistake(
        "step_first", "The update comes before the gradients are computed: the order of the steps is wrong."
    ),
    Mistake(
        "no_backward",
        "No gradient arrives at the parameters: who goes back from the loss to them, and does the loss "
        "depend on them?",
    ),
    Mistake("no_step", "The parameters stay as they were: the optimizer is never asked to update them."),
    Mistake(
        "other_optimizer",
        "The parameters change, but not by the optimizer that the function was given. Use that one: an Adam "
        "that is new in every step forgets what it has averaged.",
    ),
    Mistake(
        "detached",
        "The graph is cut between the loss and the parameters, and some or all of them get no gradient: "
        "look for "
        "detach(), .data, .item() or no_grad() on the way.",
    ),
    Mistake(
        "several_steps",
        "The optimizer makes {steps} updates in one call: one is asked for, with the gradients of the whole "
        "batch.",
    ),
    Mistake(
        "mean_over_pixels",
        "Your loss is a mean over the pixels too: sum over the pixels of an image, then average over the "
        "batch.",
    ),
    Mistake(
        "mean_over_channels",
        "Your loss is a mean over the channels: sum over channels, rows and columns of an image.",
    ),
    Mistake(
        "sum_over_batch",
        "Your loss is summed over the batch: then its steps grow with the number of images. Average over "
        "them.",
    ),
    Mistake(
        "absolute",
        "Your loss takes absolute differences: the course's reconstruction error is made of squares.",
    ),
    Mistake(
        "loss_after",
        "You return the loss after the update: return the one whose gradients were used, before it.",
    ),
    tests="losses and parameters over three steps of a tiny autoencoder, two channels, a batch of one image, "
    "with gradients worked out by hand",
)
def check_training_step(answer: Answer) -> None:
    """f(model, optimizer, x (B, C, H, W)) → the loss before the update; the model has made one step."""
    if not callable(answer.f):
        answer.call()
    encode, decode = 0.4 * answer.normal(2, 16), 0.4 * answer.normal(16, 2)
    batches = [answer.uniform(n, 2, 2, 4) for n in (4, 5, 1)]
    model, log = _tiny_linear(encode, decode), []
    model.decoder[0].weight.register_hook(lambda gradient: log.append("backward") if gradient.any() else None)
    optimizer = _Recorder(list(model.parameters()), log)
    losses = []
    for x in batches:
        losses.append(answer.number(_one_step(answer, model, optimizer, x)))
        if len(losses) == 1:
            _went_through_all_steps(answer, log, model, (encode, decode))
    expected, right = _descend(encode, decode, batches)
    _, hoarded = _descend(encode, decode, batches, forget=False)
    _is_the_loss(answer, losses, expected, batches, (encode, decode))
    found = torch.cat([p.detach().double().flatten() for p in model.parameters()])
    if close(found, hoarded) and not close(found, right):
        answer.fail("no_zero_grad")
    if not np.allclose(losses, expected, rtol=1e-3) and close(found, right):
        raise WrongAnswer("Only the first call returns its own loss: each must return that of its own batch.")
    if not close(found, right):
        raise WrongAnswer(
            "The first loss is right, and the parameters after three steps are not: does each step follow "
            "the gradient of its own batch once, from the loss that is returned?"
        )


def _tiny_linear(encode: Tensor, decode: Tensor) -> AutoEncoder:
    """16 pixels → 2 numbers → 16 pixels, without biases."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False))
    decoder = nn.Sequential(nn.Linear(2, 16, bias=False), nn.Unflatten(1, (2, 2, 4)))
    encoder[1].weight.data, decoder[0].weight.data = encode.clone(), decode.clone()
    return AutoEncoder(encoder, decoder)


def _one_step(answer: Answer, model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor) -> object:
    try:
        return answer.call(model=model, optimizer=optimizer, x=x)
    except WrongAnswer as error:
        if error.mistake == "raised" and "does not require grad" in str(error):
            answer.fail("detached")
        raise


def _went_through_all_steps(answer: Answer, log: list[str], model: AutoEncoder, start: tuple) -> None:
    """Whether the first call computed gradients and used them, in this order."""
    if log.count("step") > 1:
        answer.fail("several_steps", steps=log.count("step"))
    if "step" not in log:
        if "backward" not in log:
            answer.fail("no_backward")
        if "step without gradients" not in log:
            still = all(map(torch.equal, model.parameters(), start))
            answer.fail("no_step" if still else "other_optimizer")
        first = log.index("step without gradients") < log.index("backward")
        answer.fail("step_first" if first else "zeroed_too_early")
    if torch.equal(model.encoder[1].weight, start[0]):
        answer.fail("detached")


def _descend(encode: Tensor, decode: Tensor, batches: list[Tensor], forget: bool = True):
    """Losses before each step, and all parameters after the last, with gradients worked out by hand."""
    w, v = encode.double().numpy(), decode.double().numpy()
    w_gradient, v_gradient, losses = np.zeros_like(w), np.zeros_like(v), []
    for batch in batches:
        x = batch.double().flatten(1).numpy()
        off = x @ w.T @ v.T - x  # (B, 16)
        losses.append((off**2).sum() / len(x))
        if forget:
            w_gradient, v_gradient = 0, 0
        v_gradient = v_gradient + 2 / len(x) * off.T @ (x @ w.T)
        w_gradient = w_gradient + 2 / len(x) * (off @ v).T @ x
        w, v = w - LR * w_gradient, v - LR * v_gradient
    return losses, torch.from_numpy(np.concatenate([w.ravel(), v.ravel()]))


def _is_the_loss(
    answer: Answer, losses: list[float], expected: list[float], batches: list[Tensor], start: tuple
) -> None:
    """Judged by the first step, which no wrong step came before."""
    found, right = losses[0], expected[0]
    if np.isclose(found, right, rtol=1e-3):
        return
    x = batches[0].double().flatten(1)
    encode, decode = (weights.double() for weights in start)
    off = x @ encode.T @ decode.T - x
    _, after = _descend(encode, decode, batches[:1])
    w, v = after[:32].reshape(2, 16), after[32:].reshape(16, 2)
    for name, wrong in (
        ("mean_over_pixels", right / 16),
        ("mean_over_channels", right / 2),
        ("sum_over_batch", right * len(x)),
        ("absolute", float(off.abs().sum() / len(x))),
        ("absolute", float(off.abs().mean())),
        ("loss_after", float((x @ w.T @ v.T - x).square().sum() / len(x))),
    ):
        if np.isclose(found, wrong, rtol=1e-3):
            answer.fail(name)
    raise WrongAnswer(
        f"training_step returned the loss {found:.4g} where {right:.4g} is right: the squared error, summed "
        f"over the "
        "pixels of each image and averaged over the batch."
    )


# ── Unexplained variance ─────────────────────────────────────────────────────────────────────────


def _errors(x_hat: Tensor, x: Tensor) -> Tensor:
    return (x_hat - x).double().square().flatten(1).sum(dim=1)


def _variances(x: Tensor, correction: int = 0) -> Tensor:
    return x.double().flatten(1).var(dim=0, correction=correction)


def _shares(name: str, message: str, above: Callable, below: Callable) -> list[Mistake]:
    """One mistake in the spellings that give other numbers: sums or means, dividing by N or by N − 1.

    `above(x_hat, x)` has one number for each image and pixel (N, P); `below(x, correction)` is summed or
    averaged.
    """

    def spelling(error: str, spread: str, correction: int) -> Mistake:
        def share(x_hat: Tensor, x: Tensor) -> Tensor:
            errors = getattr(above(x_hat, x), error)(dim=1).mean()
            return errors / getattr(below(x.double().flatten(1), correction), spread)()

        return Mistake(name, message, share)

    kinds = ("sum", "mean")
    return [spelling(error, spread, n) for error in kinds for spread in kinds for n in (0, 1)]


def _squares(x_hat: Tensor, x: Tensor) -> Tensor:
    return (x_hat - x).double().square().flatten(1)


@check(
    Mistake(
        "mean_over_pixels",
        "The error is a mean over the pixels and the variance a sum: both must be summed over the pixels.",
        lambda x_hat, x: _errors(x_hat, x).mean() / x[0].numel() / _variances(x).sum(),
    ),
    Mistake(
        "mean_variance",
        "The error is summed over the pixels and the variance averaged: both must be summed.",
        lambda x_hat, x: _errors(x_hat, x).mean() / _variances(x).mean(),
    ),
    Mistake(
        "sum_over_batch",
        "The error is summed over the images: it is the error of one image that is compared, so average "
        "over them.",
        lambda x_hat, x: _errors(x_hat, x).sum() / _variances(x).sum(),
    ),
    *_shares(
        "grand_mean",
        "You took one variance of all numbers at once: each pixel varies around its own mean, over the "
        "images.",
        _squares,
        lambda x, correction: x.var(correction=correction),
    ),
    *_shares(
        "within_image",
        "You took the variance over the pixels of an image: what counts is how a pixel varies from image to "
        "image.",
        _squares,
        lambda x, correction: x.var(dim=1, correction=correction),
    ),
    Mistake(
        "within_image",
        "You took the variance over the pixels of an image: what counts is how a pixel varies from image to "
        "image.",
        lambda x_hat, x: (
            _errors(x_hat, x).mean() / (x.double().flatten(1).var(dim=1, correction=0).mean() * x[0].numel())
        ),
    ),
    *_shares(
        "standard_deviation",
        "You divide by standard deviations: an error made of squares is held against variances.",
        _squares,
        lambda x, correction: x.std(dim=0, correction=correction),
    ),
    *_shares(
        "absolute",
        "Your error is made of absolute differences: take their squares, as the variance does.",
        lambda x_hat, x: (x_hat - x).double().abs().flatten(1),
        lambda x, correction: x.var(dim=0, correction=correction),
    ),
    *(
        Mistake(
            "mean_of_ratios",
            "You divide pixel by pixel and average the ratios: pixels without ink then count as much as the "
            "others. Sum error and variance over the pixels first, and divide once.",
            lambda x_hat, x, n=n: (_squares(x_hat, x).mean(dim=0) / _variances(x, n)).mean(),
        )
        for n in (0, 1)
    ),
    Mistake(
        "no_mean",
        "You divide by the squared ink, not by the variance: take each pixel's mean away first.",
        lambda x_hat, x: _errors(x_hat, x).mean() / x.double().square().flatten(1).sum(dim=1).mean(),
    ),
    Mistake(
        "unbiased",
        "Nearly: your variance divides by N − 1, as PyTorch's var does unless told otherwise. The mean "
        "image must score "
        "exactly 1.",
        lambda x_hat, x: _errors(x_hat, x).mean() / _variances(x, 1).sum(),
    ),
    Mistake(
        "of_x_hat",
        "You took the variance of the redrawn images: what is to be explained is the variance of the "
        "originals.",
        lambda x_hat, x: _errors(x_hat, x).mean() / _variances(x_hat).sum(),
    ),
    Mistake(
        "explained",
        "This is the share that is explained: a perfect copy must score 0, the mean image 1.",
        lambda x_hat, x: 1 - _errors(x_hat, x).mean() / _variances(x).sum(),
    ),
    Mistake(
        "error_centred",
        "You took the variance of the error: too much ink everywhere costs nothing then. Take its squares.",
        lambda x_hat, x: _variances(x_hat - x).sum() / _variances(x).sum(),
    ),
    Mistake(
        "limited",
        "Right for good redrawings. One can do worse than the mean image, and then the score is above 1: "
        "set it no limit.",
    ),
    Mistake(
        "upside_down",
        "The fraction is upside down: the error belongs above the line, the variance below.",
        lambda x_hat, x: _variances(x).sum() / _errors(x_hat, x).mean(),
    ),
    Mistake(
        "root",
        "You took a square root: this share is made of squares, as variances are.",
        lambda x_hat, x: (_errors(x_hat, x).mean() / _variances(x).sum()).sqrt(),
    ),
    tests="random images of one and of three channels against scikit-learn, some worse than the mean image, "
    "a perfect copy, the mean image",
)
def check_share_unexplained(answer: Answer) -> None:
    """f(x_hat, x), each (N, C, H, W) → squared error ÷ variance, both summed over the pixels, one number."""
    for n, channels, share in ((25, 1, 0.05), (40, 3, 0.05), (30, 1, 2.5)):
        inks = torch.linspace(0.3, 1, n)[:, None, None, None]
        x = inks * answer.uniform(n, channels, 4, 5) * answer.uniform(1, channels, 4, 5)
        off = 0.3 * answer.normal(*x.shape) - 2 * x  # paler and noisy, so that no mistake looks like another
        off = off * torch.arange(1, channels + 1)[:, None, None]  # and no channel like all of them
        x_hat = x + off * (share * n * _variances(x).sum() / off.square().sum()).sqrt().float()
        r2 = r2_score(x.flatten(1).double(), x_hat.flatten(1).double(), multioutput="variance_weighted")
        found = answer.number(answer.call(x_hat=x_hat, x=x))
        if share > 1 and abs(found - 1) < 1e-3:
            answer.fail("limited")
        answer.match(found, 1 - r2, x_hat=x_hat, x=x)
    _match_number(answer, 0.0, x_hat=x.clone(), x=x)
    _match_number(answer, 1.0, x_hat=x.mean(dim=0, keepdim=True).expand_as(x).clone(), x=x)


def _match_number(answer: Answer, expected: float, **inputs: Tensor) -> None:
    found = answer.number(answer.call(**inputs))
    answer.match(found, float(expected), **inputs)


# ── From one image to another ────────────────────────────────────────────────────────────────────


def _blend(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(1 − t) · a + t · b for each of the T numbers in t: (T, …)."""
    t = t.reshape(-1, *[1] * (a.ndim - 1))
    return (1 - t) * a + t * b


def _path(model: AutoEncoder, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return model.decode(_blend(model.embed(a), model.embed(b), t))


def _with_originals(model: AutoEncoder, a: Tensor, b: Tensor, steps: int) -> Tensor:
    return torch.cat([a, _path(model, a, b, torch.linspace(0, 1, steps)[1:-1]), b])


@check(
    Mistake(
        "pixels",
        "You blend the pixels of the two images: blend their codes, and decode what comes out.",
        lambda model, a, b, steps: _blend(a, b, torch.linspace(0, 1, steps)),
    ),
    Mistake(
        "decoded_too_early",
        "You blend two redrawn images: that is still a cross-fade of pixels. Blend the codes first, decode "
        "then.",
        lambda model, a, b, steps: _blend(
            model.decode(model.embed(a)), model.decode(model.embed(b)), torch.linspace(0, 1, steps)
        ),
    ),
    Mistake(
        "encoded_too_late",
        "You blend the pixels and encode the mixtures: encode the two images first, and blend their codes.",
        lambda model, a, b, steps: model.decode(model.embed(_blend(a, b, torch.linspace(0, 1, steps)))),
    ),
    Mistake(
        "codes",
        "These are the codes on the way: decode them into images.",
        lambda model, a, b, steps: _blend(model.embed(a), model.embed(b), torch.linspace(0, 1, steps)),
    ),
    Mistake(
        "end_missing",
        "The way stops short of the second image: the last of the `steps` pictures must be its redrawing.",
        lambda model, a, b, steps: _path(model, a, b, torch.arange(steps) / steps),
    ),
    Mistake(
        "both_ends_missing",
        "The two ends are missing: the first picture is the redrawing of a, the last that of b.",
        lambda model, a, b, steps: _path(model, a, b, torch.linspace(0, 1, steps + 2)[1:-1]),
    ),
    Mistake(
        "too_many",
        "One picture too many: `steps` counts the pictures, both ends among them.",
        lambda model, a, b, steps: _path(model, a, b, torch.linspace(0, 1, steps + 1)),
    ),
    Mistake(
        "backwards",
        "The way leads from b to a: the first picture must be the redrawing of a.",
        lambda model, a, b, steps: _path(model, a, b, torch.linspace(1, 0, steps)),
    ),
    Mistake(
        "start_missing",
        "The way starts too late: the first of the `steps` pictures must be the redrawing of a.",
        lambda model, a, b, steps: _path(model, a, b, torch.arange(1, steps + 1) / steps),
    ),
    Mistake(
        "uneven",
        "The two ends are right. The pictures between them are not evenly spaced on the straight line "
        "between the codes.",
    ),
    Mistake(
        "originals",
        "The ends are the original images: take their redrawings, so that all pictures come from the "
        "decoder.",
        _with_originals,
    ),
    Mistake(
        "clamped",
        "The pictures are right but cut off at 0 or 1: return what the decoder gives, without clamp.",
        lambda model, a, b, steps: _path(model, a, b, torch.linspace(0, 1, steps)).clamp(0, 1),
    ),
    Mistake(
        "clamped",
        "The pictures are right but cut off at 0 or 1: return what the decoder gives, without clamp.",
        lambda model, a, b, steps: _path(model, a, b, torch.linspace(0, 1, steps)).clamp(min=0),
    ),
    tests="five, three and two pictures on the way between random images, one and two channels, codes of "
    "three numbers and of one, with random models",
)
def check_interpolate(answer: Answer) -> None:
    """f(model, a, b, steps), a and b (1, C, H, W) → the decoded way from a to b (steps, C, H, W)."""
    for steps, shape, latent_dim in ((5, (1, 6, 6), 3), (3, (2, 6, 3), 3), (2, (1, 6, 6), 1)):
        model = _tiny_bent(answer, shape, latent_dim).train(steps == 5)
        a, b = answer.uniform(1, *shape), answer.uniform(1, *shape)
        with torch.no_grad():
            ends = model.encoder(a), model.encoder(b)
            codes = [((steps - 1 - i) * ends[0] + i * ends[1]) / (steps - 1) for i in range(steps)]
            expected = torch.cat([model.decoder(z) for z in codes])
        inputs = {"model": model, "a": a, "b": b, "steps": steps}
        value = answer.call(**inputs)
        try:
            answer.match(value, expected, **inputs)
        except WrongAnswer as error:
            found = answer.tensor(value, inputs)
            if error.mistake == "value" and close(found[[0, -1]], expected[[0, -1]].double()):
                answer.fail("uneven")
            raise


def _tiny_bent(answer: Answer, shape: tuple[int, int, int], latent_dim: int) -> AutoEncoder:
    """36 pixels → a few numbers → 36 pixels, with bends, and weights that are new every time."""
    model = AutoEncoder(
        nn.Sequential(nn.Flatten(), nn.Linear(36, latent_dim), nn.Tanh()),
        nn.Sequential(nn.Linear(latent_dim, 8), nn.Tanh(), nn.Linear(8, 36), nn.Unflatten(1, shape)),
    )
    for weights in model.parameters():
        weights.data = answer.normal(*weights.shape)
    model.encoder[1].weight.data *= 0.3  # else tanh is ±1 for all images, and any way is the right one
    return model


# ── Experiment: a small autoencoder ──────────────────────────────────────────────────────────────

MOST_PARAMETERS = 60_000
UNEXPLAINED = 0.20


@check(
    Mistake(
        "too_many_parameters",
        "It has {found:,} parameters, and 60,000 are allowed: where do most of them sit?",
    ),
    Mistake(
        "wide_code",
        "Its codes of 500 images have the shape {found}: here one number an image, (500, 1), must do.",
    ),
    Mistake(
        "all_alike",
        "It draws nearly the same picture for every circle. Has it been trained, for long enough and with a "
        "learning "
        "rate that is neither tiny nor huge?",
    ),
    Mistake(
        "remembers",
        "What decode draws for a code depends on the image that embed saw last: the picture must follow from "
        "the code alone.",
    ),
    Mistake(
        "bypass",
        "model(x) is not model.decode(model.embed(x)): the image must pass through the code, and nothing "
        "around it.",
    ),
    tests="all numbers that it holds, a code of one number through which everything must pass, and at most "
    "0.20 unexplained on 500 fresh circles",
)
def check_small_autoencoder(answer: Answer) -> str:
    """A trained AutoEncoder with at most 60,000 parameters and one number in its code."""
    model = answer.f
    if not isinstance(model, nn.Module) or not all(hasattr(model, part) for part in ("embed", "decode")):
        raise WrongAnswer(
            "small_autoencoder must be a trained model with embed and decode, such as an AutoEncoder: an "
            "object, not a "
            "class, a function or a history.",
            "type",
        )
    images = data.circles(500, seed=int(answer.uniform(1, high=2**31 - 1))).images
    training = model.training
    model.eval()
    try:
        numbers = _numbers(answer, model, images[:2])
        found = _redraws_well(answer, model, images)
    finally:
        model.train(training)
        answer.f = model
    return f"Yours leaves {found:.3f}, with {numbers:,} parameters."


def _numbers(answer: Answer, model: nn.Module, images: Tensor) -> int:
    """How many numbers the model holds, what it notes of images in passing aside."""
    before = _held(model)
    _through(answer, model, "model(x)", images=images)
    lasting = _held(model).items()
    numbers = sum(math.prod(t.shape) for key, t in lasting if key in before)
    if numbers > MOST_PARAMETERS:
        answer.fail("too_many_parameters", found=numbers)
    return numbers


def _held(model: nn.Module) -> dict[int, Tensor | np.ndarray]:
    """Parameters and buffers, and what stands in lists or plain attributes, under their ids."""
    copies = {}  # deepcopy notes here all that it comes across
    with suppress(Exception):
        copy.deepcopy(model, copies)
    found = {key: value for key, value in copies.items() if isinstance(value, (Tensor, np.ndarray))}
    return found | {id(t): t for t in (*model.parameters(), *model.buffers())}


def _redraws_well(answer: Answer, model: nn.Module, images: Tensor) -> float:
    """The share of the variance that it leaves unexplained, if it is small enough."""
    z = _through(answer, model.embed, "model.embed(x)", images=images)
    if z.shape != (len(images), 1):
        answer.fail("wide_code", found=tuple(z.shape))
    x_hat = _through(answer, model.decode, "model.decode(z)", z=z.float())
    if x_hat.shape != images.shape or not bool(torch.isfinite(x_hat).all()):
        raise WrongAnswer(
            f"It decodes to the shape {tuple(x_hat.shape)} where {tuple(images.shape)} went in, or to NaN.",
            "shape",
        )
    redrawn = _through(answer, model, "model(x)", images=images)
    if redrawn.shape != x_hat.shape or not torch.allclose(x_hat, redrawn, atol=1e-3):
        answer.fail("bypass")
    _through(answer, model.embed, "model.embed(x)", images=images.flip(0))
    if not torch.allclose(x_hat, _through(answer, model.decode, "model.decode(z)", z=z.float()), atol=1e-3):
        answer.fail("remembers")
    variance = images.double().var(dim=0, correction=0).sum()
    if x_hat.var(dim=0, correction=0).sum() < 0.2 * variance:
        answer.fail("all_alike")
    found = float((x_hat - images.double()).square().sum() / len(images) / variance)
    if found > UNEXPLAINED:
        raise WrongAnswer(
            f"On 500 fresh circles it leaves {found:.3f} of the variance unexplained; the yardstick is "
            f"{UNEXPLAINED}."
        )
    return found


@torch.no_grad()
def _through(answer: Answer, part: object, what: str, **inputs: Tensor) -> Tensor:
    answer.f = part
    return answer.tensor(answer.call(**inputs), {}, what)
