"""Answers to the exercises of chapter 5."""

import math

import numpy as np
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence
from torch.nn import functional


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


def in_loops(mu, log_var):
    rows = [
        [m + torch.randn(()) * (v / 2).exp() for m, v in zip(*pair, strict=True)]
        for pair in zip(mu.unbind(), log_var.unbind(), strict=True)
    ]
    return torch.stack([torch.stack(row) for row in rows])


def in_double(mu, log_var):
    eps = torch.randn(mu.shape, dtype=torch.float64)
    return mu.double() + eps * log_var.double().exp().sqrt()


def with_numpy(mu, log_var):
    eps = np.random.default_rng().standard_normal(tuple(mu.shape))
    return mu.detach().numpy() + eps * np.exp(log_var.detach().numpy() / 2)


def with_noise(draw):
    """An answer right but for its noise, draw(mu)."""
    return lambda mu, log_var: mu + (log_var / 2).exp() * draw(mu)


def mirrored_rows(mu):
    eps = torch.randn_like(mu)
    eps[1::2] = -eps[0 : len(eps) - len(eps) % 2 : 2]
    return eps


def twice_the_same_half(mu):
    return torch.randn(len(mu) // 2 + 1, mu.shape[1]).repeat(2, 1)[: len(mu)]


def smoothed_rows(mu):
    eps = torch.randn(len(mu) + 1, mu.shape[1])
    return (eps[1:] + 0.2 * eps[:-1]) / math.sqrt(1.04)


def laplace(mu):
    return torch.distributions.Laplace(0.0, math.sqrt(0.5)).sample(mu.shape)


def by_box_muller(mu, log_var):
    u, v = torch.rand_like(mu), torch.rand_like(mu)
    return mu + (-2 * log_var.exp() * (1 - u).log()).sqrt() * (2 * math.pi * v).cos()


def image_by_image(mu, log_var):
    draws = [MultivariateNormal(m, v.exp().diag()).rsample() for m, v in zip(mu, log_var, strict=True)]
    return torch.stack(draws)


class WithItsOwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mu, log_var):
        ctx.noise = torch.randn_like(mu) * (log_var / 2).exp()
        return mu + ctx.noise

    @staticmethod
    def backward(ctx, grad_z):
        return grad_z, grad_z * ctx.noise / 2


def without_gradients_for_ever(mu, log_var):
    torch.set_grad_enabled(False)
    return with_rsample(mu, log_var)


def remembered_noise():
    kept = {}

    def answer(mu, log_var):
        return mu + kept.setdefault(mu.shape, torch.randn_like(mu)) * (log_var / 2).exp()

    return answer


# ── code_and_kl ──────────────────────────────────────────────────────────────────────────────────


def with_log_sigma(mu, log_var, eps):
    log_sigma = log_var / 2
    z = mu + eps * log_sigma.exp()
    return z, 0.5 * (mu**2 + (2 * log_sigma).exp() - 1) - log_sigma


def with_distributions(mu, log_var, eps):
    q = Normal(mu, log_var.exp() ** 0.5)
    return [q.loc + q.scale * eps, kl_divergence(q, Normal(0.0, 1.0))]


def in_double_by_sigma(mu, log_var, eps):
    sigma = torch.sqrt(log_var.double().exp())
    return mu + sigma * eps, (mu.double() ** 2 + sigma**2 - 1) / 2 - sigma.log()


def numpy_in_double(mu, log_var, eps):
    mu, log_var, eps = (value.detach().numpy().astype(np.float64) for value in (mu, log_var, eps))
    variance = np.exp(log_var)
    return mu + np.sqrt(variance) * eps, -(1 + log_var - mu * mu - variance) / 2


def number_by_number(mu, log_var, eps):
    z, kl = [], []
    for m, v, e in zip(mu.reshape(-1), log_var.reshape(-1), eps.reshape(-1), strict=True):
        z.append(torch.addcmul(m, e, (v / 2).exp()))
        kl.append((torch.expm1(v) - v + m.square()) / 2)
    return torch.stack(z).reshape(mu.shape), torch.stack(kl).reshape(mu.shape)


def squeezed(answer):
    """An answer that drops every axis of length 1."""
    return lambda *inputs: [part.squeeze() for part in answer(*inputs)]


