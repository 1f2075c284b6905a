"""Terms against torch.distributions, torch.nn.functional and numbers worked by hand."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference_kl
from torch.nn import functional as F

from course_lib import losses, models

SHAPE = (1, 8, 8)


def small_vae():
    encoder = models.VariationalEncoder(models.dense_body(SHAPE, 16), SHAPE, 2)
    return models.VAE(encoder, nn.Sequential(models.dense_decoder(2, SHAPE, 16), nn.Sigmoid()))


class Echo(nn.Module):
    """A stand-in for a VAE whose outputs are known."""

    def forward(self, x):
        flat = x.flatten(1)
        return x + 0.5, flat[:, :2], flat[:, 2:4]


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
    two = torch.tensor([[2.0]])
    assert losses.kl_divergence(two, torch.tensor([[0.0]])).item() == pytest.approx(2)  # mu² / 2
    by_hand = -0.5 * (1 + math.log(4) - 4)
    kl = losses.kl_divergence(torch.tensor([[0.0]]), torch.tensor([[math.log(4)]]))
    assert kl.item() == pytest.approx(by_hand)


def test_kl_gradients_against_finite_differences():
    mu = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    log_var = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(losses.kl_divergence, (mu, log_var))


def test_objectives_sum_over_pixels_and_latents_and_average_over_the_batch():
    x = torch.rand(10, *SHAPE)
    terms = losses.vae_objective(reconstruction_factor=3.0)(Echo(), x)
    flat = x.flatten(1)
    kl = reference_kl(Normal(flat[:, :2], (flat[:, 2:4] / 2).exp()), Normal(0.0, 1.0)).sum() / 10
    assert terms["reconstruction"].item() == pytest.approx(64 * 0.25, rel=1e-5)
    assert terms["kl"].item() == pytest.approx(kl.item(), rel=1e-4)
    assert terms["loss"].item() == pytest.approx(3 * 16 + kl.item(), rel=1e-4)
    assert set(terms) == {"loss", "reconstruction", "kl"}


@pytest.mark.parametrize("kind", ["mse", "bce"])
def test_objectives_do_not_depend_on_the_batch_size(kind):
    """A batch that holds every image twice has the same terms, whatever the noise draws would be."""

    class Still(models.VAE):
        def reparameterize(self, mu, log_var):
            return mu

    vae = small_vae()
    vae = Still(vae.encoder, vae.decoder)
    x = torch.rand(6, *SHAPE)
    objective = losses.vae_objective(kind=kind)
    once, twice = objective(vae, x), objective(vae, torch.cat([x, x]))
    for name, value in once.items():
        torch.testing.assert_close(twice[name], value)


def test_the_autoencoder_objective_is_the_mean_error():
    body = models.dense_body(SHAPE, 16)
    model = models.AutoEncoder(models.Encoder(body, SHAPE, 2), models.dense_decoder(2, SHAPE, 16))
    x = torch.rand(6, *SHAPE)
    terms = losses.ae_objective()(model, x)
    assert set(terms) == {"loss", "reconstruction"}
    assert terms["loss"].item() == pytest.approx((model(x) - x).square().sum().item() / 6, rel=1e-5)


def test_unexplained_variance_against_scikit_learn():
    from sklearn.metrics import r2_score

    x, x_hat = torch.rand(40, *SHAPE), torch.rand(40, *SHAPE)
    expected = 1 - r2_score(x.flatten(1), x_hat.flatten(1), multioutput="variance_weighted")
    assert losses.unexplained_variance(x_hat, x) == pytest.approx(expected, rel=1e-4)
    assert losses.unexplained_variance(x, x) == 0
    mean = x.mean(dim=0, keepdim=True).expand_as(x)
    assert losses.unexplained_variance(mean, x) == pytest.approx(1, rel=1e-5)


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
        (lambda: losses.vae_objective(kind="l1"), "kind must be"),
        (lambda: losses.ae_objective("l1"), "kind must be"),
        (lambda: losses.vae_objective(reconstruction_factor=-1), "reconstruction_factor"),
        (lambda: losses.unexplained_variance(IMAGES[:1], IMAGES[:1]), "at least 2"),
    ],
)
def test_bad_input_gets_a_sentence(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
