"""Checks for chapter 6, the KL divergence."""

import math
from functools import partial

import numpy as np
import torch
from scipy.special import rel_entr
from scipy.stats import sem, spearmanr
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import kl_div

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.checks.scripts import tank_reader
from course_lib.checks.unfamiliar import Flaw, Script, asked, judge_tests, mistakes_in_tests

# ── 6.2 A KL from draws ──────────────────────────────────────────────────────────────────────────


NEGATIVE_DRAWS = (
    "Single draws may count as negative: without them, or with their sign removed, the average is too large."
)


def _mean_and_error(values: Tensor) -> tuple[float, float]:
    return values.mean().item(), float(sem(values.double().numpy()))


@check(
    Mistake(
        "direction",
        "The logarithm is upside down: the draws come from q, so it is q that is compared with p, log q − "
        "log p.",
        lambda log_q, log_p: _mean_and_error(log_p - log_q),
    ),
    Mistake(
        "weighted_twice",
        "You multiplied by q's density: the integral does, but the draws already come from q, often where it "
        "is high.",
        lambda log_q, log_p: _mean_and_error(log_q.exp() * (log_q - log_p)),
    ),
    Mistake("absolute", NEGATIVE_DRAWS, lambda log_q, log_p: _mean_and_error((log_q - log_p).abs())),
    Mistake(
        "without_negative", NEGATIVE_DRAWS, lambda log_q, log_p: _mean_and_error((log_q - log_p).clamp(min=0))
    ),
    Mistake(
        "never_negative",
        "The average of these draws is negative, and yours is not. The KL is never negative, but its "
        "estimate may be: leave it as it comes, or it is too large on average.",
    ),
    Mistake(
        "order",
        "Both numbers are right, and in the wrong order: first the estimate, then its standard error.",
        lambda log_q, log_p: _mean_and_error(log_q - log_p)[::-1],
    ),
    Mistake(
        "summed",
        "You summed over the draws: a KL is an average, and must not grow with the number of draws.",
        lambda log_q, log_p: ((log_q - log_p).sum(), _mean_and_error(log_q - log_p)[1]),
    ),
    Mistake(
        "bits",
        "These are bits: leave the result in nats, as the logarithms come.",
        lambda log_q, log_p: _mean_and_error((log_q - log_p) / math.log(2)),
    ),
    Mistake(
        "spread_for_error",
        "Your second number is the standard deviation of one draw; the error of the average shrinks as draws "
        "are added.",
        lambda log_q, log_p: ((log_q - log_p).mean(), (log_q - log_p).std()),
    ),
    Mistake(
        "divided_by_n",
        "Your standard error shrinks too fast: four times the draws only halve it.",
        lambda log_q, log_p: ((log_q - log_p).mean(), (log_q - log_p).std() / len(log_q)),
    ),
    Mistake(
        "variance_for_error",
        "Your second number is the variance of the average: the standard error is in nats, not in nats "
        "squared.",
        lambda log_q, log_p: ((log_q - log_p).mean(), (log_q - log_p).var() / len(log_q)),
    ),
    tests="estimate and standard error against SciPy, for Gaussians and for any other densities, for many "
    "draws and for ten, for an estimate below 0",
)
def check_monte_carlo_kl(answer: Answer) -> None:
    """f(log_q (N,), log_p (N,)) of N draws from q → (estimate of KL(q ‖ p), its standard error), in nats."""
    mu, log_var = answer.normal(1), answer.normal(1)
    q = Normal(mu, (log_var / 2).exp())
    z = mu + q.stddev * answer.normal(3000)
    gaussians = q.log_prob(z), Normal(0.0, 1.0).log_prob(z)
    others = answer.normal(2500) - 1, 2 * answer.normal(2500) - 3
    for log_q, log_p in (others, gaussians):
        estimate, error = _mean_and_error(log_q - log_p)
        answer.compare_parts(
            {"estimate": estimate, "standard_error": error}, atol=1e-5, log_q=log_q, log_p=log_p
        )
    log_q = answer.normal(400) - 2
    log_p = log_q + answer.normal(400) + 0.5  # the estimate is about −0.5
    estimate, error = _mean_and_error(log_q - log_p)
    inputs = {"log_q": log_q, "log_p": log_p}
    found = answer.tensor(answer.parts(answer.call(**inputs), "estimate", "standard_error")[0], inputs)
    if found.ndim == 0 and (found >= 0 or abs(found + estimate) < 1e-4):
        answer.fail("never_negative")
    answer.compare_parts({"estimate": estimate, "standard_error": error}, rtol=2e-3, **inputs)
    few = {"log_q": answer.normal(10) - 1, "log_p": answer.normal(10) - 3}
    estimate, error = _mean_and_error(few["log_q"] - few["log_p"])
    answer.compare_edge({"estimate": estimate, "standard_error": error}, rtol=0.06, **few)  # by N or by N − 1


