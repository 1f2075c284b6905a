"""Answers to the exercises of chapter 10."""

import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, median_filter
from sklearn.decomposition import PCA, sparse_encode
from torch.nn import functional as F

from course_lib.checks.ch10_sparse_and_denoising import SCAN_CLEANER

# ── ista_step ────────────────────────────────────────────────────────────────────────────────────


def ista_with_softshrink(z, x, atoms, price, step):
    return F.softshrink(z + step * (x - z @ atoms) @ atoms.T, step * price)


def ista_in_loops(z, x, atoms, price, step):
    new = torch.zeros(z.shape, dtype=torch.float64)
    for b in range(len(z)):
        left = [
            float(x[b, p] - sum(z[b, k] * atoms[k, p] for k in range(len(atoms)))) for p in range(x.shape[1])
        ]
        for k in range(len(atoms)):
            moved = float(z[b, k]) + step * sum(float(atoms[k, p]) * left[p] for p in range(x.shape[1]))
            if abs(moved) > step * price:
                new[b, k] = moved - math.copysign(step * price, moved)
    return new


def ista_with_numpy(z, x, atoms, price, step):
    z, x, atoms = (t.numpy().astype(float) for t in (z, x, atoms))
    moved = z - step * (z @ atoms @ atoms.T - x @ atoms.T)
    return np.maximum(moved - step * price, 0) + np.minimum(moved + step * price, 0)


def ista_by_autograd(z, x, atoms, price, step):
    z = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(((x - z @ atoms) ** 2).sum() / 2, z)
    moved, short = (z - step * slope).detach(), step * price
    return torch.where(moved > short, moved - short, torch.where(moved < -short, moved + short, 0.0))


def ista_by_vmap(z, x, atoms, price, step):
    slope = torch.func.grad(lambda z, x: 0.5 * (x - z @ atoms).square().sum())
    moved = z - step * torch.func.vmap(slope)(z, x)
    return F.relu(moved - step * price) - F.relu(-moved - step * price)


def ista_by_a_factor(z, x, atoms, price, step):
    moved = z - step * torch.einsum("bp,kp->bk", torch.einsum("bk,kp->bp", z, atoms) - x, atoms)
    return moved * (1 - step * price / moved.abs().clamp(min=1e-30)).clamp(min=0)


def moved_by(z, x, atoms, step):
    return z + step * (x - z @ atoms) @ atoms.T


def shorten(m, t):
    return m.sign() * (m.abs() - t).clamp(min=0)


# ── scan_tests ───────────────────────────────────────────────────────────────────────────────────


def test_atoms_have_length_one(Cleaner):
    lengths = Cleaner(pixels=9, atoms=4).unit_atoms().norm(dim=0)
    assert torch.allclose(lengths, torch.ones(4), atol=1e-5)


def test_atoms_keep_their_direction(Cleaner):
    cleaner = Cleaner(pixels=12, atoms=3)
    a = cleaner.atoms.detach().numpy()
    np.testing.assert_allclose(cleaner.unit_atoms().detach(), a / np.linalg.norm(a, axis=0), rtol=1e-4)


def test_one_in_the_code_draws_length_one(Cleaner):
    cleaner = Cleaner(pixels=20, atoms=5)
    for code in torch.eye(5):
        if not torch.isclose(
            (cleaner.decode(code[None]) - cleaner.bias).norm(), torch.tensor(1.0), atol=1e-4
        ):
            raise AssertionError("a small code must mean a small picture")


def test_blank_sheet(Cleaner):
    """No number in use: what is drawn is blank, and the error is the clean scan itself."""
    cleaner = Cleaner(pixels=25, atoms=5, noise=3.0)
    torch.nn.init.zeros_(cleaner.encoder.weight)
    torch.nn.init.constant_(cleaner.encoder.bias, -1)
    x = torch.rand(8, 25)
    assert torch.isclose(cleaner.loss(x), x.square().sum(1).mean(), rtol=1e-4)


def test_target_with_another_noise(Cleaner):
    cleaner, x = Cleaner(pixels=16, price=0.0), torch.rand(10, 16)
    cleaner.spoil = lambda x: x + 100
    with torch.no_grad():
        right = (cleaner.decode(cleaner.encode(x + 100)) - x).square().sum(dim=1).mean()
        assert torch.isclose(cleaner.loss(x), right, rtol=1e-4)


