"""Checks for chapter 10, sparse and denoising autoencoders."""

import numpy as np
import torch
from scipy.linalg import subspace_angles
from scipy.ndimage import median_filter
from torch import Tensor, nn
from torch.distributions import Bernoulli, kl_divergence
from torch.nn import functional as F

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close

# ── 10.1 Largest principal angle ─────────────────────────────────────────────────────────────────


def _angle(cosines: Tensor) -> Tensor:
    return torch.rad2deg(torch.arccos(cosines.clamp(-1, 1)))


def _cosines(a: Tensor, b: Tensor) -> Tensor:
    """Cosines of the principal angles of the spaces that the columns span, largest first."""
    return torch.linalg.svdvals(torch.linalg.qr(a.double()).Q.T @ torch.linalg.qr(b.double()).Q)


@check(
    Mistake(
        "not_orthonormal",
        "The columns went in as they are: the singular values are cosines only for orthonormal columns, and "
        "those of a decoder are not.",
        lambda a, b: _angle(torch.linalg.svdvals(a.double().T @ b.double())[-1]),
    ),
    Mistake(
        "only_normalised",
        "The columns have length one, and they are not at right angles: orthonormal means both.",
        lambda a, b: _angle(torch.linalg.svdvals(F.normalize(a, dim=0).T @ F.normalize(b, dim=0))[-1]),
    ),
    Mistake(
        "axis_by_axis",
        "You compared single columns with each other: two subspaces may be equal although no column is.",
    ),
    Mistake(
        "smallest",
        "This is the smallest angle: the largest one is asked for. A large angle has a small cosine.",
        lambda a, b: _angle(_cosines(a, b)[0]),
    ),
    Mistake(
        "averaged",
        "You averaged the angles: the largest one is asked for.",
        lambda a, b: _angle(_cosines(a, b)).mean(),
    ),
    Mistake(
        "cosine",
        "This is a cosine: the angle is asked for, and it is 0 for equal subspaces.",
        lambda a, b: _cosines(a, b)[-1],
    ),
    Mistake(
        "radians",
        "The angle is in radians: degrees are asked for.",
        lambda a, b: torch.deg2rad(_angle(_cosines(a, b)[-1])),
    ),
    Mistake(
        "above_one",
        "It returned NaN: arccos was given a number above 1. Either the columns are not orthonormal, or "
        "rounding went a little over the edge.",
    ),
    tests="columns of any length and angle, spaces of 1 to 4 dimensions, many equal spaces, against SciPy",
)
def check_largest_angle(answer: Answer) -> None:
    """f(a, b), each (P, K), independent columns → the largest principal angle in degrees, one number."""
    for pixels, k in ((9, 3), (30, 4), (6, 1)):
        a, b = (_skew_columns(answer, pixels, k) for _ in range(2))
        _compare_angle(answer, a, a + 0.4 * b)
        _compare_angle(answer, a, b)
    a = _skew_columns(answer, 12, 3)
    _compare_angle(answer, a, a @ _mixing(answer, 3), atol=0.15)  # arccos near 1, in float32
    _equal_spaces(answer)


def _equal_spaces(answer: Answer) -> None:
    """Rounding lifts a cosine above 1 only now and then, so equal spaces are tried many times."""
    for pixels, k, times, dtype in (
        (3, 1, 80, torch.float32),
        (3, 1, 80, torch.float64),
        (784, 2, 20, torch.float32),
    ):
        for _ in range(times):
            a = answer.normal(pixels, k).to(dtype)
            result = answer.call(a=a, b=a * answer.uniform(1, low=0.5, high=2).to(dtype))
            if _is_nan(result):
                answer.fail("above_one")
            expected = torch.tensor(0.0)
            answer.match(torch.tensor(answer.number(result)), expected, atol=0.3, a=a, b=a)


def _skew_columns(answer: Answer, pixels: int, k: int) -> Tensor:
    """Independent columns that are neither of length one nor at right angles."""
    return torch.linalg.qr(answer.normal(pixels, k)).Q @ _mixing(answer, k)


def _mixing(answer: Answer, k: int) -> Tensor:
    turns = [torch.linalg.qr(answer.normal(k, k)).Q for _ in range(2)]
    return turns[0] * torch.linspace(0.3, 0.9, k) @ turns[1]


