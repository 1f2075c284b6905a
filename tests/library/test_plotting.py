"""Plots return their figure, use the axes they are given, and say what they show."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import data, plotting

Z = torch.randn(50, 1)
CAUSE = torch.rand(50)
IMAGES = data.circles(12).images
SCORES = {"circle": torch.rand(30) + 1, "blank": torch.zeros(5)}

ON_AXES = {
    "history": lambda ax: plotting.plot_history({"loss": [3, 2.0], "validation_loss": [3, 2.5]}, ax=ax),
    "histogram": lambda ax: plotting.plot_latent_histogram(Z, ax=ax),
    "cause": lambda ax: plotting.plot_latent_against_cause(Z, CAUSE, ax=ax),
    "scores": lambda ax: plotting.plot_score_histograms(SCORES, threshold=1.5, ax=ax),
    "roc": lambda ax: plotting.plot_roc({"disc": (torch.tensor([0, 1]), torch.tensor([0, 1]))}, ax=ax),
    "diagram": lambda ax: plotting.draw_autoencoder(ax=ax),
    "vae diagram": lambda ax: plotting.draw_autoencoder(variational=True, ax=ax),
}
WHOLE = {
    "images": lambda: plotting.show_images(IMAGES, titles=[f"{i}" for i in range(12)], title="Twelve"),
    "rows": lambda: plotting.show_image_rows({"x": IMAGES[:5], "x_hat": IMAGES[:3]}, title="Two rows"),
}


@pytest.mark.parametrize("name", ON_AXES)
def test_a_plot_draws_on_the_axes_it_is_given(name):
    fig, (left, right) = plt.subplots(1, 2)
    assert ON_AXES[name](right) is fig
    assert right.has_data() or right.patches or right.texts
    assert not left.has_data()
    plt.close(fig)


@pytest.mark.parametrize("name", [*ON_AXES, *WHOLE])
def test_a_plot_makes_one_figure_of_its_own(name):
    fig = WHOLE[name]() if name in WHOLE else ON_AXES[name](None)
    assert plt.get_fignums() == [fig.number]
    fig.canvas.draw()
    plt.close(fig)


def test_a_grid_has_a_frame_for_each_image_and_none_beside():
    fig = plotting.show_images(IMAGES, columns=5)
    shown = [ax for ax in fig.axes if ax.images]
    assert len(fig.axes) == 15
    assert len(shown) == 12
    assert shown[3].images[0].get_clim() == (0, 1)  # ink means the same in every image
    plt.close(fig)


def test_nothing_is_drawn_outside_the_figure():
    """Labels and titles lie inside the picture that is saved."""
    plotting.use_style()
    for make in [*ON_AXES.values()]:
        fig = make(None)
        fig.canvas.draw()
        box = fig.get_tightbbox(fig.canvas.get_renderer())
        width, height = fig.get_size_inches()
        assert box.x0 > -0.05
        assert box.y0 > -0.05
        assert box.x1 < width + 0.05
        assert box.y1 < height + 0.05
        plt.close(fig)
