"""Answers to the exercises of chapter 2."""

import copy

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from torch import nn

from course_lib.checks.ch02_vanilla_autoencoder import COMPRESSOR, heartbeats

# ── training_step ────────────────────────────────────────────────────────────────────────────────


def squared_error(x_hat, x):
    return (x_hat - x).square().flatten(1).sum(dim=1).mean()


def step_zero_last(model, optimizer, x):
    loss = squared_error(model(x), x)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def step_with_model_zero_grad(model, optimizer, x):
    model.zero_grad()
    x_hat = model.decode(model.encode(x))
    loss = torch.nn.functional.mse_loss(x_hat, x, reduction="sum") / len(x)
    loss.backward()
    optimizer.step()
    return loss.detach().numpy()


def step_with_autograd(model, optimizer, x):
    loss = torch.stack([((model(image[None]) - image) ** 2).sum() for image in x]).mean()
    parameters = list(model.parameters())
    for p in parameters:
        p.grad = None
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def step_with_closure(model, optimizer, x):
    def closure():
        optimizer.zero_grad()
        loss = squared_error(model(x), x)
        loss.backward()
        return loss

    return optimizer.step(closure)


def step_with_functional_gradients(model, optimizer, x):
    values = {name: p.detach() for name, p in model.named_parameters()}
    gradients, loss = torch.func.grad_and_value(
        lambda values: squared_error(torch.func.functional_call(model, values, (x,)), x)
    )(values)
    for name, p in model.named_parameters():
        p.grad = gradients[name]
    optimizer.step()
    return loss.item()


def step_image_by_image(model, optimizer, x):
    """The gradients of all images add up before the one update."""
    optimizer.zero_grad()
    total = 0.0
    for image in x.split(1):
        loss = (model(image) - image).square().sum() / len(x)
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total


def step_with_gradients_asked_for(model, optimizer, x):
    loss = squared_error(model(x), x)
    parameters = list(model.parameters())
    for p, p.grad in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        assert p.grad is not None
    optimizer.step()
    return loss


def step_with(loss_of, order=("zero", "backward", "step")):
    """A training step with another loss or another order."""

    def training_step(model, optimizer, x):
        loss = loss_of(model, x)
        parts = {"zero": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}
        for part in order:
            parts[part]()
        return loss.item()

    return training_step


def right_loss(model, x):
    return squared_error(model(x), x)


def step_without_grad(model, optimizer, x):
    with torch.no_grad():
        x_hat = model(x)
    return step_with(lambda model, x: squared_error(x_hat, x))(model, optimizer, x)


def step_loss_after(model, optimizer, x):
    step_zero_last(model, optimizer, x)
    return squared_error(model(x), x).item()


def step_new_adam(model, optimizer, x):
    return step_zero_last(model, torch.optim.Adam(model.parameters(), lr=1e-3), x)


def step_buggy(model, optimizer, x):
    """As in the exercise: the encoder gets no gradient, and the decoder's are thrown away."""
    with torch.no_grad():
        z = model.embed(x)
    return step_with(lambda model, x: squared_error(model.decode(z), x), ("backward", "zero", "step"))(
        model, optimizer, x
    )


def step_half_mended(model, optimizer, x):
    with torch.no_grad():
        z = model.embed(x)
    return step_with(lambda model, x: squared_error(model.decode(z), x))(model, optimizer, x)


def step_and(then):
    """A right step that leaves something behind."""

    def training_step(model, optimizer, x):
        loss = step_zero_last(model, optimizer, x)
        then(model)
        return loss

    return training_step


def step_for_each_image(model, optimizer, x):
    return sum(step_zero_last(model, optimizer, image) for image in x.split(1)) / len(x)


def step_clipped(model, optimizer, x):
    loss = right_loss(model, x)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    return loss


def step_without_optimizer(model, optimizer, x):
    loss = right_loss(model, x)
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= optimizer.param_groups[0]["lr"] * p.grad
    return loss


first_losses = {}