def _compare_angle(answer: Answer, a: Tensor, b: Tensor, atol: float = 2e-3) -> None:
    result = answer.call(a=a, b=b)
    if _is_nan(result):
        answer.fail("above_one")
    expected = np.rad2deg(subspace_angles(a.double().numpy(), b.double().numpy()).max())
    found = answer.number(result)
    if abs(found - expected) <= atol:
        return
    try:  # a mistake is named where it agrees much more closely
        answer.match(torch.tensor(found), torch.tensor(expected), rtol=1e-6, atol=2e-4, a=a, b=b)
    except WrongAnswer as error:
        if error.mistake == "value" and np.isclose(found, _column_by_column(a, b), rtol=0, atol=5e-3).any():
            answer.fail("axis_by_axis")
        raise


def _column_by_column(a: Tensor, b: Tensor) -> list[float]:
    """The largest angle between columns of the same rank: of the given ones, and of orthonormal ones."""
    if a.shape[1] == 1:
        return []  # a line has one column: here the comparison is right
    cosines = [(F.normalize(a, dim=0) * F.normalize(b, dim=0)).sum(dim=0)]
    cosines.append((torch.linalg.qr(a).Q * torch.linalg.qr(b).Q).sum(dim=0))
    cosines.append((F.normalize(a, dim=0).T @ F.normalize(b, dim=0)).flatten())
    return [float(_angle(c).max()) for cosine in cosines for c in (cosine, cosine.abs())]


def _is_nan(result: object) -> bool:
    numeric = isinstance(result, (float, Tensor, np.ndarray, np.generic))
    return numeric and np.size(np.asarray(result)) == 1 and bool(np.isnan(float(result)))


# ── 10.2 A target for each channel ───────────────────────────────────────────────────────────────


def _coins(rho: float, rho_hat: Tensor, tiny: float = 1e-6) -> Tensor:
    """KL of two coins, by torch.distributions."""
    target = torch.tensor(rho, dtype=torch.float64)
    return kl_divergence(Bernoulli(target), Bernoulli(rho_hat.double().clamp(tiny, 1 - tiny)))


