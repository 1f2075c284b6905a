"""Answers to the exercises of chapter 9."""

import copy
import functools
import math
from collections import Counter

import numpy as np
import torch
from scipy import spatial, stats
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor
from torch.distributions import Normal

from course_lib import data

# ── share_of_map ─────────────────────────────────────────────────────────────────────────────────


def share_by_a_set(codes, n):
    used = set()
    for a, b in codes.tolist():
        used.add(tuple(min(int(n * stats.norm.cdf(v)), n - 1) for v in (a, b)))
    return len(used) / (n * n)


def share_by_histogram(codes, n):
    edges = stats.norm.ppf(np.linspace(0, 1, n + 1))
    edges[0], edges[-1] = -1e9, 1e9
    counts, _, _ = np.histogram2d(codes[:, 0].numpy(), codes[:, 1].numpy(), bins=[edges, edges])
    return (counts > 0).mean()


def share_by_bucketize(codes, n):
    edges = Normal(0.0, 1.0).icdf(torch.arange(1, n) / n)
    column, row = (
        torch.bucketize(codes[:, 0].contiguous(), edges),
        torch.bucketize(codes[:, 1].contiguous(), edges),
    )
    return torch.zeros(n, n).index_put((row, column), torch.tensor(1.0)).mean()


def share_with_ndtr(codes, n):
    place = (torch.special.ndtr(codes.double()) * n).long().clamp(0, n - 1)
    board = torch.zeros(n * n, dtype=torch.bool)
    board[place[:, 0] * n + place[:, 1]] = True
    return board.float().mean().item()


def share_with_erf(codes, n):
    unit = 0.5 * (1 + torch.erf(codes / 2**0.5))
    return len({tuple(min(int(v * n), n - 1) for v in code) for code in unit.tolist()}) / n / n


def share_by_searching(codes, n):
    borders = stats.norm.ppf(np.arange(1, n) / n)
    cells = np.stack([np.searchsorted(borders, axis, side="right") for axis in codes.numpy().T], axis=1)
    return np.float32(len(np.unique(cells, axis=0)) / n**2)


def cells_of(codes, n, to_unit=None):
    unit = Normal(0.0, 1.0).cdf(codes) if to_unit is None else to_unit(codes)
    return (n * unit).floor().clamp(0, n - 1)


def cells_used(codes, n, to_unit=None):
    return len(torch.unique(cells_of(codes, n, to_unit), dim=0))


def share_without_clamp(codes, n):
    return len(torch.unique((n * Normal(0.0, 1.0).cdf(codes)).floor(), dim=0)) / n**2


def share_on_a_board(codes, n):
    column, row = (n * Normal(0.0, 1.0).cdf(codes)).long().T
    board = torch.zeros(n, n)
    board[row, column] = 1
    return board.mean()


def share_by_quantiles(codes, n):
    inner = torch.arange(1, n) / n
    cells = [torch.bucketize(axis.contiguous(), axis.quantile(inner)) for axis in codes.T]
    return len(torch.unique(torch.stack(cells, dim=1), dim=0)) / n**2


def share_standardised(codes, n):
    return cells_used((codes - codes.mean(dim=0)) / codes.std(dim=0), n) / n**2


# ── vote ─────────────────────────────────────────────────────────────────────────────────────────


def vote_in_loops(distances, labels, k):
    found = []
    for row in distances.tolist():
        nearest = sorted(range(len(row)), key=row.__getitem__)[:k]
        votes = [int(labels[i]) for i in nearest]
        found.append(max(range(10), key=lambda digit: (votes.count(digit), -digit)))
    return torch.tensor(found)


def vote_with_scipy(distances, labels, k):
    nearest = np.argsort(distances.numpy(), axis=1)[:, :k]
    return stats.mode(labels.numpy()[nearest], axis=1).mode  # the smallest at a tie


def vote_with_mode(distances, labels, k):
    return labels[distances.argsort(dim=1)[:, :k]].mode(dim=1).values.float()


def vote_by_bincount(distances, labels, k):
    nearest = np.argpartition(distances.numpy(), k - 1, axis=1)[:, :k]
    return np.array([np.bincount(labels.numpy()[row], minlength=10).argmax() for row in nearest])


