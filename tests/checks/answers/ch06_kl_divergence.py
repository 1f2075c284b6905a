"""Answers to the exercises of chapter 6."""

import math

import numpy as np
import torch
from scipy.special import entr, logsumexp, rel_entr
from scipy.stats import entropy, norm, sem
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


def from_cross_entropy(mu, log_var):
    q = Normal(mu, (log_var / 2).exp())
    return 0.5 * (math.log(2 * math.pi) + mu**2 + log_var.exp()) - q.entropy()


def row_by_row(mu, log_var):
    return torch.stack([(m.square() + v.exp() - v - 1) / 2 for m, v in zip(mu, log_var, strict=True)])


def by_vmap(mu, log_var):
    one = torch.func.vmap(lambda m, v: -0.5 * (1 + v - m * m - v.exp()))
    return torch.func.vmap(one)(mu.double(), log_var.double())


def in_double_for_ever(mu, log_var):
    torch.set_default_dtype(torch.float64)
    return with_distributions(mu, log_var)


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


def estimate_with_scipy(log_q, log_p):
    values = (log_q - log_p).numpy(force=True)
    return float(values.mean()), float(sem(values))


def estimate_as_one_tensor(log_q, log_p):
    variance, mean = torch.var_mean(log_q - log_p, correction=0)
    return torch.stack([mean, (variance / len(log_q)).sqrt()])


def estimate_by_index(log_q, log_p):
    n = log_q.numel()
    mean = sum(log_q[i] - log_p[i] for i in range(n)) / n
    return mean, (sum((log_q[i] - log_p[i] - mean) ** 2 for i in range(n)) / (n - 1) / n) ** 0.5


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


def bits_by_dimension(mu, log_var):
    return with_distributions(mu, log_var).mean(dim=0).sum().reshape(1) / torch.tensor(2.0).log()


def bits_by_log2(mu, log_var):
    variance = log_var.double().exp()
    nats = mu.double() ** 2 + variance - 1
    return ((nats / math.log(2) - torch.log2(variance)) / 2).sum(-1).mean(0)


def bits_by_einsum(mu, log_var):
    return torch.einsum("bd->", from_log_sigma(mu, log_var)).item() / (math.log(2) * mu.shape[0])


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


def reports_by_relative_entropy(q, p):
    return torch.from_numpy(rel_entr(q.numpy(), p.numpy())).sum(1)


def reports_with_where(q, p):
    parts = functional.kl_div(p.log(), q, reduction="none")
    return torch.where(q > 0, parts, 0.0).sum(-1)


def reports_that_come(q, p):
    rows = zip(q, p, strict=True)
    return torch.stack([(a[a > 0] * (a[a > 0] / b[a > 0]).log()).sum() for a, b in rows])


def infinite_for_any_zero(q, p):
    return torch.where((p == 0).any(dim=1), math.inf, reports_with_where(q, p))


def reports_with_small_numbers(q, p):
    return (q * ((q + 1e-8) / (p + 1e-8)).log()).sum(dim=1)


# ── information_and_distance ─────────────────────────────────────────────────────────────────────

POINTS = np.linspace(-25, 25, 10_001)


def split_on_grid(mu, log_var, points=POINTS, reverse=False, heap=None, prior=None):
    log_q = norm.logpdf(points, mu.numpy()[:, None], np.exp(log_var.numpy() / 2)[:, None])
    log_heap = logsumexp(log_q, axis=0) - math.log(len(log_q)) if heap is None else heap(log_q)
    log_prior = norm.logpdf(points) if prior is None else prior(points)

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


def split_on_a_grid_of_its_own(mu, log_var):
    sigma = (log_var / 2).exp()
    z = torch.linspace(float((mu - 9 * sigma).min()), float((mu + 9 * sigma).max()), 20_001)
    log_q = Normal(mu, sigma).log_prob(z[:, None])  # (points, N)
    log_heap = torch.logsumexp(log_q, dim=1) - math.log(len(mu))
    information = torch.trapezoid(log_q.exp() * (log_q - log_heap[:, None]), z, dim=0).mean()
    return information, torch.trapezoid(log_heap.exp() * (log_heap - Normal(0.0, 1.0).log_prob(z)), z)


