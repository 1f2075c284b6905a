"""Answers to the exercises of chapter 12."""

import functools
import math
from itertools import pairwise

import numpy as np
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from torch.distributions import Normal, kl_divergence

from course_lib import data

# ── predicted_noise ──────────────────────────────────────────────────────────────────────────────


def noise_in_loops(z, sigma, centres, width):
    spread = width**2 + sigma**2
    found = torch.zeros_like(z)
    for row, point in enumerate(z):
        log_p = [-float((point - centre).square().sum()) / (2 * spread) for centre in centres]
        shares = softmax(log_p)
        for share, centre in zip(shares, centres, strict=True):
            found[row] += float(share) * sigma * (point - centre) / spread
    return found


def noise_by_the_score(z, sigma, centres, width):
    with torch.enable_grad():
        z = z.detach().clone().requires_grad_()
        distances = (z.unsqueeze(1) - centres).pow(2).sum(-1)
        log_p = torch.logsumexp(-distances / (2 * (width**2 + sigma**2)), dim=1)
        (score,) = torch.autograd.grad(log_p.sum(), z)
    return -sigma * score


def noise_from_the_guess(z, sigma, centres, width):
    z, centres = z.double().numpy(), centres.double().numpy()
    spread = width**2 + sigma**2
    away = z[:, None, :] - centres[None]
    share = softmax(-(away**2).sum(axis=-1) / (2 * spread), axis=1)
    guesses = centres + away * width**2 / spread
    clean = np.einsum("bk,bkd->bd", share, guesses)
    return (z - clean) / sigma


def noise_with_scipy(z, sigma, centres, width):
    z, centres = z.double().numpy(), centres.double().numpy()
    spread = width**2 + sigma**2
    log_p = np.stack(
        [np.atleast_1d(multivariate_normal.logpdf(z, c, spread * np.eye(len(c)))) for c in centres], axis=1
    )
    share = np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))
    return (z - share @ centres) * sigma / spread  # the shares add up to 1


def noise_in_matrices(z, sigma, centres, width):
    s2 = width * width + sigma * sigma
    share = torch.softmax((z @ centres.T - 0.5 * (centres**2).sum(1)) / s2, dim=-1)
    return sigma / s2 * (z - share @ centres)


def noise_with_shares_from(z, sigma, centres, width, spread):
    share = (-torch.cdist(z, centres).square() / (2 * spread)).softmax(dim=1)
    return sigma / (width**2 + sigma**2) * (z - share @ centres)


def noise_of_the_nearest(z, sigma, centres, width):
    nearest = centres[torch.cdist(z, centres).argmin(dim=1)]
    return sigma * (z - nearest) / (width**2 + sigma**2)


def noise_per_number(z, sigma, centres, width):
    spread = width**2 + sigma**2
    away = z[:, None] - centres
    return ((-away.square() / (2 * spread)).softmax(dim=1) * away).sum(dim=1) * sigma / spread


def noise_by_densities(z, sigma, centres, width):
    spread = width**2 + sigma**2
    p = (-torch.cdist(z, centres).square() / (2 * spread)).exp()
    return sigma / spread * (z - p / p.sum(dim=1, keepdim=True) @ centres)


# ── kl_of_link ───────────────────────────────────────────────────────────────────────────────────


def link_by_torch(z, z_hat, lower, sigma):
    rho = (lower / sigma) ** 2
    width = lower * math.sqrt(1 - rho)
    return kl_divergence(Normal((1 - rho) * z, width), Normal((1 - rho) * z_hat, width)).sum(-1)


def link_in_loops(z, z_hat, lower, sigma):
    found = []
    for one, other in zip(z.tolist(), z_hat.tolist(), strict=True):
        error = sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        found.append(0.5 * (lower**-2 - sigma**-2) * error)
    return torch.tensor(found)


def link_by_the_noise(z, z_hat, lower, sigma):
    eps_error = (z - z_hat) / sigma
    return (sigma**2 / lower**2 - 1) * (eps_error**2).sum(dim=1) / 2


def link_with_numpy(z, z_hat, lower, sigma):
    z, z_hat = z.numpy().astype(float), z_hat.numpy().astype(float)
    return np.linalg.norm(z - z_hat, axis=1) ** 2 * (1 / lower**2 - 1 / sigma**2) / 2


def error(z, z_hat):
    return (z - z_hat).square().sum(dim=1)


def weight(lower, sigma):
    return (1 / lower**2 - 1 / sigma**2) / 2


# ── walk_down ────────────────────────────────────────────────────────────────────────────────────


def walk_by_index(model, eps, levels):
    z = levels[0] * eps
    for i in range(len(levels)):
        lower = levels[i + 1] if i + 1 < len(levels) else 0.0
        z = z - (levels[i] - lower) * model(z, torch.full((len(z), 1), float(levels[i])))
    return z