def test_noise_is_not_drawn(Cleaner):
    torch.manual_seed(5)
    cleaner, clean = Cleaner(pixels=10, atoms=40, noise=1.0, price=0.0), torch.zeros(300, 10)
    cleaner.learn(clean, epochs=15)
    noise = torch.randn(200, 10)
    assert cleaner.clean(noise).square().sum() < 0.5 * noise.square().sum()


def test_in_use_by_hand(Cleaner):
    cleaner = Cleaner(pixels=2, atoms=2)
    with torch.no_grad():
        cleaner.encoder.weight.copy_(torch.eye(2))
        cleaner.encoder.bias.zero_()
    assert cleaner.in_use(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])) == 1


def test_in_use_of_the_same_twice(Cleaner):
    cleaner, x = Cleaner(pixels=30), torch.randn(50, 30)
    found = np.mean([cleaner.in_use(one[None]) for one in x])
    np.testing.assert_allclose(cleaner.in_use(x), found, rtol=1e-5)


def test_at_most_as_many_as_there_are(Cleaner):
    assert Cleaner().in_use(torch.rand(20, 400)) <= 64


def test_the_dearer_the_fewer(Cleaner):
    cleaner = Cleaner(pixels=8)
    assert cleaner.in_use(torch.rand(4, 8)) == 0


def test_atoms_and_target(Cleaner):
    test_atoms_have_length_one(Cleaner)
    test_blank_sheet(Cleaner)


def test_everything(Cleaner):
    test_atoms_and_target(Cleaner)
    test_in_use_by_hand(Cleaner)


def test_that_returns(Cleaner):
    return Cleaner().unit_atoms().shape


def test_that_sets_a_switch(Cleaner):
    torch.set_grad_enabled(False)


WRONG_TESTS = [
    ("refuses_the_right_one", [test_atoms_have_length_one, test_blank_sheet, test_the_dearer_the_fewer]),
    ("refuses_the_right_one", [lambda Cleaner: Cleaner().codes]),
    ("unused", [test_blank_sheet, lambda Cleaner: test_in_use_by_hand(SCAN_CLEANER.build("in_use"))]),
    ("returns", [test_that_returns]),
    ("catches_nothing", [test_at_most_as_many_as_there_are, test_blank_sheet]),
    ("unit_atoms", [test_blank_sheet, test_in_use_by_hand]),
    ("loss", [test_atoms_have_length_one, test_in_use_of_the_same_twice]),
    ("in_use", [test_one_in_the_code_draws_length_one, test_target_with_another_noise]),
    ("same_tests", [test_everything]),
    ("same_tests", [test_atoms_and_target, test_in_use_by_hand]),
    ("gradients_off", [test_that_sets_a_switch]),
    ("type", [0.5]),
    ("type", "test_atoms"),
]


# ── scan_cleaner ─────────────────────────────────────────────────────────────────────────────────

ScanCleaner = SCAN_CLEANER.build()


def scan_cleaner_with(*kinds, **methods):
    """The class with some of the script's mistakes, and other methods in their place."""
    return type("Mended", (SCAN_CLEANER.build(*kinds),), methods)


def atoms_by_norm(self):
    return self.atoms / self.atoms.pow(2).sum(dim=0, keepdim=True).sqrt()


def atoms_turned(self):
    return F.normalize(self.atoms.T, dim=-1).T


def loss_scan_by_scan(self, x):
    costs = []
    for clean, noisy in zip(x, self.spoil(x), strict=True):
        z = self.encode(noisy[None])
        costs.append(torch.dist(self.decode(z)[0], clean) ** 2 + self.price * z.norm(p=1))
    return torch.stack(costs).mean()


def loss_by_torch(self, x):
    z = self.encode(x + self.noise * torch.randn(x.shape))
    return (F.mse_loss(self.decode(z), x, reduction="sum") + self.price * z.sum()) / len(x)


def in_use_by_count(self, x):
    return torch.count_nonzero(self.encode(x).detach()).item() / len(x)


