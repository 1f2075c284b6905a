"""Checks for chapter 5, the reparameterization trick."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check

# ── 5.1 The line ─────────────────────────────────────────────────────────────────────────────────

LOG_NINTH = -2.1972246  # the log_var of sigma = ⅓


@check(
    Mistake("no_noise", "It returns mu itself: no noise is drawn. Draw a fresh eps for every number."),
    Mistake(
        "no_eps",
        "Every z lies exactly one sigma above mu: no noise is drawn. Draw a fresh eps for every number.",
    ),
    Mistake(
        "mu_times_eps",
        "With mu = 0 every z is the same number: the noise is multiplied with mu. Which of the two, mu or "
        "sigma, stretches, and which one shifts?",
    ),
    Mistake(
        "mu_not_added",
        "The draws do not lie around mu: when mu moves by 1,000, z must move by 1,000. Does mu enter once, "
        "as it is?",
    ),
    Mistake(
        "log_var_as_sigma",
        "You used log_var where sigma belongs. log_var is log σ²: what undoes the logarithm, and what the "
        "square?",
    ),
    Mistake(
        "variance_as_sigma",
        "The spread of z is σ² where it should be σ. Which of the two is the exponential of log_var?",
    ),
    Mistake(
        "limited_log_var",
        "With log_var = {log_var:g} the spread of z is {found:.3g} where sigma is {sigma:.3g}; with a "
        "moderate log_var it is right. Does something limit log_var or sigma?",
    ),
    Mistake(
        "detached_mu",
        "No gradient comes back to mu: something cuts the graph, such as .data, .detach(), torch.no_grad(), "
        "NumPy, torch.normal or Normal.sample().",
    ),
    Mistake(
        "detached_log_var",
        "No gradient comes back to log_var: something cuts the graph between log_var and z, such as .data or "
        ".detach() on sigma.",
    ),
    Mistake(
        "one_number",
        "The whole batch shares one single eps: draw as many numbers as mu has, one for each number of each "
        "image.",
    ),
    Mistake(
        "one_eps_per_image",
        "All dimensions of an image share one eps: draw it in the shape of mu, (B, D), not (B, 1).",
    ),
    Mistake(
        "one_eps_for_all",
        "All images share one eps: draw it in the shape of mu, so that each image has its own.",
    ),
    Mistake(
        "repeated_eps",
        "Some numbers of eps are used more than once, as they are or with the other sign: each number of "
        "each image needs a draw of its own, which no other one shares.",
    ),
    Mistake(
        "correlated",
        "The noise of one number tells something about that of another ({which}, correlation {found:.2f}): "
        "each needs a draw of its own.",
    ),
    Mistake(
        "same_eps_each_call", "Two calls return the same z: draw a new eps each time, without a fixed seed."
    ),
    Mistake(
        "uniform",
        "eps is uniform, as torch.rand and its kin draw it. The course's eps is standard normal.",
    ),
    Mistake(
        "never_negative",
        "No z lies below mu: eps is never negative. Half of the noise of a normal distribution is.",
    ),
    Mistake(
        "clipped",
        "Of 24,000 draws none lies farther than {largest:.2f} sigmas from mu: something cuts the tails of "
        "the noise off.",
    ),
    Mistake(
        "not_normal",
        "The noise is not normal: its histogram is no bell, for large and small values are too rare or too "
        "frequent. What does your generator draw?",
    ),
    Mistake(
        "uncentred",
        "eps is not centred at 0: on average z must be mu.",
    ),
    tests="shape (also of one image, and of one dimension), mean and spread over many draws, normal noise of "
    "its own for every number, gradients",
)
def check_reparameterize(answer: Answer) -> None:
    """f(mu, log_var), each (B, D) → z = mu + sigma · eps (B, D), a draw through which gradients flow."""
    _draws_have_the_shape(answer)
    began = time.process_time()
    eps = _noise(answer, torch.full((8_000, 3), LOG_NINTH))
    quick = time.process_time() - began < 0.15  # no loop over single numbers
    _is_fresh_for_every_number(answer, eps)
    _has_the_spread_of_sigma(answer, eps)
    _is_standard_normal(answer, eps)
    _are_independent(answer, eps)
    for log_var in (-12.0, 8.0):
        _has_the_right_extremes(answer, log_var)
    if quick:  # enough numbers to see an error of one per cent
        _is_centred_and_as_wide_as_sigma(answer, _noise(answer, answer.uniform(150_000, 3, low=-5, high=3)))
    _lets_gradients_through(answer)


SHAPES = ((5, 3), (1, 3), (5, 1), (1, 1))  # a batch, one image, one dimension, one number


def _draws_have_the_shape(answer: Answer) -> None:
    for shape in SHAPES:
        mu, log_var = answer.normal(*shape), answer.normal(*shape)
        z = answer.tensor(answer.call(mu=mu, log_var=log_var), {"mu": mu})
        if z.shape != mu.shape:
            raise WrongAnswer(
                f"reparameterize must return the shape of mu, {shape}, not {tuple(z.shape)}.", "shape"
            )
        if not bool(torch.isfinite(z).all()):
            raise WrongAnswer("reparameterize returned NaN or infinity for ordinary mu and log_var.", "nan")


def _noise(answer: Answer, log_var: Tensor, scale: float = 2.0) -> Tensor:
    """(z − mu) / sigma of one call, with a mu of this scale."""
    mu = scale * answer.normal(*log_var.shape)
    z = answer.tensor(answer.call(mu=mu, log_var=log_var), {"mu": mu})
    return (z - mu.double()) / (log_var.double() / 2).exp()


def _is_fresh_for_every_number(answer: Answer, eps: Tensor) -> None:
    if eps.abs().max() < 1e-3:
        answer.fail("no_noise")
    if (eps - 1).abs().max() < 1e-3:
        answer.fail("no_eps")
    if torch.allclose(eps, eps[:1, :1].expand_as(eps), atol=1e-3):
        answer.fail("one_number")
    if torch.allclose(eps, eps[:, :1].expand_as(eps), atol=1e-3):
        answer.fail("one_eps_per_image")
    if torch.allclose(eps, eps[:1].expand_as(eps), atol=1e-3):
        answer.fail("one_eps_for_all")
    first, second = (_noise(answer, torch.ones(5, 3), scale=0) for _ in range(2))  # mu = 0
    if bool((first == first[0, 0]).all()):
        answer.fail("mu_times_eps")
    if _noise(answer, torch.zeros(5, 3), scale=1e3).abs().mean() > 100:
        answer.fail("mu_not_added")
    if torch.equal(first, second):
        answer.fail("same_eps_each_call")


def _has_the_spread_of_sigma(answer: Answer, eps: Tensor) -> None:
    """At two values of log_var: at a single one softplus, say, looks like the exponential."""
    spread = eps.square().mean().sqrt()
    wider = _noise(answer, torch.ones(1000, 3)).square().mean().sqrt() * math.exp(0.5)
    if abs(spread / (3 * -LOG_NINTH) - 1) < 0.05 and abs(wider - 1) < 0.1:
        answer.fail("log_var_as_sigma")
    if abs(spread * 3 - 1) < 0.05 and abs(wider / math.e - 1) < 0.1:
        answer.fail("variance_as_sigma")


def _is_standard_normal(answer: Answer, eps: Tensor) -> None:
    """24,000 numbers: the limits are nine or more standard errors away for standard normal noise."""
    mean, spread = eps.mean(), eps.std()
    fourth = ((eps - mean) / spread).pow(4).mean().item()  # 3 for a normal, 1.8 for a uniform
    if abs(fourth - 1.8) < 0.1:
        answer.fail("uniform")
    if eps.min() > -1e-3:
        answer.fail("never_negative")
    largest = ((eps - mean) / spread).abs().max().item()  # below 3.2 once in 10¹⁴ checks
    if largest < 3.2 and fourth > 2:
        answer.fail("clipped", largest=eps.abs().max().item())
    if abs(fourth - 3) > 0.4:
        answer.fail("not_normal")
    _is_centred_and_as_wide_as_sigma(answer, eps)


def _is_centred_and_as_wide_as_sigma(answer: Answer, eps: Tensor) -> None:
    """Mean 0 and spread 1, within nine standard errors."""
    mean, spread = eps.mean().item(), eps.std().item()
    if abs(mean) > 9 * spread / math.sqrt(eps.numel()):
        answer.fail("uncentred")
    if abs(spread - 1) > 9 / math.sqrt(2 * eps.numel()):
        raise WrongAnswer(
            f"Over {eps.numel():,} draws the spread of z around mu is {spread:.3f} times sigma: it must be "
            "sigma.",
            "value",
        )


def _are_independent(answer: Answer, eps: Tensor) -> None:
    """No number of eps comes twice, and none tells of another: correlations within nine standard errors."""
    draws = _noise(answer, torch.zeros(2_000, 3), scale=0)  # mu = 0, sigma = 1: eps as it was drawn
    if len(draws.abs().unique()) < 0.95 * draws.numel():  # equal by chance: a few
        answer.fail("repeated_eps")
    half = len(eps) // 2
    pairs = {
        "images that follow each other": (eps[:-1], eps[1:]),
        "the first half of the batch and the second": (eps[:half], eps[half:]),
        "images from the front and from the back": (eps[:half], eps.flip(0)[:half]),
        "two dimensions of an image": (eps, eps.roll(1, dims=1)),
    }
    for which, pair in pairs.items():
        for a, b in (pair, [side.abs() for side in pair]):
            found = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()
            if abs(found) > 9 / math.sqrt(a.numel()):
                answer.fail("correlated", which=which, found=found)


def _has_the_right_extremes(answer: Answer, log_var: float) -> None:
    """600 numbers: a spread off by a third or more is seen."""
    spread = _noise(answer, torch.full((200, 3), log_var), scale=0.5).square().mean().sqrt().item()
    if abs(spread - 1) > 0.3:  # ten standard errors
        sigma = math.exp(log_var / 2)
        answer.fail("limited_log_var", log_var=log_var, found=spread * sigma, sigma=sigma)


def _lets_gradients_through(answer: Answer) -> None:
    mu = answer.normal(4, 3).requires_grad_()
    log_var = answer.normal(4, 3).requires_grad_()
    z = answer.call(mu=mu, log_var=log_var)
    kept = list(answer.given.values())
    if not isinstance(z, Tensor) or not z.requires_grad:
        answer.fail("detached_mu")
    grad_mu, grad_log_var = torch.autograd.grad(z.sum(), kept, allow_unused=True)
    if grad_mu is None or not bool(grad_mu.any()):
        answer.fail("detached_mu")
    if grad_log_var is None or not bool(grad_log_var.any()):
        answer.fail("detached_log_var")
    expected = (z - kept[0]).detach() / 2  # dz/dlog_var = eps · sigma / 2
    if not torch.allclose(grad_mu, torch.ones_like(grad_mu)):
        raise WrongAnswer("The gradient of z for mu is not 1: mu must enter z once, as it is.", "value")
    if not torch.allclose(grad_log_var, expected.to(grad_log_var), atol=1e-4):
        raise WrongAnswer(
            "The gradient of z for log_var is not eps · sigma / 2: does sigma come from log_var alone?",
            "value",
        )


# ── 5.2 Two lines that each look right ───────────────────────────────────────────────────────────


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) ‖ N(0, 1)) from torch.distributions."""
    return kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0))