@check(
    Mistake(
        "swapped",
        "The two coins are swapped: the target ρ comes first in KL(ρ ‖ ρ̂). Chapter 6: the order matters.",
        lambda maps, rho: kl_divergence(
            Bernoulli(maps.mean(dim=(0, 2, 3)).double().clamp(1e-6, 1 - 1e-6)),
            Bernoulli(torch.tensor(rho, dtype=torch.float64)),
        ).sum(),
    ),
    Mistake(
        "per_activation",
        "You took the KL of every single activation: the target is for the mean activity, and a unit may be "
        "strong for once.",
        lambda maps, rho: _coins(rho, maps).mean(dim=(0, 2, 3)).sum(),
    ),
    Mistake(
        "per_image",
        "Every image has to meet the target by itself here: ρ̂ is a mean over the whole batch.",
        lambda maps, rho: _coins(rho, maps.mean(dim=(2, 3))).mean(dim=0).sum(),
    ),
    Mistake(
        "per_image_and_summed",
        "Every image has to meet the target by itself here, and you summed over the images: ρ̂ is a mean over "
        "the whole batch.",
        lambda maps, rho: _coins(rho, maps.mean(dim=(2, 3))).sum(),
    ),
    Mistake(
        "thresholded",
        "You counted the activations above a threshold: an activation of 0.3 counts as 0.3, so ρ̂ is a mean. "
        "A count would have no gradient, either.",
    ),
    Mistake(
        "per_position",
        "Every position counts as a unit of its own: one filter makes a whole map, so a channel has one ρ̂.",
        lambda maps, rho: _coins(rho, maps.mean(dim=0)).sum(),
    ),
    Mistake(
        "mean_of_positions",
        "Every position has to meet the target by itself here: ρ̂ of a channel is a mean over its positions "
        "too.",
        lambda maps, rho: _coins(rho, maps.mean(dim=0)).mean(dim=(1, 2)).sum(),
    ),
    Mistake(
        "one_for_all",
        "All channels share one ρ̂: a silent channel could make up for one that is always on.",
        lambda maps, rho: _coins(rho, maps.mean()),
    ),
    Mistake(
        "mean_over_channels",
        "You averaged over the channels: the penalty is the sum, so that a channel's price does not depend "
        "on how many there are.",
        lambda maps, rho: _coins(rho, maps.mean(dim=(0, 2, 3))).mean(),
    ),
    Mistake(
        "kept_apart",
        "You kept the channels apart: a loss needs one number, their sum.",
        lambda maps, rho: _coins(rho, maps.mean(dim=(0, 2, 3))),
    ),
    Mistake(
        "tails_forgotten",
        "Half of the KL is missing: a coin has two sides, and 1 − ρ belongs to the other one.",
        lambda maps, rho: (rho * (rho / maps.mean(dim=(0, 2, 3)).clamp(min=1e-6)).log()).sum(),
    ),
    Mistake(
        "sign",
        "The sign is turned round: a KL is never negative.",
        lambda maps, rho: -_coins(rho, maps.mean(dim=(0, 2, 3))).sum(),
    ),
    Mistake(
        "squared",
        "This is a squared difference: the KL divergence of two coins is asked for.",
        lambda maps, rho: (maps.mean(dim=(0, 2, 3)).double() - rho).square().sum(),
    ),
    Mistake(
        "cross_entropy",
        "This is the cross-entropy of two coins: a KL is 0 where they are equal, and this is not.",
        lambda maps, rho: F.binary_cross_entropy(
            maps.mean(dim=(0, 2, 3)).double(),
            torch.full((maps.shape[1],), rho, dtype=torch.float64),
            reduction="sum",
        ),
    ),
    Mistake(
        "not_clamped",
        "It is infinite or NaN for a channel that is silent or always on: keep ρ̂ a little away from 0 and 1.",
    ),
    Mistake(
        "detached",
        "The number is right, and no gradient comes back to maps: nothing could be trained with it. Look for "
        ".item(), .detach(), .data, float() or NumPy.",
    ),
    tests="maps higher than wide, channels, images and rows of different activity, silent and saturated "
    "channels, one image, one channel, gradients",
)
def check_channel_penalty(answer: Answer) -> None:
    """f(maps, rho), maps (B, C, H, W) in [0, 1] → the sum over channels of KL(rho ‖ rho_hat), one number."""
    for rho, shape in ((0.05, (6, 4, 5, 3)), (0.3, (3, 2, 4, 7))):
        maps = _maps(answer, *shape)
        expected = _coins(rho, maps.double().mean(dim=(0, 2, 3))).sum()
        result = answer.call(maps=maps, rho=rho)
        for border in (0.5, 0.0, rho):
            share_on = (maps > border).double().mean(dim=(0, 2, 3))
            if close(answer.tensor(result, {"maps": maps}), _coins(rho, share_on).sum()):
                answer.fail("thresholded")
        answer.match(result, expected, maps=maps, rho=rho)
    maps = _maps(answer, 5, 4, 3, 6)
    maps[:, 1], maps[:, 2] = 0, 1
    found = answer.tensor(answer.call(maps=maps, rho=0.1), {"maps": maps})
    if not bool(torch.isfinite(found).all()):
        answer.fail("not_clamped")
    expected = _coins(0.1, maps.mean(dim=(0, 2, 3))).sum()
    answer.match(found, expected, rtol=2e-2, maps=maps, rho=0.1)
    for shape in ((1, 3, 4, 2), (3, 1, 2, 5)):
        maps = _maps(answer, *shape)
        answer.compare_edge(_coins(0.2, maps.double().mean(dim=(0, 2, 3))).sum(), maps=maps, rho=0.2)
    answer.check_gradient(
        lambda maps, rho: _coins(rho, maps.mean(dim=(0, 2, 3))).sum(),
        "maps",
        maps=_maps(answer, 4, 3, 2, 5),
        rho=0.1,
    )


def _maps(answer: Answer, b: int, c: int, h: int, w: int) -> Tensor:
    """Activations whose mean depends on the image, the channel and the row."""
    shift = answer.normal(b, 1, 1, 1) + answer.normal(1, c, 1, 1) + answer.normal(1, 1, h, 1)
    return torch.sigmoid(answer.normal(b, c, h, w) + shift - 1)


