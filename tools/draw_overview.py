"""Draw docs/overview.png, the picture of the README: circles through one number and back."""

import torch

from course_lib import data, losses, models, plotting
from course_lib.runtime import seed_everything
from course_lib.training import fit
from tools.notebooks import ROOT

SHAPE = (1, 28, 28)


def main() -> None:
    seed_everything(0)
    plotting.use_style()
    train, circles = data.circles(1000, seed=1), data.circles(400, seed=2)
    shown = circles.images[circles.radii.argsort()[20::40]]  # ten circles from small to large
    encoder = models.Encoder(models.dense_body(SHAPE, 512), SHAPE, 1)
    autoencoder = models.AutoEncoder(encoder, models.dense_decoder(1, SHAPE, 512))
    encoder = models.VariationalEncoder(models.conv_body(SHAPE), SHAPE, 1)
    vae = models.VAE(encoder, models.conv_decoder(1, SHAPE))
    fit(autoencoder, losses.ae_objective(), train, epochs=10, seed=0)
    fit(vae, losses.vae_objective(), train, epochs=30, seed=0)
    with torch.no_grad():
        rows = {
            "circles": shown,
            "autoencoder\n(chapter 2)": autoencoder(shown),
            "convolutional VAE\n(chapter 8)": vae.decode(vae.embed(shown)),
        }
    plotting.show_image_rows(rows).savefig(ROOT / "docs" / "overview.png", dpi=80)


if __name__ == "__main__":
    main()