def in_use_in_numpy(self, x):
    return (self.encode(x).detach().numpy() > 0).sum(axis=1).mean()


def loss_of_noisy(self, x):
    noisy = self.spoil(x)
    z = self.encode(noisy)
    return ((self.decode(z) - noisy).square().sum(dim=1) + self.price * z.sum(dim=1)).mean()


def loss_of_other_noise(self, x):
    z = self.encode(self.spoil(x))
    return ((self.decode(z) - self.spoil(x)).square().sum(dim=1) + self.price * z.sum(dim=1)).mean()


def loss_of_clean(self, x):
    z = self.encode(x)
    return ((self.decode(z) - x).square().sum(dim=1) + self.price * z.sum(dim=1)).mean()


def learn_without_steps(self, scans, epochs=20, batch_size=25):
    self.history = [10.0] * epochs


WRONG_SCAN_CLEANERS = [
    ("rows", scan_cleaner_with("unit_atoms", "loss", "in_use")),
    ("rows", scan_cleaner_with("unit_atoms")),
    ("lengths", scan_cleaner_with(unit_atoms=lambda self: self.atoms)),
    (
        "lengths",
        scan_cleaner_with(unit_atoms=lambda self: F.normalize(self.atoms.flatten(), dim=0).view(30, 8)),
    ),
    ("shape", scan_cleaner_with(unit_atoms=lambda self: F.normalize(self.atoms, dim=0).T)),
    ("noisy_target", scan_cleaner_with("loss")),
    ("noisy_target", scan_cleaner_with(loss=loss_of_noisy)),
    ("noisy_target", scan_cleaner_with(loss=loss_of_other_noise)),
    ("clean_in", scan_cleaner_with(loss=loss_of_clean)),
    (
        "price_of_clean",
        scan_cleaner_with(
            loss=lambda self, x: (
                (self.decode(self.encode(self.spoil(x))) - x).square().sum(1)
                + self.price * self.encode(x).sum(1)
            ).mean()
        ),
    ),
    ("loss", scan_cleaner_with(loss=lambda self, x: loss_by_torch(self, x) / 30)),
    ("loss", scan_cleaner_with(loss=lambda self, x: F.mse_loss(self.decode(self.encode(self.spoil(x))), x))),
    ("used_by_any", scan_cleaner_with("in_use")),
    ("share", scan_cleaner_with(in_use=lambda self, x: (self.encode(x) > 0).float().mean().item())),
    ("in_use", scan_cleaner_with(in_use=lambda self, x: (self.encode(x) > 0).sum().item())),
    ("in_use", scan_cleaner_with(in_use=lambda self, x: (self.encode(x) == 0).sum(dim=1).float().mean())),
    ("by_chance", scan_cleaner_with(clean=lambda self, x: ScanCleaner.clean(self, self.spoil(x)))),
    ("clean", scan_cleaner_with(clean=lambda self, x: ScanCleaner.clean(self, x) - self.bias + 1)),
    ("does_not_learn", scan_cleaner_with(learn=learn_without_steps)),
    ("untouched", scan_cleaner_with(unit_atoms=lambda self: F.normalize(self.atoms.detach(), dim=0))),
    ("raised", scan_cleaner_with(loss=lambda self, x: self.decode(x))),
    ("nothing", scan_cleaner_with(clean=lambda self, x: None)),
    ("type", ScanCleaner()),
    ("type", 3.0),
]


# ── remove_noise ─────────────────────────────────────────────────────────────────────────────────


def by_wiener_along_axes(noisy, examples, sigma):
    """Along each principal axis, keep the share of the variance that is no noise."""
    flat = examples.flatten(1).numpy().astype(float)
    mean = flat.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(flat.T))
    keep = variances.clip(0) / (variances.clip(0) + sigma**2)
    codes = (noisy.flatten(1).numpy() - mean) @ axes
    return (mean + (keep * codes) @ axes.T).reshape(noisy.shape)


def by_likely_examples(noisy, examples, sigma):
    """The mean of the examples, each weighted by how likely the noisy image is if it is the truth."""
    flat = examples.flatten(1)
    distance = torch.cdist(noisy.flatten(1), flat).square()
    return (torch.softmax(-distance / (2 * sigma**2), dim=1) @ flat).view_as(noisy)