def step_with_the_first_loss(model, optimizer, x):
    loss = step_zero_last(model, optimizer, x)
    return first_losses.setdefault(id(model), loss)


WRONG_STEPS = [
    ("model_frozen", step_and(lambda model: model.encoder.requires_grad_(False))),
    ("gradients_off", step_and(lambda model: torch.set_grad_enabled(False))),
    ("several_steps", step_for_each_image),
    ("several_steps", step_with(right_loss, ("zero", "backward", "step", "step"))),
    ("other_optimizer", step_without_optimizer),
    ("mean_over_channels", step_with(lambda model, x: (model(x) - x).square().mean(1).sum((1, 2)).mean())),
    ("value", step_clipped),
    ("value", step_with_the_first_loss),
    ("value", lambda model, optimizer, x: step_zero_last(model, optimizer, x[:1])),
    ("value", step_with(lambda model, x: nn.functional.binary_cross_entropy_with_logits(model(x), x))),
    ("zeroed_too_early", step_buggy),
    ("detached", step_half_mended),
    ("other_optimizer", step_new_adam),
    ("no_zero_grad", step_with(right_loss, ("backward", "step"))),
    ("zeroed_too_early", step_with(right_loss, ("backward", "zero", "step"))),
    ("step_first", step_with(right_loss, ("zero", "step", "backward"))),
    ("no_backward", step_with(right_loss, ("zero", "step"))),
    ("no_backward", step_with(lambda model, x: squared_error(model(x), model(x).detach()))),
    ("no_step", step_with(right_loss, ("zero", "backward"))),
    ("detached", step_with(lambda model, x: squared_error(model(x).detach(), x))),
    ("detached", step_with(lambda model, x: squared_error(model.decode(model.encode(x).data), x))),
    ("detached", step_without_grad),
    ("mean_over_pixels", step_with(lambda model, x: nn.functional.mse_loss(model(x), x))),
    ("sum_over_batch", step_with(lambda model, x: (model(x) - x).square().sum())),
    ("absolute", step_with(lambda model, x: (model(x) - x).abs().flatten(1).sum(dim=1).mean())),
    ("absolute", step_with(lambda model, x: nn.functional.l1_loss(model(x), x))),
    ("loss_after", step_loss_after),
    ("value", step_with(lambda model, x: squared_error(model(x), x).sqrt())),
    ("type", lambda model, optimizer, x: model(x)),
]


# ── share_unexplained ────────────────────────────────────────────────────────────────────────────


def unexplained_with_numpy(x_hat, x):
    x, x_hat = (images.numpy().reshape(len(images), -1).astype(np.float64) for images in (x, x_hat))
    return ((x_hat - x) ** 2).sum(axis=1).mean() / x.var(axis=0).sum()


def unexplained_with_sklearn(x_hat, x):
    return 1 - r2_score(x.flatten(1), x_hat.flatten(1), multioutput="variance_weighted")


def unexplained_in_sums(x_hat, x):
    mean = x.mean(dim=0, keepdim=True)
    return (x_hat - x).pow(2).sum() / (x - mean).pow(2).sum()


def unexplained_in_means(x_hat, x):
    return (x_hat - x).double().square().mean() / (x - x.mean(dim=0)).double().square().mean()


def unexplained_against_the_mean_image(x_hat, x):
    mean = x.mean(dim=0, keepdim=True).expand_as(x)
    return nn.functional.mse_loss(x_hat, x) / nn.functional.mse_loss(mean, x)


def unexplained_by_moments(x_hat, x):
    x, x_hat = x.double(), x_hat.double()
    variances = x.square().mean(dim=0) - x.mean(dim=0).square()
    return (x_hat - x).square().sum() / len(x) / variances.sum()


def unexplained_pixel_by_pixel(x_hat, x):
    pixels = list(zip(x_hat.flatten(1).T.double(), x.flatten(1).T.double(), strict=True))
    return float(sum(((a - b) ** 2).mean() for a, b in pixels) / sum(np.var(b.numpy()) for _, b in pixels))


