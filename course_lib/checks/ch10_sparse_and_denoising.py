"""Checks for chapter 10, sparse and denoising autoencoders."""

from functools import partial

import numpy as np
import torch
from scipy.ndimage import median_filter
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import data
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.checks.scripts import scan_cleaner
from course_lib.checks.unfamiliar import Flaw, Script, asked, judge_tests, mistakes_in_tests, turned_round

# ── 10.2 One step to a sparse code ───────────────────────────────────────────────────────────────


def _downhill(z: Tensor, x: Tensor, atoms: Tensor, step: float) -> Tensor:
    """A step down the squared error alone; its slope comes from autograd."""
    z = z.double().requires_grad_()
    error = (x.double() - z @ atoms.double()).square().sum() / 2
    (slope,) = torch.autograd.grad(error, z)
    return (z - step * slope).detach()


@check(
    Mistake(
        "threshold_without_step",
        "The threshold is the whole price: one small step pays only a small part of it. Scale the price as "
        "you scale the slope.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step), price),
    ),
    Mistake(
        "hard",
        "This is a hard threshold: what survives must become shorter as well.",
        lambda z, x, atoms, price, step: F.hardshrink(_downhill(z, x, atoms, step), step * price),
    ),
    Mistake(
        "positive_only",
        "Negative numbers are cut off: this code has no ReLU, and an atom may be used with either sign.",
        lambda z, x, atoms, price, step: (_downhill(z, x, atoms, step) - step * price).clamp(min=0),
    ),
    Mistake(
        "sign_lost",
        "Negative numbers came back positive: a shorter number keeps its sign.",
        lambda z, x, atoms, price, step: (_downhill(z, x, atoms, step).abs() - step * price).clamp(min=0),
    ),
    Mistake(
        "no_threshold",
        "This is gradient descent on the squared error alone: the price of the code plays no part in it.",
        lambda z, x, atoms, price, step: _downhill(z, x, atoms, step),
    ),
    Mistake(
        "subgradient",
        "You took the slope of |z| as part of the gradient: then nothing becomes exactly 0. Step first, "
        "shorten afterwards.",
        lambda z, x, atoms, price, step: _downhill(z, x, atoms, step) - step * price * z.sign(),
    ),
    Mistake(
        "past_zero",
        "Short numbers went through zero and came out on the other side: shortening stops at 0.",
        lambda z, x, atoms, price, step: (m := _downhill(z, x, atoms, step)) - step * price * m.sign(),
    ),
    Mistake(
        "shrunk_by_a_factor",
        "This is what a square does: all numbers are divided by the same factor and none becomes 0.",
        lambda z, x, atoms, price, step: _downhill(z, x, atoms, step) / (1 + step * price),
    ),
    Mistake(
        "uphill",
        "The step goes uphill: with this sign the squared error grows.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, -step), step * price),
    ),
    Mistake(
        "threshold_first",
        "You shortened before the step: then the step may fill the zeros again. The step comes first.",
        lambda z, x, atoms, price, step: (
            _downhill(z, x, atoms, step) - z + F.softshrink(z.double(), step * price)
        ),
    ),
    Mistake(
        "moves_swapped",
        "The two moves are swapped: you shortened z and stepped from there. The step comes first.",
        lambda z, x, atoms, price, step: _downhill(F.softshrink(z, step * price), x, atoms, step),
    ),
    Mistake(
        "step_forgotten",
        "The slope is not multiplied by the step: so long a step overshoots.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, 1.0), step * price),
    ),
    Mistake(
        "twice",
        "The threshold is twice as large as it should be, or applied twice.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step), 2 * step * price),
    ),
    Mistake(
        "slope_doubled",
        "The slope is twice as large as it should be: the squared error has a ½ before it here.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, 2 * step), step * price),
    ),
    Mistake(
        "averaged_over_batch",
        "The slope is divided by the number of patches: each patch has its own code and its own step.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step / len(x)), step * price),
    ),
    Mistake(
        "price_divided",
        "The price is divided by the step: a short step pays a small part of it, not more than all.",
        lambda z, x, atoms, price, step: F.softshrink(_downhill(z, x, atoms, step), price / step),
    ),
    Mistake(
        "sign_of_z",
        "The sign is that of z before the step: the step may carry a number through 0, or away from it.",
        lambda z, x, atoms, price, step: (
            z.sign() * (_downhill(z, x, atoms, step).abs() - step * price).clamp(min=0)
        ),
    ),
    Mistake(
        "from_nothing",
        "The step starts at 0: it should start from the code z that the function is given.",
        lambda z, x, atoms, price, step: F.softshrink(
            _downhill(torch.zeros_like(z), x, atoms, step), step * price
        ),
    ),
    tests="shape, random codes with both signs and zeros, more and fewer atoms than pixels, one patch, "
    "prices of 0 and so high that all is silent",
)
def check_ista_step(answer: Answer) -> None:
    """f(z, x, atoms, price, step), z (B, K), x (B, P), atoms (K, P) → the next code (B, K)."""
    for batch, atoms_, pixels, price, step in (
        (12, 9, 6, 1.0, 0.3),
        (4, 3, 8, 0.8, 0.5),
        (1, 4, 5, 0.6, 0.4),
        (4, 5, 6, 0.0, 0.3),
        (3, 7, 7, 40.0, 0.3),
    ):
        atoms = F.normalize(answer.normal(atoms_, pixels), dim=1)
        z = 2 * answer.normal(batch, atoms_) * (answer.uniform(batch, atoms_) > 0.3)
        x = 2 * answer.normal(batch, pixels)
        expected = F.softshrink(_downhill(z, x, atoms, step), step * price)
        compare = answer.compare if batch > 3 and price else answer.compare_edge
        compare(expected, z=z, x=x, atoms=atoms, price=price, step=step)


