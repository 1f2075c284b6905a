"""Checks for chapter 5, the reparameterization trick."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check

# ── 5.1 The line ─────────────────────────────────────────────────────────────────────────────────


@check(
    Mistake("no_noise", "It returns mu itself: no noise is drawn. Draw a fresh eps for every number."),
    Mistake(
        "log_var_as_sigma",
        "You used log_var where sigma belongs: log_var = log σ², so sigma is the exponential of half of it.",
    ),
    Mistake(
        "variance_as_sigma",
        "The spread is σ² where it should be σ: exp(log_var) is the variance, and half of log_var gives σ.",
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
        "one_eps_per_image",
        "All dimensions of an image share one eps: draw it in the shape of mu, (B, D), not (B, 1).",
    ),
    Mistake(
        "one_eps_for_all",
        "All images share one eps: draw it in the shape of mu, so that each image has its own.",
    ),
    Mistake(
        "same_eps_each_call", "Two calls return the same z: draw a new eps each time, without a fixed seed."
    ),
    Mistake(
        "uniform",
        "eps is not normal: torch.rand and its kin are uniform. The course's eps is standard normal.",
    ),
    Mistake("uncentred", "eps is not centred at 0: on average z must be mu."),
    tests="shape, mean and spread over many draws, normal noise of its own for every number, gradients",
)
def check_reparameterize(answer: Answer) -> None:
    """f(mu, log_var), each (B, D) → z = mu + sigma · eps (B, D), a draw through which gradients flow."""
    _draws_have_the_shape(answer)
    eps = _noise_of_many_draws(answer)
    _is_fresh_for_every_number(answer, eps)
    _has_the_spread_of_sigma(answer, eps)
    _is_standard_normal(answer, eps)
    _lets_gradients_through(answer)


def _draws_have_the_shape(answer: Answer) -> None:
    mu, log_var = answer.normal(5, 3), answer.normal(5, 3)
    z = answer.tensor(answer.call(mu=mu, log_var=log_var), {"mu": mu})
    if z.shape != mu.shape:
        raise WrongAnswer(
            f"reparameterize must return the shape of mu, {tuple(mu.shape)}, not {tuple(z.shape)}.", "shape"
        )
    if not bool(torch.isfinite(z).all()):
        raise WrongAnswer("reparameterize returned NaN or infinity for ordinary mu and log_var.", "nan")


def _noise_of_many_draws(answer: Answer) -> Tensor:
    """(z − mu) / sigma of 8,000 images and 3 dimensions, for a sigma of ⅓: (8000, 3)."""
    mu, log_var = 2 * answer.normal(8_000, 3), torch.full((8_000, 3), -2.1972246)
    z = answer.tensor(answer.call(mu=mu, log_var=log_var), {"mu": mu})
    return (z - mu.double()) * 3


def _is_fresh_for_every_number(answer: Answer, eps: Tensor) -> None:
    if eps.abs().max() < 1e-3:
        answer.fail("no_noise")
    if torch.allclose(eps, eps[:, :1].expand_as(eps), atol=1e-3):
        answer.fail("one_eps_per_image")
    if torch.allclose(eps, eps[:1].expand_as(eps), atol=1e-3):
        answer.fail("one_eps_for_all")
    mu, log_var = torch.zeros(4, 3), torch.ones(4, 3)
    first, second = (answer.tensor(answer.call(mu=mu, log_var=log_var), {}) for _ in range(2))
    if torch.equal(first, second):
        answer.fail("same_eps_each_call")


def _has_the_spread_of_sigma(answer: Answer, eps: Tensor) -> None:
    spread = eps.square().mean().sqrt()
    if abs(spread / (3 * 2.1972246) - 1) < 0.05:
        answer.fail("log_var_as_sigma")
    if abs(spread * 3 - 1) < 0.05:
        answer.fail("variance_as_sigma")


def _is_standard_normal(answer: Answer, eps: Tensor) -> None:
    """24,000 numbers: the limits are nine standard errors away for standard normal noise."""
    mean, spread = eps.mean().item(), eps.std().item()
    fourth = ((eps - mean) / spread).pow(4).mean().item()  # 3 for a normal, 1.8 for a uniform
    if abs(fourth - 3) > 0.4:
        answer.fail("uniform")
    if abs(mean) > 0.06:
        answer.fail("uncentred")
    if abs(spread - 1) > 0.042:
        raise WrongAnswer(
            f"The spread of z around mu is {spread / 3:.3f} where sigma is 0.333 (log_var = −2.197).", "value"
        )


def _lets_gradients_through(answer: Answer) -> None:
    mu = answer.normal(4, 3).requires_grad_()
    log_var = answer.normal(4, 3).requires_grad_()
    kept = []

    def keep(mu: Tensor, log_var: Tensor) -> Tensor:
        kept.extend([mu, log_var])
        return original(mu, log_var)

    original, answer.f = answer.f, keep
    z = answer.call(mu=mu, log_var=log_var)
    answer.f = original
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
            -0.5 * (1 + log_var - mu**2 - (log_var / 2).exp()),
        ),
    ),
    Mistake(
        "summed",
        "The bug is mended, but the KL was one number for each code, (B, D): leave the sum to who calls it.",
        lambda mu, log_var, eps: (_code(mu, log_var, eps), _kl(mu, log_var).sum(dim=1)),
    ),
    tests="z and KL against torch.distributions, so that both mean the same sigma",
)
def check_code_and_kl(answer: Answer) -> None:
    """f(mu, log_var, eps), each (B, D) → (z, kl), each (B, D), which agree about sigma."""
    mu, log_var, eps = answer.normal(6, 3), 1.5 * answer.normal(6, 3) - 0.5, answer.normal(6, 3)
    right = {"z": _code(mu.double(), log_var.double(), eps), "kl": _kl(mu.double(), log_var.double())}
    answer.compare_parts(right, mu=mu, log_var=log_var, eps=eps)


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
    tests="both gradients against autograd, for wide and narrow clouds",
)
def check_backward_through_code(answer: Answer) -> None:
    """f(grad_z, log_var, eps), each (B, D) → (grad_mu, grad_log_var), each (B, D)."""
    for low, high in ((-3, 2), (-20, -15)):
        grad_z, eps = answer.normal(6, 3), answer.normal(6, 3)
        log_var = answer.uniform(6, 3, low=low, high=high)
        mu, leaf = torch.zeros(6, 3).double().requires_grad_(), log_var.double().requires_grad_()
        grads = torch.autograd.grad(_code(mu, leaf, eps.double()), [mu, leaf], grad_z.double())
        right = dict(zip(("grad_mu", "grad_log_var"), grads, strict=True))
        answer.compare_parts(right, atol=1e-7, grad_z=grad_z, log_var=log_var, eps=eps)


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
    tests="one estimate for each draw, for smooth functions and for one with a jump",
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
        answer.compare(wanted, f=f, mu=mu, sigma=sigma, eps=eps)


def _values(answer: Answer, f: Callable, mu: float, sigma: float, eps: Tensor) -> Tensor:
    inputs = {"f": f, "mu": mu, "sigma": sigma, "eps": eps}
    return answer.tensor(answer.call(**inputs), inputs)


# ── 5.5 A quieter estimate ───────────────────────────────────────────────────────────────────────

ESTIMATES, DRAWS = 3000, 8  # how often the estimator is called, with how many evaluations of f


@check(
    Mistake(
        "too_many_evaluations",
        "f was evaluated at {used} points where {allowed} are allowed: more draws make every estimator "
        "quieter.",
    ),
    Mistake(
        "too_loud",
        "It is right on average, and its variance is {share:.2f} times that of the plain score function: at "
        "most 0.10 is asked for. What adds nothing to the gradient and much to the noise?",
    ),
    Mistake(
        "own_draw_in_baseline",
        "It is quiet, but {share:.0%} too small on average: a baseline made of all draws contains the draw "
        "that it is subtracted from. Where could it come from instead?",
    ),
    Mistake(
        "pathwise",
        "The estimate is always 0: f is flat but for a jump, so moving z tells nothing. The score function "
        "never moves z.",
    ),
    Mistake(
        "fixed_noise",
        "All 3,000 estimates are the same number: draw new noise in every call, without a fixed seed.",
    ),
    Mistake(
        "biased",
        "It is quiet, but not right on average: the mean of 3,000 estimates is {mean:.3f}, exact is "
        "{exact:.3f} (standard error {error:.3f}).",
    ),
    tests="right on average within 8 standard errors, a tenth of the variance, no more evaluations",
)
def check_quiet_gradient(answer: Answer) -> None:
    """f(f, mu, sigma, n) → one unbiased estimate of d E[f(z)] / d mu from n values of f, without f'."""
    height, offset = answer.uniform(2, low=2, high=4).tolist()
    mu, sigma = answer.normal(1).item(), answer.uniform(1, low=0.4, high=0.8).item()
    place = mu + sigma * answer.uniform(1, low=-0.4, high=0.4).item()
    used = 0

    def jump(z: object) -> Tensor:
        nonlocal used
        z = torch.as_tensor(z).detach()
        used += z.numel()
        return height * (z > place).float() + 3 * offset

    estimates = []
    for _ in range(ESTIMATES):
        used = 0
        result = answer.call(f=jump, mu=mu, sigma=sigma, n=DRAWS)
        if used > DRAWS:
            answer.fail("too_many_evaluations", used=used, allowed=DRAWS)
        estimates.append(answer.number(result))
    estimates = torch.tensor(estimates, dtype=torch.float64)
    at = (place - mu) / sigma
    exact = height * math.exp(-(at**2) / 2) / math.sqrt(2 * math.pi) / sigma
    _judge_estimates(answer, estimates, exact, _variance_of_score(height, 3 * offset, at, sigma))


def _variance_of_score(height: float, offset: float, at: float, sigma: float) -> float:
    """The variance of the plain score function's mean over DRAWS draws, in closed form."""
    density = math.exp(-(at**2) / 2) / math.sqrt(2 * math.pi)
    above = (1 - math.erf(at / math.sqrt(2))) / 2 + at * density  # E[eps²; eps > at]
    square = offset**2 + (2 * offset * height + height**2) * above
    return (square - (height * density) ** 2) / sigma**2 / DRAWS


def _judge_estimates(answer: Answer, estimates: Tensor, exact: float, plain: float) -> None:
    mean, variance = estimates.mean().item(), estimates.var().item()
    error = math.sqrt(variance / len(estimates))
    if bool((estimates == 0).all()):
        answer.fail("pathwise")
    if bool((estimates == estimates[0]).all()):
        answer.fail("fixed_noise")
    if abs(mean - exact) > 8 * error + 1e-6:
        short = 1 - mean / exact
        if abs(short - 1 / DRAWS) < 8 * error / exact:
            answer.fail("own_draw_in_baseline", share=short)
        answer.fail("biased", mean=mean, exact=exact, error=error)
    if variance > 0.10 * plain:
        answer.fail("too_loud", share=variance / plain)
