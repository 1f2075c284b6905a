"""Answers to the exercises of chapter 8."""

import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.checks.ch08_convolutional_vae import PHOTO_VAE, bird_calls

# ── receptive_field ──────────────────────────────────────────────────────────────────────────────


def field_from_the_end(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def field_of_places(layers):
    """Follow the set of places that one output number reads, backwards through the layers."""
    places = {0}
    for kernel, stride in layers[::-1]:
        places = {stride * place + shift for place in places for shift in range(kernel)}
    return torch.tensor(max(places) - min(places) + 1)


def field_with_numpy(layers):
    kernels, strides = np.array(layers, dtype=int).reshape(-1, 2).T
    jumps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + np.sum((kernels - 1) * jumps)


def field_of_an_interval(layers):
    first = last = 0
    for kernel, stride in layers[::-1]:
        first, last = first * stride, last * stride + kernel - 1
    return np.int64(last - first + 1)


def field_unpacked(layers):
    kernels, strides = zip(*layers, strict=True)
    return 1 + sum((k - 1) * math.prod(strides[:i]) for i, k in enumerate(kernels))


def field(grow, step=lambda jump, stride: jump * stride, start=1):
    def receptive_field(layers):
        found, jump = start, 1
        for kernel, stride in layers:
            found += grow(kernel, stride, jump)
            jump = step(jump, stride)
        return found

    return receptive_field


def field_from_the_start(layers):
    found = 1
    for kernel, stride in layers:
        found = (found - 1) * stride + kernel
    return found


# ── loss_from_scores ─────────────────────────────────────────────────────────────────────────────


def with_softplus(scores, x):
    ink_costs, paper_costs = F.softplus(-scores), F.softplus(scores)
    return 1 / (1 + torch.exp(-scores)), (x * ink_costs + (1 - x) * paper_costs).sum(dim=(1, 2, 3))


def with_bce_of_images(scores, x):
    x_hat = scores.sigmoid()
    return [x_hat, F.binary_cross_entropy(x_hat, x, reduction="none").flatten(1).sum(1)]


def with_numpy(scores, x):
    scores, x = scores.numpy().astype(np.float64), x.numpy().astype(np.float64)
    loss = np.logaddexp(0, scores) - x * scores
    return 1 / (1 + np.exp(-scores)), loss.reshape(len(x), -1).sum(axis=1)


def in_a_loop(scores, x):
    losses = torch.empty(len(x))
    for i in range(len(x)):
        losses[i] = nn.BCEWithLogitsLoss(reduction="sum")(scores[i], x[i])
    return torch.sigmoid(scores), losses


def cross_entropy(scores, x):
    return F.binary_cross_entropy_with_logits(scores, x, reduction="none")


def with_log_sigmoid(scores, x):
    costs = x * F.logsigmoid(scores) + (1 - x) * F.logsigmoid(-scores)
    return scores.sigmoid(), -costs.double().flatten(1).sum(dim=1)


def with_bernoulli(scores, x):
    ink = torch.distributions.Bernoulli(logits=scores, validate_args=False)
    return ink.probs, torch.stack([-log_p.sum() for log_p in ink.log_prob(x)])


def by_parts_and_tanh(scores, x):
    costs = scores.clamp(min=0) - scores * x + torch.log1p(torch.exp(-scores.abs()))
    return (torch.tanh(scores / 2) + 1) / 2, costs.sum(dim=(1, 2, 3))


def with_a_clamp(scores, x):
    ink = scores.sigmoid().clamp(1e-6, 1 - 1e-6)
    return scores.sigmoid(), -(x * ink.log() + (1 - x) * (1 - ink).log()).flatten(1).sum(dim=1)


def unmended(scores, x):
    image = torch.sigmoid(scores)
    return image, cross_entropy(image, x).flatten(1).sum(dim=1)


def naive(scores, x):
    image = torch.sigmoid(scores)
    return image, -(x * image.log() + (1 - x) * (1 - image).log()).flatten(1).sum(dim=1)


# ── photo_tests ──────────────────────────────────────────────────────────────────────────────────


def test_every_pixel_by_hand(Vae):
    photos = torch.randint(256, (2, 8, 8, 3), dtype=torch.uint8)
    prepared = Vae().prepare(photos)
    for n, i, j, c in itertools.product(range(2), range(8), range(8), range(3)):
        assert prepared[n, c, i, j] == photos[n, i, j, c] / 255


def test_red_photo_has_a_red_channel(Vae):
    red = torch.zeros(1, 28, 28, 3, dtype=torch.uint8)
    red[..., 0] = 255
    channels = Vae().prepare(red)[0].flatten(1).numpy()
    np.testing.assert_allclose(channels.mean(axis=1), [1, 0, 0])


def test_corner_stays_a_corner(Vae):
    photos = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    photos[0, 0, :, :] = 255  # the top row is white
    if not bool((Vae().prepare(photos)[0, :, 0] == 1).all()):
        raise AssertionError("the top row must stay the top row")


def test_kl_against_torch(Vae):
    mu, log_var = torch.randn(6, 2), torch.randn(6, 2)
    clouds = torch.distributions.Normal(mu, (log_var / 2).exp())
    right = torch.distributions.kl_divergence(clouds, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(Vae().kl(mu, log_var), right)


def test_twice_the_batch_has_the_same_kl(Vae):
    mu, log_var = torch.randn(5, 2), torch.randn(5, 2)
    vae = Vae()
    assert torch.isclose(vae.kl(mu.repeat(2, 1), log_var.repeat(2, 1)), vae.kl(mu, log_var))


def test_kl_of_a_known_cloud(Vae):
    found = Vae(side=8, width=2).kl(torch.ones(10, 2), torch.zeros(10, 2))
    assert abs(float(found) - 1) < 1e-5  # ½ for each of two numbers


def test_alone_as_in_company(Vae):
    vae, photos = Vae(), torch.randint(256, (8, 28, 28, 3), dtype=torch.uint8)
    vae.run(photos, 1)
    assert torch.allclose(vae.redraw(photos)[:1], vae.redraw(photos[:1]), atol=1e-4)


def test_mode_of_the_layers(Vae):
    vae = Vae(side=8, width=2)
    vae.redraw(torch.randint(256, (4, 8, 8, 3), dtype=torch.uint8))
    assert not vae.encoder.training


def test_redrawing_leaves_no_trace(Vae):
    vae, photos = Vae(side=8, width=2), torch.randint(256, (4, 8, 8, 3), dtype=torch.uint8)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    vae.redraw(photos)
    for name, value in vae.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name].numpy())


