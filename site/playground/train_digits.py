"""Train the VAE of chapter 9 that the playground shows, and write it to src/digits.safetensors.

    python site/playground/train_digits.py      (needs the package safetensors)

Run it again when the chapter changes its network. `data.digits` gives MNIST's ten thousand where they are or
can be fetched, else scikit-learn's digits; the file says which. It holds the weights as float16, and of 500
held-out digits the codes and the labels, no image.
"""

from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from course_lib import data, losses, models
from course_lib.runtime import seed_everything
from course_lib.training import fit

TARGET = Path(__file__).parent / "src" / "digits.safetensors"
SHAPE = (1, 28, 28)
SHOWN = 500  # held-out codes


def funnel(*widths: int) -> list[nn.Module]:
    """Dense layers from one width to the next, each with a ReLU behind it."""
    return [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]


def build(mean_image: torch.Tensor) -> models.VAE:
    """Chapter 9's `plane_vae`: 784-64-16-8-2 and back, which at the start draws the mean image (784,)."""
    body = nn.Sequential(nn.Flatten(), *funnel(784, 64, 16, 8))
    pixels = nn.Linear(64, 784)
    decoder = nn.Sequential(*funnel(2, 8, 16, 64), pixels, nn.Sigmoid(), nn.Unflatten(1, SHAPE))
    model = models.VAE(models.VariationalEncoder(body, SHAPE, latent_dim=2), decoder)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    pixels.bias.data = torch.logit(mean_image.clamp(0.01, 0.99))
    return model


def main() -> None:
    """Train as the chapter does, and store."""
    seed_everything(0)
    digits = data.digits(split="test")
    source = "MNIST" if len(digits) == 10_000 else "scikit-learn"
    rows = torch.randperm(len(digits))
    n_train = len(rows) * 4 // 5
    train, held_out = (data.Digits(*digits[part]) for part in (rows[:n_train], rows[n_train:]))
    model = build(train.images.mean(dim=0).flatten())
    objective, epochs = losses.vae_objective(4), 20 * 8000 // n_train
    fit(
        model,
        objective,
        train,
        epochs=epochs,
        lr=4.5e-3,
        schedule="one-cycle",
        batch_size=128,
        seed=0,
        progress=False,
    )
    model.half().float()  # what the page will compute with
    with torch.no_grad():
        codes = model.embed(held_out.images)
        redrawn = model.decode(codes)
    errors = losses.reconstruction_error(redrawn, held_out.images)
    tensors = {name: weight.half() for name, weight in model.state_dict().items()}
    tensors |= {"codes": codes[:SHOWN].half(), "labels": held_out.labels[:SHOWN].to(torch.uint8)}
    said = {
        "source": source,
        "unexplained": f"{losses.unexplained_variance(redrawn, held_out.images):.3f}",
        "threshold": f"{errors.quantile(0.99):.2f}",  # squared error that 99 % of held-out digits stay below
    }
    save_file({name: t.contiguous() for name, t in tensors.items()}, TARGET, said)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB, {said}")


if __name__ == "__main__":
    main()
