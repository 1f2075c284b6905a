"""What a learner brings to the public doors by mistake: each answers with what came, what is needed, how."""

import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib import anomaly, data, losses, models, plotting
from tests.library.small import AE, CIRCLES, VAE, autoencoder, train, vae

X, PILS = CIRCLES.images, [Image.new("L", (28, 28))] * 40
DOORS = {
    "fit": lambda given: train(autoencoder(), given),
    "validation": lambda given: train(autoencoder(), validation=given),
    "reconstruction_error": lambda given: losses.reconstruction_error(X, given),
    "unexplained_variance": lambda given: losses.unexplained_variance(X, given),
    "encode": lambda given: vae().encode(given),
    "forward": lambda given: autoencoder()(given),
    "anomaly_scores": lambda given: anomaly.anomaly_scores(vae(), given),
    "relative_scores": lambda given: anomaly.relative_scores(autoencoder(), given),
    "nearest_circle": data.nearest_circle,
    "misfit": data.misfit,
    "show_images": plotting.show_images,
    "show_image_rows": lambda given: plotting.show_image_rows({"x": given}),
}
BYTES = (X * 255).byte()
MISTAKES = {  # what is given, and words of the answer
    "uint8": (BYTES, r"not torch.uint8: take \w+.float\(\) / 255$"),
    "whole numbers": (BYTES.long(), r"not torch.int64: take \w+.float\(\)$"),
    "0 to 255": (X * 255, r"not reach 255: .* as in \w+ / 255$|in \[0, 1\]"),
    "float64": (X.double(), r"not torch.float64: take x.to\(torch.float32\)$"),
    "NaN": (X * math.nan, "finite"),
    "one image": (X[0], r"take \w+\[None\]$|one image without a batch axis$"),
    "another shape": (X[:, :, :20], "shape"),
    "NumPy": (X.numpy(), r"not NumPy array of float32: take torch.from_numpy\(\w+\).float\(\)$"),
    "NumPy bytes": (BYTES.numpy(), r"uint8: take .*\w+\)?.float\(\) / 255$"),
    "a PIL image": (PILS[0], r"not Image: take data.own\(\w+\).images$"),
    "PIL images": (PILS, r"must be a tensor, not (Image|list): take data.own\(\w+\).images$"),
    "a folder": ("my photos", r"not str: take data.own\(\w+\).images$"),
    "a DataLoader": (DataLoader(CIRCLES), r"not DataLoader: take \w+.dataset"),
    "a dataset": (TensorDataset(X), r"not TensorDataset: take its images"),
    "a list": (list(X), r"not list: take torch.stack\(\w+\)$"),
    "nothing": (None, "not NoneType$"),
    "no image": (X[:0], r"not none$|not be empty|not \(0, 1, 28, 28\)$"),
}
FITS, NETWORKS, FIGURES = {"fit", "validation"}, {"encode", "forward"}, {"show_images", "show_image_rows"}
TAKEN = {  # by which doors, for there it is no mistake
    "0 to 255": NETWORKS,  # which never look at values: a GPU would have to be waited for
    "NaN": NETWORKS,
    "no image": NETWORKS,
    "float64": FIGURES | {"reconstruction_error", "unexplained_variance", "nearest_circle", "misfit"},
    "another shape": FIGURES,
    "NumPy": FIGURES,
    "a dataset": FITS,
    "nothing": {"validation"},
    "a list": FITS,
}


@pytest.mark.parametrize(("door", "mistake"), list(itertools.product(DOORS, MISTAKES)))
def test_a_door_answers_in_one_sentence(door, mistake):
    given, words = MISTAKES[mistake]
    if door in TAKEN.get(mistake, ()):
        DOORS[door](given)
        plt.close("all")
        return
    with pytest.raises(ValueError, match=words) as caught:
        DOORS[door](given)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


