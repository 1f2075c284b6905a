"""Answers to the exercises of chapter 6."""

import math

import numpy as np
import torch
from scipy.special import entr, logsumexp
from scipy.stats import entropy, norm
from torch.distributions import Categorical, MixtureSameFamily, Normal, kl_divergence
from torch.nn import functional


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


def small_number_added(mu, log_var):
    variance = log_var.exp() + 1e-8
    return 0.5 * (mu**2 + variance - 1 - variance.log())


def from_log_sigma(mu, log_var):
    log_sigma = log_var / 2
    return (mu**2 + (2 * log_sigma).exp() - 1) / 2 - log_sigma


def from_expm1(mu, log_var):
    return 0.5 * (torch.expm1(log_var) - log_var) + 0.5 * mu * mu


# ── monte_carlo_kl ───────────────────────────────────────────────────────────────────────────────


def estimate_in_numpy(log_q, log_p):
    values = log_q.numpy().astype(np.float64) - log_p.numpy()
    return values.mean(), values.std() / np.sqrt(values.size)


def estimate_in_loops(log_q, log_p):
    values = [a - b for a, b in zip(log_q.tolist(), log_p.tolist(), strict=True)]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def estimate_from_moments(log_q, log_p):
    values = (log_q - log_p).double()
    mean, square = values.mean(), values.square().mean()
    return [mean, ((square - mean**2) / values.numel()).sqrt()]


def estimate(value=lambda q, p: q - p, error=lambda v: v.std() / len(v) ** 0.5, mean=torch.mean):
    """An answer made of one draw's value, the standard error and the average."""
    return lambda q, p: (mean(value(q, p)), error(value(q, p)))


# ── bits_per_image ───────────────────────────────────────────────────────────────────────────────


def bits_with_distributions(mu, log_var):
    kl = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0))
    return float(kl.sum() / len(mu) / math.log(2))


def bits_in_loops(mu, log_var):
    total = 0.0
    for m, v in zip(mu.flatten().tolist(), log_var.flatten().tolist(), strict=True):
        total += (m * m + math.exp(v) - 1 - v) / 2
    return total / len(mu) * math.log2(math.e)


def bits_in_numpy(mu, log_var):
    return np.mean(np.sum(with_numpy(mu, log_var), axis=1)) / np.log(2)


# ── kl_of_reports ────────────────────────────────────────────────────────────────────────────────


def reports_with_scipy(q, p):
    return entropy(q.numpy(), p.numpy(), axis=1)


def reports_with_categorical(q, p):
    return kl_divergence(Categorical(q), Categorical(p))


def reports_in_loops(q, p):
    result = []
    for truth, belief in zip(q.tolist(), p.tolist(), strict=True):
        parts = [math.inf if b == 0 else t * math.log(t / b) for t, b in zip(truth, belief, strict=True) if t]
        result.append(sum(parts))
    return torch.tensor(result)


def reports_from_entropy(q, p):
    return torch.special.entr(q).sum(dim=1).neg() - torch.special.xlogy(q, p).sum(dim=1)


def reports_with_small_numbers(q, p):
    return (q * ((q + 1e-8) / (p + 1e-8)).log()).sum(dim=1)


# ── information_and_distance ─────────────────────────────────────────────────────────────────────

POINTS = np.linspace(-25, 25, 10_001)


def split_on_grid(mu, log_var, points=POINTS, reverse=False, heap=None, prior=None):
    log_q = norm.logpdf(points, mu.numpy()[:, None], np.exp(log_var.numpy() / 2)[:, None])
    log_heap = logsumexp(log_q, axis=0) - math.log(len(log_q)) if heap is None else heap(log_q)
    log_prior = norm.logpdf(points)

    def kl(a, b):
        return (np.exp(a) * (a - b)).sum(axis=-1) * (points[1] - points[0])

    distance = kl(log_prior, log_heap) if reverse else kl(log_heap, log_prior)
    return kl(log_q, log_heap).mean(), distance


def split_by_difference(mu, log_var):
    grid = torch.arange(-20, 20, 0.01)
    heap = Normal(mu[:, None], (log_var[:, None] / 2).exp()).log_prob(grid).exp().mean(dim=0)
    distance = (torch.xlogy(heap, heap) - heap * Normal(0.0, 1.0).log_prob(grid)).sum() * 0.01
    return with_distributions(mu, log_var).mean() - distance, distance


