"""Checks for chapter 7, the scale of the losses."""

import math
from collections.abc import Callable

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.distributions import Normal

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check

# ── A loss must be trainable ──────────────────────────────────────────────────────────────────────

NO_GRADIENT = Mistake(
    "no_gradient",
    "The number is right, but nothing can be trained with it: no gradient comes back to {pile}. What takes "
    "it out of the graph (.item(), .detach(), float(), NumPy, no_grad)?",
)


def _demand_gradients(answer: Answer, right: Callable, raw_error: Tensor, raw_kl: Tensor) -> None:
    """Through a loss of the right value each pile must get the gradient that the `right` loss gives it."""
    given = {"raw_error": raw_error.requires_grad_(), "raw_kl": raw_kl.requires_grad_()}
    expected = torch.autograd.grad(right(*given.values()), list(given.values()))
    try:
        loss = answer.call(**given)
    except WrongAnswer as refusal:
        if refusal.mistake != "raised":
            raise
        answer.fail("no_gradient", pile="the piles")  # NumPy refuses tensors that are trained
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        answer.fail("no_gradient", pile="the piles")
    found = torch.autograd.grad(loss.sum(), list(answer.given.values()), allow_unused=True)
    for pile, value, wanted in zip(given, found, expected, strict=True):
        if value is None or value.norm() < 1e-3 * wanted.norm():
            answer.fail("no_gradient", pile=pile)
        if not torch.allclose(value, wanted, rtol=1e-3, atol=1e-3 * wanted.abs().max().item()):
            raise WrongAnswer(
                f"The loss has the right value, but not the right gradient for {pile}: is a part of it cut "
                "off from the graph?",
                "value",
            )


# ── 7.1 The loss of a batch ──────────────────────────────────────────────────────────────────────


def _reduced(values: Tensor, within: str, over: str) -> Tensor:
    """(B, …) reduced within each image, then over the batch: ()."""
    ways = {"sum": torch.sum, "mean": torch.mean}
    return ways[over](ways[within](values.double().flatten(1), dim=1), dim=0)


def _loss(error: tuple[str, str], kl: tuple[str, str]) -> Callable:
    """A loss whose piles are reduced in the given ways, (within an image, over the batch) each."""
    return lambda raw_error, raw_kl: _reduced(raw_error, *error) + _reduced(raw_kl, *kl)


RIGHT, SUMMED, AVERAGED = ("sum", "mean"), ("sum", "sum"), ("mean", "mean")


ONE_CHANNEL = (
    "It holds for grey images only: an image with three channels has three times as many numbers, and each "
    "of them counts."
)


def _loss_of_a_channel(raw_error: Tensor, raw_kl: Tensor) -> Tensor:
    return _reduced(raw_error, *RIGHT) / raw_error.shape[1] + _reduced(raw_kl, *RIGHT)


