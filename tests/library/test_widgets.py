"""The explorers, called without a browser over the whole range of their controls."""

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from course_lib import anomaly, data, plotting, widgets
from tests.library.small import SCORES, autoencoder, vae

IMAGES = data.circles(200, seed=1).images
DIGITS = data.digits(split="test", source="sklearn")[:120]
SWEEP = {factor: {"active units": 1.0, "redrawn": IMAGES[:12]} for factor in (0.1, 1.0, 10.0)}
EXPLORERS = {
    "latent, on a line": lambda: widgets.latent_explorer(vae(1)),
    "latent, in planes": lambda: widgets.latent_explorer(autoencoder(3), IMAGES),
    "plane": lambda: widgets.plane_explorer(vae(2), *DIGITS),
    "reparameterization": widgets.reparameterization_explorer,
    "kl": widgets.kl_explorer,
    "linear VAE": widgets.linear_vae_explorer,
    "threshold": lambda: widgets.threshold_explorer(SCORES),
    "loss scale": lambda: widgets.loss_scale_explorer(SWEEP),
}


def controls(box):
    """Name → control: the first word beside it."""
    return {control.description.split()[0]: control for control in box.children[:-1]}


def ends(control):
    """The first and the last value that a control can take."""
    if hasattr(control, "options"):
        values = [option[-1] if isinstance(option, tuple) else option for option in control.options]
        return values[0], values[-1]
    base = getattr(control, "base", None)
    return tuple(base**end if base else end for end in (control.min, control.max))


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_explorer_draws_over_the_whole_range_of_its_controls(name):
    box = EXPLORERS[name]()
    for values in product(*map(ends, controls(box).values())):
        box.draw(**dict(zip(controls(box), values, strict=True)))
        width, height = Image.open(io.BytesIO(box.children[-1].value)).size
        assert width > 300
        assert height > 100
        assert not plt.get_fignums(), "pyplot would show it at the end of a cell"


def test_two_threads_draw_one_after_the_other_and_the_picture_is_of_where_the_controls_stand():
    """JupyterLab answers controls in two threads; a figure that both draw at once comes out in parts."""
    drawing, shown = [], []

    def draw(left, right):
        drawing.append(threading.get_ident())
        time.sleep(0.02)
        assert len(drawing) == 1, "two at once"
        drawing.clear()
        shown.append((left, right))
        return plt.figure()

    left, right = ipywidgets.IntSlider(description="left"), ipywidgets.IntSlider(description="right")
    widgets.explorer(draw, left=left, right=right)
    with ThreadPoolExecutor(2) as pool:
        moves = [pool.submit(setattr, s, "value", v) for v in range(1, 6) for s in (left, right)]
    assert [move.result() for move in moves] == [None] * 10
    assert len(shown) == 11
    assert shown[-1] == (left.value, right.value)


@pytest.fixture
def drawn(monkeypatch):
    """What the figures that are not drawn here were to show."""
    calls = []
    for figure in ("plot_kl_terms", "plot_linear_vae", "draw_reparameterization"):
        monkeypatch.setattr(plotting, figure, lambda *a, **k: calls.append(k or a) or plt.figure())
    monkeypatch.setattr(plotting, "draw_confusion_table", lambda *values, ax: calls.append(values))
    return calls


@pytest.mark.parametrize("explorer", [widgets.kl_explorer, widgets.linear_vae_explorer])
def test_moving_a_control_draws_its_value(explorer, drawn):
    box = controls(explorer())
    for name, control in box.items():
        control.value = control.max
        assert drawn[-1][name] == control.max
    assert drawn[-1] == {name: control.max for name, control in box.items()}
    assert len(drawn) == 1 + len(box)


