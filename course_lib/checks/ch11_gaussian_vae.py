"""Checks for chapter 11, a VAE that can be solved by hand."""

import math

import numpy as np
import torch
from scipy.stats import poisson
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.nn import functional as F

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.models import VAE


def _eigenvalues(x: Tensor) -> Tensor:
    """The variances of the points x (N, P) along their principal directions, largest first."""
    return torch.linalg.svdvals((x - x.mean(dim=0)).double()).square() / len(x)


@check(
    Mistake(
        "next_only",
        "You took the first eigenvalue that is left over: σ² has to serve all directions that are left "
        "over, not one.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim],
    ),
    Mistake(
        "smallest",
        "You took the smallest eigenvalue: σ² has to serve all directions that are left over, not one.",
        lambda x, latent_dim: _eigenvalues(x)[-1],
    ),
    Mistake(
        "summed",
        "You summed the eigenvalues that are left over: σ² is the noise in one direction, and there are "
        "several.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim:].sum(),
    ),
    Mistake(
        "mean_over_all_directions",
        "You divided by the number of all directions: only those that the code leaves over share the noise.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim:].sum() / x.shape[1],
    ),
    Mistake(
        "kept_ones",
        "You dropped the smallest eigenvalues: torch.linalg.eigvalsh sorts from small to large.",
        lambda x, latent_dim: _eigenvalues(x).flip(0)[latent_dim:].mean(),
    ),
    Mistake(
        "all",
        "This is the mean of all eigenvalues: the latent dimensions explain the largest ones.",
        lambda x, latent_dim: _eigenvalues(x).mean(),
    ),
    Mistake(
        "not_centred",
        "The points were not centred: a mean far from the origin looks like a huge variance.",
        lambda x, latent_dim: torch.linalg.svdvals(x.double()).square()[latent_dim:].mean() / len(x),
    ),
    Mistake(
        "standard_deviation",
        "This is σ, and σ² is asked for.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim:].mean().sqrt(),
    ),
    Mistake(
        "singular_values",
        "You averaged singular values: an eigenvalue of the covariance is a singular value squared, "
        "divided by N.",
        lambda x, latent_dim: torch.linalg.svdvals((x - x.mean(dim=0)).double())[latent_dim:].mean(),
    ),
    *(
        Mistake(
            "standard_deviations",
            "You averaged standard deviations: it is variances that are averaged, the eigenvalues as they "
            "are.",
            lambda x, latent_dim, power=power: _eigenvalues(x)[latent_dim:].sqrt().mean() ** power,
        )
        for power in (1, 2)
    ),
    Mistake(
        "not_divided",
        "It grows with the number of points: a variance is a mean over the points, not a sum.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim:].mean() * len(x),
    ),
    Mistake(
        "median",
        "You took the middle one of the eigenvalues that are left over: σ² is their mean.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim:].median(),
    ),
    Mistake(
        "one_too_few",
        "One eigenvalue too many is left over: the code explains as many as it has numbers.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim - 1 :].mean(),
    ),
    Mistake(
        "one_too_many",
        "One eigenvalue too few is left over: the code explains as many as it has numbers.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim + 1 :].mean(),
    ),
    Mistake(
        "coordinates",
        "These are the variances of the coordinates: a cloud may lie askew, and then those along its "
        "principal directions are others.",
    ),
    Mistake(
        "divided_by_one_less",
        "You divided by N − 1: maximum likelihood divides by N. torch.cov and var divide by N − 1 unless "
        "they are told otherwise.",
        lambda x, latent_dim: _eigenvalues(x)[latent_dim:].mean() * len(x) / (len(x) - 1),
    ),
    tests="clouds of 3 to 8 dimensions, 0 to 3 latents, one direction left over, clouds far from the origin, "
    "12 points, against scikit-learn",
)
def check_left_over_noise(answer: Answer) -> None:
    """f(x, latent_dim), x (N, P) → the maximum-likelihood σ² of a linear VAE, one number."""
    cases = ((8, 3, 4000), (6, 2, 3000), (5, 2, 12), (3, 1, 4000), (3, 2, 500), (4, 0, 500))
    for dimensions, latent_dim, n in cases:
        spread = 0.6 + 1.9 * torch.linspace(1, 0, dimensions) ** 2  # uneven: else the median is the mean
        x = answer.normal(n, dimensions)
        x = torch.linalg.qr(x - x.mean(dim=0)).Q * math.sqrt(n)  # its covariance is exactly I
        x = x * spread @ torch.linalg.qr(answer.normal(dimensions, dimensions)).Q
        x = x + answer.uniform(dimensions, low=3, high=6)
        pca = PCA(n_components=max(latent_dim, 1), svd_solver="full").fit(x.double().numpy())
        expected = pca.noise_variance_ * (n - 1) / n
        result = answer.number(answer.call(x=x, latent_dim=latent_dim))
        if latent_dim == 0:
            expected = float(x.double().var(dim=0, correction=0).mean())
        variances = x.double().var(dim=0, correction=0)
        left_over = dimensions - latent_dim
        of_coordinates = [variances.sort().values[:left_over].mean(), variances[latent_dim:].mean()]
        if n == 500:  # one direction is left over, or all: mistakes look alike
            answer.match_number(result, expected, x=x, latent_dim=latent_dim)
        if abs(result - expected) > 0.01 and np.isclose(result, of_coordinates, rtol=1e-3).any():
            answer.fail("coordinates")
        answer.match(torch.tensor(result), torch.tensor(expected), x=x, latent_dim=latent_dim)