def error(x_hat, x):
    return (x_hat - x).square().flatten(1).sum(dim=1)


def variance(x, correction=0):
    return x.flatten(1).var(dim=0, correction=correction).sum()


WRONG_SHARES = [
    ("mean_over_pixels", lambda x_hat, x: (x_hat - x).square().mean() / variance(x)),
    ("mean_variance", lambda x_hat, x: error(x_hat, x).mean() / x.var(dim=0, correction=0).mean()),
    ("sum_over_batch", lambda x_hat, x: error(x_hat, x).sum() / variance(x)),
    ("grand_mean", lambda x_hat, x: (x_hat - x).square().mean() / x.var(correction=0)),
    ("within_image", lambda x_hat, x: (x_hat - x).square().mean() / x.flatten(1).var(1, correction=0).mean()),
    ("grand_mean", lambda x_hat, x: error(x_hat, x).mean() / x.var()),
    ("within_image", lambda x_hat, x: error(x_hat, x).mean() / x.flatten(1).var(1).mean()),
    ("within_image", lambda x_hat, x: error(x_hat, x).mean() / x.flatten(1).var(1).sum()),
    ("standard_deviation", lambda x_hat, x: error(x_hat, x).mean() / x.std(dim=0).sum()),
    ("standard_deviation", lambda x_hat, x: (x_hat - x).square().mean() / x.std(0, correction=0).mean()),
    ("absolute", lambda x_hat, x: (x_hat - x).abs().flatten(1).sum(1).mean() / variance(x)),
    ("absolute", lambda x_hat, x: (x_hat - x).abs().mean() / x.var(dim=0).mean()),
    ("mean_of_ratios", lambda x_hat, x: ((x_hat - x).square().mean(0) / x.var(0, correction=0)).mean()),
    ("mean_of_ratios", lambda x_hat, x: ((x_hat - x).square().mean(0) / x.var(0)).mean()),
    ("no_mean", lambda x_hat, x: (x_hat - x).square().sum() / x.square().sum()),
    ("unbiased", lambda x_hat, x: error(x_hat, x).mean() / x.var(dim=0).sum()),
    ("of_x_hat", lambda x_hat, x: error(x_hat, x).mean() / variance(x_hat)),
    ("explained", lambda x_hat, x: 1 - error(x_hat, x).mean() / variance(x)),
    ("upside_down", lambda x_hat, x: variance(x) / error(x_hat, x).mean()),
    ("root", lambda x_hat, x: (error(x_hat, x).mean() / variance(x)).sqrt()),
    ("error_centred", lambda x_hat, x: variance(x_hat - x) / variance(x)),
    ("limited", lambda x_hat, x: unexplained_in_sums(x_hat, x).clamp(max=1)),
    ("limited", lambda x_hat, x: min(1.0, unexplained_with_sklearn(x_hat, x))),
    ("value", lambda x_hat, x: unexplained_in_sums(x_hat[:, :1], x[:, :1])),
    ("value", lambda x_hat, x: error(x_hat, x).mean() / variance(x[:, 0])),
    ("value", lambda x_hat, x: error(x_hat, x).mean() / (variance(x) + 1)),
    ("value", lambda x_hat, x: 1.1 * unexplained_in_sums(x_hat, x)),
    ("type", lambda x_hat, x: error(x_hat, x) / variance(x)),
]


# ── interpolate ──────────────────────────────────────────────────────────────────────────────────


def path_in_a_loop(model, a, b, steps):
    z_a, z_b = model.encode(a), model.encode(b)
    return torch.cat([model.decode(z_a + i / (steps - 1) * (z_b - z_a)) for i in range(steps)])


def path_with_lerp(model, a, b, steps):
    codes = torch.lerp(model.embed(a), model.embed(b), torch.linspace(0, 1, steps)[:, None])
    return model.decode(codes).detach()


def path_with_numpy(model, a, b, steps):
    with torch.no_grad():
        ends = [model.embed(x)[0].numpy().astype(np.float64) for x in (a, b)]
        codes = np.linspace(*ends, steps)
        return model.decode(torch.tensor(codes, dtype=torch.float32)).numpy()


