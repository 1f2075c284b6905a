"""Checks for chapter 9, handwritten digits."""

import contextlib
import io
import math

import numpy as np
import torch
from scipy.stats import norm
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch import Tensor, nn

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close, describe
from course_lib.models import VAE, VariationalEncoder


def _share_used(codes: Tensor, n: int, cell=norm.cdf) -> float:
    """The share of n × n cells that hold a code, counted in NumPy."""
    cells = np.clip(np.floor(n * cell(codes.double().numpy())), 0, n - 1)
    return len(np.unique(cells, axis=0)) / n**2


def _columns_used(codes: Tensor, n: int) -> list[int]:
    """How many columns, and how many rows, hold a code."""
    cells = np.clip(np.floor(n * norm.cdf(codes.double().numpy())), 0, n - 1)
    return [len(np.unique(axis)) for axis in cells.T]


def _shares_from_the_data(codes: Tensor, n: int) -> list[float]:
    """The share when the borders come from the codes: by ranks on each axis or together, or standardised."""
    each = codes.argsort(dim=0).argsort(dim=0) / len(codes)
    together = codes.flatten().argsort().argsort().view_as(codes) / codes.numel()
    standard = [(codes - codes.mean(dim=0)) / codes.std(dim=0, correction=c) for c in (0, 1)]
    from_ranks = [len(torch.unique((n * place).floor(), dim=0)) / n**2 for place in (each, together)]
    return from_ranks + [_share_used(z, n) for z in standard]


@check(
    Mistake(
        "cells_of_equal_width",
        "Your cells are equally wide: equally likely ones are narrow in the middle and wide outside.",
        lambda codes, n: _share_used(codes, n, lambda z: (z + 3) / 6),
    ),
    Mistake(
        "codes_counted",
        "You counted codes, not cells: two codes in one cell use one cell.",
        lambda codes, n: len(codes) / n**2,
    ),
    Mistake(
        "share_of_codes",
        "You divided by the number of codes: the share of the n × n cells is asked for.",
        lambda codes, n: _share_used(codes, n) * n**2 / len(codes),
    ),
    Mistake(
        "number_of_cells",
        "This is the number of cells, and their share of all n × n is asked for.",
        lambda codes, n: _share_used(codes, n) * n**2,
    ),
    Mistake(
        "empty_cells",
        "This is the share of empty cells: turn it round.",
        lambda codes, n: 1 - _share_used(codes, n),
    ),
    Mistake(
        "one_axis",
        "You looked at one number of the code: a cell is a column and a row.",
        lambda codes, n: _columns_used(codes, n)[0] / n,
    ),
    Mistake(
        "axes_apart",
        "You counted columns and rows apart and multiplied: a used column and a used row may cross in an "
        "empty cell.",
        lambda codes, n: math.prod(_columns_used(codes, n)) / n**2,
    ),
    Mistake(
        "divided_by_n",
        "There are n columns and n rows: n × n cells to divide by.",
        lambda codes, n: _share_used(codes, n) * n,
    ),
    Mistake(
        "single_numbers",
        "You counted different columns and rows as single numbers: a cell is a pair, and pairs have to be "
        "made unique.",
        lambda codes, n: (
            len(np.unique(np.clip(np.floor(n * norm.cdf(codes.double().numpy())), 0, n - 1))) / n**2
        ),
    ),
    Mistake(
        "borders_from_the_data",
        "Your borders depend on the codes themselves: the cells are equally likely under the prior, "
        "wherever the codes lie.",
    ),
    Mistake(
        "outside",
        "Codes far outside got cells of their own, or none: where does a code at 12 go? It belongs to the "
        "outermost cell.",
    ),
    tests="clouds wide, narrow and off centre, codes far outside, several in a cell, one code, one cell",
)
def check_share_of_map(answer: Answer) -> None:
    """f(codes, n), codes (N, 2) → the share of the n × n cells, equally likely under N(0, I), in use."""
    far = torch.tensor([[0.1, 0.1], [12.0, -12.0], [1.5, -1.5], [0.3, 11.5], [0.3, 1.5], [-12.0, 12.0]])
    wide = (2 * answer.normal(144, 2) + 0.5).clamp(-4, 4)
    narrow = 0.4 * answer.normal(160, 2) + torch.tensor([0.2, -0.1])  # leaves columns and rows empty
    for codes, n in ((narrow, 32), (wide, 12), (far, 4)):
        result = answer.number(_called_on(answer, codes, n))
        expected = _share_used(codes, n)
        if abs(result - expected) > 1e-3:
            if codes is far:
                answer.fail("outside")
            if np.isclose(result, _shares_from_the_data(codes, n), atol=1e-6).any():
                answer.fail("borders_from_the_data")
        answer.match(torch.tensor(result), torch.tensor(expected), rtol=1e-3, atol=1e-6, codes=codes, n=n)
    for codes, n in ((narrow[:1], 5), (narrow, 1)):
        answer.match_number(
            answer.number(_called_on(answer, codes, n)), _share_used(codes, n), codes=codes, n=n
        )


