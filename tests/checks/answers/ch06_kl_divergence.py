"""Answers to the exercises of chapter 6."""

import math

import numpy as np
import torch
from scipy.special import rel_entr, xlogy
from scipy.stats import entropy, sem
from torch.distributions import Categorical, Normal, kl_divergence
from torch.nn import functional

from course_lib.checks.ch06_kl_divergence import TANK_READER, library_days

# ── monte_carlo_kl ───────────────────────────────────────────────────────────────────────────────


def estimate_in_numpy(log_q, log_p):
    values = log_q.numpy().astype(np.float64) - log_p.numpy()
    return values.mean(), values.std() / np.sqrt(values.size)


def estimate_in_loops(log_q, log_p):
    values = [a - b for a, b in zip(log_q.tolist(), log_p.tolist(), strict=True)]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def estimate_from_moments(log_q, log_p):
    values = (log_q - log_p).double()
    mean, square = values.mean(), values.square().mean()
    return [mean, ((square - mean**2) / values.numel()).sqrt()]


def estimate(value=lambda q, p: q - p, error=lambda v: v.std() / len(v) ** 0.5, mean=torch.mean):
    """An answer made of one draw's value, the standard error and the average."""
    return lambda q, p: (mean(value(q, p)), error(value(q, p)))


def estimate_with_scipy(log_q, log_p):
    values = (log_q - log_p).numpy(force=True)
    return float(values.mean()), float(sem(values))


def estimate_as_one_tensor(log_q, log_p):
    variance, mean = torch.var_mean(log_q - log_p, correction=0)
    return torch.stack([mean, (variance / len(log_q)).sqrt()])


def estimate_by_index(log_q, log_p):
    n = log_q.numel()
    mean = sum(log_q[i] - log_p[i] for i in range(n)) / n
    return mean, (sum((log_q[i] - log_p[i] - mean) ** 2 for i in range(n)) / (n - 1) / n) ** 0.5


# ── kl_of_reports ────────────────────────────────────────────────────────────────────────────────


def reports_with_scipy(q, p):
    return entropy(q.numpy(), p.numpy(), axis=1)


def reports_with_categorical(q, p):
    return kl_divergence(Categorical(q), Categorical(p))


def reports_in_loops(q, p):
    result = []
    for truth, belief in zip(q.tolist(), p.tolist(), strict=True):
        parts = [math.inf if b == 0 else t * math.log(t / b) for t, b in zip(truth, belief, strict=True) if t]
        result.append(sum(parts))
    return torch.tensor(result)


def reports_from_entropy(q, p):
    return torch.special.entr(q).sum(dim=1).neg() - torch.special.xlogy(q, p).sum(dim=1)


def reports_by_relative_entropy(q, p):
    return torch.from_numpy(rel_entr(q.numpy(), p.numpy())).sum(1)


def reports_with_where(q, p):
    parts = functional.kl_div(p.log(), q, reduction="none")
    return torch.where(q > 0, parts, 0.0).sum(-1)


def reports_that_come(q, p):
    rows = zip(q, p, strict=True)
    return torch.stack([(a[a > 0] * (a[a > 0] / b[a > 0]).log()).sum() for a, b in rows])


def infinite_for_any_zero(q, p):
    return torch.where((p == 0).any(dim=1), math.inf, reports_with_where(q, p))


def reports_with_small_numbers(q, p):
    return (q * ((q + 1e-8) / (p + 1e-8)).log()).sum(dim=1)


# ── tank_tests ───────────────────────────────────────────────────────────────────────────────────

NOISE = [0.5, 1.0, 3.0]


def test_error_grows_as_the_logarithm_says(Reader):
    readings, noise = torch.randn(7, 3), torch.tensor(NOISE)
    reader = Reader(NOISE)
    grows = reader.error(torch.ones(7, 1), readings) - reader.error(torch.zeros(7, 1), readings)
    logarithms = [Normal(level, noise).log_prob(readings).sum(dim=1) for level in (0.0, 1.0)]
    torch.testing.assert_close(grows, logarithms[0] - logarithms[1])


def test_one_sensor_by_hand(Reader):
    found = Reader([2.0]).error(torch.tensor([[1.0]]), torch.tensor([[5.0]]))
    assert abs(float(found) - 2) < 1e-5  # two noises off: ½ · 2²


