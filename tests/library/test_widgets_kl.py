"""The KL explorer without a browser: every slider over its whole range, and the numbers that it shows."""

import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from course_lib import widgets


@pytest.fixture
def box():
    box = widgets.kl_explorer()
    plt.close("all")  # building it may draw once
    return box


@pytest.fixture
def shown(monkeypatch):
    """The figures' texts and bar lengths at the moment when they are shown."""
    seen = []

    def look():
        left, right = plt.gcf().axes
        bars = [bar.get_width() for bar in right.patches]
        seen.append((left.get_title(), right.get_title(), [text.get_text() for text in right.texts], bars))

    monkeypatch.setattr(widgets.plt, "show", look)
    return seen


def range_of(slider):
    return np.linspace(slider.min, slider.max, 7)


def test_the_callback_shows_the_kl_over_the_whole_range(box, shown):
    mu, sigma = box.children[:2]
    assert [mu.description, sigma.description] == ["mu", "sigma"]
    for m in range_of(mu):
        for s in range_of(sigma):
            box.draw(mu=m, sigma=s)
            assert plt.get_fignums() == []
            expected = kl_divergence(Normal(torch.tensor(m), torch.tensor(s)), Normal(0.0, 1.0)).item()
            _, title, _, (*terms, total) = shown.pop()
            shown_kl = float(title.removeprefix("KL = ").removesuffix(" nats"))
            assert shown_kl == pytest.approx(expected, abs=0.0006)
            assert total == pytest.approx(expected, abs=1e-6)
            assert sum(terms) == pytest.approx(expected, abs=1e-6)


def test_a_code_by_hand(box, shown):
    """mu = −2, sigma = 1: 0 + ½ (1 + 4) − ½ = 2."""
    box.draw(mu=-2.0, sigma=1.0)
    code, kl, labels, bars = shown.pop()
    assert code == "mu = −2.00, sigma = 1.00"
    assert kl == "KL = 2.000 nats"
    assert labels == ["0.000", "2.500", "−0.500", "2.000"]
    assert bars == pytest.approx([0, 2.5, -0.5, 2])


def test_moving_a_slider_draws_anew(box, shown):
    mu, sigma = box.children[:2]
    mu.value, sigma.value = 0.0, 1.0
    assert shown[-1][1] == "KL = 0.000 nats"


def test_a_call_takes_less_than_a_tenth_of_a_second(box, shown):
    seconds = []
    for sigma in np.linspace(0.2, 2, 7):
        start = time.perf_counter()
        box.draw(mu=1.0, sigma=sigma)
        seconds.append(time.perf_counter() - start)
    assert np.median(seconds) < 0.1
