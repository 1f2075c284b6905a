"""Answers to the exercises of chapter 11."""

import math

import numpy as np
import torch
from scipy.special import gammaln
from scipy.stats import poisson
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import MultivariateNormal, Normal, Poisson, kl_divergence
from torch.nn import functional as F

from course_lib import models
from course_lib.models import VAE, VariationalEncoder

# ── left_over_noise ──────────────────────────────────────────────────────────────────────────────


def noise_with_numpy(x, latent_dim):
    return np.linalg.eigvalsh(np.cov(x.numpy().T, bias=True))[: x.shape[1] - latent_dim].mean()


def noise_by_what_is_missed(x, latent_dim):
    """The error of PCA's redrawing, spread over the directions that it leaves out."""
    missed = PCA().fit_transform(x.numpy())[:, latent_dim:]
    return (missed**2).sum() / (len(x) * (x.shape[1] - latent_dim))


def noise_by_singular_values(x, latent_dim):
    x = x - x.mean(0)
    return (torch.linalg.svd(x, full_matrices=False).S[latent_dim:] ** 2 / len(x)).mean()


def noise_by_the_trace(x, latent_dim):
    x = x.double() - x.double().mean(dim=0, keepdim=True)
    covariance = torch.einsum("ni,nj->ij", x, x) / len(x)
    kept = torch.linalg.eigvalsh(covariance).flip(0)[:latent_dim].sum()
    return ((covariance.trace() - kept) / (x.size(1) - latent_dim)).item()


def noise_along_the_other_axes(x, latent_dim):
    axes = torch.linalg.svd(x - x.mean(dim=0), full_matrices=True).Vh[latent_dim:]
    return ((x - x.mean(dim=0)) @ axes.T).var(dim=0, correction=0).mean()


def eigenvalues(x):
    """Small to large, as torch sorts them."""
    return torch.linalg.eigvalsh(torch.cov(x.T, correction=0))


# ── posterior_mean ───────────────────────────────────────────────────────────────────────────────


def mean_in_loops(x, w, b, sigma2):
    found = []
    for point in x:
        top = sum(float(w[i]) * float(point[i] - b[i]) for i in range(len(w)))
        found.append(top / (sum(float(v) ** 2 for v in w) + sigma2))
    return torch.tensor(found)


def mean_on_a_grid(x, w, b, sigma2):
    z = torch.linspace(-12, 12, 24001, dtype=torch.float64)
    error = (x[:, None].double() - b - z[:, None] * w).square().sum(dim=2)  # (N, grid)
    weight = torch.softmax(-(z**2) / 2 - error / (2 * sigma2), dim=1)
    return weight @ z


def mean_by_regression(x, w, b, sigma2):
    precision = 1 + torch.dot(w, w) / sigma2
    return ((x - b) / sigma2 * w).sum(dim=-1) / precision


def mean_by_newton(x, w, b, sigma2):
    """One step of Newton's method is exact for a parabola."""
    found = []
    for point in x:
        z = torch.zeros((), dtype=torch.float64, requires_grad=True)
        log_p = -(z**2) / 2 - (point - w * z - b).square().sum() / (2 * sigma2)
        (slope,) = torch.autograd.grad(log_p, z, create_graph=True)
        (bend,) = torch.autograd.grad(slope, z)
        found.append((z - slope / bend).item())
    return torch.tensor(found)


def mean_by_inverting(x, w, b, sigma2):
    x, w, b = (t.numpy().astype(float) for t in (x, w, b))
    return (x - b) @ np.linalg.inv(np.outer(w, w) + sigma2 * np.eye(len(w))) @ w


def mean_by_solving(x, w, b, sigma2):
    w = w[:, None]
    return torch.linalg.solve(torch.eye(1) + w.T @ w / sigma2, w.T @ (x - b).T / sigma2)[0]


# ── linear_elbo ──────────────────────────────────────────────────────────────────────────────────


