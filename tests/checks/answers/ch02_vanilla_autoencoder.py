"""Answers to the exercises of chapter 2."""

import itertools

import numpy as np
import torch
from sklearn.metrics import r2_score
from torch import nn

from course_lib import data
from course_lib.models import AutoEncoder, Encoder, dense_body, dense_decoder

# ── count_by_hand ────────────────────────────────────────────────────────────────────────────────


def count_in_a_loop(sizes):
    total = 0
    for i in range(1, len(sizes)):
        total += (sizes[i - 1] + 1) * sizes[i]
    return total


def count_with_torch(sizes):
    sizes = torch.tensor(sizes)
    return sizes[:-1] @ sizes[1:] + sizes[1:].sum()


def count_with_numpy(sizes):
    return np.dot(np.append(sizes[:-1], 1), np.append(sizes[1:], 0)) + np.sum(sizes[1:])


def count_what_torch_would_build(sizes):
    layers = [nn.Linear(a, b, device="meta") for a, b in itertools.pairwise(sizes)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


def count_by_recursion(sizes):
    return 0 if len(sizes) < 2 else (sizes[0] + 1) * sizes[1] + count_by_recursion(sizes[1:])


def weights(sizes):
    return sum(a * b for a, b in itertools.pairwise(sizes))


WRONG_COUNTS = [
    ("no_biases", weights),
    ("biases_of_inputs", lambda sizes: weights(sizes) + sum(sizes[:-1])),
    ("biases_everywhere", lambda sizes: weights(sizes) + sum(sizes)),
    ("one_bias_a_layer", lambda sizes: weights(sizes) + len(sizes) - 1),
    ("last_layer", lambda sizes: count_in_a_loop(sizes[:-1])),
    ("first_layer", lambda sizes: count_in_a_loop(sizes[1:])),
    ("features", sum),
    ("product", lambda sizes: int(np.prod(sizes))),
    ("value", lambda sizes: 2 * count_in_a_loop(sizes)),
    ("value", lambda sizes: 1_330_961),
    ("value", lambda sizes: weights(sizes) + sum(sizes[:-1]) + sum(sizes[1:])),
    ("value", lambda sizes: sum(a * b + b for a, b in zip(sizes[::2], sizes[1::2], strict=False))),
    ("raised", lambda sizes: sum(sizes[i] * sizes[i + 1] + sizes[i + 1] for i in range(6))),
    ("type", lambda sizes: [a * b + b for a, b in itertools.pairwise(sizes)]),
]


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
    ("mode_left_behind", step_and(lambda model: model.eval())),
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
        "mode_left_behind",
        lambda model, a, b, steps: path_in_a_loop(model.eval(), a, b, steps),
    ),
    (
        "mode_left_behind",
        lambda model, a, b, steps: path_in_a_loop(model.train(), a, b, steps),
    ),
    (
        "model_frozen",
        lambda model, a, b, steps: path_in_a_loop(model.requires_grad_(False), a, b, steps),
    ),
]


# ── small_autoencoder: stand-ins that need no training ───────────────────────────────────────────


class InkToRenderer(nn.Module):
    """The ink tells the radius, and the renderer draws it: an autoencoder without parameters."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def embed(self, x):
        return self.factor * x.sum(dim=(2, 3)) / (2 * torch.pi * 1.5 * 24)

    def decode(self, z):
        return data.render_circles(z[:, 0].clamp(0.03, 0.47), torch.full((len(z), 2), 0.515))

    def forward(self, x):
        return self.decode(self.embed(x))


class LookUp(InkToRenderer):
    """A list of 61 circles from which the code takes the nearest."""

    def __init__(self):
        super().__init__()
        self.pictures = nn.Parameter(self.decode(torch.linspace(0.03, 0.47, 61)[:, None]).data)

    def embed(self, x):
        return torch.cdist(x.flatten(1), self.pictures.flatten(1)).argmin(dim=1, keepdim=True).float()

    def decode(self, z):
        return self.pictures[z[:, 0].round().long()] if hasattr(self, "pictures") else super().decode(z)


class AroundTheCode(InkToRenderer):
    def forward(self, x):
        return x


class Blur(InkToRenderer):
    def decode(self, z):
        return nn.functional.avg_pool2d(super().decode(z), 5, stride=1, padding=2)


class TwoNumbers(InkToRenderer):
    def embed(self, x):
        return super().embed(x).expand(-1, 2)


class Remembers(InkToRenderer):
    """The decoder draws what the encoder saw last."""

    def embed(self, x):
        self.x = x
        return super().embed(x)

    def decode(self, z):
        return self.x


class Hoard(InkToRenderer):
    """Pictures where `parameters()` does not find them."""

    def __init__(self):
        super().__init__()
        self.pictures = [image for image in super().decode(torch.linspace(0.03, 0.47, 100)[:, None])]

    def decode(self, z):
        return torch.stack([self.pictures[int(99 * (i - 0.03) / 0.44)] for i in z[:, 0].clamp(0.03, 0.47)])


class InkInPixels(InkToRenderer):
    """Another unit for the code, a decoder of its own, and a note of the last code that nothing needs."""

    def embed(self, x):
        self.seen = x.flatten(1).sum(dim=1, keepdim=True)
        return self.seen

    def decode(self, z):
        axis = torch.arange(28) + 0.5 - 14.36
        away = torch.hypot(axis, axis[:, None]) - z[:, :, None, None] / (2 * torch.pi * 1.5)
        return (1.25 - away.abs()).clamp(0, 1)


class Crops(InkToRenderer):
    def forward(self, x):
        return super().forward(x)[..., :27]


class FlatCode(InkToRenderer):
    def embed(self, x):
        return super().embed(x)[:, 0]

    def decode(self, z):
        return super().decode(z[:, None])


def dense(hidden, latent_dim=1):
    shape = (1, 28, 28)
    encoder = Encoder(dense_body(shape, hidden), shape, latent_dim)
    return AutoEncoder(encoder, dense_decoder(latent_dim, shape, hidden))


RIGHT = {
    "check_count_by_hand": [
        count_in_a_loop,
        count_with_torch,
        count_with_numpy,
        count_what_torch_would_build,
        count_by_recursion,
    ],
    "check_training_step": [
        step_zero_last,
        step_with_model_zero_grad,
        step_with_autograd,
        step_with_closure,
        step_with_functional_gradients,
        step_image_by_image,
        step_with_gradients_asked_for,
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
    ],
    "check_small_autoencoder": [
        InkToRenderer(),
        LookUp(),
        InkToRenderer().double(),
        InkInPixels(),
        LookUp().requires_grad_(False).eval(),
    ],
}

WRONG = {
    "check_count_by_hand": WRONG_COUNTS,
    "check_training_step": WRONG_STEPS,
    "check_share_unexplained": WRONG_SHARES,
    "check_interpolate": WRONG_PATHS,
    "check_small_autoencoder": [
        ("too_many_parameters", dense(128)),
        ("too_many_parameters", dense(128).requires_grad_(False)),
        ("too_many_parameters", Hoard()),
        ("remembers", Remembers()),
        ("bypass", Crops()),
        ("wide_code", FlatCode()),
        ("wide_code", dense(16, latent_dim=2)),
        ("wide_code", TwoNumbers()),
        ("all_alike", dense(32)),
        ("bypass", AroundTheCode()),
        ("value", InkToRenderer(factor=1.05)),
        ("value", Blur()),
        ("raised", AutoEncoder(nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), nn.Linear(2, 784))),
        ("type", InkToRenderer),
        ("type", lambda x: x),
    ],
}
