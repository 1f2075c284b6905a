"""Checks of the project on one's own data: what can be judged without knowing the data."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import anomaly
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check
from course_lib.losses import reconstruction_error

# ── split_groups ─────────────────────────────────────────────────────────────────────────────────


@check(
    Mistake(
        "leak",
        "The group {group!r} is on both sides. Items of a group are alike, so the held-out part would not be "
        "new to the model. Do you draw groups, not items, and do your row numbers belong to the list in the "
        "order in which you were given it?",
    ),
    Mistake("lost", "Only {found} of the {total} items are on one of the two sides: none may get lost."),
    Mistake("twice", "A row stands twice among those that you return: {row}."),
    Mistake("swapped", "The two parts are the wrong way round: first what is kept, then what is held out."),
    Mistake(
        "wrong_share", "{found} of {total} groups are held out where a share of {share} of them was asked."
    ),
    Mistake(
        "one_side_empty",
        "{found} of {total} groups are held out at a share of {share}: at least one must be on each side.",
    ),
    Mistake("no_seed", "Twice the same seed gives two different splits: draw from a generator made of seed."),
    Mistake(
        "never_drawn",
        "Every seed holds out the same groups. They may be the last day or the last person: draw them.",
    ),
    tests="that no group is on both sides, no item is lost, the share of the groups, from small to large, "
    "and the seed",
)
def check_split_groups(answer: Answer) -> None:
    """f(groups (N,) of names, share, seed) → (rows kept, rows held out), all of a group on one side."""
    for count, share in ((20, 0.25), (12, 0.5), (2, 0.5), (31, 0.2), (6, 0.05), (6, 0.95)):
        sizes = np.full(count, 2)
        sizes[int(answer.uniform(1, high=count))] = 8 * count  # a share of groups is no share of items
        names = np.repeat([f"person {i}" for i in range(count)], sizes)
        groups = names[torch.randperm(len(names), generator=answer.rng).numpy()]
        kept, held_out = _rows(answer, groups, share, 1)
        rows = np.concatenate([kept, held_out])
        if len(set(rows)) < len(rows):
            values, counts = np.unique(rows, return_counts=True)
            answer.fail("twice", row=f"row {values[counts > 1][0]}")
        both = sorted(set(groups[kept]) & set(groups[held_out]))
        if both:
            answer.fail("leak", group=str(both[0]))
        if len(rows) < len(groups):
            answer.fail("lost", found=len(rows), total=len(groups))
        wanted, splits = share * count, [_rows(answer, groups, share, seed) for seed in range(1, 5)]
        outside = [len(set(groups[rows])) for _, rows in splits]
        if all(abs(count - out - wanted) < 1 and 0 < out < count for out in outside) and share != 0.5:
            answer.fail("swapped")
        for out in outside:
            if not abs(out - wanted) < 1 or not 0 < out < count:
                name = "wrong_share" if 0 < out < count else "one_side_empty"
                answer.fail(name, found=out, total=count, share=share)
        if set(_rows(answer, groups, share, 1)[1]) != set(held_out):
            answer.fail("no_seed")
        if count == 20 and all(
            set(_rows(answer, groups, share, seed)[1]) == set(held_out) for seed in range(2, 6)
        ):
            answer.fail("never_drawn")


def _rows(answer: Answer, groups: np.ndarray, share: float, seed: int) -> list[np.ndarray]:
    """Both parts as row numbers."""
    parts = answer.parts(answer.call(groups=groups, share=share, seed=seed), "kept", "held_out")
    found = []
    for name, part in zip(("kept", "held_out"), parts, strict=True):
        try:
            rows = np.asarray(part)
            if rows.size and rows.dtype.kind not in "iu":
                raise ValueError(rows.dtype)
        except (TypeError, ValueError):
            rows = np.zeros((0, 0))
        if rows.ndim != 1 or (rows.size and not 0 <= rows.min() <= rows.max() < len(groups)):
            raise WrongAnswer(
                f"{name} must be row numbers (whole, from 0 to N − 1) in one dimension, no names and no "
                "booleans: np.flatnonzero turns those into row numbers.",
                "type",
            )
        found.append(rows.astype(int))
    return found


# ── baselines ────────────────────────────────────────────────────────────────────────────────────


def baselines_of(train: Tensor, held_out: Tensor, numbers: int) -> tuple[float, float]:
    """Squared error of a held-out item, redrawn as train's mean and from `numbers` principal components."""
    mean, directions = _components(train, numbers)
    return _baselines(held_out, mean, directions)


