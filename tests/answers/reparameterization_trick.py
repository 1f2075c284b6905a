"""Answers to the exercises of chapter 5."""

import numpy as np
import torch
from torch.distributions import Normal


def with_rsample(mu, log_var):
    return Normal(mu, log_var.mul(0.5).exp()).rsample()


def with_numpy_noise(mu, log_var):
    eps = torch.tensor(np.random.default_rng().standard_normal(tuple(mu.shape)), dtype=mu.dtype)
    return mu + eps * torch.sqrt(torch.exp(log_var))


def in_place_on_noise(mu, log_var):
    z = torch.empty_like(mu).normal_()
    return z.mul(torch.exp(log_var) ** 0.5).add(mu)


def seeded(mu, log_var):
    torch.manual_seed(0)
    return mu + torch.exp(log_var / 2) * torch.randn_like(mu)


RIGHT = {"check_reparameterize": [with_rsample, with_numpy_noise, in_place_on_noise]}

WRONG = {
    "check_reparameterize": [
        ("no_noise", lambda mu, log_var: mu + 0 * log_var),
        ("log_var_as_sigma", lambda mu, log_var: mu + log_var * torch.randn_like(mu)),
        ("variance_as_sigma", lambda mu, log_var: mu + log_var.exp() * torch.randn_like(mu)),
        ("detached_mu", lambda mu, log_var: Normal(mu, torch.exp(log_var / 2)).sample()),
        ("detached_mu", lambda mu, log_var: mu.data + torch.exp(log_var / 2) * torch.randn_like(mu)),
        ("detached_log_var", lambda mu, log_var: mu + torch.exp(log_var / 2).detach() * torch.randn_like(mu)),
        ("one_eps_per_image", lambda mu, log_var: mu + (log_var / 2).exp() * torch.randn(len(mu), 1)),
        ("one_eps_for_all", lambda mu, log_var: mu + (log_var / 2).exp() * torch.randn(mu.shape[1])),
        ("same_eps_each_call", seeded),
        ("uniform", lambda mu, log_var: mu + (log_var / 2).exp() * torch.rand_like(mu)),
        ("uniform", lambda mu, log_var: mu + (log_var / 2).exp() * (2 * torch.rand_like(mu) - 1)),
        ("uncentred", lambda mu, log_var: mu + (log_var / 2).exp() * (1 + torch.randn_like(mu))),
        ("shape", lambda mu, log_var: (mu + (log_var / 2).exp() * torch.randn_like(mu)).flatten()),
    ],
}