# ── 10.3 One step to a sparse code ───────────────────────────────────────────────────────────────


def _downhill(z: Tensor, x: Tensor, atoms: Tensor, step: float) -> Tensor:
    """A step down the squared error alone; its slope comes from autograd."""
    z = z.double().requires_grad_()
    error = (x.double() - z @ atoms.double()).square().sum() / 2
    (slope,) = torch.autograd.grad(error, z)
    return (z - step * slope).detach()


@check(
    Mistake(
        "threshold_without_step",
        "The threshold is the whole price: one small step pays only a small part of it. Scale the price as "
        "you scale the slope.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step), price),
    ),
    Mistake(
        "hard",
        "This is a hard threshold: what survives must become shorter as well.",
        lambda z, x, atoms, price, step: F.hardshrink(_downhill(z, x, atoms, step), step * price),
    ),
    Mistake(
        "positive_only",
        "Negative numbers are cut off: this code has no ReLU, and an atom may be used with either sign.",
        lambda z, x, atoms, price, step: (_downhill(z, x, atoms, step) - step * price).clamp(min=0),
    ),
    Mistake(
        "sign_lost",
        "Negative numbers came back positive: a shorter number keeps its sign.",
        lambda z, x, atoms, price, step: (_downhill(z, x, atoms, step).abs() - step * price).clamp(min=0),
    ),
    Mistake(
        "no_threshold",
        "This is gradient descent on the squared error alone: the price of the code plays no part in it.",
        lambda z, x, atoms, price, step: _downhill(z, x, atoms, step),
    ),
    Mistake(
        "subgradient",
        "You took the slope of |z| as part of the gradient: then nothing becomes exactly 0. Step first, "
        "shorten afterwards.",
        lambda z, x, atoms, price, step: _downhill(z, x, atoms, step) - step * price * z.sign(),
    ),
    Mistake(
        "past_zero",
        "Short numbers went through zero and came out on the other side: shortening stops at 0.",
        lambda z, x, atoms, price, step: (m := _downhill(z, x, atoms, step)) - step * price * m.sign(),
    ),
    Mistake(
        "shrunk_by_a_factor",
        "This is what a square does: all numbers are divided by the same factor and none becomes 0.",
        lambda z, x, atoms, price, step: _downhill(z, x, atoms, step) / (1 + step * price),
    ),
    Mistake(
        "uphill",
        "The step goes uphill: with this sign the squared error grows.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, -step), step * price),
    ),
    Mistake(
        "threshold_first",
        "You shortened before the step: then the step may fill the zeros again. The step comes first.",
        lambda z, x, atoms, price, step: (
            _downhill(z, x, atoms, step) - z + F.softshrink(z.double(), step * price)
        ),
    ),
    Mistake(
        "moves_swapped",
        "The two moves are swapped: you shortened z and stepped from there. The step comes first.",
        lambda z, x, atoms, price, step: _downhill(F.softshrink(z, step * price), x, atoms, step),
    ),
    Mistake(
        "step_forgotten",
        "The slope is not multiplied by the step: so long a step overshoots.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, 1.0), step * price),
    ),
    Mistake(
        "twice",
        "The threshold is twice as large as it should be, or applied twice.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step), 2 * step * price),
    ),
    Mistake(
        "slope_doubled",
        "The slope is twice as large as it should be: the squared error has a ½ before it here.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, 2 * step), step * price),
    ),
    Mistake(
        "averaged_over_batch",
        "The slope is divided by the number of patches: each patch has its own code and its own step.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step / len(x)), step * price),
    ),
    Mistake(
        "price_divided",
        "The price is divided by the step: a short step pays a small part of it, not more than all.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step), price / step),
    ),
    Mistake(
        "sign_of_z",
        "The sign is that of z before the step: the step may carry a number through 0, or away from it.",
        lambda z, x, atoms, price, step: (
            z.sign() * (_downhill(z, x, atoms, step).abs() - step * price).clamp(min=0)
        ),
    ),
    Mistake(
        "from_nothing",
        "The step starts at 0: it should start from the code z that the function is given.",
        lambda z, x, atoms, price, step: F.softshrink(
            _downhill(torch.zeros_like(z), x, atoms, step), step * price
        ),
    ),
    tests="shape, random codes with both signs and zeros, more and fewer atoms than pixels, one patch, "
    "prices of 0 and so high that all is silent",
)
def check_ista_step(answer: Answer) -> None:
    """f(z, x, atoms, price, step), z (B, K), x (B, P), atoms (K, P) → the next code (B, K)."""
    for batch, atoms_, pixels, price, step in (
        (12, 9, 6, 1.0, 0.3),
        (4, 3, 8, 0.8, 0.5),
        (1, 4, 5, 0.6, 0.4),
        (4, 5, 6, 0.0, 0.3),
        (3, 7, 7, 40.0, 0.3),
    ):
        atoms = F.normalize(answer.normal(atoms_, pixels), dim=1)
        z = 2 * answer.normal(batch, atoms_) * (answer.uniform(batch, atoms_) > 0.3)
        x = 2 * answer.normal(batch, pixels)
        expected = F.softshrink(_downhill(z, x, atoms, step), step * price)
        compare = answer.compare if batch > 3 and price else answer.compare_edge
        compare(expected, z=z, x=x, atoms=atoms, price=price, step=step)