def _code(mu: Tensor, log_var: Tensor, eps: Tensor) -> Tensor:
    return mu + eps * (log_var / 2).exp()


def _kl_line(mu: Tensor, h: Tensor, first: float, second: float) -> Tensor:
    """The line of the KL with `first` · h as the logarithm and `second` · h in the exponential."""
    return -0.5 * (1 + first * h - mu**2 - (second * h).exp())


HALF_MENDED = (
    "You changed the KL, in one place of the two where the head stands: now it is right for no reading of "
    "the head, and z still takes it for log σ. Which line was wrong, for log σ²?"
)


@check(
    Mistake(
        "unmended",
        "The two lines still disagree: one reads the head as log σ, the other as log σ². Work out the sigma "
        "that each of them means at −2.",
        lambda mu, log_var, eps: (_code(mu, 2 * log_var, eps), _kl(mu, log_var)),
    ),
    Mistake(
        "both_as_log_sigma",
        "Now the lines agree, but both read the head as log σ. In this course the head is log σ²: mend the "
        "other line.",
        lambda mu, log_var, eps: (_code(mu, 2 * log_var, eps), _kl(mu, 2 * log_var)),
    ),
    Mistake(
        "swapped",
        "You changed both lines, so they disagree the other way round: one of them was right.",
        lambda mu, log_var, eps: (_code(mu, log_var, eps), _kl(mu, 2 * log_var)),
    ),
    Mistake(
        "log_var_as_sigma",
        "z uses log_var where sigma belongs: a logarithm may be negative, a standard deviation may not.",
        lambda mu, log_var, eps: (mu + eps * log_var, _kl(mu, log_var)),
    ),
    Mistake(
        "sigma_in_kl",
        "The sampling line is right now, but the KL holds σ where σ² belongs: it was right as it stood.",
        lambda mu, log_var, eps: (
            _code(mu, log_var, eps),
            _kl_line(mu, log_var, 1, 0.5),
        ),
    ),
    Mistake(
        "halved_everywhere",
        "The sampling line is right now, but the same change in the KL is one too many: that line read its "
        "head as log σ² as it stood.",
        lambda mu, log_var, eps: (_code(mu, log_var, eps), _kl_line(mu, log_var, 0.5, 0.5)),
    ),
    Mistake(
        "logarithm_doubled",
        HALF_MENDED,
        lambda mu, log_var, eps: (_code(mu, 2 * log_var, eps), _kl_line(mu, log_var, 2, 1)),
    ),
    Mistake(
        "exponent_doubled",
        HALF_MENDED,
        lambda mu, log_var, eps: (_code(mu, 2 * log_var, eps), _kl_line(mu, log_var, 1, 2)),
    ),
    Mistake(
        "cut",
        "The values are right, but no gradient, or a wrong one, goes back from {part} to {head}: .detach(), "
        ".data, torch.no_grad() and NumPy cut the graph. The encoder learns from both lines.",
    ),
    Mistake(
        "summed",
        "The bug is mended, but the KL was one number for each code, (B, D): leave the sum to who calls it.",
        lambda mu, log_var, eps: (_code(mu, log_var, eps), _kl(mu, log_var).sum(dim=1)),
    ),
    Mistake(
        "order",
        "The two results are right, and in the wrong order: first z, then its KL.",
        lambda mu, log_var, eps: (_kl(mu, log_var), _code(mu, log_var, eps)),
    ),
    Mistake("own_noise", "Two calls with the same eps return different z: use the noise that you are given."),
    tests="z and KL against torch.distributions, from one number to a batch, wide and narrow clouds; the "
    "gradients of both",
)
def check_code_and_kl(answer: Answer) -> None:
    """f(mu, log_var, eps), each (B, D) → (z, kl), each (B, D), which agree about sigma."""
    for compare, shape, spread in (
        (answer.compare_parts, (6, 3), 1.5),
        *((answer.compare_edge, shape, 4) for shape in SHAPES),
    ):
        inputs = {"mu": answer.normal(*shape), "log_var": spread * answer.normal(*shape) - 0.5}
        inputs["eps"] = answer.normal(*shape)
        first, again = (answer.parts(answer.call(**inputs), "z", "kl")[0] for _ in range(2))
        _uses_the_noise_it_is_given(answer, first, again, inputs)
        mu, log_var, eps = (value.double() for value in inputs.values())
        compare({"z": _code(mu, log_var, eps), "kl": _kl(mu, log_var)}, **inputs)
    _both_lines_teach_both_heads(answer)