def _components(images: Tensor, numbers: int) -> tuple[Tensor, Tensor]:
    mean = images.double().flatten(1).mean(dim=0)
    return mean, torch.linalg.svd(images.double().flatten(1) - mean, full_matrices=False).Vh[:numbers]


def _baselines(images: Tensor, mean: Tensor, directions: Tensor) -> tuple[float, float]:
    around = images.double().flatten(1) - mean
    rest = around - around @ directions.T @ directions
    return around.square().sum(dim=1).mean().item(), rest.square().sum(dim=1).mean().item()


def _scaled(factor: str) -> object:
    def scaled(train: Tensor, held_out: Tensor, numbers: int) -> tuple[float, ...]:
        by = {
            "pixels": 1 / held_out[0].numel(),
            "items": len(held_out),
            "both": len(held_out) / held_out.numel(),
        }
        return tuple(by[factor] * error for error in baselines_of(train, held_out, numbers))

    return scaled


def _around_zero(train: Tensor, held_out: Tensor, numbers: int) -> tuple[float, float]:
    x = train.double().flatten(1)
    directions = torch.linalg.svd(x, full_matrices=False).Vh[:numbers]
    _, rest = _baselines(held_out, torch.zeros_like(x[0]), directions)
    return baselines_of(train, held_out, numbers)[0], rest


@check(
    Mistake(
        "per_pixel",
        "These are errors of a pixel. The course's unit, and that of your models, is an item: sum over its "
        "pixels, then take the mean over the items.",
        _scaled("pixels"),
    ),
    Mistake(
        "summed",
        "These are sums over all items: take the mean over the items, the sum over pixels alone.",
        _scaled("items"),
    ),
    Mistake(
        "fitted_on_held_out",
        "Mean image and components are those of the held-out items. No model may see them before it is "
        "measured, and neither may a baseline.",
        lambda train, held_out, numbers: baselines_of(held_out, held_out, numbers),
    ),
    Mistake(
        "measured_on_train",
        "These are errors on train. Measure where the models are measured: on held_out.",
        lambda train, held_out, numbers: baselines_of(train, train, numbers),
    ),
    Mistake(
        "not_centred",
        "The mean error is right. PCA asks for directions around the mean image: subtract it before, and add "
        "it again when you redraw.",
        _around_zero,
    ),
    Mistake(
        "one_more",
        "PCA used one component too many: it would get more numbers than the code of your models.",
        lambda train, held_out, numbers: baselines_of(train, held_out, numbers + 1),
    ),
    Mistake(
        "swapped",
        "The two errors are the wrong way round: first the mean image's, then PCA's.",
        lambda train, held_out, numbers: baselines_of(train, held_out, numbers)[::-1],
    ),
    tests="grey, colour and signals, one component and several, one held-out item",
)
def check_baselines(answer: Answer) -> None:
    """f(train, held_out (N, C, H, W), numbers) → (error of the mean image, error of PCA), of an item."""
    for shape, numbers, count in (
        ((1, 6, 5), 2, 25),
        ((3, 4, 4), 3, 17),
        ((1, 1, 20), 1, 9),
        ((1, 5, 5), 4, 1),
    ):
        features = math.prod(shape)
        mixing = answer.normal(features, features) * torch.linspace(1, 0.2, features)[:, None]
        pixels = 0.5 + 0.04 * answer.normal(40 + count, features) @ mixing + 0.2 * answer.uniform(features)
        items = pixels.clamp(0, 1).reshape(-1, *shape)
        train, held_out = items[:40], (items[40:] + 0.05).clamp(0, 1)
        inputs = {"train": train, "held_out": held_out, "numbers": numbers}
        right = dict(zip(("mean image", "PCA"), baselines_of(**inputs), strict=True))
        answer.compare_parts(right, rtol=5e-3, atol=1e-4, **inputs) if count > 1 else answer.compare_edge(
            right, rtol=5e-3, atol=1e-4, **inputs
        )


# ── errors ───────────────────────────────────────────────────────────────────────────────────────

