"""The objectives of chapter 7, against closed forms: a learned σ, a KL warm-up, and active units."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from course_lib import losses, models, training


class Fixed(nn.Module):
    """Answers every batch with the same x_hat, mu and log_var."""

    def __init__(self, x_hat, mu, log_var):
        super().__init__()
        self.x_hat, self.mu, self.log_var = (nn.Parameter(t) for t in (x_hat, mu, log_var))

    def forward(self, x):
        return self.x_hat, self.mu, self.log_var


@pytest.fixture
def x():
    return torch.rand(6, 1, 4, 5, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model(x):
    g = torch.Generator().manual_seed(1)
    mu, log_var = torch.randn(6, 3, generator=g), torch.randn(6, 3, generator=g)
    return Fixed(x + 0.3 * torch.randn(x.shape, generator=g), mu, log_var)


def negative_elbo(model, x, sigma):
    """−log N(x; x_hat, σ²) summed over pixels + KL summed over latents, mean over images."""
    nll = -Normal(model.x_hat, sigma).log_prob(x).flatten(1).sum(dim=1)
    kl = kl_divergence(Normal(model.mu, (model.log_var / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    return (nll + kl).mean()


def test_learned_sigma_is_the_gaussian_likelihood_at_the_root_mean_squared_error(model, x):
    terms = losses.learned_sigma_objective()(model, x)
    sigma = (model.x_hat - x).square().mean().sqrt()
    assert terms["sigma"].item() == pytest.approx(sigma.item(), rel=1e-5)
    assert terms["loss"].item() == pytest.approx(negative_elbo(model, x, sigma).item(), rel=1e-5)


def test_no_other_sigma_has_a_lower_loss(model, x):
    terms = losses.learned_sigma_objective()(model, x)
    for ratio in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        assert negative_elbo(model, x, ratio * terms["sigma"].item()) > terms["loss"]


def test_its_gradient_is_that_of_the_factor_one_over_two_sigma_squared(model, x):
    terms = losses.learned_sigma_objective()(model, x)
    learned = torch.autograd.grad(terms["loss"], [model.x_hat, model.mu, model.log_var])
    factor = 1 / (2 * terms["sigma"].item() ** 2)
    told = losses.vae_objective(factor)(model, x)["loss"]
    for a, b in zip(learned, torch.autograd.grad(told, [model.x_hat, model.mu, model.log_var]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_learned_sigma_does_not_depend_on_the_batch_size(model, x):
    whole = losses.learned_sigma_objective()(model, x)
    twice = Fixed(*(torch.cat([p.data, p.data]) for p in (model.x_hat, model.mu, model.log_var)))
    doubled = losses.learned_sigma_objective()(twice, torch.cat([x, x]))
    assert whole["loss"].item() == pytest.approx(doubled["loss"].item(), rel=1e-5)


def test_warm_up_raises_beta_evenly_to_one(model, x):
    plain = losses.vae_objective(reconstruction_factor=2.0)(model, x)
    objective = losses.kl_warm_up(losses.vae_objective(reconstruction_factor=2.0), steps=4)
    model.train()
    for beta in (0.0, 0.25, 0.5, 0.75, 1.0, 1.0):
        terms = objective(model, x)
        assert terms["beta"].item() == beta
        expected = 2 * plain["reconstruction"].item() + beta * plain["kl"].item()
        assert terms["loss"].item() == pytest.approx(expected, rel=1e-6)
        assert (terms["kl"], terms["reconstruction"]) == (plain["kl"], plain["reconstruction"])


def test_warm_up_counts_training_calls_only_and_evaluates_at_full_weight(model, x):
    objective = losses.kl_warm_up(losses.vae_objective(), steps=2)
    full = losses.vae_objective()(model, x)["loss"]
    model.eval()
    assert all(torch.equal(objective(model, x)["loss"], full) for _ in range(5))
    assert objective(model, x)["beta"] == 1
    model.train()
    assert [objective(model, x)["beta"].item() for _ in range(3)] == [0.0, 0.5, 1.0]


def test_each_warm_up_starts_afresh(model, x):
    model.train()
    first, second = (losses.kl_warm_up(losses.vae_objective(), steps=3) for _ in range(2))
    first(model, x)
    assert first(model, x)["beta"] > second(model, x)["beta"] == 0


def test_warm_up_weighs_the_gradient_of_the_kl(model, x):
    objective = losses.kl_warm_up(losses.vae_objective(), steps=4)
    model.train()
    objective(model, x)
    gradient = torch.autograd.grad(objective(model, x)["loss"], model.mu)[0]
    torch.testing.assert_close(gradient, 0.25 * model.mu.detach() / len(x))  # d KL / d mu = mu


def test_fit_records_beta_and_sigma():
    shape = (1, 8, 8)
    encoder = models.VariationalEncoder(models.dense_body(shape, 8), shape, 2)
    vae = models.VAE(encoder, models.dense_decoder(2, shape, 8))
    objective = losses.kl_warm_up(losses.learned_sigma_objective(), steps=8)
    images = torch.rand(8, *shape, generator=torch.Generator().manual_seed(0))
    history = training.fit(
        vae, objective, images, epochs=3, batch_size=2, validation=images, seed=0, progress=False
    )
    assert history["beta"] == pytest.approx([1.5 / 8, 5.5 / 8, 1.0])
    assert history["validation_beta"] == [1.0, 1.0, 1.0]
    assert all(math.isfinite(sigma) and sigma > 0 for sigma in history["sigma"])


@pytest.mark.parametrize("steps", [0, -3, 2.5, True, None])
def test_warm_up_needs_a_number_of_steps(steps):
    with pytest.raises(ValueError, match=f"steps must be a whole number of at least 1, not {steps!r}"):
        losses.kl_warm_up(losses.vae_objective(), steps)


def test_a_factor_is_one_over_beta(model, x):
    terms = losses.vae_objective(reconstruction_factor=0.2)(model, x)
    assert (terms["loss"] / 0.2).item() == pytest.approx((terms["reconstruction"] + 5 * terms["kl"]).item())


def test_active_units_are_those_whose_mu_varies():
    mu = torch.tensor([[0.0, 5.0, -1.0], [0.1, 5.0, 1.0], [0.2, 5.0, -1.0], [0.3, 5.0, 1.0]])
    assert losses.active_units(mu) == 2  # variances 0.0125, 0, 1
    assert losses.active_units(mu, threshold=0.1) == 1
    assert losses.active_units(mu, threshold=2.0) == 0