def _uses_the_noise_it_is_given(answer: Answer, first: object, again: object, inputs: dict) -> None:
    first, again = (answer.tensor(value, inputs, "z") for value in (first, again))
    if first.shape == again.shape and not torch.allclose(first, again, equal_nan=True):
        answer.fail("own_noise")


def _both_lines_teach_both_heads(answer: Answer) -> None:
    mu, log_var, eps = (answer.normal(4, 3) for _ in range(3))
    inputs = {"mu": mu.clone().requires_grad_(), "log_var": log_var.clone().requires_grad_(), "eps": eps}
    results = answer.parts(answer.call(**inputs), "z", "kl")
    given = [answer.given["mu"], answer.given["log_var"]]
    heads = [mu.double().requires_grad_(), log_var.double().requires_grad_()]
    right = {"z": _code(*heads, eps.double()), "kl": _kl(*heads)}
    for (part, wanted), result in zip(right.items(), results, strict=True):
        slopes = torch.autograd.grad(wanted.sum(), heads, retain_graph=True)
        found = (None, None)
        if isinstance(result, Tensor) and result.requires_grad:
            found = torch.autograd.grad(result.sum(), given, retain_graph=True, allow_unused=True)
        for head, slope, got in zip(("mu", "log_var"), slopes, found, strict=True):
            if got is None or not torch.allclose(got.double(), slope, rtol=1e-3, atol=1e-4):
                answer.fail("cut", part=part, head=head)


