"""Figures draw on the axes given or make one of their own, stay inside it, and show what they are given."""

import math
from functools import partial
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from torch.distributions import Normal, kl_divergence

from course_lib import data, plotting
from tests.library.small import SCORES

Z, CAUSE = torch.linspace(-2, 2, 120)[:, None], torch.linspace(0, 1, 120)
PLANE, LABELS = torch.cat([Z, Z.flip(0).square()], dim=1), torch.arange(120) % 10
IMAGES = data.circles(12).images
GRID = torch.linspace(-2, 2, 4), torch.linspace(-1, 3, 3)
TILES = torch.eye(12)[:, None, :, None].expand(12, 1, 12, 12)  # tile k has ink in its row k from the top
SWEEP = {
    factor: {"unexplained": 1 / (1 + factor), "active": i, "held out": IMAGES, "redrawn": 0.1 * i * IMAGES}
    for i, factor in enumerate((0.01, 1.0, 100.0))
}
decoded_plane = partial(plotting.plot_decoded_plane, GRID, TILES, PLANE)
ON_AXES = [  # these draw on `ax`, too
    partial(plotting.plot_history, {"loss": [3, 2.0], "validation_loss": [3, 2.5]}),
    partial(plotting.plot_latent_histogram, Z),
    partial(plotting.plot_latent_against_cause, Z, CAUSE),
    decoded_plane,
    partial(plotting.plot_labelled_plane, PLANE, LABELS),
    partial(plotting.plot_score_histograms, SCORES),
    partial(plotting.plot_score_histograms, SCORES, threshold=0.4),
    partial(plotting.plot_score_histograms, SCORES, threshold=40),
    partial(plotting.draw_confusion_table, SCORES["circle"], SCORES["dot"], 0.4),
    partial(plotting.draw_confusion_table, SCORES["circle"], SCORES["dot"], 50),
    partial(plotting.plot_roc, {"disc": (torch.tensor([0, 0.2, 1]), torch.tensor([0, 1, 1]))}),
    partial(plotting.plot_kl_map),
    partial(plotting.draw_reparameterization, 1.0, -1.4, Z[:9, 0]),
    partial(plotting.draw_autoencoder),
    partial(plotting.draw_autoencoder, variational=True),
    partial(plotting.draw_learning_map),
    partial(plotting.draw_stochastic_graph, False),
    partial(plotting.draw_stochastic_graph, True),
    partial(plotting.show_atoms, IMAGES),
]
TERMS = [partial(plotting.plot_kl_terms, *place) for place in product((-3.0, 0.0, 3.0), (0.2, 2.0))]
GAUSSIANS = [*TERMS, partial(plotting.plot_kl_grid, [-1, 0, 2], [0.5, 1])]
WHOLE = [
    *GAUSSIANS,
    partial(plotting.show_images, IMAGES, titles=[f"{i}" for i in range(12)], title="Twelve"),
    partial(plotting.show_image_rows, {"x": IMAGES[:5], "x_hat": IMAGES[:3]}, title="Two"),
    partial(plotting.plot_decoded_code, IMAGES[0], Z[0]),
    partial(plotting.plot_decoded_code, IMAGES[0], PLANE[0], PLANE),
    partial(plotting.plot_place_in_plane, IMAGES[:2], PLANE[0], PLANE, LABELS, 7),
    partial(plotting.plot_linear_vae, 3.0, 0.5, 37),
    partial(plotting.plot_sweep, SWEEP),
    partial(plotting.draw_sweep_step, SWEEP, 1.0),
]


@pytest.fixture(autouse=True)
def course_style():
    plotting.use_style()
    yield
    plt.close("all")


def name(draw):
    return draw.func.__name__


def test_every_figure_is_tested():
    figures = {figure for figure in vars(plotting) if figure.startswith(("draw_", "plot_", "show_"))}
    assert set(map(name, ON_AXES + WHOLE)) == figures


@pytest.mark.parametrize("draw", ON_AXES, ids=name)
def test_a_plot_draws_on_the_axes_it_is_given(draw):
    fig, (left, right) = plt.subplots(1, 2)
    assert draw(ax=right) is fig
    assert right.has_data() or right.patches or right.texts
    assert not left.has_data()


