"""One loop for the whole course: it learns, repeats, stops kindly, and refuses nonsense."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from course_lib import data, losses, models
from course_lib.training import History, fit

SHAPE = (1, 28, 28)


def small_vae(seed=0):
    torch.manual_seed(seed)
    encoder = models.VariationalEncoder(models.dense_body(SHAPE, 64), SHAPE, 1)
    return models.VAE(encoder, models.dense_decoder(1, SHAPE, 64))


def small_ae(seed=0):
    torch.manual_seed(seed)
    encoder = models.Encoder(models.dense_body(SHAPE, 128), SHAPE, 4)
    return models.AutoEncoder(encoder, models.dense_decoder(4, SHAPE, 128))


def train(model, dataset, objective=None, **settings):
    settings = {"epochs": 2, "seed": 0, "progress": False, "device": "cpu"} | settings
    return fit(model, objective or losses.vae_objective(), dataset, **settings)


def test_it_overfits_one_batch():
    circles = data.circles(16)
    history = train(small_ae(), circles, losses.ae_objective(), epochs=250, lr=1e-3, batch_size=16)
    assert history["loss"][-1] < 0.02 * history["loss"][0]


def test_the_history_names_every_term_once_an_epoch():
    circles = data.circles(64)
    history = train(small_vae(), circles, epochs=3, validation=data.circles(20, seed=1))
    assert isinstance(history, History)
    assert isinstance(history, dict)
    names = {"loss", "reconstruction", "kl"}
    assert set(history) == names | {f"validation_{name}" for name in names}
    assert all(len(values) == 3 for values in history.values())
    assert all(isinstance(value, float) for values in history.values() for value in values)


def test_the_same_seed_gives_the_same_history_and_model():
    circles = data.circles(100)
    first, second = small_vae(), small_vae()
    assert train(first, circles) == train(second, circles)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert train(small_vae(), circles, seed=1) != train(small_vae(), circles, seed=0)


def test_a_seed_leaves_the_generator_outside_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train(small_vae(seed=3), data.circles(64))
    torch.manual_seed(3)
    model = small_vae(seed=3)
    state = torch.get_rng_state()
    train(model, data.circles(64))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), expected)


def test_it_equals_the_loop_written_bare():
    """The four steps by hand, with the same shuffles: the same parameters at the end."""
    circles, ours, bare = data.circles(70), small_ae(), small_ae()
    history = train(ours, circles, losses.ae_objective(), epochs=2, seed=5)
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
    """Adam's first steps all have length lr: the sum of the steps of one weight is the sum of the rates."""
    model, rates = nn.Linear(1, 1, bias=False), []
    previous = model.weight.item()

    def objective(model, x):
        nonlocal previous
        rates.append(abs(model.weight.item() - previous))
        previous = model.weight.item()
        return {"loss": model.weight.sum()}  # a constant gradient keeps Adam's step at lr

    train(
        model,
        TensorDataset(torch.zeros(40, 1)),
        objective,
        epochs=10,
        lr=0.01,
        schedule=schedule,
        batch_size=4,
    )
    expected = [0.01 * share(step / 100) for step in range(99)]
    assert rates[1:] == pytest.approx(expected, abs=1e-5)


def test_validation_does_not_train_and_does_not_shuffle():
    circles = data.circles(64)
    with_validation, without = small_ae(), small_ae()
    objective = losses.ae_objective()
    history = train(with_validation, circles, objective, validation=circles)
    train(without, circles, objective)
    for a, b in zip(with_validation.parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b)
    with torch.no_grad():
        error = losses.reconstruction_error(with_validation(circles.images), circles.images).mean()
    assert history["validation_loss"][-1] == pytest.approx(error.item(), rel=1e-4)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda images: TensorDataset(images),
        lambda images: Subset(TensorDataset(images, torch.zeros(len(images))), range(len(images))),
        lambda images: ConcatDataset([TensorDataset(images[:10]), TensorDataset(images[10:])]),
        lambda images: list(images),
    ],
    ids=["tensors", "subset", "concatenated", "list"],
)
def test_any_dataset_of_images_will_do(wrap):
    images = data.circles(64).images
    expected = train(small_ae(), data.circles(64), losses.ae_objective())
    assert train(small_ae(), wrap(images), losses.ae_objective()) == expected


def test_the_model_comes_back_in_eval_mode_where_it_was():
    model = small_ae().train()
    train(model, data.circles(40), losses.ae_objective())
    assert not model.training
    assert next(model.parameters()).device.type == "cpu"