# ── 5.3 Backwards by hand ────────────────────────────────────────────────────────────────────────


@check(
    Mistake(
        "half_missing",
        "The gradient of log_var is twice too large: sigma = exp(log_var / 2), and its derivative brings "
        "the ½ down.",
        lambda grad_z, log_var, eps: (grad_z, grad_z * eps * (log_var / 2).exp()),
    ),
    Mistake(
        "sigma_missing",
        "sigma is missing in the gradient of log_var: the derivative of an exponential is that exponential.",
        lambda grad_z, log_var, eps: (grad_z, grad_z * eps / 2),
    ),
    Mistake(
        "eps_missing",
        "eps is missing in the gradient of log_var: the same change of sigma moves z far or near, up or "
        "down, as eps has it.",
        lambda grad_z, log_var, eps: (grad_z, grad_z * (log_var / 2).exp() / 2),
    ),
    Mistake(
        "gradient_of_sigma",
        "This is the gradient of sigma; the head is log_var, one step further back in the chain.",
        lambda grad_z, log_var, eps: (grad_z, grad_z * eps),
    ),
    Mistake(
        "variance_for_sigma",
        "σ² stands where σ belongs: exp(log_var) is the variance.",
        lambda grad_z, log_var, eps: (grad_z, grad_z * eps * log_var.exp() / 2),
    ),
    Mistake(
        "log_var_as_sigma",
        "You used log_var where sigma belongs.",
        lambda grad_z, log_var, eps: (grad_z, grad_z * eps * log_var / 2),
    ),
    Mistake(
        "chain_cut",
        "These are the slopes of z alone: what arrives from the loss, grad_z, has to be multiplied in.",
        lambda grad_z, log_var, eps: (torch.ones_like(eps), eps * (log_var / 2).exp() / 2),
    ),
    Mistake(
        "swapped",
        "The two gradients are right, and in the wrong order: first that of mu, then that of log_var.",
        lambda grad_z, log_var, eps: (grad_z * eps * (log_var / 2).exp() / 2, grad_z),
    ),
    Mistake(
        "summed",
        "You summed over the batch: each image has its own mu and log_var, hence gradients (B, D).",
        lambda grad_z, log_var, eps: (grad_z.sum(0), (grad_z * eps * (log_var / 2).exp() / 2).sum(0)),
    ),
    tests="both gradients against autograd, for wide and narrow clouds, from one number to a batch",
)
def check_backward_through_code(answer: Answer) -> None:
    """f(grad_z, log_var, eps), each (B, D) → (grad_mu, grad_log_var), each (B, D)."""
    for compare, shape, low, high in (
        (answer.compare_parts, (6, 3), -3, 2),
        (answer.compare_parts, (6, 3), -20, -15),
        *((answer.compare_edge, shape, -9, 9) for shape in SHAPES),
    ):
        grad_z, eps = answer.normal(*shape), answer.normal(*shape)
        log_var = answer.uniform(*shape, low=low, high=high)
        mu, leaf = torch.zeros(shape).double().requires_grad_(), log_var.double().requires_grad_()
        grads = torch.autograd.grad(_code(mu, leaf, eps.double()), [mu, leaf], grad_z.double())
        right = dict(zip(("grad_mu", "grad_log_var"), grads, strict=True))
        compare(right, atol=1e-7, grad_z=grad_z, log_var=log_var, eps=eps)


