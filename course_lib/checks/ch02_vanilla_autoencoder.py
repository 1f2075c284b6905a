"""Checks for chapter 2, the vanilla autoencoder."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.metrics import r2_score
from torch import Tensor, nn

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.checks.scripts import circle_compressor
from course_lib.checks.unfamiliar import Flaw, Script, asked, judge_tests, mistakes_in_tests, turned_round
from course_lib.models import AutoEncoder

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


# ── A stranger's script ──────────────────────────────────────────────────────────────────────────

COMPRESSOR = Script(
    circle_compressor,
    "CircleCompressor",
    (
        Flaw(
            "split",
            "which images go where",
            """        order = torch.randperm(len(images))
        return images[order[:n]], images[order[n:]]""",
            """        train = images[torch.randperm(len(images))[:n]]
        val = images[torch.randperm(len(images))[n:]]
        return train, val""",
        ),
        Flaw("error", "what is compared with what", "x = batch.flatten(1)", "x = batch.flatten(2)"),
        Flaw(
            "snapshot",
            "what is kept of the best epoch",
            "return {name: w.clone() for name, w in self.net.state_dict().items()}",
            "return self.net.state_dict()",
        ),
    ),
)


@check(
    *mistakes_in_tests(COMPRESSOR),
    tests="your tests, on the class with nothing wrong in it and on three with one mistake each",
)
def check_compressor_tests(answer: Answer) -> None:
    """A list of functions that take the class CircleCompressor and raise AssertionError on a mistake."""
    judge_tests(answer, COMPRESSOR)


@check(
    Mistake(
        "split",
        "Some images are trained on and validated with, or in neither part: each belongs in exactly one.",
    ),
    Mistake(
        "share",
        "Of 40 images {found} are trained on; the docstring promises 80 %.",
    ),
    Mistake(
        "not_random",
        "The images are split in the order in which they come: the docstring says at random, and sorted "
        "images would leave one kind out.",
    ),
    Mistake(
        "every_pair",
        "`error` compares each redrawn image with every image of the batch: print the shape of the "
        "difference.",
    ),
    Mistake("error", "`error` returns {found:.4g} where the docstring asks for {right:.4g}."),
    Mistake(
        "no_gradient",
        "No gradient flows through what `error` returns, so nothing can be learned.",
    ),
    Mistake(
        "snapshot",
        "After `run`, the network does not have the weights of its best epoch. What becomes of the kept "
        "weights while training goes on?",
    ),
    Mistake("does_not_learn", "The loss hardly falls any more: something that was right is gone."),
    tests="the split of 40 and of 23 images, the error of random batches, a training that ends worse than "
    "its best epoch, and one that goes well",
)
def check_circle_compressor(answer: Answer) -> None:
    """The class CircleCompressor without its mistakes; methods and arguments as they were."""
    if not isinstance(answer.f, type):
        raise WrongAnswer("Give the check the class itself, without calling it.", "type")
    _splits_once(answer)
    _measures_the_error(answer)
    _returns_to_the_best(answer)
    images = answer.uniform(50, 1, 1, 1) * answer.uniform(1, 1, 4, 6)
    compressor = asked(answer, partial(answer.f, batch_size=10, lr=0.01), images=images)
    asked(answer, compressor.run, epochs=40)
    if not compressor.train_errors[-1] < 0.5 * compressor.train_errors[0]:
        answer.fail("does_not_learn")


def _splits_once(answer: Answer) -> None:
    for n in (40, 23):
        images = torch.arange(n)[:, None, None, None] + 0.9 * answer.uniform(n, 1, 2, 3)
        compressor = asked(answer, answer.f, images=images)
        train, held_out = (
            torch.cat([batch for (batch,) in loader])[:, 0, 0, 0].long().sort().values.tolist()
            for loader in (compressor.train_loader, compressor.val_loader)
        )
        if sorted(train + held_out) != list(range(n)):
            answer.fail("split")
        if n == 40 and len(train) != 32:
            answer.fail("share", found=len(train))
        if len(held_out) - 1 in (held_out[-1], held_out[-1] - held_out[0]):
            answer.fail("not_random")


def _measures_the_error(answer: Answer) -> None:
    for n in (7, 1):
        for _ in range(20):  # until the network draws the images so differently that pairs matter
            compressor = asked(answer, answer.f, images=answer.uniform(20, 1, 4, 6))
            for weight in compressor.net.parameters():
                weight.data *= 2
            batch = 3 * answer.normal(n, 1, 4, 6)
            x_hat, x = compressor.net(batch).detach().flatten(1), batch.flatten(1)
            right = float((x_hat - x).square().sum() / n)
            of_pairs = float(torch.cdist(x_hat, x).square().mean())
            if n == 1 or not math.isclose(right, of_pairs, rel_tol=0.02):
                break
        error = asked(answer, compressor.error, batch=batch)
        found = answer.number(error.detach() if isinstance(error, Tensor) else error, "error")
        if not math.isclose(found, right, rel_tol=1e-3):
            if math.isclose(found, n * of_pairs, rel_tol=1e-3) or math.isclose(found, of_pairs, rel_tol=1e-3):
                answer.fail("every_pair")
            answer.fail("error", found=found, right=right)
        if not (isinstance(error, Tensor) and error.requires_grad):
            answer.fail("no_gradient")


def _returns_to_the_best(answer: Answer) -> None:
    for _ in range(20):
        clumsy = partial(answer.f, lr=0.5, batch_size=8)  # steps so large that the last epoch is not the best
        compressor = asked(answer, clumsy, images=answer.uniform(40, 1, 4, 6))
        returned = answer.number(asked(answer, compressor.run, epochs=6), "run")
        best = min(compressor.val_errors)
        if compressor.val_errors[-1] > 1.05 * best:
            break
    found = answer.number(asked(answer, compressor.validate))
    if not (math.isclose(found, best, rel_tol=1e-3) and math.isclose(returned, best, rel_tol=1e-3)):
        answer.fail("snapshot")


# ── Transfer: heartbeats ─────────────────────────────────────────────────────────────────────────

UNEXPLAINED = 0.08


def heartbeats(n, seed=0):
    """n beats of a heart, 96 samples each, in whole microvolts: (n, 96)."""
    random = np.random.default_rng(seed)
    t = np.linspace(-0.3, 0.6, 96)  # seconds from the peak

    def wave(height, at, width):
        return height * np.exp(-(((t - at) / width) ** 2) / 2)

    pace = random.uniform(0.7, 1.3, (n, 1))  # slow hearts take longer
    last = wave(random.uniform(100, 500, (n, 1)), 0.32 * pace, 0.045)
    beats = wave(150, -0.18 * pace, 0.025) + wave(1200, 0, 0.014) - wave(300, 0.035, 0.014) + last
    return (beats + random.normal(0, 15, (n, 96))).round().astype(np.int16)


@check(
    Mistake("swapped", "The two functions are the wrong way round: first `compress`, then `expand`."),
    Mistake(
        "wide_code", "The codes of 500 beats have the shape {found}: two numbers a beat, (500, 2), must do."
    ),
    Mistake(
        "other_unit",
        "What you draw is not in microvolts: it never leaves ±{found:.3g}, and a beat reaches 1,200. What "
        "you divided by on the way in must come back on the way out.",
    ),
    Mistake(
        "all_alike",
        "Nearly the same beat is drawn for every heart. Was it trained for long enough, at a loss that is "
        "neither tiny nor huge?",
    ),
    Mistake(
        "remembers",
        "What `expand` draws for a code depends on the beats that `compress` saw last: it must follow from "
        "the code alone.",
    ),
    Mistake(
        "batch",
        "The same beat gets another code beside other beats: scale by numbers of the training beats, not of "
        "those that come in, and draw nothing at random.",
    ),
    tests="codes of two numbers, each beat by itself, whole microvolts in and microvolts out, at most 0.08 "
    "unexplained on 500 fresh beats",
)
def check_heart_code(answer: Answer) -> str:
    """(compress, expand): beats (N, 96) in microvolts → codes (N, 2) → beats (N, 96)."""
    if not isinstance(answer.f, (tuple, list)) or len(answer.f) != 2 or not all(map(callable, answer.f)):
        raise WrongAnswer(
            "heart_code must be the two functions, as in `heart_code = compress, expand`.", "type"
        )
    compress, expand = answer.f
    beats = heartbeats(500, seed=int(answer.uniform(1, high=2**31 - 1)))
    if turned_round(*(lambda x, part=part: _part(answer, part, "", x=x) for part in answer.f), beats):
        answer.fail("swapped")
    codes = _part(answer, compress, "compress", beats=beats)
    if codes.shape != (500, 2):
        answer.fail("wide_code", found=tuple(codes.shape))
    drawn = _part(answer, expand, "expand", z=codes.float())
    _part(answer, compress, "compress", beats=beats[::-1].copy())
    if drawn.shape != (500, 96):
        raise WrongAnswer(f"expand must return (500, 96) for 500 codes, not {tuple(drawn.shape)}.", "shape")
    if not torch.allclose(drawn, _part(answer, expand, "expand", z=codes.float()), atol=1):
        answer.fail("remembers")
    some = torch.cat([_part(answer, compress, "compress", beats=beats[i : i + 3]) for i in (0, 3, 6)])
    if not close(some, codes[:9], rtol=1e-2, atol=1e-2 * float(codes.std())):
        answer.fail("batch")
    if drawn.abs().max() < 100:
        answer.fail("other_unit", found=float(drawn.abs().max()))
    real = torch.from_numpy(beats).double()
    variance = real.var(dim=0, correction=0).sum()
    if drawn.var(dim=0, correction=0).sum() < 0.2 * variance:
        answer.fail("all_alike")
    found = float((drawn - real).square().sum() / len(real) / variance)
    if found > UNEXPLAINED:
        raise WrongAnswer(
            f"On 500 fresh beats you leave {found:.3f} of the variance unexplained; the yardstick is "
            f"{UNEXPLAINED}."
        )
    return f"Yours leave {found:.3f}."


def _part(answer: Answer, part: Callable, name: str, **inputs: object) -> Tensor:
    """What one of the two functions returns, as numbers."""
    return answer.tensor(asked(answer, part, name, **inputs), {}, name)