@check(
    Mistake(
        "mean_over_pixels",
        "You averaged over the pixels: a whole image then counts no more than one pixel, and beside it each "
        "nat is dear.",
        _loss(AVERAGED, RIGHT),
    ),
    Mistake(
        "mean_over_latents",
        "You averaged the KL over the latent dimensions: information adds up, so each dimension has its full "
        "price.",
        _loss(RIGHT, AVERAGED),
    ),
    Mistake(
        "mean_over_everything",
        "Both piles are averaged over everything: over the batch that is right, within an image it is not. "
        "This is the line that collapses.",
        _loss(AVERAGED, AVERAGED),
    ),
    Mistake(
        "sum_over_batch",
        "You summed over the batch: with twice as many images the loss would be twice as large. It should be "
        "the loss of an image.",
        _loss(SUMMED, SUMMED),
    ),
    Mistake(
        "error_summed_over_batch",
        "The squared errors are summed over the batch, the KL is averaged: the balance then depends on the "
        "batch size.",
        _loss(SUMMED, RIGHT),
    ),
    Mistake(
        "kl_summed_over_batch",
        "The KL is summed over the batch, the squared error is averaged: the balance then depends on the "
        "batch size.",
        _loss(RIGHT, SUMMED),
    ),
    Mistake(
        "batch_of_32",
        "You divide by 32: that is the batch size of the course, but not of every batch. Ask the tensor how "
        "many images it holds.",
        lambda raw_error, raw_kl: (raw_error.double().sum() + raw_kl.double().sum()) / 32,
    ),
    Mistake(
        "per_image",
        "There is still one number for each image: reduce over the batch, too, for training needs a single "
        "number.",
        lambda raw_error, raw_kl: raw_error.flatten(1).sum(dim=1) + raw_kl.sum(dim=1),
    ),
    Mistake(
        "error_halved",
        "The squared error counts half: that is another balance, with a claimed noise of 1. Here SSE + KL is "
        "asked for, as it stands.",
        lambda raw_error, raw_kl: _reduced(raw_error, *RIGHT) / 2 + _reduced(raw_kl, *RIGHT),
    ),
    Mistake("one_channel", ONE_CHANNEL, _loss_of_a_channel),
    Mistake(
        "kl_missing",
        "This is the reconstruction alone: the KL has no part in it.",
        lambda raw_error, raw_kl: _reduced(raw_error, *RIGHT),
    ),
    Mistake(
        "kl_subtracted",
        "The KL is subtracted: training would then make it as large as it can. It is a price, and prices are "
        "added.",
        lambda raw_error, raw_kl: _reduced(raw_error, *RIGHT) - _reduced(raw_kl, *RIGHT),
    ),
    NO_GRADIENT,
    tests="sums within an image, the mean over images, from 1 to 9 images, 1 and 3 channels, 1 to 4 latents; "
    "gradients for both piles",
)
def check_reduce_loss(answer: Answer) -> None:
    """f(raw_error (B, C, H, W), raw_kl (B, D)) → the loss of a batch (), SSE + KL of an image."""
    for compare, batch, channels, latents in (
        (answer.compare, 6, 1, 3),
        (answer.compare, 9, 3, 4),
        (answer.compare_edge, 1, 1, 2),
        (answer.compare_edge, 5, 1, 1),
        (answer.compare_edge, 1, 3, 1),
        (answer.compare_edge, 4, 2, 3),
    ):
        raw_error, raw_kl = (
            answer.normal(batch, channels, 5, 7).square(),
            answer.uniform(batch, latents, high=2),
        )
        pixels, nats = (values.numpy().astype(np.float64).sum() for values in (raw_error, raw_kl))
        compare(float(pixels + nats) / batch, raw_error=raw_error, raw_kl=raw_kl)
    _demand_gradients(answer, _loss(RIGHT, RIGHT), raw_error, raw_kl)


# ── 7.2 The effective beta of any loss ───────────────────────────────────────────────────────────


def _gradients(loss: Callable, raw_error: Tensor, raw_kl: Tensor) -> tuple[Tensor, Tensor]:
    error, kl = (values.detach().clone().requires_grad_() for values in (raw_error, raw_kl))
    return torch.autograd.grad(loss(error, kl), [error, kl])


def _beta(loss: Callable, raw_error: Tensor, raw_kl: Tensor) -> Tensor:
    of_error, of_kl = _gradients(loss, raw_error, raw_kl)
    return of_kl.mean() / of_error.mean()


def _shares(loss: Callable, raw_error: Tensor, raw_kl: Tensor) -> Tensor:
    """The KL's part of the loss ÷ the error's part, as they happen to be for these values."""
    nothing = torch.zeros_like(raw_error), torch.zeros_like(raw_kl)
    return loss(nothing[0], raw_kl) / loss(raw_error, nothing[1])


def _summed_gradients(loss: Callable, raw_error: Tensor, raw_kl: Tensor) -> Tensor:
    of_error, of_kl = _gradients(loss, raw_error, raw_kl)
    return of_kl.sum() / of_error.sum()