# ── 5.4 The other gradient ───────────────────────────────────────────────────────────────────────


def _slope(f: Callable, mu: float, sigma: float, eps: Tensor) -> Tensor:
    z = (mu + sigma * eps).requires_grad_()
    return torch.autograd.grad(f(z).sum(), z)[0]


@check(
    Mistake(
        "pathwise",
        "This is the pathwise estimate, f'(z). The score function leaves z where it is and asks how much "
        "more likely it becomes.",
        _slope,
    ),
    Mistake(
        "f_missing",
        "This is the score alone, the slope of log q: it has to be multiplied with the value of f at each "
        "draw.",
        lambda f, mu, sigma, eps: eps / sigma,
    ),
    Mistake(
        "sigma_missing",
        "Divide by sigma: in a narrow cloud the same step of mu makes a draw much more likely, or less.",
        lambda f, mu, sigma, eps: f(mu + sigma * eps) * eps,
    ),
    Mistake(
        "variance_for_sigma",
        "One sigma too many: (z − mu) / σ² is the slope of log q, and z − mu is sigma times eps.",
        lambda f, mu, sigma, eps: f(mu + sigma * eps) * eps / sigma**2,
    ),
    Mistake(
        "sigma_times",
        "You multiply by sigma where you should divide: the slope of log q is (z − mu) / σ².",
        lambda f, mu, sigma, eps: f(mu + sigma * eps) * eps * sigma,
    ),
    Mistake(
        "sign",
        "The sign is wrong: a draw above mu becomes *more* likely when mu rises.",
        lambda f, mu, sigma, eps: -f(mu + sigma * eps) * eps / sigma,
    ),
    Mistake(
        "f_of_eps",
        "f was evaluated at eps; the draws are z = mu + sigma · eps.",
        lambda f, mu, sigma, eps: f(eps) * eps / sigma,
    ),
    Mistake(
        "f_of_mu",
        "f was evaluated at mu, the same for all draws: each draw z has its own value.",
        lambda f, mu, sigma, eps: f(torch.full_like(eps, mu)) * eps / sigma,
    ),
    Mistake(
        "averaged",
        "You averaged: return one estimate for each draw, (N,), so that its spread can be measured.",
        lambda f, mu, sigma, eps: (f(mu + sigma * eps) * eps / sigma).mean(),
    ),
    Mistake(
        "baseline",
        "You subtract {constant:.3g} from each f, a baseline, which makes it quieter. "
        "Here the plain estimate is asked for, to see what it costs; 5.5 is the place for baselines.",
    ),
    Mistake(
        "own_noise", "Two calls with the same eps return different estimates: use the eps that you are given."
    ),
    tests="one estimate for each draw, also of a single one, for a smooth function and for one with a jump, "
    "wide and narrow clouds",
)
def check_score_gradient(answer: Answer) -> None:
    """f(f, mu, sigma, eps (N,)) → the score-function estimate of d E[f(z)] / d mu from each draw (N,)."""
    a, b = answer.uniform(2, low=0.5, high=1.5).tolist()
    mu, sigma = answer.normal(1).item(), answer.uniform(1, low=0.3, high=0.7).item()

    def wave(z: Tensor) -> Tensor:
        return 3 * torch.cos(a * torch.as_tensor(z)) + b

    def jump(z: Tensor) -> Tensor:
        return (torch.as_tensor(z) > mu).float() + 0.25

    for f in (wave, jump):
        eps = answer.normal(40)
        if f is jump and torch.allclose(_values(answer, f, mu, sigma, eps), torch.zeros(40).double()):
            answer.fail("pathwise")
        wanted = f(mu + sigma * eps) * eps / sigma
        found, again = (_values(answer, f, mu, sigma, eps) for _ in range(2))
        _uses_the_noise_it_is_given(answer, found, again, {})
        if found.shape == wanted.shape:
            _holds_no_baseline(answer, found, f(mu + sigma * eps), eps / sigma)
        answer.match(found, wanted, f=f, mu=mu, sigma=sigma, eps=eps)
    for size, center, spread in ((1, mu, sigma), (30, -1.0, 0.1), (30, 2.0, 5.0)):
        eps = answer.normal(size)
        wanted = wave(center + spread * eps) * eps / spread
        answer.compare_edge(wanted, atol=1e-3, f=wave, mu=center, sigma=spread, eps=eps)