def elbo_by_quadrature(x, mu, log_var, w, b, sigma2):
    """Gauss–Hermite: exact for the parabola inside the expected value."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    sigma = torch.exp(log_var / 2)
    total = 0
    for node, weight in zip(nodes, weights / math.sqrt(2 * math.pi), strict=True):
        z = mu + sigma * node
        log_p = Normal(b + z[:, None] * w, math.sqrt(sigma2)).log_prob(x).sum(dim=1)
        total = total + weight * log_p
    return total - kl_divergence(Normal(mu, sigma), Normal(0.0, 1.0))


def elbo_by_the_gap(x, mu, log_var, w, b, sigma2):
    covariance = torch.outer(w, w) + sigma2 * torch.eye(len(w))
    scale = w @ w + sigma2
    exact = Normal((x - b) @ w / scale, (sigma2 / scale).sqrt())
    gap = kl_divergence(Normal(mu, (log_var / 2).exp()), exact)
    return (MultivariateNormal(b, covariance).log_prob(x) - gap).numpy()


def elbo_in_loops(x, mu, log_var, w, b, sigma2):
    x, mu, log_var, w, b = (t.numpy().astype(float) for t in (x, mu, log_var, w, b))
    found = []
    for point, m, v in zip(x, mu, log_var, strict=True):
        error = sum((point[p] - b[p] - m * w[p]) ** 2 + w[p] ** 2 * np.exp(v) for p in range(len(w)))
        found.append(-error / sigma2 / 2 - len(w) / 2 * np.log(2 * np.pi * sigma2))
        found[-1] += 0.5 * (1 + v - m**2 - np.exp(v))
    return np.array(found)


def elbo_by_two_points(x, mu, log_var, w, b, sigma2):
    """The mean over mu ± sigma is exact for a parabola."""
    sigma = (0.5 * log_var).exp()
    ends = [Normal(z[:, None] * w + b, sigma2**0.5).log_prob(x).sum(dim=1) for z in (mu - sigma, mu + sigma)]
    return sum(ends) / 2 + 0.5 * (1 + log_var - mu**2 - log_var.exp())


def elbo_multiplied_out(x, mu, log_var, w, b, sigma2):
    d = x - b
    error = (d * d).sum(dim=1) - 2 * mu * (d @ w) + (mu**2 + log_var.exp()) * (w @ w)
    kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var)
    return -error / (2 * sigma2) - x.shape[1] * 0.5 * math.log(2 * math.pi * sigma2) - kl


def elbo_by_seeded_draws(x, mu, log_var, w, b, sigma2):
    torch.manual_seed(0)
    return torch.stack([elbo_by_one_draw(x, mu, log_var, w, b, sigma2) for _ in range(200)]).mean(dim=0)


def log_p_of(x, mu, log_var, w, b, sigma2):
    return MultivariateNormal(b, torch.outer(w, w) + sigma2 * torch.eye(len(w))).log_prob(x)


def usual_elbo(x, mu, log_var, w, b, sigma2, spread=None, kl=-1.0, pixels=None, half=2.0):
    """The ELBO with parts that wrong answers replace."""
    spread = log_var.exp() * (w @ w) if spread is None else spread
    error = (x - mu[:, None] * w - b).square().sum(dim=1) + spread
    price = (mu**2 + log_var.exp() - 1 - log_var) / 2
    pixels = x.shape[1] if pixels is None else pixels
    return -error / (half * sigma2) - pixels / 2 * math.log(2 * math.pi * sigma2) + kl * price


def elbo_with_log_var_as_variance(x, mu, log_var, w, b, sigma2):
    return usual_elbo(x, mu, log_var, w, b, sigma2, spread=log_var * (w @ w))


def elbo_with_sigma_of_q(x, mu, log_var, w, b, sigma2):
    return usual_elbo(x, mu, log_var, w, b, sigma2, spread=(log_var / 2).exp() * (w @ w))


def elbo_without_w(x, mu, log_var, w, b, sigma2):
    return usual_elbo(x, mu, log_var, w, b, sigma2, spread=log_var.exp())


def elbo_by_one_draw(x, mu, log_var, w, b, sigma2):
    z = mu + torch.randn_like(mu) * (log_var / 2).exp()
    return usual_elbo(x, z, log_var, w, b, sigma2, spread=0.0)


def elbo_with_noise_apart(x, mu, log_var, w, b, sigma2):
    return usual_elbo(x, mu, log_var, w, b, sigma2, spread=0.0) - (w @ w) * log_var.exp()


# ── poisson_error ────────────────────────────────────────────────────────────────────────────────


def poisson_with_torch(log_rate, counts):
    return -Poisson(log_rate.exp()).log_prob(counts).sum(-1)


def poisson_in_loops(log_rate, counts):
    total = torch.zeros(len(counts), dtype=torch.float64)
    for b in range(len(counts)):
        for p in range(counts.shape[1]):
            rate, k = math.exp(float(log_rate[b, p])), float(counts[b, p])
            total[b] += rate - k * float(log_rate[b, p]) + math.lgamma(k + 1)
    return total


def poisson_with_numpy(log_rate, counts):
    log_rate, counts = log_rate.numpy().astype(float), counts.numpy().astype(float)
    return (np.exp(log_rate) - counts * log_rate + gammaln(counts + 1)).sum(axis=1)


def poisson_by_the_library(log_rate, counts):
    without_factorial = F.poisson_nll_loss(log_rate, counts, full=False, reduction="none")
    return (without_factorial + torch.lgamma(counts + 1)).sum(dim=1)


def poisson_with_scipy(log_rate, counts):
    return -poisson.logpmf(counts.numpy(), np.exp(log_rate.numpy().astype(float))).sum(-1)


def poisson_with_rates(log_rate, counts):
    return (log_rate - counts * log_rate.log() + torch.lgamma(counts + 1)).sum(dim=1)


def poisson_terms(log_rate, counts):
    return log_rate.exp() - counts * log_rate + torch.lgamma(counts + 1)


# ── my_linear_vae: stand-ins that nobody has to train ────────────────────────────────────────────

VARIANCES = torch.tensor([6.0, 3.0, 1.5, 0.5, 0.5, 0.5])


def solved_vae(latents=3, scale=1.0, cls=VAE, decoder=None):
    """The closed form, written into the layers of a VAE; `scale` shrinks its decoder."""
    model = cls(VariationalEncoder(nn.Identity(), (6,), latents), decoder or nn.Linear(latents, 6))
    kept = VARIANCES[:latents].clamp(min=0.51)
    length = (kept - 0.5).sqrt()
    with torch.no_grad():
        model.encoder.to_mu.weight.copy_(torch.eye(latents, 6) * (length / kept)[:, None])
        model.encoder.to_log_var.weight.zero_()
        model.encoder.to_log_var.bias.copy_((0.5 / kept).log())
        model.encoder.to_mu.bias.zero_()
        if decoder is None:
            model.decoder.weight.copy_(scale * torch.eye(6, latents) * length)
            model.decoder.bias.zero_()
    return model


def turned_vae():
    """The same with the signs of the codes turned round: just as good."""
    model = solved_vae()
    with torch.no_grad():
        model.encoder.to_mu.weight.neg_()
        model.decoder.weight.neg_()
    return model


def deep_linear_vae():
    """A decoder of two linear layers is one linear map."""
    model = solved_vae()
    first, second = nn.Linear(3, 3), nn.Linear(3, 6)
    with torch.no_grad():
        first.weight.copy_(torch.eye(3))
        first.bias.zero_()
        second.weight.copy_(model.decoder.weight)
        second.bias.zero_()
    model.decoder = nn.Sequential(first, second)
    return model


def rotated_vae():
    """The codes in another order, and in training mode."""
    model = solved_vae()
    with torch.no_grad():
        order = torch.tensor([2, 0, 1])
        model.encoder.to_mu.weight.copy_(model.encoder.to_mu.weight[order])
        model.encoder.to_log_var.bias.copy_(model.encoder.to_log_var.bias[order])
        model.decoder.weight.copy_(model.decoder.weight[:, order])
    return model.train()


def shifted_vae():
    """A little off, and frozen: still within 0.02 nats."""
    model = solved_vae(scale=0.99)
    return model.requires_grad_(False)


def untrained_vae():
    torch.manual_seed(0)
    return VAE(VariationalEncoder(nn.Identity(), (6,), 3), nn.Linear(3, 6))


def collapsed_vae():
    model = solved_vae()
    with torch.no_grad():
        model.encoder.to_mu.weight.zero_()
    return model


def blown_up_vae():
    model = solved_vae()
    with torch.no_grad():
        model.encoder.to_log_var.bias.fill_(float("nan"))
    return model


RIGHT = {
    "check_left_over_noise": [
        noise_with_numpy,
        noise_by_what_is_missed,
        noise_by_singular_values,
        noise_by_the_trace,
        noise_along_the_other_axes,
        lambda x, latent_dim: np.sort(np.linalg.eigvals(np.cov(x.numpy(), rowvar=False, ddof=0)).real)[
            : x.shape[1] - latent_dim
        ].mean(),
    ],
    "check_posterior_mean": [
        mean_in_loops,
        mean_on_a_grid,
        mean_by_regression,
        mean_by_newton,
        mean_by_inverting,
        mean_by_solving,
    ],
    "check_linear_elbo": [
        elbo_by_quadrature,
        elbo_by_the_gap,
        elbo_in_loops,
        elbo_by_two_points,
        elbo_multiplied_out,
    ],
    "check_poisson_error": [
        poisson_with_torch,
        poisson_in_loops,
        poisson_with_numpy,
        poisson_by_the_library,
        poisson_with_scipy,
        lambda log_rate, counts: torch.einsum("bp->b", poisson_terms(log_rate.double(), counts.double())),
    ],
    "check_my_linear_vae": [solved_vae(), turned_vae(), deep_linear_vae(), rotated_vae(), shifted_vae()],
}

WRONG = {
    "check_left_over_noise": [
        ("next_only", lambda x, latent_dim: eigenvalues(x)[-latent_dim - 1]),
        ("smallest", lambda x, latent_dim: eigenvalues(x)[0]),
        ("summed", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].sum()),
        ("mean_over_all_directions", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].sum() / x.shape[1]),
        ("kept_ones", lambda x, latent_dim: eigenvalues(x)[latent_dim:].mean()),
        ("all", lambda x, latent_dim: eigenvalues(x).mean()),
        ("not_centred", lambda x, latent_dim: torch.linalg.eigvalsh(x.T @ x / len(x))[:-latent_dim].mean()),
        ("standard_deviation", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].mean() ** 0.5),
        ("singular_values", lambda x, latent_dim: torch.linalg.svdvals(x - x.mean(0))[latent_dim:].mean()),
        ("not_divided", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].mean() * len(x)),
        (
            "coordinates",
            lambda x, latent_dim: x.var(dim=0).sort(descending=True).values[latent_dim:].mean(),
        ),
        ("coordinates", lambda x, latent_dim: x.var(dim=0)[latent_dim:].mean()),
        (
            "divided_by_one_less",
            lambda x, latent_dim: torch.linalg.eigvalsh(torch.cov(x.T))[:-latent_dim].mean(),
        ),
        ("divided_by_one_less", lambda x, latent_dim: PCA(latent_dim).fit(x.numpy()).noise_variance_),
        ("standard_deviations", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].sqrt().mean() ** 2),
        ("standard_deviations", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].sqrt().mean()),
        ("median", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].median()),
        ("one_too_few", lambda x, latent_dim: eigenvalues(x)[: 1 - latent_dim].mean()),
        ("one_too_many", lambda x, latent_dim: eigenvalues(x)[: -latent_dim - 1].mean()),
        ("nan", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].mean()),
        ("value", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].log().mean().exp()),
        ("value", lambda x, latent_dim: torch.linalg.eigvalsh(torch.corrcoef(x.T))[:-latent_dim].mean()),
        ("value", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].sum() / max(latent_dim, 1)),
        ("value", lambda x, latent_dim: eigenvalues(x)[:-latent_dim].sum() / eigenvalues(x).sum()),
        ("value", lambda x, latent_dim: 1.1 * eigenvalues(x)[:-latent_dim].mean()),
        ("type", lambda x, latent_dim: eigenvalues(x)),
    ],
    "check_posterior_mean": [
        ("no_prior", lambda x, w, b, sigma2: (x - b) @ w / (w @ w)),
        ("prior_weight_one", lambda x, w, b, sigma2: (x - b) @ w / (1 + w @ w)),
        ("sigma", lambda x, w, b, sigma2: (x - b) @ w / (w @ w + sigma2**0.5)),
        ("sigma2_squared", lambda x, w, b, sigma2: (x - b) @ w / (w @ w + sigma2**2)),
        ("w_normalised", lambda x, w, b, sigma2: mean_by_regression(x, w / w.norm(), b, sigma2)),
        ("top_normalised", lambda x, w, b, sigma2: mean_by_regression(x, w, b, sigma2) / w.norm()),
        ("not_centred", lambda x, w, b, sigma2: x @ w / (w @ w + sigma2)),
        ("length_not_squared", lambda x, w, b, sigma2: (x - b) @ w / (torch.linalg.norm(w) + sigma2)),
        ("not_divided", lambda x, w, b, sigma2: (x - b) @ w / sigma2),
        ("doubled", lambda x, w, b, sigma2: mean_by_regression(x, w, b, sigma2) / 2),
        ("sign", lambda x, w, b, sigma2: mean_by_regression(x, -w, b, sigma2)),
        ("noise_of_all_pixels", lambda x, w, b, s2: ((x - b) * w).mean(dim=1) / (w.square().mean() + s2)),
        ("noise_doubled", lambda x, w, b, sigma2: (x - b) @ w / (w @ w + 2 * sigma2)),
        ("variance", lambda x, w, b, sigma2: (sigma2 / (w @ w + sigma2)).repeat(len(x))),
        ("value", lambda x, w, b, sigma2: (x - b) @ w / (4 + sigma2)),
        ("value", lambda x, w, b, sigma2: (x @ w - b.sum()) / (w @ w + sigma2)),
        ("value", lambda x, w, b, sigma2: (x - b) @ w / (w @ w + math.exp(sigma2))),
        ("value", lambda x, w, b, sigma2: (x + b) @ w / (w @ w + sigma2)),
        ("shape", lambda x, w, b, sigma2: mean_by_regression(x, w, b, sigma2)[:, None] * w + b),
        ("shape", lambda x, w, b, sigma2: mean_by_regression(x, w, b, sigma2).squeeze()),
        ("shape", lambda x, w, b, sigma2: mean_by_regression(x, w, b, sigma2)[:, None]),
        ("value", lambda x, w, b, sigma2: mean_by_regression(x, w, b, sigma2) + 0.1),
    ],
    "check_linear_elbo": [
        ("noise_forgotten", lambda *inputs: usual_elbo(*inputs, spread=0)),
        ("kl_added", lambda *inputs: usual_elbo(*inputs, kl=1.0)),
        ("kl_missing", lambda *inputs: usual_elbo(*inputs, kl=0.0)),
        ("constants_missing", lambda *inputs: usual_elbo(*inputs, pixels=0)),
        ("constant_of_one_pixel", lambda *inputs: usual_elbo(*inputs, pixels=1)),
        ("half", lambda *inputs: usual_elbo(*inputs, half=1.0)),
        ("log_var_as_variance", elbo_with_log_var_as_variance),
        ("sigma_of_q", elbo_with_sigma_of_q),
        ("without_length_of_w", elbo_without_w),
        (
            "length_not_squared",
            lambda x, mu, v, w, b, s2: usual_elbo(x, mu, v, w, b, s2, spread=v.exp() * w.norm()),
        ),
        (
            "variance_in_every_pixel",
            lambda x, mu, v, w, b, s2: usual_elbo(x, mu, v, w, b, s2, spread=v.exp() * x.shape[1]),
        ),
        ("noise_not_divided", elbo_with_noise_apart),
        (
            "noise_lowers_the_error",
            lambda x, mu, v, w, b, s2: usual_elbo(x, mu, v, w, b, s2, spread=-v.exp() * (w @ w)),
        ),
        ("drawn", elbo_by_one_draw),
        ("drawn", elbo_by_seeded_draws),
        ("log_p", log_p_of),
        ("kl_doubled", lambda *inputs: usual_elbo(*inputs, kl=-2.0)),
        (
            "value",
            lambda x, mu, v, w, b, s2: usual_elbo(x, mu, v, w, b, s2, spread=v.exp() * w.sum() ** 2),
        ),
        (
            "value",
            lambda x, mu, v, w, b, s2: usual_elbo(x, mu, v, w, b, s2, spread=(v.exp() + mu**2) * (w @ w)),
        ),
        ("value", lambda x, mu, v, w, b, s2: usual_elbo(x, mu, v, w, b, s2 * s2)),
        ("averaged", lambda *inputs: usual_elbo(*inputs).mean()),
        ("summed", lambda *inputs: usual_elbo(*inputs).sum()),
        ("value", lambda *inputs: -usual_elbo(*inputs)),
        ("shape", lambda *inputs: usual_elbo(*inputs)[:, None]),
    ],
    "check_poisson_error": [
        ("rate_for_log_rate", poisson_with_rates),
        ("factorial_missing", lambda log_rate, counts: (log_rate.exp() - counts * log_rate).sum(dim=1)),
        ("sign", lambda log_rate, counts: Poisson(log_rate.exp()).log_prob(counts).sum(dim=1)),
        (
            "gamma_shifted",
            lambda log_rate, counts: (
                log_rate.exp() - counts * log_rate + torch.lgamma(counts.clamp(min=1))
            ).sum(dim=1),
        ),
        ("gamma_shifted", lambda r, counts: (r.exp() - counts * r + torch.lgamma(counts)).sum(dim=1)),
        ("factorial_sign", lambda r, counts: (r.exp() - counts * r - torch.lgamma(counts + 1)).sum(dim=1)),
        ("exp_missing", lambda r, counts: (r - counts * r + torch.lgamma(counts + 1)).sum(dim=1)),
        (
            "rate_missing",
            lambda log_rate, counts: (torch.lgamma(counts + 1) - counts * log_rate).sum(dim=1),
        ),
        ("mean_over_pixels", lambda log_rate, counts: poisson_terms(log_rate, counts).mean(dim=1)),
        ("summed_over_batch", lambda log_rate, counts: poisson_terms(log_rate, counts).sum()),
        ("per_pixel", poisson_terms),
        ("squared_error", lambda log_rate, counts: (counts - log_rate.exp()).square().sum(dim=1)),
        ("stirling", lambda r, counts: F.poisson_nll_loss(r, counts, full=True, reduction="none").sum(dim=1)),
        (
            "factorial_missing",
            lambda r, counts: F.poisson_nll_loss(r, counts, reduction="none").sum(dim=1),
        ),
        ("nan", lambda r, counts: (r.exp() - counts * r + torch.lgamma(counts + 1).exp().log()).sum(dim=1)),
        ("nan", lambda r, counts: F.poisson_nll_loss(r.exp(), counts, reduction="none").sum(dim=1)),
        (
            "value",
            lambda r, counts: ((counts - r.exp()) ** 2 / r.exp() / 2 + r / 2 + math.log(2 * math.pi) / 2).sum(
                dim=1
            ),
        ),
        ("value", lambda r, counts: poisson_terms(r.clamp(-5, 5), counts).sum(dim=1)),
        ("value", lambda r, counts: (-poisson_terms(r, counts)).exp().sum(dim=1)),
        ("shape", lambda r, counts: poisson_terms(r, counts).squeeze().sum(dim=-1)),
        ("shape", lambda log_rate, counts: poisson_terms(log_rate, counts).sum(dim=0)),
    ],
    "check_my_linear_vae": [
        ("not_a_vae", nn.Linear(6, 3)),
        ("not_a_vae", "trained"),
        ("wrong_sizes", models.VAE(VariationalEncoder(nn.Identity(), (2,), 1), nn.Linear(1, 2))),
        ("wrong_sizes", solved_vae(decoder=nn.Linear(3, 5))),
        ("too_many_latents", solved_vae(latents=6)),
        ("not_linear", solved_vae(decoder=nn.Sequential(nn.Linear(3, 9), nn.LeakyReLU(), nn.Linear(9, 6)))),
        ("collapsed", collapsed_vae()),
        ("too_few_latents", solved_vae(latents=2)),
        ("too_few_latents", solved_vae(latents=1)),
        ("not_trained", untrained_vae()),
        ("far_away", solved_vae(scale=0.8)),
        ("nan", blown_up_vae()),
    ],
}
