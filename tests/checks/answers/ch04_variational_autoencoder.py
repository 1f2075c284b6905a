"""Answers to the exercises of chapter 4."""

import numpy as np
import torch
from scipy.stats import gaussian_kde
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, NearestNeighbors
from torch.distributions import MultivariateNormal, Normal

from course_lib.checks.ch04_variational_autoencoder import CIRCLE_VAE, step_windows

# ── reconstruct ──────────────────────────────────────────────────────────────────────────────────


@torch.no_grad()
def through_the_heads(model, x):
    return torch.cat([model.decoder(model.encoder.to_mu(model.encoder.body(one[None]))) for one in x])


def detached(model, x):
    mu, _ = model.encode(x)
    return model.decode(mu).detach()


def as_numpy(model, x):
    with torch.inference_mode():
        return model.decode(model.embed(x)).numpy().astype(np.float64)


@torch.no_grad()
def middle_of_forward(model, x):
    return model.decode(model(x)[1])


def back_to_its_mode(model, x):
    mode = model.training
    model.eval()
    z = model.embed(x)
    model.train(mode)
    return model.decoder(z.detach()).clone().detach()


@torch.no_grad()
def without_spread(model, x):
    mu, log_var = model.encode(x)
    return model.decode(model.reparameterize(mu, torch.full_like(log_var, -torch.inf)))


def noise_switched_off(model, x):
    model.reparameterize = lambda mu, log_var: mu
    return in_inference(model, x)


def in_inference(model, x):
    with torch.inference_mode():
        return model(x)[0]


@torch.no_grad()
def spread_unlearned(model, x):
    model.encoder.to_log_var.weight.zero_()
    model.encoder.to_log_var.bias.fill_(-60)
    return model(x)[0]


def in_eval_mode(model, x):
    with torch.no_grad():
        return model.eval()(x)[0]


def average_of_draws(model, x):
    with torch.no_grad():
        return torch.stack([model(x)[0] for _ in range(20)]).mean(dim=0)


def with_a_seed(model, x):
    torch.manual_seed(0)
    return in_eval_mode(model, x)


def from_the_prior(model, x):
    with torch.no_grad():
        return model.decode(torch.zeros(len(x), 2))


# ── draw_codes ───────────────────────────────────────────────────────────────────────────────────


def around_given_ones(codes, n, width=0.06):
    chosen = codes[torch.randint(len(codes), (n,))]
    return chosen + width * codes.std(dim=0) * torch.randn(n, codes.shape[1])


def with_a_mixture(codes, n):
    return GaussianMixture(10, random_state=0).fit(codes.numpy()).sample(n)[0]


def with_kernel_density(codes, n):
    width = 0.06 * float(codes.std(dim=0).mean())
    return KernelDensity(bandwidth=width).fit(codes.double().numpy()).sample(n, random_state=1)


def between_neighbours(codes, n):
    start = torch.randint(len(codes), (n,))
    near = torch.cdist(codes[start], codes).topk(6, largest=False).indices[:, 1:]
    other = near[torch.arange(n), torch.randint(5, (n,))]
    return codes[start] + torch.rand(n, 1) * (codes[other] - codes[start])


def with_scipy(codes, n):
    kernel = gaussian_kde(codes.double().numpy().T, bw_method=0.06)
    return torch.from_numpy(kernel.resample(n).T)


def by_the_nearest_distance(codes, n):
    apart = torch.cdist(codes, codes).fill_diagonal_(torch.inf)
    rows = np.random.default_rng().integers(len(codes), size=n)
    return codes[rows] + apart.amin(dim=1).median() * torch.randn(n, codes.shape[1]) / 1.5


def halfway_to_a_neighbour(codes, n):
    near = NearestNeighbors(n_neighbors=4).fit(codes.numpy()).kneighbors(codes.numpy())[1]
    rows = torch.randint(len(codes), (n,))
    return (codes[rows] + codes[near[rows, torch.randint(1, 4, (n,))]]) / 2


def one_gaussian(codes, n):
    return MultivariateNormal(codes.mean(dim=0), codes.T.cov()).sample((n,))


def each_number_alone(codes, n):
    return torch.stack([column[torch.randint(len(codes), (n,))] for column in codes.T], dim=1)


def one_corner(codes, n):
    first = torch.cdist(codes[:1], codes)[0].argsort()[:150]
    return around_given_ones(codes[first], n)