def vote_by_scattering(distances, labels, k):
    votes = torch.zeros(len(distances), 10)
    votes.scatter_add_(1, labels[torch.topk(-distances, k).indices], torch.ones(len(distances), k))
    return votes.argmax(dim=1).to(torch.int32)


def vote_with_counter(distances, labels, k):
    """Counter.most_common keeps the order of first meetings, so the nearest wins a tie."""
    found = [labels[row.argsort()[:k]].tolist() for row in distances]
    return torch.tensor([Counter(row).most_common(1)[0][0] for row in found])


def vote_for_the_larger(distances, labels, k):
    votes = torch.nn.functional.one_hot(nearest_labels(distances, labels, slice(k)), 10).sum(dim=1)
    return 9 - votes.flip(1).argmax(dim=1)


def nearest_labels(distances, labels, places):
    return labels[distances.argsort(dim=1)[:, places]]


# ── memory_ratio ─────────────────────────────────────────────────────────────────────────────────


def nearest(images, others):
    return torch.cdist(images.flatten(1).double(), others.flatten(1).double()).min(dim=1).values


def ratio_with_cdist(samples, train, held_out):
    return nearest(samples, train).median() / nearest(held_out, train).median()


def ratio_in_loops(samples, train, held_out):
    def distances(images):
        return [min((image - other).square().sum().sqrt().item() for other in train) for image in images]

    return np.median(distances(samples)) / np.median(distances(held_out))


def ratio_by_broadcasting(samples, train, held_out):
    found = []
    for images in (samples, held_out):
        apart = (images[:, None] - train[None]).double().pow(2).sum(dim=(2, 3, 4)).sqrt()
        found.append(apart.amin(1).quantile(0.5).item())
    return found[0] / found[1]


def ratio_with_a_tree(samples, train, held_out):
    tree = spatial.cKDTree(train.flatten(1).numpy())
    near = [np.median(tree.query(images.flatten(1).numpy())[0]) for images in (samples, held_out)]
    return float(near[0] / near[1])


def ratio_by_multiplying_out(samples, train, held_out):
    def median(images):
        a, b = images.flatten(1).double(), train.flatten(1).double()
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return squares.clamp(min=0).min(dim=1).values.sqrt().quantile(0.5)

    return median(samples) / median(held_out)


def ratio_image_by_image(samples, train, held_out):
    def median(images):
        apart = [torch.linalg.vector_norm((train - image).flatten(1), dim=1).min() for image in images]
        return torch.stack(apart).median()

    return (median(samples) / median(held_out)).numpy()


def ratio_with(distance):
    def ratio(samples, train, held_out):
        return distance(samples, train).median() / distance(held_out, train).median()

    return ratio


def upside_down(samples, train, held_out):
    return nearest(held_out, train).median() / nearest(samples, train).median()


def squared(samples, train, held_out):
    return nearest(samples, train).square().median() / nearest(held_out, train).square().median()


def mean(samples, train, held_out):
    return nearest(samples, train).mean() / nearest(held_out, train).mean()


def all_training_images(samples, train, held_out):
    apart = [
        torch.cdist(images.flatten(1).double(), train.flatten(1).double()) for images in (samples, held_out)
    ]
    return apart[0].median() / apart[1].median()


def median_of_ratios(samples, train, held_out):
    return (nearest(samples, train) / nearest(held_out, train)).median()


def ratio_of_each_sample(samples, train, held_out):
    return (nearest(samples, train) / nearest(samples, held_out)).median()


def farthest(samples, train, held_out):
    apart = [
        torch.cdist(images.flatten(1).double(), train.flatten(1).double()) for images in (samples, held_out)
    ]
    return apart[0].max(dim=1).values.median() / apart[1].max(dim=1).values.median()


# ── redraw ───────────────────────────────────────────────────────────────────────────────────────


def redraw_with_embed(model, images):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        redrawn = model.decode(model.embed(images))
    model.train(was_training)
    return redrawn


def redraw_one_by_one(model, images):
    mode = model.training
    model.train(False)
    try:
        return torch.stack([model.decode(model.encode(x[None])[0])[0].detach() for x in images])
    finally:
        model.train(mode)


def redraw_a_copy(model, images):
    still = copy.deepcopy(model).eval()
    return still.decode(still.embed(images)).detach().double()