# ── 6.3 The wrong way round ──────────────────────────────────────────────────────────────────────


def _kl_of_reports(q: Tensor, p: Tensor) -> Tensor:
    return torch.as_tensor(rel_entr(q.double().numpy(), p.double().numpy()).sum(axis=1))


@check(
    Mistake(
        "direction",
        "This is KL(p ‖ q): the expectation is over the belief, and it must be over the truth. Which "
        "argument does PyTorch expect first?",
        lambda q, p: _kl_of_reports(p, q),
    ),
    Mistake(
        "mean_over_reports",
        "You averaged over the reports: q itself is the weight of each, so their parts are summed.",
        lambda q, p: _kl_of_reports(q, p) / q.shape[1],
    ),
    Mistake(
        "sign",
        "It is negative, and a KL never is: the ratio in the logarithm is upside down.",
        lambda q, p: -_kl_of_reports(q, p),
    ),
    Mistake(
        "cross_entropy",
        "This is the whole length of p's words; the KL is what they are longer than q's own.",
        lambda q, p: -(q * p.log()).sum(dim=1),
    ),
    Mistake(
        "bits",
        "These are bits: use the natural logarithm, as everywhere from section 1 on.",
        lambda q, p: _kl_of_reports(q, p) / math.log(2),
    ),
    Mistake(
        "mean_over_stations",
        "One number for each row is asked for, (B,): you averaged over them.",
        lambda q, p: _kl_of_reports(q, p).mean(),
    ),
    Mistake(
        "sum_over_stations",
        "One number for each row is asked for, (B,): you summed over them.",
        lambda q, p: _kl_of_reports(q, p).sum(),
    ),
    Mistake(
        "zero_times_log_zero",
        "A report that never comes makes it NaN: 0 · log 0 counts as 0, for nobody pays for a word never "
        "sent.",
    ),
    Mistake(
        "softened",
        "What p holds to be impossible does happen here, so the cost is infinite, and yours is finite: add "
        "no small number, and do not clamp.",
    ),
    Mistake(
        "log_missing",
        "kl_div wants logarithms as its first argument, and got probabilities: see the library's reference.",
        lambda q, p: kl_div(p, q, reduction="none").sum(dim=1),
    ),
    Mistake(
        "both_zero",
        "A report that never comes and that is held impossible, q = p = 0, adds nothing: 0. Yours is "
        "{found:g} there, where {right:.3g} is right. Is it p alone that you look at, or is something 0/0?",
    ),
    tests="values against SciPy, the right way round, reports that never come, reports held impossible, both "
    "at once, very rare ones, one row",
)
def check_kl_of_reports(answer: Answer) -> None:
    """f(q, p), probabilities (B, K) → KL(q ‖ p) of each row in nats (B,)."""
    q, p = answer.normal(5, 4).softmax(dim=1), answer.normal(5, 4).softmax(dim=1)
    answer.compare(_kl_of_reports(q, p), q=q, p=p)
    never = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    even = torch.tensor([[0.25, 0.25, 0.5], [0.25, 0.5, 0.25]])
    result = answer.call(q=never, p=even)
    found = answer.tensor(result, {"q": never})
    if found.shape == (2,) and bool(found.isnan().any()):
        answer.fail("zero_times_log_zero")
    answer.match(result, _kl_of_reports(never, even), q=never, p=even)
    result = answer.call(q=even, p=never)
    found = answer.tensor(result, {"q": even})
    if found.shape == (2,) and bool(found.isfinite().any()):
        answer.fail("softened")
    answer.match(result, _kl_of_reports(even, never), q=even, p=never)
    q, p = (
        torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]),
        torch.tensor([[0.25, 0.75, 0.0], [0.5, 0.5, 0.0]]),
    )
    result, right = answer.call(q=q, p=p), _kl_of_reports(q, p)
    found = answer.tensor(result, {"q": q})
    for value, wanted in zip(found.reshape(-1), right, strict=False):
        if abs(value - wanted) > 1e-4 or value.isnan():
            answer.fail("both_zero", found=value.item(), right=wanted.item())
    rare = torch.tensor([[1 - 1e-6, 1e-6, 0.0]])
    for q, p in ((even[:1], rare.flip(1) + 1e-6), (rare, even[:1]), (torch.ones(1, 1), torch.ones(1, 1))):
        answer.compare_edge(_kl_of_reports(q, p), q=q, p=p)


