"""Small models and short trainings, the same at every call."""

from functools import partial

import torch

from course_lib import data, losses, models, training

SHAPE = (1, 28, 28)
PARTS = {"dense": (models.dense_body, models.dense_decoder), "conv": (models.conv_body, models.conv_decoder)}
SCORES = {  # of normal images and of three odd kinds
    "circle": torch.linspace(0.5, 5, 400),
    "square": torch.linspace(3, 40, 50),
    "dot": torch.linspace(0.4, 2, 30),
    "blank": torch.full((20,), 4.0),
}
CIRCLES = data.circles(64)
AE, VAE = losses.ae_objective(), losses.vae_objective()


def build(variational, latent_dim=1, kind="dense", width=64, shape=SHAPE):
    torch.manual_seed(0)
    encoder, model = (
        (models.VariationalEncoder, models.VAE) if variational else (models.Encoder, models.AutoEncoder)
    )
    body, decoder = PARTS[kind]
    return model(encoder(body(shape, width), shape, latent_dim), decoder(latent_dim, shape, width))


vae, autoencoder = partial(build, True), partial(build, False)


def train(model, dataset=CIRCLES, objective=AE, **settings):
    settings = {"epochs": 2, "seed": 0, "progress": False, "device": "cpu"} | settings
    return training.fit(model, objective, dataset, **settings)
