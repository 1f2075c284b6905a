"""Terms and objectives: against torch.distributions, torch.nn.functional, finite differences, and by hand."""

import itertools
import math

import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn
from torch.distributions import Bernoulli, Normal
from torch.distributions import kl_divergence as reference_kl
from torch.nn import functional as F

from course_lib import losses, models, training
from tests.library.small import vae


class Fixed(nn.Module):
    """A stand-in for a VAE: answers every batch with the same x_hat, mu and log_var."""

    def __init__(self, x_hat, mu, log_var):
        super().__init__()
        self.x_hat, self.mu, self.log_var = (nn.Parameter(t) for t in (x_hat, mu, log_var))

    def forward(self, x):
        return self.x_hat, self.mu, self.log_var

    def twice(self):
        return Fixed(*(torch.cat([p.data, p.data]) for p in (self.x_hat, self.mu, self.log_var)))


@pytest.fixture
def x(seeded):
    return torch.rand(8, 1, 4, 4)


@pytest.fixture
def fixed(x):
    return Fixed((x + 0.3 * torch.randn(x.shape)).clamp(0.01, 0.99), torch.randn(8, 3), torch.randn(8, 3))


@pytest.fixture
def sparse():
    """A plain autoencoder whose code lies in [0, 1]."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Sigmoid())
    return models.AutoEncoder(encoder, nn.Sequential(nn.Linear(6, 16), nn.Unflatten(1, (1, 4, 4))))


def kl_of(model):
    """Summed over latents, mean over images."""
    posterior = Normal(model.mu, (model.log_var / 2).exp())
    return reference_kl(posterior, Normal(0.0, 1.0)).sum(dim=1).mean().item()


# ── Terms ────────────────────────────────────────────────────────────────────────────────────────


def test_squared_error_by_hand():
    x = torch.zeros(2, 1, 2, 2)
    x_hat = torch.tensor([[[[1.0, 2.0], [0.0, 0.0]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    assert losses.reconstruction_error(x_hat, x).tolist() == [5.0, 1.0]


def test_cross_entropy_against_torch():
    x, x_hat = torch.rand(6, 1, 5, 5), torch.rand(6, 1, 5, 5).clamp(0.001, 0.999)
    expected = F.binary_cross_entropy(x_hat, x, reduction="none").sum(dim=(1, 2, 3))
    torch.testing.assert_close(losses.reconstruction_error(x_hat, x, "bce"), expected)


def test_cross_entropy_of_a_saturated_sigmoid_is_finite_and_so_is_its_gradient():
    logits = torch.tensor([200.0, -200.0]).reshape(1, 1, 1, 2).requires_grad_()
    x = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    error = losses.reconstruction_error(torch.sigmoid(logits), x, "bce")
    error.sum().backward()
    assert torch.isfinite(error).all()
    assert torch.isfinite(logits.grad).all()


def test_kl_against_torch_and_by_hand():
    mu, log_var = torch.randn(50, 3) * 3, torch.randn(50, 3) * 3
    expected = reference_kl(Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(losses.kl_divergence(mu, log_var), expected, rtol=1e-4, atol=1e-5)
    kl = losses.kl_divergence(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, math.log(4)]]))
    assert kl[0].tolist() == pytest.approx([2, -0.5 * (1 + math.log(4) - 4)])


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.3, 0.9])
def test_kl_to_rho_is_that_of_two_coins_and_sees_only_the_mean_of_a_unit(rho):
    activations = torch.rand(20, 6) ** 3
    mean = activations.mean(dim=0)
    coins = reference_kl(Bernoulli(torch.tensor(rho)), Bernoulli(mean))
    torch.testing.assert_close(losses.kl_to_rho(activations, rho), coins)
    torch.testing.assert_close(losses.kl_to_rho(mean.expand(20, 6), rho), coins)


def test_kl_to_rho_of_dead_and_of_stuck_units_is_finite():
    nats = losses.kl_to_rho(torch.tensor([0.0, 1.0]).expand(10, 2), 0.05)
    coins = reference_kl(Bernoulli(torch.tensor(0.05)), Bernoulli(torch.tensor([1e-6, 1 - 1e-6])))
    torch.testing.assert_close(nats, coins, rtol=1e-2, atol=0)  # 1 − 1e-6 has few digits in float32


def test_gradients_against_finite_differences():
    mu, log_var = (torch.randn(4, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(losses.kl_divergence, (mu, log_var))
    z = (0.1 + 0.8 * torch.rand(20, 6).double()).requires_grad_()  # a small step stays within [0, 1]
    assert torch.autograd.gradcheck(lambda z: losses.kl_to_rho(z, 0.05), z)


def test_l1_sums_over_the_code_and_averages_over_the_batch():
    z = torch.tensor([[1.0, -2.0, 0.0], [0.5, 0.0, 0.5]])
    assert losses.l1(z).item() == losses.l1(torch.cat([z, z])).item() == 2.0


def test_active_units_are_those_whose_mu_varies():
    mu = torch.tensor([[0.0, 5.0, -1.0], [0.1, 5.0, 1.0], [0.2, 5.0, -1.0], [0.3, 5.0, 1.0]])
    found = [losses.active_units(mu), losses.active_units(mu, 0.1), losses.active_units(mu, 2.0)]
    assert found == [2, 1, 0]  # variances 0.0125, 0, 1


def test_unexplained_variance_against_scikit_learn():
    x, x_hat = torch.rand(40, 1, 8, 8), torch.rand(40, 1, 8, 8)
    expected = 1 - r2_score(x.flatten(1), x_hat.flatten(1), multioutput="variance_weighted")
    assert losses.unexplained_variance(x_hat, x) == pytest.approx(expected, rel=1e-4)
    assert losses.unexplained_variance(x, x) == 0
    mean = x.mean(dim=0, keepdim=True).expand_as(x)
    assert losses.unexplained_variance(mean, x) == pytest.approx(1, rel=1e-5)


# ── Objectives ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["mse", "bce"])
def test_the_vae_objective_sums_over_pixels_and_latents_and_averages_over_the_batch(fixed, x, kind):
    terms = losses.vae_objective(reconstruction_factor=3.0, kind=kind)(fixed, x)
    error = {"mse": F.mse_loss, "bce": F.binary_cross_entropy}[kind](fixed.x_hat, x, reduction="sum") / 8
    assert terms["reconstruction"].item() == pytest.approx(error.item(), rel=1e-5)
    assert terms["kl"].item() == pytest.approx(kl_of(fixed), rel=1e-5)
    assert terms["loss"].item() == pytest.approx(3 * error.item() + kl_of(fixed), rel=1e-5)
    assert set(terms) == {"loss", "reconstruction", "kl"}


OBJECTIVES = [
    losses.vae_objective(),
    losses.vae_objective(kind="bce"),
    losses.learned_sigma_objective(),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=["mse", "bce", "learned sigma"])
def test_objectives_do_not_depend_on_the_batch_size(fixed, x, objective):
    doubled = objective(fixed.twice(), torch.cat([x, x]))
    for name, value in objective(fixed, x).items():
        torch.testing.assert_close(doubled[name], value)


def test_the_autoencoder_objective_is_the_mean_error(sparse, x):
    terms = losses.ae_objective()(sparse, x)
    assert set(terms) == {"loss", "reconstruction"}
    assert terms["loss"].item() == pytest.approx((sparse(x) - x).square().sum().item() / 8, rel=1e-5)


def negative_elbo(model, x, sigma):
    """−log N(x; x_hat, σ²) summed over pixels + KL summed over latents, mean over images."""
    return -Normal(model.x_hat, sigma).log_prob(x).sum().item() / len(x) + kl_of(model)


def test_learned_sigma_is_the_gaussian_likelihood_at_the_root_mean_squared_error(fixed, x):
    terms = losses.learned_sigma_objective()(fixed, x)
    sigma = (fixed.x_hat - x).square().mean().sqrt().item()
    assert terms["sigma"].item() == pytest.approx(sigma, rel=1e-5)
    assert terms["loss"].item() == pytest.approx(negative_elbo(fixed, x, sigma), rel=1e-5)
    others = [negative_elbo(fixed, x, ratio * sigma) for ratio in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0)]
    assert min(others) > terms["loss"]


def test_its_gradient_is_that_of_the_factor_one_over_two_sigma_squared(fixed, x):
    terms = losses.learned_sigma_objective()(fixed, x)
    told = losses.vae_objective(1 / (2 * terms["sigma"].item() ** 2))(fixed, x)
    gradients = [torch.autograd.grad(t["loss"], list(fixed.parameters())) for t in (terms, told)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_warm_up_raises_beta_evenly_to_one(fixed, x):
    plain = losses.vae_objective(reconstruction_factor=2.0)(fixed, x)
    objective = losses.kl_warm_up(losses.vae_objective(reconstruction_factor=2.0), steps=4)
    for beta in (0.0, 0.25, 0.5, 0.75, 1.0, 1.0):
        terms = objective(fixed, x)
        assert terms["beta"].item() == beta
        expected = 2 * plain["reconstruction"].item() + beta * plain["kl"].item()
        assert terms["loss"].item() == pytest.approx(expected, rel=1e-6)
        assert (terms["kl"], terms["reconstruction"]) == (plain["kl"], plain["reconstruction"])
        gradient = torch.autograd.grad(terms["loss"], fixed.mu)[0]
        torch.testing.assert_close(gradient, beta * fixed.mu.detach() / len(x))  # d KL / d mu = mu


def test_warm_up_counts_training_calls_only_and_each_starts_afresh(fixed, x):
    objective, other = (losses.kl_warm_up(losses.vae_objective(), steps=2) for _ in range(2))
    full = losses.vae_objective()(fixed, x)["loss"]
    fixed.eval()
    assert all(torch.equal(objective(fixed, x)["loss"], full) for _ in range(5))
    assert objective(fixed, x)["beta"] == 1
    fixed.train()
    assert [objective(fixed, x)["beta"].item() for _ in range(3)] == [0.0, 0.5, 1.0]
    assert other(fixed, x)["beta"] == 0


def test_fit_records_beta_and_sigma():
    images = torch.rand(8, 1, 8, 8)
    objective = losses.kl_warm_up(losses.learned_sigma_objective(), steps=8)
    settings = {"epochs": 3, "batch_size": 2, "validation": images, "seed": 0, "progress": False}
    history = training.fit(vae(2, width=8, shape=(1, 8, 8)), objective, images, **settings)
    assert history["beta"] == pytest.approx([1.5 / 8, 5.5 / 8, 1.0])
    assert history["validation_beta"] == [1.0, 1.0, 1.0]
    assert all(math.isfinite(sigma) and sigma > 0 for sigma in history["sigma"])


def test_sparse_objective_adds_the_weighted_penalty(sparse, x):
    terms = losses.sparse_objective(losses.l1, weight=0.7)(sparse, x)
    z = sparse.encode(x)
    by_hand = ((sparse(x) - x) ** 2).sum() / 8 + 0.7 * z.abs().sum() / 8
    assert terms["loss"].item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert terms["sparsity"].item() == pytest.approx(z.abs().sum().item() / 8, rel=1e-6)
    assert set(terms) == {"loss", "reconstruction", "sparsity"}


def test_denoising_objective_judges_against_the_clean_image(sparse, x):
    terms = losses.denoising_objective(lambda images: images + 0.25)(sparse, x)
    by_hand = ((sparse(x + 0.25) - x) ** 2).sum() / 8
    assert terms["loss"].item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert terms["reconstruction"] is terms["loss"]


def test_the_noise_is_drawn_anew_for_each_batch_and_x_stays_clean(sparse, x):
    seen = []

    def corrupt(images):
        seen.append(images + torch.randn_like(images))
        return seen[-1]

    original, objective = x.clone(), losses.denoising_objective(corrupt)
    training.fit(sparse, objective, x, epochs=3, batch_size=4, seed=0, progress=False)
    assert len(seen) == 6
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(seen))
    assert torch.equal(x, original)


def test_a_linear_denoiser_shrinks_as_wiener_says():
    """One pixel of variance v with noise of variance s: the best linear answer is v / (v + s) · noisy."""
    x = torch.randn(4000, 1, 1, 1) * 2  # v = 4
    linear = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.Unflatten(1, (1, 1, 1)))
    objective = losses.denoising_objective(lambda images: images + torch.randn_like(images))
    settings = {"epochs": 20, "lr": 0.02, "batch_size": 100, "schedule": "cosine", "progress": False}
    training.fit(linear, objective, x, seed=0, **settings)
    assert linear[1].weight.item() == pytest.approx(4 / 5, abs=0.02)


IMAGES = torch.rand(3, 1, 4, 4)
NAN = torch.full((3, 1, 4, 4), float("nan"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.reconstruction_error(IMAGES, IMAGES[:2]), "same shape"),
        (lambda: losses.reconstruction_error(IMAGES, IMAGES, "mae"), "kind must be one of mse, bce"),
        (lambda: losses.reconstruction_error(IMAGES, NAN), "x must hold finite"),
        (lambda: losses.reconstruction_error(NAN, IMAGES), "x_hat must hold finite"),
        (lambda: losses.reconstruction_error(IMAGES, IMAGES + 1, "bce"), r"needs x in \[0, 1\]"),
        (lambda: losses.reconstruction_error(IMAGES - 1, IMAGES, "bce"), "sigmoid"),
        (lambda: losses.kl_divergence(torch.zeros(3, 2), torch.zeros(3, 1)), "same shape"),
        (lambda: losses.unexplained_variance(IMAGES[:1], IMAGES[:1]), "at least 2"),
        (lambda: losses.vae_objective(kind="l1"), "kind must be"),
        (lambda: losses.vae_objective(reconstruction_factor=-1), "reconstruction_factor"),
        (lambda: losses.ae_objective("l1"), "kind must be"),
        (lambda: losses.kl_warm_up(losses.vae_objective(), 0), "steps must be a whole number"),
        (lambda: losses.sparse_objective(losses.l1, weight=-1), "weight must be 0 or more, not -1"),
        (lambda: losses.sparse_objective(losses.l1, 1.0, kind="l7"), "kind must be one of mse, bce"),
        (lambda: losses.denoising_objective(torch.zeros_like, kind="l7"), "kind must be one of mse, bce"),
        (lambda: losses.kl_to_rho(torch.rand(4, 2), 0.0), "rho must be a share between 0 and 1"),
        (lambda: losses.kl_to_rho(torch.rand(4, 2), 1.0), "rho must be a share between 0 and 1"),
        (lambda: losses.kl_to_rho(torch.rand(4), 0.1), r"shape \(B, D\), not \(4,\)"),
        (lambda: losses.kl_to_rho(torch.empty(0, 3), 0.1), r"shape \(B, D\), not \(0, 3\)"),
        (lambda: losses.kl_to_rho(torch.tensor([[0.2, 1.5]]), 0.1), r"activations must lie in \[0, 1\]"),
        (lambda: losses.kl_to_rho(torch.tensor([[math.nan]]), 0.1), r"activations must lie in \[0, 1\]"),
    ],
)
def test_bad_input_gets_a_sentence(refuses, call, words):
    refuses(call, words)