# ── 6.5 A stranger's tanks ───────────────────────────────────────────────────────────────────────

TANK_READER = Script(
    tank_reader,
    "TankReader",
    (
        Flaw("error", "how much a sensor's word counts", "self.noise.square()\n", "self.noise\n"),
        Flaw("kl", "the price of a cloud", "kl_divergence(cloud, prior)", "kl_divergence(prior, cloud)"),
        Flaw(
            "draw",
            "what the training learns from a level that was drawn",
            "        return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)",
            """        with torch.no_grad():
            chance = torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return mu + chance""",
        ),
    ),
)


@check(
    *mistakes_in_tests(TANK_READER),
    tests="your tests, on the class with nothing wrong in it and on three with one mistake each",
)
def check_tank_tests(answer: Answer) -> None:
    """A list of functions that take the class TankReader and raise AssertionError on a mistake."""
    judge_tests(answer, TANK_READER)


@check(
    Mistake(
        "noise_not_squared",
        "`error` divides by the noise where its square belongs: write log N(reading; z, noise²) out.",
    ),
    Mistake("half", "`error` is twice too large: a Gaussian's logarithm has a ½ before the square."),
    Mistake(
        "mean_over_sensors",
        "`error` averages over the sensors: independent readings multiply, so their logarithms add up.",
    ),
    Mistake("error", "From level 0 to level 1 `error` grows by {found:.4g} where {right:.4g} is right."),
    Mistake(
        "direction",
        "`kl` asks what the prior pays that expects the cloud: in the ELBO the levels come from the cloud.",
    ),
    Mistake("kl", "`kl` returns {found:.4g} where {right:.4g} is right."),
    Mistake(
        "log_var_as_log_sigma",
        "`draw` uses log_var as if it were log sigma: its exponential is already the variance.",
    ),
    Mistake("by_itself", "`draw` gives every tank of the batch the same luck, or none at all."),
    Mistake("centre", "`draw` has the mean {found:.3g} where mu is 3."),
    Mistake("spread", "`draw` scatters with a standard deviation of {found:.3g}, and sigma is {right:.3g}."),
    Mistake(
        "cut_off",
        "No gradient comes from a drawn level back to {head}: the error cannot teach the encoder that "
        "half of the cloud.",
    ),
    Mistake(
        "not_the_posterior",
        "Its parts are right, and after `learn` sigma is {found:.3f}; by Bayes' rule it is {right:.3f}. Is "
        "something wrong in `learn` or `read` now?",
    ),
    Mistake(
        "other_weights",
        "Its parts are right, and after `learn` the levels it reads are {off:.2f} away from those of Bayes' "
        "rule. Is something wrong in `learn` or `read` now?",
    ),
    tests="error and KL against torch.distributions, for one tank and for many, draws and their gradients, a "
    "training against Bayes' rule",
)
def check_tank_reader(answer: Answer) -> None:
    """The class TankReader without its mistakes; methods and arguments as they were."""
    if not isinstance(answer.f, type):
        raise WrongAnswer("Give the check the class itself, without calling it.", "type")
    noise = [0.4, 0.9, 2.0]
    reader = asked(answer, partial(answer.f, noise))
    for n in (6, 1):
        _weighs_the_sensors(answer, reader, n)
        _prices_the_cloud(answer, reader, n)
    _draws_for_training(answer, reader)
    _finds_the_posterior(answer, reader)


def _in_nats(answer: Answer, method: object, n: int, **inputs: Tensor) -> Tensor:
    found = answer.tensor(asked(answer, method, **inputs), {}, method.__name__)
    if found.shape != (n,):
        raise WrongAnswer(
            f"{method.__name__} must return one number for each of {n} tanks, ({n},), not "
            f"{tuple(found.shape)}.",
            "shape",
        )
    return found