def path_number_by_number(model, a, b, steps):
    ends = zip(model.embed(a)[0].tolist(), model.embed(b)[0].tolist(), strict=True)
    return model.decode(torch.stack([torch.linspace(*pair, steps) for pair in ends], dim=1)).detach()


def path_from_one_batch(model, a, b, steps):
    with torch.inference_mode():
        z = model.encode(torch.cat([a, b]))
        weights = torch.arange(steps) / (steps - 1)
        return model.decode(torch.stack([1 - weights, weights], dim=1) @ z)


def blend(a, b, t):
    t = t.reshape(-1, *[1] * (a.ndim - 1))
    return a + t * (b - a)


def path(model, a, b, t):
    return model.decode(blend(model.encode(a), model.encode(b), t))


def path_with_originals(model, a, b, steps):
    images = path_in_a_loop(model, a, b, steps)
    return torch.cat([a, images[1:-1], b])


def even(steps):
    return torch.linspace(0, 1, steps)


WRONG_PATHS = [
    ("pixels", lambda model, a, b, steps: blend(a, b, even(steps))),
    ("decoded_too_early", lambda model, a, b, steps: blend(model(a), model(b), even(steps))),
    ("encoded_too_late", lambda model, a, b, steps: model(blend(a, b, even(steps)))),
    ("codes", lambda model, a, b, steps: blend(model.encode(a), model.encode(b), even(steps))),
    ("end_missing", lambda model, a, b, steps: path(model, a, b, torch.arange(steps) / steps)),
    ("both_ends_missing", lambda model, a, b, steps: path(model, a, b, even(steps + 2)[1:-1])),
    ("too_many", lambda model, a, b, steps: path(model, a, b, even(steps + 1))),
    ("backwards", lambda model, a, b, steps: path_in_a_loop(model, b, a, steps)),
    ("originals", path_with_originals),
    ("clamped", lambda model, a, b, steps: path_in_a_loop(model, a, b, steps).clamp(0, 1)),
    ("clamped", lambda model, a, b, steps: path_in_a_loop(model, a, b, steps).relu()),
    ("start_missing", lambda model, a, b, steps: path(model, a, b, torch.arange(1, steps + 1) / steps)),
    ("uneven", lambda model, a, b, steps: path(model, a, b, even(steps) ** 2)),
    ("shape", lambda model, a, b, steps: path_in_a_loop(model, a, b, steps)[:, 0]),
    ("value", lambda model, a, b, steps: path(model, a, b, torch.rand(steps))),
    (
        "value",
        lambda model, a, b, steps: model.decode(model.embed(a) + even(steps)[:, None] * model.embed(b)),
    ),
    ("gradients_off", lambda *given: [torch.set_grad_enabled(False), path_in_a_loop(*given)][1]),
    (
        "model_frozen",
        lambda model, a, b, steps: path_in_a_loop(model.requires_grad_(False), a, b, steps),
    ),
]


# ── compressor_tests ─────────────────────────────────────────────────────────────────────────────


def test_error_by_hand(Compressor):
    compressor, batch = Compressor(torch.rand(10, 1, 4, 4)), torch.rand(3, 1, 4, 4)
    by_hand = sum((compressor.net(x[None]) - x.flatten()).square().sum() for x in batch) / 3
    assert torch.isclose(compressor.error(batch), by_hand)


def test_nothing_in_both(Compressor):
    images = torch.arange(50.0).reshape(50, 1, 1, 1)
    train, val = Compressor(images).split(images)
    assert not set(train.flatten().tolist()) & set(val.flatten().tolist())


def test_best_weights_stay(Compressor):
    compressor = Compressor(torch.rand(20, 1, 4, 4))
    compressor.run(1)
    kept = {name: w.clone() for name, w in compressor.best_weights.items()}
    compressor.train_epoch()
    for name, w in compressor.best_weights.items():
        torch.testing.assert_close(w, kept[name])


