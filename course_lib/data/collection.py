"""A learner's photographs, sounds or sensor series with the group of each item: what belongs together."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_lib import _require
from course_lib.data.own import own, own_series
from course_lib.data.stand_ins import SOUND_RATE

KINDS = ("photographs", "sounds", "sensors")
FRAME = 0.032  # seconds of sound in a spectrum
BANDS = 128  # of a spectrum, up to 4 kHz
QUIET = 60  # decibels below the loudest of a recording: 0 in a spectrum


class Collection(TensorDataset):
    """Items (image (C, H, W),): `images` (N, C, H, W) in [0, 1], `groups` (N,) names, `odd` (N,) booleans."""

    def __init__(self, images: Tensor, groups: list[str]):
        super().__init__(images)
        self.images, self.groups = images, np.array(groups)
        self.odd = torch.tensor([group.lower().startswith("odd") for group in groups])


def collect(
    source: str | Path | Mapping[str, object],
    kind: str,
    *,
    size: int | tuple[int, int] = 28,
    channels: int = 1,
    window: int = 64,
) -> Collection:
    """Everything in a folder, or in a dict (group → what it holds), with the group of each item.

    "photographs" become (channels, size, size), as `own` makes them; each sub-folder is a group, and so is
    each file that lies in none. "sounds" (WAV files; a dict holds signals (N,) of SOUND_RATE) become spectra
    (1, 1, BANDS) of FRAME seconds, in decibels. "sensors" (CSV files with a column for each channel; a dict
    holds (N,) or (channels, N)) become windows (channels, 1, `window`), all stretched as one. A file is a
    group; where there are fewer than ten, it is the tenths of each. What has a name that begins with "odd"
    is not normal. Raises ValueError for an empty source and an unknown kind.
    """
    _require.one_of(KINDS, kind=kind)
    if kind == "photographs":
        found = _photographs(source, size, channels)
    else:
        signals = _read(Path(source).expanduser(), kind) if isinstance(source, (str, Path)) else source
        found = _series(signals, kind, window)
    kinds = len(set(found.groups))
    print(f"In {kinds} groups; {int(found.odd.sum())} of the {len(found)} items are odd.")
    return found


def _photographs(source: object, size: int | tuple[int, int], channels: int) -> Collection:
    if isinstance(source, Mapping):
        groups = [group for group, pictures in source.items() for _ in pictures]
        pictures = [picture for pictures in source.values() for picture in pictures]
        return Collection(own(pictures, size=size, channels=channels).images, groups)
    items = own(source, size=size, channels=channels)
    folder = Path(source).expanduser()
    return Collection(items.images, [Path(name).relative_to(folder).parts[0] for name in items.names])


def _series(signals: Mapping[str, np.ndarray], kind: str, window: int) -> Collection:
    window = BANDS if kind == "sounds" else window
    parts, groups = [], []
    for group, values in signals.items():
        values = spectra(values).reshape(1, -1) if kind == "sounds" else np.atleast_2d(values)
        count = values.shape[1] // window
        parts.append(values[:, : count * window])
        tenths = [f"{group}, part {10 * i // count}" for i in range(count)]
        groups += tenths if len(signals) < 10 else [group] * count
    if not groups:
        raise ValueError(f"source must hold recordings of at least {window} values, and it holds none")
    if len({len(part) for part in parts}) > 1:
        raise ValueError("all recordings must have the same number of channels, and these do not")
    return Collection(own_series(np.concatenate(parts, axis=1), window).images, groups)


def spectra(signal: np.ndarray) -> np.ndarray:
    """A sound (N,) of SOUND_RATE → its strength in BANDS bands up to 4 kHz, every 2 FRAME: (M, BANDS).

    1 is the loudest of the recording, 0 is QUIET decibels less; between them decibels count.
    """
    from scipy.signal import spectrogram

    _, _, power = spectrogram(signal, nperseg=round(FRAME * SOUND_RATE), noverlap=0)
    power = power[1:, ::2].T  # without the constant part; every second frame, for neighbours are alike
    decibels = 10 * np.log10(np.maximum(power / max(power.max(), 1e-12), 1e-12))
    return np.clip(1 + decibels / QUIET, 0, 1).astype(np.float32)


def _read(folder: Path, kind: str) -> dict[str, np.ndarray]:
    """The recordings of a folder by the names of their files, sounds with SOUND_RATE samples a second."""
    ending = ".wav" if kind == "sounds" else ".csv"
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ending)
    if not files:
        raise ValueError(f"source must be a folder with {ending} files, and there are none in {folder}")
    read = _read_sound if kind == "sounds" else _read_table
    return {str(path.relative_to(folder).with_suffix("")): read(path) for path in files}


def _read_sound(path: Path) -> np.ndarray:
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    rate, signal = wavfile.read(path)
    signal = signal.astype(np.float32)
    signal = signal.mean(axis=1) if signal.ndim == 2 else signal  # stereo
    return resample_poly(signal, SOUND_RATE, rate)


def _read_table(path: Path) -> np.ndarray:
    """The columns (channels, N) of a CSV file; lines without a number, such as a heading, are left out."""
    rows = np.genfromtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
    return rows[~np.isnan(rows).all(axis=1)].T