def test_a_noisy_sensor_counts_a_quarter(Reader):
    reader = Reader([1.0, 2.0])
    good, bad = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    errors = [reader.error(torch.zeros(1, 1), readings).item() for readings in (good, bad)]
    np.testing.assert_allclose(errors[0], 4 * errors[1], rtol=1e-5)


def test_kl_is_the_line(Reader):
    mu, log_var = torch.randn(9, 1), torch.randn(9, 1)
    line = -0.5 * (1 + log_var - mu**2 - log_var.exp())
    assert torch.allclose(Reader(NOISE).kl(mu, log_var), line[:, 0], atol=1e-5)


def test_wide_costs_more_than_narrow(Reader):
    mu = torch.zeros(2, 1)
    narrow, wide = Reader(NOISE).kl(mu, torch.tensor([[0.25], [4.0]]).log()).tolist()
    if not abs(narrow - 0.318) < 0.001 < wide:
        raise AssertionError(f"half as wide costs 0.318 nats, not {narrow}")


def test_gradient_through_the_draw(Reader):
    log_var = torch.zeros(20, 1, requires_grad=True)
    level = Reader(NOISE).draw(torch.zeros(20, 1), log_var)
    assert level.requires_grad
    level.square().sum().backward()
    assert log_var.grad is not None
    assert log_var.grad.abs().sum() > 0


def test_error_reaches_both_heads(Reader):
    reader, readings = Reader(NOISE), torch.randn(30, 3)
    reader.error(reader.draw(*reader.encode(readings)), readings).sum().backward()
    assert (reader.heads.bias.grad != 0).all()


def test_two_good_sensors_make_sure(Reader):
    """Bayes' rule: 1 + 4 + 4, so sigma is a third."""
    level = torch.randn(800, 1)
    reader = Reader([0.5, 0.5])
    reader.learn(level + 0.5 * torch.randn(800, 2))
    assert abs(reader.read(torch.zeros(1, 2))[1].item() - 1 / 3) < 0.1


def test_error_and_kl(Reader):
    test_one_sensor_by_hand(Reader)
    test_kl_is_the_line(Reader)


def test_all(Reader):
    test_error_and_kl(Reader)
    test_gradient_through_the_draw(Reader)


def test_prior_is_free(Reader):
    assert Reader(NOISE).kl(torch.zeros(3, 1), torch.zeros(3, 1)).abs().max() < 1e-6


def test_shapes(Reader):
    mu, sigma = Reader(NOISE).read(torch.randn(4, 3))
    assert mu.shape == sigma.shape == (4, 1)


def test_knows_the_level(Reader):
    level = torch.randn(500, 1)
    readings = level + 0.5 * torch.randn(500, 1)
    reader = Reader([0.5])
    reader.learn(readings, epochs=1)
    assert (reader.read(readings)[0] - level).abs().max() < 0.1


def test_that_returns(Reader):
    return Reader(NOISE).kl(torch.zeros(3, 1), torch.zeros(3, 1)).shape == (3,)


def test_that_sets_a_switch(Reader):
    torch.set_default_dtype(torch.float64)


WRONG_TESTS = [
    ("refuses_the_right_one", [test_one_sensor_by_hand, test_kl_is_the_line, test_knows_the_level]),
    ("refuses_the_right_one", [lambda Reader: Reader().kl]),
    ("unused", [test_one_sensor_by_hand, lambda Reader: test_kl_is_the_line(TANK_READER.build("kl"))]),
    ("returns", [test_that_returns]),
    ("catches_nothing", [test_prior_is_free, test_one_sensor_by_hand, test_gradient_through_the_draw]),
    ("catches_nothing", [test_shapes]),
    ("error", [test_kl_is_the_line, test_gradient_through_the_draw]),
    ("kl", [test_a_noisy_sensor_counts_a_quarter, test_error_reaches_both_heads]),
    ("draw", [test_error_grows_as_the_logarithm_says, test_wide_costs_more_than_narrow]),
    ("same_tests", [test_all]),
    ("same_tests", [test_error_and_kl, test_gradient_through_the_draw]),
    ("default_dtype", [test_that_sets_a_switch]),
    ("type", [0.5]),
    ("type", "test_kl"),
]


# ── tank_reader ──────────────────────────────────────────────────────────────────────────────────

TankReader = TANK_READER.build()


def tank_reader_with(*kinds, **methods):
    """The class with some of the script's mistakes, and other methods in their place."""
    return type("Mended", (TANK_READER.build(*kinds),), methods)


def error_by_log_prob(self, z, readings):
    return -Normal(z, self.noise).log_prob(readings).sum(dim=1)


