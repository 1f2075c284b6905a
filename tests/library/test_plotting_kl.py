"""The figures of the KL say what torch.distributions says, and lie inside their pictures."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from course_lib import plotting

WHOLE = {
    "terms": lambda: plotting.plot_kl_terms(-3.0, 0.2),
    "grid": lambda: plotting.plot_kl_grid([-1, 0, 2], [0.5, 1]),
    "map": plotting.plot_kl_map,
}


def expected_kl(mu, sigma):
    return kl_divergence(Normal(float(mu), float(sigma)), Normal(0.0, 1.0)).item()


@pytest.fixture
def draw():
    """Draw a figure in the course's style, and close it afterwards."""
    plotting.use_style()

    def make(figure):
        fig = figure()
        assert plt.get_fignums() == [fig.number]
        fig.canvas.draw()
        return fig

    yield make
    plt.close("all")


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_drawn_outside_the_figure(draw, name):
    fig = draw(WHOLE[name])
    box = fig.get_tightbbox(fig.canvas.get_renderer())
    width, height = fig.get_size_inches()
    assert min(box.x0, box.y0) > -0.05
    assert box.x1 < width + 0.05
    assert box.y1 < height + 0.05


def test_the_bars_and_their_labels_stay_inside_the_axes(draw):
    for mu in (-3.0, 0.0, 3.0):
        for sigma in (0.2, 2.0):
            fig = draw(lambda mu=mu, sigma=sigma: plotting.plot_kl_terms(mu, sigma))
            frame = fig.axes[1].get_window_extent()
            for text in fig.axes[1].texts:
                label = text.get_window_extent()
                assert frame.x0 < label.x0
                assert label.x1 < frame.x1 + 2
            plt.close(fig)


def test_each_panel_of_the_grid_shows_its_kl(draw):
    mus, sigmas = [-1, 0, 2], [0.5, 1]
    fig = draw(lambda: plotting.plot_kl_grid(mus, sigmas))
    shown = [ax.texts[0] for ax in fig.axes]
    values = [float(text.get_text().removesuffix(" nats")) for text in shown]
    assert values == pytest.approx([expected_kl(m, s) for s in sigmas for m in mus], abs=0.0051)
    assert [text.get_fontweight() == "bold" for text in shown] == [False] * 4 + [True, False]
    assert shown[4].get_text() == "0.00 nats"
    for ax, text in zip(fig.axes, shown, strict=True):
        assert ax.get_window_extent().containsx(text.get_window_extent().x0)
        assert ax.get_window_extent().containsx(text.get_window_extent().x1)


def test_every_line_of_the_map_is_a_line_of_equal_kl(draw):
    fig = draw(plotting.plot_kl_map)
    lines = fig.axes[0].collections[1]  # after the filled areas
    assert len(lines.levels) == 7
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        points = torch.from_numpy(path.vertices[:: max(1, len(path.vertices) // 20)])
        q = Normal(points[:, 0], (points[:, 1] / 2).exp())
        kl = kl_divergence(q, Normal(torch.tensor(0.0).double(), torch.tensor(1.0).double()))
        assert (kl - level).abs().max() < 0.01 * max(1, level)
    star = next(line for line in fig.axes[0].lines if line.get_marker() == "*")
    assert (star.get_xdata(), star.get_ydata()) == ([0], [0])


def test_the_right_axis_of_the_map_is_sigma(draw):
    fig = draw(plotting.plot_kl_map)
    right = fig.axes[0].child_axes[0]
    for tick, label in zip(right.get_yticks(), right.get_yticklabels(), strict=True):
        assert math.exp(tick / 2) == pytest.approx(float(label.get_text()))


def test_the_map_draws_on_the_axes_it_is_given(draw):
    fig, (left, right) = plt.subplots(1, 2)
    assert plotting.plot_kl_map(ax=right) is fig
    assert right.has_data()
    assert not left.has_data()