# ── 10.4 The pixels that were damaged ────────────────────────────────────────────────────────────


@check(
    Mistake(
        "drawn_twice",
        "The bug is still there: corrupt ran more than once for an image, and each time it damages other "
        "pixels. What did the model see?",
    ),
    Mistake("no_noise", "corrupt was never called: the model must see damaged images."),
    Mistake(
        "clean_in",
        "The model was given the clean images: a denoising autoencoder must see the damaged ones.",
    ),
    Mistake(
        "noisy_target",
        "The error is measured against the damaged images: then a copy would be perfect.",
    ),
    Mistake(
        "mask_from_output",
        "You took the pixels where the model's output differs from x as the damaged ones: those are nearly "
        "all pixels.",
    ),
    Mistake(
        "weights_swapped",
        "The weights are swapped: damaged pixels have the weight alpha, the others 1 − alpha.",
    ),
    Mistake("undamaged_forgotten", "The undamaged pixels do not count at all: their weight is 1 − alpha."),
    Mistake("alpha_ignored", "All pixels have the same weight: alpha plays no part in it."),
    Mistake(
        "weight_squared",
        "The weight is squared along with the difference: it multiplies the squared error of a pixel.",
    ),
    Mistake(
        "mean_over_pixels",
        "You averaged over the pixels: the error of an image is the sum over its pixels, averaged over the "
        "batch.",
    ),
    Mistake("summed_over_batch", "You summed over the batch: the loss is the mean over the images."),
    Mistake("kept_apart", "You kept the images apart: the loss is one number, their mean."),
    Mistake("absolute", "These are absolute differences: the squared error is asked for."),
    Mistake(
        "mean_in_each_group",
        "You averaged over the damaged pixels and over the others apart: add up all weighted errors of an "
        "image.",
    ),
    Mistake(
        "weight_added",
        "The weight of the undamaged pixels is not 1 − alpha: at alpha = 1 they count nothing.",
    ),
    Mistake(
        "backward",
        "Your function calls backward() itself: it only returns the loss, and the training loop takes the "
        "gradient.",
    ),
    Mistake(
        "detached",
        "The number is right, and no gradient reaches the model: nothing could be trained with it. Look for "
        ".item(), .detach(), torch.no_grad() or NumPy.",
    ),
    tests="shape, four weights, images with one and two channels that are higher than wide, one image, the "
    "number of draws, gradients of the model",
)
def check_emphasized_loss(answer: Answer) -> None:
    """f(model, corrupt, x, alpha), x (B, C, H, W) → the weighted squared error of an image, one number."""
    for alpha, batch, c in ((0.8, 4, 2), (0.3, 4, 2), (1.0, 3, 1), (0.0, 4, 2), (0.7, 1, 2)):
        model, x = nn.Conv2d(c, c, 3, padding=1), answer.uniform(batch, c, 6, 5)
        corrupt, seen = _corruption(answer)
        inputs = {"model": model, "corrupt": corrupt, "x": x, "alpha": alpha}
        result = answer.call(**inputs)
        found = answer.tensor(result, {"x": x})
        drawn = sum(noisy.numel() for noisy in seen)
        if drawn == 0:
            answer.fail("no_noise")
        if drawn > x.numel():
            answer.fail("drawn_twice")
        if drawn < x.numel():
            raise WrongAnswer(
                "corrupt must damage every image of the batch, and some were left out.", "value"
            )
        noisy = torch.cat([part.reshape(-1, c, 6, 5) for part in seen])
        right, wrong = _emphasized_values(model, noisy, x, alpha)
        if not close(found, right):
            for name, value in wrong.items():
                values = value if name == "weight_added" else [value]
                if batch > 3 and any(close(found, v, rtol=3e-5, atol=1e-6) for v in values):
                    answer.fail(name)
            answer.match(found, right, **inputs)
        if any(p.grad is not None for p in model.parameters()):
            answer.fail("backward")
        if not _reaches(model, result):
            answer.fail("detached")