MODELS = ("autoencoder", "VAE")
GROUPS_SHARED = Mistake(
    "groups_shared",
    "The group {group!r} is in {first} and in {second}. Its items are alike, so the second part is not new "
    "to what was made with the first.",
)


@check(
    Mistake(
        "items_shared",
        "{count} of the items in held_out are in train, too. They are not held out: split again.",
    ),
    GROUPS_SHARED,
    Mistake(
        "other_code_sizes",
        "The code of the autoencoder has {a} numbers, that of the VAE {b}. Give all the same, PCA too: else "
        "the comparison says nothing.",
    ),
    Mistake(
        "per_pixel",
        "Your error of {which} is {said:.4g}: that of a pixel. In the unit of the others, the sum over an "
        "item, it is {right:.4g}.",
    ),
    Mistake(
        "measured_on_train",
        "Your error of {which}, {said:.4g}, is the one on train. On held_out it is {right:.4g}.",
    ),
    Mistake(
        "noisy_codes",
        "Your error of the VAE, {said:.4g}, is that of codes with noise. To compare with PCA, decode mu: "
        "that gives {right:.4g}.",
    ),
    Mistake(
        "not_measured",
        "Your error of {which} is {said:.4g}, and here it is {right:.4g}: {recipe}, the squared error on "
        "held_out summed over an item, then averaged over the items.",
    ),
    Mistake(
        "claims_too_much",
        "You say that {which} beats PCA. Over the groups it is better by {gain:.3g} ± {error:.2g} (standard "
        "error): that is not two standard errors.",
    ),
    Mistake(
        "claims_too_little",
        "You say that {which} does not beat PCA. Over the groups it is better by {gain:.3g} ± {error:.2g} "
        "(standard error): that is more than two standard errors.",
    ),
    tests="that nothing is shared, equal code sizes, the four errors, and both verdicts, measured again",
)
def check_my_report(answer: Answer) -> str:
    """A dict: train, held_out (N, C, H, W), groups: names for both; models, errors, beats_pca by name."""
    report = _entries(answer, "train", "held_out", "groups", "models", "errors", "beats_pca")
    train, held_out = (_items(report[key], f"my_report[{key!r}]") for key in ("train", "held_out"))
    models = _named(report, "models", MODELS)
    said = {
        name: answer.number(value, f"my_report['errors'][{name!r}]")
        for name, value in _named(report, "errors", ("mean image", "PCA", *MODELS)).items()
    }
    verdicts = _named(report, "beats_pca", MODELS)
    groups = _groups(answer, report["groups"], train=len(train), held_out=len(held_out))[1]
    if len(set(groups)) < 2:
        raise WrongAnswer("my_report['held_out'] must hold at least two groups, and it holds one.", "value")
    seen = {item.numpy().tobytes() for item in train}
    shared = sum(item.numpy().tobytes() in seen for item in held_out)
    if shared:
        answer.fail("items_shared", count=shared)
    sizes = [_code_size(model, name, held_out) for name, model in models.items()]
    if sizes[0] != sizes[1]:
        answer.fail("other_code_sizes", a=sizes[0], b=sizes[1])

    mean, directions = _components(train, sizes[0])
    pca = _per_item(held_out, mean, directions)
    errors = {name: anomaly.anomaly_scores(model, held_out).double() for name, model in models.items()}
    right = dict(zip(("mean image", "PCA"), _baselines(held_out, mean, directions), strict=True))
    right |= {name: error.mean().item() for name, error in errors.items()}
    on_train = dict(zip(("mean image", "PCA"), _baselines(train, mean, directions), strict=True))
    on_train |= {name: anomaly.anomaly_scores(model, train).mean().item() for name, model in models.items()}
    recipes = {
        "mean image": "the mean image of train",
        "PCA": f"a PCA of train with {sizes[0]} directions",
    }
    for name, value in right.items():
        facts = {"which": f"the {name}" if name != "PCA" else name, "said": said[name], "right": value}
        if math.isclose(said[name], value, rel_tol=0.02, abs_tol=1e-6):
            continue
        if math.isclose(said[name] * held_out[0].numel(), value, rel_tol=0.02):
            answer.fail("per_pixel", **facts)
        if math.isclose(said[name], on_train[name], rel_tol=0.02):
            answer.fail("measured_on_train", **facts)
        if name == "VAE":
            passes = _with_noise(models[name], held_out)
            if abs(said[name] - passes.mean()) < max(5 * passes.std(), 0.05 * passes.mean()):
                answer.fail("noisy_codes", **facts)
        answer.fail("not_measured", recipe=recipes.get(name, "images decoded from embed"), **facts)

    for name in MODELS:
        gains = (pca - errors[name]).numpy()
        by_group = np.array([gains[groups == group].mean() for group in set(groups)])
        gain, error = by_group.mean(), by_group.std(ddof=1) / math.sqrt(len(by_group))
        facts = {"which": f"the {name}", "gain": gain, "error": error}
        if gain < 1.9 * error and verdicts[name]:
            answer.fail("claims_too_much", **facts)
        if gain > 2.1 * error and not verdicts[name]:
            answer.fail("claims_too_little", **facts)
    return "Unexplained: " + ", ".join(f"{n} {right[n] / right['mean image']:.0%}" for n in right) + "."


