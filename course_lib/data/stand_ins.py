"""Small sets that stand in for a learner's own photographs, sounds and sensor series, group by group.

Each is a dict, name of the group → what it holds, as `data.collect` takes it. Items of a group are alike, as
those of one person, one instrument or one afternoon are. Groups whose name begins with "odd" are not normal.
"""

import numpy as np

from course_lib import _require
from course_lib.data._random import frozen_random

SOUND_RATE = 8000  # samples a second
STEP_RATE = 50  # samples a second


def leaves(plants: int = 60, *, size: int = 28, seed: int = 0) -> dict[str, np.ndarray]:
    """Drawn leaves (6, size, size) of each plant, and six plants whose leaves have been bitten.

    The leaves of a plant have one length and width, each its own angle and shade.
    """
    _require.whole(plants=plants, size=size)
    random = frozen_random(seed)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    found = {}
    for name in _names("plant", plants, 6):
        length, width = random.uniform(0.55, 0.9), random.uniform(0.2, 0.45)
        angle, shade = random.normal(0, 0.6, (6, 1, 1)), random.uniform(0.5, 1, (6, 1, 1))
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        edge = width * (1 - (along / length) ** 2) - np.abs(across)  # above 0 inside the leaf
        leaf = shade * np.clip(edge * size / 2 + 0.5, 0, 1) * (1 - 0.5 * np.exp(-((across * size / 2) ** 2)))
        if name.startswith("odd"):
            leaf *= np.hypot(along - random.uniform(-0.3, 0.3, (6, 1, 1)), across - width) > 0.3
        found[name] = leaf.astype(np.float32)
    return found


def tones(players: int = 40, *, seed: int = 0) -> dict[str, np.ndarray]:
    """A recording (6144,) of twelve notes for each player, SOUND_RATE samples a second, and four of bells.

    A player's harmonics lie at whole multiples of the pitch and fade at one rate; a bell's do not lie there.
    """
    _require.whole(players=players)
    random = frozen_random(seed)
    found = {}
    for name in _names("player", players, 4):
        fading = random.uniform(0.4, 0.8)
        partials = np.array([1, 2.76, 5.4, 8.93] if name.startswith("odd") else [1, 2, 3, 4, 5, 6])
        pitch = np.repeat(random.uniform(200, 500, 12), 512)  # Hz, for each sample
        phase = 2 * np.pi * np.cumsum(pitch) / SOUND_RATE
        sound = (fading ** np.arange(len(partials))) @ np.sin(partials[:, None] * phase)
        found[name] = (sound + random.normal(0, 0.01, len(sound))).astype(np.float32)
    return found


def walks(people: int = 40, *, seed: int = 0) -> dict[str, np.ndarray]:
    """The upward acceleration (768,) of each walking person, in g, STEP_RATE a second, and four who limp.

    Who limps puts less weight on every second step.
    """
    _require.whole(people=people)
    random = frozen_random(seed)
    time = np.arange(768) / STEP_RATE
    found = {}
    for name in _names("person", people, 4):
        steps = random.uniform(1.6, 2.1) * time + random.uniform()  # counted, in fractions
        strength = random.uniform(0.2, 0.4)
        if name.startswith("odd"):
            strength = strength * (1 + 0.6 * np.cos(np.pi * steps))
        bounce = np.sin(2 * np.pi * steps) + random.uniform(0.2, 0.6) * np.sin(4 * np.pi * steps)
        found[name] = (1 + strength * bounce + random.normal(0, 0.02, len(time))).astype(np.float32)
    return found


def _names(normal: str, n: int, odd: int) -> list[str]:
    return [f"{normal} {i}" for i in range(n)] + [f"odd {i}" for i in range(odd)]