def test_every_image_is_used(Compressor):
    images = torch.randn(60, 1, 2, 2)
    compressor = Compressor(images, batch_size=7)
    seen = torch.cat([x for (x,) in compressor.train_loader] + [x for (x,) in compressor.val_loader])
    np.testing.assert_array_equal(np.unique(seen.flatten(1), axis=0), np.unique(images.flatten(1), axis=0))


def test_shape_of_a_perfect_copy(Compressor):
    compressor = Compressor(torch.rand(5, 1, 3, 3))
    compressor.net = nn.Flatten()
    if compressor.error(torch.rand(4, 1, 3, 3)) > 1e-6:
        raise AssertionError("a perfect copy costs nothing")


def test_run_returns_the_best(Compressor):
    torch.manual_seed(0)
    for _ in range(5):
        compressor = Compressor(torch.rand(40, 1, 4, 4), lr=0.5)
        assert abs(compressor.run(6) - min(compressor.val_errors)) < 1e-3


def test_snapshot_is_a_copy(Compressor):
    compressor = Compressor(torch.rand(5, 1, 3, 3))
    addresses = [w.data_ptr() for w in compressor.snapshot().values()]
    assert not set(addresses) & {w.data_ptr() for w in compressor.net.parameters()}


def test_an_image_alone_costs_what_it_costs_in_a_batch(Compressor):
    compressor, batch = Compressor(torch.rand(10, 1, 2, 4)), torch.rand(6, 1, 2, 4)
    alone = torch.stack([compressor.error(x) for x in batch.split(1)])
    assert torch.allclose(alone.mean(), compressor.error(batch))


def test_seed_and_split(Compressor):
    images = torch.rand(30, 1, 2, 2)
    torch.manual_seed(3)
    train, val = Compressor(images).split(images)
    assert torch.cdist(train.flatten(1), val.flatten(1)).min() > 0


def test_error_and_weights(Compressor):
    test_error_by_hand(Compressor)
    test_best_weights_stay(Compressor)


def test_all_three(Compressor):
    test_error_and_weights(Compressor)
    test_nothing_in_both(Compressor)


def test_that_returns(Compressor):
    compressor = Compressor(torch.rand(5, 1, 3, 3))
    return compressor.error(torch.rand(4, 1, 3, 3)).ndim == 0


def test_too_strict(Compressor):
    compressor = Compressor(torch.rand(20, 1, 3, 3))
    assert compressor.run(2) < 1e-3


def test_of_nothing(Compressor):
    assert Compressor(torch.rand(20, 1, 3, 3)).validate() > 0


def test_that_sets_a_switch(Compressor):
    torch.set_grad_enabled(False)


WRONG_TESTS = [
    ("refuses_the_right_one", [test_error_by_hand, test_nothing_in_both, test_too_strict]),
    ("refuses_the_right_one", [lambda Compressor: Compressor.encode]),
    ("unused", [test_error_by_hand, lambda Compressor: test_nothing_in_both(COMPRESSOR.build("split"))]),
    ("unused", [lambda Compressor: test_of_nothing(COMPRESSOR.build())]),
    ("returns", [test_that_returns, test_nothing_in_both, test_best_weights_stay]),
    ("catches_nothing", [test_error_by_hand, test_nothing_in_both, test_of_nothing]),
    ("split", [test_error_by_hand, test_best_weights_stay]),
    ("error", [test_nothing_in_both, test_snapshot_is_a_copy]),
    ("snapshot", [test_error_by_hand, test_every_image_is_used]),
    ("snapshot", [test_error_by_hand, test_shape_of_a_perfect_copy, test_nothing_in_both]),
    ("same_tests", [test_all_three, test_all_three, test_all_three]),
    ("same_tests", [test_error_and_weights, test_nothing_in_both]),
    ("gradients_off", [test_that_sets_a_switch]),
    ("type", [3.0]),
    ("type", []),
    ("type", "test_error_by_hand"),
]