def _corruption(answer: Answer) -> tuple:
    """A function that replaces two pixels in five, and the list of all that it returned."""
    seen = []

    def corrupt(x: Tensor) -> Tensor:
        replaced = answer.uniform(*x.shape) < 0.4
        noisy = torch.where(replaced, answer.uniform(*x.shape, low=1, high=2), x)
        seen.append(noisy.detach().clone())
        return noisy

    return corrupt, seen


@torch.no_grad()
def _emphasized_values(
    model: nn.Module, noisy: Tensor, x: Tensor, alpha: float
) -> tuple[Tensor, dict[str, Tensor]]:
    x_hat, clean_in = model(noisy).double(), model(x).double()
    damaged = noisy != x
    weight = torch.where(damaged, alpha, 1 - alpha).double()
    error = (x_hat - x).square()

    def loss(values: Tensor) -> Tensor:
        return values.flatten(1).sum(dim=1).mean()

    right = loss(weight * error)
    wrong = {
        "clean_in": loss(weight * (clean_in - x).square()),
        "noisy_target": loss(weight * (x_hat - noisy).square()),
        "mask_from_output": alpha * loss(error),
        "weights_swapped": loss((1 - weight) * error),
        "undamaged_forgotten": loss(alpha * damaged * error),
        "alpha_ignored": loss(error),
        "weight_squared": loss(weight.square() * error),
        "absolute": loss(weight * error.sqrt()),
        "mean_in_each_group": alpha * error[damaged].mean() + (1 - alpha) * error[~damaged].mean(),
        "weight_added": torch.stack(
            [loss(w * error) for w in (1 + alpha * damaged, torch.where(damaged, alpha, 1.0))]
        ),
        "mean_over_pixels": (weight * error).mean(),
        "summed_over_batch": (weight * error).sum(),
        "kept_apart": (weight * error).flatten(1).sum(dim=1),
    }
    return right, wrong


def _reaches(model: nn.Module, result: object) -> bool:
    """Whether a gradient of the loss comes back to the model."""
    if not (isinstance(result, Tensor) and result.requires_grad):
        return False
    result.sum().backward()
    return all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())


# ── 10.5 Better than the filter ──────────────────────────────────────────────────────────────────

ALLOWED = {0.1: 1 / 12, 0.8: 1 / 6}  # σ of the noise → the share of the median filter's error