@check(
    Mistake(
        "inverse",
        "This is 1/beta, the reconstruction factor: beta is the price of a nat in units of squared error, so "
        "which derivative comes on top?",
        lambda loss, raw_error, raw_kl: 1 / _beta(loss, raw_error, raw_kl),
    ),
    Mistake(
        "shares",
        "You compared how large the two terms are. That depends on the values at hand; beta asks how much "
        "the loss changes by one more nat and by one more unit of error.",
        _shares,
    ),
    Mistake(
        "summed_gradients",
        "You added up the gradients of each pile, so their numbers of entries enter. Compare a single nat "
        "with a single squared error.",
        _summed_gradients,
    ),
    Mistake(
        "kl_alone",
        "This is the price of a nat in units of the loss: divide by what a unit of squared error costs in "
        "the same loss.",
        lambda loss, raw_error, raw_kl: _gradients(loss, raw_error, raw_kl)[1].mean(),
    ),
    Mistake(
        "error_alone",
        "This is what a unit of squared error adds to the loss: a nat has not been looked at.",
        lambda loss, raw_error, raw_kl: _gradients(loss, raw_error, raw_kl)[0].mean(),
    ),
    *(
        Mistake(
            "bumps_added_up",
            "Your second bump still holds the first: start both from the same values.",
            lambda loss, raw_error, raw_kl, both=both: both(_beta(loss, raw_error, raw_kl)),
        )
        for both in (lambda beta: beta / (1 + beta), lambda beta: 1 + beta)
    ),
    tests="six losses with sums, means and weights, for 1 to 5 images, 1 and 3 channels, 1 to 5 latents, "
    "against pen and paper",
)
def check_measure_beta(answer: Answer) -> None:
    """f(loss, raw_error (B, C, H, W), raw_kl (B, D)) → the effective beta, one number."""
    cases = [  # weight of the error, its reduction; weight of the KL, its reduction; batch, channels, latents
        (1.7, RIGHT, 1.3, AVERAGED, 4, 1, 3),  # uneven, so that no mistake looks like another
        (500.0, AVERAGED, 1.0, RIGHT, 3, 1, 2),
        (2.0, SUMMED, 0.3, RIGHT, 5, 1, 2),
        (1.0, AVERAGED, 0.02, AVERAGED, 2, 3, 5),
        (0.5, RIGHT, 40.0, SUMMED, 3, 3, 1),
        (1.0, RIGHT, 7.0, RIGHT, 1, 1, 1),
    ]
    for which, (error_weight, error_way, kl_weight, kl_way, batch, channels, latents) in enumerate(cases):

        def loss(
            raw_error: Tensor, raw_kl: Tensor, a=error_weight, e=error_way, b=kl_weight, k=kl_way
        ) -> Tensor:
            return a * _reduced(raw_error, *e) + b * _reduced(raw_kl, *k)

        raw_error, raw_kl = (
            3 * answer.normal(batch, channels, 4, 5).square().double()
            + 1,  # float64: small steps can be seen
            answer.uniform(batch, latents, low=0.1, high=0.9).double(),
        )
        of_error = (
            error_weight
            / (20 * channels if error_way[0] == "mean" else 1)
            / (batch if error_way[1] == "mean" else 1)
        )
        of_kl = kl_weight / (latents if kl_way[0] == "mean" else 1) / (batch if kl_way[1] == "mean" else 1)
        inputs = {"loss": loss, "raw_error": raw_error, "raw_kl": raw_kl}
        value, right = answer.number(answer.call(**inputs)), of_kl / of_error
        if which < 4:
            answer.match(value, right, rtol=1e-2, atol=0, **inputs)
        else:
            answer.match_number(value, right, rtol=1e-2, **inputs)


# ── 7.3 Ask PCA before training ──────────────────────────────────────────────────────────────────


def _leading(images: Tensor) -> float:
    """The largest variance of any direction, by scikit-learn, dividing by N."""
    pixels = images.flatten(1).double().numpy()
    return float(PCA(1, svd_solver="full").fit(pixels).explained_variance_[0]) * (1 - 1 / len(pixels))


def _singular_values(images: Tensor, centred: bool = True) -> Tensor:
    pixels = images.flatten(1).double()
    return torch.linalg.svdvals(pixels - pixels.mean(dim=0) if centred else pixels)


def _pixel_variances(images: Tensor) -> Tensor:
    return images.flatten(1).double().var(dim=0, correction=0)


def _over_claim(variance: Callable) -> Callable:
    """The variance over σ² = 1/(2 · factor)."""
    return lambda images, factor: torch.as_tensor(variance(images)) * 2 * factor


