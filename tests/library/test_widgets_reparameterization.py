"""The reparameterization explorer, called without a browser over the whole range of its sliders."""

import math
import time
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.distributions import Normal

from course_lib import plotting, widgets


@pytest.fixture
def box():
    return widgets.reparameterization_explorer()


@pytest.fixture
def figures(monkeypatch):
    """What a callback shows, and how many figures are open when it does."""
    seen = []
    monkeypatch.setattr(plt, "show", lambda: seen.append((plt.gcf(), len(plt.get_fignums()))))
    return seen


def controls(box):
    return {slider.description.split()[0]: slider for slider in box.children[:-1]}


def noise_and_codes(figure):
    """The x of the dots on the upper axis (eps) and on the lower one (z)."""
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    by_height = {float(np.unique(line.get_ydata()).item()): line.get_xdata() for line in dots}
    return by_height[1.0], by_height[0.0]


def test_it_draws_over_the_whole_range_of_each_control(box, figures):
    ranges = [(slider.min, slider.value, slider.max) for slider in controls(box).values()]
    combinations = list(product(*ranges))
    for mu, log_var, draws, seed in combinations:
        box.draw(mu=mu, log_var=log_var, draws=draws, seed=seed)
        figure, open_figures = figures[-1]
        eps, z = noise_and_codes(figure)
        assert open_figures == 1
        assert len(eps) == len(z) == draws
        np.testing.assert_allclose(z, mu + eps * math.exp(log_var / 2), rtol=1e-5, atol=1e-6)
    assert len(figures) == len(combinations) == 81
    assert plt.get_fignums() == []


def test_a_call_takes_less_than_a_tenth_of_a_second(box):
    values = {"mu": 1.0, "log_var": -1.0, "draws": 40, "seed": 1}
    box.draw(**values)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        box.draw(**values)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1


def test_moving_mu_or_log_var_keeps_the_noise_and_a_new_seed_changes_it(box, figures):
    for values in ((0.0, 0.0, 3), (2.0, -6.0, 3), (0.0, 0.0, 4)):
        box.draw(mu=values[0], log_var=values[1], draws=10, seed=values[2])
    (first, _), (moved, _), (reseeded, _) = (noise_and_codes(figure) for figure, _ in figures)
    np.testing.assert_array_equal(first, moved)
    assert not np.allclose(first, reseeded)


def test_the_codes_drawn_are_those_of_rsample():
    """Same seed, same eps: the picture shows what torch.distributions draws."""
    mu, log_var = 0.7, -0.9
    torch.manual_seed(5)
    eps = torch.randn(12)
    torch.manual_seed(5)
    expected = Normal(torch.tensor(mu), torch.tensor(math.exp(log_var / 2))).rsample((12,))
    figure = plotting.draw_reparameterization(mu, log_var, eps)
    np.testing.assert_allclose(noise_and_codes(figure)[1], expected, rtol=1e-5, atol=1e-6)
    plt.close(figure)


@pytest.mark.parametrize("reparameterized", [False, True])
def test_the_graph_names_its_nodes_and_where_the_gradient_stops(reparameterized):
    figure, (left, right) = plt.subplots(1, 2)
    assert plotting.draw_stochastic_graph(reparameterized, ax=right) is figure
    texts = {text.get_text() for text in right.texts}
    assert {"x", "encoder", "mu, log_var", "decoder", "KL", "loss"} <= texts
    assert ("eps" in texts) == reparameterized
    assert any("stops here" in text for text in texts) != reparameterized
    assert not left.has_data()
    styles = {line.get_linestyle() for line in right.lines}
    assert {"-", "--", ":"} <= styles  # nothing is told by colour alone
    plt.close(figure)


def test_the_labels_of_the_graph_lie_inside_the_figure():
    plotting.use_style()
    for reparameterized in (False, True):
        figure = plotting.draw_stochastic_graph(reparameterized)
        figure.canvas.draw()
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0) >= -0.01
        assert box.x1 <= width + 0.01
        assert box.y1 <= height + 0.01
        plt.close(figure)
