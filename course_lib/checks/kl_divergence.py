"""Checks for chapter 6, the KL divergence."""

import torch
from torch import Tensor
from torch.distributions import Normal
from torch.distributions import kl_divergence as exact_kl

from course_lib.checks.feedback import Answer, Mistake, check


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
        "Right in the middle, wrong far out: do not clamp log_var here.",
    ),
    tests="shape, values against torch.distributions, N(0, 1) itself, very wide and very narrow clouds",
)
def check_kl_divergence(answer: Answer) -> None:
    """f(mu, log_var), each (B, D) → the KL divergence from N(0, 1) of each dimension (B, D), in nats."""
    mu, log_var = 1.5 * answer.normal(6, 3), 1.2 * answer.normal(6, 3)
    answer.compare(_kl(mu, log_var), mu=mu, log_var=log_var)
    nothing = torch.zeros(2, 2)
    answer.compare(torch.zeros(2, 2), mu=nothing, log_var=nothing)
    far = torch.tensor([[12.0], [-12.0], [25.0], [-40.0]])
    result = answer.call(mu=torch.ones(4, 1), log_var=far)
    clamped = answer.tensor(result, {})
    for limit in (2, 4, 5, 6, 8, 10, 20, 30):
        cut = _kl(torch.ones(4, 1), far.clamp(-limit, limit))
        if clamped.shape == cut.shape and torch.allclose(clamped, cut, rtol=1e-3):
            answer.fail("clamped")
    answer.match(result, _kl(torch.ones(4, 1), far), mu=torch.ones(4, 1), log_var=far)