def pair(z, kl):
    """An answer that samples with sigma = z(h) and charges kl(mu, h)."""
    return lambda mu, h, eps: (mu + eps * z(h), kl(mu, h))


def charged(mu, h):
    return -0.5 * (1 + h - mu**2 - h.exp())


def cut(which):
    """An answer with right values that cuts the graph of z, of kl, or of sigma in z."""

    def answer(mu, h, eps):
        sigma = (h / 2).exp()
        z, kl = mu + eps * (sigma.detach() if which == "sigma" else sigma), charged(mu, h)
        return z.detach() if which == "z" else z, kl.detach() if which == "kl" else kl

    return answer


def charged_as_log_sigma(mu, h):
    return charged(mu, 2 * h)


# ── backward_through_code ────────────────────────────────────────────────────────────────────────


def by_autograd(grad_z, log_var, eps):
    mu, leaf = torch.zeros_like(log_var).requires_grad_(), log_var.clone().requires_grad_()
    z = mu + eps * torch.exp(leaf / 2)
    return torch.autograd.grad(z, [mu, leaf], grad_z)


def backward_in_loops(grad_z, log_var, eps):
    grad = torch.zeros(grad_z.shape, dtype=torch.float64)
    for i in range(grad.shape[0]):
        for j in range(grad.shape[1]):
            sigma = math.exp(log_var[i, j].item() / 2)
            grad[i, j] = grad_z[i, j].item() * eps[i, j].item() * sigma / 2
    return grad_z.clone(), grad


def backward_numpy(grad_z, log_var, eps):
    g, v, e = grad_z.numpy(), log_var.numpy(), eps.numpy()
    return np.stack([g, 0.5 * e * np.exp(0.5 * v) * g])


def backward_by_vjp(grad_z, log_var, eps):
    mu = torch.zeros_like(eps)
    return torch.func.vjp(lambda m, v: m + eps * (v / 2).exp(), mu, log_var)[1](grad_z)


def backward_by_vmap(grad_z, log_var, eps):
    slope = torch.func.grad(lambda v, e: e * torch.exp(v / 2))
    return 1 * grad_z, grad_z * torch.func.vmap(torch.func.vmap(slope))(log_var, eps)


def backward(rule):
    """An answer whose gradient of log_var is rule(eps, sigma, log_var) times grad_z."""
    return lambda g, log_var, eps: (g, g * rule(eps, (log_var / 2).exp(), log_var))


# ── score_gradient ───────────────────────────────────────────────────────────────────────────────


def from_log_prob(f, mu, sigma, eps):
    mean = torch.full_like(eps, mu).requires_grad_()
    z = (mean + sigma * eps).detach()
    log_q = Normal(mean, sigma).log_prob(z)
    return f(z) * torch.autograd.grad(log_q.sum(), mean)[0]


def draw_by_draw(f, mu, sigma, eps):
    return torch.tensor([float(f(mu + sigma * e)) * e / sigma for e in eps.tolist()])


def score_in_double(f, mu, sigma, eps):
    z = mu + sigma * eps.double()
    return f(z).double() * (z - mu) / sigma**2


def score_one_at_a_time(f, mu, sigma, eps):
    return torch.stack([f(mu + sigma * e) * (mu + sigma * e - mu) / sigma**2 for e in eps])


def score_by_jvp(f, mu, sigma, eps):
    z = torch.add(mu, eps, alpha=sigma)
    one = torch.ones(())
    slope = torch.func.jvp(lambda m: -((z - m) ** 2) / (2 * sigma**2), (mu * one,), (one,))[1]
    return f(z) * slope


def score_in_numpy(f, mu, sigma, eps):
    return f(mu + sigma * eps).numpy() * eps.numpy() / sigma


def pathwise(f, mu, sigma, eps):
    z = (mu + sigma * eps).requires_grad_()
    values = f(z)
    if not values.requires_grad:
        return torch.zeros_like(eps)
    return torch.autograd.grad(values.sum(), z)[0]


# ── quiet_gradient ───────────────────────────────────────────────────────────────────────────────


def plain(f, mu, sigma, n):
    eps = torch.randn(n)
    return (f(mu + sigma * eps) * eps / sigma).mean()


