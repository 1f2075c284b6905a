"""Answers to the project on one's own data."""

import random

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupShuffleSplit
from torch import nn

# ── split_groups ─────────────────────────────────────────────────────────────────────────────────


def split_by_sklearn(groups, share, seed):
    count = len(np.unique(groups))
    outside = min(max(round(share * count), 1), count - 1)
    splitter = GroupShuffleSplit(n_splits=1, test_size=outside, random_state=seed)
    return next(splitter.split(groups, groups=groups))


def split_in_loops(groups, share, seed):
    names = sorted({str(group) for group in groups})
    random.Random(seed).shuffle(names)
    outside = names[: max(1, int(share * len(names)))]
    kept = [i for i, group in enumerate(groups) if group not in outside]
    return kept, [i for i, group in enumerate(groups) if group in outside]


def split_as_masks(groups, share, seed):
    names, number = np.unique(groups, return_inverse=True)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    outside = (order < max(1, round(share * len(names))))[torch.from_numpy(number)]
    return ~outside, outside


def split_by_share_of_items(groups, share, seed):
    drawn = np.random.default_rng(seed).permutation(np.unique(groups))[:-1]
    items = np.cumsum([0] + [(groups == name).sum() for name in drawn])[:-1]
    outside = np.isin(groups, drawn[items < share * len(groups)])
    return np.flatnonzero(~outside), np.flatnonzero(outside)


def split_with_replacement(groups, share, seed):
    names = np.unique(groups)
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    outside = np.isin(groups, np.random.default_rng(seed).choice(names, count))
    return np.flatnonzero(~outside), np.flatnonzero(outside)


def split_by_ceil(groups, share, seed):
    drawn = np.random.default_rng(seed).permutation(np.unique(groups))
    outside = np.isin(groups, drawn[: int(np.ceil(share * len(drawn)))])
    return np.flatnonzero(~outside), np.flatnonzero(outside)


def split_by_floor(groups, share, seed):
    drawn = np.random.default_rng(seed).permutation(np.unique(groups))
    outside = np.isin(groups, drawn[: int(share * len(drawn))])
    return np.flatnonzero(~outside), np.flatnonzero(outside)


def split_by_items(groups, share, seed):
    rows = np.random.default_rng(seed).permutation(len(groups))
    count = round(share * len(groups))
    return rows[count:], rows[:count]


def split_in_another_order(groups, share, seed):
    return split_in_loops(np.random.default_rng(seed).permutation(groups), share, seed)


def split_without_seed(groups, share, seed):
    return split_in_loops(groups, share, random.randrange(10**9))


def split_with_gaps(groups, share, seed):
    kept, held_out = split_in_loops(groups, share, seed)
    return kept[:-1], held_out


def split_with_a_row_twice(groups, share, seed):
    kept, held_out = split_in_loops(groups, share, seed)
    return [*kept, kept[0]], held_out


def names_instead_of_rows(groups, share, seed):
    kept, held_out = split_in_loops(groups, share, seed)
    return groups[kept], groups[held_out]


# ── baselines ────────────────────────────────────────────────────────────────────────────────────


def baselines_by_sklearn(train, held_out, numbers):
    a, b = (x.flatten(1).double().numpy() for x in (train, held_out))
    pca = PCA(numbers, svd_solver="full").fit(a)
    again = pca.inverse_transform(pca.transform(b))
    return ((b - a.mean(axis=0)) ** 2).sum(axis=1).mean(), ((b - again) ** 2).sum(axis=1).mean()


def baselines_by_eigenvectors(train, held_out, numbers):
    x = train.reshape(len(train), -1).double()
    _, vectors = torch.linalg.eigh((x - x.mean(0)).T @ (x - x.mean(0)))
    rest = held_out.reshape(len(held_out), -1).double() - x.mean(0)
    errors = [rest.square().sum(1).mean()]
    for vector in vectors.T.flip(0)[:numbers]:
        rest = rest - (rest @ vector)[:, None] * vector
    return [*errors, rest.square().sum(1).mean()]


def of_other_items(train_of, held_out_of, numbers_of=lambda n: n, scale=lambda x: 1.0):
    def mistaken(train, held_out, numbers):
        found = baselines_by_sklearn(
            train_of(train, held_out), held_out_of(train, held_out), numbers_of(numbers)
        )
        return tuple(error * scale(held_out) for error in found)

    return mistaken


def fitted_on_held_out(train, held_out, numbers):
    return baselines_by_sklearn(held_out, held_out, min(numbers, len(held_out)))


def without_centring(train, held_out, numbers):
    x, y = train.flatten(1).double(), held_out.flatten(1).double()
    v = torch.linalg.svd(x, full_matrices=False).Vh[:numbers]
    return (y - x.mean(0)).square().sum(1).mean(), (y - y @ v.T @ v).square().sum(1).mean()


def as_given(train, held_out):
    return train


def others(train, held_out):
    return held_out