def by_five_nearest(noisy, examples, sigma):
    flat = examples.flatten(1)
    nearest = torch.cdist(noisy.flatten(1), flat).topk(5, largest=False).indices
    return flat[nearest].mean(dim=1).view_as(noisy)


def by_sixty_components(noisy, examples, sigma):
    pca = PCA(60, svd_solver="full").fit(examples.flatten(1).numpy())
    variance = pca.explained_variance_
    codes = pca.transform(noisy.flatten(1).numpy()) * (variance / (variance + sigma**2))
    return pca.inverse_transform(codes).reshape(noisy.shape)


def by_svd_in_double(noisy, examples, sigma):
    flat = examples.flatten(1).double()
    _, lengths, axes = torch.linalg.svd(flat - flat.mean(dim=0), full_matrices=False)
    variance = lengths**2 / (len(flat) - 1)
    codes = (noisy.flatten(1).double() - flat.mean(dim=0)) @ axes.T
    return (codes * variance / (variance + sigma**2) @ axes + flat.mean(dim=0)).view_as(noisy).float()


def by_solving_for_each(noisy, examples, sigma):
    """The same filter with the inverse in the space of the examples."""
    flat = examples.flatten(1).double()
    mean = flat.mean(dim=0)
    centred = (flat - mean) / math.sqrt(len(flat))
    inner = centred @ centred.T + sigma**2 * torch.eye(len(flat), dtype=torch.float64)
    share = torch.linalg.solve(inner, centred @ (noisy.double().flatten(1) - mean).T)
    return (mean + share.T @ centred).reshape(noisy.shape)


def along_the_pixels(noisy, examples, sigma):
    variance, mean = examples.var(dim=0), examples.mean(dim=0)
    return mean + (noisy - mean) * variance / (variance + sigma**2)


def wiener(noisy, examples, sigma):
    flat = examples.flatten(1)
    centred = flat - flat.mean(dim=0)
    covariance = centred.T @ centred / len(flat)
    keep = torch.linalg.solve(covariance + sigma**2 * torch.eye(784), covariance)
    return flat.mean(dim=0) + (noisy.flatten(1) - flat.mean(dim=0)) @ keep


def in_shape(function):
    return lambda noisy, examples, sigma: function(noisy, examples, sigma).reshape(noisy.shape)


def by_axes(count):
    def denoise(noisy, examples, sigma):
        mean = examples.mean(dim=0).flatten()
        axes = torch.linalg.svd((examples.flatten(1) - mean).double(), full_matrices=False).Vh[:count].T
        return (mean + (noisy.flatten(1) - mean) @ axes.float() @ axes.float().T).reshape(noisy.shape)

    return denoise


def median_of_three(noisy, examples, sigma):
    return median_filter(noisy.numpy(), size=(1, 1, 3, 3))


def blurred(noisy, examples, sigma):
    return gaussian_filter(noisy.numpy(), sigma=(0, 0, 1.2, 1.2))


# ── sound_code: stand-ins that need no training ──────────────────────────────────────────────────

TIME = np.arange(160)
KNOCKS = np.stack(
    [
        np.sin(2 * np.pi * TIME / period) * np.exp(-TIME / fade)
        for period, fade in zip(np.geomspace(4, 40, 12), [15, 40, 25] * 4, strict=True)
    ]
)
LENGTHS = np.linalg.norm(KNOCKS, axis=1, keepdims=True)
ATOMS = KNOCKS / LENGTHS


def pursued(sounds, numbers=3):
    """The code by matching pursuit, at most three atoms a recording."""
    return sparse_encode(np.asarray(sounds, float), ATOMS, algorithm="omp", n_nonzero_coefs=numbers)


def played(z):
    return np.asarray(z) @ ATOMS


def hear_in_torch(sounds):
    return torch.from_numpy(pursued(sounds)).float() / 1000


def play_in_torch(z):
    return z.float() @ torch.from_numpy(ATOMS).float() * 1000