def _weighs_the_sensors(answer: Answer, reader: nn.Module, n: int) -> None:
    readings, noise = answer.normal(n, 3), torch.tensor([0.4, 0.9, 2.0])
    low, high = torch.zeros(n, 1), torch.ones(n, 1)
    found = _in_nats(answer, reader.error, n, z=high, readings=readings)
    found = found - _in_nats(answer, reader.error, n, z=low, readings=readings)
    grows = (readings - 1).double().square() - readings.double().square()
    right = (grows / noise**2).sum(dim=1) / 2
    if close(found, right):
        return
    for name, wrong in {
        "noise_not_squared": (grows / noise).sum(dim=1) / 2,
        "half": 2 * right,
        "mean_over_sensors": right / 3,
    }.items():
        if close(found, wrong):
            answer.fail(name)
    answer.fail("error", found=found[0].item(), right=right[0].item())


def _prices_the_cloud(answer: Answer, reader: nn.Module, n: int) -> None:
    mu, log_var = answer.normal(n, 1), answer.normal(n, 1)
    found = _in_nats(answer, reader.kl, n, mu=mu, log_var=log_var)
    cloud, prior = Normal(mu.double(), (log_var.double() / 2).exp()), Normal(torch.zeros(n, 1).double(), 1.0)
    right = kl_divergence(cloud, prior)[:, 0]
    if not close(found, right):
        if close(found, kl_divergence(prior, cloud)[:, 0]):
            answer.fail("direction")
        answer.fail("kl", found=found[0].item(), right=right[0].item())


def _draws_for_training(answer: Answer, reader: nn.Module) -> None:
    mu, log_var = torch.full((4000, 1), 3.0), torch.full((4000, 1), -2.0)
    drawn = answer.tensor(asked(answer, reader.draw, mu=mu, log_var=log_var), {}, "draw")
    if drawn.shape != (4000, 1):
        raise WrongAnswer(f"draw must return one level for each tank, not {tuple(drawn.shape)}.", "shape")
    found, right = drawn.std().item(), math.exp(-1)
    if found < 1e-6:
        answer.fail("by_itself")
    if math.isclose(found, math.exp(-2), rel_tol=0.1):
        answer.fail("log_var_as_log_sigma")
    if not math.isclose(found, right, rel_tol=0.1):
        answer.fail("spread", found=found, right=right)
    if abs(drawn.mean().item() - 3) > 0.05:
        answer.fail("centre", found=drawn.mean().item())

    def slopes(mu: Tensor, log_var: Tensor) -> list[float]:
        level = reader.draw(mu, log_var)
        if not level.requires_grad:
            return [0.0, 0.0]
        found = torch.autograd.grad(level.sum(), (mu, log_var), allow_unused=True)
        return [0.0 if slope is None else slope.abs().sum().item() for slope in found]

    heads = {"mu": answer.normal(50, 1).requires_grad_(), "log_var": answer.normal(50, 1).requires_grad_()}
    for head, slope in zip(heads, asked(answer, slopes, "draw", **heads), strict=True):
        if slope == 0:
            answer.fail("cut_off", head=head)


def _finds_the_posterior(answer: Answer, reader: nn.Module) -> None:
    noise = torch.tensor([0.4, 0.9, 2.0])
    levels = answer.normal(1200, 1)
    readings = levels + noise * answer.normal(1200, 3)

    def learn(readings: Tensor) -> list:
        reader.learn(readings, epochs=20)
        return reader.history

    asked(answer, learn, readings=readings[:800])
    mu, sigma = (
        answer.tensor(part, {}, "read")
        for part in answer.parts(asked(answer, reader.read, readings=readings[800:]), "mean", "deviation")
    )
    precision = 1 + (1 / noise**2).sum().item()
    exact = (readings[800:] / noise**2).sum(dim=1, keepdim=True).double() / precision
    if sigma.numel() == 1:
        sigma = sigma.expand(400, 1)
    if mu.shape != exact.shape or sigma.shape != exact.shape:
        raise WrongAnswer("read must return two tensors of the shape (400, 1) for 400 tanks.", "shape")
    if not math.isclose(sigma.mean().item(), precision**-0.5, rel_tol=0.2):
        answer.fail("not_the_posterior", found=sigma.mean().item(), right=precision**-0.5)
    off = (mu - exact).square().mean().sqrt().item()
    if off > 0.6 * precision**-0.5:
        answer.fail("other_weights", off=off)


# ── 6.6 Transfer: an unusual day ─────────────────────────────────────────────────────────────────

AREA = 0.93


