"""The explorer of the loss scale, called without a browser over the whole range of its slider."""

import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib import plotting, widgets

FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)


@pytest.fixture
def sweep():
    """Every number and image says which factor it belongs to."""
    return {
        factor: {
            "unexplained variance": 1 / (1 + factor),
            "KL (nats)": factor / 10,
            "active units": i,
            "held out": torch.full((12, 1, 28, 28), 0.5),
            "redrawn": torch.full((12, 1, 28, 28), i / 10),
        }
        for i, factor in enumerate(FACTORS)
    }


@pytest.fixture
def box(sweep):
    return widgets.loss_scale_explorer(sweep)


@pytest.fixture
def figures(box, monkeypatch):
    """What a callback shows, and how many figures are open when it does."""
    seen = []
    monkeypatch.setattr(plt, "show", lambda: seen.append((plt.gcf(), len(plt.get_fignums()))))
    return seen


def marked(ax):
    """Where the orange diamond stands."""
    diamond = next(line for line in ax.lines if line.get_marker() == "D")
    return diamond.get_xdata()[0], diamond.get_ydata()[0]


def test_it_looks_up_every_factor(box, sweep, figures):
    (slider, _) = box.children
    assert [factor for _, factor in slider.options] == list(FACTORS)
    assert slider.value == 1.0
    for i, factor in enumerate(FACTORS):
        box.draw(factor=factor)
        figure, open_figures = figures[-1]
        wall, *panels = figure.axes
        assert open_figures == 1
        assert f"{factor:g}" in wall.get_title()
        names = ["unexplained variance", "KL (nats)", "active units"]
        assert [ax.get_title() for ax in panels] == names
        assert [marked(ax) for ax in panels] == [(factor, sweep[factor][name]) for name in names]
        image = wall.images[0].get_array()
        assert image.shape == (2 * 30, 10 * 30)
        np.testing.assert_allclose(image[1:29, 271:299], 0.5)  # the tenth image of the first row
        np.testing.assert_allclose(image[31:59, 1:29], i / 10)  # the first image of the second row
    assert len(figures) == len(FACTORS)
    assert plt.get_fignums() == []


def test_a_call_takes_less_than_a_tenth_of_a_second(box):
    box.draw(factor=1.0)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        box.draw(factor=10.0)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1


def test_an_empty_sweep_is_refused():
    with pytest.raises(ValueError, match="at least one reconstruction_factor"):
        widgets.loss_scale_explorer({})


def test_the_static_figure_has_a_panel_for_each_number(sweep):
    figure = plotting.plot_sweep(sweep)
    try:
        assert [ax.get_title() for ax in figure.axes] == ["unexplained variance", "KL (nats)", "active units"]
        curve = figure.axes[0].lines[0]
        np.testing.assert_allclose(curve.get_xdata(), FACTORS)
        np.testing.assert_allclose(curve.get_ydata(), [1 / (1 + factor) for factor in FACTORS])
    finally:
        plt.close(figure)