def _called_on(answer: Answer, codes: Tensor, n: int) -> object:
    try:
        return answer.call(codes=codes, n=n)
    except WrongAnswer as error:
        if "IndexError" in str(error) and codes.abs().max() > 10:
            answer.fail("outside")  # column n of 0, …, n − 1
        raise


def _vote(distances: Tensor, labels: Tensor, k: int, largest: bool = False) -> Tensor:
    """The label with most votes among the k nearest, the smallest one at a tie (Q,)."""
    nearest = distances.topk(k, largest=largest).indices
    votes = torch.nn.functional.one_hot(labels[nearest], 10).sum(dim=1)
    return votes.argmax(dim=1).double()


def _vote_ties_to_the_nearest(distances: Tensor, labels: Tensor, k: int) -> Tensor:
    """As `_vote`, but at a tie the label that comes first among the neighbours wins."""
    found = labels[distances.argsort(dim=1)[:, :k]]  # (Q, k), nearest first
    votes = (found[:, :, None] == found[:, None, :]).sum(dim=2)  # how many share this neighbour's label
    return found.gather(1, votes.argmax(dim=1, keepdim=True))[:, 0]


def _vote_ties_to_the_larger(distances: Tensor, labels: Tensor, k: int) -> Tensor:
    return 9 - _vote(distances, 9 - labels, k)


def _without_the_nearest(distances: Tensor) -> Tensor:
    return distances.scatter(1, distances.argmin(dim=1, keepdim=True), float("inf"))