# ── vae_tests ────────────────────────────────────────────────────────────────────────────────────


def test_clouds_can_be_narrow(Model):
    model = Model(pixels=16)
    model.log_var.bias.data.fill_(-2.0)
    assert model.encode(torch.rand(20, 1, 4, 4))[1].min() < 0


def test_kl_by_torch(Model):
    model, x = Model(pixels=16), torch.rand(5, 1, 4, 4)
    torch.manual_seed(1)
    loss = model.loss(x)
    torch.manual_seed(1)
    x_hat, mu, log_var = model(x)
    clouds = Normal(mu, (log_var / 2).exp())
    kl = torch.distributions.kl_divergence(clouds, Normal(torch.zeros(5, 4), torch.ones(5, 4))).sum() / 5
    torch.testing.assert_close(loss, (x_hat - x.flatten(1)).square().sum() / 5 + kl)


def test_codes_of_the_prior(Model):
    model = Model(pixels=16)
    model.decoder = torch.nn.Identity()
    z = model.generate(5000)
    assert abs(z.mean()) < 0.1
    assert abs(z.std() - 1) < 0.1


def test_some_codes_are_negative(Model):
    seen = []
    model = Model()
    model.decoder.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    model.generate(100)
    assert (seen[0] < 0).any()


def test_head_is_linear(Model):
    model, x = Model(pixels=9), torch.randn(50, 1, 3, 3)
    assert torch.equal(model.encode(x)[1], model.log_var(model.body(x)))


def test_a_nat_costs_one(Model):
    """A cloud that is moved by 2 in one number of four costs 2 more."""
    model, x = Model(pixels=4), torch.zeros(3, 1, 2, 2)
    for layer in (model.mu, model.log_var, model.decoder[-1]):
        layer.weight.data.zero_()
    model.mu.bias.data = torch.tensor([2.0, 0, 0, 0])
    model.log_var.bias.data.zero_()
    of_pixels = model.decoder[-1].bias.square().sum().item()
    assert abs(model.loss(x).item() - of_pixels - 2) < 1e-3


def test_head_and_kl(Model):
    test_clouds_can_be_narrow(Model)
    test_kl_by_torch(Model)


def test_everything(Model):
    test_head_and_kl(Model)
    test_codes_of_the_prior(Model)


def test_of_a_low_loss(Model):
    assert Model(pixels=16).loss(torch.rand(5, 1, 4, 4)) < 0.01


def test_of_shapes(Model):
    assert Model(pixels=16).generate(3).shape == (3, 16)


def test_that_compares(Model):
    return Model(pixels=16).generate(3).shape == (3, 16)


WRONG_TESTS = [
    ("refuses_the_right_one", [test_clouds_can_be_narrow, test_kl_by_torch, test_of_a_low_loss]),
    ("unused", [test_clouds_can_be_narrow, lambda Model: test_kl_by_torch(CIRCLE_VAE.build("loss"))]),
    ("returns", [test_that_compares]),
    ("catches_nothing", [test_clouds_can_be_narrow, test_kl_by_torch, test_of_shapes]),
    ("encode", [test_kl_by_torch, test_codes_of_the_prior]),
    ("loss", [test_clouds_can_be_narrow, test_codes_of_the_prior]),
    ("generate", [test_head_is_linear, test_a_nat_costs_one]),
    ("same_tests", [test_everything, test_everything]),
    ("same_tests", [test_head_and_kl, test_some_codes_are_negative]),
    ("type", {"first": test_kl_by_torch}),
]


# ── circle_vae ───────────────────────────────────────────────────────────────────────────────────


def vae_with(*kinds, **methods):
    """The class with these mistakes in it, and some methods written anew."""
    return type("Mended", (CIRCLE_VAE.build(*kinds),), methods)


def encode_in_one_line(self, x):
    return [head(self.body(x)) for head in (self.mu, self.log_var)]


def loss_with_torch(self, x):
    x_hat, mu, log_var = self(x)
    kl = torch.distributions.kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(0 * mu, 1 + 0 * mu))
    return torch.nn.functional.mse_loss(x_hat, x.flatten(1), reduction="sum") / len(x) + kl.sum() / len(x)


def loss_of_four(self, x):
    x_hat, mu, v = self(x)
    return ((x_hat - x.flatten(1)) ** 2).sum(1).mean() + 2 * (mu**2 + v.exp() - 1 - v).mean()


