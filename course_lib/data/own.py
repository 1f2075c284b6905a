"""A learner's own images and signals, as the datasets that the chapters use."""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import TensorDataset

from course_lib import _require

GREY = np.array([[0.299], [0.587], [0.114]], dtype=np.float32)  # of red, green, blue: ITU-R BT.601


class Own(TensorDataset):
    """Items (image (C, H, W),): `images` (N, C, H, W) in [0, 1]; `names` (N,) say where each comes from."""

    def __init__(self, images: Tensor, names: Iterable[str]):
        super().__init__(images)
        self.images, self.names = images, np.array(names)


def own(source: object, *, size: int | tuple[int, int] = 28, channels: int = 1) -> Own:
    """Your own images, cropped around their centre and resized to `size` (one number, or (H, W)).

    `source` is a folder (with all that lies below it), a file, a list of files, PIL images, NumPy arrays
    (H, W) or (H, W, C) and tensors (H, W) or (C, H, W), or one array or tensor of them all, (N, ...). Pixels
    are uint8 (0 to 255), uint16, or floating-point numbers in [0, 1]. `channels` is 1 for grey, 3 for colour.
    Photos are turned as the camera says, and what is transparent becomes white. One line says what was
    taken, and which files could not be read.

    Nothing is inverted: white is 1. Of dark strokes on white paper take `1 - own(…).images`: ink is 1.
    """
    _require.one_of((1, 3), channels=channels)
    height, width = (size, size) if np.size(size) != 2 else size
    _require.whole(size=height)
    _require.whole(size=width)
    images, unread = {}, []
    for name, picture in _pictures(source):
        try:
            pixels = _pixels(picture, name, enough=2 * max(height, width))
        except Exception:  # damaged files fail in many ways
            if not isinstance(picture, Path):
                raise
            unread.append(picture.name)
            continue
        pixels = pixels @ GREY if channels < pixels.shape[2] else pixels
        planes = [Image.fromarray(plane) for plane in pixels.transpose(2, 0, 1)]
        planes = [np.array(ImageOps.fit(plane, (width, height), Image.BILINEAR)) for plane in planes]
        images[name] = torch.from_numpy(np.stack(planes)).clamp(0, 1).expand(channels, -1, -1)
    rest = f"; these cannot be read: {textwrap.shorten(', '.join(unread), 300)}" if unread else ""
    if not images:
        raise ValueError(f"source must hold at least one image, and it holds none{rest}")
    found = Own(torch.stack(list(images.values())), list(images))
    low, high = found.images.aminmax()
    print(f"Own images: {len(found)} of {channels} × {height} × {width}, from {low:.2f} to {high:.2f}{rest}.")
    return found


def own_series(values: object, window: int) -> Own:
    """Your own signals (N,) or (channels, N), cut into windows (M, channels, 1, window) in [0, 1].

    A channel that leaves [0, 1] is stretched: its lowest value becomes 0, its highest 1. To models and losses
    a window is an image one pixel high, which figures draw as a curve: with `shape = (1, 1, window)`, train
    `VAE(VariationalEncoder(dense_body(shape), shape, latent_dim), dense_decoder(latent_dim, shape))`.
    """
    _require.whole(window=window)
    try:
        values = values.detach().cpu() if isinstance(values, Tensor) else values
        signals = np.atleast_2d(np.asarray(values, dtype=np.float32))  # (channels, N)
    except (TypeError, ValueError):
        raise ValueError(
            f"values must be numbers (N,) or (channels, N), not {_require.given(values)}"
        ) from None
    if signals.ndim != 2 or signals.shape[1] < window:
        needed = f"(N,) or (channels, N), N at least the window {window}"
        raise ValueError(f"values must be {needed}, not {signals.shape}: values.T swaps two axes")
    _require.finite(values=torch.from_numpy(signals))
    low, high = signals.min(axis=1, keepdims=True), signals.max(axis=1, keepdims=True)
    outside = (low < 0) | (high > 1)
    signals = np.where(outside, (signals - low) / np.maximum(high - low, 1e-12), signals)
    windows = torch.from_numpy(signals).unfold(1, window, window).transpose(0, 1)[:, :, None]
    stretched = f", {low.min():.4g} to {high.max():.4g} stretched to 0 to 1" if outside.any() else ""
    rest = f"{signals.shape[1] % window} values at the end are left out"
    print(f"Own series: {len(windows)} windows of {len(signals)} × {window} values{stretched}; {rest}.")
    return Own(windows.contiguous(), [f"from value {i * window}" for i in range(len(windows))])


def _pictures(source: object) -> Iterator[tuple[str, object]]:
    """(name, picture or file) of all that `source` holds."""
    if isinstance(source, (str, Path)):
        path = Path(source).expanduser()
        if not str(source).strip() or not path.exists():  # Path("") is the folder that you are in
            raise ValueError(f"source must be a folder, a file or images, and there is no '{source}'")
        below = (p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        source = sorted(below) if path.is_dir() else [path]
    elif isinstance(source, (np.ndarray, Tensor)):
        source = _channels_last(source)
        one = source.ndim < 3 or (source.ndim == 3 and source.shape[2] in (1, 3, 4))
        source = [source] if one else source
    elif isinstance(source, Image.Image):
        source = [source]
    elif not hasattr(source, "__getitem__") and not isinstance(source, Iterable):
        raise ValueError(f"source must be a folder, a file or images, not {_require.given(source)}")
    for i, item in enumerate(source):
        item = item[0] if isinstance(item, tuple) else item  # (image, label)
        yield (str(item), Path(item)) if isinstance(item, (str, Path)) else (f"image {i}", item)


def _channels_last(pixels: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(pixels, np.ndarray):
        return pixels
    channels_first = pixels.ndim > 2 and pixels.shape[-3] in (1, 3, 4)
    return (pixels.movedim(-3, -1) if channels_first else pixels).detach().cpu().numpy()


def _pixels(picture: object, name: str, enough: int) -> np.ndarray:
    """Any picture as float32 (H, W, C), C 1 or 3, in [0, 1]; a large JPEG only as large as is `enough`."""
    if isinstance(picture, Path):
        with Image.open(picture) as file:
            file.draft(None, (enough, enough))
            return _pixels(file, name, enough)
    if isinstance(picture, Image.Image):
        picture = ImageOps.exif_transpose(picture)
        picture = np.array(picture if picture.mode[0] in "IF" else picture.convert("RGBA"))
    if not isinstance(picture, (np.ndarray, Tensor)):
        raise ValueError(f"{name} must be a file, PIL image, array or tensor, not {_require.given(picture)}")
    pixels = _channels_last(picture)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or pixels.size == 0:
        raise ValueError(
            f"{name} must be (H, W), (H, W, 3) or a tensor (3, H, W), not {tuple(picture.shape)}"
        )
    largest = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    pixels = pixels.astype(np.float32) / largest
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"{name} must lie in [0, 1], not from {low:.4g} to {high:.4g}: divide it by 255, say"
        )
    return pixels if pixels.shape[2] < 4 else pixels[..., :3] * pixels[..., 3:] + 1 - pixels[..., 3:]