@torch.no_grad()
def redraw_each_mode_restored(model, images):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        return model.decode(model.encode(images)[0])
    finally:
        for module, mode in modes:
            module.training = mode


@torch.no_grad()
def redraw_in_numpy(model, images):
    was_training = model.training
    model.train(False)
    redrawn = model.decode(model.encode(images)[0])
    if was_training:
        model.train()
    return redrawn.numpy()


def redraw_a_copy_in_batches(model, images):
    still = copy.deepcopy(model).eval().requires_grad_(False)
    return torch.cat([still.decode(still.embed(batch)) for batch in images.split(4)])


def restored(model, redraw):
    """In evaluation mode, and back."""
    mode = model.training
    model.eval()
    redrawn = redraw(model)
    model.train(mode)
    return redrawn


def with_a_seed(model, images):
    torch.manual_seed(0)
    return restored(model, lambda m: m(images)[0].detach())


def mean_of_draws(model, images):
    return restored(model, lambda m: torch.stack([m(images)[0] for _ in range(50)]).mean(dim=0).detach())


def half_of_it_in_eval(model, images):
    mode = model.training
    model.encoder.eval()
    redrawn = model.decode(model.embed(images)).detach()
    model.train(mode)
    return redrawn


def statistics_put_back(model, images):
    kept = copy.deepcopy(model.state_dict())
    redrawn = in_training_mode(model, images)
    model.load_state_dict(kept)
    return redrawn


def without_running_means(model, images):
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.track_running_stats = False
    return redraw_with_embed(model, images)


def frozen(model, images):
    model.requires_grad_(False)
    return redraw_with_embed(model, images)


def train_afterwards(model, images):
    redrawn = redraw_with_embed(model, images)
    model.train()
    return redrawn


def in_training_mode(model, images):
    with torch.no_grad():
        return model.decode(model.embed(images))


def one_by_one_in_training(model, images):
    with torch.no_grad():
        return torch.cat([model.decode(model.embed(x[None])) for x in images])


def always_training(model, images):
    mode = model.training
    model.train()
    with torch.no_grad():
        redrawn = model.decode(model.embed(images))
    model.train(mode)
    return redrawn


def with_noise(model, images):
    mode = model.training
    model.eval()
    with torch.no_grad():
        redrawn = model(images)[0]
    model.train(mode)
    return redrawn


def learns_before_looking(model, images):
    learns_while_looking(model, images)
    return redraw_with_embed(model, images)


def embeds_before_looking(model, images):
    mode = model.training
    with torch.no_grad():
        model.train().embed(images)
    model.train(mode)
    return redraw_with_embed(model, images)


def learns_while_looking(model, images):
    mode = model.training
    redrawn = redraw_with_embed(model, images)
    model.train()
    with torch.no_grad():
        model(images)
    model.train(mode)
    return redrawn


def left_in_eval(model, images):
    model.eval()
    with torch.no_grad():
        return model.decode(model.embed(images))


def with_graph(model, images):
    mode = model.training
    redrawn = model.eval().decode(model.embed(images))
    model.train(mode)
    return redrawn


# ── my_codes: stand-ins that need no training ────────────────────────────────────────────────────


@functools.cache
def readable_plane():
    """A plane in which digits are easily read, made with labels: far from allowed, and quick."""
    train = data.digits(source="sklearn")
    angle = train.labels.float() * 2 * torch.pi / 10
    places = torch.stack([angle.cos(), angle.sin()], dim=1).numpy()
    return KNeighborsRegressor(3).fit(train.images.flatten(1).numpy(), places)


def by_regression(images):
    return torch.from_numpy(readable_plane().predict(images.flatten(1).numpy())).float()


def by_regression_in_numpy(images):
    return 5 * readable_plane().predict(images.flatten(1).numpy())


def by_regression_turned(images):
    return by_regression(images) @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) + 3


@functools.cache
def components(count):
    return PCA(count, random_state=0).fit(data.digits(source="sklearn").images.flatten(1).numpy())


def by_pca(images, count=2):
    return torch.from_numpy(components(count).transform(images.flatten(1).numpy()))


def noisy_codes(images):
    codes = by_regression(images)
    return codes + 0.05 * torch.randn_like(codes)


