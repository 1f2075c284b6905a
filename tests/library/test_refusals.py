"""Bad input gets one sentence: what was given, and what is needed."""

from functools import partial
from math import inf, nan

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import _require, anomaly, data, gaussians, losses, models, widgets
from tests.library.small import CIRCLES, SHAPE, autoencoder, train, vae

IMAGES, BLANK, NO_NUMBERS = torch.rand(3, 1, 4, 4), torch.zeros(64, *SHAPE), torch.full((64, *SHAPE), nan)
SCORES, NONE = torch.rand(5), torch.empty(0)
fit = partial(train, autoencoder())
VALUES = {  # check → what it lets pass, what it refuses
    _require.whole: ([1, np.int64(3)], [0, -3, 2.0, True, None, "3"]),
    _require.positive: ([1e-9, 3], [0, -1, inf, nan]),
    _require.not_negative: ([0, 2.5], [-1e-9, nan]),
}


REFUSED = [
    (lambda: _require.one_of(("mse", "bce"), kind="mae"), "kind must be one of mse, bce, not 'mae'"),
    (lambda: data.circles(0), "n must be"),
    (lambda: data.circles(5, size=0), "size must be"),
    (lambda: data.circles(5, size=4), "leaves no room"),
    (lambda: data.circles(5, stroke=0), "stroke must be"),
    (lambda: data.circles(5, stroke=nan), "stroke must be"),
    (lambda: data.render_circles(torch.zeros(3), torch.zeros(2, 2)), "radii"),
    (lambda: data.split(CIRCLES, 60, 5), "cannot deal 65 images out of a dataset of 64"),
    (lambda: data.split(CIRCLES, 0), "size must be"),
    (lambda: data.nearest_circle(BLANK[0]), "batch"),
    (lambda: data.nearest_circle(NO_NUMBERS), "finite"),
    (lambda: data.moons(0), "n must be"),
    (lambda: data.moons(5, size=3), "no room"),
    (lambda: data.render_moons(torch.tensor([1.2])), "from 1.2 to 1.2"),
    (lambda: data.render_moons(torch.tensor([nan])), "phases must be"),
    (lambda: data.render_moons(torch.tensor([[0.5]])), r"\(1, 1\)"),
    (lambda: data.gaussian_points(0), "n must be"),
    (lambda: data.gaussian_points(5, covariance=((1, 2), (0, 1))), "symmetric"),
    (lambda: data.gaussian_points(5, covariance=((1, 2), (2, 1))), "eigenvalues are above 0"),
    (lambda: data.gaussian_points(5, covariance=((1, 0, 0), (0, 1, 0))), "symmetric square"),
    (lambda: data.gaussian_points(5, covariance=((nan, 0), (0, 1))), "finite"),
    (lambda: data.banana(0), "n must be"),
    (lambda: data.banana(5, noise=0), "noise must be"),
    (lambda: data.banana(5, bend=-1), "bend must be"),
    (lambda: data.banana_curve(torch.zeros(2), bend=0), "bend must be"),
    (lambda: data.anomalies("hexagon", 3), "kind must be one of square, .*blank, not 'hexagon'"),
    (lambda: data.anomalies("disc", 0), "n must be"),
    (lambda: data.anomalies("blank", 3, size=4), "leaves no room"),
    (lambda: data.patches(0), "n must be"),
    (lambda: data.patches(5, size=1), "size must be from 2 to 395 pixels, not 1"),
    (lambda: data.patches(5, size=400), "size must be from 2 to 395 pixels, not 400"),
    (lambda: data.digits(split="valid"), "split must be one of train, test"),
    (lambda: data.digits(source="web"), "source must be one of auto"),
    (lambda: gaussians.best_linear_vae(0, 1, 0), "must be a finite number above 0"),
    (lambda: losses.reconstruction_error(IMAGES, IMAGES[:2]), "same shape"),
    (lambda: losses.reconstruction_error(IMAGES, IMAGES, "mae"), "kind must be one of mse, bce"),
    (lambda: losses.reconstruction_error(BLANK, NO_NUMBERS), "x must hold finite"),
    (lambda: losses.reconstruction_error(BLANK, BLANK + inf), "x must hold finite"),
    (lambda: losses.reconstruction_error(NO_NUMBERS, BLANK), "x_hat must hold finite"),
    (lambda: losses.reconstruction_error(IMAGES, IMAGES + 1, "bce"), r"needs x in \[0, 1\]"),
    (lambda: losses.reconstruction_error(IMAGES - 1, IMAGES, "bce"), "sigmoid"),
    (lambda: losses.kl_divergence(torch.zeros(3, 2), torch.zeros(3, 1)), "same shape"),
    (lambda: losses.unexplained_variance(IMAGES[:1], IMAGES[:1]), "at least 2"),
    (lambda: losses.vae_objective(kind="l1"), "kind must be"),
    (lambda: losses.vae_objective(reconstruction_factor=-1), "reconstruction_factor"),
    (lambda: losses.ae_objective("l1"), "kind must be"),
    (lambda: losses.kl_warm_up(losses.vae_objective(), 0), "steps must be a whole number"),
    (lambda: losses.sparse_objective(losses.l1, weight=-1), "weight must be 0 or more, not -1"),
    (lambda: losses.sparse_objective(losses.l1, 1.0, kind="l7"), "kind must be one of mse, bce"),
    (lambda: losses.denoising_objective(torch.zeros_like, kind="l7"), "kind must be one of mse, bce"),
    (lambda: losses.kl_to_rho(torch.rand(4, 2), 0.0), "rho must be a share between 0 and 1"),
    (lambda: losses.kl_to_rho(torch.rand(4, 2), 1.0), "rho must be a share between 0 and 1"),
    (lambda: losses.kl_to_rho(torch.rand(4), 0.1), r"shape \(B, D\), not \(4,\)"),
    (lambda: losses.kl_to_rho(torch.tensor([[0.2, 1.5]]), 0.1), r"activations must lie in \[0, 1\]"),
    (lambda: losses.kl_to_rho(torch.tensor([[nan]]), 0.1), r"activations must lie in \[0, 1\]"),
    (lambda: models.dense_decoder(0, SHAPE, 8), "latent_dim must be"),
    (lambda: models.conv_decoder(0, SHAPE, 8), "latent_dim must be"),
    (lambda: models.Encoder(models.dense_body(SHAPE, 8), SHAPE, 0), "latent_dim must be"),
    (lambda: models.VariationalEncoder(models.dense_body(SHAPE, 8), SHAPE, 1.5), "latent_dim"),
    (lambda: models.dense_body((28, 28)), "channels, height, width"),
    (lambda: models.dense_body(SHAPE, 0), "hidden must be"),
    (lambda: models.conv_body((1, 30, 28)), "divisible by 4"),
    (lambda: models.conv_decoder(1, (1, 27, 27)), "divisible by 4"),
    (lambda: models.Encoder(nn.Conv2d(1, 3, 3), SHAPE, 1), r"features \(B, F\)"),
    (lambda: vae().sample(0), "n must be"),
    (lambda: fit(epochs=0), "epochs must be"),
    (lambda: fit(batch_size=0), "batch_size must be"),
    (lambda: fit(lr=nan), "lr must be"),
    (lambda: fit(schedule="step"), "schedule must be one of constant, cosine"),
    (lambda: fit(objective=losses.ae_objective("bce")), "sigmoid"),
    (lambda: fit(validation=BLANK[:0]), "empty"),
    (lambda: fit(data.circles(10)), "10 images do not fill one batch"),
    (lambda: fit([]), "empty"),
    (lambda: fit(NO_NUMBERS), "NaN"),
    (lambda: fit(BLANK.byte()), "uint8"),
    (lambda: anomaly.auc(SCORES, NONE), r"odd must be .*\(N,\).* not \(0,\)"),
    (lambda: anomaly.auc(SCORES[:, None], SCORES), r"normal must be .*not \(5, 1\)"),
    (lambda: anomaly.auc(SCORES, torch.tensor([nan])), "odd must hold finite"),
    (lambda: anomaly.auc([1.0], SCORES), "normal must be a tensor, not list"),
    (lambda: anomaly.roc(torch.tensor([inf]), SCORES), "normal must hold finite"),
    (lambda: anomaly.auc_interval(torch.tensor(1.0), SCORES), r"not \(\)"),
    (
        lambda: anomaly.auc_interval(SCORES, SCORES[:1]),
        "odd must hold at least two scores .*, not 1",
    ),
    (lambda: anomaly.auc_interval(SCORES, SCORES, groups=("abcde", list("abcde"))), "each normal score"),
    (lambda: anomaly.auc_interval(SCORES, SCORES, groups=([*"abcde"], [*"abcd"])), r"odd score, \(5,\), not"),
    (lambda: anomaly.confusion(SCORES, NONE, 1.0), "odd must be"),
    (lambda: anomaly.threshold_at(NONE, 0.1), "scores must be"),
    (lambda: anomaly.threshold_at(SCORES, 0), "between 0 and 1, not 0"),
    (lambda: anomaly.threshold_at(SCORES, 5), "between 0 and 1, not 5"),
    (lambda: anomaly.precision_at_base_rate(1.2, 0.1, 0.1), "true_positive_rate must lie"),
    (lambda: anomaly.precision_at_base_rate(0.2, nan, 0.1), "false_positive_rate must lie"),
    (lambda: anomaly.precision_at_base_rate(0.2, 0.1, -1), "base_rate must lie"),
    (lambda: anomaly.anomaly_scores(vae(), BLANK, kind="mae"), "kind must be"),
    (lambda: widgets.plane_explorer(vae(3), BLANK, torch.zeros(64)), "this model has 3"),
    (lambda: widgets.threshold_explorer({"circle": SCORES}), r"one odd kind, not \['circle'\]"),
    (lambda: widgets.loss_scale_explorer({}), "at least one reconstruction_factor"),
]
for check, (_, values) in VALUES.items():
    REFUSED += [(lambda c=check, v=v: c(good=1, n=v), f"n must be .*, not {v!r}") for v in values]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_a_refusal_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_what_is_allowed_passes():
    for check, (values, _) in VALUES.items():
        for value in values:
            check(good=1, n=value)
    _require.one_of({"mse": 1, "bce": 2}, kind="bce")