def walk_by_guesses(model, eps, levels):
    """Each step keeps the share lower / sigma of what is between z and the guess of the clean code."""
    ends = torch.cat([levels, levels.new_zeros(1)])
    z = eps * ends[0]
    for sigma, lower in pairwise(ends):
        clean = z - sigma * model(z, sigma.repeat(len(z), 1))
        z = clean + lower / sigma * (z - clean)
    return z


def walk_by_recursion(model, eps, levels):
    def go(z, left):
        if len(left) == 1:
            return z
        return go(z + (left[1] - left[0]) * model(z, left[0] * torch.ones(len(z), 1)), left[1:])

    return go(eps * levels[0], torch.nn.functional.pad(levels, (0, 1)))


def walk_with(model, eps, levels, start=True, told=0, share=None, last=True, sign=-1):
    share = share or (lambda sigma, lower: sigma - lower)
    ends = [*levels.tolist(), 0.0] if last else levels.tolist()
    z = eps * ends[0] if start else eps
    for pair in pairwise(ends):
        z = z + sign * share(*pair) * model(z, torch.full((len(z), 1), max(pair[told], 1e-6)))
    return z


# ── my_prior: stand-ins made from the banana's own recipe ────────────────────────────────────────


@functools.cache
def mixture():
    return GaussianMixture(12, random_state=0).fit(data.banana(1000, seed=1).tensors[0])


def prior_by_mixture(n):
    return mixture().set_params(random_state=np.random.randint(2**31)).sample(n)[0]  # noqa: NPY002


def prior_by_the_recipe(n):
    z = torch.randn(n)
    return data.banana_curve(z) + 0.5 * torch.randn(n, 2)


def prior_by_kernels(n):
    points = data.banana(1000, seed=1).tensors[0]
    return points[torch.randint(1000, (n,))] + 0.25 * torch.randn(n, 2)


def prior_of_one_gaussian(n):
    points = data.banana(1000, seed=1).tensors[0]
    return points.mean(dim=0) + torch.randn(n, 2) @ torch.linalg.cholesky(torch.cov(points.T)).T


def prior_of_copies(n):
    return data.banana(1000, seed=1).tensors[0][torch.randint(1000, (n,))]


def prior_that_is_too_wide(n):
    z = torch.randn(n)
    return data.banana_curve(z) + 0.9 * torch.randn(n, 2)


def prior_left_white(n):
    points = prior_by_the_recipe(n)
    return (points - points.mean(dim=0)) / points.std(dim=0)


# ── my_verdicts ──────────────────────────────────────────────────────────────────────────────────

VERDICTS = {"A": False, "B": True, "C": False, "D": True, "E": False}


def without(letter):
    return lambda: VERDICTS | {letter: not VERDICTS[letter]}


RIGHT = {
    "check_predicted_noise": [
        noise_in_loops,
        noise_by_the_score,
        noise_from_the_guess,
        noise_with_scipy,
        noise_in_matrices,
    ],
    "check_kl_of_link": [link_by_torch, link_in_loops, link_by_the_noise, link_with_numpy],
    "check_walk_down": [walk_by_index, walk_by_guesses, walk_by_recursion],
    "check_my_prior": [prior_by_mixture, prior_by_the_recipe, prior_by_kernels],
    "check_my_verdicts": [
        lambda: dict(zip("EDCBA", (False, True, False, True, False), strict=True)),
        lambda: {letter: letter in "BD" for letter in "ABCDE"},
        lambda: {letter: np.bool_(letter in "BD") for letter in "ABCDE"},
        lambda: {letter: int(letter in "BD") for letter in "ABCDE"},
    ],
}

