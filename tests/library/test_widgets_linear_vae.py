"""The explorer of the linear VAE without a browser: what it shows is what NumPy's eigenvalues say."""

import itertools
import math
import re
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib import plotting, widgets

TITLE = re.compile(r"σ² = (.+), \|w\| = (.+), posterior variance (.+), KL (.+) nats")


@pytest.fixture
def box():
    box = widgets.linear_vae_explorer()
    plt.close("all")  # building it may draw once
    return box


@pytest.fixture
def shown(monkeypatch):
    """The title's numbers and the drawn lines by their labels, when a figure is shown."""
    seen = []

    def look():
        (ax,) = plt.gcf().axes
        numbers = [float(number) for number in TITLE.fullmatch(ax.get_title()).groups()]
        seen.append((numbers, {line.get_label(): line.get_xydata() for line in ax.lines}))

    monkeypatch.setattr(widgets.plt, "show", look)
    return seen


def covariance_of(along, across, angle):
    turn = math.radians(angle)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return axes @ np.diag([along, across]) @ axes.T


def test_the_numbers_are_those_of_the_eigenvalues_over_the_whole_range(box, shown):
    along, across, angle = box.children[:3]
    ranges = [np.linspace(slider.min, slider.max, 4) for slider in (along, across, angle)]
    for variance, other, degrees in itertools.product(*ranges):
        box.draw(along=variance, across=other, angle=degrees)
        assert plt.get_fignums() == []
        (sigma2, length, posterior, kl), _ = shown.pop()
        small, large = np.linalg.eigvalsh(covariance_of(variance, other, degrees))
        assert sigma2 == pytest.approx(small, abs=0.0051)
        assert length == pytest.approx(math.sqrt(max(large - small, 0)), abs=0.0051)
        assert posterior == pytest.approx(small / large, abs=0.0051)
        assert kl == pytest.approx(-0.5 * math.log(small / large), abs=0.0051)


@pytest.mark.parametrize(("along", "across", "angle"), [(3, 0.5, 37), (0.5, 3, 37), (8, 1, -60), (2, 1, 0)])
def test_the_drawn_lines_are_the_model(box, shown, along, across, angle):
    box.draw(along=along, across=across, angle=angle)
    _, lines = shown.pop()
    covariance = covariance_of(along, across, angle)
    (small, large), directions = np.linalg.eigh(covariance)
    start, end = lines["decoder, z from −3 to 3"]
    np.testing.assert_allclose(np.abs(end @ directions[:, 1]), 3 * math.sqrt(large - small), rtol=1e-6)
    np.testing.assert_allclose(end @ directions[:, 0], 0, atol=1e-9)
    np.testing.assert_allclose(start, -end, atol=1e-9)
    mahalanobis = np.einsum("nd,de,ne->n", lines["p(x)"], np.linalg.inv(covariance), lines["p(x)"])
    np.testing.assert_allclose(mahalanobis, 4, rtol=1e-6)  # two standard deviations
    distance = np.linalg.norm(lines["p(x | z = 1)"] - end / 3, axis=1)
    np.testing.assert_allclose(distance, 2 * math.sqrt(small), rtol=1e-6)


def test_a_round_cloud_gets_no_code(box, shown):
    along, across, angle = box.children[:3]
    along.value, across.value, angle.value = 2.0, 2.0, 10
    numbers, lines = shown[-1]
    assert numbers == [2, 0, 1, 0]
    np.testing.assert_array_equal(lines["decoder, z from −3 to 3"], np.zeros((2, 2)))


def test_a_call_takes_less_than_a_tenth_of_a_second(box, shown):
    seconds = []
    for angle in range(-90, 91, 30):
        start = time.perf_counter()
        box.draw(along=3.0, across=0.5, angle=angle)
        seconds.append(time.perf_counter() - start)
    assert np.median(seconds) < 0.1


def test_a_variance_of_zero_gets_a_sentence():
    with pytest.raises(ValueError, match="variances above 0"):
        plotting.plot_linear_vae(1.0, 0.0, 0.0)
