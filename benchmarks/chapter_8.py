"""What chapter 8 shows and is too long for it: the published training, and its controls over seeds.

    python -m benchmarks.chapter_8                             # both, seeds 0 to 9: half an hour
    python -m benchmarks.chapter_8 published --seeds 0-2
    python -m benchmarks.chapter_8 controls --seeds 10-19

"published" is the convolutional VAE as it was published: 32, 64, 64 and 64 filters, 30 epochs, batches of 32.
"controls" are small VAEs that differ in one thing each, trained longer than in the chapter. Both are judged
on held-out circles. The numbers go into course_lib/data/_chapter_8.py, so that they travel with the package;
`data.published_run` and `data.stored_controls` read them. A seed is stored as soon as it is done, and the
others that are there stay. With OMP_NUM_THREADS=1 the numbers repeat on one kind of processor.
"""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from benchmarks.speed import SHAPE, convolutional_vae
from claims.seeds import parse_seeds
from course_lib import data, losses, models
from course_lib.runtime import seed_everything
from course_lib.training import fit

FILE = Path(data.__file__).parent / "_chapter_8.py"
PUBLISHED = dict(epochs=30, batch_size=32, lr=3e-4)
POINTS = [-3.0, -0.5, 0.0, 0.9, 3.0]  # the codes that were decoded in the publication
FILTERS, HIDDEN = 8, 256  # of the controls
RECIPE = dict(batch_size=8, lr=3e-3, schedule="one-cycle")
BLURRED_EPOCHS, EPOCHS = 2, 7