def _per_item(images: Tensor, mean: Tensor, directions: Tensor) -> Tensor:
    around = images.double().flatten(1) - mean
    return (around - around @ directions.T @ directions).square().sum(dim=1)


@torch.no_grad()
def _with_noise(vae: nn.Module, images: Tensor) -> np.ndarray:
    """The errors of fifty passes with drawn codes: (50,)."""
    state = torch.get_rng_state()
    errors = [reconstruction_error(vae(images)[0], images).mean().item() for _ in range(50)]
    torch.set_rng_state(state)
    return np.array(errors)


@torch.no_grad()
def _code_size(model: object, name: str, images: Tensor) -> int:
    if not isinstance(model, nn.Module) or not hasattr(model, "embed") or not hasattr(model, "decode"):
        raise WrongAnswer(
            f"my_report['models'][{name!r}] must be a trained model with embed and decode.", "type"
        )
    if name == "VAE" and not isinstance(model(images[:2]), tuple):
        raise WrongAnswer(
            "my_report['models']['VAE'] gives no (x_hat, mu, log_var): is it a models.VAE?", "type"
        )
    return model.embed(images[:2]).shape[1]


def _entries(answer: Answer, *keys: str) -> dict:
    missing = [key for key in keys if not isinstance(answer.f, dict) or key not in answer.f]
    if missing:
        raise WrongAnswer(f"{answer.name} must be a dict with {', '.join(keys)}: {missing} missing.", "type")
    return answer.f


def _named(report: dict, key: str, names: tuple[str, ...]) -> dict:
    entry = report[key]
    if not isinstance(entry, dict) or set(entry) != set(names):
        raise WrongAnswer(
            f"my_report[{key!r}] must be a dict with an entry for each of {', '.join(names)}.", "type"
        )
    return {name: entry[name] for name in names}


def _groups(answer: Answer, pair: object, **sizes: int) -> list[np.ndarray]:
    """The names of the groups of the items of two parts, which have none in common."""
    first, second = sizes
    needed = (
        f"{answer.name}['groups'] must be ({first}_groups, {second}_groups): names for the {sizes[first]} "
        f"items of {first} and the {sizes[second]} of {second}"
    )
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise WrongAnswer(f"{needed}.", "type")
    found = [np.asarray(names) for names in pair]
    for part, names in zip(sizes, found, strict=True):
        if names.shape != (sizes[part],):
            raise WrongAnswer(f"{needed}; those of {part} are of the shape {names.shape}.", "type")
        if names.dtype.kind not in "UO":
            raise WrongAnswer(f"{needed}, and those of {part} are numbers.", "type")
    shared = sorted(set(found[0]) & set(found[1]))
    if shared:
        answer.fail("groups_shared", group=str(shared[0]), first=first, second=second)
    return found


def _items(images: object, name: str) -> Tensor:
    if not isinstance(images, Tensor) or images.ndim != 4 or len(images) < 2:
        raise WrongAnswer(f"{name} must be at least two items in one tensor (N, C, H, W).", "type")
    return images.detach().cpu()


# ── alarm ────────────────────────────────────────────────────────────────────────────────────────

CHANCE = 0.001  # of refusing an alarm that keeps its promise