def _posterior_mean(x: Tensor, w: Tensor, b: Tensor, sigma2: float) -> Tensor:
    """E[z | x] of the joint Gaussian of (z, x), by conditioning: cov(z, x) C⁻¹ (x − b)."""
    w, b, x = w.double(), b.double(), x.double()
    covariance = torch.outer(w, w) + sigma2 * torch.eye(len(w), dtype=torch.float64)
    return torch.linalg.solve(covariance, (x - b).T).T @ w


@check(
    Mistake(
        "no_prior",
        "This is where the point falls on the line, seen without the prior: p(z) = N(0, 1) pulls the "
        "answer towards 0.",
        lambda x, w, b, sigma2: (x - b) @ w / w.square().sum(),
    ),
    Mistake(
        "prior_weight_one",
        "The prior counts as if σ² were 1: how hard it pulls depends on the noise of the points.",
        lambda x, w, b, sigma2: (x - b) @ w / (w.square().sum() + 1),
    ),
    Mistake(
        "sigma",
        "You used σ where σ² belongs.",
        lambda x, w, b, sigma2: (x - b) @ w / (w.square().sum() + math.sqrt(sigma2)),
    ),
    Mistake(
        "sigma2_squared",
        "You squared sigma2: it is the variance already.",
        lambda x, w, b, sigma2: (x - b) @ w / (w.square().sum() + sigma2**2),
    ),
    Mistake(
        "w_normalised",
        "You scaled w to length one: its own length says how far a step in z moves the point.",
        lambda x, w, b, sigma2: (x - b) @ (w / w.norm()) / (1 + sigma2),
    ),
    Mistake(
        "top_normalised",
        "Above the fraction bar you scaled w to length one: there it keeps its own length.",
        lambda x, w, b, sigma2: (x - b) @ (w / w.norm()) / (w.square().sum() + sigma2),
    ),
    Mistake(
        "not_centred",
        "The centre b is still in it: a point at b must get the code 0.",
        lambda x, w, b, sigma2: x @ w / (w.square().sum() + sigma2),
    ),
    Mistake(
        "length_not_squared",
        "The length of w goes in without its square.",
        lambda x, w, b, sigma2: (x - b) @ w / (w.norm() + sigma2),
    ),
    Mistake(
        "not_divided",
        "The top of the parabola is missing: you have the factor of z, and it must be divided by the "
        "bracket before z².",
        lambda x, w, b, sigma2: (x - b) @ w / sigma2,
    ),
    Mistake(
        "doubled",
        "It is half as large as it should be: the parabola −½ a z² + c z has its top at c / a.",
        lambda x, w, b, sigma2: (x - b) @ w / (w.square().sum() + sigma2) / 2,
    ),
    Mistake(
        "sign",
        "The sign is turned round: a point on the side to which w points has a positive code.",
        lambda x, w, b, sigma2: -(x - b) @ w / (w.square().sum() + sigma2),
    ),
    Mistake(
        "noise_of_all_pixels",
        "The noise counts once for each number of x: σ² stands in the bracket once. Did you average over the "
        "numbers of a point somewhere?",
        lambda x, w, b, sigma2: (x - b) @ w / (w.square().sum() + len(w) * sigma2),
    ),
    Mistake(
        "noise_doubled",
        "The noise counts twice: when you sorted by powers of z, did a ½ get lost on one side only?",
        lambda x, w, b, sigma2: (x - b) @ w / (w.square().sum() + 2 * sigma2),
    ),
    Mistake(
        "variance",
        "This is the variance of p(z | x), the same for all points: the mean is asked for.",
        lambda x, w, b, sigma2: (sigma2 / (w.square().sum() + sigma2)).expand(len(x)),
    ),
    tests="clouds of 2 to 5 dimensions, hardly any noise and a great deal, one point, against conditioning a "
    "joint Gaussian",
)
def check_posterior_mean(answer: Answer) -> None:
    """f(x, w, b, sigma2), x (N, P), w and b (P,) → the mean of p(z | x) for each point (N,)."""
    for dimensions, sigma2, n in (
        (3, 0.7, 7),
        (5, 0.15, 7),
        (2, 3.0, 7),
        (4, 1e-3, 6),
        (3, 200.0, 6),
        (4, 0.6, 1),
    ):
        w, b = F.normalize(answer.normal(dimensions) + 1, dim=0), 2 + answer.normal(dimensions)
        w = 1.5 * w  # so long that no mistake looks like another by chance
        inputs = {"x": b + 2 * answer.normal(n, dimensions), "w": w, "b": b, "sigma2": sigma2}
        compare = answer.compare if n == 7 else answer.compare_edge
        compare(_posterior_mean(*inputs.values()), **inputs)