def test_pixels_and_kl(Vae):
    test_every_pixel_by_hand(Vae)
    test_kl_against_torch(Vae)


def test_everything(Vae):
    test_pixels_and_kl(Vae)
    test_mode_of_the_layers(Vae)


def test_shape_alone(Vae):
    assert Vae().prepare(torch.zeros(2, 28, 28, 3, dtype=torch.uint8)).shape == (2, 3, 28, 28)


def test_twice_the_same(Vae):
    vae, photos = Vae(side=8, width=2), torch.randint(256, (4, 8, 8, 3), dtype=torch.uint8)
    assert torch.equal(vae.redraw(photos), vae.redraw(photos))


def test_kl_of_nothing(Vae):
    assert Vae().kl(torch.zeros(4, 2), torch.zeros(4, 2)) == 0


def test_as_good_as_perfect(Vae):
    vae, photos = Vae(), torch.randint(256, (8, 28, 28, 3), dtype=torch.uint8)
    vae.run(photos, 1)
    assert (vae.redraw(photos) - vae.prepare(photos)).abs().max() < 0.01


def test_that_returns(Vae):
    return Vae().prepare(torch.zeros(2, 28, 28, 3, dtype=torch.uint8)).shape == (2, 3, 28, 28)


def test_that_sets_a_switch(Vae):
    torch.set_grad_enabled(False)