@check(
    Mistake(
        "farthest",
        "These are the votes of the farthest: topk takes the largest unless it is told otherwise.",
        lambda distances, labels, k: _vote(distances, labels, k, largest=True),
    ),
    Mistake(
        "mean_of_labels",
        "You averaged the labels: between a 1 and a 9 lies no 5. Neighbours vote.",
        lambda distances, labels, k: labels[distances.argsort(dim=1)[:, :k]].double().mean(dim=1).round(),
    ),
    Mistake(
        "middle_label",
        "You took the middle label: labels have no order that matters. Neighbours vote.",
        lambda distances, labels, k: labels[distances.argsort(dim=1)[:, :k]].median(dim=1).values,
    ),
    Mistake(
        "nearest_only",
        "Only the nearest neighbour was asked: k of them vote.",
        lambda distances, labels, k: labels[distances.argmin(dim=1)],
    ),
    Mistake(
        "nearest_left_out",
        "The nearest neighbour has no vote: the first k places after sorting begin at 0.",
        lambda distances, labels, k: _vote(_without_the_nearest(distances), labels, k),
    ),
    Mistake(
        "places_for_labels",
        "These are places in the training set, not labels: look up what stands there.",
        lambda distances, labels, k: distances.argsort(dim=1)[:, :k].mode(dim=1).values,
    ),
    Mistake(
        "ties_to_the_nearest",
        "At a tie the label of the nearer neighbour won: here the smaller label wins.",
        _vote_ties_to_the_nearest,
    ),
    Mistake(
        "ties_to_the_larger",
        "At a tie the larger label won: here the smaller one wins.",
        _vote_ties_to_the_larger,
    ),
    tests="shape, hundreds of random votes against a count by hand, ties, k = 1, one query, all vote",
)
def check_vote(answer: Answer) -> None:
    """f(distances, labels, k): (Q, N) distances, labels (N,) from 0 to 9 → a label for each query (Q,)."""
    for queries, n, k in ((300, 40, 5), (200, 60, 4), (100, 30, 1), (1, 30, 3), (20, 15, 15)):
        labels = torch.randint(0, 10, (n,), generator=answer.rng)
        labels[: n // 2] = labels[: n // 2] % 3  # several equal labels, so that votes are not all ties
        inputs = {"distances": answer.uniform(queries, n), "labels": labels, "k": k}
        found, right = answer.tensor(answer.call(**inputs), inputs), _vote(**inputs)
        if queries < 100 and found.shape == right.shape and not close(found, right):  # mistakes look alike
            raise WrongAnswer(
                f"vote returned {found.tolist()} where {right.tolist()} is right; it was given "
                f"{describe(inputs)}.",
                "value",
            )
        answer.match(found, right, **inputs)


def _distances(images: Tensor, others: Tensor) -> np.ndarray:
    """The distance of each image to its nearest one among `others` (N,)."""
    search = NearestNeighbors(n_neighbors=1).fit(others.double().flatten(1).numpy())
    return search.kneighbors(images.double().flatten(1).numpy())[0][:, 0]


def _all_distances(images: Tensor, others: Tensor) -> Tensor:
    return torch.cdist(images.double().flatten(1), others.double().flatten(1))


@check(
    Mistake(
        "upside_down",
        "It is upside down: a memorised sample has the ratio 0, and yours would be endless.",
        lambda samples, train, held_out: (
            np.median(_distances(held_out, train)) / np.median(_distances(samples, train))
        ),
    ),
    Mistake(
        "squared",
        "These are ratios of squared distances: take the root before you compare.",
        lambda samples, train, held_out: (
            np.median(_distances(samples, train) ** 2) / np.median(_distances(held_out, train) ** 2)
        ),
    ),
    Mistake(
        "mean",
        "You averaged: one odd sample far from everything moves a mean, and the median is asked for.",
        lambda samples, train, held_out: (
            _distances(samples, train).mean() / _distances(held_out, train).mean()
        ),
    ),
    Mistake(
        "all_training_images",
        "You took the distance to all training images: whether one was copied is a matter of the nearest.",
        lambda samples, train, held_out: (
            _all_distances(samples, train).median() / _all_distances(held_out, train).median()
        ),
    ),
    Mistake(
        "wrong_axis",
        "You took, for each training image, the nearest sample: the question is asked of each sample.",
        lambda samples, train, held_out: (
            np.median(_distances(train, samples)) / np.median(_distances(train, held_out))
        ),
    ),
    Mistake(
        "against_held_out",
        "You compared samples with held-out images: those cannot have been memorised. Both medians are of "
        "distances to training images.",
        lambda samples, train, held_out: (
            np.median(_distances(samples, held_out)) / np.median(_distances(held_out, train))
        ),
    ),
    Mistake(
        "median_of_ratios",
        "You took the median of ratios: the ratio of two medians is asked for. A sample and a held-out image "
        "are no pair.",
    ),
    Mistake(
        "farthest",
        "You took the farthest training image, and the nearest is asked for.",
        lambda samples, train, held_out: (
            _all_distances(samples, train).amax(dim=1).median()
            / _all_distances(held_out, train).amax(dim=1).median()
        ),
    ),
    Mistake(
        "no_yardstick",
        "This is a distance in pixels: divide it by what is normal for images that nobody has memorised.",
        lambda samples, train, held_out: np.median(_distances(samples, train)),
    ),
    tests="images of one and of three channels, higher than wide, an exact copy, against scikit-learn",
)
def check_memory_ratio(answer: Answer) -> None:
    """f(samples, train, held_out), images (·, C, H, W) → median nearest distance, samples ÷ held out."""
    for shape, held in (((1, 6, 5), 15), ((3, 4, 7), 21)):
        train = answer.uniform(41, *shape)
        samples = 0.7 * train[:15] + 0.3 * answer.uniform(15, *shape) + 0.02 * answer.normal(15, *shape)
        samples[:2] = 3 + answer.uniform(2, *shape)  # two that are far from everything
        inputs = {"samples": samples, "train": train, "held_out": 1.2 * answer.uniform(held, *shape)}
        expected = np.median(_distances(samples, train)) / np.median(_distances(inputs["held_out"], train))
        result = answer.number(answer.call(**inputs))
        if abs(result - expected) > 2e-4 * expected:
            for name, ratios in _wrong_ratios(**inputs).items():
                if np.isclose(result, ratios, rtol=2e-4).any():
                    answer.fail(name)
        answer.match(torch.tensor(result), torch.tensor(expected), rtol=2e-4, atol=1e-6, **inputs)
    copies = {"samples": train[:5], "train": train, "held_out": inputs["held_out"]}
    result = answer.number(answer.call(**copies))
    answer.match(torch.tensor(result), torch.tensor(0.0), atol=2e-2, **copies)


def _wrong_ratios(samples: Tensor, train: Tensor, held_out: Tensor) -> dict[str, list[float]]:
    """What two mistakes return that can be made in several ways."""
    near, unseen = _distances(samples, train), _distances(held_out, train)
    to_held_out = _distances(samples, held_out)
    of_pairs = [np.median(near[:, None] / unseen), np.median(near / to_held_out)]
    if len(near) == len(unseen):
        of_pairs.append(np.median(near / unseen))
    against = [np.median(near) / np.median(to_held_out), np.median(to_held_out) / np.median(near)]
    against.append(np.median(near) / np.median(_distances(held_out, samples)))
    return {"median_of_ratios": of_pairs, "against_held_out": against}


def _vae_with_batch_norm(answer: Answer) -> VAE:
    """A small VAE whose batch norm has seen other images than those of the check."""
    body = nn.Sequential(nn.Flatten(), nn.Linear(48, 12), nn.BatchNorm1d(12), nn.LeakyReLU(0.2))
    decoder = nn.Sequential(nn.Linear(2, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 48), nn.Sigmoid())
    vae = VAE(VariationalEncoder(body, (1, 6, 8), 2), nn.Sequential(decoder, nn.Unflatten(1, (1, 6, 8))))
    with torch.no_grad():
        for p in vae.parameters():
            p.copy_(0.4 * answer.normal(*p.shape) + (p.ndim == 1))
        for _ in range(20):
            vae(3 * answer.uniform(16, 1, 6, 8) - 1)
    return vae


def _statistics(vae: VAE) -> list[Tensor]:
    return [buffer.clone() for buffer in vae.buffers()]


@check(
    Mistake(
        "training_mode",
        "The bug is still there: the same image comes back differently when its neighbours in the batch "
        "change. "
        "Which layer looks at the whole batch, and when?",
    ),
    Mistake(
        "one_by_one_in_training",
        "Batch norm stopped: in training mode it needs several images, to take their mean. One image at a "
        "time does not switch it off; something else does.",
    ),
    Mistake(
        "noise",
        "A code was drawn (a fixed seed only hides it, and so does a mean of draws): for looking at images "
        "take the centre of the cloud.",
    ),
    Mistake(
        "statistics_changed",
        "Your function changes the model: its batch norm has learned from images that were only to be "
        "looked at, or it has other settings now.",
    ),
    Mistake(
        "mode_left_behind",
        "Afterwards the model is in another mode than before: a training that calls this in between "
        "would go on "
        "with the wrong one.",
    ),
    Mistake(
        "gradient_kept",
        "The result still carries a graph: nobody will train through it, and it keeps the whole batch in "
        "memory.",
    ),
    tests="shape, the same image alone and among others, no noise, and that the model is left as it was: "
    "mode, weights, running means, settings of its layers",
)
def check_redraw(answer: Answer) -> None:
    """f(model, images (N, 1, 6, 8)) → the images as the model redraws them, one by one and without noise."""
    vae, images = _vae_with_batch_norm(answer), answer.uniform(9, 1, 6, 8)
    settings = str(vae)
    vae.eval()
    with torch.no_grad():
        expected = vae.decode(vae.encode(images)[0])
    for training in (True, False):
        vae.train(training)
        before = _statistics(vae)
        first = _redrawn(answer, vae, images)
        mode, after = vae.training, _statistics(vae)
        vae.train(training)
        found = answer.tensor(first, {"images": images})
        again = answer.tensor(_redrawn(answer, vae, images), {})
        if found.shape == expected.shape and not close(found, expected.double()):
            if answer.reseeded:
                answer.fail("noise")
            if close(found, again):
                alone = answer.tensor(answer.call(model=vae, images=images[:4]), {})
                if alone.shape == expected[:4].shape and not close(alone, found[:4]):
                    answer.fail("training_mode")
            elif bool(found.isfinite().all()):
                for buffer, value in zip(vae.buffers(), after, strict=True):
                    buffer.copy_(value)
                with torch.no_grad():
                    moved = vae.eval().decode(vae.encode(images)[0])
                answer.fail("statistics_changed" if close(found, moved.double()) else "noise")
        answer.match(found, expected, images=images)
        if any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)):
            answer.fail("statistics_changed")
        if mode is not training or answer.left_behind:
            answer.fail("mode_left_behind")
        if str(vae) != settings:
            answer.fail("statistics_changed")
        if isinstance(first, Tensor) and first.requires_grad:
            answer.fail("gradient_kept")
        alone = answer.tensor(_redrawn(answer, vae, images[:1]), {})
        answer.match(alone, expected[:1], images=images[:1])