def split_from_entropies(mu, log_var):
    heap = np.exp(norm.logpdf(POINTS[:, None], mu.numpy(), np.exp(log_var.numpy() / 2))).mean(axis=1)
    step = POINTS[1] - POINTS[0]
    information = entr(heap).sum() * step - 0.5 * np.mean(np.log(2 * np.pi * np.e) + log_var.numpy())
    return [float(information), float(-(entr(heap) + heap * norm.logpdf(POINTS)).sum() * step)]


def split_with_a_mixture(mu, log_var):
    q = Normal(mu.double(), (log_var.double() / 2).exp())
    heap = MixtureSameFamily(Categorical(torch.ones(len(mu))), q)
    z = torch.linspace(-20, 20, 8001, dtype=torch.float64)
    log_heap, step = heap.log_prob(z), 40 / 8000
    distance = (log_heap.exp() * (log_heap - Normal(0.0, 1.0).log_prob(z))).sum() * step
    log_q = q.log_prob(z[:, None])
    return (log_q.exp() * (log_q - log_heap[:, None])).sum(dim=0).mean() * step, distance


def split_with_one_gaussian(mu, log_var):
    log_variance = (log_var.exp().mean() + mu.var(correction=0)).log()
    distance = with_distributions(mu.mean()[None], log_variance[None])[0]
    return with_distributions(mu, log_var).mean() - distance, distance


def split_undivided(mu, log_var):
    return split_on_grid(mu, log_var, heap=lambda log_q: logsumexp(log_q, axis=0))


# ── arrange_codes ────────────────────────────────────────────────────────────────────────────────


def at_quantiles(n, width=0.58):
    edges = norm.ppf(np.linspace(0, 1, n + 1)[1:-1])
    mu = norm.ppf((np.arange(n) + 0.5) / n)
    gaps = np.diff(np.concatenate([[2 * edges[0] - edges[1]], edges, [2 * edges[-1] - edges[-2]]]))
    return mu, 2 * np.log(width * gaps)


def by_search(n):
    found = []
    for width in (0.4, 0.5, 0.58, 0.66):
        mu, log_var = (torch.tensor(part) for part in at_quantiles(n, width))
        information, distance = split_on_grid(mu, log_var)
        if information > 0.66 * math.log(n):
            found.append((distance, mu, log_var))
    return min(found, key=lambda tried: tried[0])[1:]


def code_by_code(n):
    mu = [norm.ppf((i + 0.5) / n) for i in range(n)]
    sigma = [0.5 / n / norm.pdf(m) for m in mu]  # a gap is about 1 / (n · density)
    return [torch.tensor(mu), torch.tensor([2 * math.log(s) for s in sigma])]


def evenly(n, spread, sigma):
    even = torch.linspace(-1, 1, n)
    return spread * even / even.std(correction=0), torch.full((n,), 2 * math.log(sigma))


