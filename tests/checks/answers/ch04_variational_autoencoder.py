"""Answers to the exercises of chapter 4."""

import math
from functools import reduce

import numpy as np
import torch
from scipy.special import logsumexp
from scipy.stats import gaussian_kde, multivariate_normal, norm
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, NearestNeighbors
from torch.distributions import Independent, MultivariateNormal, Normal

# ── sample_images ────────────────────────────────────────────────────────────────────────────────


def with_distribution(decoder, n, latent_dim):
    prior = Independent(Normal(torch.zeros(latent_dim), torch.ones(latent_dim)), 1)
    return decoder(prior.sample((n,))).detach()


def one_by_one(decoder, n, latent_dim):
    with torch.inference_mode():
        return torch.cat([decoder(torch.randn(latent_dim)[None]) for _ in range(n)])


@torch.no_grad()
def from_numpy(decoder, n, latent_dim):
    z = np.random.default_rng().normal(size=(n, latent_dim))
    return decoder(torch.from_numpy(z).float())


@torch.no_grad()
def by_inverting_uniforms(decoder, n, latent_dim):
    return decoder(torch.special.ndtri(torch.rand(n, latent_dim, dtype=torch.float64)).float())


@torch.no_grad()
def by_filling(decoder, n, latent_dim):
    return decoder(torch.empty(n, latent_dim).normal_())


def from_a_generator(decoder, n, latent_dim):
    rng = torch.Generator()
    rng.seed()
    return decoder(torch.randn(n, latent_dim, generator=rng)).data


@torch.no_grad()
def multivariate(decoder, n, latent_dim):
    return decoder(MultivariateNormal(torch.zeros(latent_dim), torch.eye(latent_dim)).sample((n,))).numpy()


def leaving(then):
    """Images as they should be, from an answer that leaves something behind."""

    def sample_images(decoder, n, latent_dim):
        then(decoder)
        return decoder(torch.randn(n, latent_dim)).detach()

    return sample_images


def decodes(draw):
    """An answer that decodes without a gradient what `draw(n, latent_dim)` returns."""

    def sample_images(decoder, n, latent_dim):
        with torch.no_grad():
            return decoder(draw(n, latent_dim))

    return sample_images


def seeded(n, latent_dim):
    torch.manual_seed(0)
    return torch.randn(n, latent_dim)


# ── reconstruct ──────────────────────────────────────────────────────────────────────────────────


@torch.no_grad()
def through_the_heads(model, x):
    return torch.cat([model.decoder(model.encoder.to_mu(model.encoder.body(one[None]))) for one in x])


def detached(model, x):
    mu, _ = model.encode(x)
    return model.decode(mu).detach()


def as_numpy(model, x):
    with torch.inference_mode():
        return model.decode(model.embed(x)).numpy().astype(np.float64)


@torch.no_grad()
def middle_of_forward(model, x):
    return model.decode(model(x)[1])


def back_to_its_mode(model, x):
    mode = model.training
    model.eval()
    z = model.embed(x)
    model.train(mode)
    return model.decoder(z.detach()).clone().detach()


@torch.no_grad()
def without_spread(model, x):
    mu, log_var = model.encode(x)
    return model.decode(model.reparameterize(mu, torch.full_like(log_var, -torch.inf)))


def noise_switched_off(model, x):
    model.reparameterize = lambda mu, log_var: mu
    return in_inference(model, x)


def in_inference(model, x):
    with torch.inference_mode():
        return model(x)[0]


@torch.no_grad()
def spread_unlearned(model, x):
    model.encoder.to_log_var.weight.zero_()
    model.encoder.to_log_var.bias.fill_(-60)
    return model(x)[0]


def in_eval_mode(model, x):
    with torch.no_grad():
        return model.eval()(x)[0]


def average_of_draws(model, x):
    with torch.no_grad():
        return torch.stack([model(x)[0] for _ in range(20)]).mean(dim=0)


def with_a_seed(model, x):
    torch.manual_seed(0)
    return in_eval_mode(model, x)


def from_the_prior(model, x):
    with torch.no_grad():
        return model.decode(torch.zeros(len(x), 2))