def _elbo(x: Tensor, mu: Tensor, log_var: Tensor, w: Tensor, b: Tensor, sigma2: float) -> Tensor:
    """log p(x) − KL(q ‖ p(z|x)): the other way to write the ELBO, without an expected value (N,)."""
    x, mu, log_var, w, b = (t.double() for t in (x, mu, log_var, w, b))
    covariance = torch.outer(w, w) + sigma2 * torch.eye(len(w), dtype=torch.float64)
    log_p = MultivariateNormal(b, covariance).log_prob(x)
    mean, variance = _posterior_mean(x, w, b, sigma2), sigma2 / (w.square().sum() + sigma2)
    gap = 0.5 * (log_var.exp() / variance + (mu - mean).square() / variance - 1 - log_var + variance.log())
    return log_p - gap


def _elbo_with(x, mu, log_var, w, b, sigma2, *, noise=None, kl=1.0, constant=1.0, half=1.0):
    """The ELBO in its usual form, with terms that a mistake changes (N,)."""
    if noise is None:
        noise = w.square().sum() * log_var.exp()
    error = (x - mu[:, None] * w - b).square().sum(dim=1) + noise
    price = -0.5 * (1 + log_var - mu.square() - log_var.exp())
    constants = x.shape[1] / 2 * math.log(2 * math.pi * sigma2)
    return -half * error / (2 * sigma2) - constant * constants - kl * price