WRONG = {
    "check_predicted_noise": [
        ("score", lambda z, sigma, centres, width: -noise_in_matrices(z, sigma, centres, width) / sigma),
        ("sign", lambda *inputs: -noise_in_matrices(*inputs)),
        ("clean_code", lambda z, sigma, *more: z - sigma * noise_in_matrices(z, sigma, *more)),
        ("not_divided_by_sigma", lambda z, sigma, *more: sigma * noise_in_matrices(z, sigma, *more)),
        ("width_forgotten", lambda z, sigma, centres, width: noise_in_matrices(z, sigma, centres, 0.0)),
        (
            "widths_added",
            lambda z, sigma, centres, width: (
                noise_with_shares_from(z, sigma, centres, width, (width + sigma) ** 2)
                * (width**2 + sigma**2)
                / (width + sigma) ** 2
            ),
        ),
        (
            "equal_shares",
            lambda z, sigma, centres, width: sigma * (z - centres.mean(dim=0)) / (width**2 + sigma**2),
        ),
        ("nearest_only", noise_of_the_nearest),
        (
            "shares_of_clean_bells",
            lambda z, sigma, centres, width: noise_with_shares_from(z, sigma, centres, width, width**2),
        ),
        ("shares_per_number", noise_per_number),
        ("densities_underflow", noise_by_densities),
        ("value", lambda z, sigma, centres, width: noise_in_matrices(z, sigma, centres, width**2)),
        ("value", lambda z, sigma, centres, width: noise_in_matrices(z + 0.05, sigma, centres, width)),
        ("shape", lambda *inputs: noise_in_matrices(*inputs).sum(dim=1)),
        ("shape", lambda *inputs: noise_in_matrices(*inputs).squeeze(0)),
    ],
    "check_kl_of_link": [
        ("half", lambda z, z_hat, lower, sigma: 2 * weight(lower, sigma) * error(z, z_hat)),
        ("sign", lambda z, z_hat, lower, sigma: weight(sigma, lower) * error(z, z_hat)),
        ("not_squared", lambda z, z_hat, lower, sigma: 0.5 * (1 / lower - 1 / sigma) * error(z, z_hat)),
        (
            "weight_of_the_noise",
            lambda z, z_hat, lower, sigma: 0.5 * (sigma**2 / lower**2 - 1) * error(z, z_hat),
        ),
        (
            "means_not_shrunk",
            lambda z, z_hat, lower, sigma: error(z, z_hat) / (2 * lower**2 * (1 - (lower / sigma) ** 2)),
        ),
        (
            "variance_of_the_noise",
            lambda z, z_hat, lower, sigma: (
                error((1 - (lower / sigma) ** 2) * z, (1 - (lower / sigma) ** 2) * z_hat) / (2 * lower**2)
            ),
        ),
        ("mean_over_numbers", lambda z, z_hat, *levels: link_by_torch(z, z_hat, *levels) / z.shape[1]),
        ("over_the_batch", lambda *inputs: link_by_torch(*inputs).mean()),
        (
            "error_not_squared",
            lambda z, z_hat, lower, sigma: weight(lower, sigma) * (z - z_hat).abs().sum(dim=1),
        ),
        ("value", lambda z, z_hat, lower, sigma: 0.5 / lower**2 * error(z, z_hat)),
        ("shape", lambda z, z_hat, *levels: weight(*levels) * (z - z_hat).square()),
        ("shape", lambda *inputs: link_by_torch(*inputs)[:, None]),
    ],
    "check_walk_down": [
        ("start_not_scaled", lambda *inputs: walk_with(*inputs, start=False)),
        (
            "start_of_white_codes",
            lambda model, eps, levels: walk_by_index(model, eps * (1 + levels[0] ** -2) ** 0.5, levels),
        ),
        ("all_noise_at_once", lambda *inputs: walk_with(*inputs, share=lambda sigma, lower: sigma)),
        ("told_the_next_level", lambda *inputs: walk_with(*inputs, told=1)),
        ("last_step_missing", lambda *inputs: walk_with(*inputs, last=False)),
        ("sign", lambda *inputs: walk_with(*inputs, sign=1)),
        ("squares", lambda *inputs: walk_with(*inputs, share=lambda sigma, lower: sigma**2 - lower**2)),
        ("steps_of_one", lambda *inputs: walk_with(*inputs, share=lambda sigma, lower: 1.0)),
        ("two_left", lambda *inputs: walk_with(*inputs, start=False, told=1)),
        ("two_left", lambda *inputs: walk_with(*inputs, told=1, share=lambda sigma, lower: sigma)),
        (
            "two_left",
            lambda *inputs: walk_with(*inputs, start=False, told=1, share=lambda sigma, lower: sigma),
        ),
        ("own_noise", lambda model, eps, levels: walk_by_index(model, torch.randn_like(eps), levels)),
        ("value", lambda *inputs: walk_by_index(*inputs) + 0.01),
        ("shape", lambda *inputs: walk_by_index(*inputs)[0]),
    ],
    "check_my_prior": [
        ("no_function", torch.zeros(2000, 2)),
        ("no_function", "a mixture"),
        ("too_few", lambda n: prior_by_the_recipe(n // 2)),
        ("too_few", lambda n: prior_by_the_recipe(n).T),
        ("always_the_same", lambda n: data.banana(n, seed=5).tensors[0]),
        ("copies", prior_of_copies),
        ("one_gaussian", prior_of_one_gaussian),
        ("away_from_the_banana", prior_left_white),
        ("away_from_the_banana", lambda n: torch.randn(n, 2)),
        ("above_the_yardstick", prior_that_is_too_wide),
        ("nan", lambda n: prior_by_the_recipe(n) / 0.0 * 0.0),
    ],
    "check_my_verdicts": [
        ("other_letters", lambda: {"A": True}),
        ("other_letters", dict),
        ("no_verdict", lambda: VERDICTS | {"C": None}),
        ("no_verdict", lambda: VERDICTS | {"B": "yes"}),
        ("no_verdict", lambda: VERDICTS | {"B": 2}),
        ("decoder_blamed", without("A")),
        ("second_stage_needs_images", without("B")),
        ("millionth_is_a_vae", without("C")),
        ("distance_and_information", without("D")),
        ("perfect_training", without("E")),
        ("type", lambda: [False, True, False, True, False]),
    ],
}
