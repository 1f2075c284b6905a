"""What chapter 8 shows and could not train in a minute: stored by `python -m benchmarks.chapter_8`."""

import json
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data._chapter_8 import STORED
from course_lib.data.circle import circles


class PublishedRun(NamedTuple):
    """What one training left behind, and what it came to with each seed."""

    history: dict[str, list[float]]  # "reconstruction" and "kl" per image, one number an epoch
    z: Tensor  # (N, 1), the codes mu of held-out circles
    radii: Tensor  # (N,), the radii of these circles
    points: Tensor  # (5, 1), codes
    images: Tensor  # (5, 1, 28, 28), decoded from the points
    over_seeds: dict[str, Tensor]  # name of a number → its values (seeds,), the shown run's first


def published_run() -> PublishedRun:
    """The convolutional VAE as it was published: 32, 64, 64 and 64 filters, 30 epochs, batches of 32."""
    stored = _stored()["published"]
    shown = stored["shown"]
    z = torch.tensor(shown["z_in_thousandths"])[:, None] / 1000
    return PublishedRun(
        history=shown["history"],
        z=z,
        radii=circles(len(z), seed=shown["held_out_seed"]).radii,
        points=torch.tensor(shown["points"])[:, None],
        images=torch.tensor(shown["ink_in_percent"]).reshape(-1, 1, 28, 28) / 100,
        over_seeds=_by_name(stored["seeds"].values()),
    )


def stored_controls() -> dict[str, dict[str, Tensor]]:
    """Name of a small VAE → name of a number → its values (seeds,)."""
    seeds = list(_stored()["controls"]["seeds"].values())
    return {name: _by_name([seed[name] for seed in seeds]) for name in seeds[0]}


def _stored() -> dict:
    return json.loads(STORED.replace("\n", " "))  # a line may end within a name


def _by_name(found: list[dict[str, float]]) -> dict[str, Tensor]:
    found = list(found)
    return {name: torch.tensor([numbers[name] for numbers in found]) for name in found[0]}