@check(
    Mistake(
        "noise_forgotten",
        "The bug is still there: the error is measured at mu alone, as if every z drawn from q were mu. "
        "Most lie beside it, and their error is larger.",
        lambda *inputs: _elbo_with(*inputs, noise=0.0),
    ),
    Mistake(
        "kl_added",
        "The KL is added: it is the price of the code, and an ELBO pays it.",
        lambda *inputs: _elbo_with(*inputs, kl=-1.0),
    ),
    Mistake(
        "kl_missing",
        "The KL is missing: as it stands, a code that says everything would cost nothing.",
        lambda *inputs: _elbo_with(*inputs, kl=0.0),
    ),
    Mistake(
        "constants_missing",
        "The constants of the Gaussian are missing: without −P/2 · log(2πσ²) it is no bound on log p(x).",
        lambda *inputs: _elbo_with(*inputs, constant=0.0),
    ),
    Mistake(
        "constant_of_one_pixel",
        "The constants belong to every number of x: P of them, and you counted one.",
        lambda x, *rest: _elbo_with(x, *rest, constant=1 / x.shape[1]),
    ),
    Mistake(
        "half",
        "The squared error is divided by σ², and a Gaussian divides it by 2σ².",
        lambda *inputs: _elbo_with(*inputs, half=2.0),
    ),
    Mistake(
        "log_var_as_variance",
        "You used log_var as the variance of q: exponentiate it first.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(
            x, mu, log_var, w, b, s2, noise=w.square().sum() * log_var
        ),
    ),
    Mistake(
        "sigma_of_q",
        "You used the standard deviation of q where its variance belongs: squared errors add up variances.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(
            x, mu, log_var, w, b, s2, noise=w.square().sum() * (log_var / 2).exp()
        ),
    ),
    Mistake(
        "without_length_of_w",
        "The noise of z reaches x through w: a long w spreads it further.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(x, mu, log_var, w, b, s2, noise=log_var.exp()),
    ),
    Mistake(
        "length_not_squared",
        "The length of w goes in without its square: squared errors add up squares.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(x, mu, log_var, w, b, s2, noise=w.norm() * log_var.exp()),
    ),
    Mistake(
        "variance_in_every_pixel",
        "You added the variance of q once for each number of x: the noise of z reaches x through w, and not "
        "all of its numbers equally.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(
            x, mu, log_var, w, b, s2, noise=x.shape[1] * log_var.exp()
        ),
    ),
    Mistake(
        "noise_not_divided",
        "The part that comes from the width of q is not divided by 2σ²: it belongs to the squared error, "
        "under the same fraction bar.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(
            x, mu, log_var, w, b, s2, noise=2 * s2 * w.square().sum() * log_var.exp()
        ),
    ),
    Mistake(
        "noise_lowers_the_error",
        "The width of q makes the error smaller here: look at the sign.",
        lambda x, mu, log_var, w, b, s2: _elbo_with(
            x, mu, log_var, w, b, s2, noise=-w.square().sum() * log_var.exp()
        ),
    ),
    Mistake(
        "drawn",
        "You drew z, and the numbers depend on the luck of the draw (a fixed seed only hides it). This "
        "expected value can be worked out without drawing.",
    ),
    Mistake(
        "averaged",
        "You averaged over the points: return one ELBO for each, (N,).",
        lambda *i: _elbo(*i).mean(),
    ),
    Mistake(
        "summed", "You summed over the points: return one ELBO for each, (N,).", lambda *i: _elbo(*i).sum()
    ),
    Mistake(
        "log_p",
        "This is log p(x) itself, whatever q is: the ELBO is lower by what q misses.",
        lambda x, mu, log_var, w, b, s2: _elbo(
            x,
            _posterior_mean(x, w, b, s2),
            torch.full_like(mu, math.log(s2 / (float(w.square().sum()) + s2))),
            w,
            b,
            s2,
        ),
    ),
    Mistake(
        "kl_doubled",
        "The KL is twice as large as it should be: it has a ½ before its bracket.",
        lambda *inputs: _elbo_with(*inputs, kl=2.0),
    ),
    tests="shape, random clouds against log p(x) − KL(q ‖ p(z|x)), one point, and the best q, where it is "
    "log p(x) itself",
)
def check_linear_elbo(answer: Answer) -> None:
    """f(x, mu, log_var, w, b, sigma2) → the ELBO of each point (N,), in nats, without drawing."""
    for dimensions, sigma2, n in ((3, 0.4, 8), (5, 1.5, 8), (4, 0.8, 1)):
        w, b = answer.normal(dimensions) + 1, answer.normal(dimensions)
        x = b + 2 * answer.normal(n, dimensions)
        inputs = {"x": x, "mu": answer.normal(n), "log_var": 0.7 * answer.normal(n) - 0.5, "w": w, "b": b}
        inputs["sigma2"] = sigma2
        result = answer.call(**inputs)
        found = answer.tensor(result, inputs)
        again = answer.tensor(answer.call(**inputs), inputs)
        if bool(found.isfinite().all()) and (answer.reseeded or not close(found, again)):
            answer.fail("drawn")
        if n == 1:
            answer.compare_edge(_elbo(*inputs.values()), **inputs)
        answer.match(result, _elbo(*inputs.values()), **inputs)
        inputs["mu"] = _posterior_mean(x, w, b, sigma2).float()
        inputs["log_var"] = torch.full((n,), math.log(sigma2 / (float(w.square().sum()) + sigma2)))
        answer.compare(_elbo(*inputs.values()), **inputs)