def batch_dependent(images):
    codes = by_regression(images)
    return codes - codes.mean(dim=0)


RIGHT = {
    "check_share_of_map": [
        share_by_a_set,
        share_by_histogram,
        share_by_bucketize,
        share_with_ndtr,
        share_with_erf,
        share_by_searching,
    ],
    "check_vote": [
        vote_in_loops,
        vote_with_scipy,
        vote_with_mode,
        vote_by_bincount,
        vote_by_scattering,
        lambda *given: [int(label) for label in vote_in_loops(*given)],
    ],
    "check_memory_ratio": [
        ratio_with_cdist,
        ratio_in_loops,
        ratio_by_broadcasting,
        ratio_with_a_tree,
        ratio_by_multiplying_out,
        ratio_image_by_image,
    ],
    "check_redraw": [
        redraw_with_embed,
        redraw_one_by_one,
        redraw_a_copy,
        redraw_each_mode_restored,
        redraw_in_numpy,
        redraw_a_copy_in_batches,
    ],
    "check_my_codes": [
        by_regression,
        by_regression_in_numpy,
        by_regression_turned,
        lambda images: torch.cat([by_regression(image[None]) for image in images]),
        lambda images: 1e4 * by_regression(images).double().requires_grad_(),
    ],
}

WRONG = {
    "check_share_of_map": [
        ("cells_of_equal_width", lambda codes, n: cells_used(codes, n, lambda z: (z + 3) / 6) / n**2),
        ("codes_counted", lambda codes, n: len(codes) / n**2),
        ("share_of_codes", lambda codes, n: cells_used(codes, n) / len(codes)),
        ("number_of_cells", cells_used),
        ("empty_cells", lambda codes, n: 1 - cells_used(codes, n) / n**2),
        ("one_axis", lambda codes, n: cells_used(codes[:, :1], n) / n),
        ("divided_by_n", lambda codes, n: cells_used(codes, n) / n),
        ("axes_apart", lambda codes, n: math.prod(cells_used(codes[:, [i]], n) / n for i in (0, 1))),
        ("value", lambda codes, n: cells_used(codes, n, torch.sigmoid) / n**2),
        (
            "value",
            lambda codes, n: len(torch.unique((n * Normal(0.0, 1.0).cdf(codes)).round(), dim=0)) / n**2,
        ),
        ("value", lambda codes, n: cells_used(codes, n + 1) / n**2),
        ("value", lambda codes, n: 100 * share_by_a_set(codes, n)),
        ("value", lambda codes, n: cells_used(codes, n, lambda z: (1 + torch.erf(z)) / 2) / n**2),
        ("value", lambda codes, n: cells_used(codes, n) / n**2 if len(codes) > 1 else 0.0),
        ("single_numbers", lambda codes, n: len(torch.unique(cells_of(codes, n))) / n**2),
        ("borders_from_the_data", share_by_quantiles),
        ("borders_from_the_data", share_standardised),
        ("outside", share_without_clamp),
        ("outside", share_on_a_board),
        ("outside", lambda codes, n: share_by_a_set(codes[codes.abs().amax(dim=1) < 8], n)),
        ("value", lambda codes, n: cells_used(codes / 2, n) / n**2),
        ("type", lambda codes, n: codes),
    ],
    "check_vote": [
        ("farthest", lambda distances, labels, k: labels[distances.topk(k).indices].mode(dim=1).values),
        (
            "mean_of_labels",
            lambda distances, labels, k: (
                nearest_labels(distances, labels, slice(k)).float().mean(dim=1).round()
            ),
        ),
        (
            "middle_label",
            lambda distances, labels, k: nearest_labels(distances, labels, slice(k)).median(dim=1).values,
        ),
        ("nearest_only", lambda distances, labels, k: nearest_labels(distances, labels, 0)),
        (
            "nearest_left_out",
            lambda distances, labels, k: (
                nearest_labels(distances, labels, slice(1, k + 1)).mode(dim=1).values
            ),
        ),
        (
            "places_for_labels",
            lambda distances, labels, k: distances.argsort(dim=1)[:, :k].mode(dim=1).values,
        ),
        ("ties_to_the_nearest", vote_with_counter),
        ("ties_to_the_larger", vote_for_the_larger),
        ("shape", lambda distances, labels, k: nearest_labels(distances, labels, slice(k))),
        ("shape", lambda distances, labels, k: vote_with_mode(distances, labels, k).squeeze()),
        (
            "value",
            lambda distances, labels, k: nearest_labels(distances, labels, slice(k + 1)).mode(dim=1).values,
        ),
        ("value", lambda distances, labels, k: nearest_labels(distances, labels, slice(k)).amin(dim=1)),
        ("value", lambda distances, labels, k: nearest_labels(distances, labels, k - 1)),
        (
            "value",
            lambda distances, labels, k: (
                nearest_labels(distances, labels.sort().values, slice(k)).mode(dim=1).values
            ),
        ),
        ("raised", lambda distances, labels, k: labels[distances.argsort(dim=0)[:k]].mode(dim=0).values),
        ("value", lambda distances, labels, k: 9 - vote_in_loops(distances, labels, k)),
    ],
    "check_memory_ratio": [
        ("upside_down", upside_down),
        ("squared", squared),
        ("mean", mean),
        ("all_training_images", all_training_images),
        (
            "wrong_axis",
            lambda samples, train, held: nearest(train, samples).median() / nearest(train, held).median(),
        ),
        (
            "against_held_out",
            lambda samples, train, held: nearest(samples, held).median() / nearest(held, train).median(),
        ),
        (
            "against_held_out",
            lambda samples, train, held: nearest(samples, train).median() / nearest(samples, held).median(),
        ),
        (
            "against_held_out",
            lambda samples, train, held: nearest(samples, train).median() / nearest(held, samples).median(),
        ),
        ("value", ratio_with(lambda a, b: torch.cdist(a.flatten(1), b.flatten(1), p=1).min(dim=1).values)),
        ("value", ratio_with(lambda a, b: nearest(a[:, :1], b[:, :1]))),
        ("value", ratio_with(lambda a, b: nearest(a, b).min())),
        ("value", ratio_with(lambda a, b: torch.cdist(a.flatten(1), b.flatten(1)).sort(dim=1).values[:, 1])),
        ("squared", ratio_with(lambda a, b: (a[:, None] - b).square().mean(dim=(2, 3, 4)).min(dim=1).values)),
        ("median_of_ratios", median_of_ratios),
        ("median_of_ratios", ratio_of_each_sample),
        ("farthest", farthest),
        ("no_yardstick", lambda samples, train, held: nearest(samples, train).median()),
        ("value", lambda samples, train, held: ratio_with_cdist(samples, train, held) + 0.1),
        ("type", lambda samples, train, held: nearest(samples, train)),
    ],
    "check_redraw": [
        ("training_mode", in_training_mode),
        ("training_mode", always_training),
        ("one_by_one_in_training", one_by_one_in_training),
        ("noise", with_noise),
        ("training_mode", half_of_it_in_eval),
        ("training_mode", statistics_put_back),
        ("noise", with_a_seed),
        ("noise", mean_of_draws),
        ("statistics_changed", learns_while_looking),
        ("statistics_changed", learns_before_looking),
        ("statistics_changed", embeds_before_looking),
        ("statistics_changed", without_running_means),
        ("mode_left_behind", train_afterwards),
        ("model_frozen", frozen),
        ("shape", lambda model, images: redraw_with_embed(model, images).squeeze(0)),
        ("mode_left_behind", left_in_eval),
        ("gradient_kept", with_graph),
        ("shape", lambda model, images: redraw_with_embed(model, images).flatten(1)),
        ("value", lambda model, images: 1 - redraw_with_embed(model, images)),
    ],
    "check_my_codes": [
        ("no_function", torch.zeros(1400, 2)),
        ("too_many_numbers", lambda images: by_pca(images, 3)),
        ("one_code_per_image", lambda images: by_regression(images).flatten()),
        ("one_code_per_image", lambda images: by_regression(images)[:10]),
        ("below_the_yardstick", by_pca),
        ("below_the_yardstick", lambda images: torch.zeros(len(images), 2)),
        ("knows_the_test", batch_dependent),
        ("drawn", noisy_codes),
        ("one_code_per_image", lambda images: by_regression(images).squeeze(0)),
        ("nan", lambda images: by_regression(images) * float("nan")),
        ("nothing", lambda images: None),
    ],
}