def hear_with_a_price(sounds):
    """The two moves of 10.2, a hundred times, then only those above a threshold."""
    x, z = torch.from_numpy(np.asarray(sounds, dtype=np.float32)), torch.zeros(len(sounds), 12)
    atoms = torch.from_numpy(ATOMS).float()
    step = 1 / torch.linalg.eigvalsh(atoms @ atoms.T)[-1]
    for _ in range(300):
        z = F.softshrink(z - step * (z @ atoms - x) @ atoms.T, (step * 600).item())
    return z.requires_grad_()


def play_with_a_gradient(z):
    return torch.as_tensor(z).float() @ torch.from_numpy(ATOMS).float().requires_grad_()


def hear_by_thirds(sounds):
    """The three largest of least squares, which are fitted again."""
    z = np.linalg.lstsq(ATOMS.T, np.asarray(sounds, float).T, rcond=None)[0].T
    cut = np.sort(abs(z), axis=1)[:, [-3]]
    return np.where(abs(z) >= cut, z, 0)


last_heard = []


def hear_and_note(sounds):
    last_heard[:] = [torch.from_numpy(sounds).double()]
    return pursued(sounds)


def play_what_was_heard(z):
    return last_heard[0] if len(last_heard[0]) == len(z) else played(z)


WRONG_SOUNDS = [
    ("swapped", (played, pursued)),
    ("other_unit", (hear_in_torch, lambda z: play_in_torch(z) / 3000)),
    ("other_unit", (pursued, lambda z: played(z) * 1000)),
    ("silent", (lambda sounds: torch.zeros(len(sounds), 12), played)),
    ("nearly_zero", (lambda sounds: pursued(sounds) + 0.01, played)),
    ("dense", (lambda sounds: np.asarray(sounds, float) @ np.linalg.pinv(ATOMS), played)),
    ("dense", (lambda sounds: pursued(sounds, 4), played)),
    ("batch", (lambda sounds: pursued(sounds / sounds.std(axis=0)), played)),
    ("batch", (lambda sounds: pursued(sounds) * np.asarray(torch.rand(len(sounds), 1) + 0.5), played)),
    ("remembers", (hear_and_note, play_what_was_heard)),
    ("value", (lambda sounds: pursued(sounds, 1), played)),
    ("value", (lambda sounds: pursued(sounds).clip(max=4000), played)),
    ("shape", (lambda sounds: pursued(sounds)[:40], played)),
    ("shape", (pursued, lambda z: played(z)[:, :80])),
    ("nan", (lambda sounds: pursued(sounds) * np.nan, played)),
    ("raised", (lambda sounds: torch.from_numpy(sounds) @ torch.from_numpy(ATOMS).float().T, played)),
    ("type", pursued),
    ("type", (pursued, ATOMS)),
]


RIGHT = {
    "check_ista_step": [
        ista_with_softshrink,
        ista_in_loops,
        ista_with_numpy,
        ista_by_autograd,
        ista_by_vmap,
        ista_by_a_factor,
    ],
    "check_scan_tests": [
        [test_atoms_have_length_one, test_blank_sheet, test_in_use_by_hand],
        (
            test_one_in_the_code_draws_length_one,
            test_target_with_another_noise,
            test_in_use_of_the_same_twice,
        ),
        [test_atoms_keep_their_direction, test_noise_is_not_drawn, test_in_use_by_hand],
        [test_everything, test_atoms_and_target, test_blank_sheet],
    ],
    "check_scan_cleaner": [
        ScanCleaner,
        scan_cleaner_with("unit_atoms", "loss", unit_atoms=atoms_by_norm, loss=loss_scan_by_scan),
        scan_cleaner_with("loss", "in_use", loss=loss_by_torch, in_use=in_use_by_count),
        scan_cleaner_with("unit_atoms", "in_use", unit_atoms=atoms_turned, in_use=in_use_in_numpy),
    ],
    "check_remove_noise": [
        by_wiener_along_axes,
        by_likely_examples,
        by_five_nearest,
        by_sixty_components,
        by_svd_in_double,
        by_solving_for_each,
    ],
    "check_sound_code": [
        (pursued, played),
        [hear_in_torch, play_in_torch],
        (hear_with_a_price, play_with_a_gradient),
        (hear_by_thirds, played),
    ],
}