# ── 10.4 A stranger's cleaner ────────────────────────────────────────────────────────────────────

SCAN_CLEANER = Script(
    scan_cleaner,
    "ScanCleaner",
    (
        Flaw("unit_atoms", "the atoms of the drawing", "dim=0)", "dim=1)"),
        Flaw(
            "loss",
            "what the training asks of a drawing",
            "        z = self.encode(self.spoil(x))\n",
            "        x = self.spoil(x)\n        z = self.encode(x)\n",
        ),
        Flaw(
            "in_use",
            "how sparse the code is said to be",
            "(self.encode(x) != 0).sum(dim=1).float().mean().item()",
            "(self.encode(x) != 0).any(dim=0).sum().item()",
        ),
    ),
)


@check(
    *mistakes_in_tests(SCAN_CLEANER),
    tests="your tests, on the class with nothing wrong in it and on three with one mistake each",
)
def check_scan_tests(answer: Answer) -> None:
    """A list of functions that take the class ScanCleaner and raise AssertionError on a mistake."""
    judge_tests(answer, SCAN_CLEANER)


@check(
    Mistake(
        "rows",
        "`unit_atoms` gives length one to the rows, one for each pixel: an atom is a column, and may still "
        "be as long as it likes.",
    ),
    Mistake("lengths", "The atoms of `unit_atoms` have lengths from {low:.3g} to {high:.3g}, and not one."),
    Mistake(
        "noisy_target",
        "`loss` compares the drawing with a scan that has noise: the goal is the clean one.",
    ),
    Mistake("clean_in", "`loss` does not depend on the noise: the network must see spoilt scans."),
    Mistake(
        "price_of_clean",
        "The price in `loss` is that of the clean scan's code: the network codes, and draws from, what it "
        "sees.",
    ),
    Mistake("loss", "Without noise `loss` is {found:.4g} where the docstring's number is {right:.4g}."),
    Mistake(
        "used_by_any",
        "`in_use` counts the numbers that any of the scans uses: asked is how many *one* scan uses, on "
        "average.",
    ),
    Mistake("share", "`in_use` returns a share: the docstring asks for a number of numbers."),
    Mistake("in_use", "`in_use` returns {found:.4g} where {right:.4g} is right."),
    Mistake("by_chance", "`clean` returns something else the second time: no noise belongs there."),
    Mistake("clean", "`clean` is not what `decode` makes of `encode`."),
    Mistake("does_not_learn", "The loss hardly falls any more: something that was right is gone."),
    Mistake(
        "untouched", "Some of its weights stay as they were while it learns: does a gradient reach them all?"
    ),
    tests="lengths of atoms, the loss without noise and with much of it, numbers in use of few and of many "
    "scans, a short training",
)
def check_scan_cleaner(answer: Answer) -> None:
    """The class ScanCleaner without its mistakes; methods and arguments as they were."""
    if not isinstance(answer.f, type):
        raise WrongAnswer("Give the check the class itself, without calling it.", "type")
    _has_unit_atoms(answer, _cleaner(answer))
    _asks_for_clean_scans(answer)
    cleaner = _cleaner(answer)
    _counts_numbers_in_use(answer, cleaner)
    x = answer.normal(5, 30)
    once, twice = (answer.tensor(asked(answer, cleaner.clean, noisy=x), {}, "clean") for _ in range(2))
    if not close(once, twice):
        answer.fail("by_chance")
    if not close(once, answer.tensor(_drawn(answer, cleaner, x), {}, "decode")):
        answer.fail("clean")

    before = [weights.detach().clone() for weights in cleaner.parameters()]

    def learn(scans: Tensor) -> list:
        cleaner.learn(scans, epochs=20)
        return cleaner.history

    losses = asked(answer, learn, scans=answer.uniform(200, 1) * answer.uniform(1, 30, high=3))
    if not losses[-1] < 0.7 * losses[0]:
        answer.fail("does_not_learn")
    if any(torch.equal(*pair) for pair in zip(before, cleaner.parameters(), strict=True)):
        answer.fail("untouched")


