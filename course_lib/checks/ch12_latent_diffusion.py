"""Checks for chapter 12, a learned prior."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
    kl_divergence,
)

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close


def _noise(
    z: Tensor,
    sigma: float,
    centres: Tensor,
    width: float,
    shares: Callable[[Tensor], Tensor] = lambda log_p: log_p.softmax(dim=1),
    spread: float | None = None,
) -> Tensor:
    """The mean noise in z (B, D) when the clean codes are bells of this width around centres (K, D)."""
    spread = math.sqrt(width**2 + sigma**2) if spread is None else spread
    away = z[:, None].double() - centres.double()  # (B, K, D)
    share = shares(-away.square().sum(dim=2) / (2 * spread**2))
    return sigma / spread**2 * (share[:, :, None] * away).sum(dim=1)


@check(
    Mistake(
        "score",
        "This is the score. The noise is asked for, which points the other way and is measured in units of "
        "sigma.",
        lambda z, sigma, centres, width: -_noise(z, sigma, centres, width) / sigma,
    ),
    Mistake(
        "sign",
        "The sign is turned round: z = clean + sigma · noise. Where z lies beyond a bell, which way has the "
        "noise moved it?",
        lambda z, sigma, centres, width: -_noise(z, sigma, centres, width),
    ),
    Mistake(
        "clean_code",
        "This is the best guess of the clean code. The noise is what is between it and z, in units of sigma.",
        lambda z, sigma, centres, width: z - sigma * _noise(z, sigma, centres, width),
    ),
    Mistake(
        "not_divided_by_sigma",
        "This is how far z has been moved. The noise is that distance in units of sigma.",
        lambda z, sigma, centres, width: sigma * _noise(z, sigma, centres, width),
    ),
    Mistake(
        "width_forgotten",
        "It is right for bells of width 0: a clean code need not lie at the centre of its bell.",
        lambda z, sigma, centres, width: _noise(z, sigma, centres, 0.0),
    ),
    Mistake(
        "widths_added",
        "Widths were added: when two independent things are added, their variances add up.",
        lambda z, sigma, centres, width: _noise(z, sigma, centres, width, spread=width + sigma),
    ),
    Mistake(
        "equal_shares",
        "All bells have the same say here. A bell far from z has hardly made it: weigh each by how likely.",
        lambda z, sigma, centres, width: _noise(
            z, sigma, centres, width, lambda log_p: torch.full_like(log_p, 1 / log_p.shape[1])
        ),
    ),
    Mistake(
        "nearest_only",
        "Only the nearest bell has a say here. In strong noise the others may have made z as well.",
        lambda z, sigma, centres, width: _noise(
            z,
            sigma,
            centres,
            width,
            lambda log_p: torch.nn.functional.one_hot(log_p.argmax(dim=1), log_p.shape[1]).double(),
        ),
    ),
    Mistake(
        "shares_of_clean_bells",
        "The shares are those of the clean bells. z is noisy: how wide is a bell after the noise?",
        lambda z, sigma, centres, width: _noise(
            z,
            sigma,
            centres,
            width,
            lambda log_p: (log_p * (width**2 + sigma**2) / width**2).softmax(dim=1),
        ),
    ),
    Mistake(
        "shares_per_number",
        "Each number of z gets shares of its own. A bell makes all numbers of a code at once: add up its log "
        "density over them first.",
    ),
    Mistake(
        "densities_underflow",
        "NaN far from all bells: there every density is 0, and 0 ÷ 0 is no share. Work with logarithms.",
    ),
    tests="one to five bells in one to four dimensions, weak and strong noise, against the slope of the log "
    "density by autograd; one code, codes far from every bell",
)
def check_predicted_noise(answer: Answer) -> None:
    """f(z, sigma, centres, width), z (B, D), centres (K, D) → the best guess of the noise in z (B, D)."""
    cases = ((40, 3, 3, 0.4, 0.6), (30, 4, 2, 0.7, 1.1), (25, 2, 4, 0.5, 0.5), (20, 5, 1, 0.3, 2.0))
    for n, bells, numbers, width, sigma in cases:
        centres = 1.3 * answer.normal(bells, numbers)
        z = centres[torch.arange(n) % bells] + 0.8 * answer.normal(n, numbers)
        z[0] = 0.49 * centres[0] + 0.51 * centres[1]  # where shares are even, wrong ones differ most
        inputs = {"z": z, "sigma": sigma, "centres": centres, "width": width}
        found = answer.call(**inputs)
        if numbers > 1 and isinstance(found, Tensor) and _shares_per_number(found, **inputs):
            answer.fail("shares_per_number")
        answer.match(found, _by_autograd(**inputs), **inputs)
    centres, one = 2 * answer.normal(3, 2), answer.normal(1, 2)
    inputs = {"z": one, "sigma": 0.8, "centres": centres, "width": 0.5}
    answer.compare_edge(_by_autograd(**inputs), **inputs)
    centre, z = answer.normal(1, 3), answer.normal(6, 3)
    answer.compare_edge((z - centre) * 0.7 / (0.7**2 + 0.5**2), z=z, sigma=0.7, centres=centre, width=0.5)
    far = {"z": 60 + answer.normal(4, 2), "sigma": 0.2, "centres": centres, "width": 0.3}
    found = answer.call(**far)
    if isinstance(found, Tensor) and not bool(torch.isfinite(found).all()):
        answer.fail("densities_underflow")
    answer.match(found, _noise(**far), rtol=1e-2, **far)


def _by_autograd(z: Tensor, sigma: float, centres: Tensor, width: float) -> Tensor:
    """−sigma · the slope of the log density of the noisy bells."""
    z = z.double().requires_grad_()
    wide = torch.full_like(centres, math.sqrt(width**2 + sigma**2), dtype=torch.float64)
    bells = Independent(Normal(centres.double(), wide), 1)
    noisy = MixtureSameFamily(Categorical(torch.ones(len(centres), dtype=torch.float64)), bells)
    (score,) = torch.autograd.grad(noisy.log_prob(z).sum(), z)
    return -sigma * score


def _shares_per_number(found: Tensor, z: Tensor, sigma: float, centres: Tensor, width: float) -> bool:
    columns = [_noise(z[:, [d]], sigma, centres[:, [d]], width) for d in range(z.shape[1])]
    return close(found.detach().double(), torch.cat(columns, dim=1))


def _weight(lower: float, sigma: float) -> float:
    return (1 / lower**2 - 1 / sigma**2) / 2


@check(
    Mistake(
        "half",
        "It is twice as much: the KL of two bells of variance v is the squared distance of their means ÷ 2v.",
        lambda z, z_hat, lower, sigma: 2 * _weight(lower, sigma) * (z - z_hat).square().sum(dim=1),
    ),
    Mistake(
        "sign",
        "It is negative, and no KL is: 1/lower² is the larger one.",
        lambda z, z_hat, lower, sigma: -_weight(lower, sigma) * (z - z_hat).square().sum(dim=1),
    ),
    Mistake(
        "not_squared",
        "The levels stand there as they are: a variance is sigma².",
        lambda z, z_hat, lower, sigma: (1 / lower - 1 / sigma) / 2 * (z - z_hat).square().sum(dim=1),
    ),
    Mistake(
        "weight_of_the_noise",
        "This weight belongs to the error of the noise. Here the error of the clean code is given, which is "
        "sigma times as large.",
        lambda z, z_hat, lower, sigma: sigma**2 * _weight(lower, sigma) * (z - z_hat).square().sum(dim=1),
    ),
    Mistake(
        "means_not_shrunk",
        "Both bells were put at z and z_hat themselves. Their means lie between these and the noisy code: "
        "only a share of the difference is left.",
        lambda z, z_hat, lower, sigma: (
            (z - z_hat).square().sum(dim=1) / (2 * lower**2 * (1 - lower**2 / sigma**2))
        ),
    ),
    Mistake(
        "variance_of_the_noise",
        "The bell's variance is not lower²: who knows both ends of a link knows its middle better.",
        lambda z, z_hat, lower, sigma: (
            (1 - lower**2 / sigma**2) ** 2 * (z - z_hat).square().sum(dim=1) / (2 * lower**2)
        ),
    ),
    Mistake(
        "mean_over_numbers",
        "You averaged over the numbers of a code. A KL of independent numbers is their sum (chapter 7).",
        lambda z, z_hat, lower, sigma: _weight(lower, sigma) * (z - z_hat).square().mean(dim=1),
    ),
    Mistake(
        "over_the_batch",
        "One number came back for all codes: each code has a KL of its own.",
        lambda z, z_hat, lower, sigma: _weight(lower, sigma) * (z - z_hat).square().sum(dim=1).mean(),
    ),
    Mistake(
        "error_not_squared",
        "The difference must be squared number by number, and then added up.",
        lambda z, z_hat, lower, sigma: _weight(lower, sigma) * (z - z_hat).abs().sum(dim=1),
    ),
    tests="random codes and levels against torch's kl_divergence of the two bells; one code, one number, a "
    "guess that is right, levels close together",
)
def check_kl_of_link(answer: Answer) -> None:
    """f(z, z_hat, lower, sigma), z and z_hat (B, D) → the KL of one link of the chain (B,), in nats."""
    for n, numbers, lower, sigma in ((7, 3, 0.5, 0.9), (5, 4, 1.3, 2.1), (6, 2, 0.2, 3.0)):
        z, z_hat = answer.normal(n, numbers), answer.normal(n, numbers)
        answer.compare(_link(z, z_hat, lower, sigma), z=z, z_hat=z_hat, lower=lower, sigma=sigma)
    for n, numbers, lower, sigma in ((1, 3, 0.4, 0.8), (4, 1, 0.4, 0.8), (3, 2, 1.0, 1.05)):
        z, z_hat = answer.normal(n, numbers), answer.normal(n, numbers)
        right = _link(z, z_hat, lower, sigma)
        answer.compare_edge(right, z=z, z_hat=z_hat, lower=lower, sigma=sigma)
    answer.compare_edge(torch.zeros(n), z=z, z_hat=z.clone(), lower=0.3, sigma=0.7)


def _link(z: Tensor, z_hat: Tensor, lower: float, sigma: float) -> Tensor:
    """By conditioning the joint Gaussian of both levels on the noisy one, for any noisy code: here 1.7."""
    kept = lower**2 / sigma**2
    noisy, width = torch.full_like(z, 1.7).double(), math.sqrt(lower**2 - lower**4 / sigma**2)
    true, guessed = (Normal(c.double() + kept * (noisy - c.double()), width) for c in (z, z_hat))
    return kl_divergence(true, guessed).sum(dim=1)


class Bell(torch.nn.Module):
    """A perfect denoiser of codes from N(centre, covariance): what a walk is tried with.

    `forward(z, sigma)`, z (N, D), sigma (N, 1) → the noise (N, D). Every row of sigma must be the same.
    """

    def __init__(self, centre: Tensor, covariance: Tensor):
        super().__init__()
        self.centre, self.covariance = torch.nn.Parameter(centre), torch.nn.Parameter(covariance)

    def forward(self, z: Tensor, sigma: Tensor) -> Tensor:
        if sigma.shape != (len(z), 1):
            raise ValueError(f"sigma must be of shape {(len(z), 1)}, not {tuple(sigma.shape)}")
        level = sigma[0, 0]
        noisy = self.covariance + level**2 * torch.eye(z.shape[1])
        return level * torch.linalg.solve(noisy, (z - self.centre).T).T


def _walked(
    model: Bell,
    eps: Tensor,
    levels: Tensor,
    *,
    start: bool = True,
    told: int = 0,
    share: Callable[[Tensor, Tensor], Tensor] = lambda sigma, lower: sigma - lower,
    last: bool = True,
    sign: int = -1,
) -> Tensor:
    """The walk with the parts that wrong answers replace."""
    levels = torch.as_tensor(levels)
    ends = [*levels, torch.tensor(0.0)] if last else [*levels]
    z = eps * levels[0] if start else eps
    for pair in pairwise(ends):
        level = pair[told].clamp(min=1e-6).expand(len(z), 1)
        z = z + sign * share(*pair) * model(z, level)
    return z


@check(
    Mistake(
        "start_not_scaled",
        "The walk starts at eps itself. How wide is the noise at the first level?",
        lambda model, eps, levels: _walked(model, eps, levels, start=False),
    ),
    Mistake(
        "start_of_white_codes",
        "You start at √(1 + σ²), as the chapter does for whitened codes. How wide the codes are nobody says "
        "here: start with the noise of the first level alone.",
        lambda model, eps, levels: _walked(model, eps * (1 + 1 / levels[0] ** 2) ** 0.5, levels),
    ),
    Mistake(
        "all_noise_at_once",
        "Each step takes all the noise off. The next level is still noisy: how much leads just there?",
        lambda model, eps, levels: _walked(model, eps, levels, share=lambda sigma, lower: sigma),
    ),
    Mistake(
        "told_the_next_level",
        "The model is told the level that the step leads to. Which noise is in z when it is asked?",
        lambda model, eps, levels: _walked(model, eps, levels, told=1),
    ),
    Mistake(
        "last_step_missing",
        "It stops at the last level, where there is still noise: the last step leads to 0.",
        lambda model, eps, levels: _walked(model, eps, levels, last=False),
    ),
    Mistake(
        "sign",
        "The noise is added. It points away from the codes.",
        lambda model, eps, levels: _walked(model, eps, levels, sign=1),
    ),
    Mistake(
        "squares",
        "The step is the difference of the squares of the levels; the model answers in units of sigma.",
        lambda model, eps, levels: _walked(
            model, eps, levels, share=lambda sigma, lower: sigma**2 - lower**2
        ),
    ),
    Mistake(
        "steps_of_one",
        "Each step takes off the noise itself, as if all levels were 1 apart.",
        lambda model, eps, levels: _walked(
            model, eps, levels, share=lambda sigma, lower: torch.ones_like(sigma)
        ),
    ),
    Mistake(
        "own_noise",
        "Two walks from the same eps end at different codes: start from the noise that you are given, and "
        "draw nothing.",
    ),
    Mistake(
        "two_left",
        "More than one mistake is left. Test by hand: one bell of width s, many levels. Walks that start "
        "with the first level's noise must end as wide as the bell.",
    ),
    tests="a bell whose perfect denoiser is known: one to forty levels, one walker, codes of one number; the "
    "ends of many walks spread as the bell does",
)
def check_walk_down(answer: Answer) -> None:
    """f(model, eps, levels), eps (N, D) from N(0, I), levels (T,) falling → the codes at the end (N, D)."""
    turned = torch.tensor([[0.9, 0.5], [0.5, 0.6]])
    bell = Bell(torch.tensor([0.7, -0.4]), turned)
    for levels in ([3.0, 1.4, 0.5], [4.0, 0.8], [5.0, 3.0, 1.7, 0.9, 0.4, 0.2]):
        inputs = {"model": bell, "eps": answer.normal(12, 2), "levels": torch.tensor(levels)}
        found = answer.call(**inputs)
        right = _walked(**inputs)
        if isinstance(found, Tensor) and found.shape == right.shape and _two_mistakes(found, **inputs):
            answer.fail("two_left")
        ends, again = (answer.tensor(end, inputs) for end in (found, answer.call(**inputs)))
        if ends.isfinite().all() and not close(ends, again):
            answer.fail("own_noise")
        answer.match(found, right, **inputs)
    one = Bell(torch.zeros(1), torch.tensor([[0.5]]))
    for n, levels in ((1, [2.0, 0.7]), (5, [1.5])):
        inputs = {"model": one, "eps": answer.normal(n, 1), "levels": torch.tensor(levels)}
        answer.compare_edge(_walked(**inputs), **inputs)
    many = torch.logspace(2, -2, 40)
    ends = answer.tensor(answer.call(model=bell, eps=answer.normal(4000, 2), levels=many), {})
    if not torch.allclose(torch.cov(ends.T), turned.double(), atol=0.25):
        raise WrongAnswer("Many walks do not end as wide as the bell.", "value")


def _two_mistakes(found: Tensor, model: Bell, eps: Tensor, levels: Tensor) -> bool:
    """Whether two or three of the buggy code's mistakes are still there together."""
    parts = (
        {"start": False},
        {"told": 1},
        {"share": lambda sigma, lower: sigma},
    )
    pairs = [{**a, **b} for i, a in enumerate(parts) for b in parts[i + 1 :]] + [
        parts[0] | parts[1] | parts[2]
    ]
    return any(close(found.detach().double(), _walked(model, eps, levels, **pair).double()) for pair in pairs)