def draw_with(self, x, sigma):
    mu, log_var = self.encode(x)
    return self.decoder(mu + sigma(log_var) * torch.randn_like(mu)), mu, log_var


def generate_one_by_one(self, n):
    return torch.cat([self.decoder(torch.randn(1, self.latent)) for _ in range(n)]).detach()


def generating(draw):
    return vae_with(generate=lambda self, n: self.decoder(draw(n, self.latent)).detach())


WRONG_VAES = [
    ("narrow_clouds", vae_with("encode", "loss", "generate")),
    ("narrow_clouds", vae_with("encode")),
    ("kl_averaged", vae_with("loss")),
    ("uniform", vae_with("generate")),
    ("uniform", generating(lambda n, d: 2 * torch.rand(n, d) - 1)),
    ("prior", generating(lambda n, d: 2 * torch.randn(n, d))),
    ("not_normal", generating(lambda n, d: 12**0.5 * (torch.rand(n, d) - 0.5))),
    ("four_only", vae_with("loss", loss=loss_of_four)),
    ("spread", vae_with(forward=lambda self, x: draw_with(self, x, lambda v: v.exp()))),
    ("no_noise", vae_with(forward=lambda self, x: draw_with(self, x, lambda v: 0 * v))),
    ("dependent", generating(lambda n, d: torch.randn(n, 1).expand(n, d))),
    ("encode", vae_with(encode=lambda self, x: encode_in_one_line(self, x)[::-1])),
    ("encode", vae_with(encode=lambda self, x: (self.mu(self.body(x)), -self.log_var(self.body(x)).relu()))),
    ("encode", vae_with(encode=lambda self, x: (self.mu(self.body(x)), 2 * self.log_var(self.body(x))))),
    ("batch_summed", vae_with(loss=lambda self, x: loss_with_torch(self, x) * len(x))),
    ("loss", vae_with(loss=lambda self, x: loss_with_torch(self, x) / 16)),
    ("no_gradient", vae_with(loss=lambda self, x: loss_with_torch(self, x).detach())),
    ("does_not_learn", vae_with(train_on=lambda self, x, epochs, batch_size: self.history.extend([1, 1]))),
    ("nothing", vae_with(encode=lambda self, x: None)),
    (
        "raised",
        vae_with(generate=lambda self, n: torch.randn(n, 4) @ torch.ones(3, 1)),
    ),
    ("type", CIRCLE_VAE.build()()),
]


# ── new_windows: stand-ins that need no training ─────────────────────────────────────────────────


def windows_by_recipe(n):
    return torch.from_numpy(step_windows(n, seed=np.random.default_rng().integers(10**9))).float()


def windows_without_noise(n):
    t, (pace, begin, force) = torch.arange(64) / 50, torch.rand(3, n, 1)
    turn = 2 * torch.pi * ((1.6 + 0.6 * pace) * t + begin)
    return 1000 + (100 + 300 * force) * (turn.sin() + 0.5 * (2 * turn + 1).sin())


def windows_in_numpy(n):
    return windows_without_noise(n).double().numpy()


def one_bell(n):
    known = step_windows(2000)
    return np.random.default_rng().multivariate_normal(known.mean(0), np.cov(known.T), n)


def only_some_beginnings(n):
    many = windows_without_noise(4 * n)
    return many[many[:, 0].argsort()[-n:]]


WRONG_WINDOWS = [
    ("other_unit", lambda n: (windows_without_noise(n) - 1000) / 300),
    ("other_unit", lambda n: windows_without_noise(n) - 1000),
    ("other_unit", lambda n: (windows_without_noise(n) - 1000) / 0.3 + 1000),
    ("all_alike", lambda n: 1000 + torch.randn(n, 64)),
    ("copies", lambda n: torch.from_numpy(step_windows(2000))[torch.randint(2000, (n,))].float()),
    ("not_at_home", one_bell),
    ("not_at_home", lambda n: windows_without_noise(n) + 100 * torch.randn(n, 64)),
    ("too_few", only_some_beginnings),
    ("one_code", lambda n: windows_without_noise(1).expand(n, -1)),
    ("one_code", lambda n: windows_without_noise(1) + 20 * torch.randn(n, 64)),
    ("same_each_call", lambda n: torch.full((n, 64), 1000.0)),
    ("same_each_call", lambda n: torch.from_numpy(step_windows(n, seed=77)).float()),
    ("shape", lambda n: windows_without_noise(n)[:, None, None]),
    ("nan", lambda n: windows_without_noise(n) * torch.nan),
    ("type", lambda n: "windows"),
]