def main() -> int:
    """Train and store what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help="published, controls (default: both)")
    parser.add_argument("--seeds", type=parse_seeds, default="0-9", help="0-9, or 3, or 0-4,7")
    parser.add_argument("--output", type=Path, default=FILE, help="the Python file to write")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(unknown)}")
    for part in options.parts or PARTS:
        for seed in options.seeds:
            start = time.perf_counter()
            found = PARTS[part](seed)
            store(options.output, part, seed, found)
            print(f"{part}, seed {seed}: {time.perf_counter() - start:.0f} s  {found['numbers']}", flush=True)
    return 0


# ── As it was published ──────────────────────────────────────────────────────────────────────────


def published(seed: int, epochs: int = PUBLISHED["epochs"]) -> dict:
    """The numbers that are compared over seeds, and what chapter 8 draws of one seed."""
    seed_everything(seed)
    vae = convolutional_vae()
    train, held_out = circles(seed)
    settings = PUBLISHED | {"epochs": epochs, "seed": seed, "device": "cpu", "progress": False}
    history = fit(vae, losses.vae_objective(), train, **settings)
    terms = {name: [round(number, 4) for number in history[name]] for name in ("reconstruction", "kl")}
    with torch.no_grad():
        mu, images = in_pieces(vae.embed, held_out.images), vae.decode(torch.tensor(POINTS)[:, None])
    return {
        "numbers": {name: numbers[-1] for name, numbers in terms.items()} | judge(vae, held_out, seed),
        "shown": {
            "history": terms,
            "z_in_thousandths": (1000 * mu[:, 0]).round().int().tolist(),
            "held_out_seed": 2000 + seed,
            "points": POINTS,
            "ink_in_percent": (100 * images.flatten(1)).round().int().tolist(),
        },
    }


# ── One change at a time ─────────────────────────────────────────────────────────────────────────


def vae_of(body: nn.Module, decoder: nn.Module) -> models.VAE:
    return models.VAE(models.VariationalEncoder(body, SHAPE, 1), decoder)


BODIES = {
    "dense": partial(models.dense_body, SHAPE, HIDDEN),
    "convolutional": partial(models.conv_body, SHAPE, FILTERS),
}
DECODERS: dict[str, Callable[[], nn.Module]] = {
    "dense": partial(models.dense_decoder, 1, SHAPE, HIDDEN),
    "dense, sigmoid": lambda: nn.Sequential(*models.dense_decoder(1, SHAPE, HIDDEN), nn.Sigmoid()),
    "convolutional": partial(models.conv_decoder, 1, SHAPE, FILTERS),
    "convolutional, no sigmoid": lambda: models.conv_decoder(1, SHAPE, FILTERS)[:-1],
}
CONTROLS = {  # name → body, decoder, what is done to the images
    "dense": ("dense", "dense", ""),
    "dense, with a sigmoid": ("dense", "dense, sigmoid", ""),
    "convolutional encoder, dense decoder with a sigmoid": ("convolutional", "dense, sigmoid", ""),
    "dense encoder, convolutional decoder": ("dense", "convolutional", ""),
    "convolutional": ("convolutional", "convolutional", ""),
    "convolutional, without the sigmoid": ("convolutional", "convolutional, no sigmoid", ""),
    "convolutional, pixels shuffled": ("convolutional", "convolutional", "shuffled"),
    "convolutional, shuffled, without the sigmoid": (
        "convolutional",
        "convolutional, no sigmoid",
        "shuffled",
    ),
    "dense, two stages, both sharp": ("dense", "dense", "sharp first"),
    "dense, blurred first": ("dense", "dense", "blurred first"),
    "convolutional, blurred first": ("convolutional", "convolutional", "blurred first"),
}


def controls(
    seed: int, epochs: tuple[int, int] = (BLURRED_EPOCHS, EPOCHS), only: tuple[str, ...] = ()
) -> dict:
    """What each of the CONTROLS, or `only` some, comes to with one seed."""
    train, held_out = circles(seed)
    order = torch.randperm(784, generator=torch.Generator().manual_seed(seed))
    numbers = {}
    for name in only or CONTROLS:
        body, decoder, treatment = CONTROLS[name]
        images, judged = train.images, held_out
        if treatment == "shuffled":
            images = shuffle(images, order)
            judged = data.Circles(shuffle(held_out.images, order), held_out.radii, held_out.centers)
        seed_everything(seed)
        vae = vae_of(BODIES[body](), DECODERS[decoder]())
        first = treatment.removesuffix(" first") if treatment.endswith(" first") else None
        train_small(vae, images, seed, epochs, first=first)
        numbers[name] = judge(vae, judged, seed)
    return {"numbers": numbers}


def train_small(
    vae: models.VAE, images: Tensor, seed: int, epochs: tuple[int, int], *, first: str | None
) -> None:
    """As many epochs in all, in one go, or in two stages with `first` "blurred" or "sharp" circles."""
    settings = RECIPE | {"seed": seed, "device": "cpu", "progress": False}
    if first is None:
        fit(vae, losses.vae_objective(), images, epochs=sum(epochs), **settings)
        return
    pale = gaussian_blur(images, kernel_size=13, sigma=3) if first == "blurred" else images
    fit(vae, losses.vae_objective(3), pale, epochs=epochs[0], **settings)
    fit(vae, losses.vae_objective(), images, epochs=epochs[1], **settings)


def shuffle(images: Tensor, order: Tensor) -> Tensor:
    return images.flatten(1)[:, order].reshape(images.shape)


# ── Judging and storing ──────────────────────────────────────────────────────────────────────────


def circles(seed: int) -> tuple[data.Circles, data.Circles]:
    """The circles to learn from and those to be judged on."""
    return data.circles(1000, seed=1000 + seed), data.circles(1000, seed=2000 + seed)


@torch.no_grad()
def judge(vae: models.VAE, held_out: data.Circles, seed: int) -> dict[str, float]:
    """The three numbers of chapter 8."""
    seed_everything(seed)
    x = held_out.images
    mu = in_pieces(vae.embed, x)
    from_draw = losses.unexplained_variance(in_pieces(lambda piece: vae(piece)[0], x), x)
    from_mu = losses.unexplained_variance(in_pieces(vae.decode, mu), x)
    return {
        "spearman": round(abs(float(spearmanr(mu[:, 0], held_out.radii).statistic)), 3),
        "unexplained": round(from_draw, 3),
        "over_floor": round(from_mu / data.radius_only_floor(), 2),
    }


def in_pieces(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Some images or codes at a time, to save memory."""
    return torch.cat([function(piece) for piece in values.split(250)])


def store(file: Path, part: str, seed: int, found: dict) -> None:
    """Put one seed of one part among the others; what is drawn is the lowest seed's."""
    stored = read(file) if file.exists() else {}
    known = stored.setdefault(part, {"seeds": {}})
    seeds = {int(name): numbers for name, numbers in known["seeds"].items()}
    seeds[seed] = {**seeds.get(seed, {}), **found["numbers"]}
    known["seeds"] = dict(sorted(seeds.items()))
    if "shown" in found and seed == min(seeds):
        known["shown"] = found["shown"]
    lines = textwrap.wrap(
        json.dumps(dict(sorted(stored.items()))), 105, break_long_words=False, break_on_hyphens=False
    )
    text = '"""Written by `python -m benchmarks.chapter_8`: not to be edited by hand."""\n\nSTORED = """\n'
    file.write_text(text + "\n".join(lines) + '\n"""\n', encoding="utf-8", newline="\n")


def read(file: Path) -> dict:
    """What `store` wrote."""
    text = file.read_text(encoding="utf-8").partition('STORED = """')[2]
    return json.loads(text.rstrip().removesuffix('"""').replace("\n", " "))  # names hold spaces


PARTS = {"published": published, "controls": controls}


if __name__ == "__main__":
    sys.exit(main())
