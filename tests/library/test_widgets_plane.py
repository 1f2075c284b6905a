"""The map of a plane of codes, called without a browser over the whole range of its sliders."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from course_lib import data, models, plotting, widgets

SHAPE = (1, 28, 28)
DIGITS = data.digits(split="test", source="sklearn")
IMAGES, LABELS = DIGITS.images[:120], DIGITS.labels[:120]


def vae(latent_dim=2):
    torch.manual_seed(0)
    encoder = models.VariationalEncoder(models.dense_body(SHAPE, 32), SHAPE, latent_dim)
    nn.init.normal_(encoder.to_mu.weight, std=0.5)  # codes that are spread out
    return models.VAE(encoder, models.dense_decoder(latent_dim, SHAPE, 32)).eval()


@pytest.fixture
def figures(monkeypatch):
    seen = []
    monkeypatch.setattr(plt, "show", lambda: seen.append(plt.gcf()))
    return seen


def test_it_draws_over_the_whole_range_of_each_slider(figures):
    box = widgets.plane_explorer(vae(), IMAGES, LABELS)
    first, second, _ = box.children
    assert (first.description, second.description) == ("z1", "z2")
    for z1, z2 in product((first.min, 0.3, first.max), (second.min, -1.7, second.max)):
        figures.clear()
        box.draw(z1=z1, z2=z2)
        (figure,) = figures
        x, y = figure.axes[2].lines[-1].get_xydata()[0]
        np.testing.assert_allclose((x, y), (z1, z2), rtol=1e-6)


def test_it_shows_what_is_decoded_there_and_the_nearest_real_digit(figures):
    model = vae()
    box = widgets.plane_explorer(model, IMAGES, LABELS)
    figures.clear()
    box.draw(z1=0.4, z2=-0.8)
    decoded, real, plane = figures[0].axes
    with torch.no_grad():
        expected = model.decode(torch.tensor([[0.4, -0.8]]))[0, 0].numpy()
        codes = model.embed(IMAGES).numpy()
    nearest = int(np.hypot(codes[:, 0] - 0.4, codes[:, 1] + 0.8).argmin())
    np.testing.assert_allclose(decoded.images[0].get_array(), expected, rtol=1e-5)
    np.testing.assert_array_equal(real.images[0].get_array(), IMAGES[nearest, 0].numpy())
    np.testing.assert_allclose(plane.lines[-2].get_xydata()[0], codes[nearest])


def test_it_refuses_a_model_without_a_plane():
    with pytest.raises(ValueError, match="this model has 3"):
        widgets.plane_explorer(vae(3), IMAGES, LABELS)


def test_the_plane_holds_each_code_as_the_numeral_of_its_label():
    z = torch.randn(120, 2, generator=torch.Generator().manual_seed(0))
    figure = plotting.plot_labelled_plane(z, LABELS)
    for digit, dots in enumerate(figure.axes[0].collections):
        np.testing.assert_allclose(dots.get_offsets(), z[digit == LABELS], rtol=1e-6)
    assert len(figure.axes[0].collections) == 10
    plt.close(figure)


def test_the_circles_of_the_prior_can_be_left_out():
    for prior, circles in ((True, 2), (False, 0)):
        figure = plotting.plot_labelled_plane(torch.zeros(120, 2), LABELS, prior=prior)
        assert len(figure.axes[0].patches) == circles
        plt.close(figure)