def test_the_weights_of_convolutions_come_back_in_their_usual_layout():
    torch.manual_seed(0)
    layouts = []
    encoder = models.Encoder(models.conv_body(SHAPE, 2), SHAPE, 1)
    model = models.AutoEncoder(encoder, models.conv_decoder(1, SHAPE, 2))

    def objective(model, x):
        weights = model.encoder.body[2].weight
        layouts.append(weights.is_contiguous(memory_format=torch.channels_last))
        return losses.ae_objective()(model, x)

    train(model, data.circles(40), objective, epochs=1)
    assert layouts == [True, True]
    assert all(p.is_contiguous() for p in model.parameters())


def test_interrupting_keeps_the_model_and_the_finished_epochs(capsys):
    model, before = small_ae(), small_ae()
    calls = 0

    def objective(model, x):
        nonlocal calls
        calls += 1
        if calls == 6:  # two steps an epoch: in the middle of the third
            raise KeyboardInterrupt
        return losses.ae_objective()(model, x)

    history = train(model, data.circles(64), objective, epochs=50)
    assert len(history["loss"]) == 2
    assert "kept" in capsys.readouterr().out
    changed = [not torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True)]
    assert all(changed)


@pytest.mark.parametrize(("term", "hint"), [("kl", "clamp log_var"), ("reconstruction", "smaller lr")])
def test_a_loss_that_is_not_finite_stops_the_run_and_says_where(term, hint):
    steps = 0

    def objective(model, x):
        nonlocal steps
        steps += 1
        terms = losses.vae_objective()(model, x)
        if steps == 6:
            terms[term] = terms[term] * float("nan")
            terms["loss"] = terms["loss"] + terms[term]
        return terms

    with pytest.raises(FloatingPointError, match=f"{term}.*nan at step 2 of epoch 3") as caught:
        train(small_vae(), data.circles(64), objective, epochs=9)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_learning_rate_that_is_far_too_high_is_reported():
    with pytest.raises(FloatingPointError, match="smaller lr"):
        train(small_vae(), data.circles(64), lr=1e6, epochs=20)


def test_the_bar_shows_the_loss(capsys):
    train(small_ae(), data.circles(64), losses.ae_objective(), progress=True)
    shown = capsys.readouterr().err
    assert "4/4" in shown
    train(small_ae(), data.circles(64), losses.ae_objective(), progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("dataset", "settings", "words"),
    [
        (data.circles(64), {"epochs": 0}, "epochs must be"),
        (data.circles(64), {"epochs": 1.5}, "epochs must be"),
        (data.circles(64), {"batch_size": 0}, "batch_size must be"),
        (data.circles(64), {"lr": 0}, "lr must be"),
        (data.circles(64), {"lr": float("nan")}, "lr must be"),
        (data.circles(64), {"schedule": "step"}, "schedule must be one of constant, cosine"),
        (data.circles(10), {}, "10 images do not fill one batch"),
        (TensorDataset(torch.zeros(0, *SHAPE)), {}, "empty"),
        ([], {}, "empty"),
        (TensorDataset(torch.full((64, *SHAPE), float("nan"))), {}, "NaN"),
        (TensorDataset(torch.zeros(64, *SHAPE, dtype=torch.uint8)), {}, "uint8"),
        (data.circles(64), {"validation": TensorDataset(torch.zeros(0, *SHAPE))}, "empty"),
    ],
)
def test_bad_input_gets_a_sentence(dataset, settings, words):
    with pytest.raises(ValueError, match=words) as caught:
        train(small_ae(), dataset, losses.ae_objective(), **settings)
    assert "\n" not in str(caught.value)


def test_cross_entropy_without_a_sigmoid_is_explained():
    with pytest.raises(ValueError, match="sigmoid"):
        train(small_ae(), data.circles(64), losses.ae_objective("bce"))


def test_a_bare_module_can_be_trained():
    """`fit` knows no model class: any module and objective will do."""
    model = nn.Linear(3, 1)
    x = torch.randn(64, 3)

    def objective(model, x):
        return {"loss": (model(x)[:, 0] - x.sum(dim=1)).square().mean()}

    history = train(model, TensorDataset(x), objective, epochs=200, lr=0.05)
    assert history["loss"][-1] < 1e-3
    torch.testing.assert_close(model.weight.detach(), torch.ones(1, 3), rtol=0.05, atol=0.05)