# ── log_weight ───────────────────────────────────────────────────────────────────────────────────


def without_constants(error, z, mu, log_var):
    log_p = -z.pow(2).sum(dim=1) / 2
    log_q = (-0.5 * ((z - mu) ** 2 / log_var.exp() + log_var)).sum(dim=1)
    return log_p - log_q - error


def weight_in_loops(error, z, mu, log_var):
    result = []
    for e, code in zip(error.tolist(), z.tolist(), strict=True):
        for value, m, v in zip(code, mu.tolist(), log_var.tolist(), strict=True):
            e -= norm.logpdf(value) - norm.logpdf(value, m, math.exp(v / 2))
        result.append(-e)
    return torch.tensor(result)


def weight_with_scipy(error, z, mu, log_var):
    error, z, mu, log_var = (value.double().numpy() for value in (error, z, mu, log_var))
    prior = multivariate_normal(np.zeros(len(mu)), np.eye(len(mu)))
    q = multivariate_normal(mu, np.diag(np.exp(log_var)))
    return prior.logpdf(z) - q.logpdf(z) - error


def weight_with_independent(error, z, mu, log_var):
    q = Independent(Normal(mu, (0.5 * log_var).exp()), 1)
    p = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return p.log_prob(z) - q.log_prob(z) - error


def weight_by_eps(error, z, mu, log_var):
    eps = (z - mu) * torch.exp(-log_var / 2)
    return -error + 0.5 * (eps**2 - z**2) @ torch.ones(len(mu)) + 0.5 * log_var.sum()


def weight_with_vmap(error, z, mu, log_var):
    def one(e, code):
        return -e - code @ code / 2 + ((code - mu) ** 2 / log_var.exp() + log_var).sum() / 2

    return torch.vmap(one)(error, z)


def as_a_fraction(error, z, mu, log_var):
    log_p, log_q = (part.sum(1) for part in log_p_and_q(z, mu, log_var))
    return torch.log(torch.exp(-error) * log_p.exp() / log_q.exp())


def log_p_and_q(z, mu, log_var):
    prior, q = Normal(0.0, 1.0), Normal(mu, (log_var / 2).exp())
    return prior.log_prob(z), q.log_prob(z)


def combine(rule):
    """An answer from `rule(error, log_p (K, D), log_q (K, D))`."""
    return lambda error, z, mu, log_var: rule(error, *log_p_and_q(z, mu, log_var))


def half_missing(error, z, mu, log_var):
    return -error - (z**2).sum(1) + ((z - mu) ** 2 / log_var.exp()).sum(1) + 0.5 * log_var.sum()


def weight_log_var_as_sigma(error, z, mu, log_var):
    log_q = -0.5 * ((z - mu) / log_var) ** 2 - torch.log(log_var.abs())
    return -error - 0.5 * (z**2).sum(1) - log_q.sum(1)


def kl_for_every_draw(error, z, mu, log_var):
    return -error + 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum()


def one_constant(error, z, mu, log_var):
    return -error - 0.5 * (z**2).sum(1) - Normal(mu, (log_var / 2).exp()).log_prob(z).sum(1)


def width_missing(error, z, mu, log_var):
    return -error - 0.5 * (z**2).sum(1) + 0.5 * ((z - mu) ** 2 / log_var.exp()).sum(1)


def summed(log_p, log_q):
    return (log_p - log_q).sum(1)


# ── log_p_estimate ───────────────────────────────────────────────────────────────────────────────


def largest_first(log_weights):
    largest = log_weights.amax(dim=1, keepdim=True)
    return largest[:, 0] + (log_weights - largest).exp().mean(dim=1).log()


def row_by_row(log_weights):
    result = torch.empty(len(log_weights), dtype=torch.float64)
    for i, row in enumerate(log_weights.double()):
        total = row[0]
        for value in row[1:]:
            total = torch.logaddexp(total, value)
        result[i] = total - math.log(len(row))
    return result


def scipy_with_weights(log_weights):
    weights = log_weights.numpy().astype(np.float64)
    return logsumexp(weights, axis=1, b=1 / weights.shape[1])