RIGHT = {
    "check_kl_divergence": [
        in_loops,
        with_numpy,
        with_distributions,
        in_place,
        from_log_sigma,
        from_expm1,
    ],
    "check_monte_carlo_kl": [estimate_in_numpy, estimate_in_loops, estimate_from_moments],
    "check_bits_per_image": [bits_with_distributions, bits_in_loops, bits_in_numpy],
    "check_kl_of_reports": [
        reports_with_scipy,
        reports_with_categorical,
        reports_in_loops,
        reports_from_entropy,
    ],
    "check_information_and_distance": [
        split_on_grid,
        split_by_difference,
        split_from_entropies,
        split_with_a_mixture,
    ],
    "check_arrange_codes": [at_quantiles, by_search, code_by_code],
}

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
        ("clamped", lambda mu, log_var: with_distributions(mu, log_var.clamp(max=8))),
        ("clamped", lambda mu, log_var: with_distributions(mu, log_var.clamp(-20, 100))),
        ("clamped", small_number_added),
        ("shape", lambda mu, log_var: with_distributions(mu, log_var).T),
        ("value", lambda mu, log_var: with_distributions(mu, log_var) + 0.1),
    ],
    "check_monte_carlo_kl": [
        ("direction", estimate(lambda q, p: p - q)),
        ("weighted_twice", estimate(lambda q, p: q.exp() * (q - p))),
        ("absolute", estimate(lambda q, p: (q - p).abs())),
        ("summed", estimate(mean=torch.sum)),
        ("bits", estimate(lambda q, p: (q - p) / math.log(2))),
        ("spread_for_error", estimate(error=torch.std)),
        ("divided_by_n", estimate(error=lambda v: v.std() / len(v))),
        ("variance_for_error", estimate(error=lambda v: v.var() / len(v))),
        ("type", lambda q, p: (q - p).mean()),
        ("shape", lambda q, p: (q - p, (q - p).std() / len(q) ** 0.5)),
        ("value", estimate(lambda q, p: 1.1 * (q - p))),
    ],
    "check_bits_per_image": [
        ("nats", lambda mu, log_var: with_distributions(mu, log_var).sum(dim=1).mean()),
        ("times_log_2", lambda mu, log_var: bits_in_loops(mu, log_var) * math.log(2) ** 2),
        ("mean_over_latents", lambda mu, log_var: bits_in_loops(mu, log_var) / mu.shape[1]),
        ("mean_over_latents_in_nats", lambda mu, log_var: with_distributions(mu, log_var).mean()),
        ("sum_over_images", lambda mu, log_var: bits_in_loops(mu, log_var) * len(mu)),
        ("sum_over_images_in_nats", lambda mu, log_var: with_distributions(mu, log_var).sum()),
        ("mean_posterior", lambda mu, log_var: bits_in_loops(mu.mean(0)[None], log_var.mean(0)[None])),
        ("not_averaged", lambda mu, log_var: with_distributions(mu, log_var).sum(dim=1) / math.log(2)),
        ("value", lambda mu, log_var: bits_in_loops(mu, log_var) * math.log10(2)),
    ],
    "check_kl_of_reports": [
        ("direction", lambda q, p: functional.kl_div(q.log(), p, reduction="none").sum(dim=1)),
        ("direction", lambda q, p: reports_in_loops(p, q)),
        ("mean_over_reports", lambda q, p: functional.kl_div(p.log(), q, reduction="none").mean(dim=1)),
        ("sign", lambda q, p: (q * (p / q).log()).sum(dim=1)),
        ("cross_entropy", lambda q, p: -(q * p.log()).sum(dim=1)),
        ("bits", lambda q, p: (q * (q / p).log2()).sum(dim=1)),
        ("mean_over_stations", lambda q, p: functional.kl_div(p.log(), q, reduction="batchmean")),
        ("sum_over_stations", lambda q, p: functional.kl_div(p.log(), q, reduction="sum")),
        ("zero_times_log_zero", lambda q, p: (q * (q / p).log()).sum(dim=1)),
        ("softened", reports_with_small_numbers),
        ("softened", lambda q, p: reports_in_loops(q, p.clamp(min=1e-6))),
        ("shape", lambda q, p: functional.kl_div(p.log(), q, reduction="none")),
        ("value", lambda q, p: ((q - p) * (q / p).log()).sum(dim=1)),
    ],
    "check_information_and_distance": [
        ("swapped", lambda mu, log_var: split_on_grid(mu, log_var)[::-1]),
        ("heap_not_divided", split_undivided),
        ("distance_reversed", lambda mu, log_var: split_on_grid(mu, log_var, reverse=True)),
        ("heap_as_gaussian", split_with_one_gaussian),
        ("logs_averaged", lambda mu, log_var: split_on_grid(mu, log_var, heap=lambda q: q.mean(axis=0))),
        ("summed_over_images", lambda mu, log_var: np.array(split_on_grid(mu, log_var)) * [len(mu), 1]),
        (
            "mean_kl_first",
            lambda mu, log_var: (with_distributions(mu, log_var).mean(), split_on_grid(mu, log_var)[1]),
        ),
        ("log_var_as_log_sigma", lambda mu, log_var: split_on_grid(mu, 2 * log_var)),
        ("bits", lambda mu, log_var: np.array(split_on_grid(mu, log_var)) / math.log(2)),
        ("type", lambda mu, log_var: sum(split_on_grid(mu, log_var))),
        ("value", lambda mu, log_var: split_on_grid(mu, log_var, points=np.linspace(-1, 1, 2001))),
        ("shape", lambda mu, log_var: (split_on_grid(mu, log_var)[0], with_distributions(mu, log_var))),
    ],
    "check_arrange_codes": [
        ("all_alike", lambda n: (torch.zeros(n), torch.zeros(n))),
        ("overlapping", lambda n: at_quantiles(n, width=1.2)),
        ("too_wide", lambda n: evenly(n, 2.5, 0.3)),
        ("too_narrow", lambda n: evenly(n, 0.5, 0.03)),
        ("wrong_shape", lambda n: evenly(n, math.sqrt(1 - 0.1**2), 0.1)),
        ("shape", lambda n: [part[:, None] for part in code_by_code(n)]),
        ("type", lambda n: code_by_code(n)[0][0]),
        ("value", lambda n: (50 * torch.randn(n), torch.zeros(n))),
    ],
}