def split_on_the_coarsest_grid(mu, log_var):
    return split_on_grid(mu, log_var, points=np.arange(-14, 14, 0.1))


def split_image_by_image(mu, log_var):
    z, step = torch.linspace(-15, 15, 6001), 30 / 6000
    log_qs = [Normal(m, (v / 2).exp()).log_prob(z) for m, v in zip(mu, log_var, strict=True)]
    log_heap = torch.stack(log_qs).logsumexp(0) - math.log(len(log_qs))
    information = sum(float((log_q.exp() * (log_q - log_heap)).sum()) * step for log_q in log_qs) / len(mu)
    return torch.tensor([information, float(with_distributions(mu, log_var).mean()) - information])


def split_with_small_numbers(mu, log_var):
    return split_on_grid(
        mu,
        log_var,
        heap=lambda log_q: np.log(np.exp(log_q).mean(axis=0) + 1e-6),
        prior=lambda z: np.log(norm.pdf(z) + 1e-6),
    )


def split_by_densities(mu, log_var):
    z = torch.linspace(-20, 20, 8001)
    q = Normal(mu[:, None], (log_var[:, None] / 2).exp()).log_prob(z).exp()
    heap, prior = q.mean(dim=0), Normal(0.0, 1.0).log_prob(z).exp()
    return ((q * (q / heap).log()).sum(1) * 0.005).mean(), (heap * (heap / prior).log()).sum() * 0.005


def split_information_reversed(mu, log_var):
    log_q = norm.logpdf(POINTS, mu.numpy()[:, None], np.exp(log_var.numpy() / 2)[:, None])
    log_heap = logsumexp(log_q, axis=0) - math.log(len(mu))
    information = (np.exp(log_heap) * (log_heap - log_q)).sum(axis=1).mean() * (POINTS[1] - POINTS[0])
    return information, split_on_grid(mu, log_var)[1]


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


def by_descent(n):
    z = torch.linspace(-6, 6, 301)
    with torch.enable_grad():
        mu = torch.linspace(-1.6, 1.6, n).requires_grad_()
        log_var = torch.full((n,), -2.5).requires_grad_()
        optimizer = torch.optim.Adam([mu, log_var], lr=0.05)
        for _ in range(150):
            log_heap = Normal(mu[:, None], (log_var[:, None] / 2).exp()).log_prob(z).logsumexp(0) - math.log(
                n
            )
            distance = (log_heap.exp() * (log_heap - Normal(0.0, 1.0).log_prob(z))).sum() * 0.04
            information = with_distributions(mu, log_var).mean() - distance
            optimizer.zero_grad()
            (30 * (distance - 0.03).relu() + 3 * (0.7 * math.log(n) - information).relu()).backward()
            optimizer.step()
    return mu, log_var