def error_sensor_by_sensor(self, z, readings):
    parts = [((readings[:, i] - z[:, 0]) / s) ** 2 / 2 for i, s in enumerate(self.noise.tolist())]
    return torch.stack(parts).sum(dim=0)


def kl_by_the_line(self, mu, log_var):
    return -0.5 * (1 + log_var - mu.square() - log_var.exp()).squeeze(1)


def kl_of_draws(self, mu, log_var):
    return (mu.square() + log_var.expm1() - log_var)[:, 0] / 2


def draw_by_rsample(self, mu, log_var):
    return Normal(mu, (log_var / 2).exp()).rsample()


def draw_by_mul(self, mu, log_var):
    eps = torch.empty_like(mu).normal_()
    return torch.addcmul(mu, log_var.mul(0.5).exp(), eps)


def learn_without_steps(self, readings, epochs=15, batch_size=50):
    self.history = [3.0] * epochs


def read_the_middle(self, readings):
    mu, sigma = TankReader.read(self, readings)
    return 0 * mu, sigma


def one_sigma_for_all(self, readings):
    mu, sigma = TankReader.read(self, readings)
    return mu, sigma[0]


WRONG_TANK_READERS = [
    ("noise_not_squared", tank_reader_with("error", "kl", "draw")),
    ("noise_not_squared", tank_reader_with("error")),
    ("half", tank_reader_with(error=lambda self, z, x: ((x - z) / self.noise).square().sum(dim=1))),
    ("mean_over_sensors", tank_reader_with(error=lambda self, z, x: error_by_log_prob(self, z, x) / 3)),
    ("error", tank_reader_with(error=lambda self, z, x: (x - z).square().sum(dim=1))),
    ("error", tank_reader_with(error=lambda self, z, x: -error_by_log_prob(self, z, x))),
    ("direction", tank_reader_with("kl")),
    ("direction", tank_reader_with("kl", draw=draw_by_rsample)),
    ("kl", tank_reader_with(kl=lambda self, mu, v: -kl_by_the_line(self, mu, v))),
    ("kl", tank_reader_with(kl=lambda self, mu, v: kl_by_the_line(self, mu, 2 * v))),
    ("shape", tank_reader_with(kl=lambda self, mu, v: kl_by_the_line(self, mu, v).mean())),
    ("shape", tank_reader_with(error=lambda self, z, x: error_by_log_prob(self, z, x).sum())),
    ("shape", tank_reader_with(draw=lambda self, mu, v: draw_by_rsample(self, mu, v)[:, 0])),
    ("log_var_as_log_sigma", tank_reader_with(draw=lambda self, mu, v: Normal(mu, v.exp()).rsample())),
    ("by_itself", tank_reader_with(draw=lambda self, mu, v: mu)),
    ("by_itself", tank_reader_with(draw=lambda self, mu, v: mu + (v / 2).exp() * torch.randn(1, 1))),
    ("spread", tank_reader_with(draw=lambda self, mu, v: mu + (v / 2).exp() * torch.rand_like(mu))),
    ("centre", tank_reader_with(draw=lambda self, mu, v: (v / 2).exp() * torch.randn_like(mu))),
    ("cut_off", tank_reader_with("draw")),
    ("cut_off", tank_reader_with(draw=lambda self, mu, v: draw_by_rsample(self, mu.detach(), v))),
    ("cut_off", tank_reader_with(draw=lambda self, mu, v: Normal(mu, (v / 2).exp()).sample())),
    ("not_the_posterior", tank_reader_with(learn=learn_without_steps)),
    ("other_weights", tank_reader_with(read=read_the_middle)),
    ("shape", tank_reader_with(read=lambda self, x: tuple(p[:1] for p in TankReader.read(self, x)))),
    ("raised", tank_reader_with(kl=lambda self, mu, log_var: mu.square(dim=1))),
    ("nothing", tank_reader_with(draw=lambda self, mu, log_var: None)),
    ("type", TankReader([1.0])),
    ("type", 3.0),
]


# ── how_unusual ──────────────────────────────────────────────────────────────────────────────────


def shares_of(past, start=0.5):
    return (past.sum(axis=0) + start) / (past.sum() + 24 * start)


def day_in_nats(days, past):
    n = days.sum(axis=1)
    q = days / np.maximum(n, 1)[:, None]
    return n * entropy(q + 1e-12, np.broadcast_to(shares_of(past), q.shape), axis=1)