@check(
    Mistake(
        "rate_for_log_rate",
        "You used log_rate as the rate itself: a head may return any number, so it returns the logarithm.",
        lambda log_rate, counts: (log_rate - counts * log_rate.log() + torch.lgamma(counts + 1)).sum(dim=1),
    ),
    Mistake(
        "factorial_missing",
        "log k! is missing: constant while training, but without it this is no probability, and numbers "
        "cannot be "
        "compared with those of another likelihood.",
        lambda log_rate, counts: (log_rate.exp() - counts * log_rate).sum(dim=1),
    ),
    Mistake(
        "sign",
        "This is log p: an error to be made small is −log p.",
        lambda log_rate, counts: -(log_rate.exp() - counts * log_rate + torch.lgamma(counts + 1)).sum(dim=1),
    ),
    Mistake(
        "gamma_shifted",
        "log k! is off by one: the gamma function of k is (k − 1)!.",
        lambda log_rate, counts: (log_rate.exp() - counts * log_rate + torch.lgamma(counts)).sum(dim=1),
    ),
    Mistake(
        "factorial_sign",
        "log k! has the wrong sign: k! stands below the fraction bar of p(k), and this is −log p(k).",
        lambda log_rate, counts: (log_rate.exp() - counts * log_rate - torch.lgamma(counts + 1)).sum(dim=1),
    ),
    Mistake(
        "exp_missing",
        "One of your three terms holds log_rate where p(k) has the rate itself.",
        lambda log_rate, counts: (log_rate - counts * log_rate + torch.lgamma(counts + 1)).sum(dim=1),
    ),
    Mistake(
        "rate_missing",
        "The term that punishes a large rate is missing: as it stands, the best rate is infinite.",
        lambda log_rate, counts: (-counts * log_rate + torch.lgamma(counts + 1)).sum(dim=1),
    ),
    Mistake(
        "mean_over_pixels",
        "You averaged over the pixels: their counts are independent given the code, so their −log p add up.",
        lambda log_rate, counts: (log_rate.exp() - counts * log_rate + torch.lgamma(counts + 1)).mean(dim=1),
    ),
    Mistake(
        "summed_over_batch",
        "You summed over the batch as well: return one number for each image, (B,).",
        lambda log_rate, counts: (log_rate.exp() - counts * log_rate + torch.lgamma(counts + 1)).sum(),
    ),
    Mistake(
        "per_pixel",
        "You kept the pixels apart: return one number for each image, (B,).",
        lambda log_rate, counts: log_rate.exp() - counts * log_rate + torch.lgamma(counts + 1),
    ),
    Mistake(
        "squared_error",
        "This is a squared error: it claims noise of one size, and a count of 100 scatters more than one "
        "of 1.",
        lambda log_rate, counts: (log_rate.exp() - counts).square().sum(dim=1),
    ),
    Mistake(
        "stirling",
        "For log k! you have an approximation (Stirling's), which is off for small counts: torch.lgamma is "
        "exact.",
        lambda log_rate, counts: F.poisson_nll_loss(log_rate, counts, full=True, reduction="none").sum(dim=1),
    ),
    tests="shape, random rates against SciPy, counts of 0, rates near 0 and in the thousands, one image, one "
    "pixel",
)
def check_poisson_error(answer: Answer) -> None:
    """f(log_rate, counts), each (B, P) → −log p(counts) of each image (B,), in nats."""
    cases = ((7.0, 5, 7), (0.0, 5, 7), (-4.0, 5, 7), (1.0, 1, 6), (1.0, 4, 1))
    for shift, images, pixels in cases:  # large counts first: no mistake gives infinity there
        log_rate = 0.5 * answer.normal(images, pixels) + shift
        counts = torch.poisson(log_rate.exp(), generator=answer.rng)
        if shift == 0:
            counts[0], counts[1], counts[2] = 0, 3, 1
        expected = -poisson.logpmf(counts.double().numpy(), log_rate.double().exp().numpy()).sum(axis=1)
        compare = answer.compare if images == 5 else answer.compare_edge
        compare(torch.from_numpy(expected), rtol=1e-3, atol=2e-3, log_rate=log_rate, counts=counts)


TARGET = torch.tensor(
    [6.0, 3.0, 1.5, 0.5, 0.5, 0.5]
)  # the variances of the experiment's cloud, largest first