@pytest.mark.parametrize("make", [vae, autoencoder])
@pytest.mark.parametrize("latent_dim", [1, 2, 5])
@pytest.mark.parametrize("images", [None, IMAGES], ids=["prior", "codes"])
def test_the_latent_explorer_decodes_where_its_sliders_stand(make, latent_dim, images):
    """Of many dimensions the first three move, and the others stay zero."""
    model = make(latent_dim)
    box = widgets.latent_explorer(model, images)
    z = [1.0, -2.0, 0.5, 0.0, 0.0][:latent_dim]
    assert list(controls(box)) == ["z1", "z2", "z3"][:latent_dim]
    picture, *others = box.draw(**dict(zip(controls(box), z, strict=False))).axes
    expected = model.decode(torch.tensor([z])).detach()[0, 0]
    np.testing.assert_allclose(picture.images[0].get_array(), expected, atol=1e-5)
    for ax, other in zip(others, z[1:3] or [None], strict=True):
        mark = ax.lines[-1].get_xydata()[0]
        assert (mark[0], other and mark[1]) == (1.0, other)
    if latent_dim > 1 and images is not None:
        dots = next(line for line in others[0].lines if line.get_marker() == ".")
        np.testing.assert_allclose(dots.get_xydata(), model.embed(IMAGES).detach()[:, :2], rtol=1e-5)


@pytest.mark.parametrize("factor", [200, -200])
def test_the_sliders_reach_every_code_and_the_whole_prior(factor):
    model = autoencoder(1)
    with torch.no_grad():
        model.encoder.to_z.weight.mul_(factor)
        codes = model.embed(IMAGES)
    low, high = ends(controls(widgets.latent_explorer(model, IMAGES))["z1"])
    assert codes.abs().max() > 3, "the test needs a code beyond the prior's range"
    assert low <= min(-3, codes.min()) < max(3, codes.max()) <= high


def test_the_plane_shows_what_is_decoded_there_and_the_nearest_real_digit():
    model = vae(2)
    nn.init.normal_(model.encoder.to_mu.weight, std=0.5)  # codes that are spread out
    decoded, real, plane = widgets.plane_explorer(model, *DIGITS).draw(z1=0.4, z2=-0.8).axes
    expected = model.decode(torch.tensor([[0.4, -0.8]])).detach()
    codes = model.embed(DIGITS[0]).detach().numpy()
    nearest = int(np.hypot(codes[:, 0] - 0.4, codes[:, 1] + 0.8).argmin())
    np.testing.assert_allclose(decoded.images[0].get_array(), expected[0, 0], rtol=1e-5)
    np.testing.assert_array_equal(real.images[0].get_array(), DIGITS[0][nearest, 0])
    marks = [line.get_xydata()[0] for line in plane.lines]
    np.testing.assert_allclose(marks, [codes[nearest], (0.4, -0.8)], rtol=1e-6)


def test_a_seed_keeps_its_noise_while_mu_and_log_var_move(drawn):
    box = widgets.reparameterization_explorer()
    for mu, seed in ((0.0, 3), (2.0, 3), (0.0, 4)):
        box.draw(mu=mu, log_var=-6.0, draws=10, seed=seed)
    first, moved, reseeded = (eps for _, _, eps in drawn[-3:])
    assert drawn[-2][:2] == (2.0, -6.0)
    assert first.shape == (10,)
    assert torch.equal(first, moved)
    assert not torch.equal(first, reseeded)


def test_the_threshold_reaches_every_score_and_starts_at_one_false_alarm_in_a_hundred(drawn):
    box = widgets.threshold_explorer(SCORES)
    threshold, odd = controls(box).values()
    assert ends(threshold) == pytest.approx((0.4, 40))
    assert threshold.value == pytest.approx(anomaly.threshold_at(SCORES["circle"], 0.01))
    assert odd.options == ("all odd kinds", "square", "dot", "blank")
    _, *kinds = SCORES.values()
    for name, expected in (("blank", SCORES["blank"]), ("all odd kinds", torch.cat(kinds))):
        box.draw(threshold=4.5, odd=name)
        torch.testing.assert_close(drawn[-1], (SCORES["circle"], expected, 4.5))