def _holds_no_baseline(answer: Answer, found: Tensor, values: Tensor, score: Tensor) -> None:
    clear = score.abs() > 0.2  # no division by a score near 0
    subtracted = (values - found / score)[clear]
    constant = subtracted.mean().item()
    if abs(constant) > 0.01 and (subtracted - constant).abs().max() < 1e-3:
        answer.fail("baseline", constant=constant)


def _values(answer: Answer, f: Callable, mu: float, sigma: float, eps: Tensor) -> Tensor:
    inputs = {"f": f, "mu": mu, "sigma": sigma, "eps": eps}
    return answer.tensor(answer.call(**inputs), inputs)


# ── 5.5 A quieter estimate ───────────────────────────────────────────────────────────────────────

ESTIMATES, DRAWS = 3000, 8  # how often the estimator is called, with how many evaluations of f


@dataclass
class Jump:
    """A step of `height` at `at` sigmas beside mu, on top of `offset`, with the exact gradient."""

    mu: float
    sigma: float
    at: float
    height: float
    offset: float
    points: list[Tensor] = field(default_factory=list)  # where f was evaluated in this call, in sigmas

    def __call__(self, z: object) -> Tensor:
        z = torch.as_tensor(z).detach()
        self.points.append((z.reshape(-1).double() - self.mu) / self.sigma)
        return self.height * (z > self.mu + self.sigma * self.at).float() + self.offset

    def values(self, eps: Tensor) -> Tensor:
        return self.height * (eps > self.at).double() + self.offset

    @property
    def density(self) -> float:
        return math.exp(-(self.at**2) / 2) / math.sqrt(2 * math.pi)

    @property
    def exact(self) -> float:
        return self.height * self.density / self.sigma

    @property
    def plain_variance(self) -> float:
        """The variance of the plain score function's mean over DRAWS draws, in closed form."""
        above = (1 - math.erf(self.at / math.sqrt(2))) / 2 + self.at * self.density  # E[eps²; eps > at]
        square = self.offset**2 + (2 * self.offset * self.height + self.height**2) * above
        return (square - (self.height * self.density) ** 2) / self.sigma**2 / DRAWS