# ── circle_compressor ────────────────────────────────────────────────────────────────────────────

CircleCompressor = COMPRESSOR.build()


def compressor_with(*kinds, **methods):
    """The class with these mistakes in it, and some methods written anew."""
    return type("Mended", (COMPRESSOR.build(*kinds),), methods)


def split_by_torch(self, images, share=0.8):
    n = int(share * len(images))
    parts = torch.utils.data.random_split(images, [n, len(images) - n])
    return [images[part.indices] for part in parts]


def split_with_numpy(self, images, share=0.8):
    chosen = np.random.default_rng().permutation(len(images)) < int(share * len(images))
    return images[torch.from_numpy(chosen)], images[torch.from_numpy(~chosen)]


def error_image_by_image(self, batch):
    return sum(
        nn.functional.mse_loss(self.net(x[None])[0], x.flatten(), reduction="sum") for x in batch
    ) / len(batch)


def run_with_copies(self, epochs):
    best = None
    for _ in range(epochs):
        self.train_errors += [self.train_epoch()]
        self.val_errors += [self.validate()]
        if best is None or self.val_errors[-1] == min(self.val_errors):
            best = copy.deepcopy(self.net)
    self.net.load_state_dict(best.state_dict())
    return self.validate()


def unsplit(self, images, share=0.8):
    return images, images[int(share * len(images)) :]


