"""Patches of photographs."""

import numpy as np
import torch
from torch import Tensor

from course_lib import _require
from course_lib.data._random import frozen_random

FLAT_PATCH = 0.5  # standard deviations of a whitened photo
PHOTO_RIM = 16  # pixels


def photographs() -> Tensor:
    """The two photographs inside scikit-learn, in grey: (2, 427, 640), from 0 (black) to 1 (white)."""
    from sklearn.datasets import load_sample_images

    colours = np.stack(load_sample_images().images)  # (2, 427, 640, 3), whole numbers up to 255
    return torch.from_numpy(colours.mean(axis=3) / 255).float()


def whiten(photos: Tensor) -> Tensor:
    """Make all spatial frequencies of photos (N, H, W) about equally strong, but for the very highest.

    Photographs hold the less the higher the frequency f (in cycles a pixel). The filter f · exp(−(f / 0.4)⁴)
    evens that out, and cuts off the noise of the pixel grid. Each photo then has mean 0 and standard
    deviation 1. Olshausen and Field (1996).
    """
    _require.tensor(photos=photos)
    fy = torch.fft.fftfreq(photos.shape[-2])[:, None]
    fx = torch.fft.fftfreq(photos.shape[-1])
    f = (fy.square() + fx.square()).sqrt()  # (H, W)
    filtered = torch.fft.ifft2(torch.fft.fft2(photos) * f * torch.exp(-((f / 0.4) ** 4))).real
    return filtered / filtered.std(dim=(-2, -1), keepdim=True)


def patches(n: int, *, size: int = 16, seed: int = 0) -> Tensor:
    """Cut `n` square pieces out of the two whitened photographs: (n, 1, size, size).

    Their unit is the standard deviation of a whitened photo, and each patch has mean 0: values are *not* in
    [0, 1], and a positive one is brighter than the surroundings. Left out are patches with a standard
    deviation below FLAT_PATCH (sky, blur) and a rim where the filter joins opposite sides of a photo.
    A seed gives the same places; the last decimals depend on the decoder of the photographs.
    """
    _require.whole(n=n, size=size)
    photos = whiten(photographs())[:, PHOTO_RIM:-PHOTO_RIM, PHOTO_RIM:-PHOTO_RIM]
    if not 2 <= size <= photos.shape[1]:
        raise ValueError(f"size must be from 2 to {photos.shape[1]} pixels, not {size}")
    places = photos.unfold(1, size, 1).unfold(2, size, 1)  # (2, rows, columns, size, size), no copy
    random = frozen_random(seed)
    kept = torch.empty(0, size, size)
    while len(kept) < n:
        photo, row, column = (torch.from_numpy(random.randint(0, m, n)) for m in places.shape[:3])
        drawn = places[photo, row, column]
        drawn = drawn - drawn.mean(dim=(1, 2), keepdim=True)
        kept = torch.cat([kept, drawn[drawn.std(dim=(1, 2)) >= FLAT_PATCH]])
    return kept[:n, None]
