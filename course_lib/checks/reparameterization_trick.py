"""Checks for chapter 5, the reparameterization trick."""

import torch
from torch import Tensor

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check


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
        "No gradient comes back to mu: something cuts the graph, such as .data, .detach(), torch.no_grad() "
        "or Normal.sample().",
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
    """(z − mu) / sigma of 20,000 images and 3 dimensions, for a sigma of ⅓: (20000, 3)."""
    mu, log_var = 2 * answer.normal(20_000, 3), torch.full((20_000, 3), -2.1972246)
    z = answer.tensor(answer.call(mu=mu, log_var=log_var), {"mu": mu})
    eps = (z - mu.double()) * 3
    spread = eps.square().mean().sqrt()
    if spread < 1e-3:
        answer.fail("no_noise")
    if abs(spread / (3 * 2.1972246) - 1) < 0.05:
        answer.fail("log_var_as_sigma")
    if abs(spread * 3 - 1) < 0.05:
        answer.fail("variance_as_sigma")
    return eps


def _is_fresh_for_every_number(answer: Answer, eps: Tensor) -> None:
    if torch.allclose(eps, eps[:, :1].expand_as(eps), atol=1e-3):
        answer.fail("one_eps_per_image")
    if torch.allclose(eps, eps[:1].expand_as(eps), atol=1e-3):
        answer.fail("one_eps_for_all")
    mu, log_var = torch.zeros(4, 3), torch.zeros(4, 3)
    first, second = (answer.tensor(answer.call(mu=mu, log_var=log_var), {}) for _ in range(2))
    if torch.equal(first, second):
        answer.fail("same_eps_each_call")


def _is_standard_normal(answer: Answer, eps: Tensor) -> None:
    """60,000 numbers: the limits are ten standard errors away for standard normal noise."""
    mean, spread = eps.mean().item(), eps.std().item()
    fourth = ((eps - mean) / spread).pow(4).mean().item()  # 3 for a normal, 1.8 for a uniform
    if abs(fourth - 3) > 0.4:
        answer.fail("uniform")
    if abs(mean) > 0.045:
        answer.fail("uncentred")
    if abs(spread - 1) > 0.03:
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
    if not z.requires_grad:
        answer.fail("detached_mu")
    grad_mu, grad_log_var = torch.autograd.grad(z.sum(), kept, allow_unused=True)
    if grad_mu is None:
        answer.fail("detached_mu")
    if grad_log_var is None:
        answer.fail("detached_log_var")
    expected = (z - kept[0]).detach() / 2  # dz/dlog_var = eps · sigma / 2
    if not torch.allclose(grad_mu, torch.ones_like(grad_mu)):
        raise WrongAnswer("The gradient of z for mu is not 1: mu must enter z once, as it is.", "value")
    if not torch.allclose(grad_log_var, expected.to(grad_log_var), atol=1e-4):
        raise WrongAnswer(
            "The gradient of z for log_var is not eps · sigma / 2: does sigma come from log_var alone?",
            "value",
        )