def with_logcumsumexp(log_weights):
    return log_weights.logcumsumexp(dim=1)[:, -1] - np.log(log_weights.shape[1])


def by_folding(log_weights):
    return reduce(torch.logaddexp, log_weights.T) - math.log(log_weights.shape[1])


def with_a_constant_column(log_weights):
    counted = log_weights - torch.tensor(float(log_weights.shape[1])).log()
    return torch.logsumexp(counted.double(), dim=-1)


def shifted_by(of):
    def log_p_estimate(log_weights):
        shift = of(log_weights)
        return shift[:, 0] + (log_weights - shift).exp().mean(dim=1).log()

    return log_p_estimate


# ── draw_codes ───────────────────────────────────────────────────────────────────────────────────


def around_given_ones(codes, n, width=0.06):
    chosen = codes[torch.randint(len(codes), (n,))]
    return chosen + width * codes.std(dim=0) * torch.randn(n, codes.shape[1])


def with_a_mixture(codes, n):
    return GaussianMixture(10, random_state=0).fit(codes.numpy()).sample(n)[0]


def with_kernel_density(codes, n):
    width = 0.06 * float(codes.std(dim=0).mean())
    return KernelDensity(bandwidth=width).fit(codes.double().numpy()).sample(n, random_state=1)


def between_neighbours(codes, n):
    start = torch.randint(len(codes), (n,))
    near = torch.cdist(codes[start], codes).topk(6, largest=False).indices[:, 1:]
    other = near[torch.arange(n), torch.randint(5, (n,))]
    return codes[start] + torch.rand(n, 1) * (codes[other] - codes[start])


def with_scipy(codes, n):
    kernel = gaussian_kde(codes.double().numpy().T, bw_method=0.06)
    return torch.from_numpy(kernel.resample(n).T)


def by_the_nearest_distance(codes, n):
    apart = torch.cdist(codes, codes).fill_diagonal_(torch.inf)
    rows = np.random.default_rng().integers(len(codes), size=n)
    return codes[rows] + apart.amin(dim=1).median() * torch.randn(n, codes.shape[1]) / 1.5


def halfway_to_a_neighbour(codes, n):
    near = NearestNeighbors(n_neighbors=4).fit(codes.numpy()).kneighbors(codes.numpy())[1]
    rows = torch.randint(len(codes), (n,))
    return (codes[rows] + codes[near[rows, torch.randint(1, 4, (n,))]]) / 2


def one_gaussian(codes, n):
    return MultivariateNormal(codes.mean(dim=0), codes.T.cov()).sample((n,))


def each_number_alone(codes, n):
    return torch.stack([column[torch.randint(len(codes), (n,))] for column in codes.T], dim=1)


def one_corner(codes, n):
    first = torch.cdist(codes[:1], codes)[0].argsort()[:150]
    return around_given_ones(codes[first], n)


RIGHT = {
    "check_sample_images": [
        with_distribution,
        one_by_one,
        from_numpy,
        by_inverting_uniforms,
        by_filling,
        from_a_generator,
        multivariate,
    ],
    "check_reconstruct": [
        through_the_heads,
        detached,
        as_numpy,
        middle_of_forward,
        back_to_its_mode,
        without_spread,
    ],
    "check_log_weight": [
        without_constants,
        weight_in_loops,
        weight_with_scipy,
        weight_with_independent,
        weight_by_eps,
        weight_with_vmap,
    ],
    "check_log_p_estimate": [
        largest_first,
        row_by_row,
        scipy_with_weights,
        with_logcumsumexp,
        by_folding,
        with_a_constant_column,
    ],
    "check_draw_codes": [
        around_given_ones,
        with_a_mixture,
        with_kernel_density,
        between_neighbours,
        with_scipy,
        by_the_nearest_distance,
        halfway_to_a_neighbour,
    ],
}