RIGHT = {
    "check_vae_tests": [
        [test_clouds_can_be_narrow, test_kl_by_torch, test_codes_of_the_prior],
        (test_head_is_linear, test_a_nat_costs_one, test_some_codes_are_negative),
        [test_everything, test_head_and_kl, test_kl_by_torch],
    ],
    "check_circle_vae": [
        CIRCLE_VAE.build(),
        vae_with("encode", "generate", encode=encode_in_one_line, generate=generate_one_by_one),
        vae_with("loss", loss=loss_with_torch),
    ],
    "check_new_windows": [
        windows_by_recipe,
        windows_without_noise,
        windows_in_numpy,
        lambda n: step_windows(n, seed=np.random.default_rng().integers(10**9)),
    ],
    "check_reconstruct": [
        through_the_heads,
        detached,
        as_numpy,
        middle_of_forward,
        back_to_its_mode,
        without_spread,
        lambda model, x: detached(model.eval(), x),
    ],
    "check_draw_codes": [
        around_given_ones,
        with_a_mixture,
        with_kernel_density,
        between_neighbours,
        with_scipy,
        by_the_nearest_distance,
        halfway_to_a_neighbour,
    ],
}

WRONG = {
    "check_vae_tests": WRONG_TESTS,
    "check_circle_vae": WRONG_VAES,
    "check_new_windows": WRONG_WINDOWS,
    "check_reconstruct": [
        ("sampling", in_eval_mode),
        ("sampling", average_of_draws),
        ("sampling", lambda model, x: model.decode(model.reparameterize(*model.encode(x))).detach()),
        ("fixed_noise", with_a_seed),
        ("fixed_noise", lambda model, x: with_a_seed(model.train(), x)),
        ("noise_removed", noise_switched_off),
        ("model_changed", spread_unlearned),
        ("model_frozen", lambda model, x: detached(model.requires_grad_(False), x)),
        ("one_for_all", lambda model, x: model.decode(model.embed(x).mean(0).expand(len(x), -1)).detach()),
        ("value", lambda model, x: detached(model, detached(model, x))),
        ("value", lambda model, x: detached(model, x).clamp(0, 1)),
        ("decoded_log_var", lambda model, x: model.decode(model.encode(x)[1])),
        ("codes_returned", lambda model, x: model.embed(x)),
        ("prior", from_the_prior),
        ("gradient", lambda model, x: model.decode(model.embed(x))),
        ("shape", lambda model, x: detached(model, x)[:, 0]),
        ("value", lambda model, x: detached(model, x).sigmoid()),
        ("type", lambda model, x: (detached(model, x), None)),
    ],
    "check_draw_codes": [
        ("prior", lambda codes, n: torch.randn(n, codes.shape[1])),
        ("independent", each_number_alone),
        ("independent", lambda codes, n: codes.mean(0) + codes.std(0) * torch.randn(n, codes.shape[1])),
        ("seed_fixed", lambda codes, n: [torch.manual_seed(0), around_given_ones(codes, n)][1]),
        (
            "too_wide",
            lambda codes, n: torch.lerp(*(codes[torch.randint(len(codes), (2, n))]), torch.rand(n, 1)),
        ),
        (
            "too_wide",
            lambda codes, n: torch.lerp(codes.amin(0), codes.amax(0), torch.rand(n, codes.shape[1])),
        ),
        ("shape", lambda codes, n: around_given_ones(codes[torch.randperm(len(codes))[:n]], len(codes))),
        ("shape", lambda codes, n: codes[torch.randperm(len(codes))[:n]] + 0.01),
        ("one_gaussian", one_gaussian),
        ("copies", lambda codes, n: codes[torch.randint(len(codes), (n,))]),
        ("copies", lambda codes, n: around_given_ones(codes, n, width=1e-4)),
        ("too_few", one_corner),
        ("too_wide", lambda codes, n: around_given_ones(codes, n, width=0.4)),
        ("shape", lambda codes, n: around_given_ones(codes, n).T),
    ],
}