def _redrawn(answer: Answer, vae: VAE, images: Tensor) -> object:
    try:
        return answer.call(model=vae, images=images)
    except WrongAnswer as error:
        if "more than 1 value per channel" in str(error):
            answer.fail("one_by_one_in_training")
        raise


@check(
    Mistake("no_function", "my_codes must be a function of images, such as model.embed; it is {kind}."),
    Mistake("too_many_numbers", "Each image gets {found} numbers, and two are allowed."),
    Mistake(
        "one_code_per_image",
        "It must return one code for each image, (N, 2); given {given} images it returned {found}.",
    ),
    Mistake(
        "below_the_yardstick",
        "From these codes {share:.0%} of new digits are read rightly; the yardstick is 75 %. Two numbers "
        "of PCA "
        "give 56 %.",
    ),
    Mistake(
        "knows_the_test",
        "The same image gets another code when its neighbours change: a code may depend on its own image "
        "alone.",
    ),
    Mistake(
        "drawn",
        "The same images get other codes at a second look: a code was drawn. Take the centre of the cloud.",
    ),
    tests="the held-out digits of scikit-learn, read from their codes by five neighbours; the same code for "
    "an image alone, among others, and again",
)
def check_my_codes(answer: Answer) -> str:
    """A function from images (N, 1, 28, 28) to codes (N, 2), made without labels."""
    if not callable(answer.f):
        answer.fail("no_function", kind=type(answer.f).__name__)
    with contextlib.redirect_stdout(io.StringIO()):  # each says which digits it took
        train, test = (data.digits(source="sklearn", split=split) for split in ("train", "test"))
    codes = [_codes(answer, part.images) for part in (train, test)]
    near = 1e-3 * float(codes[0].std())
    if not torch.allclose(_codes(answer, test.images), codes[1], atol=near):
        answer.fail("drawn")
    for start, end in ((5, 25), (7, 8)):
        part = _codes(answer, test.images[start:end])
        if not torch.allclose(part, codes[1][start:end], atol=near):
            answer.fail("knows_the_test")
    judge = KNeighborsClassifier(5).fit(codes[0].numpy(), train.labels.numpy())
    share = judge.score(codes[1].numpy(), test.labels.numpy())
    if share < 0.75:
        answer.fail("below_the_yardstick", share=share)
    return f"Yours: {share:.0%} read rightly{', excellent' if share >= 0.85 else ''}."


@torch.no_grad()
def _codes(answer: Answer, images: Tensor) -> Tensor:
    found = answer.tensor(answer.call(images=images), {"images": images})
    if found.ndim != 2 or len(found) != len(images):
        answer.fail("one_code_per_image", given=len(images), found=tuple(found.shape))
    if found.shape[1] > 2:
        answer.fail("too_many_numbers", found=found.shape[1])
    if not bool(torch.isfinite(found).all()):
        raise WrongAnswer("Some codes are NaN or infinite.", "nan")
    return found
