"""Checks for chapter 3, anomaly detection."""

import math
import sys
from types import FrameType

import numpy as np
import torch
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from course_lib import anomaly, data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.models import AutoEncoder

# ── A score for each image ───────────────────────────────────────────────────────────────────────


def _squared(model: AutoEncoder, images: Tensor) -> Tensor:
    with torch.no_grad():
        return (model.decoder(model.encoder(images)) - images).double().square()


def _scores(model: AutoEncoder, images: Tensor) -> Tensor:
    return torch.stack([error.sum() for error in _squared(model, images)])


@check(
    Mistake(
        "averaged_over_batch",
        "One number came out for the whole batch: it cannot say which image is odd. Keep the batch axis, "
        "and sum over "
        "the pixels of each image.",
        lambda model, images: _scores(model, images).mean(),
    ),
    Mistake(
        "averaged_over_everything",
        "You averaged over pixels and images alike: one number for the whole batch cannot say which image "
        "is odd.",
        lambda model, images: _squared(model, images).mean(),
    ),
    Mistake(
        "summed_over_everything",
        "You summed over the images too: one number for the whole batch cannot say which image is odd.",
        lambda model, images: _scores(model, images).sum(),
    ),
    Mistake(
        "same_for_all",
        "All images get the same score, the mean over the batch: each needs the error of its own pixels.",
        lambda model, images: _scores(model, images).mean().expand(len(images)),
    ),
    Mistake(
        "over_images",
        "You summed over the images and kept the pixels: that is an error map of the batch. Keep the first "
        "axis instead.",
        lambda model, images: _squared(model, images).sum(dim=0),
    ),
    Mistake(
        "not_summed",
        "These are error maps, a number for each pixel: sum over channel, rows and columns.",
        lambda model, images: _squared(model, images),
    ),
    Mistake(
        "mean_over_pixels",
        "You averaged over the pixels: the course's error is summed over the pixels of an image.",
        lambda model, images: _squared(model, images).flatten(1).mean(dim=1),
    ),
    Mistake(
        "absolute",
        "You took absolute differences: the score is made of squares.",
        lambda model, images: _squared(model, images).sqrt().flatten(1).sum(dim=1),
    ),
    Mistake(
        "root",
        "You took the square root of the sum: the score is the sum itself.",
        lambda model, images: _scores(model, images).sqrt(),
    ),
    Mistake(
        "square_of_sum",
        "You squared after summing: then too much ink here and too little there cancel out. Square each "
        "pixel first.",
        lambda model, images: (model(images) - images).double().flatten(1).sum(dim=1).square(),
    ),
    Mistake(
        "channels",
        "Right for images with one channel, and not for three: an image's error is summed over its channels, "
        "too.",
    ),
    Mistake(
        "squeezed",
        "Right for several images. But of a single one no axis is left: its score must have the shape (1,). "
        "`squeeze` removes every axis of length 1.",
    ),
    tests="shape and values for five images, for images with three channels, and for a single one, with a "
    "random model",
)
def check_score_images(answer: Answer) -> None:
    """f(model, images (N, C, H, W)) → the reconstruction error of each image (N,)."""
    for n, channels in ((5, 1), (4, 3), (1, 1)):
        model = _linear_autoencoder(answer, (channels, 6, 7)).train(channels == 1)
        inputs = {"model": model, "images": answer.uniform(n, channels, 6, 7)}
        right = _scores(*inputs.values())
        if channels == 1 and n > 1:
            answer.compare(right, **inputs)
            continue
        try:
            answer.compare_edge(right, **inputs)
        except WrongAnswer as error:
            if error.mistake in ("value", "shape", "raised"):
                answer.fail("channels" if channels > 1 else "squeezed")
            raise


def _linear_autoencoder(answer: Answer, shape: tuple[int, int, int]) -> AutoEncoder:
    pixels = math.prod(shape)
    model = AutoEncoder(
        nn.Sequential(nn.Flatten(), nn.Linear(pixels, 3), nn.Tanh()),
        nn.Sequential(nn.Linear(3, pixels), nn.Unflatten(1, shape)),
    )
    for weights in model.parameters():
        weights.data = 0.5 * answer.normal(*weights.shape)
    return model


# ── A threshold, and what it is worth ────────────────────────────────────────────────────────────


def _threshold(scores: Tensor, rate: float) -> float:
    """The lowest of the scores with at most a share `rate` of them above it, by trying each."""
    return min(t for t in scores.tolist() if (scores > t).double().mean().item() <= rate + 1e-9)


def _share_above(scores: Tensor, threshold: float) -> float:
    return (scores > threshold).double().mean().item()


