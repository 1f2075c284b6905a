"""One loop for the whole course: it learns, repeats, stops kindly, and refuses nonsense."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from course_lib import data, losses
from course_lib.training import History, fit
from tests.library.small import SHAPE, autoencoder, vae

CIRCLES = data.circles(64)
AE, VAE = losses.ae_objective(), losses.vae_objective()


def train(model, dataset=CIRCLES, objective=AE, **settings):
    settings = {"epochs": 2, "seed": 0, "progress": False, "device": "cpu"} | settings
    return fit(model, objective, dataset, **settings)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_it_overfits_one_batch():
    history = train(autoencoder(4, width=128), data.circles(16), epochs=250, lr=1e-3, batch_size=16)
    assert history["loss"][-1] < 0.02 * history["loss"][0]


def test_the_history_names_every_term_once_an_epoch():
    history = train(vae(), objective=VAE, epochs=3, validation=data.circles(20, seed=1))
    assert isinstance(history, History)
    assert isinstance(history, dict)
    names = {"loss", "reconstruction", "kl"}
    assert set(history) == names | {f"validation_{name}" for name in names}
    assert all(len(values) == 3 for values in history.values())
    assert all(isinstance(value, float) for values in history.values() for value in values)


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
    optimizer = torch.optim.Adam(bare.parameters(), lr=3e-4)
    means = []
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
    for a, b in zip(ours.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        ("constant", lambda done: 1.0),
        ("cosine", lambda done: math.cos(math.pi * done / 2) ** 2),
        ("one-cycle", lambda done: 2 * min(done, 1 - done)),
    ],
)
def test_a_schedule_against_its_formula(schedule, share):
    """A constant gradient keeps each of Adam's steps at the length lr: that of one weight is recorded."""
    model, weights = nn.Linear(1, 1, bias=False), []

    def objective(model, x):
        weights.append(model.weight.item())
        return {"loss": model.weight.sum()}

    images = TensorDataset(torch.zeros(40, 1))
    train(model, images, objective, epochs=10, lr=0.01, schedule=schedule, batch_size=4)
    rates = -torch.tensor(weights).diff()
    assert rates.tolist() == pytest.approx([0.01 * share(step / 100) for step in range(99)], abs=1e-5)


def test_validation_does_not_train_and_does_not_shuffle():
    with_validation, without = autoencoder(), autoencoder()
    history = train(with_validation, validation=CIRCLES)
    train(without)
    assert same(with_validation, without)
    with torch.no_grad():
        error = losses.reconstruction_error(with_validation(CIRCLES.images), CIRCLES.images).mean()
    assert history["validation_loss"][-1] == pytest.approx(error.item(), rel=1e-4)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda images: TensorDataset(images),
        lambda images: Subset(TensorDataset(images, torch.zeros(len(images))), range(len(images))),
        lambda images: ConcatDataset([TensorDataset(images[:10]), TensorDataset(images[10:])]),
        list,
        lambda images: images,
    ],
    ids=["tensors", "subset", "concatenated", "list", "tensor"],
)
def test_any_dataset_of_images_will_do(wrap):
    assert train(autoencoder(), wrap(CIRCLES.images)) == train(autoencoder())


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


def test_interrupting_keeps_the_model_and_the_finished_epochs(capsys):
    model, calls = autoencoder(), []

    def objective(model, x):
        calls.append(x)
        if len(calls) == 6:  # two steps an epoch: in the middle of the third
            raise KeyboardInterrupt
        return AE(model, x)

    history = train(model, objective=objective, epochs=50)
    assert len(history["loss"]) == 2
    assert "kept" in capsys.readouterr().out
    for ours, fresh in zip(model.parameters(), autoencoder().parameters(), strict=True):
        assert not torch.equal(ours, fresh)


@pytest.mark.parametrize(("term", "hint"), [("kl", "clamp log_var"), ("reconstruction", "smaller lr")])
def test_a_loss_that_is_not_finite_stops_the_run_and_says_where(term, hint):
    calls = []

    def objective(model, x):
        calls.append(x)
        terms = VAE(model, x)
        if len(calls) == 6:
            terms[term] = terms[term] * float("nan")
            terms["loss"] = terms["loss"] + terms[term]
        return terms

    with pytest.raises(FloatingPointError, match=f"{term}.*nan at step 2 of epoch 3") as caught:
        train(vae(), objective=objective, epochs=9)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("progress", [True, False])
def test_the_bar_counts_the_steps_and_shows_the_loss(capsys, progress):
    train(autoencoder(), progress=progress)
    shown = capsys.readouterr().err
    assert ("4/4" in shown) == ("epoch 2: loss" in shown) == progress


@pytest.mark.parametrize(
    ("dataset", "settings", "words"),
    [
        (CIRCLES, {"epochs": 0}, "epochs must be"),
        (CIRCLES, {"batch_size": 0}, "batch_size must be"),
        (CIRCLES, {"lr": float("nan")}, "lr must be"),
        (CIRCLES, {"schedule": "step"}, "schedule must be one of constant, cosine"),
        (CIRCLES, {"objective": losses.ae_objective("bce")}, "sigmoid"),
        (CIRCLES, {"validation": TensorDataset(torch.zeros(0, *SHAPE))}, "empty"),
        (data.circles(10), {}, "10 images do not fill one batch"),
        (TensorDataset(torch.zeros(0, *SHAPE)), {}, "empty"),
        ([], {}, "empty"),
        (TensorDataset(torch.full((64, *SHAPE), float("nan"))), {}, "NaN"),
        (TensorDataset(torch.zeros(64, *SHAPE, dtype=torch.uint8)), {}, "uint8"),
    ],
)
def test_bad_input_gets_a_sentence(refuses, dataset, settings, words):
    refuses(lambda: train(autoencoder(), dataset, **settings), words)
