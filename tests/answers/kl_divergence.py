"""Answers to the exercises of chapter 6."""

import math

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence


def in_loops(mu, log_var):
    result = torch.empty(mu.shape)
    for b in range(mu.shape[0]):
        for d in range(mu.shape[1]):
            m, v = mu[b, d].item(), math.exp(log_var[b, d].item())
            result[b, d] = (m * m + v - 1 - math.log(v)) / 2
    return result


def with_numpy(mu, log_var):
    mu, log_var = mu.numpy().astype(np.float64), log_var.numpy().astype(np.float64)
    return 0.5 * (np.exp(log_var) + mu**2 - 1 - log_var)


def with_distributions(mu, log_var):
    return kl_divergence(Normal(mu, torch.exp(log_var / 2)), Normal(0.0, 1.0))


def in_place(mu, log_var):
    result = log_var.exp()
    result += mu.pow(2)
    result -= 1 + log_var
    return result.div_(2)


def clamped(mu, log_var):
    log_var = log_var.clamp(-10, 10)
    return -0.5 * (1 + log_var - mu**2 - log_var.exp())


def log_var_as_sigma(mu, log_var):
    return -0.5 * (1 + torch.log(log_var**2) - mu**2 - log_var**2)


def other_direction(mu, log_var):
    return kl_divergence(Normal(0.0, 1.0), Normal(mu, torch.exp(log_var / 2)))


RIGHT = {"check_kl_divergence": [in_loops, with_numpy, with_distributions, in_place]}

WRONG = {
    "check_kl_divergence": [
        ("half", lambda mu, log_var: -(1 + log_var - mu**2 - log_var.exp())),
        ("sign", lambda mu, log_var: 0.5 * (1 + log_var - mu**2 - log_var.exp())),
        ("variance_missing", lambda mu, log_var: -0.5 * (1 + log_var - mu**2)),
        ("one_missing", lambda mu, log_var: -0.5 * (log_var - mu**2 - log_var.exp())),
        ("mu_not_squared", lambda mu, log_var: -0.5 * (1 + log_var - mu - log_var.exp())),
        ("log_var_as_log_sigma", lambda mu, log_var: -0.5 * (1 + 2 * log_var - mu**2 - (2 * log_var).exp())),
        ("log_var_as_sigma", log_var_as_sigma),
        ("sigma_for_variance", lambda mu, log_var: -0.5 * (1 + log_var - mu**2 - (log_var / 2).exp())),
        ("direction", other_direction),
        ("summed_over_latents", lambda mu, log_var: with_distributions(mu, log_var).sum(dim=1)),
        ("mean_over_latents", lambda mu, log_var: with_distributions(mu, log_var).mean(dim=1)),
        ("summed_over_everything", lambda mu, log_var: with_distributions(mu, log_var).sum()),
        ("mean_over_everything", lambda mu, log_var: with_distributions(mu, log_var).mean()),
        ("clamped", clamped),
        ("shape", lambda mu, log_var: with_distributions(mu, log_var).T),
        ("value", lambda mu, log_var: with_distributions(mu, log_var) + 0.1),
    ],
}