@check(
    Mistake(
        "not_centred",
        "The mean image is still in: subtract it from every image first, or the leading direction is the "
        "mean itself.",
        _over_claim(lambda images: _singular_values(images, centred=False)[0] ** 2 / len(images)),
    ),
    Mistake(
        "one_mean_for_all",
        "You subtracted one number from all pixels. Each pixel has a mean of its own over the images; what "
        "is left of the mean image still counts as variance.",
        _over_claim(
            lambda images: _singular_values(images - images.mean(), centred=False)[0] ** 2 / len(images)
        ),
    ),
    Mistake(
        "one_mean_for_each_image",
        "You subtracted from each image its own mean brightness. Each pixel has a mean of its own over the "
        "images: the mean image is what has to go.",
        _over_claim(
            lambda images: (
                _singular_values(images - images.mean(dim=(1, 2, 3), keepdim=True), centred=False)[0] ** 2
                / len(images)
            )
        ),
    ),
    Mistake(
        "divided_by_pixels",
        "You divided by the number of pixels: a variance along a direction is a mean over the images.",
        _over_claim(lambda images: _singular_values(images)[0] ** 2 / images[0].numel()),
    ),
    Mistake(
        "share_of_variance",
        "This is the share of all variance that the leading direction holds (`explained_variance_ratio_`): "
        "the variance itself is asked for.",
        _over_claim(lambda images: _leading(images) / _pixel_variances(images).sum()),
    ),
    Mistake(
        "axes_swapped",
        "This is the variance among the images, not among the pixels: torch.cov and np.cov take each row for "
        "a variable. Which axis of your table holds the variables?",
    ),
    Mistake(
        "total_variance",
        "This is the variance of all directions together: a code starts along a single one, the strongest.",
        _over_claim(lambda images: _pixel_variances(images).sum()),
    ),
    Mistake(
        "pixel_variance",
        "This is the variance of a single pixel: pixels move together, and the leading direction uses them "
        "all.",
        _over_claim(lambda images: _pixel_variances(images).max()),
    ),
    Mistake(
        "smallest",
        "You took the smallest variance: torch.linalg.eigvalsh sorts upwards, svdvals downwards.",
        _over_claim(lambda images: _singular_values(images)[-1] ** 2 / len(images)),
    ),
    Mistake(
        "singular_value",
        "A singular value is not yet a variance: compare its units with those of a variance.",
        _over_claim(lambda images: _singular_values(images)[0]),
    ),
    Mistake(
        "singular_value_mean",
        "You divided the singular value by N without squaring it: variances are squares.",
        _over_claim(lambda images: _singular_values(images)[0] / len(images)),
    ),
    Mistake(
        "spread",
        "This is the leading standard deviation: the rule compares a variance with σ².",
        _over_claim(lambda images: _singular_values(images)[0] / math.sqrt(len(images))),
    ),
    Mistake(
        "not_divided",
        "It grows with the number of images: a variance is a mean over them.",
        _over_claim(lambda images: _singular_values(images)[0] ** 2),
    ),
    Mistake(
        "half_missing",
        "The claimed noise is off by a factor of 2: look again at what stands below SSE in the Gaussian's "
        "logarithm.",
        lambda images, factor: _leading(images) * factor,
    ),
    Mistake(
        "sigma_for_variance",
        "You divided by σ where σ² belongs: the rule compares two variances.",
        lambda images, factor: _leading(images) * math.sqrt(2 * factor),
    ),
    Mistake(
        "factor_upside_down",
        "The factor works the wrong way round: a high reconstruction_factor claims *less* noise.",
        lambda images, factor: _leading(images) / (2 * factor),
    ),
    Mistake(
        "half_the_factor",
        "You claim σ² = factor / 2. Try a factor of 100, which makes errors dear: should it claim more noise "
        "or less?",
        lambda images, factor: _leading(images) * 2 / factor,
    ),
    Mistake(
        "factor_ignored",
        "The factor has no influence: σ² is ½ only at factor 1.",
        lambda images, factor: 2 * _leading(images),
    ),
    Mistake(
        "upside_down",
        "This is σ²/λ₁: large numbers should mean safe, so the data's variance comes on top.",
        lambda images, factor: 1 / (2 * factor * _leading(images)),
    ),
    Mistake(
        "variance_alone",
        "This is λ₁ alone: hold it against the noise that the factor claims.",
        lambda images, factor: _leading(images),
    ),
    tests="against scikit-learn's PCA, at four reconstruction factors, for square and other images with a "
    "mean image that has a pattern, and for fewer images than pixels",
)
def check_collapse_ratio(answer: Answer) -> None:
    """f(images (N, 1, H, W), reconstruction_factor) → λ₁/σ², one number; N or N − 1 in the variance."""
    for shape, factor in (((6, 6), 0.3), ((5, 5), 3.0), ((3, 9), 1.0), ((5, 5), 40.0)):
        images = _patterned(answer, 1000, *shape)
        inputs = {"images": images, "reconstruction_factor": factor}
        value = answer.number(answer.call(**inputs))
        if any(math.isclose(value, 2 * factor * wrong, rel_tol=2e-3) for wrong in _among_images(images)):
            answer.fail("axes_swapped")
        answer.match(value, _leading(images) * 2 * factor, rtol=2e-3, atol=1e-6, **inputs)
    inputs = {"images": _patterned(answer, 20, 6, 6), "reconstruction_factor": 2.0}
    value, right = answer.number(answer.call(**inputs)), 4 * _leading(inputs["images"])
    divided = 20 / 19 if value > right * 1.01 else 1  # by N − 1, or by N
    answer.match_number(value, right * divided, rtol=2e-3, **inputs)