@pytest.mark.parametrize("draw", ON_AXES + WHOLE, ids=name)
def test_a_plot_makes_one_figure_of_its_own_and_draws_nothing_outside(draw):
    fig = draw()
    assert plt.get_fignums() == [fig.number]
    fig.canvas.draw()
    box, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
    assert min(box.x0, box.y0) > -0.05
    assert box.x1 < width + 0.05
    assert box.y1 < height + 0.05
    for ax in fig.axes if draw in GAUSSIANS else ():  # numbers beside curves and bars
        frame, labels = ax.get_window_extent(), [text.get_window_extent() for text in ax.texts]
        assert all(frame.x0 < label.x0 and label.x1 < frame.x1 + 2 for label in labels)


def test_a_grid_has_a_frame_for_each_image_and_none_beside():
    fig = plotting.show_images(IMAGES, columns=5)
    assert len(fig.axes) == 15
    shown = [ax.images[0] for ax in fig.axes if ax.images]
    assert {image.get_clim() for image in shown} == {(0, 1)}  # ink means the same in every image
    np.testing.assert_array_equal([image.get_array() for image in shown], IMAGES[:, 0])


def test_colours_ink_and_signals_are_drawn_as_what_they_are():
    colours = torch.rand(4, 3, 5, 6)
    signals, sweep = torch.rand(4, 2, 1, 9), {1.0: {"loss": 1.0, "held out": torch.rand(4, 3, 6, 6)}}
    for fig in (plotting.show_images(colours), plotting.show_image_rows({"x": colours})):
        drawn = np.stack([ax.images[0].get_array() for ax in fig.axes])
        np.testing.assert_array_equal(drawn, colours.permute(0, 2, 3, 1))
    decoded = plotting.plot_decoded_code(colours[0], Z[0]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(decoded, colours[0].permute(1, 2, 0))
    lines = [line.get_ydata() for ax in plotting.show_images(signals).axes for line in ax.lines]
    np.testing.assert_array_equal(np.stack(lines), signals.flatten(0, 2))
    wall = plotting.draw_sweep_step(sweep, 1.0).axes[0].images[0].get_array()
    np.testing.assert_array_equal(wall[1:7, 1:7], sweep[1.0]["held out"][0].permute(1, 2, 0))


def test_atoms_stand_in_rows_each_scaled_to_its_strongest_pixel():
    atoms = torch.randn(5, 1, 3, 4)
    atoms[3] = 0
    (image,) = plotting.show_atoms(atoms, columns=2).axes[0].images
    wall = np.asarray(image.get_array())
    assert image.get_clim() == (-1, 1)
    assert wall.shape == (3 * 4 + 1, 2 * 5 + 1)
    tiles = [wall[top : top + 3, left : left + 4] for top in (1, 5, 9) for left in (1, 6)]
    strongest = atoms.abs().amax(dim=(1, 2, 3)).clamp(min=1e-9)
    np.testing.assert_allclose(tiles[:5], atoms[:, 0] / strongest[:, None, None], rtol=1e-6)
    assert (tiles[5] == 1).all()  # no sixth atom: paper


def test_the_step_of_a_sweep_shows_its_images_and_marks_its_numbers():
    wall, *panels = plotting.draw_sweep_step(SWEEP, 1.0).axes
    image = wall.images[0].get_array()
    assert image.shape == (2 * 30, 10 * 30)
    np.testing.assert_allclose(image[1:29, 271:299], IMAGES[9, 0])  # the tenth image of the first row
    np.testing.assert_allclose(image[31:59, 1:29], 0.1 * IMAGES[0, 0])  # the first of the second row
    for ax, number in zip(panels, ("unexplained", "active"), strict=True):
        curve, diamond = (line.get_xydata() for line in ax.lines)
        np.testing.assert_allclose(curve, [(factor, SWEEP[factor][number]) for factor in SWEEP])
        np.testing.assert_allclose(diamond, [(1.0, SWEEP[1.0][number])])


def test_a_plane_of_pictures_holds_each_where_its_code_lies():
    tinted = torch.arange(12) == 4  # the point (-2 + 4/3, 1)
    ax = decoded_plane(tinted=tinted).axes[0]
    wall, extent = ax.images[0].get_array(), ax.images[0].get_extent()
    assert wall.shape == (3 * 12, 4 * 12, 3)
    np.testing.assert_allclose(extent, (-2 - 2 / 3, 2 + 2 / 3, -2, 4), rtol=1e-6)
    for k in range(12):
        column, row = k // 3, 2 - k % 3  # cartesian_prod runs through the second number first, from below
        tile = wall[12 * row : 12 * row + 12, 12 * column : 12 * column + 12]
        assert (tile[k] == 0).all()
        paper = np.delete(tile, k, axis=0)
        assert (paper == 1).all() != bool(tinted[k])


def test_frames_stand_around_the_places_with_codes():
    codes = torch.tensor([[-2.1, -0.9], [0.8, 1.2], [0.6, 0.9]])  # one near (-2, -1), two near (2/3, 1)
    patches = plotting.plot_decoded_plane(GRID, TILES, codes).axes[0].patches
    frames = [patch for patch in patches if isinstance(patch, Rectangle)]
    middles = [np.add(frame.get_xy(), (2 / 3, 1)) for frame in frames]
    np.testing.assert_allclose(middles, [(-2, -1), (2 / 3, 1)], rtol=1e-5)


def test_the_plane_holds_each_code_as_the_numeral_of_its_label():
    ax = plotting.plot_labelled_plane(PLANE, LABELS).axes[0]
    for digit, dots in zip(range(10), ax.collections, strict=True):
        np.testing.assert_allclose(dots.get_offsets(), PLANE[digit == LABELS], rtol=1e-6)
    assert [ring.radius for ring in ax.patches] == [1, 2]
    assert not plotting.plot_labelled_plane(PLANE, LABELS, prior=False).axes[0].patches


def test_a_score_on_the_threshold_is_not_above_it():
    texts = plotting.plot_score_histograms(SCORES, threshold=4.0).axes[0].texts
    assert [text.get_text() for text in texts] == ["22.2% above", "96.0% above", "0.0% above", "0.0% above"]


def test_the_codes_drawn_are_those_of_rsample():
    eps = torch.randn(12)
    torch.manual_seed(0)
    expected = Normal(torch.tensor(-2.0), torch.tensor(math.exp(1.5 / 2))).rsample((12,))
    lines = plotting.draw_reparameterization(-2.0, 1.5, eps).axes[0].lines
    drawn = [line.get_xdata() for line in lines if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn, torch.stack([eps, expected]), rtol=1e-5, atol=1e-6)


def test_every_line_of_the_kl_map_is_a_line_of_equal_kl_and_its_right_axis_is_sigma():
    ax = plotting.plot_kl_map().axes[0]
    lines = ax.collections[1]  # after the filled areas
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        points = torch.from_numpy(path.vertices[:: max(1, len(path.vertices) // 20)]).float()
        kl = kl_divergence(Normal(points[:, 0], (points[:, 1] / 2).exp()), Normal(0.0, 1.0))
        assert (kl - level).abs().max() < 0.01 * max(1, level)
    right = ax.child_axes[0]
    labels = [float(label.get_text()) for label in right.get_yticklabels()]
    np.testing.assert_allclose(np.exp(right.get_yticks() / 2), labels)


def test_the_grid_names_the_kl_of_its_panels():
    texts = [ax.texts[0] for ax in plotting.plot_kl_grid([-1, 0, 2], [1]).axes]
    assert [text.get_text() for text in texts] == ["0.50 nats", "0.00 nats", "2.00 nats"]
    assert [text.get_fontweight() == "bold" for text in texts] == [False, True, False]


@pytest.mark.parametrize(("along", "across"), [(3, 0.5), (0.5, 3)])
def test_the_ellipses_of_the_linear_vae_lie_two_standard_deviations_out(along, across):
    ax = plotting.plot_linear_vae(along, across, 37).axes[0]
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    turn = np.deg2rad(37)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / np.sqrt([along, across])
    np.testing.assert_allclose(np.linalg.norm(lines["p(x)"] @ axes, axis=1), 2)
    start, end = lines["decoder, z from −3 to 3"]
    np.testing.assert_allclose(np.linalg.norm(lines["p(x | z = 1)"] - end / 3, axis=1), 2 * np.sqrt(0.5))
    np.testing.assert_allclose([np.linalg.norm(end), *(start + end)], [3 * np.sqrt(2.5), 0, 0], atol=1e-9)