N_POINTS = 2000
LIMIT = 0.012  # the yardstick: one Gaussian is at 0.034, a mixture of twelve at 0.006


@check(
    Mistake("no_function", "my_prior must be a function of n that returns n new points, and it is {kind}."),
    Mistake("too_few", "my_prior({n}) must return {n} points of 2 numbers, (n, 2), not {found}."),
    Mistake(
        "always_the_same",
        "Called twice, it returns the same points: is a fixed set handed out, or the seed set inside?",
    ),
    Mistake(
        "copies",
        "{share:.0%} of the points are training points, or lie within a hundredth of one: new ones are asked "
        "for.",
    ),
    Mistake(
        "one_gaussian",
        "It is hardly nearer to the banana than one fitted Gaussian, or not at all: {distance:.3f} against "
        "{gaussian:.3f}. New points are at about {floor:.3f}, the yardstick is {limit:.3f}. Look at a plot.",
    ),
    Mistake(
        "away_from_the_banana",
        "It is away from the banana: {distance:.3f}. The yardstick is {limit:.3f}, one Gaussian reaches "
        "{gaussian:.3f}. Look at a plot: are yours where the banana is, as thin as it is, and brought back "
        "if they were whitened?",
    ),
    Mistake(
        "above_the_yardstick",
        "Near, and not near enough: {distance:.3f} from new points of the banana, and the yardstick is "
        "{limit:.3f}. One Gaussian reaches {gaussian:.3f}. Look at a plot of both.",
    ),
    tests="2,000 points, twice: new each time, no copies, and their energy distance from 4,000 points of the "
    "banana that nobody has trained on",
)
def check_my_prior(answer: Answer) -> str:
    """A function of n that draws n points like those of `data.banana(1000, seed=1)`: (n, 2)."""
    if not callable(answer.f):
        answer.fail("no_function", kind=type(answer.f).__name__)
    known = data.banana(1000, seed=1).tensors[0].double()
    real = data.banana(4000, seed=2).tensors[0].double()
    first, second = (_drawn(answer) for _ in range(2))
    if torch.equal(first, second):
        answer.fail("always_the_same")
    share = (torch.cdist(first, known).amin(dim=1) < 0.01).double().mean().item()
    chance = (torch.cdist(real, known).amin(dim=1) < 0.01).double().mean().item()
    if share > chance + 0.1:
        answer.fail("copies", share=share)
    distance = (_energy_distance(first, real) + _energy_distance(second, real)) / 2  # less by chance
    rng = torch.Generator().manual_seed(0)
    root = torch.linalg.cholesky(torch.cov(known.T))
    bell = known.mean(dim=0) + torch.randn(N_POINTS, 2, generator=rng, dtype=torch.float64) @ root.T
    gaussian, floor = _energy_distance(bell, real), _energy_distance(known, real)
    facts = {"distance": distance, "gaussian": gaussian, "floor": floor, "limit": LIMIT}
    if distance > 1.5 * gaussian:
        answer.fail("away_from_the_banana", **facts)
    if distance > 0.7 * gaussian:
        answer.fail("one_gaussian", **facts)
    if distance > LIMIT:
        answer.fail("above_the_yardstick", **facts)
    return f"Yours: {distance:.3f}, one Gaussian {gaussian:.3f}."


