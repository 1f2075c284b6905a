"""Terms and objectives: against torch.distributions, torch.nn.functional, finite differences, and by hand."""

import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn
from torch.distributions import Bernoulli, Normal
from torch.distributions import kl_divergence as reference_kl
from torch.nn import functional as F

from course_lib import losses
from tests.library.small import autoencoder, train, vae

PIXEL_ERRORS = {"mse": F.mse_loss, "bce": F.binary_cross_entropy}


class Fixed(nn.ParameterList):
    """A stand-in for a VAE: answers every batch with the same x_hat, mu and log_var."""

    def __call__(self, x):
        return tuple(self)


@pytest.fixture
def x(seeded):
    return torch.rand(8, 1, 4, 4)


@pytest.fixture
def fixed(x):
    return Fixed([(x + 0.3 * torch.randn(x.shape)).clamp(0.01, 0.99), torch.randn(8, 3), torch.randn(8, 3)])


def kl_of(mu, log_var):
    return reference_kl(Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0))


@pytest.mark.parametrize("kind", PIXEL_ERRORS)
def test_pixel_errors_against_torch(x, kind):
    x_hat = torch.rand(8, 1, 4, 4).clamp(0.001, 0.999)
    expected = PIXEL_ERRORS[kind](x_hat, x, reduction="none").sum(dim=(1, 2, 3))
    torch.testing.assert_close(losses.reconstruction_error(x_hat, x, kind), expected)


def test_cross_entropy_of_a_saturated_sigmoid_is_finite_and_so_is_its_gradient():
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    error = losses.reconstruction_error(torch.sigmoid(logits), torch.tensor([[0.0, 1.0]]), "bce")
    (gradient,) = torch.autograd.grad(error.sum(), logits)
    assert torch.isfinite(error).all()
    assert torch.isfinite(gradient).all()


def test_kl_against_torch():
    mu, log_var = torch.randn(50, 3) * 3, torch.randn(50, 3) * 3
    torch.testing.assert_close(losses.kl_divergence(mu, log_var), kl_of(mu, log_var), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.3, 0.9])
def test_kl_to_rho_is_that_of_two_coins_and_finite_for_dead_and_stuck_units(rho):
    activations = torch.rand(20, 6) ** 3
    activations[:, 0], activations[:, 1] = 0, 1
    mean = activations.mean(dim=0).clamp(1e-6, 1 - 1e-6)
    coins = reference_kl(Bernoulli(torch.tensor(rho)), Bernoulli(mean))
    # 1 − 1e-6 has few digits in float32
    torch.testing.assert_close(losses.kl_to_rho(activations, rho), coins, rtol=1e-2, atol=0)
    torch.testing.assert_close(losses.kl_to_rho(activations, rho)[2:], coins[2:])


def test_gradients_against_finite_differences():
    mu, log_var = (torch.randn(4, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(losses.kl_divergence, (mu, log_var))
    z = (0.1 + 0.8 * torch.rand(20, 6).double()).requires_grad_()  # a small step stays within [0, 1]
    assert torch.autograd.gradcheck(lambda z: losses.kl_to_rho(z, 0.05), z)


def test_active_units_are_those_whose_mu_varies():
    mu = torch.tensor([[0.0, 5.0, -1.0], [0.1, 5.0, 1.0], [0.2, 5.0, -1.0], [0.3, 5.0, 1.0]])
    found = [losses.active_units(mu), losses.active_units(mu, 0.1), losses.active_units(mu, 2.0)]
    assert found == [2, 1, 0]  # variances 0.0125, 0, 1


def test_unexplained_variance_against_scikit_learn():
    x, x_hat = torch.rand(40, 1, 8, 8), torch.rand(40, 1, 8, 8)
    expected = 1 - r2_score(x.flatten(1), x_hat.flatten(1), multioutput="variance_weighted")
    assert losses.unexplained_variance(x_hat, x) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", PIXEL_ERRORS)
def test_the_vae_objective_sums_over_pixels_and_latents_and_averages_over_the_batch(fixed, x, kind):
    x_hat, *posterior = fixed
    error, kl = PIXEL_ERRORS[kind](x_hat, x, reduction="sum") / 8, kl_of(*posterior).sum() / 8
    expected = {"loss": 3 * error + kl, "reconstruction": error, "kl": kl}
    torch.testing.assert_close(losses.vae_objective(3.0, kind)(fixed, x), expected)


def test_the_objectives_of_autoencoders_by_hand(x):
    model = autoencoder(6, width=8, shape=(1, 4, 4))
    clean, denoised = ((model(given) - x).square().sum() / 8 for given in (x, x + 0.25))
    l1 = model.encode(x).abs().sum() / 8
    for objective, expected in (
        (losses.ae_objective(), {"loss": clean}),
        (losses.denoising_objective(lambda images: images + 0.25), {"loss": denoised}),
        (losses.sparse_objective(losses.l1, 0.7), {"loss": clean + 0.7 * l1, "sparsity": l1}),
    ):
        reconstruction = denoised if expected["loss"] is denoised else clean
        torch.testing.assert_close(objective(model, x), {"reconstruction": reconstruction, **expected})


def test_learned_sigma_is_the_gaussian_likelihood_at_the_root_mean_squared_error(fixed, x):
    terms = losses.learned_sigma_objective()(fixed, x)
    x_hat, *posterior = fixed
    sigma = (x_hat - x).square().mean().sqrt()
    negative_elbo = -Normal(x_hat, sigma).log_prob(x).sum() / 8 + kl_of(*posterior).sum() / 8
    torch.testing.assert_close([terms["sigma"], terms["loss"]], [sigma, negative_elbo])
    told = losses.vae_objective(1 / (2 * sigma.item() ** 2))(fixed, x)["loss"]
    gradients, expected = (torch.autograd.grad(t, fixed.parameters()) for t in (terms["loss"], told))
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-6)


def test_warm_up_raises_beta_evenly_to_one(fixed, x):
    plain = losses.vae_objective(2.0)(fixed, x)
    objective = losses.kl_warm_up(losses.vae_objective(2.0), steps=4)
    for beta in (0.0, 0.25, 0.5, 0.75, 1.0, 1.0):
        terms = objective(fixed, x)
        loss = 2 * plain["reconstruction"] + beta * plain["kl"]
        torch.testing.assert_close(terms, {**plain, "loss": loss, "beta": torch.tensor(beta)})
        gradient = torch.autograd.grad(terms["loss"], fixed[1])[0]
        torch.testing.assert_close(gradient, beta * fixed[1] / 8)  # d KL / d mu = mu


def test_warm_up_counts_training_calls_only(x):
    objective = losses.kl_warm_up(losses.learned_sigma_objective(), steps=8)
    history = train(vae(2, shape=(1, 4, 4)), x, objective, epochs=3, batch_size=2, validation=x)
    assert history["beta"] == pytest.approx([1.5 / 8, 5.5 / 8, 1.0])
    assert history["validation_beta"] == [1.0, 1.0, 1.0]
