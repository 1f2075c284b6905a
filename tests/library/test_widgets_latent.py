"""The latent explorer, called without a browser over the whole range of its sliders."""

import time
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib import data, models, widgets

SHAPE = (1, 28, 28)
IMAGES = data.circles(200, seed=1).images


def vae(latent_dim, hidden=64):
    torch.manual_seed(0)
    encoder = models.VariationalEncoder(models.dense_body(SHAPE, hidden), SHAPE, latent_dim)
    return models.VAE(encoder, models.dense_decoder(latent_dim, SHAPE, hidden)).eval()


def autoencoder(latent_dim):
    torch.manual_seed(0)
    encoder = models.Encoder(models.dense_body(SHAPE, 64), SHAPE, latent_dim)
    return models.AutoEncoder(encoder, models.dense_decoder(latent_dim, SHAPE, 64)).eval()


@pytest.fixture
def figures(monkeypatch):
    """What a callback shows, and how many figures are open when it does."""
    seen = []
    monkeypatch.setattr(plt, "show", lambda: seen.append((plt.gcf(), len(plt.get_fignums()))))
    return seen


def sliders(box):
    return {slider.description: slider for slider in box.children[:-1]}


def drawn(figure):
    """The decoded image, and the places (x, y) that are marked on the other axes, y of a line left out."""
    image, *others = figure.axes
    lines = [ax.lines[-1].get_xydata() for ax in others]
    return np.asarray(image.images[0].get_array()), lines


@pytest.mark.parametrize("make", [vae, autoencoder])
@pytest.mark.parametrize("latent_dim", [1, 2, 3])
@pytest.mark.parametrize("images", [None, IMAGES], ids=["prior", "codes"])
def test_it_draws_over_the_whole_range_of_each_slider(make, latent_dim, images, figures):
    model = make(latent_dim)
    box = widgets.latent_explorer(model, images)
    ranges = [(slider.min, slider.value, slider.max) for slider in sliders(box).values()]
    combinations = list(product(*ranges))
    figures.clear()
    for values in combinations:
        box.draw(**dict(zip(sliders(box), values, strict=True)))
        figure, open_figures = figures[-1]
        assert open_figures == 1
        picture, marks = drawn(figure)
        with torch.no_grad():
            expected = model.decode(torch.tensor([values]))[0, 0]
        np.testing.assert_allclose(picture, expected, atol=1e-5)
        for mark, other in zip(marks, values[1:] or [None], strict=True):
            assert mark[0, 0] == pytest.approx(values[0])
            assert other is None or mark[0, 1] == pytest.approx(other)
    assert len(figures) == 3**latent_dim
    assert plt.get_fignums() == []


def test_the_codes_shown_are_those_of_the_images(figures):
    model = vae(2)
    widgets.latent_explorer(model, IMAGES).draw(z1=0.0, z2=0.0)
    plane = figures[-1][0].axes[1]
    dots = next(line for line in plane.lines if line.get_marker() == ".")
    np.testing.assert_allclose(dots.get_xydata(), model.embed(IMAGES).detach(), rtol=1e-5)


@pytest.mark.parametrize("factor", [200, -200])
def test_the_sliders_reach_every_code_and_the_whole_prior(factor):
    model = autoencoder(1)
    with torch.no_grad():
        model.encoder.to_z.weight.mul_(factor)
        codes = model.embed(IMAGES)
    (slider,) = sliders(widgets.latent_explorer(model, IMAGES)).values()
    assert codes.abs().max() > 3, "the test needs a code beyond the prior's range"
    assert slider.min <= min(-3, float(codes.min()))
    assert slider.max >= max(3, float(codes.max()))


def test_of_many_dimensions_the_first_three_move_and_the_others_stay_zero(figures):
    model = vae(5)
    box = widgets.latent_explorer(model, IMAGES)
    assert list(sliders(box)) == ["z1", "z2", "z3"]
    box.draw(z1=1.0, z2=-2.0, z3=0.5)
    with torch.no_grad():
        expected = model.decode(torch.tensor([[1.0, -2.0, 0.5, 0.0, 0.0]]))[0, 0]
    np.testing.assert_allclose(drawn(figures[-1][0])[0], expected, atol=1e-5)


def test_a_call_takes_less_than_a_tenth_of_a_second():
    box = widgets.latent_explorer(vae(1, hidden=512), data.circles(1000).images)
    seconds = []
    for z in (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0):
        start = time.process_time()
        box.draw(z1=z)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1