def mirrored(f, mu, sigma, n):
    eps = torch.randn(n // 2)
    above, below = f(mu + sigma * eps), f(mu - sigma * eps)
    return ((above - below) * eps).mean() / (2 * sigma)


def baseline_at_mu(f, mu, sigma, n):
    eps = torch.randn(n - 1)
    return float(((f(mu + sigma * eps) - f(mu)) * eps).mean() / sigma)


def median_of_the_others(f, mu, sigma, n):
    eps = torch.randn(n)
    values = f(mu + sigma * eps).double()
    middle = torch.stack([values[torch.arange(n) != i].median() for i in range(n)])
    return ((values - middle) * eps / sigma).mean()


def baseline_of_the_others(f, mu, sigma, n):
    eps = torch.randn(n, dtype=torch.float64)
    values = f(mu + sigma * eps)
    others = (values.sum() - values) / (n - 1)
    return ((values - others) * eps / sigma).mean()


def in_numpy(f, mu, sigma, n):
    eps = np.random.standard_normal(n // 2)  # noqa: NPY002
    up, down = f(mu + sigma * eps).numpy(), f(mu - sigma * eps).numpy()
    return np.mean((up - down) * eps / sigma) / 2


def own_mean_as_baseline(f, mu, sigma, n):
    eps = torch.randn(n)
    values = f(mu + sigma * eps)
    return ((values - values.mean()) * eps / sigma).mean()


def own(baseline):
    """The score function with a baseline made of the draws' values."""

    def answer(f, mu, sigma, n):
        eps = torch.randn(n)
        values = f(mu + sigma * eps)
        return ((values - baseline(values)) * eps / sigma).mean()

    return answer


def difference(f, mu, sigma, n):
    z, step = mu + sigma * torch.randn(n // 2), 0.3 * sigma
    return (f(z + step) - f(z - step)).mean() / (2 * step)


def with_memory():
    """A baseline that is remembered from earlier calls, whatever f is now."""
    seen = []

    def answer(f, mu, sigma, n):
        eps = torch.randn(n)
        values = f(mu + sigma * eps)
        baseline = sum(seen[-5:]) / len(seen[-5:]) if seen else 0
        seen.append(values.mean().item())
        return ((values - baseline) * eps / sigma).mean()

    return answer


def slope_of_the_box(f, mu, sigma, n):
    z = (mu + sigma * torch.randn(n)).requires_grad_()
    return torch.autograd.grad(f(z).mean(), z)[0].sum()


def stratified(f, mu, sigma, n):
    """Mirrored draws from n / 2 slices of equal probability."""
    u = (torch.arange(n // 2) + torch.rand(n // 2)) / (n // 2)
    eps = Normal(0.0, 1.0).icdf(u.clamp(1e-6, 1 - 1e-6))
    return ((f(mu + sigma * eps) - f(mu - sigma * eps)) * eps).mean() / (2 * sigma)


def by_covariance(f, mu, sigma, n):
    eps = torch.randn(n, dtype=torch.float64)
    return torch.cov(torch.stack([f(mu + sigma * eps).double(), eps]))[0, 1] / sigma


def one_pair_at_a_time(f, mu, sigma, n):
    rng, total = np.random.default_rng(), 0.0
    for _ in range(n // 2):
        eps = rng.standard_normal()
        total += float(f(torch.tensor(mu + sigma * eps)) - f(torch.tensor(mu - sigma * eps))) * eps
    return total / (n // 2) / (2 * sigma)


def distances_from_their_own_density(f, mu, sigma, n):
    """|eps| has the density r · exp(−r²/2): the weight eps is in the draw, and hardly any noise is left."""
    r = (-2 * torch.rand(n // 2).clamp_min(1e-12).log()).sqrt()
    return (f(mu + sigma * r) - f(mu - sigma * r)).mean() / sigma / math.sqrt(2 * math.pi)


def on_a_fixed_grid(f, mu, sigma, n):
    eps = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return (f(mu + sigma * eps) * eps / sigma).mean()


def standardised(f, mu, sigma, n):
    eps = torch.randn(n)
    values = f(mu + sigma * eps)
    return ((values - values.mean()) / (values.std() + 1e-6) * eps / sigma).mean()


def mirrored_with_a_seed(f, mu, sigma, n):
    torch.manual_seed(n)
    return mirrored(f, mu, sigma, n)


RIGHT = {
    "check_reparameterize": [
        with_rsample,
        with_numpy_noise,
        in_place_on_noise,
        in_double,
        in_loops,
        by_box_muller,
        image_by_image,
        WithItsOwnBackward.apply,
        lambda mu, log_var: Independent(Normal(mu, log_var.exp().pow(0.5)), 1).rsample(),
    ],
    "check_code_and_kl": [with_log_sigma, with_distributions, in_double_by_sigma, number_by_number],
    "check_backward_through_code": [
        by_autograd,
        backward_in_loops,
        backward_numpy,
        backward_by_vjp,
        backward_by_vmap,
    ],
    "check_score_gradient": [
        from_log_prob,
        draw_by_draw,
        score_in_double,
        score_one_at_a_time,
        score_by_jvp,
        score_in_numpy,
    ],
    "check_quiet_gradient": [
        mirrored,
        baseline_at_mu,
        baseline_of_the_others,
        median_of_the_others,
        in_numpy,
        stratified,
        by_covariance,
        one_pair_at_a_time,
        distances_from_their_own_density,
    ],
}

WRONG = {
    "check_reparameterize": [
        ("no_noise", lambda mu, log_var: mu + 0 * log_var),
        ("log_var_as_sigma", lambda mu, log_var: mu + log_var * torch.randn_like(mu)),
        ("variance_as_sigma", lambda mu, log_var: mu + log_var.exp() * torch.randn_like(mu)),
        ("detached_mu", lambda mu, log_var: Normal(mu, torch.exp(log_var / 2)).sample()),
        ("detached_mu", lambda mu, log_var: mu.data + torch.exp(log_var / 2) * torch.randn_like(mu)),
        ("detached_mu", lambda mu, log_var: torch.normal(mu, torch.exp(log_var / 2))),
        ("detached_mu", with_numpy),
        ("detached_log_var", lambda mu, log_var: mu + torch.exp(log_var / 2).detach() * torch.randn_like(mu)),
        ("one_eps_per_image", lambda mu, log_var: mu + (log_var / 2).exp() * torch.randn(len(mu), 1)),
        ("one_eps_for_all", lambda mu, log_var: mu + (log_var / 2).exp() * torch.randn(mu.shape[1])),
        ("same_eps_each_call", seeded),
        ("no_eps", with_noise(torch.ones_like)),
        ("mu_times_eps", lambda mu, log_var: mu * torch.randn_like(mu) + (log_var / 2).exp()),
        ("one_number", with_noise(lambda mu: torch.randn(1))),
        ("repeated_eps", with_noise(mirrored_rows)),
        ("repeated_eps", with_noise(twice_the_same_half)),
        ("correlated", with_noise(smoothed_rows)),
        ("limited_log_var", lambda mu, log_var: with_rsample(mu, log_var.clamp(-4, 4))),
        ("limited_log_var", lambda mu, log_var: with_rsample(mu, log_var.clamp(max=6))),
        ("clipped", with_noise(lambda mu: torch.randn_like(mu).clamp(-2.5, 2.5))),
        ("not_normal", with_noise(laplace)),
        ("not_normal", with_noise(lambda mu: torch.randn_like(mu).sign())),
        ("value", with_noise(lambda mu: 1.03 * torch.randn_like(mu))),
        ("uniform", with_noise(torch.rand_like)),
        ("uniform", lambda mu, log_var: mu + (log_var / 2).exp() * (2 * torch.rand_like(mu) - 1)),
        ("uncentred", lambda mu, log_var: mu + (log_var / 2).exp() * (1 + torch.randn_like(mu))),
        ("shape", lambda mu, log_var: (mu + (log_var / 2).exp() * torch.randn_like(mu)).flatten()),
        ("shape", lambda mu, log_var: with_rsample(mu, log_var).squeeze()),
        ("mu_not_added", lambda mu, log_var: with_rsample(0 * mu, log_var)),
        ("mu_not_added", lambda mu, log_var: with_rsample(2 * mu, log_var)),
        ("value", lambda mu, log_var: mu + functional.softplus(log_var) * torch.randn_like(mu)),
        ("value", lambda mu, log_var: with_rsample(mu, log_var.clamp(-1, 1))),
        ("value", lambda mu, log_var: with_rsample(mu, 4 * log_var)),
        ("uniform", with_noise(lambda mu: (torch.rand_like(mu) - 0.5) * math.sqrt(12))),
        ("never_negative", with_noise(lambda mu: torch.randn_like(mu).abs())),
        ("same_eps_each_call", remembered_noise()),
        ("gradients_off", without_gradients_for_ever),
    ],
    "check_code_and_kl": [
        ("unmended", pair(torch.exp, charged)),
        ("both_as_log_sigma", pair(torch.exp, charged_as_log_sigma)),
        ("swapped", pair(lambda h: (h / 2).exp(), charged_as_log_sigma)),
        ("log_var_as_sigma", pair(lambda h: h, charged)),
        (
            "sigma_in_kl",
            pair(lambda h: (h / 2).exp(), lambda mu, h: -0.5 * (1 + h - mu**2 - (h / 2).exp())),
        ),
        (
            "halved_everywhere",
            pair(lambda h: (h / 2).exp(), lambda mu, h: -0.5 * (1 + h / 2 - mu**2 - (h / 2).exp())),
        ),
        ("logarithm_doubled", pair(torch.exp, lambda mu, h: -0.5 * (1 + 2 * h - mu**2 - h.exp()))),
        ("exponent_doubled", pair(torch.exp, lambda mu, h: -0.5 * (1 + h - mu**2 - (2 * h).exp()))),
        ("cut", cut("z")),
        ("cut", cut("kl")),
        ("cut", cut("sigma")),
        ("cut", numpy_in_double),
        ("summed", pair(lambda h: (h / 2).exp(), lambda mu, h: charged(mu, h).sum(dim=1))),
        ("shape", pair(lambda h: (h / 2).exp(), lambda mu, h: charged(mu, h).mean())),
        ("value", pair(lambda h: (h / 2).exp(), lambda mu, h: -charged(mu, h))),
        ("type", lambda mu, h, eps: mu + eps * (h / 2).exp()),
        ("type", lambda mu, h, eps: {"z": mu + eps * (h / 2).exp(), "kl": charged(mu, h)}),
        ("order", lambda *inputs: with_log_sigma(*inputs)[::-1]),
        ("own_noise", lambda mu, h, eps: with_log_sigma(mu, h, torch.randn_like(eps))),
        ("nan", pair(torch.sqrt, charged)),
        ("shape", squeezed(with_log_sigma)),
        ("value", lambda mu, h, eps: with_log_sigma(mu, h.clamp(-3.5, 3.5), eps)),
    ],
    "check_backward_through_code": [
        ("half_missing", backward(lambda eps, sigma, log_var: eps * sigma)),
        ("sigma_missing", backward(lambda eps, sigma, log_var: eps / 2)),
        ("eps_missing", backward(lambda eps, sigma, log_var: sigma / 2)),
        ("gradient_of_sigma", backward(lambda eps, sigma, log_var: eps)),
        ("variance_for_sigma", backward(lambda eps, sigma, log_var: eps * sigma**2 / 2)),
        ("log_var_as_sigma", backward(lambda eps, sigma, log_var: eps * log_var / 2)),
        ("chain_cut", lambda g, log_var, eps: by_autograd(torch.ones_like(g), log_var, eps)),
        ("swapped", lambda g, log_var, eps: by_autograd(g, log_var, eps)[::-1]),
        ("summed", lambda g, log_var, eps: [part.sum(dim=0) for part in by_autograd(g, log_var, eps)]),
        ("shape", lambda g, log_var, eps: (g, by_autograd(g, log_var, eps)[1].T)),
        ("value", lambda g, log_var, eps: (g + 1, by_autograd(g, log_var, eps)[1])),
        ("type", lambda g, log_var, eps: by_autograd(g, log_var, eps)[1][0, 0]),
        ("value", backward(lambda eps, sigma, log_var: eps.abs() * sigma / 2)),
        ("value", backward(lambda eps, sigma, log_var: eps * sigma / 2 + (sigma**2 - 1) / 2)),
        ("value", backward(lambda eps, sigma, log_var: eps / sigma / 2)),
        ("value", lambda g, log_var, eps: (g * eps, by_autograd(g, log_var, eps)[1])),
        ("shape", squeezed(by_autograd)),
    ],
    "check_score_gradient": [
        ("pathwise", pathwise),
        ("f_missing", lambda f, mu, sigma, eps: eps / sigma),
        ("sigma_missing", lambda f, mu, sigma, eps: f(mu + sigma * eps) * eps),
        ("variance_for_sigma", lambda f, mu, sigma, eps: f(mu + sigma * eps) * eps / sigma**2),
        ("sigma_times", lambda f, mu, sigma, eps: f(mu + sigma * eps) * eps * sigma),
        ("sign", lambda f, mu, sigma, eps: -from_log_prob(f, mu, sigma, eps)),
        ("f_of_eps", lambda f, mu, sigma, eps: f(eps) * eps / sigma),
        ("f_of_mu", lambda f, mu, sigma, eps: f(mu) * eps / sigma),
        ("baseline", lambda f, mu, sigma, eps: (f(mu + sigma * eps) - f(torch.tensor(mu))) * eps / sigma),
        ("baseline", lambda f, mu, sigma, eps: from_log_prob(lambda z: f(z) - f(z).mean(), mu, sigma, eps)),
        ("averaged", lambda f, mu, sigma, eps: from_log_prob(f, mu, sigma, eps).mean()),
        ("shape", lambda f, mu, sigma, eps: from_log_prob(f, mu, sigma, eps)[:, None]),
        ("value", lambda f, mu, sigma, eps: from_log_prob(f, mu, sigma, eps) / 2),
        ("value", lambda f, mu, sigma, eps: f(mu + sigma * eps) * (mu + sigma * eps) / sigma**2),
        (
            "value",
            lambda f, mu, sigma, eps: f(mu + sigma * eps) * Normal(mu, sigma).log_prob(mu + sigma * eps),
        ),
        ("value", lambda f, mu, sigma, eps: from_log_prob(f, mu, math.sqrt(sigma), eps)),
        ("value", lambda f, mu, sigma, eps: f(mu + sigma * eps) * (eps**2 - 1) / sigma),
        ("own_noise", lambda f, mu, sigma, eps: f(mu + sigma * torch.randn_like(eps)) * eps / sigma),
        ("shape", lambda f, mu, sigma, eps: from_log_prob(f, mu, sigma, eps).squeeze()),
    ],
    "check_quiet_gradient": [
        ("too_many_evaluations", lambda f, mu, sigma, n: mirrored(f, mu, sigma, 100 * n)),
        ("too_loud", plain),
        ("own_draw_in_baseline", own_mean_as_baseline),
        ("pathwise", lambda f, mu, sigma, n: pathwise(f, mu, sigma, torch.randn(n)).mean()),
        ("pathwise", slope_of_the_box),
        ("own_draw_in_baseline", own(torch.min)),
        ("own_draw_in_baseline", own(torch.max)),
        ("own_draw_in_baseline", own(torch.median)),
        ("own_draw_in_baseline", own(lambda values: values[0])),
        ("finite_difference", difference),
        ("too_loud", with_memory()),
        ("fixed_noise", mirrored_with_a_seed),
        ("biased", lambda f, mu, sigma, n: 0.95 * mirrored(f, mu, sigma, n)),
        ("biased", lambda f, mu, sigma, n: 0.9 * mirrored(f, mu, sigma, n)),
        ("biased", lambda f, mu, sigma, n: 0.95 * baseline_at_mu(f, mu, sigma, n)),
        ("biased", lambda f, mu, sigma, n: 0.95 * baseline_of_the_others(f, mu, sigma, n)),
        ("biased", standardised),
        ("biased", lambda f, mu, sigma, n: mirrored(f, mu, sigma, n) / 2),
        ("type", lambda f, mu, sigma, n: torch.randn(n)),
        ("f_unused", lambda f, mu, sigma, n: 0.0),
        ("fixed_noise", on_a_fixed_grid),
        ("too_many_evaluations", lambda f, mu, sigma, n: baseline_at_mu(f, mu, sigma, n + 1)),
        ("biased", lambda f, mu, sigma, n: mirrored(f, mu, sigma, n) * sigma),
        ("biased", lambda f, mu, sigma, n: distances_from_their_own_density(f, mu, sigma, n) * 2),
    ],
}
