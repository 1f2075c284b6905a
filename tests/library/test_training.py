"""One loop for the whole course: it learns, repeats, stops kindly."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from course_lib import data, losses
from tests.library.small import AE, CIRCLES, VAE, autoencoder, build, train, vae


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_seed_decides_and_the_generator_outside_is_left_alone():
    first, second, state = vae(), vae(), torch.get_rng_state()
    assert train(first, objective=VAE) == train(second, objective=VAE)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(first, second)
    assert train(vae(), objective=VAE, seed=1) != train(vae(), objective=VAE)


def test_it_equals_the_loop_written_bare():
    """The four steps by hand, with the same shuffles: the same parameters at the end."""
    circles, ours, bare = data.circles(70), autoencoder(), autoencoder()
    history = train(ours, circles, seed=5)
    torch.manual_seed(5)
    optimizer, means = torch.optim.Adam(bare.parameters(), lr=3e-4), []
    for _ in range(2):
        total = 0.0
        for rows in torch.randperm(70).split(32):
            x = circles.images[rows]
            loss = (bare(x) - x).square().sum(dim=(1, 2, 3)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        means.append(total / 70)
    assert history["loss"] == pytest.approx(means, rel=1e-4)
    torch.testing.assert_close(list(ours.parameters()), list(bare.parameters()), rtol=1e-3, atol=1e-5)


SCHEDULES = {  # share of the steps done → share of lr
    "constant": lambda done: 1.0,
    "cosine": lambda done: math.cos(math.pi * done / 2) ** 2,
    "one-cycle": lambda done: 2 * min(done, 1 - done),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_against_its_formula(schedule):
    """A constant gradient keeps each of Adam's steps at the length lr: that of one weight is recorded."""
    weights = []

    def objective(model, x):
        weights.append(model.weight.item())
        return {"loss": model.weight.sum()}

    model, images = nn.Linear(1, 1, bias=False), torch.zeros(40, 1)
    train(model, images, objective, epochs=10, lr=0.01, schedule=schedule, batch_size=4)
    expected = [0.01 * SCHEDULES[schedule](step / 100) for step in range(99)]
    assert (-torch.tensor(weights).diff()).tolist() == pytest.approx(expected, abs=1e-5)


IMAGES, SIGNALS = [(1, 28, 28), (3, 64, 64)], (2, 1, 32)
BODIES = [*(("conv", shape) for shape in IMAGES), *(("dense", shape) for shape in [*IMAGES, SIGNALS])]


@pytest.mark.parametrize(("kind", "shape"), BODIES)
@pytest.mark.parametrize(("variational", "objective"), [(False, AE), (True, VAE)])
def test_a_step_on_images_of_any_shape(kind, shape, variational, objective):
    model = build(variational, 2, kind, 4, shape)
    before, images = [p.clone() for p in model.parameters()], torch.rand(8, *shape)
    train(model, images, objective, epochs=1, batch_size=8)
    assert not any(map(torch.equal, model.parameters(), before))
    assert model.decode(model.embed(images)).shape == images.shape


def test_validation_is_recorded_and_does_not_train_or_shuffle():
    with_validation, without = autoencoder(), autoencoder()
    history = train(with_validation, validation=CIRCLES)
    train(without)
    assert same(with_validation, without)
    assert set(history) == {"loss", "reconstruction", "validation_loss", "validation_reconstruction"}
    assert all([*map(type, values)] == [float] * 2 for values in history.values())
    error = losses.reconstruction_error(with_validation(CIRCLES.images), CIRCLES.images).mean()
    assert history["validation_loss"][-1] == pytest.approx(error.item(), rel=1e-4)


def test_any_dataset_of_images_will_do():
    images, expected = CIRCLES.images, train(autoencoder())
    labelled = TensorDataset(images, torch.zeros(64))
    halves = ConcatDataset([TensorDataset(images[:10]), TensorDataset(images[10:])])
    for dataset in (images, list(images), labelled, Subset(labelled, range(64)), halves):
        assert train(autoencoder(), dataset) == expected


def test_the_model_comes_back_in_eval_mode_as_it_was_laid_out():
    layouts, model = [], autoencoder(1, "conv", 2).train()

    def objective(model, x):
        weights = model.encoder.body[2].weight
        layouts.append(weights.is_contiguous(memory_format=torch.channels_last))
        return AE(model, x)

    train(model, objective=objective, epochs=1)
    assert layouts == [True, True]
    assert not model.training
    assert all(p.is_contiguous() and p.device.type == "cpu" for p in model.parameters())


def at_step_6(objective, change):
    """`objective`, whose terms `change` alters at the sixth call: two steps an epoch, in the third."""
    calls = []

    def changed(model, x):
        calls.append(x)
        terms = objective(model, x)
        return change(terms) if len(calls) == 6 else terms

    return changed


def test_interrupting_keeps_the_model_and_the_finished_epochs(capsys):
    def interrupt(terms):
        raise KeyboardInterrupt

    model = autoencoder()
    history = train(model, objective=at_step_6(AE, interrupt), epochs=50)
    assert len(history["loss"]) == 2
    assert "kept" in capsys.readouterr().out
    assert not any(map(torch.equal, model.parameters(), autoencoder().parameters()))


NAN, INF, PERFECT = math.nan, math.inf, {"reconstruction": 0.0, "loss": -math.inf}
SPOILED = [  # what the terms become → what the message says
    ({"kl": NAN, "loss": NAN}, "'kl' became nan at step 2 of epoch 3.*clamp log_var"),
    ({"reconstruction": NAN, "loss": NAN}, "'reconstruction' became nan at step 2 of epoch 3.*smaller lr"),
    (
        {"reconstruction": NAN, "kl": INF, "loss": NAN},
        r"exp\(log_var\) overflowed.*'kl' became inf at step 2",
    ),
    ({"reconstruction": INF, "kl": INF, "loss": INF}, r"exp\(log_var\) overflowed, and .*smaller lr"),
    ({"reconstruction": INF, "kl": NAN, "loss": NAN}, "'reconstruction' became inf"),
    (PERFECT, "every copy is perfect.*-inf at step 2 of epoch 3. Take"),
]


@pytest.mark.parametrize(("spoiled", "words"), SPOILED)
def test_a_loss_that_is_not_finite_stops_the_run_and_says_where(spoiled, words):
    spoiled = {name: torch.tensor(value, requires_grad=True) for name, value in spoiled.items()}
    with pytest.raises(FloatingPointError, match=words):
        train(vae(), objective=at_step_6(VAE, lambda terms: terms | spoiled), epochs=9)


def test_what_explodes_is_named_when_a_network_does_it():
    with torch.no_grad():
        (wild := vae()).encoder.to_log_var.bias.fill_(100.0)  # exp(100) has no float32
        (perfect := vae()).decoder[-2].weight.zero_()
        perfect.decoder[-2].bias.zero_()
    with pytest.raises(FloatingPointError, match=r"exp\(log_var\) overflowed"):
        train(wild, objective=VAE)
    with pytest.raises(FloatingPointError, match="perfect"):
        train(perfect, torch.zeros(64, 1, 28, 28), losses.learned_sigma_objective())


@pytest.mark.parametrize("progress", [True, False])
def test_the_bar_counts_the_steps_and_shows_the_loss(capsys, progress):
    train(autoencoder(), progress=progress)
    shown = capsys.readouterr().err
    assert ("4/4" in shown) == ("epoch 2: loss" in shown) == progress