def _cleaner(answer: Answer, price: float = 0.3) -> nn.Module:
    return asked(answer, partial(answer.f, pixels=30, atoms=8, noise=0.5, price=price))


def _drawn(answer: Answer, cleaner: nn.Module, x: Tensor) -> object:
    return asked(answer, lambda x: cleaner.decode(cleaner.encode(x)), "decode", x=x)


def _has_unit_atoms(answer: Answer, cleaner: nn.Module) -> None:
    found = answer.tensor(asked(answer, lambda: cleaner.unit_atoms(), "unit_atoms"), {}, "unit_atoms")
    if found.shape != (30, 8):
        raise WrongAnswer(
            f"unit_atoms must return (pixels, atoms), (30, 8) here, not {tuple(found.shape)}.", "shape"
        )
    lengths = found.norm(dim=0)
    if not close(lengths, torch.ones(8).double()):
        if close(found.norm(dim=1), torch.ones(30).double()):
            answer.fail("rows")
        answer.fail("lengths", low=lengths.min(), high=lengths.max())


def _asks_for_clean_scans(answer: Answer) -> None:
    cleaner, x = _cleaner(answer), answer.normal(6, 30)
    cleaner.noise = 0.0
    quiet = answer.number(asked(answer, cleaner.loss, x=x), "loss")
    with torch.no_grad():
        z = cleaner.encode(x)
        error = (cleaner.decode(z) - x).square().sum(dim=1)
        right = (error + 0.3 * z.abs().sum(dim=1)).mean().item()
    if not np.isclose(quiet, right, rtol=1e-3):
        answer.fail("loss", found=quiet, right=right)
    cleaner.noise = 4.0
    if np.isclose(answer.number(asked(answer, cleaner.loss, x=x), "loss"), quiet, rtol=1e-5):
        answer.fail("clean_in")
    dear = _cleaner(answer, price=1e6)
    once, twice = (answer.number(asked(answer, dear.loss, x=x), "loss") for _ in range(2))
    if np.isclose(once, twice, rtol=1e-4):
        answer.fail("price_of_clean")
    with torch.no_grad():  # a code of zeros: a blank sheet is drawn, whatever is seen
        cleaner.encoder.weight.zero_()
        cleaner.encoder.bias.fill_(-1)
    blank = x.square().sum(dim=1).mean().item()
    found = answer.number(asked(answer, cleaner.loss, x=x), "loss")
    if not np.isclose(found, blank, rtol=1e-3):
        answer.fail("noisy_target")


def _counts_numbers_in_use(answer: Answer, cleaner: nn.Module) -> None:
    for n in (40, 3, 1):
        x = answer.normal(n, 30)
        found = answer.number(asked(answer, cleaner.in_use, x=x), "in_use")
        with torch.no_grad():
            on = cleaner.encode(x) != 0
        right = on.sum(dim=1).double().mean().item()
        if not np.isclose(found, right, rtol=1e-3):
            if found == on.any(dim=0).sum().item():
                answer.fail("used_by_any")
            if np.isclose(found, right / 8, rtol=1e-3):
                answer.fail("share")
            answer.fail("in_use", found=found, right=right)


# ── 10.5 Better than the filter ──────────────────────────────────────────────────────────────────

ALLOWED = {0.1: 1 / 12, 0.8: 1 / 6}  # σ of the noise → the share of the median filter's error