def _patterned(answer: Answer, n: int, height: int, width: int) -> Tensor:
    """Images of noise and one strong direction, which is brighter on the whole, around a mean image."""
    signs = torch.ones(height * width)
    signs[: height * width // 3] = -1
    signs = signs[torch.randperm(len(signs), generator=answer.rng)].reshape(1, 1, height, width)
    pattern = signs * answer.uniform(1, 1, height, width, low=0.5)
    images = answer.uniform(1, 1, height, width, high=1.5) + 0.2 * answer.normal(n, 1, height, width)
    return images + pattern / 2 + 3 * answer.normal(n, 1, 1, 1) * pattern / pattern.norm()


def _among_images(images: Tensor) -> list[float]:
    """The leading eigenvalue of torch.cov(rows), of raw and of centred rows, with P − 1 and with P."""
    rows = images.flatten(1).double()
    found = []
    for table in (rows, rows - rows.mean(dim=0)):
        squared = torch.linalg.svdvals(table - table.mean(dim=1, keepdim=True))[0].item() ** 2
        found += [squared / (table.shape[1] - 1), squared / table.shape[1]]
    return found


# ── 7.4 A learned σ that is not learned right (find the bug) ─────────────────────────────────────


def _pixels(raw_error: Tensor) -> int:
    return raw_error[0].numel()


def _kl(raw_kl: Tensor) -> Tensor:
    return raw_kl.double().sum(dim=1).mean()


def _code_length(raw_error: Tensor) -> Tensor:
    """−log N of an image, mean over the batch, with σ² the mean squared error: from torch.distributions."""
    noise = Normal(0.0, raw_error.double().mean().sqrt())
    return -noise.log_prob(raw_error.double().sqrt()).flatten(1).sum(dim=1).mean()


def _with_log(scale: float, constant: float) -> Callable:
    """A wrong loss: P · (scale · log MSE + constant) + KL."""

    def loss(raw_error: Tensor, raw_kl: Tensor) -> Tensor:
        log_error = raw_error.double().mean().log()
        return _pixels(raw_error) * (scale * log_error + constant) + _kl(raw_kl)

    return loss


LOG_2PI = math.log(2 * math.pi)


@check(
    Mistake(
        "one_pixel",
        "The bug is still there. Each line looks right by itself: ask what the numbers are that the last "
        "line adds up.",
        lambda raw_error, raw_kl: _code_length(raw_error) / _pixels(raw_error) + _kl(raw_kl),
    ),
    Mistake(
        "kl_per_pixel",
        "The balance is right, the unit is not: this is the loss of a pixel, and we want that of an image.",
        lambda raw_error, raw_kl: (_code_length(raw_error) + _kl(raw_kl)) / _pixels(raw_error),
    ),
    Mistake(
        "whole_batch",
        "The first part now counts the pixels of the whole batch, the KL those of one image: P is the number "
        "of pixels of an image.",
        lambda raw_error, raw_kl: _code_length(raw_error) * len(raw_error) + _kl(raw_kl),
    ),
    Mistake(
        "channels_forgotten",
        ONE_CHANNEL,
        lambda raw_error, raw_kl: _code_length(raw_error) / raw_error.shape[1] + _kl(raw_kl),
    ),
    Mistake(
        "constant_scaled_only_in_part",
        "Only a part of −log N is counted for all pixels: the ½ belongs to every pixel, too.",
        lambda raw_error, raw_kl: (
            _pixels(raw_error) * 0.5 * (raw_error.double().mean().log() + LOG_2PI) + 0.5 + _kl(raw_kl)
        ),
    ),
    Mistake(
        "half_missing",
        "The logarithm weighs twice as much as it should: log σ is half of log σ².",
        _with_log(1.0, LOG_2PI + 0.5),
    ),
    Mistake(
        "constants_missing",
        "Only the logarithm of the noise is left of −log N: the text asks for all constants.",
        _with_log(0.5, 0.0),
    ),
    Mistake(
        "two_pi_missing",
        "A part of the constants is missing: the density of a Gaussian has 2π in front of σ².",
        _with_log(0.5, 0.5),
    ),
    Mistake(
        "half_dropped",
        "A part of the constants is missing: the ½ for each pixel is what SSE / (2σ²) leaves at the best σ².",
        _with_log(0.5, LOG_2PI / 2),
    ),
    Mistake(
        "sum_in_logarithm",
        "In the logarithm stands a sum of squared errors where a mean belongs: σ² is the noise of a single "
        "pixel.",
        lambda raw_error, raw_kl: (
            _code_length(raw_error) + _pixels(raw_error) / 2 * math.log(_pixels(raw_error)) + _kl(raw_kl)
        ),
    ),
    Mistake(
        "sigma_per_image",
        "Each image has a σ of its own here: one σ for the batch, from the mean over all its pixels.",
        lambda raw_error, raw_kl: (
            (raw_error.double().flatten(1).mean(dim=1).log() + LOG_2PI + 1).mean() * _pixels(raw_error) / 2
            + _kl(raw_kl)
        ),
    ),
    Mistake(
        "kl_averaged",
        "Now the KL is averaged over the latent dimensions: that part was right before.",
        lambda raw_error, raw_kl: _code_length(raw_error) + raw_kl.double().mean(),
    ),
    Mistake(
        "kl_summed_over_batch",
        "Now the KL is summed over the batch: that part was right before.",
        lambda raw_error, raw_kl: _code_length(raw_error) + raw_kl.double().sum(),
    ),
    NO_GRADIENT,
    tests="against −log N from torch.distributions, for several batch sizes, image sizes, channels and "
    "noises; gradients for both piles",
)
def check_learned_sigma_loss(answer: Answer) -> None:
    """f(raw_error (B, C, H, W), raw_kl (B, D)) → P/2 · (log(2π MSE) + 1) + KL of an image, ()."""
    cases = ((5, 1, 6, 3, 0.2), (1, 3, 4, 1, 2.0), (3, 2, 9, 4, 0.02))
    for batch, channels, side, latents, noise in cases:
        raw_error = (noise * answer.normal(batch, channels, side, side)).square() * (
            1 + answer.uniform(batch, 1, 1, 1)
        )
        raw_kl = answer.uniform(batch, latents, low=0.5, high=3)
        expected = _code_length(raw_error) + _kl(raw_kl)
        answer.compare(expected, rtol=1e-4, atol=1e-3, raw_error=raw_error, raw_kl=raw_kl)
    _demand_gradients(answer, lambda error, kl: _code_length(error) + _kl(kl), raw_error, raw_kl)


# ── 7.5 Back to life (experiment) ────────────────────────────────────────────────────────────────

THIN = 0.5  # pixels
REVIVED, EXCELLENT = 5.1, 4.9  # SSE + KL of an image; the grey disc has 7.0, the chapter's warm-up 5.2 to 5.3


@check(
    Mistake(
        "collapsed",
        "Still grey: the KL is {kl:.2f} nats and SSE + KL is {loss:.2f}, as without any code (7.0). Does "
        "your training start where a code costs nothing, or little?",
    ),
    Mistake(
        "too_many_nats",
        "It lives, but SSE + KL is {loss:.2f} ({sse:.2f} + {kl:.2f} nats), and 5.1 is the goal: too many "
        "nats for the plain loss. How does the training have to end?",
    ),
    Mistake(
        "too_early",
        "It lives, but SSE + KL is {loss:.2f} ({sse:.2f} + {kl:.2f} nats), and 5.1 is the goal: the circles "
        "are not good enough yet. Where do your epochs go, and is lr 1e-3?",
    ),
    Mistake(
        "other_circles",
        "On circles with a stroke of 0.5 px its SSE is {sse:.1f}, worse than a grey disc: was it trained, "
        "and on these circles?",
    ),
    Mistake(
        "more_latents",
        "It has {latents} latent dimensions: the task is about one.",
    ),
    Mistake(
        "no_noise",
        "Two passes of one image give the same x_hat: z is drawn from N(mu, sigma²), afresh in each pass. "
        "Without the noise the code would cost nothing.",
    ),
    Mistake(
        "another_forward",
        "Its forward pass reports SSE {reported:.2f}. With z drawn from the mu and log_var that it pays for, "
        "decode gives {sse:.2f}: where does x_hat come from?",
    ),
    tests="SSE + KL of 10,000 fresh circles with a stroke of 0.5 px, one latent dimension, z drawn afresh",
)
def check_revived_vae(answer: Answer) -> str:
    """A trained VAE, x → (x_hat, mu, log_var) with one latent dimension, judged by SSE + KL at factor 1."""
    if not callable(answer.f):
        raise WrongAnswer("The answer must be the trained model itself, a models.VAE.", "type")
    images = data.circles(10_000, stroke=THIN, seed=int(answer.uniform(1, high=2**31 - 1))).images
    modes = (
        [(module, module.training) for module in answer.f.modules()]
        if isinstance(answer.f, nn.Module)
        else []
    )
    for module, _ in modes:
        module.training = False
    try:
        reported, sse, kl = _judge_codes(answer, images)
    finally:
        for module, mode in modes:
            module.training = mode
    facts = {"sse": sse, "kl": kl, "loss": sse + kl}
    if not math.isfinite(sse + kl):
        raise WrongAnswer(
            f"SSE is {sse:.4g} and the KL {kl:.4g}: the training broke. Try a smaller lr.", "nan"
        )
    if abs(reported - sse) > 0.05 * sse + 0.05:
        answer.fail("another_forward", reported=reported, sse=sse)
    if sse > 8:
        answer.fail("other_circles", **facts)
    if kl < 0.1:
        answer.fail("collapsed", **facts)
    if sse + kl >= REVIVED:
        answer.fail("too_many_nats" if kl > 2.5 else "too_early", **facts)
    verdict = "excellent" if sse + kl < EXCELLENT else "good"
    return f"Yours: {sse:.2f} + {kl:.2f} nats = {sse + kl:.2f}, {verdict}."


def _judge_codes(answer: Answer, images: Tensor) -> tuple[float, float, float]:
    """Of an image: the forward pass's SSE, the SSE with noise drawn here (if it can decode), and the KL."""
    reported = sse = kl = 0.0
    decoder = Answer(getattr(answer.f, "decode", None), "decode", ())
    with torch.no_grad():
        twice = [_outputs(answer, images[:50])[0] for _ in range(2)]
    for x in images.split(1000):  # all at once would need 200 MB and more
        with torch.no_grad():
            x_hat, mu, log_var = _outputs(answer, x)
            reported += (x_hat - x).square().sum().item() / len(images)
            if callable(decoder.f) and bool(torch.isfinite(mu + log_var).all()):
                order = torch.randperm(len(x), generator=answer.rng)  # what encode keeps of x is of no use
                z = (mu + (log_var / 2).exp() * answer.normal(*mu.shape))[order].float()
                x_hat = decoder.tensor(decoder.call(z=z), {"z": z})
                sse += (x_hat - x[order]).square().sum().item() / len(images)
        kl += 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum().item() / len(images)
    if 0.1 < kl < 8 and torch.equal(*twice):  # beyond, sigma is too small to be seen
        answer.fail("no_noise")
    return reported, sse or reported, kl


def _outputs(answer: Answer, x: Tensor) -> list[Tensor]:
    names = ("x_hat", "mu", "log_var")
    results = answer.parts(answer.call(x=x), *names)
    x_hat, mu, log_var = (answer.tensor(r, {"x": x}, n) for r, n in zip(results, names, strict=True))
    if x_hat.shape != x.shape or mu.shape != log_var.shape or mu.ndim != 2 or len(mu) != len(x):
        raise WrongAnswer(
            f"For images {tuple(x.shape)} the model returned x_hat {tuple(x_hat.shape)}, mu "
            f"{tuple(mu.shape)} and log_var {tuple(log_var.shape)}: build it with models.VAE.",
            "shape",
        )
    if mu.shape[1] != 1:
        answer.fail("more_latents", latents=mu.shape[1])
    return [x_hat, mu, log_var]
