"""Sparse and denoising objectives: against torch.distributions, finite differences, sums by hand."""

import itertools

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, kl_divergence

from course_lib import losses, models, training


@pytest.fixture
def activations():
    return torch.rand(20, 6, generator=torch.Generator().manual_seed(0)) ** 3


@pytest.fixture
def x():
    return torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    torch.manual_seed(2)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Sigmoid())
    return models.AutoEncoder(encoder, nn.Sequential(nn.Linear(6, 16), nn.Unflatten(1, (1, 4, 4))))


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.3, 0.9])
def test_kl_to_rho_is_that_of_two_coins(activations, rho):
    coins = kl_divergence(Bernoulli(torch.tensor(rho)), Bernoulli(activations.mean(dim=0)))
    torch.testing.assert_close(losses.kl_to_rho(activations, rho), coins)


def test_kl_to_rho_by_hand():
    """rho 0.05 and a unit that is on for half of the images: 0.05 log 0.1 + 0.95 log 1.9 = 0.4946."""
    units = torch.tensor([[1.0, 0.05], [0.0, 0.05]])
    nats = losses.kl_to_rho(units, 0.05)
    assert nats.tolist() == pytest.approx([0.494632, 0.0], abs=1e-6)


def test_kl_to_rho_sees_only_the_mean_of_a_unit(activations):
    flat = activations.mean(dim=0, keepdim=True).expand_as(activations)
    torch.testing.assert_close(losses.kl_to_rho(flat, 0.05), losses.kl_to_rho(activations, 0.05))


def test_kl_to_rho_of_dead_and_of_stuck_units_is_finite():
    units = torch.tensor([0.0, 1.0]).expand(10, 2)
    nats = losses.kl_to_rho(units, 0.05)
    coins = kl_divergence(Bernoulli(torch.tensor(0.05)), Bernoulli(torch.tensor([1e-6, 1 - 1e-6])))
    torch.testing.assert_close(nats, coins, rtol=1e-2, atol=0)  # 1 − 1e-6 has few digits in float32


def test_the_gradient_of_kl_to_rho_is_a_finite_difference(activations):
    z = (0.1 + 0.8 * activations.double()).requires_grad_()  # a small step stays within [0, 1]
    assert torch.autograd.gradcheck(lambda z: losses.kl_to_rho(z, 0.05), z)


def test_l1_sums_over_the_code_and_averages_over_the_batch():
    z = torch.tensor([[1.0, -2.0, 0.0], [0.5, 0.0, 0.5]])
    assert losses.l1(z).item() == 2.0
    assert losses.l1(torch.cat([z, z])).item() == 2.0


def test_sparse_objective_adds_the_weighted_penalty(model, x):
    terms = losses.sparse_objective(losses.l1, weight=0.7)(model, x)
    z = model.encode(x)
    by_hand = ((model(x) - x) ** 2).sum() / 8 + 0.7 * z.abs().sum() / 8
    assert terms["loss"].item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert terms["sparsity"].item() == pytest.approx(z.abs().sum().item() / 8, rel=1e-6)
    assert set(terms) == {"loss", "reconstruction", "sparsity"}


def test_a_weight_of_zero_is_the_plain_objective(model, x):
    sparse = losses.sparse_objective(losses.l1, weight=0)(model, x)
    assert sparse["loss"].item() == pytest.approx(losses.ae_objective()(model, x)["loss"].item(), rel=1e-6)


def test_training_with_kl_to_rho_brings_the_mean_activity_down(model, x):
    penalty = losses.sparse_objective(lambda z: losses.kl_to_rho(z, 0.05).sum(), weight=100)
    before = model.embed(x).mean().item()
    history = training.fit(model, penalty, x, epochs=100, lr=0.1, batch_size=8, seed=0, progress=False)
    after = model.embed(x).mean(dim=0)
    assert before > 0.3
    assert ((after > 0.03) & (after < 0.08)).all()
    assert history["sparsity"][-1] < history["sparsity"][0] / 10


def test_denoising_objective_judges_against_the_clean_image(model, x):
    def corrupt(images):
        return images + 0.25

    terms = losses.denoising_objective(corrupt)(model, x)
    by_hand = ((model(x + 0.25) - x) ** 2).sum() / 8
    assert terms["loss"].item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert terms["reconstruction"] is terms["loss"]


def test_denoising_without_noise_is_the_plain_objective(model, x):
    terms = losses.denoising_objective(lambda images: images)(model, x)
    assert terms["loss"].item() == pytest.approx(losses.ae_objective()(model, x)["loss"].item(), rel=1e-6)


def test_the_noise_is_drawn_anew_for_each_batch_and_x_stays_clean(model, x):
    seen = []

    def corrupt(images):
        seen.append(images + torch.randn_like(images))
        return seen[-1]

    original = x.clone()
    training.fit(
        model, losses.denoising_objective(corrupt), x, epochs=3, batch_size=4, seed=0, progress=False
    )
    assert len(seen) == 6
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(seen))
    assert torch.equal(x, original)


def test_a_linear_denoiser_shrinks_as_wiener_says():
    """One pixel of variance v with noise of variance s: the best linear answer is v / (v + s) · noisy."""
    torch.manual_seed(0)
    x = torch.randn(4000, 1, 1, 1) * 2  # v = 4
    linear = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.Unflatten(1, (1, 1, 1)))
    objective = losses.denoising_objective(lambda images: images + torch.randn_like(images))
    training.fit(
        linear, objective, x, epochs=20, lr=0.02, batch_size=100, schedule="cosine", seed=0, progress=False
    )
    assert linear[1].weight.item() == pytest.approx(4 / 5, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.kl_to_rho(torch.rand(4, 2), 0.0), "rho must be a share between 0 and 1"),
        (lambda: losses.kl_to_rho(torch.rand(4, 2), 1.0), "rho must be a share between 0 and 1"),
        (lambda: losses.kl_to_rho(torch.rand(4), 0.1), r"shape \(B, D\), not \(4,\)"),
        (lambda: losses.kl_to_rho(torch.empty(0, 3), 0.1), r"shape \(B, D\), not \(0, 3\)"),
        (lambda: losses.kl_to_rho(torch.tensor([[0.2, 1.5]]), 0.1), r"activations must lie in \[0, 1\]"),
        (lambda: losses.kl_to_rho(torch.tensor([[float("nan")]]), 0.1), r"activations must lie in \[0, 1\]"),
        (lambda: losses.sparse_objective(losses.l1, weight=-1), "weight must be 0 or more, not -1"),
        (lambda: losses.sparse_objective(losses.l1, 1.0, kind="l7"), "kind must be one of mse, bce"),
        (lambda: losses.denoising_objective(torch.zeros_like, kind="l7"), "kind must be one of mse, bce"),
    ],
)
def test_bad_input_gets_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