@check(
    Mistake("left_alone", "It returned the noisy images as they are: take some noise out of them."),
    Mistake(
        "ignores_the_image",
        "It returned the same image for all: what is left should depend on the noisy image it was given.",
    ),
    Mistake(
        "mean_lost",
        "The mean image is missing from the result: what you took away, you must add again at the end.",
    ),
    Mistake(
        "sigma_for_variance",
        "You used σ where σ² belongs: it is variances that are compared, those of the examples and that of "
        "the noise.",
    ),
    Mistake(
        "worse_than_the_filter",
        "At σ = {sigma} its error is {ratio:.2f} times that of the median filter, which knows nothing of "
        "circles. What do the examples say that the filter cannot know?",
    ),
    Mistake(
        "little_noise",
        "It is good at σ = 0.8; at σ = 0.1 its error is {ratio:.3f} times the filter's (allowed: 0.083): "
        "with little noise it throws away too much of the image. Does it use sigma?",
    ),
    Mistake(
        "much_noise",
        "It is good at σ = 0.1; at σ = 0.8 its error is {ratio:.3f} times the filter's (allowed: 0.167): "
        "with much noise it keeps too much of it. Does it use sigma?",
    ),
    Mistake(
        "not_there_yet",
        "It beats the filter, but not by enough: {low:.3f} times its error at σ = 0.1 (allowed: 0.083), "
        "{high:.3f} at σ = 0.8 (0.167). Trust each direction of the examples as far as it stands out of the "
        "noise.",
    ),
    tests="200 new circles with σ = 0.1 and σ = 0.8, against the better one of two median filters; one image",
)
def check_remove_noise(answer: Answer) -> str:
    """f(noisy, examples, sigma), noisy (N, 1, 28, 28), examples (M, 1, 28, 28) → clean images like noisy.

    Circles and noise are the same in every check, so that the verdict on an answer is, too.
    """
    rng = torch.Generator().manual_seed(0)
    examples, clean = data.circles(1000, seed=5_000).images, data.circles(200, seed=9_000).images
    ratios, whole = {}, {}
    for sigma in ALLOWED:
        noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
        inputs = {"noisy": noisy, "examples": examples, "sigma": sigma}
        found = answer.tensor(answer.call(**inputs), {"noisy": noisy})
        if found.shape != noisy.shape or not bool(torch.isfinite(found).all()):
            answer.match(found, clean, **inputs)
        if close(found, noisy.double()):
            answer.fail("left_alone")
        if close(found, found[:1].expand_as(found)):
            answer.fail("ignores_the_image")
        filtered = min(_error(_median(noisy, size), clean) for size in (3, 5))
        ratios[sigma] = _error(found, clean) / filtered
        whole[sigma] = _error(found + examples.mean(dim=0), clean) / filtered
        if ratios[sigma] > ALLOWED[sigma] and close(found, _wiener(noisy, examples, sigma), atol=2e-3):
            answer.fail("sigma_for_variance")
    _judge(answer, ratios, whole)
    one = {"noisy": noisy[:1], "examples": examples, "sigma": sigma}
    alone = answer.tensor(answer.call(**one), {"noisy": noisy})
    if alone.shape != noisy[:1].shape or not bool(torch.isfinite(alone).all()):
        answer.match(alone, found[:1], **one)
    return "Error ÷ the filter's: " + ", ".join(f"{r:.3f} at σ = {s}" for s, r in ratios.items()) + "."


def _judge(answer: Answer, ratios: dict[float, float], whole: dict[float, float]) -> None:
    passed = {sigma: ratios[sigma] <= allowed for sigma, allowed in ALLOWED.items()}
    if all(passed.values()):
        return
    if all(whole[sigma] <= allowed for sigma, allowed in ALLOWED.items()):
        answer.fail("mean_lost")
    if passed[0.8]:
        answer.fail("little_noise", ratio=ratios[0.1])
    if passed[0.1]:
        answer.fail("much_noise", ratio=ratios[0.8])
    for sigma, ratio in ratios.items():
        if ratio >= 0.99:
            answer.fail("worse_than_the_filter", sigma=sigma, ratio=ratio)
    answer.fail("not_there_yet", low=ratios[0.1], high=ratios[0.8])


def _wiener(noisy: Tensor, examples: Tensor, noise_variance: float) -> Tensor:
    """The best linear denoiser for this variance of the noise."""
    flat = examples.double().flatten(1)
    mean = flat.mean(dim=0)
    signal = (flat - mean).T @ (flat - mean) / len(flat)
    both = signal + noise_variance * torch.eye(len(signal), dtype=torch.float64)
    keep = torch.linalg.solve(both, signal)
    return (mean + (noisy.double().flatten(1) - mean) @ keep).view_as(noisy)


def _median(x: Tensor, size: int) -> Tensor:
    return torch.from_numpy(median_filter(x.numpy(), size=(1, 1, size, size)))


def _error(x_hat: Tensor, x: Tensor) -> float:
    return float((x_hat - x).square().flatten(1).sum(dim=1).mean())


# ── 10.6 Transfer: the sounds of a workshop ──────────────────────────────────────────────────────

UNEXPLAINED = 0.05
IN_USE = 3.0