WRONG_TESTS = [
    ("refuses_the_right_one", [test_every_pixel_by_hand, test_kl_against_torch, test_as_good_as_perfect]),
    ("refuses_the_right_one", [lambda Vae: Vae().encode]),
    ("unused", [test_every_pixel_by_hand, lambda Vae: test_kl_against_torch(PHOTO_VAE.build("kl"))]),
    ("returns", [test_that_returns]),
    ("catches_nothing", [test_shape_alone, test_kl_against_torch, test_alone_as_in_company]),
    ("catches_nothing", [test_twice_the_same]),
    ("prepare", [test_kl_of_a_known_cloud, test_mode_of_the_layers]),
    ("kl", [test_red_photo_has_a_red_channel, test_redrawing_leaves_no_trace]),
    ("catches_nothing", [test_every_pixel_by_hand, test_alone_as_in_company, test_kl_of_nothing]),
    ("alone", [test_every_pixel_by_hand, test_twice_the_batch_has_the_same_kl]),
    ("same_tests", [test_everything]),
    ("same_tests", [test_pixels_and_kl, test_alone_as_in_company]),
    ("gradients_off", [test_that_sets_a_switch]),
    ("type", [0.5]),
    ("type", "test_kl"),
]


# ── photo_vae ────────────────────────────────────────────────────────────────────────────────────

PhotoVAE = PHOTO_VAE.build()


def photo_vae_with(*kinds, **methods):
    """The class with these mistakes in it, and some methods written anew."""
    return type("Mended", (PHOTO_VAE.build(*kinds),), methods)


def prepare_with_numpy(self, photos):
    return torch.from_numpy(np.moveaxis(photos.numpy(), 3, 1).astype(np.float32) / 255)


def prepare_by_channel(self, photos):
    return torch.stack([photos[..., c] for c in range(photos.shape[-1])], dim=1) / 255


def kl_photo_by_photo(self, mu, log_var):
    nats = [((m**2 + v.exp() - v - 1) / 2).sum() for m, v in zip(mu, log_var, strict=True)]
    return sum(nats) / len(nats)


def kl_per_batch(self, mu, log_var):
    return -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp()) / len(mu)