WRONG = {
    "check_sample_images": [
        ("codes_returned", lambda decoder, n, latent_dim: torch.randn(n, latent_dim)),
        ("prior_mean", decodes(lambda n, d: torch.zeros(n, d))),
        ("one_code_for_all", decodes(lambda n, d: torch.randn(1, d).expand(n, d))),
        ("shared_number", decodes(lambda n, d: torch.randn(n, 1).expand(n, d))),
        ("same_each_call", decodes(seeded)),
        ("correlated", decodes(lambda n, d: (torch.randn(n, d) + torch.randn(n, 1)) / math.sqrt(2))),
        ("same_each_call", decodes(lambda n, d: torch.linspace(-2, 2, n)[:, None].expand(n, d))),
        ("uniform", decodes(lambda n, d: torch.randn(n, d).abs())),
        ("uniform", decodes(lambda n, d: torch.nn.functional.normalize(torch.randn(n, d)))),
        ("mode_left_behind", leaving(lambda decoder: decoder.eval())),
        ("model_frozen", leaving(lambda decoder: decoder.requires_grad_(False))),
        ("gradients_off", leaving(lambda decoder: torch.set_grad_enabled(False))),
        ("shape", lambda decoder, n, d: decodes(torch.randn)(decoder, n, d).squeeze()),
        ("uniform", decodes(lambda n, d: torch.rand(n, d))),
        ("uniform", decodes(lambda n, d: math.sqrt(3) * (2 * torch.rand(n, d) - 1))),
        ("wrong_spread", decodes(lambda n, d: 2 * torch.randn(n, d))),
        ("wrong_center", decodes(lambda n, d: torch.randn(n, d) + 1)),
        ("gradient", lambda decoder, n, latent_dim: decoder(torch.randn(n, latent_dim))),
        ("raised", decodes(lambda n, d: torch.randn(d, n))),
        ("shape", decodes(lambda n, d: torch.randn(n + 1, d))),
        ("value", lambda decoder, n, d: decodes(torch.randn)(decoder, n, d).sigmoid()),
    ],
    "check_reconstruct": [
        ("sampling", in_eval_mode),
        ("sampling", average_of_draws),
        ("sampling", lambda model, x: model.decode(model.reparameterize(*model.encode(x))).detach()),
        ("fixed_noise", with_a_seed),
        ("fixed_noise", lambda model, x: with_a_seed(model.train(), x)),
        ("noise_removed", noise_switched_off),
        ("model_changed", spread_unlearned),
        ("mode_left_behind", lambda model, x: detached(model.eval(), x)),
        ("model_frozen", lambda model, x: detached(model.requires_grad_(False), x)),
        ("prior", lambda model, x: model.decode(model.embed(x).mean(0).expand(len(x), -1)).detach()),
        ("value", lambda model, x: detached(model, detached(model, x))),
        ("value", lambda model, x: detached(model, x).clamp(0, 1)),
        ("decoded_log_var", lambda model, x: model.decode(model.encode(x)[1])),
        ("codes_returned", lambda model, x: model.embed(x)),
        ("prior", from_the_prior),
        ("gradient", lambda model, x: model.decode(model.embed(x))),
        ("shape", lambda model, x: detached(model, x)[:, 0]),
        ("value", lambda model, x: detached(model, x).sigmoid()),
        ("type", lambda model, x: (detached(model, x), None)),
    ],
    "check_log_weight": [
        ("error_sign", combine(lambda error, p, q: error + summed(p, q))),
        ("prior_missing", combine(lambda error, p, q: -error - q.sum(1))),
        ("encoder_missing", combine(lambda error, p, q: -error + p.sum(1))),
        ("encoder_missing", lambda error, z, mu, log_var: -error - 0.5 * (z**2).sum(1)),
        ("encoder_added", combine(lambda error, p, q: -error + (p + q).sum(1))),
        ("upside_down", combine(lambda error, p, q: error - summed(p, q))),
        ("underflow", as_a_fraction),
        ("width", lambda e, z, mu, v: -e + 0.5 * ((z - mu) ** 2 / v.exp() - v - z**2).sum(1)),
        ("width", lambda e, z, mu, v: -e + 0.5 * ((z - mu) ** 2 / v.exp() + 2 * v - z**2).sum(1)),
        ("log_var_as_sigma", lambda e, z, mu, v: -e - (Normal(mu, v).log_prob(z) + z**2 / 2).sum(1)),
        ("shape", lambda *given: without_constants(*given).squeeze()),
        ("value", lambda error, z, mu, log_var: without_constants(error / 2, z, mu, log_var)),
        ("value", lambda error, z, mu, v: without_constants(error, z[:, :1], mu[:1], v[:1])),
        ("half_missing", half_missing),
        ("width_missing", width_missing),
        ("log_var_as_log_sigma", lambda e, z, mu, log_var: weight_in_loops(e, z, mu, 2 * log_var)),
        ("log_var_as_sigma", weight_log_var_as_sigma),
        ("mean_over_latents", combine(lambda error, p, q: -error + (p - q).mean(1))),
        ("kl_instead", kl_for_every_draw),
        ("kl_instead", combine(lambda error, p, q: -error + (p - q).sum())),
        ("averaged", combine(lambda error, p, q: (-error + summed(p, q)).mean())),
        ("not_summed", combine(lambda error, p, q: -error[:, None] + p - q)),
        ("constant", one_constant),
        ("shape", lambda *given: without_constants(*given)[:, None].expand(-1, 2)[:, :2, None]),
        ("value", lambda error, z, mu, log_var: without_constants(2 * error, z, mu, log_var)),
    ],
    "check_log_p_estimate": [
        ("elbo", lambda log_weights: log_weights.mean(dim=1)),
        ("summed", lambda log_weights: torch.logsumexp(log_weights, dim=1)),
        ("no_log", lambda log_weights: log_weights.exp().mean(dim=1)),
        ("best_draw", lambda log_weights: log_weights.max(dim=1).values),
        ("over_images", lambda log_weights: largest_first(log_weights.T)),
        ("over_everything", lambda log_weights: largest_first(log_weights.reshape(1, -1))[0]),
        ("divided_by_images", lambda log_weights: log_weights.logsumexp(dim=1) - math.log(len(log_weights))),
        ("underflow", lambda log_weights: log_weights.double().exp().mean(dim=1).log()),
        ("underflow", shifted_by(lambda log_weights: log_weights.amin(dim=1, keepdim=True))),
        ("underflow", shifted_by(lambda log_weights: log_weights.mean(dim=1, keepdim=True))),
        ("underflow", shifted_by(lambda log_weights: log_weights.max().expand(len(log_weights), 1))),
        ("shape", lambda log_weights: largest_first(log_weights).squeeze()),
        ("value", lambda log_weights: log_weights.logsumexp(dim=1) / log_weights.shape[1]),
        ("underflow", lambda log_weights: log_weights.exp().mean(dim=1).log()),
        ("underflow", lambda log_weights: (log_weights.exp().mean(dim=1) + 1e-12).log()),
        ("shape", lambda log_weights: largest_first(log_weights)[:, None]),
        ("value", lambda log_weights: largest_first(log_weights) / math.log(2)),
    ],
    "check_draw_codes": [
        ("prior", lambda codes, n: torch.randn(n, codes.shape[1])),
        ("independent", each_number_alone),
        ("independent", lambda codes, n: codes.mean(0) + codes.std(0) * torch.randn(n, codes.shape[1])),
        ("seed_fixed", lambda codes, n: [torch.manual_seed(0), around_given_ones(codes, n)][1]),
        (
            "too_wide",
            lambda codes, n: torch.lerp(*(codes[torch.randint(len(codes), (2, n))]), torch.rand(n, 1)),
        ),
        (
            "too_wide",
            lambda codes, n: torch.lerp(codes.amin(0), codes.amax(0), torch.rand(n, codes.shape[1])),
        ),
        ("shape", lambda codes, n: around_given_ones(codes[torch.randperm(len(codes))[:n]], len(codes))),
        ("shape", lambda codes, n: codes[torch.randperm(len(codes))[:n]] + 0.01),
        ("one_gaussian", one_gaussian),
        ("copies", lambda codes, n: codes[torch.randint(len(codes), (n,))]),
        ("copies", lambda codes, n: around_given_ones(codes, n, width=1e-4)),
        ("too_few", one_corner),
        ("too_wide", lambda codes, n: around_given_ones(codes, n, width=0.4)),
        ("shape", lambda codes, n: around_given_ones(codes, n).T),
    ],
}
