"""Checks for chapter 6, the KL divergence."""

import math

import numpy as np
import torch
from scipy.special import logsumexp, rel_entr
from scipy.stats import norm, sem
from torch import Tensor
from torch.distributions import Normal
from torch.distributions import kl_divergence as exact_kl
from torch.nn.functional import kl_div

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check

# ── 6.1 The KL of a Gaussian ─────────────────────────────────────────────────────────────────────


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) ‖ N(0, 1)) from torch.distributions, in double precision: (B, D)."""
    mu, sigma = mu.double(), (log_var.double() / 2).exp()
    return exact_kl(Normal(mu, sigma), Normal(torch.zeros_like(mu), torch.ones_like(sigma)))


def _reversed_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """The other direction, KL(N(0, 1) ‖ N(mu, exp(log_var)))."""
    mu, sigma = mu.double(), (log_var.double() / 2).exp()
    return exact_kl(Normal(torch.zeros_like(mu), torch.ones_like(sigma)), Normal(mu, sigma))


@check(
    Mistake(
        "half",
        "It is twice too large everywhere: look for the factor ½ in front of the bracket.",
        lambda mu, log_var: 2 * _kl(mu, log_var),
    ),
    Mistake(
        "sign",
        "The sign is wrong: a KL divergence is never negative, and yours is never positive.",
        lambda mu, log_var: -_kl(mu, log_var),
    ),
    Mistake(
        "variance_missing",
        "The variance term is missing: log σ² is there, and −σ² itself is not.",
        lambda mu, log_var: -0.5 * (1 + log_var - mu**2),
    ),
    Mistake(
        "one_missing",
        "For mu = 0 and sigma = 1 it should be exactly 0: the 1 in the bracket is missing.",
        lambda mu, log_var: -0.5 * (log_var - mu**2 - log_var.exp()),
    ),
    Mistake(
        "mu_not_squared",
        "mu goes in without its square: a code at −1 must cost as much as one at +1.",
        lambda mu, log_var: -0.5 * (1 + log_var - mu - log_var.exp()),
    ),
    Mistake(
        "log_var_as_log_sigma",
        "You used log_var as if it were log sigma: its exponential is already the variance σ².",
        lambda mu, log_var: _kl(mu, 2 * log_var),
    ),
    Mistake(
        "log_var_as_sigma",
        "You used log_var where the standard deviation belongs: it is the logarithm of σ², so exponentiate.",
        lambda mu, log_var: -0.5 * (1 + log_var.square().log() - mu**2 - log_var**2),
    ),
    Mistake(
        "sigma_for_variance",
        "You subtract σ where σ² belongs: exp(log_var / 2) is the standard deviation, exp(log_var) the "
        "variance.",
        lambda mu, log_var: -0.5 * (1 + log_var - mu**2 - (log_var / 2).exp()),
    ),
    Mistake(
        "direction",
        "This is KL(prior ‖ q), the other direction: here q = N(mu, σ²) comes first, and so the "
        "expectation is over q.",
        _reversed_kl,
    ),
    Mistake(
        "summed_over_latents",
        "You summed over the latent dimensions: return one number for each, (B, D); the sum comes later.",
        lambda mu, log_var: _kl(mu, log_var).sum(dim=1),
    ),
    Mistake(
        "mean_over_latents",
        "You averaged over the latent dimensions: return one number for each, (B, D), and never average "
        "them, for information adds up.",
        lambda mu, log_var: _kl(mu, log_var).mean(dim=1),
    ),
    Mistake(
        "summed_over_everything",
        "You summed over the batch too: return one number for each image and latent dimension, (B, D).",
        lambda mu, log_var: _kl(mu, log_var).sum(),
    ),
    Mistake(
        "mean_over_everything",
        "You averaged over the whole batch: return one number for each image and latent dimension, (B, D).",
        lambda mu, log_var: _kl(mu, log_var).mean(),
    ),
    Mistake(
        "clamped",
        "Right in the middle, wrong far out: do not clamp log_var here, and add no small number to the "
        "variance.",
    ),
    Mistake(
        "cut",
        "The values are right, but the gradient for {head} is not: a part of the formula is cut off from the "
        "graph, by .detach() or .data, say. A VAE would train with it.",
    ),
    tests="shape, from one number to a batch, values against torch.distributions, N(0, 1) itself, very wide, "
    "very narrow and far clouds",
)
def check_kl_divergence(answer: Answer) -> str | None:
    """f(mu, log_var), each (B, D) → the KL divergence from N(0, 1) of each dimension (B, D), in nats."""
    mu, log_var = 1.5 * answer.normal(6, 3), 1.2 * answer.normal(6, 3)
    answer.compare(_kl(mu, log_var), mu=mu, log_var=log_var)
    nothing = torch.zeros(2, 2)
    answer.compare(torch.zeros(2, 2), mu=nothing, log_var=nothing)
    for shape in ((1, 3), (5, 1), (1, 1)):
        mu, log_var = 20 * answer.normal(*shape), answer.normal(*shape)
        answer.compare_edge(_kl(mu, log_var), mu=mu, log_var=log_var)
    mu, far = torch.ones(6, 1), torch.tensor([[12.0], [-12.0], [30.0], [40.0], [-40.0], [-50.0]])
    result = answer.call(mu=mu, log_var=far)
    found = answer.tensor(result, {})
    if found.shape == far.shape and bool(found.isfinite().all()):
        wide, wider, narrow, narrower = found[2:, 0].tolist()
        if math.isclose(wide, wider, rel_tol=0.01) or math.isclose(narrow, narrower, rel_tol=0.01):
            answer.fail("clamped")
    answer.match(result, _kl(mu, far), mu=mu, log_var=far)
    return _gradients(answer)


NO_GRADIENTS = "No gradient comes back through it, so a VAE cannot be trained with it."


def _gradients(answer: Answer) -> str | None:
    """Where gradients flow they must be right; an answer without any is right, too, and is told."""
    inputs = {"mu": answer.normal(4, 3).requires_grad_(), "log_var": answer.normal(4, 3).requires_grad_()}
    try:
        result = answer.call(**inputs)
    except WrongAnswer as refusal:
        if refusal.mistake != "raised":  # NumPy refuses tensors that are trained
            raise
        result = None
    if not isinstance(result, Tensor) or not result.requires_grad:
        return NO_GRADIENTS
    try:
        found = torch.autograd.grad(result.sum(), list(answer.given.values()), allow_unused=True)
    except RuntimeError:  # of an answer that works in place
        return NO_GRADIENTS
    wanted = torch.autograd.grad(_kl(*inputs.values()).sum(), list(inputs.values()))
    for head, got, right in zip(inputs, found, wanted, strict=True):
        if got is None or not torch.allclose(got, right, rtol=1e-3, atol=1e-4):
            answer.fail("cut", head=head)
    return None


# ── 6.2 A KL from draws ──────────────────────────────────────────────────────────────────────────


NEGATIVE_DRAWS = (
    "Single draws may count as negative: without them, or with their sign removed, the average is too large."
)


def _mean_and_error(values: Tensor) -> tuple[float, float]:
    return values.mean().item(), float(sem(values.double().numpy()))


@check(
    Mistake(
        "direction",
        "The logarithm is upside down: the draws come from q, so it is q that is compared with p, log q − "
        "log p.",
        lambda log_q, log_p: _mean_and_error(log_p - log_q),
    ),
    Mistake(
        "weighted_twice",
        "You multiplied by q's density: the integral does, but the draws already come from q, often where it "
        "is high.",
        lambda log_q, log_p: _mean_and_error(log_q.exp() * (log_q - log_p)),
    ),
    Mistake("absolute", NEGATIVE_DRAWS, lambda log_q, log_p: _mean_and_error((log_q - log_p).abs())),
    Mistake(
        "without_negative", NEGATIVE_DRAWS, lambda log_q, log_p: _mean_and_error((log_q - log_p).clamp(min=0))
    ),
    Mistake(
        "never_negative",
        "The average of these draws is negative, and yours is not. The KL is never negative, but its "
        "estimate may be: leave it as it comes, or it is too large on average.",
    ),
    Mistake(
        "order",
        "Both numbers are right, and in the wrong order: first the estimate, then its standard error.",
        lambda log_q, log_p: _mean_and_error(log_q - log_p)[::-1],
    ),
    Mistake(
        "summed",
        "You summed over the draws: a KL is an average, and must not grow with the number of draws.",
        lambda log_q, log_p: ((log_q - log_p).sum(), _mean_and_error(log_q - log_p)[1]),
    ),
    Mistake(
        "bits",
        "These are bits: leave the result in nats, as the logarithms come.",
        lambda log_q, log_p: _mean_and_error((log_q - log_p) / math.log(2)),
    ),
    Mistake(
        "spread_for_error",
        "Your second number is the standard deviation of one draw; the error of the average shrinks as draws "
        "are added.",
        lambda log_q, log_p: ((log_q - log_p).mean(), (log_q - log_p).std()),
    ),
    Mistake(
        "divided_by_n",
        "Your standard error shrinks too fast: four times the draws only halve it.",
        lambda log_q, log_p: ((log_q - log_p).mean(), (log_q - log_p).std() / len(log_q)),
    ),
    Mistake(
        "variance_for_error",
        "Your second number is the variance of the average: the standard error is in nats, not in nats "
        "squared.",
        lambda log_q, log_p: ((log_q - log_p).mean(), (log_q - log_p).var() / len(log_q)),
    ),
    tests="estimate and standard error against SciPy, for Gaussians and for any other densities, for many "
    "draws and for ten, for an estimate below 0",
)
def check_monte_carlo_kl(answer: Answer) -> None:
    """f(log_q (N,), log_p (N,)) of N draws from q → (estimate of KL(q ‖ p), its standard error), in nats."""
    mu, log_var = answer.normal(1), answer.normal(1)
    q = Normal(mu, (log_var / 2).exp())
    z = mu + q.stddev * answer.normal(3000)
    gaussians = q.log_prob(z), Normal(0.0, 1.0).log_prob(z)
    others = answer.normal(2500) - 1, 2 * answer.normal(2500) - 3
    for log_q, log_p in (others, gaussians):
        estimate, error = _mean_and_error(log_q - log_p)
        answer.compare_parts(
            {"estimate": estimate, "standard_error": error}, atol=1e-5, log_q=log_q, log_p=log_p
        )
    log_q = answer.normal(400) - 2
    log_p = log_q + answer.normal(400) + 0.5  # the estimate is about −0.5
    estimate, error = _mean_and_error(log_q - log_p)
    inputs = {"log_q": log_q, "log_p": log_p}
    found = answer.tensor(answer.parts(answer.call(**inputs), "estimate", "standard_error")[0], inputs)
    if found.ndim == 0 and (found >= 0 or abs(found + estimate) < 1e-4):
        answer.fail("never_negative")
    answer.compare_parts({"estimate": estimate, "standard_error": error}, rtol=2e-3, **inputs)
    few = {"log_q": answer.normal(10) - 1, "log_p": answer.normal(10) - 3}
    estimate, error = _mean_and_error(few["log_q"] - few["log_p"])
    answer.compare_edge({"estimate": estimate, "standard_error": error}, rtol=0.06, **few)  # by N or by N − 1


# ── 6.3 How much a code can say ──────────────────────────────────────────────────────────────────


@check(
    Mistake(
        "nats",
        "These are nats: a bit is log 2 of a nat, so bits are the larger number.",
        lambda mu, log_var: _kl(mu, log_var).sum(1).mean(),
    ),
    Mistake(
        "times_log_2",
        "You multiplied by log 2 where you should divide: log 2 nats are one bit.",
        lambda mu, log_var: _kl(mu, log_var).sum(1).mean() * math.log(2),
    ),
    Mistake(
        "mean_over_latents",
        "You averaged over the latent dimensions: what they say adds up. Only over the images is it "
        "averaged.",
        lambda mu, log_var: _kl(mu, log_var).mean() / math.log(2),
    ),
    Mistake(
        "mean_over_latents_in_nats",
        "You averaged over the latent dimensions, which have to be summed; and these are nats.",
        lambda mu, log_var: _kl(mu, log_var).mean(),
    ),
    Mistake(
        "sum_over_images",
        "You summed over the images too: the number must not depend on how many images there are.",
        lambda mu, log_var: _kl(mu, log_var).sum() / math.log(2),
    ),
    Mistake(
        "sum_over_images_in_nats",
        "You summed over the images too, which have to be averaged; and these are nats.",
        lambda mu, log_var: _kl(mu, log_var).sum(),
    ),
    Mistake(
        "mean_posterior",
        "You averaged mu and log_var over the images first: that is the KL of a cloud that no image has.",
        lambda mu, log_var: _kl(mu.mean(0), log_var.mean(0)).sum() / math.log(2),
    ),
    Mistake("not_averaged", "One number is asked for: the average over the images of what each code says."),
    tests="one number, in bits, summed over dimensions and averaged over images; one image, one dimension, "
    "very narrow, very wide and far clouds",
)
def check_bits_per_image(answer: Answer) -> None:
    """f(mu, log_var), each (B, D) → the KL of an image in bits, averaged over the images."""
    for shape, spread in (((50, 4), 1), ((1, 2), 1), ((7, 1), 1), ((1, 1), 1), ((5, 3), 9)):
        mu, log_var = 1.5 * spread * answer.normal(*shape), spread * answer.normal(*shape) - 1
        inputs = {"mu": mu, "log_var": log_var}
        result = answer.call(**inputs)
        if isinstance(result, (Tensor, np.ndarray)) and np.prod(result.shape) > 1:
            answer.fail("not_averaged")
        right = _kl(mu, log_var).sum(1).mean() / math.log(2)
        if shape == (50, 4):
            answer.match(answer.number(result), right, **inputs)
        else:  # mistakes look alike here
            answer.match_number(answer.number(result), right.item(), **inputs)


# ── 6.4 The wrong way round ──────────────────────────────────────────────────────────────────────


def _kl_of_reports(q: Tensor, p: Tensor) -> Tensor:
    return torch.as_tensor(rel_entr(q.double().numpy(), p.double().numpy()).sum(axis=1))


@check(
    Mistake(
        "direction",
        "This is KL(p ‖ q): the expectation is over the belief, and it must be over the truth. Which "
        "argument does PyTorch expect first?",
        lambda q, p: _kl_of_reports(p, q),
    ),
    Mistake(
        "mean_over_reports",
        "You averaged over the reports: q itself is the weight of each, so their parts are summed.",
        lambda q, p: _kl_of_reports(q, p) / q.shape[1],
    ),
    Mistake(
        "sign",
        "It is negative, and a KL never is: the ratio in the logarithm is upside down.",
        lambda q, p: -_kl_of_reports(q, p),
    ),
    Mistake(
        "cross_entropy",
        "This is the whole length of p's words; the KL is what they are longer than q's own.",
        lambda q, p: -(q * p.log()).sum(dim=1),
    ),
    Mistake(
        "bits",
        "These are bits: use the natural logarithm, as everywhere from section 1 on.",
        lambda q, p: _kl_of_reports(q, p) / math.log(2),
    ),
    Mistake(
        "mean_over_stations",
        "One number for each station is asked for, (B,): you averaged over them.",
        lambda q, p: _kl_of_reports(q, p).mean(),
    ),
    Mistake(
        "sum_over_stations",
        "One number for each station is asked for, (B,): you summed over them.",
        lambda q, p: _kl_of_reports(q, p).sum(),
    ),
    Mistake(
        "zero_times_log_zero",
        "A report that never comes makes it NaN: 0 · log 0 counts as 0, for nobody pays for a word never "
        "sent.",
    ),
    Mistake(
        "softened",
        "What p holds to be impossible does happen here, so the cost is infinite, and yours is finite: add "
        "no small number, and do not clamp.",
    ),
    Mistake(
        "log_missing",
        "kl_div wants logarithms as its first argument, and got probabilities: see the library's reference.",
        lambda q, p: kl_div(p, q, reduction="none").sum(dim=1),
    ),
    Mistake(
        "both_zero",
        "A report that never comes and that is held impossible, q = p = 0, adds nothing: 0. Yours is "
        "{found:g} there, where {right:.3g} is right. Is it p alone that you look at, or is something 0/0?",
    ),
    tests="values against SciPy, the right way round, reports that never come, reports held impossible, both "
    "at once, very rare ones, one row",
)
def check_kl_of_reports(answer: Answer) -> None:
    """f(q, p), probabilities (B, K) → KL(q ‖ p) of each row in nats (B,)."""
    q, p = answer.normal(5, 4).softmax(dim=1), answer.normal(5, 4).softmax(dim=1)
    answer.compare(_kl_of_reports(q, p), q=q, p=p)
    never = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    even = torch.tensor([[0.25, 0.25, 0.5], [0.25, 0.5, 0.25]])
    result = answer.call(q=never, p=even)
    found = answer.tensor(result, {"q": never})
    if found.shape == (2,) and bool(found.isnan().any()):
        answer.fail("zero_times_log_zero")
    answer.match(result, _kl_of_reports(never, even), q=never, p=even)
    result = answer.call(q=even, p=never)
    found = answer.tensor(result, {"q": even})
    if found.shape == (2,) and bool(found.isfinite().any()):
        answer.fail("softened")
    answer.match(result, _kl_of_reports(even, never), q=even, p=never)
    q, p = (
        torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]),
        torch.tensor([[0.25, 0.75, 0.0], [0.5, 0.5, 0.0]]),
    )
    result, right = answer.call(q=q, p=p), _kl_of_reports(q, p)
    found = answer.tensor(result, {"q": q})
    for value, wanted in zip(found.reshape(-1), right, strict=False):
        if abs(value - wanted) > 1e-4 or value.isnan():
            answer.fail("both_zero", found=value.item(), right=wanted.item())
    rare = torch.tensor([[1 - 1e-6, 1e-6, 0.0]])
    for q, p in ((even[:1], rare.flip(1) + 1e-6), (rare, even[:1]), (torch.ones(1, 1), torch.ones(1, 1))):
        answer.compare_edge(_kl_of_reports(q, p), q=q, p=p)


# ── 6.5 What the average is made of ──────────────────────────────────────────────────────────────

GRID = np.linspace(-40, 40, 16_001)
STEP = GRID[1] - GRID[0]


def _kl_on_grid(log_a: np.ndarray, log_b: np.ndarray) -> np.ndarray:
    """KL(a ‖ b) from log densities on the grid, along the last axis."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.exp(log_a) * (log_a - log_b)).sum(axis=-1) * STEP