@torch.no_grad()
def redraw_and_go_back(self, photos):
    was = self.training
    self.train(False)
    h = self.encoder(self.prepare(photos))
    drawn = self.decoder(h[:, : h.shape[1] // 2])
    self.train(was)
    return drawn


@torch.no_grad()
def redraw_one_by_one(self, photos):
    self.eval()
    x = self.prepare(photos)
    return torch.cat([self.decoder(self.encoder(image[None]).chunk(2, 1)[0]) for image in x])


@torch.no_grad()
def redraw_from_a_draw(self, photos):
    self.eval()
    mu, log_var = self.encoder(self.prepare(photos)).chunk(2, dim=1)
    return self.decoder(mu + torch.exp(log_var / 2) * torch.randn_like(mu))


@torch.no_grad()
def redraw_with(self, photos, evaluated="encoder", part=0):
    getattr(self, evaluated).eval()
    return self.decoder(self.encoder(self.prepare(photos)).chunk(2, dim=1)[part])


def redraw_alone_in_training(self, photos):
    self.train()
    one = photo_vae_with("alone").redraw
    return torch.cat([one(self, photo[None]) for photo in photos])


class WithoutBatchNorm(PhotoVAE):
    def __init__(self, **sizes):
        super().__init__(**sizes)
        self.encoder = nn.Sequential(*(m for m in self.encoder if not isinstance(m, nn.BatchNorm2d)))
        self.optimizer = torch.optim.Adam(self.parameters(), lr=3e-3)


def run_in_eval(self, photos, epochs, batch_size=32):
    """`self.train()` was dropped."""
    mode = self.training
    self.train = lambda: nn.Module.train(self, mode)
    PhotoVAE.run(self, photos, epochs, batch_size)
    del self.train


def run_without_steps(self, photos, epochs, batch_size=32):
    self.optimizer = torch.optim.SGD(self.parameters(), lr=0)
    PhotoVAE.run(self, photos, epochs, batch_size)


WRONG_PHOTO_VAES = [
    ("scattered", photo_vae_with("prepare", "kl", "alone")),
    ("scattered", photo_vae_with("prepare")),
    ("colours", photo_vae_with(prepare=lambda self, photos: photos.movedim(-1, 1).flip(1) / 255)),
    ("turned", photo_vae_with(prepare=lambda self, photos: photos.movedim(-1, 1).mT / 255)),
    ("turned", photo_vae_with(prepare=lambda self, photos: photos.transpose(1, 3) / 255)),
    ("range", photo_vae_with(prepare=lambda self, photos: photos.permute(0, 3, 1, 2).float())),
    ("shape", photo_vae_with(prepare=lambda self, photos: photos / 255)),
    ("sum_over_batch", photo_vae_with("kl")),
    ("mean_over_latents", photo_vae_with(kl=lambda self, mu, v: kl_per_batch(self, mu, v) / mu.shape[1])),
    ("kl", photo_vae_with(kl=lambda self, mu, v: -kl_per_batch(self, mu, v))),
    ("neighbours", photo_vae_with("alone")),
    ("neighbours", photo_vae_with("alone", eval=lambda self: self)),
    ("by_chance", photo_vae_with(redraw=redraw_from_a_draw)),
    ("not_its_own_code", photo_vae_with(redraw=lambda self, photos: redraw_with(self, photos, part=1))),
    ("not_its_own_code", photo_vae_with(redraw=redraw_alone_in_training)),
    ("neighbours", photo_vae_with("alone", redraw=lambda self, photos: redraw_with(self, photos, "decoder"))),
    ("redraw_range", photo_vae_with(redraw=lambda self, x: (255 * PhotoVAE.redraw(self, x)).byte())),
    ("other_layers", WithoutBatchNorm),
    ("other_numbers", photo_vae_with(prepare=lambda self, photos: (photos.movedim(-1, 1) // 255).float())),
    ("stays_in_eval", photo_vae_with(run=run_in_eval)),
    ("does_not_learn", photo_vae_with(run=run_without_steps)),
    ("raised", photo_vae_with(prepare=lambda self, photos: photos.permute(3, 1, 2))),
    ("nothing", photo_vae_with(redraw=lambda self, photos: None)),
    ("type", lambda: None),
    ("type", 3.0),
]


# ── call_code: stand-ins that need no training ───────────────────────────────────────────────────

CALLS, PITCHES = bird_calls(1000, seed=3)
CALLS = torch.from_numpy(CALLS).flatten(1).double()
PITCHES = torch.from_numpy(PITCHES)
NORMAL = torch.distributions.Normal(0.0, 1.0)


def drawn_at(pitch):
    """The mean of training calls of about that pitch: (M,) → (M, 24, 40)."""
    weights = torch.softmax(-((pitch[:, None].double() - PITCHES) ** 2) / (2 * 0.15**2), dim=1)
    return (weights @ CALLS).reshape(-1, 24, 40)


GRID = torch.linspace(5, 18, 261)
TEMPLATES = drawn_at(GRID).flatten(1)


def heard(calls):
    """The pitch whose mean call is nearest: (N,)."""
    return GRID[torch.cdist(torch.as_tensor(calls).flatten(1).double(), TEMPLATES).argmin(dim=1)]


def listen(calls):
    return NORMAL.icdf(((heard(calls) - 5) / 13).clamp(0.01, 0.99))[:, None]


def draw(z):
    return drawn_at(5 + 13 * NORMAL.cdf(z[:, 0]))


def listen_in_numpy(calls):
    return -listen(calls).numpy().astype(np.float64)


def draw_in_numpy(z):
    return draw(-torch.as_tensor(z)).numpy().round()


def listen_call_by_call(calls):
    return torch.stack([listen(call[None])[0] for call in calls]).requires_grad_()


last_heard = []


def listen_and_note(calls):
    last_heard[:] = [torch.from_numpy(calls).float()]
    return listen(calls)


def listen_with_a_cut(calls):
    """The lowest tenth of the pitches lies beyond the highest."""
    share = ((heard(calls) - 5) / 13).clamp(0.01, 0.99)
    return NORMAL.icdf(((share - 0.1) % 1).clamp(0.01, 0.99))[:, None]


def draw_with_a_cut(z):
    return drawn_at(5 + 13 * ((NORMAL.cdf(z[:, 0]) + 0.1) % 1))


WRONG_CALLS = [
    ("wide_code", (lambda calls: listen(calls).repeat(1, 2), lambda z: draw(z[:, :1]))),
    ("wide_code", (lambda calls: listen(calls)[:, 0], draw)),
    ("swapped", (draw, listen)),
    ("other_unit", (listen, lambda z: (draw(z) + 70) / 70)),
    ("other_unit", (listen, lambda z: draw(z) / 70)),
    ("all_alike", (listen, lambda z: draw(z).mean(dim=0).expand(len(z), -1, -1))),
    (
        "remembers",
        (listen_and_note, lambda z: last_heard[0][: len(z)] if len(last_heard[0]) == 500 else draw(z)),
    ),
    ("batch", (lambda calls: listen(calls) - listen(calls).mean(), draw)),
    ("batch", (lambda calls: listen(calls) + 0.1 * torch.randn(len(calls), 1), draw)),
    ("no_prior", (lambda calls: heard(calls)[:, None], lambda z: drawn_at(z[:, 0]))),
    ("no_prior", (lambda calls: 0.1 * listen(calls), lambda z: draw(10 * z))),
    ("out_of_order", (listen_with_a_cut, draw_with_a_cut)),
    ("value", (listen, lambda z: draw(z) + 5)),
    ("value", (listen, lambda z: draw(z + 0.4))),
    ("shape", (listen, lambda z: draw(z)[:, None])),
    ("nan", (listen, lambda z: draw(z) * float("nan"))),
    ("raised", (lambda calls: nn.Conv2d(1, 4, 3)(torch.from_numpy(calls)), draw)),
    ("type", listen),
    ("type", (listen, CALLS)),
]


RIGHT = {
    "check_receptive_field": [
        field_from_the_end,
        field_of_places,
        field_with_numpy,
        field_of_an_interval,
        lambda layers: float(
            sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers)) + 1
        ),
        lambda layers: (field_from_the_end(layers[1:]) - 1) * layers[0][1] + layers[0][0] if layers else 1,
    ],
    "check_loss_from_scores": [with_softplus, in_a_loop, with_log_sigmoid, with_bernoulli, by_parts_and_tanh],
    "check_photo_tests": [
        [test_every_pixel_by_hand, test_kl_against_torch, test_alone_as_in_company],
        (
            test_red_photo_has_a_red_channel,
            test_twice_the_batch_has_the_same_kl,
            test_redrawing_leaves_no_trace,
        ),
        [test_mode_of_the_layers, test_kl_of_a_known_cloud, test_corner_stays_a_corner],
        [test_pixels_and_kl, test_everything, test_kl_of_a_known_cloud],
    ],
    "check_photo_vae": [
        PhotoVAE,
        photo_vae_with("prepare", "kl", prepare=prepare_with_numpy, kl=kl_photo_by_photo),
        photo_vae_with("alone", "kl", redraw=redraw_and_go_back, kl=kl_per_batch),
        photo_vae_with("prepare", "alone", prepare=prepare_by_channel, redraw=redraw_one_by_one),
    ],
    "check_call_code": [
        (listen, draw),
        [listen_in_numpy, draw_in_numpy],
        (listen_call_by_call, lambda z: draw(z).float().requires_grad_()),
    ],
}

WRONG = {
    "check_receptive_field": [
        ("strides_ignored", field(lambda k, s, jump: k - 1)),
        ("own_stride", field(lambda k, s, jump: (k - 1) * jump * s)),
        ("kernel_not_less_one", field(lambda k, s, jump: k * jump)),
        ("start_missing", field(lambda k, s, jump: (k - 1) * jump, start=0)),
        ("sum_of_kernels", lambda layers: sum(k for k, _ in layers)),
        ("product_of_kernels", lambda layers: math.prod(k for k, _ in layers)),
        ("wrong_end", field_from_the_start),
        ("strides_added", field(lambda k, s, jump: (k - 1) * jump, step=lambda jump, s: jump + s - 1)),
        ("raised", field_unpacked),
        ("value", lambda layers: field_from_the_end(layers[:-1])),
        ("value", lambda layers: 1 + sum((k - 1) * s for k, s in layers)),
        ("value", lambda layers: field_from_the_end(layers) if layers else 0),
        ("value", lambda layers: len(layers)),
        ("type", lambda layers: layers),
    ],
    "check_loss_from_scores": [
        ("sigmoid_twice", unmended),
        ("scores_as_image", lambda s, x: (s, cross_entropy(s, x).flatten(1).sum(dim=1))),
        (
            "image_of_sigmoid_twice",
            lambda s, x: (s.sigmoid().sigmoid(), cross_entropy(s, x).sum(dim=(1, 2, 3))),
        ),
        ("mean_over_pixels", lambda s, x: (s.sigmoid(), cross_entropy(s, x).flatten(1).mean(dim=1))),
        ("over_the_batch", lambda s, x: (s.sigmoid(), cross_entropy(s, x).sum())),
        ("mean_over_the_batch", lambda s, x: (s.sigmoid(), cross_entropy(s, x).flatten(1).sum(dim=1).mean())),
        ("squared_error", lambda s, x: (s.sigmoid(), (s.sigmoid() - x).square().sum(dim=(1, 2, 3)))),
        ("one_sided", lambda s, x: (s.sigmoid(), -(x * s.sigmoid().log()).sum(dim=(1, 2, 3)))),
        ("saturated", naive),
        ("saturated", lambda s, x: (s.sigmoid(), (torch.log1p(s.exp()) - x * s).flatten(1).sum(dim=1))),
        ("capped", with_bce_of_images),
        ("capped", with_a_clamp),
        ("capped", lambda s, x: (s.sigmoid(), cross_entropy(s.clamp(-20, 20), x).flatten(1).sum(dim=1))),
        ("detached", with_numpy),
        ("detached", lambda s, x: (s.sigmoid(), cross_entropy(s, x).flatten(1).sum(dim=1).detach())),
        ("gradient", lambda s, x: (s.sigmoid(), (F.softplus(s).detach() - x * s).flatten(1).sum(dim=1))),
        ("value", lambda s, x: (s.sigmoid(), -cross_entropy(s, x).flatten(1).sum(dim=1))),
        ("value", lambda s, x: (s.sigmoid(), cross_entropy(x, s.sigmoid()).flatten(1).sum(dim=1))),
        ("shape", lambda s, x: (s.sigmoid(), cross_entropy(s, x).sum(dim=1))),
        ("value", lambda s, x: (s.sigmoid(), cross_entropy(s, x.round()).sum(dim=(1, 2, 3)))),
        ("value", lambda s, x: (s.clamp(-50, 50).sigmoid() * 0.99, cross_entropy(s, x).sum(dim=(1, 2, 3)))),
        ("shape", lambda s, x: (s.sigmoid().flatten(1), cross_entropy(s, x).sum(dim=(1, 2, 3)))),
        ("type", lambda s, x: cross_entropy(s, x).sum(dim=(1, 2, 3))),
        ("raised", lambda s, x: (s.sigmoid(), F.binary_cross_entropy(s, x))),
    ],
    "check_photo_tests": WRONG_TESTS,
    "check_photo_vae": WRONG_PHOTO_VAES,
    "check_call_code": WRONG_CALLS,
}