@check(
    Mistake(
        "too_many_evaluations",
        "f was evaluated at {used} points where {allowed} are allowed: more draws make every estimator "
        "quieter.",
    ),
    Mistake(
        "too_loud",
        "Its variance is {share:.2f} times that of the plain score function: at most 0.10 is asked for. What "
        "adds nothing to the gradient and much to the noise? (So loud, it may be wrong on average, too.)",
    ),
    Mistake(
        "own_draw_in_baseline",
        "It is quiet, but not right on average: the number that you subtract from a draw's value is made of "
        "the draws, this one among them, so it depends on this draw. Where could it come from instead?",
    ),
    Mistake(
        "finite_difference",
        "You evaluate f at pairs of points a fixed step apart, a finite difference: on average that is the "
        "slope of a smoothed f, and with a jump a small step makes it loud.",
    ),
    Mistake(
        "pathwise",
        "Every estimate is 0, or f is asked for its slope. f is flat but for a jump, and no gradient comes "
        "out of a black box: moving z tells nothing. The score function never moves z.",
    ),
    Mistake(
        "fixed_noise",
        "Every call evaluates f at the same points: draw new noise in every call, without a fixed seed.",
    ),
    Mistake("f_unused", "f was never evaluated: an estimate has to be made of values of f."),
    Mistake(
        "biased",
        "It is not right on average: where the jump lies {at:+.1f} sigmas from mu, the mean of {calls} "
        "estimates is {mean:.3f}, exact is {exact:.3f}.",
    ),
    tests="right on average and a tenth of the variance, for jumps on all sides of mu, no more evaluations",
)
def check_quiet_gradient(answer: Answer) -> None:
    """f(f, mu, sigma, n) → one unbiased estimate of d E[f(z)] / d mu from n values of f, without f'."""
    rounds = _rounds(answer)
    estimates: list[list[float]] = [[] for _ in rounds]
    points: list[list[Tensor]] = [[] for _ in rounds]
    for which in torch.arange(ESTIMATES)[torch.randperm(ESTIMATES, generator=answer.rng)].tolist():
        f = rounds[which % len(rounds)]
        f.points = []
        estimates[which % len(rounds)].append(answer.number(_one_estimate(answer, f)))
        used = sum(len(eps) for eps in f.points)
        if used > DRAWS:
            answer.fail("too_many_evaluations", used=used, allowed=DRAWS)
        points[which % len(rounds)].append(torch.cat([*f.points, torch.zeros(0).double()]))
    found = [torch.tensor(numbers, dtype=torch.float64) for numbers in estimates]
    for f, numbers, places in zip(rounds, found, points, strict=True):
        _is_a_fair_attempt(answer, f, numbers, places)
    for f, numbers, places in zip(rounds, found, points, strict=True):
        if _subtracts_its_own_draws(f, numbers, places):
            answer.fail("own_draw_in_baseline")
        _is_unbiased(answer, f, numbers, places)
    for f, numbers in zip(rounds, found, strict=True):
        if numbers.var() > 0.10 * f.plain_variance:
            answer.fail("too_loud", share=(numbers.var() / f.plain_variance).item())


def _rounds(answer: Answer) -> list[Jump]:
    """Three functions: mu near the jump, below it and above it. The large constants differ."""
    offsets = 6 + 6 * answer.uniform(1).item() + 12 * torch.randperm(3, generator=answer.rng)
    places = (answer.uniform(3, low=-0.2, high=0.2) + torch.tensor([0.0, 1.2, -1.2])).tolist()
    return [
        Jump(
            mu=answer.normal(1).item(),
            sigma=answer.uniform(1, low=0.4, high=0.8).item(),
            at=at,
            height=answer.uniform(1, low=2, high=4).item(),
            offset=offset.item(),
        )
        for at, offset in zip(places, offsets, strict=True)
    ]


def _one_estimate(answer: Answer, f: Jump) -> object:
    def black_box(z: object) -> Tensor:
        return f(z)

    try:
        return answer.call(f=black_box, mu=f.mu, sigma=f.sigma, n=DRAWS)
    except WrongAnswer as refusal:
        if refusal.mistake == "raised" and "require grad" in str(refusal):
            answer.fail("pathwise")
        raise


def _is_a_fair_attempt(answer: Answer, f: Jump, estimates: Tensor, points: list[Tensor]) -> None:
    """Made of values of f, neither pathwise nor seeded, and no finite difference."""
    if not any(map(len, points)):
        answer.fail("f_unused")
    if bool((estimates == 0).all()):
        answer.fail("pathwise")
    if _pairs_are_a_fixed_step_apart(points):
        answer.fail("finite_difference")
    if all(torch.equal(eps, points[0]) for eps in points):
        answer.fail("fixed_noise")


