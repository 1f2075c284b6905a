"""Shapes, gradients, and that a model keeps nothing between calls."""

import pytest
import torch
from torch import nn

from course_lib import models
from tests.library.small import SHAPE, build

WIDTHS = {"dense": 64, "conv": 4}


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("kind", WIDTHS)
def test_a_model_returns_images_and_codes_trains_whole_and_keeps_nothing_between_calls(variational, kind):
    x, model = torch.rand(5, *SHAPE), build(variational, 2, kind, WIDTHS[kind])
    before = {name: set(vars(module)) for name, module in model.named_modules()}
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    x_hat, *posterior = out = model(x) if variational else (model(x),)
    assert x_hat.shape == x.shape
    assert {name: set(vars(module)) for name, module in model.named_modules()} == before
    torch.testing.assert_close(dict(model.state_dict()), tensors, rtol=0, atol=0)
    if variational:
        mu, log_var = posterior
        assert mu.shape == log_var.shape == (5, 2)
        assert torch.equal(model.embed(x), mu)
        torch.manual_seed(1)
        z = torch.distributions.Normal(mu, log_var.exp().sqrt()).rsample()
        assert model.sample(7).shape == (7, *SHAPE)
        assert not model.sample(7).requires_grad
    else:
        z = model.embed(x)
        assert z.shape == (5, 2)
    torch.testing.assert_close(x_hat, model.decode(z))
    sum(part.square().sum() for part in out).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_networks_of_the_article():
    """Layers and sizes that the source prints: 784-2048-2048-1 and 32-64-64-64 filters, 3136 features."""
    dense, conv = (models.Encoder(body(SHAPE), SHAPE, 1) for body in (models.dense_body, models.conv_body))
    assert models.count_parameters(dense) == (784 + 1) * 2048 + (2048 + 1) * 2048 + (2048 + 1)
    convolutions = (1 * 9 + 1) * 32 + (32 * 9 + 1) * 64 + 2 * (64 * 9 + 1) * 64
    assert models.count_parameters(conv) == convolutions + 3136 + 1
    decoder = models.conv_decoder(1, SHAPE)
    assert [m.out_channels for m in decoder if isinstance(m, nn.ConvTranspose2d)] == [64, 64, 32, 1]
    assert isinstance(decoder[-1], nn.Sigmoid)
    dense.body.requires_grad_(False)
    assert models.count_parameters(dense) == 2048 + 1


def test_counting_features_leaves_a_batch_norm_alone():
    body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten())
    assert models.count_features(body, SHAPE) == 3 * 26 * 26
    assert body.training
    assert body[1].num_batches_tracked == 0