def library_days(n, unusual=0.0, seed=0):
    """Visitors in each hour of n days, whole numbers (n, 24), and which days were unusual, (n,)."""
    random = np.random.default_rng(seed)
    hour = np.arange(24)
    usual = np.exp(-(((hour - 11) / 1.5) ** 2) / 2) + 0.7 * np.exp(-(((hour - 17) / 1.2) ** 2) / 2)
    visitors = random.gamma(2, 60, (n, 1)) * usual / usual.sum()  # the weather decides how many come
    odd = random.random(n) < unusual
    night = odd & (random.random(n) < 0.5)  # somebody is there at night; on other odd days all is late
    visitors = np.where((odd & ~night)[:, None], np.roll(visitors, 1, axis=1), visitors)
    visitors[night, random.integers(0, 5, night.sum())] += 3
    return random.poisson(visitors), odd


@check(
    Mistake(
        "infinite",
        "Somebody came in an hour in which nobody ever came before, and the score is infinite or NaN: then "
        "such days cannot be compared. Of how much is “never”, after some days, a proof?",
    ),
    Mistake(
        "empty_hour",
        "For a day with hours without visitors, as all have, the score is infinite or NaN: 0 · log 0 counts "
        "as 0.",
    ),
    Mistake(
        "empty_day",
        "For a day without a single visitor the score is infinite or NaN: such a day has no shares.",
    ),
    Mistake(
        "company",
        "A day gets another score beside other days: compare it with the past alone.",
    ),
    Mistake(
        "ignores_past",
        "With another past the days get the same scores: compare with the past that the function is given.",
    ),
    Mistake("upside_down", "The score falls where a day is unusual: turn it round."),
    Mistake(
        "busy",
        "On usual days your score is ruled by the number of visitors, which the weather decides: compare "
        "when they came, not how many.",
    ),
    Mistake(
        "quiet",
        "Among usual days the quiet ones have the largest scores. Twenty visitors scatter widely by chance: "
        "of how many visitors are your nats?",
    ),
    Mistake(
        "night",
        "A few people in the middle of the night hardly raise your score, and they are most surprising. "
        "Which of the two is the truth, and which the belief?",
    ),
    tests="2,000 days, three alone, days without visitors, hours without visitors in the past, another past; "
    "the area under the ROC curve is at least 0.93",
)
def check_how_unusual(answer: Answer) -> str:
    """f(days (N, 24), past (M, 24)), whole numbers → a score for each day, (N,).

    Days are the same in every check, so that the verdict on an answer is, too.
    """
    past, _ = library_days(200, seed=101)
    days, odd = library_days(2000, unusual=0.2, seed=102)
    score = _scores(answer, days, past)
    ordinary = (days[:, past.sum(axis=0) == 0].sum(axis=1) == 0) & (days.sum(axis=1) > 0)
    if not bool(score[ordinary].isfinite().all()):
        answer.fail("empty_hour")
    never = past.copy()
    never[:, 2] = 0
    visited = days[:20].copy()
    visited[:5, 2] = 2
    if not bool(_scores(answer, visited, never).isfinite().all()):
        answer.fail("infinite")
    empty = np.vstack([visited, np.zeros((2, 24), dtype=int)])  # not alone: two equal days may be scaled
    if not bool(_scores(answer, empty, never).isfinite().all()):
        answer.fail("empty_day")
    if not bool(score.isfinite().all()):
        answer.fail("infinite")
    if not close(_scores(answer, days[:3], past), score[:3]):
        answer.fail("company")
    if close(_scores(answer, days[:20], 2 * np.roll(past, 6, axis=1)), score[:20]):
        answer.fail("ignores_past")
    area = float(roc_auc_score(odd, score))
    if area >= AREA:
        return f"Yours: {area:.3f}."
    if area < 0.4:
        answer.fail("upside_down")
    visitors = days.sum(axis=1)
    usual = score[~odd].numpy()
    away = np.abs(visitors - np.median(visitors))
    with_many, with_away = (spearmanr(usual, count[~odd]).statistic for count in (visitors, away))
    if max(with_many, with_away) > 0.5:
        answer.fail("busy")
    if with_many < -0.5:
        answer.fail("quiet")
    night = odd & (days[:, :5].sum(axis=1) > 0)
    if roc_auc_score(night[night | ~odd], score[night | ~odd]) < 0.85:
        answer.fail("night")
    raise WrongAnswer(f"The area under the ROC curve is {area:.3f}; the yardstick is {AREA}.")


def _scores(answer: Answer, days: np.ndarray, past: np.ndarray) -> Tensor:
    found = answer.tensor(answer.call(days=days, past=past), {})
    if found.shape != (len(days),):
        raise WrongAnswer(
            f"One score for each day is asked for, ({len(days)},), and the shape is {tuple(found.shape)}.",
            "shape",
        )
    return found