# ── errors: items on a line of pictures, and models that need no training ────────────────────────

RNG = torch.Generator().manual_seed(0)
DIRECTION = torch.rand(1, 3, 4, generator=RNG) * 0.4


def items_along(n, seed, bend=0.3):
    """Items (n, 1, 3, 4) on a bent line: one number describes each, and PCA with one leaves the bend."""
    t = torch.rand(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))
    bent = torch.zeros(1, 3, 4)
    bent[0, 0, 0] = bend
    return 0.1 + t * DIRECTION + (2 * t - 1).square() * bent


class Curve(nn.Module):
    """A model whose code is the place on the line, wrong by `shift`, `size` times over."""

    def __init__(self, shift=0.0, size=1, bend=0.3):
        super().__init__()
        self.shift, self.size, self.bend = shift, size, bend

    def embed(self, x):
        return (x[:, 0, 2, 3] - 0.1).div(DIRECTION[0, 2, 3])[:, None].repeat(1, self.size)

    def decode(self, z):
        t = z[:, :1, None, None] + self.shift
        bent = torch.zeros(1, 3, 4)
        bent[0, 0, 0] = self.bend
        return 0.1 + t * DIRECTION + (2 * t - 1).square() * bent

    def forward(self, x):
        return self.decode(self.embed(x))


class NoisyCurve(Curve):
    """As a VAE: its codes have a spread."""

    def forward(self, x):
        mu = self.embed(x)
        return self.decode(mu + 0.3 * torch.randn_like(mu)), mu, torch.full_like(mu, -2.4)


TRAIN, HELD_OUT = items_along(60, 1), items_along(40, 2)
GROUPS = np.repeat([f"day {i}" for i in range(10)], 4)
TRAIN_GROUPS = np.repeat([f"earlier day {i}" for i in range(10)], 6)


def report(models=None, says=None, beats=None, **changes):
    """A right report; `says` changes its errors, `beats` its verdicts, `changes` its entries."""
    models = models or {"autoencoder": Curve(0.01), "VAE": NoisyCurve(0.03)}
    mean, pca = baselines_by_sklearn(TRAIN, HELD_OUT, 1)
    with torch.no_grad():
        errors = {
            name: (model.decode(model.embed(HELD_OUT)) - HELD_OUT).square().flatten(1).sum(1).mean().item()
            for name, model in models.items()
        }
    return {
        "train": TRAIN,
        "held_out": HELD_OUT,
        "groups": (TRAIN_GROUPS, GROUPS),
        "models": models,
        "errors": {"mean image": mean, "PCA": pca, **errors, **(says or {})},
        "beats_pca": {"autoencoder": True, "VAE": True, **(beats or {})},
        **changes,
    }


def pca_wins():
    """Models without the bend draw worse than PCA, and the report says so."""
    poor = {"autoencoder": Curve(0.2), "VAE": NoisyCurve(0.3)}
    return report(poor, beats={"autoencoder": False, "VAE": False})


def error_with_noise():
    torch.manual_seed(0)
    vae = NoisyCurve(0.03)
    return np.mean([(vae(HELD_OUT)[0] - HELD_OUT).square().sum().item() / 40 for _ in range(200)])


# ── alarm ────────────────────────────────────────────────────────────────────────────────────────


def scores(n, seed, scale=1.0):
    return scale * torch.empty(n).exponential_(generator=torch.Generator().manual_seed(seed))


def alarm(rate=0.05, calibration=None, held_out=None, threshold=None, groups=(200, 200)):
    """A right alarm; `groups` are how many groups calibration and held_out have, or an entry to test."""
    calibration = scores(200, 1) if calibration is None else calibration
    held_out = scores(200, 2) if held_out is None else held_out
    if threshold is None:
        threshold = calibration.sort(descending=True)[0][int(rate * len(calibration))].item()
    if isinstance(groups, tuple) and all(isinstance(count, int) for count in groups):
        groups = tuple(
            [f"{part} {i * count // len(items)}" for i in range(len(items))]
            for part, count, items in zip(
                ("then", "now"), groups, (torch.as_tensor(calibration), held_out), strict=True
            )
        )
    return {
        "rate": rate,
        "threshold": threshold,
        "calibration": calibration,
        "held_out": held_out,
        "groups": groups,
    }


RIGHT = {
    "check_split_groups": [split_by_sklearn, split_in_loops],
    "check_baselines": [baselines_by_sklearn, baselines_by_eigenvectors],
    "check_my_report": [
        report(),
        pca_wins(),
        report(groups=[list(TRAIN_GROUPS), GROUPS.astype(object)], beats={"VAE": np.True_}),
    ],
    "check_my_alarm": [
        alarm(),
        alarm(0.1, threshold=float(np.quantile(scores(200, 1).numpy(), 0.9))),
        alarm(0.1, scores(75, 1), threshold=float(np.quantile(scores(75, 1).numpy(), 0.9)), groups=(75, 200)),
        alarm(calibration=scores(200, 1).numpy(), threshold=float(scores(200, 1).topk(10).values[-1])),
        alarm(held_out=scores(40, 3).repeat_interleave(5), groups=(200, 40)),
    ],
}

