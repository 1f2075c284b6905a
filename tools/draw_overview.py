"""Draw docs/overview.png, the picture of the README: circles through one number and back."""

from pathlib import Path

import torch
from matplotlib import pyplot as plt

from course_lib import data, losses, models, plotting
from course_lib.runtime import seed_everything
from course_lib.training import fit

SHAPE = (1, 28, 28)
TARGET = Path(__file__).parents[1] / "docs" / "overview.png"


def main() -> None:
    seed_everything(0)
    plotting.use_style()
    train, circles = data.circles(1000, seed=1), data.circles(400, seed=2)
    shown = circles.images[circles.radii.argsort()[20::40]]  # ten circles from small to large
    autoencoder = models.AutoEncoder(
        models.Encoder(models.dense_body(SHAPE, 512), SHAPE, 1), models.dense_decoder(1, SHAPE, 512)
    )
    vae = models.VAE(
        models.VariationalEncoder(models.conv_body(SHAPE), SHAPE, 1), models.conv_decoder(1, SHAPE)
    )
    fit(autoencoder, losses.ae_objective(), train, epochs=10, seed=0)
    fit(vae, losses.vae_objective(), train, epochs=30, seed=0)
    with torch.no_grad():
        rows = {
            "circles": shown,
            "autoencoder\n(chapter 2)": autoencoder(shown),
            "convolutional VAE\n(chapter 8)": vae.decode(vae.embed(shown)),
        }
    TARGET.parent.mkdir(exist_ok=True)
    plotting.show_image_rows(rows).savefig(TARGET, dpi=80)
    plt.close("all")


if __name__ == "__main__":
    main()