WRONG = {
    "check_ista_step": [
        ("threshold_without_step", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), price)),
        ("hard", lambda z, x, a, price, s: F.hardshrink(moved_by(z, x, a, s), s * price)),
        ("positive_only", lambda z, x, a, price, s: F.relu(moved_by(z, x, a, s) - s * price)),
        ("sign_lost", lambda z, x, a, price, s: F.relu(moved_by(z, x, a, s).abs() - s * price)),
        ("no_threshold", lambda z, x, a, price, s: moved_by(z, x, a, s)),
        ("subgradient", lambda z, x, a, price, s: z - s * ((z @ a - x) @ a.T + price * z.sign())),
        (
            "past_zero",
            lambda z, x, a, price, s: moved_by(z, x, a, s) - s * price * moved_by(z, x, a, s).sign(),
        ),
        ("shrunk_by_a_factor", lambda z, x, a, price, s: moved_by(z, x, a, s) / (1 + s * price)),
        ("uphill", lambda z, x, a, price, s: shorten(z - s * (x - z @ a) @ a.T, s * price)),
        ("threshold_first", lambda z, x, a, price, s: shorten(z, s * price) + s * (x - z @ a) @ a.T),
        ("moves_swapped", lambda z, x, a, price, s: moved_by(shorten(z, s * price), x, a, s)),
        ("step_forgotten", lambda z, x, a, price, s: shorten(z + (x - z @ a) @ a.T, s * price)),
        ("twice", lambda z, x, a, price, s: shorten(shorten(moved_by(z, x, a, s), s * price), s * price)),
        ("slope_doubled", lambda z, x, a, price, s: shorten(moved_by(z, x, a, 2 * s), s * price)),
        ("averaged_over_batch", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s / len(x)), s * price)),
        ("from_nothing", lambda z, x, a, price, s: shorten(s * x @ a.T, s * price)),
        ("price_divided", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), price / s if price else 0)),
        (
            "sign_of_z",
            lambda z, x, a, price, s: z.sign() * F.relu(moved_by(z, x, a, s).abs() - s * price),
        ),
        ("value", lambda z, x, a, price, s: moved_by(z, x, a, s) - s * price * z),
        ("value", lambda z, x, a, price, s: moved_by(z, x, a, s).clamp(-s * price, s * price)),
        ("value", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s / len(a)), s * price)),
        ("changed_input", lambda z, x, a, price, s: shorten(z.add_(s * (x - z @ a) @ a.T), s * price)),
        ("shape", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), s * price).squeeze(0)),
        ("shape", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), s * price).T),
        ("value", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), s * price) + 0.1),
    ],
    "check_scan_tests": WRONG_TESTS,
    "check_scan_cleaner": WRONG_SCAN_CLEANERS,
    "check_remove_noise": [
        ("left_alone", lambda noisy, examples, sigma: noisy),
        (
            "ignores_the_image",
            lambda noisy, examples, sigma: examples.mean(dim=0, keepdim=True).repeat(len(noisy), 1, 1, 1),
        ),
        (
            "mean_lost",
            lambda noisy, examples, sigma: (
                wiener(noisy, examples, sigma).reshape(noisy.shape) - examples.mean(dim=0)
            ),
        ),
        ("worse_than_the_filter", median_of_three),
        ("worse_than_the_filter", blurred),
        ("little_noise", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, 1.0))),
        ("much_noise", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, 0.2))),
        ("sigma_for_variance", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, sigma**0.5))),
        ("not_there_yet", by_axes(14)),
        ("worse_than_the_filter", by_axes(4)),
        ("little_noise", by_axes(8)),
        ("much_noise", by_axes(30)),
        ("little_noise", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, 0.4))),
        ("worse_than_the_filter", lambda noisy, examples, sigma: (noisy > 0.5).float()),
        ("worse_than_the_filter", lambda noisy, examples, sigma: noisy / (1 + sigma**2)),
        ("worse_than_the_filter", lambda noisy, examples, sigma: examples[: len(noisy)]),
        ("not_there_yet", along_the_pixels),
        ("shape", lambda noisy, examples, sigma: by_five_nearest(noisy, examples, sigma).squeeze(0)),
        ("shape", wiener),
    ],
    "check_sound_code": WRONG_SOUNDS,
}