def hour_by_hour(days, past):
    usual, scores = shares_of(past, start=0.1), []
    for day in days:
        n = day.sum()
        scores.append(sum(c * math.log(c / (n * p)) for c, p in zip(day, usual, strict=True) if c > 0))
    return np.array(scores)


def in_torch(days, past):
    days, past = torch.as_tensor(days).double(), torch.as_tensor(past).double() + 0.01
    p = past.sum(dim=0) / past.sum()
    expected = days.sum(dim=1, keepdim=True) * p
    return (torch.xlogy(days, days) - torch.xlogy(days, expected)).sum(dim=1).float()


def by_chi_square(days, past):
    expected = days.sum(axis=1, keepdims=True) * shares_of(past) + 1e-6
    return ((days - expected) ** 2 / expected).sum(axis=1)


def with_the_day_in_the_past(days, past):
    """The shares of past and day together are the belief, so it is never 0."""
    return np.array([day_in_nats(day[None], np.vstack([past, day]))[0] for day in days])


def scaled_by_company(days, past):
    nats = day_in_nats(days, past)
    return (nats - nats.min()) / (nats.max() - nats.min())


def per_visitor(days, past):
    return day_in_nats(days, past) / np.maximum(days.sum(axis=1), 1)


def with_infinities(days, past):
    q = days / np.maximum(days.sum(axis=1, keepdims=True), 1)
    return days.sum(axis=1) * rel_entr(q, past.sum(axis=0) / past.sum()).sum(axis=1)


def empty_is_nan(days, past):
    with np.errstate(invalid="ignore"):
        q = days / days.sum(axis=1, keepdims=True)
    return days.sum(axis=1) * rel_entr(q, shares_of(past)).sum(axis=1)


def squared_shares(days, past):
    return ((days / np.maximum(days.sum(axis=1, keepdims=True), 1) - shares_of(past)) ** 2).sum(axis=1)


def other_way_round(days, past):
    q = (days + 0.5) / (days.sum(axis=1, keepdims=True) + 12)
    return rel_entr(shares_of(past), q).sum(axis=1) * days.sum(axis=1)


RIGHT = {
    "check_monte_carlo_kl": [
        estimate_in_numpy,
        estimate_in_loops,
        estimate_from_moments,
        estimate_with_scipy,
        estimate_as_one_tensor,
        estimate_by_index,
    ],
    "check_kl_of_reports": [
        reports_with_scipy,
        reports_with_categorical,
        reports_in_loops,
        reports_from_entropy,
        reports_by_relative_entropy,
        reports_with_where,
        reports_that_come,
        lambda q, p: (q * (q.log() - p.log())).nansum(dim=1),
    ],
    "check_tank_tests": [
        [test_error_grows_as_the_logarithm_says, test_kl_is_the_line, test_gradient_through_the_draw],
        (test_one_sensor_by_hand, test_wide_costs_more_than_narrow, test_error_reaches_both_heads),
        [test_a_noisy_sensor_counts_a_quarter, test_kl_is_the_line, test_two_good_sensors_make_sure],
        [test_all, test_error_and_kl, test_one_sensor_by_hand],
    ],
    "check_tank_reader": [
        TankReader,
        tank_reader_with("error", "kl", error=error_by_log_prob, kl=kl_by_the_line),
        tank_reader_with("draw", "kl", draw=draw_by_rsample, kl=kl_of_draws),
        tank_reader_with("error", "draw", error=error_sensor_by_sensor, draw=draw_by_mul),
        tank_reader_with(read=one_sigma_for_all),
    ],
    "check_how_unusual": [
        day_in_nats,
        hour_by_hour,
        in_torch,
        by_chi_square,
        with_the_day_in_the_past,
        lambda days, past: list(day_in_nats(days, past)),
    ],
}

