"""A learner's photographs, sounds or sensor series with the group of each item: what belongs together."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_lib import _require
from course_lib.data.own import _pictures, own, own_series
from course_lib.data.stand_ins import SOUND_RATE

KINDS = ("photographs", "sounds", "sensors")
FRAME = 0.032  # seconds of sound in a spectrum
BANDS = 128  # of a spectrum, up to 4 kHz
QUIET = 60  # decibels below the loudest of a recording: 0 in a spectrum
FEWEST = 8  # groups of normal items: halved twice, they leave two for each part


class Collection(TensorDataset):
    """Items (image (C, H, W),): `images` (N, C, H, W) in [0, 1]; `groups`, `names` (N,); `odd` (N,) booleans.

    A name is the path of a file below the source, or says which picture or window of its group it is.
    """

    def __init__(self, images: Tensor, groups: list[str], names: list[str]):
        super().__init__(images)
        self.images, self.groups, self.names = images, np.array(groups), np.array(names)
        odd = [any(part.lower().startswith("odd") for part in name.split("/")) for name in names]
        self.odd = torch.tensor(odd)


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
    group; where there are fewer than ten, it is the tenths of each. What lies in a file, folder or group
    whose name begins with "odd", at any depth, is not normal. Raises ValueError where fewer than FEWEST
    groups hold something normal, for an empty source and for an unknown kind.
    """
    _require.one_of(KINDS, kind=kind)
    if isinstance(source, (str, Path)):
        folder = _require_folder(source)
        source = _read(folder, kind) if kind != "photographs" else _entries(folder)
    elif not isinstance(source, Mapping):
        raise ValueError(
            f"source must be a folder or a dict, group → what it holds, not {_require.given(source)}: "
            "dict(enumerate(source)) makes each item a group"
        )
    photographs = kind == "photographs"
    found = _photographs(source, size, channels) if photographs else _series(source, kind, window)
    normal = len(set(found.groups[~found.odd.numpy()]))
    if normal < FEWEST:
        raise ValueError(
            f"source must hold at least {FEWEST} groups of normal items, which halved twice leave two in "
            f"each part, and it holds {normal}: add {'sub-folders' if photographs else 'recordings'}"
        )
    print(f"Groups: {len(set(found.groups))}. Odd items: {int(found.odd.sum())} of {len(found)}.")
    return found


def _require_folder(source: str | Path) -> Path:
    folder = Path(source).expanduser()
    if not str(source).strip():
        raise ValueError("source must be the name of a folder, not empty: '.' is the folder that you are in")
    if folder.is_file():
        raise ValueError(f"source must be a folder, not the file {folder}: take the folder of all groups")
    if not folder.is_dir():
        raise ValueError(f"source must be a folder, and there is no {folder}")
    return folder


def _entries(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def _photographs(source: Mapping[str, object], size: int | tuple[int, int], channels: int) -> Collection:
    held = list(_held(source))
    items = own([picture for *_, picture in held], size=size, channels=channels)
    keys = [str(p) if isinstance(p, Path) else f"image {i}" for i, (*_, p) in enumerate(held)]
    held = dict(zip(keys, held, strict=True))  # own leaves out what it cannot read
    groups, names, _ = zip(*(held[key] for key in items.names), strict=True)
    return Collection(items.images, groups, names)


def _held(source: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """(group, name, picture or file) of each."""
    for group, pictures in source.items():
        for name, picture in _pictures(pictures):
            if isinstance(pictures, (str, Path)):
                name = picture.relative_to(Path(pictures).expanduser())
            elif isinstance(picture, Path):
                name = picture.name
            yield str(group), Path(str(group), name).as_posix(), picture


def _series(signals: Mapping[str, np.ndarray], kind: str, window: int) -> Collection:
    window = BANDS if kind == "sounds" else window
    parts, groups, names = [], [], []
    for group, values in signals.items():
        values = _signal(values, kind, f"source[{group!r}]")
        values = spectra(values).reshape(1, -1) if kind == "sounds" else np.atleast_2d(values)
        count = values.shape[1] // window
        parts.append(values[:, : count * window])
        tenths = [f"{group}, part {10 * i // count}" for i in range(count)]
        groups += tenths if len(signals) < 10 else [str(group)] * count
        names += [f"{group}, window {i}" for i in range(count)]
    if not groups:
        raise ValueError(f"source must hold recordings of at least {window} values, and it holds none")
    if len({len(part) for part in parts}) > 1:
        raise ValueError("all recordings must have the same number of channels, and these do not")
    return Collection(own_series(np.concatenate(parts, axis=1), window).images, groups, names)


def _signal(values: object, kind: str, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "biuf" or values.ndim not in ((1,) if kind == "sounds" else (1, 2)):
        needed = "(N,)" if kind == "sounds" else "(N,) or (channels, N)"
        raise ValueError(f"{name} must be numbers {needed}, not {values.dtype} of the shape {values.shape}")
    return values


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
    return {path.relative_to(folder).with_suffix("").as_posix(): read(path) for path in files}


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