@check(
    Mistake("not_a_vae", "my_linear_vae must be a trained models.VAE, and it is {kind}."),
    Mistake(
        "wrong_sizes",
        "The model must read points of 6 numbers, (N, 6), and redraw them; given such points it {what}.",
    ),
    Mistake(
        "too_many_latents",
        "The code has {found} numbers and three are allowed: with six the noise could be explained as well.",
    ),
    Mistake(
        "too_few_latents",
        "The code has {found}, and three numbers are asked for: a third direction has more variance than the "
        "noise, and no training makes up for it.",
    ),
    Mistake(
        "not_linear",
        "The decoder bends: it must be one linear layer, for only then is the best value known.",
    ),
    Mistake(
        "collapsed",
        "The code says nothing: mu is the same for all points. Chapter 7 lists what to look at.",
    ),
    Mistake(
        "not_trained",
        "It is {gap:.1f} nats below the best value: a model whose code says nothing does better. Has "
        "`fit` trained this very model, and for long enough at a high enough learning rate?",
    ),
    Mistake(
        "far_away",
        "It stays {gap:.3f} nats below the best value; 0.02 are allowed. Is the learning rate high enough to "
        "arrive, and low enough at the end to settle? And are error and KL weighed as in the ELBO?",
    ),
    tests="the exact ELBO on 20,000 new points, within 0.02 nats of the best that any linear VAE can reach",
)
def check_my_linear_vae(answer: Answer) -> str:
    """A trained VAE with a linear decoder on points whose covariance has the eigenvalues TARGET.

    The points are the same in every check, so that the verdict on a model is, too.
    """
    model = answer.f
    if not isinstance(model, VAE):
        answer.fail("not_a_vae", kind=type(model).__name__)
    x = torch.randn(20_000, 6, generator=torch.Generator().manual_seed(0)) * TARGET.sqrt()
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        return _judge_linear_vae(answer, model, x)
    finally:
        for module, training in modes:
            module.training = training


def _judge_linear_vae(answer: Answer, model: VAE, x: Tensor) -> str:
    mu, log_var = _encode(answer, model, x)
    if mu.shape[1] > 3:
        answer.fail("too_many_latents", found=mu.shape[1])
    if mu.shape[1] < 3:
        answer.fail("too_few_latents", found=("one number", "two numbers")[mu.shape[1] - 1])
    w, b = _linear_map(answer, model, mu.shape[1])
    if bool((mu.std(dim=0) < 1e-3).all()):
        answer.fail("collapsed")
    error = (x - mu @ w.T - b).square().sum(dim=1) + log_var.exp() @ w.square().sum(dim=0)
    sigma2 = error.mean() / 6  # the best noise for this model
    kl = -0.5 * (1 + log_var - mu.square() - log_var.exp()).sum(dim=1).mean()
    reached = float(-3 * torch.log(2 * math.pi * sigma2) - 3 - kl)
    kept = TARGET[:3].log().sum() + 3 * TARGET[3:].mean().log()
    best = float(-3 * math.log(2 * math.pi) - kept / 2 - (x.square() / TARGET).sum(dim=1).mean() / 2)
    without_code = float(-3 * math.log(2 * math.pi * TARGET.mean()) - 3)
    if reached < without_code - 0.1:
        answer.fail("not_trained", gap=best - reached)
    if best - reached > 0.02:
        answer.fail("far_away", gap=best - reached)
    return f"Yours: {max(best - reached, 0):.3f} nats below."


@torch.no_grad()
def _encode(answer: Answer, model: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    try:
        mu, log_var = model.encode(x)
        shape = tuple(model.decode(mu).shape)
    except Exception as error:
        answer.fail("wrong_sizes", what=f"stops with {type(error).__name__}")
    if shape != tuple(x.shape):
        answer.fail("wrong_sizes", what=f"returns the shape {shape}")
    if not bool(torch.isfinite(mu).all() and torch.isfinite(log_var).all()):
        raise WrongAnswer("The model's codes are NaN or infinite: training has blown up.", "nan")
    return mu, log_var


@torch.no_grad()
def _linear_map(answer: Answer, model: VAE, latent_dim: int) -> tuple[Tensor, Tensor]:
    """The decoder as a matrix (6, D) and a centre (6,), read off from what it draws."""
    b = model.decode(torch.zeros(1, latent_dim))[0]
    w = (model.decode(torch.eye(latent_dim)) - b).T
    z = 3 * answer.normal(50, latent_dim)
    if not torch.allclose(model.decode(z), z @ w.T + b, atol=1e-3, rtol=1e-3):
        answer.fail("not_linear")
    return w, b