WRONG = {
    "check_monte_carlo_kl": [
        ("direction", estimate(lambda q, p: p - q)),
        ("weighted_twice", estimate(lambda q, p: q.exp() * (q - p))),
        ("absolute", estimate(lambda q, p: (q - p).abs())),
        ("summed", estimate(mean=torch.sum)),
        ("bits", estimate(lambda q, p: (q - p) / math.log(2))),
        ("spread_for_error", estimate(error=torch.std)),
        ("divided_by_n", estimate(error=lambda v: v.std() / len(v))),
        ("variance_for_error", estimate(error=lambda v: v.var() / len(v))),
        ("type", lambda q, p: (q - p).mean()),
        ("shape", lambda q, p: (q - p, (q - p).std() / len(q) ** 0.5)),
        ("value", estimate(lambda q, p: 1.1 * (q - p))),
        ("value", estimate(error=lambda v: 2 * v.std() / len(v) ** 0.5)),
        ("value", estimate(error=lambda v: v.var() / len(v) ** 0.5)),
        ("value", estimate(mean=torch.median)),
        ("without_negative", estimate(lambda q, p: (q - p).clamp(min=0))),
        ("never_negative", estimate(mean=lambda v: v.mean().clamp(min=0))),
        ("never_negative", estimate(mean=lambda v: v.mean().abs())),
        ("order", lambda q, p: estimate()(q, p)[::-1]),
    ],
    "check_kl_of_reports": [
        ("direction", lambda q, p: functional.kl_div(q.log(), p, reduction="none").sum(dim=1)),
        ("direction", lambda q, p: reports_in_loops(p, q)),
        ("mean_over_reports", lambda q, p: functional.kl_div(p.log(), q, reduction="none").mean(dim=1)),
        ("sign", lambda q, p: (q * (p / q).log()).sum(dim=1)),
        ("cross_entropy", lambda q, p: -(q * p.log()).sum(dim=1)),
        ("bits", lambda q, p: (q * (q / p).log2()).sum(dim=1)),
        ("mean_over_stations", lambda q, p: functional.kl_div(p.log(), q, reduction="batchmean")),
        ("sum_over_stations", lambda q, p: functional.kl_div(p.log(), q, reduction="sum")),
        ("zero_times_log_zero", lambda q, p: (q * (q / p).log()).sum(dim=1)),
        ("softened", reports_with_small_numbers),
        ("softened", lambda q, p: reports_in_loops(q, p.clamp(min=1e-6))),
        ("shape", lambda q, p: functional.kl_div(p.log(), q, reduction="none")),
        ("value", lambda q, p: ((q - p) * (q / p).log()).sum(dim=1)),
        ("log_missing", lambda q, p: functional.kl_div(p, q, reduction="none").sum(dim=1)),
        ("both_zero", infinite_for_any_zero),
        ("both_zero", lambda q, p: torch.special.xlogy(q, q / p).sum(dim=1)),
        ("both_zero", lambda q, p: (q * ((q + 1e-10) / p).log()).sum(dim=1)),
        ("softened", lambda q, p: reports_with_where(q, p).nan_to_num()),
        ("softened", lambda q, p: torch.special.xlogy(q, (q + 1e-10) / (p + 1e-10)).sum(dim=1)),
        ("nan", lambda q, p: reports_with_scipy(q, p.where(p > 1e-5, 0))),
        ("shape", lambda q, p: reports_with_where(q, p).squeeze()),
    ],
    "check_tank_tests": WRONG_TESTS,
    "check_tank_reader": WRONG_TANK_READERS,
    "check_how_unusual": [
        ("infinite", with_infinities),
        ("infinite", lambda days, past: -xlogy(days, past.sum(axis=0) / past.sum()).sum(axis=1)),
        ("empty_hour", lambda days, past: (days * np.log(days / shares_of(past))).sum(axis=1)),
        ("empty_day", empty_is_nan),
        ("company", lambda days, past: day_in_nats(days, past) / (1 + day_in_nats(days, past).max())),
        ("company", scaled_by_company),
        ("company", lambda days, past: day_in_nats(days, np.vstack([past, days]))),
        ("ignores_past", lambda days, past: day_in_nats(days, library_days(200)[0])),
        ("upside_down", lambda days, past: -day_in_nats(days, past)),
        ("busy", lambda days, past: -xlogy(days, shares_of(past)).sum(axis=1)),
        ("busy", lambda days, past: ((days - past.mean(axis=0)) ** 2).sum(axis=1)),
        ("busy", lambda days, past: np.abs(days.sum(axis=1) - past.sum(axis=1).mean())),
        ("quiet", per_visitor),
        ("night", other_way_round),
        ("night", lambda days, past: squared_shares(days, past) * days.sum(axis=1)),
        ("quiet", squared_shares),
        ("value", lambda days, past: day_in_nats(days, past) + 12 * np.sin(days.sum(axis=1) ** 2)),
        ("shape", lambda days, past: rel_entr(days + 0.5, shares_of(past))),
        ("shape", lambda days, past: day_in_nats(days, past).mean()),
    ],
}