@check(
    Mistake(
        "no_scores",
        "{key!r} says only which items raise an alarm: give their scores, as numbers.",
    ),
    Mistake(
        "rate_missed",
        "At your threshold {found} of the {total} calibration scores raise an alarm. At a rate of {rate:g} "
        "up to {allowed} may, and as many should.",
    ),
    Mistake(
        "set_on_held_out",
        "The threshold is that of the held-out scores. It then keeps its promise on them by construction, "
        "which tests nothing: choose it on the calibration part.",
    ),
    Mistake(
        "same_scores",
        "Calibration and held-out scores are the same items. A promise is tested on items that had no part "
        "in it.",
    ),
    GROUPS_SHARED,
    Mistake(
        "promise_broken",
        "{found} of {total} held-out items raise an alarm; by luck it would hardly be more than {high}. Was "
        "the threshold set on items that the model was trained on? Or are the parts of different kinds?",
    ),
    Mistake(
        "too_quiet",
        "{found} of {total} held-out items raise an alarm; by luck it would hardly be fewer than {low}. Are "
        "the held-out items easier than those of the calibration?",
    ),
    tests="the threshold on the calibration scores, and how many of the held-out ones lie above it",
)
def check_my_alarm(answer: Answer) -> str:
    """A dict: rate, threshold, the scores calibration (N,) and held_out (M,), groups: names for both."""
    alarm = _entries(answer, "rate", "threshold", "calibration", "held_out", "groups")
    rate, threshold = (answer.number(alarm[key], f"{key!r}") for key in ("rate", "threshold"))
    calibration, held_out = (_scores(answer, alarm, key) for key in ("calibration", "held_out"))
    if calibration.ndim != 1 or held_out.ndim != 1 or not len(calibration) or not len(held_out):
        raise WrongAnswer("'calibration' and 'held_out' must be scores (N,), one for each item.", "shape")
    if not 0 < rate < 1:
        raise WrongAnswer(f"'rate' must be a share between 0 and 1, not {rate:g}.", "value")
    if len(calibration) == len(held_out) and torch.equal(calibration.sort()[0], held_out.sort()[0]):
        answer.fail("same_scores")
    allowed = int(rate * len(calibration) + 1e-9)
    found = int((calibration > threshold).sum())
    own = anomaly.threshold_at(held_out, rate)
    if math.isclose(threshold, own, rel_tol=1e-5) and (calibration / threshold - 1).abs().min() > 1e-5:
        answer.fail("set_on_held_out")
    if abs(found - allowed) > 1:  # a quantile that interpolates may leave one more
        answer.fail("rate_missed", found=found, total=len(calibration), rate=rate, allowed=allowed)
    alarms = int((held_out > threshold).sum())
    groups = _groups(answer, alarm["groups"], calibration=len(calibration), held_out=len(held_out))
    sizes = [len(set(names)) for names in groups]
    low, high = _by_luck(found, len(calibration), len(held_out), *sizes)
    facts = {"found": alarms, "total": len(held_out), "low": low, "high": high}
    if alarms > high:
        answer.fail("promise_broken", **facts)
    if alarms < low:
        answer.fail("too_quiet", **facts)
    counts = f"{alarms} of {len(held_out)} raise an alarm where {rate * len(held_out):.3g} were promised"
    able = ", which hardly test the promise" if high >= len(held_out) / 2 else ""
    able = ", which cannot test the promise" if low == 0 and high >= len(held_out) else able
    where = f"{sizes[0]} groups in calibration and {sizes[1]} in held_out"
    return f"{counts}; luck alone gives {low} to {high} with {where}{able}."


def _scores(answer: Answer, alarm: dict, key: str) -> Tensor:
    try:
        return answer.tensor(alarm[key], {}, f"{key!r}")
    except WrongAnswer as error:
        if error.mistake == "dtype":
            answer.fail("no_scores", key=key)
        raise


def _by_luck(above: int, n: int, m: int, n_groups: float, m_groups: float) -> tuple[int, int]:
    """How many of `m` new scores lie above the threshold that leaves `above` of `n` scores above it.

    The share above an order statistic of n scores is Beta(above + 1, n − above), whatever the scores are.
    Scores of a group are alike, so n and m count as the groups that they come from: the worst case.
    """
    from scipy.stats import betabinom

    fewer = n_groups / n
    luck = betabinom(int(m_groups), fewer * (above + 1), fewer * (n - above))
    low, high = (int(luck.ppf(q)) for q in (CHANCE / 2, 1 - CHANCE / 2))
    return math.floor(low * m / m_groups), math.ceil(high * m / m_groups)