def _log_densities(mu: Tensor, log_var: Tensor) -> np.ndarray:
    """(N,) twice → log densities on the grid (N, points)."""
    mu, sigma = mu.double().numpy(), (log_var.double() / 2).exp().numpy()
    return norm.logpdf(GRID, mu[:, None], sigma[:, None])


def _split(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    log_q = _log_densities(mu, log_var)
    log_heap = logsumexp(log_q, axis=0) - math.log(len(log_q))
    return float(_kl_on_grid(log_q, log_heap).mean()), float(_kl_on_grid(log_heap, norm.logpdf(GRID)))


def _heap_not_divided(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    information, distance = _split(mu, log_var)
    n = len(mu)
    return information - math.log(n), n * (math.log(n) + distance)


def _distance_reversed(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    log_heap = logsumexp(_log_densities(mu, log_var), axis=0) - math.log(len(mu))
    return _split(mu, log_var)[0], float(_kl_on_grid(norm.logpdf(GRID), log_heap))


def _heap_as_gaussian(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    middle, variance = mu.mean(), log_var.exp().mean() + mu.var(correction=0)
    distance = _kl(middle, variance.log()).item()
    return _kl(mu, log_var).mean().item() - distance, distance


def _logs_averaged(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    log_q = _log_densities(mu, log_var)
    log_heap = log_q.mean(axis=0)
    return float(_kl_on_grid(log_q, log_heap).mean()), float(_kl_on_grid(log_heap, norm.logpdf(GRID)))


def _summed_over_images(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    information, distance = _split(mu, log_var)
    return len(mu) * information, distance


def _mean_kl_first(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    return _kl(mu, log_var).mean().item(), _split(mu, log_var)[1]


def _information_reversed(mu: Tensor, log_var: Tensor) -> tuple[float, float]:
    log_q = _log_densities(mu, log_var)
    log_heap = logsumexp(log_q, axis=0) - math.log(len(log_q))
    return float(_kl_on_grid(log_heap, log_q).mean()), _split(mu, log_var)[1]


def _in_bits(mu: Tensor, log_var: Tensor) -> tuple[float, ...]:
    return tuple(part / math.log(2) for part in _split(mu, log_var))


@check(
    Mistake(
        "swapped",
        "Both numbers are right, and in the wrong order: first the information, then the distance.",
        lambda mu, log_var: _split(mu, log_var)[::-1],
    ),
    Mistake(
        "heap_not_divided",
        "The heap is no density: the area under the sum of N posteriors is N. Average them.",
        _heap_not_divided,
    ),
    Mistake(
        "distance_reversed",
        "The distance is KL(heap ‖ prior): the codes come from the heap, so the heap is the truth.",
        _distance_reversed,
    ),
    Mistake(
        "heap_as_gaussian",
        "You put one Gaussian in the place of the heap: with the same mean and variance, but without its "
        "bumps.",
        _heap_as_gaussian,
    ),
    Mistake(
        "logs_averaged",
        "You averaged log densities: the heap is the average of the densities, and the logarithm comes "
        "after.",
        _logs_averaged,
    ),
    Mistake(
        "summed_over_images",
        "You summed over the images: the information is an average over them, never above log N.",
        _summed_over_images,
    ),
    Mistake(
        "mean_kl_first",
        "Your first number is the whole mean KL: the information compares each posterior with the heap, not "
        "with the prior.",
        _mean_kl_first,
    ),
    Mistake(
        "log_var_as_log_sigma",
        "You used log_var as if it were log sigma: half of it gives sigma.",
        lambda mu, log_var: _split(mu, 2 * log_var),
    ),
    Mistake("bits", "These are bits: the exercise asks for nats.", _in_bits),
    Mistake(
        "information_reversed",
        "The information is KL(posterior ‖ heap), averaged: the draws come from the posterior, so it is the "
        "truth.",
        _information_reversed,
    ),
    Mistake(
        "step_missing",
        "Both numbers are {factor:.4g} times what they should be: a sum over the points of a grid becomes an "
        "integral by the step between them.",
    ),
    Mistake(
        "grid",
        "Right for clouds near 0, wrong at the limits that the text names: {part} is {found:.4g} where "
        "{right:.4g} is right. Is your grid wide and fine enough, and does no density get lost before its "
        "logarithm?",
    ),
    tests="both parts against a fine grid, for mu from −8 to 8 and sigma from 0.1 to 1, for one image, equal "
    "ones and forty",
)
def check_information_and_distance(answer: Answer) -> None:
    """f(mu, log_var) of N posteriors with one number, each (N,) → (information, distance) in nats."""
    apart = torch.tensor([-2.0, -0.5, 1.0, 2.3]) + answer.uniform(4, low=-0.4, high=0.4)
    for mu, low in ((apart, -2.5), (1.3 * answer.normal(6).tanh(), -1.5), (answer.uniform(1, high=2), -1)):
        log_var = answer.uniform(len(mu), low=low, high=-0.4)
        right = dict(zip(("information", "distance"), _split(mu, log_var), strict=True))
        if mu is apart:
            _takes_the_step_into_account(answer, right, mu=mu, log_var=log_var)
        answer.compare_parts(right, rtol=0.01, atol=0.01, mu=mu, log_var=log_var)
    narrow, ends = 2 * math.log(0.1), torch.tensor([-8.0, 8.0])
    for mu, log_var in (
        (torch.tensor([-8.0, 0.03, 8.0]), torch.full((3,), narrow)),
        (torch.cat([ends, answer.normal(2)]), torch.zeros(4)),
        (torch.tensor([8.0]), torch.tensor([narrow])),
        (torch.full((5,), 0.5), torch.full((5,), -1.0)),
        (answer.uniform(40, low=-8, high=8), answer.uniform(40, low=narrow, high=0)),
    ):
        inputs = {"mu": mu, "log_var": log_var}
        parts = answer.parts(answer.call(**inputs), "information", "distance")
        for part, value, right in zip(("information", "distance"), parts, _split(mu, log_var), strict=True):
            found = answer.tensor(value, inputs, part)
            if found.shape != () or not abs(found - right) < 0.02 + 0.01 * abs(right):
                answer.fail("grid", part=part, found=found.flatten()[0].item(), right=right)


def _takes_the_step_into_account(answer: Answer, right: dict[str, float], **inputs: Tensor) -> None:
    parts = answer.parts(answer.call(**inputs), *right)
    found = [answer.tensor(value, inputs, part) for value, part in zip(parts, right, strict=True)]
    if all(value.shape == () for value in found):
        factor, other = (value / wanted for value, wanted in zip(found, right.values(), strict=True))
        if abs(factor / other - 1) < 0.01 and not 0.5 < factor < 2:
            answer.fail("step_missing", factor=factor.item())


# ── 6.6 Room for everybody ───────────────────────────────────────────────────────────────────────


@check(
    Mistake(
        "all_alike",
        "With {n} codes the information is {information:.2f} nats: from such a code nobody can tell the "
        "images apart.",
    ),
    Mistake(
        "overlapping",
        "With {n} codes the information is {share:.1%} of log {n}, and 65 % is asked for: the clouds overlap "
        "too much.",
    ),
    Mistake(
        "too_wide",
        "With {n} codes the distance is {distance:.2f} nats, and the heap is wider than the prior (variance "
        "{variance:.2f}): you pay for the place of the codes, and it tells nothing.",
    ),
    Mistake(
        "too_narrow",
        "With {n} codes the distance is {distance:.2f} nats, and the heap is narrower than the prior "
        "(variance {variance:.2f}): there is room left at the sides.",
    ),
    Mistake(
        "wrong_shape",
        "With {n} codes the heap is about as wide as the prior, but not of its shape (distance "
        "{distance:.3f}, at most 0.050): where is the prior crowded, and what fills its thin ends?",
    ),
    Mistake(
        "gaps",
        "With {n} codes the distance is {distance:.2f} nats: the clouds are so narrow that between them the "
        "heap has gaps, and whoever draws from the prior falls into one.",
    ),
    tests="8 and 12 codes: at least 65 % of the information, at most 0.05 nats of distance",
)
def check_arrange_codes(answer: Answer) -> None:
    """f(n) → (mu, log_var), each (n,): posteriors with information ≥ 0.65 log n and distance ≤ 0.05 nats."""
    for n in (8, 12):
        mu, log_var = (
            answer.tensor(part, {}, name)
            for part, name in zip(
                answer.parts(answer.call(n=n), "mu", "log_var"), ("mu", "log_var"), strict=True
            )
        )
        for name, part in (("mu", mu), ("log_var", log_var)):
            if part.shape != (n,):
                raise WrongAnswer(
                    f"{name} must have the shape {(n,)} here, not {tuple(part.shape)}.", "shape"
                )
            if not bool(part.isfinite().all()):
                raise WrongAnswer(f"{name} holds NaN or infinity.", "nan")
        if mu.abs().max() > 30 or log_var.max() > 6 or log_var.min() < -8:
            raise WrongAnswer(
                "Keep mu between −30 and 30 and log_var between −8 and 6: beyond, no grid can measure the "
                "codes.",
                "value",
            )
        _judge_arrangement(answer, mu, log_var)


def _judge_arrangement(answer: Answer, mu: Tensor, log_var: Tensor) -> None:
    n = len(mu)
    information, distance = _split(mu, log_var)
    variance = (log_var.exp().mean() + mu.var(correction=0)).item()
    if information < 0.05:
        answer.fail("all_alike", n=n, information=information)
    if information < 0.65 * math.log(n):
        answer.fail("overlapping", n=n, share=information / math.log(n))
    if distance > 0.05:
        gaps = information > 0.97 * math.log(n)
        shape = "too_wide" if variance > 1.2 else "too_narrow" if variance < 0.8 else "wrong_shape"
        answer.fail(
            "gaps" if gaps and shape == "wrong_shape" else shape, n=n, distance=distance, variance=variance
        )