WRONG_COMPRESSORS = [
    ("split", compressor_with("split", "error", "snapshot")),
    ("split", compressor_with("split")),
    ("split", compressor_with(split=unsplit)),
    ("share", compressor_with(split=lambda self, x: split_by_torch(self, x, 0.5))),
    ("not_random", compressor_with(split=lambda self, x: (x[: int(0.8 * len(x))], x[int(0.8 * len(x)) :]))),
    ("not_random", compressor_with(split=lambda self, x: (x[len(x) // 5 :], x[: len(x) // 5]))),
    ("every_pair", compressor_with("error")),
    ("error", compressor_with(error=lambda self, x: (self.net(x) - x.flatten(1)).square().mean())),
    ("no_gradient", compressor_with(error=lambda self, x: error_image_by_image(self, x).detach())),
    ("snapshot", compressor_with("snapshot")),
    ("snapshot", compressor_with("snapshot", snapshot=lambda self: dict(self.net.state_dict()))),
    ("does_not_learn", compressor_with(train_epoch=lambda self: self.validate())),
    ("raised", compressor_with(split=lambda self, x: x.chunk(5))),
    ("nothing", compressor_with(error=lambda self, x: None)),
    ("type", lambda images: None),
    ("type", 3.0),
]


# ── heart_code: stand-ins that need no training ──────────────────────────────────────────────────

SECONDS = np.linspace(-0.3, 0.6, 96)


def beats_of(pace, height):
    """The beats without noise: two arrays (M,) → (M, 96)."""
    parts = ((150, -0.18 * pace, 0.025), (1200, 0 * pace, 0.014), (-300, 0 * pace + 0.035, 0.014))
    parts = (*parts, (height, 0.32 * pace, 0.045))
    return sum(
        np.multiply(size, np.exp(-(((SECONDS - np.asarray(at)[:, None]) / width) ** 2) / 2).T).T
        for size, at, width in parts
    )


GRID = np.stack([axis.ravel() for axis in np.meshgrid(np.linspace(0.7, 1.3, 41), np.linspace(100, 500, 21))])
DRAWN = torch.from_numpy(beats_of(*GRID))


def nearest(beats):
    """The pace and the height of the beat on the grid that is nearest."""
    found = torch.cdist(torch.from_numpy(np.asarray(beats, dtype=float)), DRAWN).argmin(1)
    return torch.from_numpy(GRID.T)[found]


def expand_in_numpy(z):
    return beats_of(*np.asarray(z, dtype=float).T)


def expand_in_torch(z):
    return torch.from_numpy(expand_in_numpy(z)).float()


def short_codes(beats):
    return (nearest(beats).float() - torch.tensor([1.0, 300.0])) / torch.tensor([0.2, 100.0])


last_seen = []


def compress_and_note(beats):
    last_seen[:] = [beats]
    return short_codes(beats)


def lines(k):
    """The first k directions of PCA."""
    pca = PCA(k).fit(heartbeats(1000, seed=3))
    return pca.transform, lambda z: pca.inverse_transform(z.numpy())


HEART = (short_codes, lambda z: expand_in_torch(z * torch.tensor([0.2, 100.0]) + torch.tensor([1.0, 300.0])))

WRONG_HEARTS = [
    ("wide_code", lines(3)),
    ("wide_code", (lambda beats: nearest(beats)[:, 0], expand_in_torch)),
    ("swapped", (expand_in_numpy, nearest)),
    ("swapped", HEART[::-1]),
    ("other_unit", (nearest, lambda z: expand_in_torch(z) / 1000)),
    ("all_alike", (nearest, lambda z: expand_in_torch(z).mean(0).expand(len(z), -1))),
    ("remembers", (compress_and_note, lambda z: torch.from_numpy(last_seen[0]).float())),
    ("batch", (lambda beats: nearest(beats) - nearest(beats).mean(0), expand_in_torch)),
    ("batch", (lambda beats: nearest(beats) * (1 + 0.1 * torch.randn(len(beats), 2)), expand_in_torch)),
    ("value", lines(2)),
    ("value", (nearest, lambda z: 0.7 * expand_in_torch(z))),
    ("shape", (nearest, lambda z: expand_in_torch(z)[:, None, None])),
    ("raised", (lambda beats: nn.Linear(96, 2)(torch.from_numpy(beats)), expand_in_torch)),
    ("type", nearest),
    ("type", (nearest, DRAWN)),
]


RIGHT = {
    "check_training_step": [
        step_zero_last,
        step_with_model_zero_grad,
        step_with_autograd,
        step_with_closure,
        step_with_functional_gradients,
        step_image_by_image,
        step_with_gradients_asked_for,
        step_and(lambda model: model.eval()),
    ],
    "check_share_unexplained": [
        unexplained_with_numpy,
        unexplained_with_sklearn,
        unexplained_in_sums,
        unexplained_in_means,
        unexplained_against_the_mean_image,
        unexplained_by_moments,
        unexplained_pixel_by_pixel,
    ],
    "check_interpolate": [
        path_in_a_loop,
        path_with_lerp,
        path_with_numpy,
        path_number_by_number,
        path_from_one_batch,
        lambda model, a, b, steps: path_in_a_loop(model.eval(), a, b, steps),
    ],
    "check_compressor_tests": [
        [test_error_by_hand, test_nothing_in_both, test_best_weights_stay],
        [test_run_returns_the_best, test_every_image_is_used, test_shape_of_a_perfect_copy],
        (test_an_image_alone_costs_what_it_costs_in_a_batch, test_snapshot_is_a_copy, test_seed_and_split),
        [test_error_and_weights, test_all_three, test_best_weights_stay],
    ],
    "check_circle_compressor": [
        CircleCompressor,
        compressor_with("split", "error", split=split_with_numpy, error=error_image_by_image),
        compressor_with("snapshot", run=run_with_copies, split=split_by_torch),
    ],
    "check_heart_code": [
        HEART,
        [nearest, expand_in_numpy],
        (lambda beats: nearest(beats).numpy()[:, ::-1].copy(), lambda z: expand_in_torch(z.flip(1))),
        (lambda beats: nearest(beats).tolist(), lambda z: np.rint(expand_in_numpy(z)).astype(np.int16)),
    ],
}

WRONG = {
    "check_training_step": WRONG_STEPS,
    "check_share_unexplained": WRONG_SHARES,
    "check_interpolate": WRONG_PATHS,
    "check_compressor_tests": WRONG_TESTS,
    "check_circle_compressor": WRONG_COMPRESSORS,
    "check_heart_code": WRONG_HEARTS,
}