def _sorted_at(scores: Tensor, place: int) -> float:
    return scores.sort(descending=True).values[place].item()


@check(
    Mistake(
        "from_test",
        "Your threshold comes from the test scores, and so the rate on them is as wished whatever happens. "
        "Which of the "
        "two sets is there to choose it?",
    ),
    Mistake(
        "pooled",
        "Your threshold comes from both sets together: then the test scores have helped to choose what they "
        "should "
        "judge.",
    ),
    Mistake(
        "wrong_end",
        "Most normal images lie above your threshold: the share above it is to be small, and the share "
        "below large.",
    ),
    Mistake(
        "interpolated",
        "Your threshold lies between two scores, as from torch.quantile, which interpolates. Here it is to "
        "be the lowest calibrate score that keeps the promise.",
    ),
    Mistake(
        "one_too_high",
        "Your threshold is one score too high: at the rate that was asked for, one more false alarm is "
        "allowed.",
    ),
    Mistake(
        "rounded",
        "{allowed:.2f} false alarms are allowed, and {above} calibrate scores lie above your threshold: "
        "rounding up breaks the promise.",
    ),
    Mistake(
        "one_too_low",
        "Your threshold is one score too low: one calibrate score too many lies above it. Count from the "
        "top, and begin "
        "at 0.",
    ),
    Mistake(
        "not_measured",
        "The threshold is right. But the rate is the one asked for, copied or measured on the calibrate "
        "scores, where it "
        "is as wished by construction: measure it on the test scores.",
    ),
    Mistake(
        "at_or_above",
        "Scores equal to the threshold are counted as alarms: an alarm needs a score above it.",
    ),
    Mistake("below", "This is the share that lies below the threshold: an alarm is a score above it."),
    Mistake("percent", "The rate is a share between 0 and 1, not a percentage."),
    Mistake("counted", "You return the number of false alarms; a rate is a share of the test scores."),
    Mistake("swapped", "First the threshold, then the rate: yours are swapped."),
    tests="random scores with and without ties, at rates that allow a whole number of false alarms and at "
    "5 and 10 % of other numbers of scores",
)
def check_calibrate(answer: Answer) -> None:
    """f(calibrate_scores (N,), test_scores (M,), false_positive_rate) → (threshold, rate on the test)."""
    for rate, n in ((0.125, 400), (0.05, 386), (0.05, 393), (0.10, 386)):  # 50; 19.3, 19.65 and 38.6
        _judge_calibration(answer, answer.normal(n).exp(), (1 + answer.normal(250)).exp(), rate)
    tied, test = (answer.normal(n).exp().mul(4).round() / 4 for n in (393, 250))
    test[:9] = _threshold(tied, 0.05)
    _judge_calibration(answer, tied, test, 0.05)


def _judge_calibration(answer: Answer, calibrate: Tensor, test: Tensor, rate: float) -> None:
    inputs = {"calibrate_scores": calibrate, "test_scores": test, "false_positive_rate": rate}
    result = answer.call(**inputs)
    parts = answer.parts(result, "the threshold", "the rate on the test set")
    threshold, measured = (answer.number(value) for value in parts)
    right = _threshold(calibrate, rate)
    expected = _share_above(test, right)
    if not np.isclose(threshold, right, rtol=1e-5):
        if np.isclose(measured, right, rtol=1e-5):
            answer.fail("swapped")
        _name_the_threshold(answer, threshold, calibrate, test, rate)
        raise WrongAnswer(
            f"The threshold is {threshold:.4g} where {right:.4g} is right: the lowest of the "
            f"{len(calibrate)} calibrate "
            f"scores with at most {rate:.1%} of them above it."
        )
    if abs(measured - expected) > 1e-6:
        for name, wrong in (
            ("percent", 100 * expected),
            ("counted", expected * len(test)),
            ("below", 1 - expected),
            ("not_measured", rate),
            ("not_measured", _share_above(calibrate, right)),
            ("at_or_above", (test >= right).double().mean().item()),
        ):
            if abs(measured - wrong) < 1e-5 * max(1, wrong):
                answer.fail(name)
        raise WrongAnswer(
            f"The threshold is right, and {expected:.4f} of the test scores lie above it; calibrate returned "
            f"{measured:.4f}."
        )


