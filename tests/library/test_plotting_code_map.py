"""The map of a plane of codes."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex

from course_lib import plotting


@pytest.fixture
def figure():
    axes = torch.linspace(-2, 2, 41), torch.linspace(-1, 3, 41)
    distance = axes[0][:, None].expand(41, 41) + 2  # grows with the first number only, from 0 to 4
    z = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.5, 1.0]])
    figure = plotting.plot_code_map(axes, distance, z, torch.tensor([0.1, 0.4, 0.2]), limit=3.0)
    yield figure
    plt.close(figure)


def shade_at(figure, x, y):
    """The colour of the filled contour under a point."""
    areas = figure.axes[0].collections[0]
    paths, colors = areas.get_paths(), areas.get_facecolor()
    return next(to_hex(c) for path, c in zip(paths, colors, strict=True) if path.contains_point((x, y)))


def test_the_plane_is_white_below_the_limit_and_grey_above_it(figure):
    assert shade_at(figure, -1.0, 2.5) == "#ffffff"  # distance 1
    assert shade_at(figure, 1.5, -0.5) == "#bfbfbf"  # distance 3.5: not the transposed plane


def test_each_code_has_a_dot_that_grows_with_its_cause(figure):
    dots = figure.axes[0].collections[-1]
    assert dots.get_offsets().tolist() == [[0, 0], [1, 2], [0.5, 1]]
    small, large, middle = dots.get_sizes()
    assert small < middle < large


def test_two_rings_stand_at_one_and_two_standard_deviations(figure):
    assert [ring.radius for ring in figure.axes[0].patches] == [1, 2]


def test_equal_causes_make_equal_dots():
    axes = torch.linspace(-1, 1, 3), torch.linspace(-1, 1, 3)
    figure = plotting.plot_code_map(axes, torch.zeros(3, 3), torch.zeros(2, 2), torch.ones(2), limit=3.0)
    sizes = figure.axes[0].collections[-1].get_sizes()
    plt.close(figure)
    assert sizes[0] == sizes[1] > 0