@check(
    Mistake("left_alone", "It returned the noisy images as they are: take some noise out of them."),
    Mistake(
        "ignores_the_image",
        "It returned the same image for all: what is left should depend on the noisy image it was given.",
    ),
    Mistake(
        "mean_lost",
        "The mean image is missing from the result: what you took away, you must add again at the end.",
    ),
    Mistake(
        "sigma_for_variance",
        "You used σ where σ² belongs: it is variances that are compared, those of the examples and that of "
        "the noise.",
    ),
    Mistake(
        "worse_than_the_filter",
        "At σ = {sigma} its error is {ratio:.2f} times that of the median filter, which knows nothing of "
        "circles. What do the examples say that the filter cannot know?",
    ),
    Mistake(
        "little_noise",
        "It is good at σ = 0.8; at σ = 0.1 its error is {ratio:.3f} times the filter's (allowed: 0.083): "
        "with little noise it throws away too much of the image. Does it use sigma?",
    ),
    Mistake(
        "much_noise",
        "It is good at σ = 0.1; at σ = 0.8 its error is {ratio:.3f} times the filter's (allowed: 0.167): "
        "with much noise it keeps too much of it. Does it use sigma?",
    ),
    Mistake(
        "not_there_yet",
        "It beats the filter, but not by enough: {low:.3f} times its error at σ = 0.1 (allowed: 0.083), "
        "{high:.3f} at σ = 0.8 (0.167). Trust each direction of the examples as far as it stands out of the "
        "noise.",
    ),
    tests="200 new circles with σ = 0.1 and σ = 0.8, against the better one of two median filters; one image",
)
def check_remove_noise(answer: Answer) -> str:
    """f(noisy, examples, sigma), noisy (N, 1, 28, 28), examples (M, 1, 28, 28) → clean images like noisy.

    Circles and noise are the same in every check, so that the verdict on an answer is, too.
    """
    rng = torch.Generator().manual_seed(0)
    examples, clean = data.circles(1000, seed=5_000).images, data.circles(200, seed=9_000).images
    ratios, whole = {}, {}
    for sigma in ALLOWED:
        noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
        inputs = {"noisy": noisy, "examples": examples, "sigma": sigma}
        found = answer.tensor(answer.call(**inputs), {"noisy": noisy})
        if found.shape != noisy.shape or not bool(torch.isfinite(found).all()):
            answer.match(found, clean, **inputs)
        if close(found, noisy.double()):
            answer.fail("left_alone")
        if close(found, found[:1].expand_as(found)):
            answer.fail("ignores_the_image")
        filtered = min(_error(_median(noisy, size), clean) for size in (3, 5))
        ratios[sigma] = _error(found, clean) / filtered
        whole[sigma] = _error(found + examples.mean(dim=0), clean) / filtered
        if ratios[sigma] > ALLOWED[sigma] and close(found, _wiener(noisy, examples, sigma), atol=2e-3):
            answer.fail("sigma_for_variance")
    _judge(answer, ratios, whole)
    one = {"noisy": noisy[:1], "examples": examples, "sigma": sigma}
    alone = answer.tensor(answer.call(**one), {"noisy": noisy})
    if alone.shape != noisy[:1].shape or not bool(torch.isfinite(alone).all()):
        answer.match(alone, found[:1], **one)
    return "Error ÷ the filter's: " + ", ".join(f"{r:.3f} at σ = {s}" for s, r in ratios.items()) + "."


def _judge(answer: Answer, ratios: dict[float, float], whole: dict[float, float]) -> None:
    passed = {sigma: ratios[sigma] <= allowed for sigma, allowed in ALLOWED.items()}
    if all(passed.values()):
        return
    if all(whole[sigma] <= allowed for sigma, allowed in ALLOWED.items()):
        answer.fail("mean_lost")
    if passed[0.8]:
        answer.fail("little_noise", ratio=ratios[0.1])
    if passed[0.1]:
        answer.fail("much_noise", ratio=ratios[0.8])
    for sigma, ratio in ratios.items():
        if ratio >= 0.99:
            answer.fail("worse_than_the_filter", sigma=sigma, ratio=ratio)
    answer.fail("not_there_yet", low=ratios[0.1], high=ratios[0.8])


def _wiener(noisy: Tensor, examples: Tensor, noise_variance: float) -> Tensor:
    """The best linear denoiser for this variance of the noise."""
    flat = examples.double().flatten(1)
    mean = flat.mean(dim=0)
    signal = (flat - mean).T @ (flat - mean) / len(flat)
    both = signal + noise_variance * torch.eye(len(signal), dtype=torch.float64)
    keep = torch.linalg.solve(both, signal)
    return (mean + (noisy.double().flatten(1) - mean) @ keep).view_as(noisy)


def _median(x: Tensor, size: int) -> Tensor:
    return torch.from_numpy(median_filter(x.numpy(), size=(1, 1, size, size)))


def _error(x_hat: Tensor, x: Tensor) -> float:
    return float((x_hat - x).square().flatten(1).sum(dim=1).mean())