def workshop(n, seed=0):
    """n recordings of 160 whole numbers (n, 160), and how loud each of 12 machines was, (n, 12)."""
    random = np.random.default_rng(seed)
    t = np.arange(160)
    period, fade = np.geomspace(4, 40, 12)[:, None], np.tile([15, 40, 25], 4)[:, None]
    knocks = np.sin(2 * np.pi * t / period) * np.exp(-t / fade)  # each machine has its own
    loud = random.gamma(4, 1500, (n, 12)) * (random.random((n, 12)) < 0.15)
    return (loud @ knocks + random.normal(0, 150, (n, 160))).round().astype(np.int16), loud


@check(
    Mistake("swapped", "The two functions are the wrong way round: first `hear`, then `play`."),
    Mistake(
        "other_unit",
        "What you play has a standard deviation of {found:.3g}, the recordings one of {right:.4g}: what was "
        "divided on the way in must be multiplied on the way out.",
    ),
    Mistake(
        "silent",
        "All codes, or nearly all, are zero: the price of a number is higher than what it saves. In which "
        "unit are the recordings?",
    ),
    Mistake(
        "nearly_zero",
        "{found:.1f} numbers of a code are in use on average, but only {large:.1f} are above a thousandth of "
        "the largest: tiny is not zero. What cuts numbers off?",
    ),
    Mistake(
        "dense",
        "{found:.1f} numbers of a code are in use on average; at most 3 are allowed, and most recordings "
        "hold fewer machines.",
    ),
    Mistake(
        "batch",
        "The same recording gets another code beside other recordings: scale by numbers of the training "
        "recordings, not of those that come in, and draw nothing at random.",
    ),
    Mistake(
        "remembers",
        "What `play` plays for a code depends on what `hear` heard last: it must follow from the code alone.",
    ),
    tests="300 fresh recordings: at most 3 numbers in use on average, exact zeros, at most 0.05 unexplained, "
    "each recording by itself",
)
def check_sound_code(answer: Answer) -> str:
    """(hear, play): recordings (N, 160) → codes (N, K) with few numbers in use → recordings (N, 160).

    Recordings are the same in every check, so that the verdict on an answer is, too.
    """
    if not isinstance(answer.f, (tuple, list)) or len(answer.f) != 2 or not all(map(callable, answer.f)):
        raise WrongAnswer("sound_code must be the two functions, as in `sound_code = hear, play`.", "type")

    def hear(sounds: np.ndarray) -> Tensor:
        return answer.tensor(asked(answer, answer.f[0], "hear", sounds=sounds), {}, "hear")

    def play(z: Tensor) -> Tensor:
        return answer.tensor(asked(answer, answer.f[1], "play", z=z), {}, "play")

    sounds, _ = workshop(300, seed=9_000)
    if turned_round(hear, play, sounds):
        answer.fail("swapped")
    z = hear(sounds)
    if z.ndim != 2 or len(z) != 300:
        raise WrongAnswer(f"hear must return (300, K) for 300 recordings, not {tuple(z.shape)}.", "shape")
    if not bool(z.isfinite().all()):
        raise WrongAnswer("Codes are NaN or infinite.", "nan")
    played = play(z.float())
    if played.shape != (300, 160):
        raise WrongAnswer(f"play must return (300, 160) for 300 codes, not {tuple(played.shape)}.", "shape")
    if not bool(played.isfinite().all()):
        raise WrongAnswer("What you play is NaN or infinite.", "nan")
    some = hear(sounds[:40])
    if not close(play(z.float()), played, atol=1):
        answer.fail("remembers")
    if not close(some, z[:40], rtol=1e-2, atol=1e-2 * float(z.std())):
        answer.fail("batch")
    found = (z != 0).sum(dim=1).double().mean().item()
    if found == 0:
        answer.fail("silent")
    if found > IN_USE:
        large = (z.abs() > 1e-3 * z.abs().max()).sum(dim=1).double().mean().item()
        answer.fail("nearly_zero" if large <= IN_USE else "dense", found=found, large=large)
    real = torch.from_numpy(sounds).double()
    if played.std() < 0.1 * real.std() and found < 0.5:
        answer.fail("silent")
    if not 0.1 < played.std() / real.std() < 10:
        answer.fail("other_unit", found=played.std().item(), right=real.std().item())
    left = float((played - real).square().sum() / real.square().sum())
    if left > UNEXPLAINED:
        raise WrongAnswer(
            f"With {found:.2f} numbers in use you leave {left:.3f} of 300 fresh recordings unexplained; the "
            f"yardstick is {UNEXPLAINED}."
        )
    return f"Yours use {found:.2f} and leave {left:.3f}."