def _name_the_threshold(answer: Answer, found: float, calibrate: Tensor, test: Tensor, rate: float) -> None:
    pooled = torch.cat([calibrate, test])
    allowed = rate * len(calibrate)
    if not float(allowed).is_integer() and np.isclose(
        found, _sorted_at(calibrate, math.ceil(allowed)), rtol=1e-6
    ):
        answer.fail("rounded", allowed=allowed, above=math.ceil(allowed))
    allowed = int(allowed)
    around = _sorted_at(calibrate, allowed + 1), _sorted_at(calibrate, allowed - 1)
    for name, wrong in (
        ("from_test", _threshold(test, rate)),
        ("from_test", test.quantile(1 - rate).item()),
        ("pooled", _threshold(pooled, rate)),
        ("pooled", pooled.quantile(1 - rate).item()),
        ("one_too_low", around[0]),
        ("one_too_high", around[1]),
    ):
        if np.isclose(found, wrong, rtol=1e-6):
            answer.fail(name)
    if _share_above(calibrate, found) > 0.5:
        answer.fail("wrong_end")
    if around[0] < found < around[1]:
        answer.fail("interpolated")


# ── The AUC by counting pairs ────────────────────────────────────────────────────────────────────


COUNTING = ("sklearn.metrics", "scipy.stats._mannwhitneyu", "course_lib.anomaly")


def _wins(normal: Tensor, odd: Tensor) -> Tensor:
    return odd[:, None] > normal


def _share_won(normal: Tensor, odd: Tensor) -> Tensor:
    ties = odd[:, None] == normal
    return (_wins(normal, odd) + 0.5 * ties).double().mean()


@check(
    Mistake(
        "upside_down",
        "Upside down: this is the chance that a normal image has the higher score. A detector that finds "
        "everything must "
        "get 1.",
        lambda normal, odd: 1 - _share_won(normal, odd),
    ),
    Mistake(
        "counted",
        "This is the number of pairs that are won: divide by the number of all pairs.",
        lambda normal, odd: _wins(normal, odd).sum().double(),
    ),
    Mistake(
        "divided_by_odd",
        "You divide by the number of odd images: there are as many pairs as odd times normal images.",
        lambda normal, odd: _wins(normal, odd).sum().double() / len(odd),
    ),
    Mistake(
        "divided_by_normal",
        "You divide by the number of normal images: there are as many pairs as odd times normal images.",
        lambda normal, odd: _wins(normal, odd).sum().double() / len(normal),
    ),
    Mistake(
        "one_by_one",
        "You hold the first odd score against the first normal one, and so on: each odd score must be held "
        "against each normal one.",
        lambda normal, odd: (odd > normal[: len(odd)]).double().mean(),
    ),
    Mistake(
        "one_for_all",
        "You compare with one typical normal score: each odd score must be held against each normal one.",
        lambda normal, odd: (odd > normal.mean()).double().mean(),
    ),
    Mistake(
        "one_for_all",
        "You compare with one typical normal score: each odd score must be held against each normal one.",
        lambda normal, odd: (odd > normal.median()).double().mean(),
    ),
    Mistake(
        "ties_lost",
        "Right without ties. But a tie counts as lost with you, and it should count half: with all scores "
        "equal the AUC "
        "must be ½.",
        lambda normal, odd: _wins(normal, odd).double().mean(),
    ),
    Mistake(
        "ties_won",
        "Right without ties. But a tie counts as won with you, and it should count half: with all scores "
        "equal the AUC "
        "must be ½.",
        lambda normal, odd: (odd[:, None] >= normal).double().mean(),
    ),
    Mistake(
        "never_below_half",
        "It never falls below one half. But a detector can score odd images lower than normal ones, and then "
        "the AUC must say so: an AUC of 0.2 is a sign that something is the wrong way round.",
        lambda normal, odd: (share := _share_won(normal, odd)).maximum(1 - share),
    ),
    Mistake("library", "You call {call}: here the pairs are to be counted, with comparisons of your own."),
    tests="random scores against scikit-learn's roc_auc_score, odd ones higher and lower, without ties and "
    "with many; scores all alike, a single pair",
)
def check_auc_by_pairs(answer: Answer) -> None:
    """f(normal (N,), odd (M,)) → the share of pairs in which the odd score is higher, ties counting half."""
    for tied in (False, True):
        draws = [(2 * answer.normal(40), shift + 2 * answer.normal(23)) for shift in (1, -1, 2, 0) * 2]
        draws = [tuple(scores.round() if tied else scores for scores in pair) for pair in draws]
        found = [_area(answer, *pair) for pair in draws]
        right = [roc_auc_score([0] * 40 + [1] * 23, torch.cat(pair)) for pair in draws]
        if np.allclose(found, right, rtol=1e-4):
            continue
        for mistake in answer.mistakes:  # told by all draws: a few may be coincidences
            wrong = mistake.answer and [float(mistake.answer(*pair)) for pair in draws]
            if wrong and np.allclose(found, wrong, rtol=1e-4):
                raise WrongAnswer(mistake.message, mistake.name)
        worst = np.abs(np.subtract(found, right)).argmax()
        raise WrongAnswer(
            f"auc_by_pairs returned {found[worst]:.4f} where {right[worst]:.4f} is right: it was given 40 "
            f"normal and 23 odd scores{', many of them equal' if tied else ''}."
        )
    for n, m in ((3, 4), (1, 1)):
        inputs = {"normal": torch.ones(n), "odd": torch.ones(m)}
        answer.match(_area(answer, **inputs), 0.5, **inputs)