def _drawn(answer: Answer) -> Tensor:
    found = answer.tensor(answer.call(n=N_POINTS), {})
    if found.shape != (N_POINTS, 2):
        answer.fail("too_few", n=N_POINTS, found=tuple(found.shape))
    if not bool(torch.isfinite(found).all()):
        raise WrongAnswer("Some of the points are NaN or infinite.", "nan")
    return found


def _energy_distance(a: Tensor, b: Tensor) -> float:
    """2 E|a − b| − E|a − a'| − E|b − b'|: 0 for equal distributions (Székely and Rizzo, 2013)."""
    within = [torch.pdist(x).mean() for x in (a, b)]
    return float(2 * torch.cdist(a, b).mean() - sum(within))


VERDICTS = {"A": False, "B": True, "C": False, "D": True, "E": False}


@check(
    Mistake("other_letters", "Return a dict with the keys A to E, each True or False; yours has {keys}."),
    Mistake("no_verdict", "A verdict is True or False, and that on {letter} is {value!r}."),
    Mistake(
        "decoder_blamed",
        "A: what does the same decoder make of real codes?",
    ),
    Mistake(
        "second_stage_needs_images",
        "B: look at what `learn_to_denoise` was given in the chapter.",
    ),
    Mistake(
        "millionth_is_a_vae",
        "C: how wide were the clouds of the VAE with that weight, beside the spread of their centres?",
    ),
    Mistake(
        "distance_and_information",
        "D: chapter 6 has two parts of the mean KL. Which of them is about the prior?",
    ),
    Mistake(
        "perfect_training",
        "E: what did the exact best guess for the training codes draw, followed to σ = 0.001?",
    ),
    tests="five verdicts. Your sentences nobody can test: judge them by the rubric",
)
def check_my_verdicts(answer: Answer) -> None:
    """f() → a dict of five verdicts, True or False, on the statements A to E."""
    found = answer.call()
    if not isinstance(found, dict):
        raise WrongAnswer(f"my_verdicts must return a dict, not {type(found).__name__}.", "type")
    if sorted(map(str, found)) != sorted(VERDICTS):
        answer.fail("other_letters", keys=", ".join(map(str, found)) or "none")
    for letter, value in found.items():
        if not isinstance(value, (int, np.bool_)) or value not in (0, 1):  # bool is an int
            answer.fail("no_verdict", letter=letter, value=value)
    names = [
        "decoder_blamed",
        "second_stage_needs_images",
        "millionth_is_a_vae",
        "distance_and_information",
        "perfect_training",
    ]
    for (letter, right), name in zip(VERDICTS.items(), names, strict=True):
        if found[letter] != right:
            answer.fail(name)