WRONG = {
    "check_split_groups": [
        ("leak", split_by_items),
        ("leak", split_in_another_order),
        ("lost", split_with_gaps),
        ("twice", split_with_a_row_twice),
        ("swapped", lambda g, share, seed: split_in_loops(g, share, seed)[::-1]),
        ("wrong_share", lambda g, share, seed: split_in_loops(g, share / 3, seed)),
        ("wrong_share", split_by_share_of_items),
        ("wrong_share", split_with_replacement),
        ("one_side_empty", lambda g, share, seed: (range(len(g)), [])),
        ("one_side_empty", split_by_ceil),
        ("one_side_empty", split_by_floor),
        ("type", split_as_masks),
        ("no_seed", split_without_seed),
        ("never_drawn", lambda g, share, seed: split_in_loops(g, share, 0)),
        ("type", names_instead_of_rows),
        ("type", lambda g, share, seed: split_in_loops(g, share, seed)[0]),
    ],
    "check_baselines": [
        ("per_pixel", of_other_items(as_given, others, scale=lambda x: 1 / x[0].numel())),
        ("summed", of_other_items(as_given, others, scale=len)),
        ("fitted_on_held_out", fitted_on_held_out),
        ("measured_on_train", of_other_items(as_given, as_given)),
        ("not_centred", without_centring),
        ("one_more", of_other_items(as_given, others, lambda n: n + 1)),
        ("swapped", lambda *given: baselines_by_sklearn(*given)[::-1]),
        ("value", lambda *given: [error**0.5 for error in baselines_by_sklearn(*given)]),
        ("type", lambda *given: baselines_by_sklearn(*given)[1]),
    ],
    "check_my_report": [
        ("items_shared", report(train=torch.cat([TRAIN[3:], HELD_OUT[:3]]))),
        ("other_code_sizes", report({"autoencoder": Curve(0.01), "VAE": NoisyCurve(0.03, size=2)})),
        ("per_pixel", report(says={"PCA": report()["errors"]["PCA"] / 12})),
        ("measured_on_train", report(says={"PCA": baselines_by_sklearn(TRAIN, TRAIN, 1)[1]})),
        ("noisy_codes", report(says={"VAE": error_with_noise()})),
        ("not_measured", report(says={"autoencoder": 1.0})),
        ("claims_too_much", report(pca_wins()["models"], beats={"VAE": False})),
        ("claims_too_little", report(beats={"autoencoder": False})),
        ("type", {"errors": {}}),
        ("type", report(models={"autoencoder": Curve(), "VAE": Curve()})),
        ("type", report(groups=GROUPS)),
        ("type", report(groups=(TRAIN_GROUPS, GROUPS[:-1]))),
        ("type", report(groups=(GROUPS, TRAIN_GROUPS))),
        ("type", report(groups=(TRAIN_GROUPS, np.arange(40)))),
        ("value", report(groups=(TRAIN_GROUPS, ["today"] * 40))),
        ("groups_shared", report(groups=(TRAIN_GROUPS, TRAIN_GROUPS[:40]))),
        ("type", [1.0, 2.0]),
        ("nan", report(says={"PCA": float("nan")})),
    ],
    "check_my_alarm": [
        ("no_scores", alarm(calibration=scores(200, 1) > 2, threshold=2.0)),
        ("no_scores", alarm(held_out=(scores(200, 2) > 2).tolist())),
        ("rate_missed", alarm(threshold=0.0)),
        ("rate_missed", alarm(threshold=scores(200, 1).max().item())),
        (
            "set_on_held_out",
            alarm(
                held_out=scores(200, 2, 0.5),
                threshold=scores(200, 2, 0.5).sort(descending=True)[0][10].item(),
            ),
        ),
        (
            "set_on_held_out",  # and as good as right on the calibration part
            alarm(
                held_out=scores(200, 1, 1.0005), threshold=scores(200, 1, 1.0005).topk(11).values[-1].item()
            ),
        ),
        ("same_scores", alarm(held_out=scores(200, 1))),
        ("promise_broken", alarm(held_out=scores(200, 2, 3.0))),
        ("too_quiet", alarm(0.2, held_out=scores(200, 2, 0.2))),
        ("type", {"rate": 0.05}),
        ("type", alarm(groups=400)),
        ("type", alarm(groups=[200, 200])),
        ("type", alarm(groups=(["a", "b"], ["c", "d"]))),
        ("type", alarm(groups=(np.arange(200), np.arange(200)))),
        ("groups_shared", alarm(groups=(["a"] * 200, ["b", "a"] * 100))),
        ("value", alarm(rate=5, threshold=1.0)),
        ("shape", alarm(held_out=scores(200, 2)[:, None])),
    ],
}