CODE = torch.zeros(5, 1)
SPARSE, DENOISING = losses.sparse_objective(losses.l1, 1.0), losses.denoising_objective(torch.clone)
OTHERS = [
    (
        lambda: train(vae(), objective=AE),
        r"x_hat must be a tensor, not tuple: a VAE returns .* vae_objective",
    ),
    (lambda: train(vae(), objective=DENOISING), "x_hat must be a tensor, not tuple: a VAE"),
    (lambda: train(vae(), objective=SPARSE), "z must be a tensor, not tuple: a VAE"),
    (
        lambda: train(autoencoder(), objective=VAE),
        r"needs a VAE.*not an AutoEncoder.*take losses.ae_objective",
    ),
    (lambda: train(autoencoder(), objective=losses.learned_sigma_objective()), "not an AutoEncoder"),
    (lambda: train(vae(), objective=losses.vae_objective), "made by a call"),
    (lambda: train(vae(), objective=CIRCLES), "made by a call"),
    (lambda: train(vae(), objective=lambda model, x: model(x)[0].mean()), 'under "loss", not Tensor'),
    (lambda: train(vae(), objective=lambda model, x: {"loss": model(x)[1]}), r"loss of shape \(32, 1\)"),
    (lambda: train(CIRCLES, AE), "model must be a module"),
    (lambda: train(nn.Flatten()), "parameters to train"),
    (lambda: train(autoencoder(), [X[0], X[1, :, :9]]), r"not \(1, 9, 28\) and \(1, 28, 28\): see data.own"),
    (lambda: train(autoencoder(), lr="1"), "lr must be a finite number above 0, not '1'"),
    (lambda: models.VAE(autoencoder().encoder, vae().decoder), "VariationalEncoder here, not Encoder"),
    (lambda: models.AutoEncoder(vae().encoder, vae().decoder), "Encoder here, not VariationalEncoder"),
    (lambda: models.dense_body(784), "channels, height, width.*not 784"),
    (lambda: vae(2).decode(torch.zeros(2)), r"\(B, 2\), not \(2,\): take z\[None\]"),
    (lambda: vae(2).decode(torch.zeros(1, 3)), r"\(B, 2\), not \(1, 3\)"),
    (lambda: vae(2).decode(np.zeros((1, 2))), r"float64: take torch.from_numpy\(z\).float\(\)"),
    (lambda: vae(2).decode(torch.zeros(1, 2).long()), "not torch.int64"),
    (lambda: losses.kl_divergence(0.0, 1.0), "mu must be a tensor, not float"),
    (lambda: losses.kl_divergence(CODE, CODE.long()), "log_var must hold floating-point"),
    (lambda: losses.reconstruction_error(X * math.nan, X), "x_hat must hold finite.*smaller lr"),
    (lambda: losses.l1(np.zeros((5, 1))), "z must be a tensor"),
    (lambda: losses.active_units(torch.zeros(5)), r"mu must be a batch"),
    (lambda: losses.kl_to_rho([0.5], 0.1), "activations must be a tensor"),
    (lambda: anomaly.anomaly_scores(nn.Linear(1, 1), X), "embed and decode.*not Linear"),
    (lambda: anomaly.threshold_at(np.zeros(3), 0.1), r"torch.from_numpy\(scores\)"),
    (lambda: data.split([1, 2], 1), "not list"),
    (lambda: data.circles(5, stroke="2"), "stroke must be .*not '2'"),
    (lambda: data.render_circles([0.1], [[0.5, 0.5]]), "radii must be a tensor, not list"),
    (lambda: data.render_moons(0.5), "phases must be a tensor, not float"),
    (lambda: data.banana_curve(np.zeros(3)), "position must be a tensor"),
    (lambda: data.whiten(np.zeros((1, 8, 8))), "photos must be a tensor"),
    (lambda: data.own("nowhere"), "there is no 'nowhere'"),
    (lambda: data.own([]), "at least one image"),
    (lambda: data.own(3), "not int"),
    (lambda: data.own([3]), "image 0 must be a file, PIL image.*not int"),
    (lambda: data.own(X * 255), r"image 0 must lie in \[0, 1\], not from 0 to 255: divide"),
    (lambda: data.own(np.zeros((2, 3, 4, 5))), r"image 0 must be \(H, W\).*not \(3, 4, 5\)"),
    (lambda: data.own(X, size=2.5), "size must be a whole number"),
    (lambda: data.own(X, channels=2), "channels must be one of 1, 3, not 2"),
    (lambda: data.own_series("abc", 3), "values must be numbers.*not str"),
    (lambda: data.own_series(np.zeros((90, 2)), 64), r"not \(90, 2\): values.T"),
    (lambda: data.own_series([1, math.nan, 3], 2), "finite"),
    (lambda: plotting.show_image_rows([X]), "dict.*not list"),
    (lambda: plotting.show_images(torch.rand(2, 2, 8, 8)), r"\(N, 1 or 3, H, W\), not \(2, 2, 8, 8\)"),
    (lambda: plotting.show_atoms(torch.rand(2, 3, 8, 8)), r"\(N, 1, H, W\), not"),
    (lambda: plotting.plot_score_histograms(CODE[:, 0]), "scores must be a dict"),
    (lambda: plotting.plot_roc([1]), "curves must be a dict"),
    (lambda: plotting.plot_history({"loss": [1.0]}, name="kl"), "name must be one of loss, not 'kl'"),
    (lambda: plotting.plot_latent_histogram(torch.zeros(5, 2)), r"\(N, 1\), not \(5, 2\): take z"),
    (lambda: plotting.plot_labelled_plane(CODE, CODE), r"\(N, 2\), not \(5, 1\)"),
]


@pytest.mark.parametrize(("call", "words"), OTHERS)
def test_other_doors_answer_in_one_sentence(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    plt.close("all")
    assert "\n" not in str(caught.value)
