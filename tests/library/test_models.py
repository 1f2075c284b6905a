"""Shapes, gradients, and that a model keeps nothing between calls."""

import pytest
import torch
from torch import nn

from course_lib import models
from tests.library.small import SHAPE, autoencoder, build, vae

WIDTHS = {"dense": 64, "conv": 4}


@pytest.fixture(params=WIDTHS)
def kind(request):
    return request.param


@pytest.fixture
def x(seeded):
    return torch.rand(5, *SHAPE)


def test_an_autoencoder_returns_images_and_codes(kind, x):
    model = autoencoder(2, kind, WIDTHS[kind])
    assert model(x).shape == x.shape
    assert model.encode(x).shape == (5, 2)
    assert torch.equal(model.embed(x), model.encode(x))
    assert torch.equal(model(x), model.decode(model.embed(x)))


def test_a_vae_returns_images_and_posteriors(kind, x):
    model = vae(2, kind, WIDTHS[kind])
    x_hat, mu, log_var = model(x)
    assert x_hat.shape == x.shape
    assert mu.shape == log_var.shape == (5, 2)
    assert torch.equal(model.embed(x), mu)
    assert not torch.equal(model(x)[0], x_hat)  # forward draws noise, embed does not
    assert model.sample(7).shape == (7, *SHAPE)
    assert not model.sample(7).requires_grad


@pytest.mark.parametrize("variational", [False, True])
def test_a_gradient_reaches_every_parameter_and_nothing_is_kept_between_calls(kind, variational, x):
    model = build(variational, 2, kind, WIDTHS[kind])
    before = {name: set(vars(module)) for name, module in model.named_modules()}
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    out = model(x)
    assert {name: set(vars(module)) for name, module in model.named_modules()} == before
    assert all(torch.equal(value, tensors[name]) for name, value in model.state_dict().items())
    sum(part.square().sum() for part in (out if variational else (out,))).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_reparameterize_against_the_library_for_the_same_noise():
    model, mu, log_var = vae(), torch.randn(6, 3), torch.randn(6, 3)
    torch.manual_seed(4)
    z = model.reparameterize(mu, log_var)
    torch.manual_seed(4)
    expected = torch.distributions.Normal(mu, log_var.exp().sqrt()).rsample()
    torch.testing.assert_close(z, expected)


def test_the_networks_of_the_article():
    """Layers and sizes that the source prints: 784-2048-2048-1 and 32-64-64-64 filters, 3136 features."""
    dense = models.VariationalEncoder(models.dense_body(SHAPE), SHAPE, 1)
    linear = [(m.in_features, m.out_features) for m in dense.modules() if isinstance(m, nn.Linear)]
    assert linear == [(784, 2048), (2048, 2048), (2048, 1), (2048, 1)]
    conv = models.VariationalEncoder(models.conv_body(SHAPE), SHAPE, 1)
    filters = [m for m in conv.modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in filters] == [32, 64, 64, 64]
    assert [m.stride for m in filters] == [(1, 1), (2, 2), (2, 2), (1, 1)]
    assert conv.to_mu.in_features == 3136
    decoder = models.conv_decoder(1, SHAPE)
    assert decoder[0].out_features == 64 * 7 * 7
    transposed = [m.out_channels for m in decoder if isinstance(m, nn.ConvTranspose2d)]
    assert transposed == [64, 64, 32, 1]
    assert isinstance(decoder[-1], nn.Sigmoid)


def test_parameters_are_counted_as_by_hand():
    encoder = models.Encoder(models.dense_body(SHAPE), SHAPE, 1)
    by_hand = (784 * 2048 + 2048) + (2048 * 2048 + 2048) + (2048 * 1 + 1)
    assert models.count_parameters(encoder) == by_hand
    encoder.body.requires_grad_(False)
    assert models.count_parameters(encoder) == 2049


def test_counting_features_leaves_a_batch_norm_alone():
    body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten())
    assert models.count_features(body, SHAPE) == 3 * 26 * 26
    assert body.training
    assert body[1].num_batches_tracked == 0