def _area(answer: Answer, normal: Tensor, odd: Tensor) -> float:
    """What the answer returns for these scores; calls of functions that count for it are noticed."""
    calls, profile = [], sys.getprofile()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_globals.get("__name__", "").startswith(COUNTING):
            calls.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        result = answer.call(normal=normal, odd=odd)
    finally:
        sys.setprofile(profile)
    if calls:
        answer.fail("library", call=calls[0])
    return answer.number(result)


# ── How many false alarms can we afford? ─────────────────────────────────────────────────────────


RANGES = (0.6, 0.95), (0.02, 0.2), (0.55, 0.75)  # of the true-positive rate, the base rate, the precision


def _affordable(true_positive_rate: float, base_rate: float, precision: float) -> float:
    """The rate at which Bayes' rule gives the precision, found by a search."""

    def too_precise(false_positive_rate: float) -> float:
        hits = true_positive_rate * base_rate
        return hits / (hits + false_positive_rate * (1 - base_rate)) - precision

    return brentq(too_precise, 0, 1e6, xtol=1e-16)


@check(
    Mistake(
        "base_rate_forgotten",
        "The base rate is missing: when odd images are rare, there are many more good ones to raise false "
        "alarms.",
        lambda caught, base, precision: caught * (1 - precision) / precision,
    ),
    Mistake(
        "per_image",
        "This is the number of false alarms per image of any kind: a false-positive rate is a share of the "
        "good images.",
        lambda caught, base, precision: caught * base * (1 - precision) / precision,
    ),
    Mistake(
        "share_of_hits",
        "You took 1 − precision as a share of the hits: it is a share of all alarms, hits and false ones "
        "together.",
        lambda caught, base, precision: caught * base * (1 - precision) / (1 - base),
    ),
    Mistake(
        "upside_down",
        "Precision is upside down: the more precise the alarms are to be, the fewer false ones can be "
        "afforded.",
        lambda caught, base, precision: caught * base * precision / (1 - precision) / (1 - base),
    ),
    Mistake(
        "all_caught",
        "You count all odd images as found: only a share, the true-positive rate, raises an alarm.",
        lambda caught, base, precision: base * (1 - precision) / precision / (1 - base),
    ),
    Mistake(
        "alarms_not_false_ones",
        "This is the rate of all alarms, hits among them: take the hits away.",
        lambda caught, base, precision: caught * base / precision / (1 - base),
    ),
    Mistake(
        "odds_upside_down",
        "Odd and good images are swapped: there are base_rate odd images for every 1 − base_rate good ones.",
        lambda caught, base, precision: caught * (1 - base) * (1 - precision) / precision / base,
    ),
    Mistake(
        "percent",
        "The result is a share between 0 and 1, not a percentage.",
        lambda caught, base, precision: 100 * _affordable(caught, base, precision),
    ),
    Mistake(
        "counted",
        "This is a number of false alarms in 10,000 good images: a rate is a share of the good images.",
        lambda caught, base, precision: 1e4 * _affordable(caught, base, precision),
    ),
    tests="the machine of the text, one with an odd image in 100,000 and six random ones against Bayes' rule "
    "solved by a search",
)
def check_affordable_rate(answer: Answer) -> None:
    """f(true_positive_rate, base_rate, precision) → the false-positive rate at that precision."""
    drawn = [
        [round(answer.uniform(1, low=low, high=high).item(), 3) for low, high in RANGES] for _ in range(6)
    ]
    for machine in ((0.8, 0.001, 0.9), *drawn, (0.8, 1e-5, 0.9)):
        inputs = dict(zip(("true_positive_rate", "base_rate", "precision"), machine, strict=True))
        found = answer.number(answer.call(**inputs))
        answer.match(found, _affordable(*machine), rtol=1e-4, atol=1e-10, **inputs)


# ── Experiment: a score that mends the blank page ────────────────────────────────────────────────

YARDSTICK = {"blank": 1.0, "duck": 0.95, "square": 0.70, "dot": 0.25}  # shares that must be caught
FALSE_ALARMS = 0.01