def from_the_density(n):
    mu = Normal(0.0, 1.0).icdf((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    return mu.flip(0), 2 * torch.log(0.5 / n / Normal(0.0, 1.0).log_prob(mu).exp()).flip(0)


def as_parameters(n):
    return tuple(torch.nn.Parameter(torch.as_tensor(part)) for part in at_quantiles(n, 0.52))


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
        from_cross_entropy,
        row_by_row,
        by_vmap,
    ],
    "check_monte_carlo_kl": [
        estimate_in_numpy,
        estimate_in_loops,
        estimate_from_moments,
        estimate_with_scipy,
        estimate_as_one_tensor,
        estimate_by_index,
    ],
    "check_bits_per_image": [
        bits_with_distributions,
        bits_in_loops,
        bits_in_numpy,
        bits_by_dimension,
        bits_by_log2,
        bits_by_einsum,
    ],
    "check_kl_of_reports": [
        reports_with_scipy,
        reports_with_categorical,
        reports_in_loops,
        reports_from_entropy,
        reports_by_relative_entropy,
        reports_with_where,
        reports_that_come,
        lambda q, p: (q * (q.log() - p.log())).nansum(dim=1),
    ],
    "check_information_and_distance": [
        split_on_grid,
        split_by_difference,
        split_from_entropies,
        split_with_a_mixture,
        split_on_a_grid_of_its_own,
        split_on_the_coarsest_grid,
        split_image_by_image,
    ],
    "check_arrange_codes": [
        at_quantiles,
        by_search,
        code_by_code,
        by_descent,
        from_the_density,
        as_parameters,
    ],
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
        ("value", lambda mu, log_var: with_distributions(mu, log_var) / math.log(2)),
        ("value", lambda mu, log_var: with_distributions(mu, log_var).clamp(min=0.1)),
        ("shape", lambda mu, log_var: with_distributions(mu, log_var).squeeze()),
        ("cut", lambda mu, log_var: with_distributions(mu.detach(), log_var)),
        ("cut", lambda mu, log_var: 0.5 * (mu**2 + log_var.exp().data - 1 - log_var)),
        ("default_dtype", in_double_for_ever),
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
        ("value", estimate(error=lambda v: 2 * v.std() / len(v) ** 0.5)),
        ("value", estimate(error=lambda v: v.var() / len(v) ** 0.5)),
        ("value", estimate(mean=torch.median)),
        ("without_negative", estimate(lambda q, p: (q - p).clamp(min=0))),
        ("never_negative", estimate(mean=lambda v: v.mean().clamp(min=0))),
        ("never_negative", estimate(mean=lambda v: v.mean().abs())),
        ("order", lambda q, p: estimate()(q, p)[::-1]),
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
        ("value", lambda mu, log_var: 2 ** bits_in_loops(mu, log_var)),
        ("value", lambda mu, log_var: math.log2(bits_in_loops(mu, log_var) * math.log(2))),
        ("value", lambda mu, log_var: bits_in_loops(mu, log_var) * len(mu) / mu.shape[1]),
        ("value", lambda mu, log_var: float(round(bits_in_loops(mu, log_var)))),
        ("value", lambda mu, log_var: bits_in_loops(mu, log_var.clamp(-5, 5))),
        (
            "value",
            lambda mu, log_var: with_distributions(mu, log_var).squeeze().sum(dim=-1).mean() / math.log(2),
        ),
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
        ("log_missing", lambda q, p: functional.kl_div(p, q, reduction="none").sum(dim=1)),
        ("both_zero", infinite_for_any_zero),
        ("both_zero", lambda q, p: torch.special.xlogy(q, q / p).sum(dim=1)),
        ("both_zero", lambda q, p: (q * ((q + 1e-10) / p).log()).sum(dim=1)),
        ("softened", lambda q, p: reports_with_where(q, p).nan_to_num()),
        ("softened", lambda q, p: torch.special.xlogy(q, (q + 1e-10) / (p + 1e-10)).sum(dim=1)),
        ("nan", lambda q, p: reports_with_scipy(q, p.where(p > 1e-5, 0))),
        ("shape", lambda q, p: reports_with_where(q, p).squeeze()),
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
        ("grid", lambda mu, log_var: split_on_grid(mu, log_var, points=np.linspace(-5, 5, 2001))),
        ("grid", lambda mu, log_var: split_on_grid(mu, log_var, points=np.linspace(-8, 8, 3201))),
        ("grid", lambda mu, log_var: split_on_grid(mu, log_var, points=np.linspace(-14, 14, 57))),
        ("grid", split_with_small_numbers),
        ("nan", split_by_densities),
        ("information_reversed", split_information_reversed),
        ("step_missing", lambda mu, log_var: np.array(split_on_grid(mu, log_var)) * 200),
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
        ("gaps", lambda n: at_quantiles(n, width=0.1)),
        ("nan", lambda n: (norm.ppf(np.linspace(0, 1, n)), np.full(n, -3.0))),
        ("shape", lambda n: at_quantiles(8)),
        (
            "overlapping",
            lambda n: [part * scale for part, scale in zip(at_quantiles(n), (1, 0.5), strict=True)],
        ),
        ("wrong_shape", lambda n: (at_quantiles(n)[0], np.full(n, 2 * math.log(0.22)))),
    ],
}