def _pairs_are_a_fixed_step_apart(points: list[Tensor]) -> bool:
    """Whether some step, to a thousandth of sigma, occurs twice among the points of each of ten calls.

    Points that are the same in all calls, such as mu, are a baseline's and do not count.
    """
    calls = [(eps * 1000).round().long() for eps in points[:10]]
    fixed = set.intersection(*(set(call.tolist()) for call in calls))
    common = None
    for call in calls:
        drawn = [place for place in call.tolist() if place not in fixed]
        steps = Counter(abs(a - b) for i, a in enumerate(drawn) for b in drawn[:i])
        # rounding may move a step by one
        often = {s + d for s, c in steps.items() if c + steps[s + 1] > 1 for d in (-1, 0, 1) if s}
        common = often if common is None else common & often
    return bool(common)


def _is_unbiased(answer: Answer, f: Jump, estimates: Tensor, points: list[Tensor]) -> None:
    """Against the exact gradient, then against a score function from the answer's own draws.

    The second is the sharper test, for most of the luck cancels. It holds if the answer's draws come from
    N(mu, sigma²), so it is left out where their mean and spread tell otherwise.
    """
    against = [estimates - f.exact]
    drawn = [eps[eps.abs() > 1e-5] for eps in points]  # without f(mu), a baseline
    every = torch.cat(drawn)
    standard_error = 1 / math.sqrt(max(len(every), 1))
    if (
        all(map(len, drawn))
        and abs(every.mean()) < 5 * standard_error
        and abs(every.std() - 1) < 5 * standard_error
    ):
        middle = f.offset + f.height / 2
        own = torch.stack([((f.values(eps) - middle) * eps / f.sigma).mean() for eps in drawn])
        off, luck = estimates - own, torch.stack([eps.mean() for eps in drawn])  # luck is 0 on average
        if luck.var() > 1e-6:
            off = off - luck * (luck * (off - off.mean())).mean() / luck.var()
        against.append(off)
    slack = 1e-3 * abs(f.exact)  # some fair estimates hardly vary
    biased = any(abs(off.mean()) > 8 * off.std() / math.sqrt(len(off)) + slack for off in against)
    if biased or _is_a_multiple_of_leave_one_out(f, estimates, points):
        mean = estimates.mean().item()
        answer.fail("biased", at=f.at, calls=len(estimates), mean=mean, exact=f.exact)


def _score_function(f: Jump, eps: Tensor, baseline: Callable[[Tensor], Tensor]) -> Tensor:
    values = f.values(eps)
    return ((values - baseline(values)) * eps / f.sigma).mean()


def _subtracts_its_own_draws(f: Jump, estimates: Tensor, points: list[Tensor]) -> bool:
    """Whether the first estimates are those of a baseline made of all draws' values, or of one of them.

    A median or a maximum is often the same without the own draw, and then it does no harm.
    """
    if any(len(eps) < 2 or abs(eps.mean()) < 1e-5 for eps in points[:20]):
        return False  # in mirrored draws a baseline cancels, and does no harm
    tried = list(zip(estimates[:200], points[:200], strict=True))
    for baseline in (torch.mean, torch.min, torch.max, torch.median, lambda v: v[0], lambda v: v[-1]):

        def of_the_others(values: Tensor, baseline: Callable = baseline) -> Tensor:
            return torch.stack([baseline(values[torch.arange(len(values)) != i]) for i in range(len(values))])

        if all(abs(_score_function(f, eps, baseline) - found) < 1e-3 for found, eps in tried):
            return any(abs(_score_function(f, eps, of_the_others) - found) > 1e-3 for found, eps in tried)
    return False


def _is_a_multiple_of_leave_one_out(f: Jump, estimates: Tensor, points: list[Tensor]) -> bool:
    """Whether they are a constant, not 1, times those whose baseline is the mean of the other draws."""
    if any(len(eps) < 2 or abs(eps.mean()) < 1e-5 for eps in points[:20]):
        return False
    fair = torch.stack(
        [_score_function(f, eps, lambda v: (v.sum() - v) / (len(v) - 1)) for eps in points[:20]]
    )
    factors = (estimates[:20] / fair)[fair.abs() > 0.05]
    return len(factors) > 5 and bool(factors.std() < 1e-3) and abs(factors.mean().item() - 1) > 0.01