def _redraw(images: Tensor) -> Tensor:
    """A detector without training: it draws the nearest of 152 circles that it knows, and nothing else."""
    radii, x, y = torch.meshgrid(
        torch.linspace(*data.RADIUS_RANGE, 38), *[torch.tensor([0.5075, 0.5225])] * 2, indexing="ij"
    )
    known = data.render_circles(radii.flatten(), torch.stack([x.flatten(), y.flatten()], dim=1))
    return known[torch.cdist(images.flatten(1), known.flatten(1)).argmin(dim=1)]


@check(
    Mistake(
        "summed",
        "On circles this is the summed error, which lets all dots pass: compare it with the ink that there "
        "is.",
        lambda x_hat, x: (x_hat - x).double().square().flatten(1).sum(dim=1),
    ),
    Mistake(
        "mean_over_pixels",
        "This is the summed error divided by the number of pixels, the same for every image: it lets "
        "all dots pass. Compare it with the ink that there is.",
        lambda x_hat, x: (x_hat - x).double().square().flatten(1).mean(dim=1),
    ),
    Mistake(
        "averaged_over_batch",
        "One number came out for the whole batch: it cannot say which image is odd. Keep the batch axis.",
    ),
    Mistake(
        "divided_by_zero",
        "A blank page gives NaN or infinity: you divide by the ink of the page, and it has none.",
    ),
    Mistake(
        "blank_redrawn_blank",
        "A blank page that is redrawn blank gives NaN, nothing divided by nothing: any finite score will do "
        "there.",
    ),
    Mistake(
        "depends_on_batch",
        "The score of an image depends on the others in the batch, or on luck: it must follow from x and "
        "x_hat of that image alone.",
    ),
    Mistake(
        "upside_down",
        "Upside down: good circles get higher scores than odd images. A higher score must mean an odder one.",
    ),
    tests="a simple detector at 1 % false alarms: blank pages, ducks, squares and dots caught; one number an "
    "image, also for a single one and for three channels",
)
def check_mended_score(answer: Answer) -> None:
    """f(x_hat, x), each (N, 1, 28, 28) → a score for each image (N,), higher for odder ones."""
    seed = int(answer.uniform(1, high=2**31 - 500))
    normal = data.circles(1000, seed=seed).images
    odd = {kind: data.anomalies(kind, 300, seed=seed + 1) for kind in YARDSTICK}
    on_normal = _score(answer, normal)
    for few in (slice(0, 3), slice(3, 6), slice(6, 7)):
        if not torch.allclose(_score(answer, normal[few]), on_normal[few], rtol=1e-2, atol=1e-6):
            answer.fail("depends_on_batch")
    scores = {kind: _score(answer, images) for kind, images in odd.items()}
    _score(answer, normal[:2], channels=3)
    blank = torch.zeros(2, 1, 28, 28)
    if not bool(torch.isfinite(answer.tensor(answer.call(x_hat=blank, x=blank), {})).all()):
        answer.fail("blank_redrawn_blank")
    threshold = _threshold(on_normal, FALSE_ALARMS)
    caught = {kind: _share_above(values, threshold) for kind, values in scores.items()}
    if any(caught[kind] < wanted for kind, wanted in YARDSTICK.items()):
        if np.mean([anomaly.auc(on_normal, values) for values in scores.values()]) < 0.3:
            answer.fail("upside_down")
        for mistake in answer.mistakes:
            if mistake.answer and close(on_normal, mistake.answer(_redraw(normal), normal)):
                answer.fail(mistake.name)
        shares = ", ".join(f"{kind} {caught[kind]:.0%} of {wanted:.0%}" for kind, wanted in YARDSTICK.items())
        raise WrongAnswer(
            f"At 1 % false alarms it catches too few. Caught, of what the yardstick asks: {shares}."
        )


def _score(answer: Answer, images: Tensor, channels: int = 1) -> Tensor:
    inputs = {name: x.expand(-1, channels, -1, -1) for name, x in (("x_hat", _redraw(images)), ("x", images))}
    scores = answer.tensor(answer.call(**inputs), inputs)
    if scores.numel() == 1 and len(images) > 1:
        answer.fail("averaged_over_batch")
    if scores.shape != (len(images),):
        raise WrongAnswer(
            f"mended_score must return one number an image, ({len(images)},) for images of the shape "
            f"{tuple(inputs['x'].shape)}, not {tuple(scores.shape)}.",
            "shape",
        )
    if not bool(torch.isfinite(scores).all()):
        if bool(images.any()):
            raise WrongAnswer("mended_score returned NaN or infinity for images with ink.", "nan")
        answer.fail("divided_by_zero")
    return scores
