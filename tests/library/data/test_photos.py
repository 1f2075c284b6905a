"""Photo patches: cut from what SciPy's filter makes of the photographs, centred, contrasty, reproducible."""

import numpy as np
import pytest
import scipy.fft
import torch
from sklearn.datasets import load_sample_image

from course_lib import data


@pytest.fixture(scope="module")
def photos():
    return data.photographs()


@pytest.fixture(scope="module")
def whitened(photos):
    return data.whiten(photos)


def test_the_photographs_are_scikit_learns_in_grey(photos):
    assert photos.shape == (2, 427, 640)
    assert photos.dtype == torch.float32
    for photo, name in zip(photos, ("china.jpg", "flower.jpg"), strict=True):
        red, green, blue = np.moveaxis(load_sample_image(name).astype(float), 2, 0)
        expected = torch.from_numpy((red + green + blue) / (3 * 255))
        torch.testing.assert_close(photo.double(), expected, rtol=0, atol=1e-6)


def test_whitening_is_the_filter_of_olshausen_and_field(photos, whitened):
    """SciPy's transform in double precision, frequencies counted by hand."""
    height, width = photos.shape[1:]
    rows = np.array([k if k <= height // 2 else k - height for k in range(height)]) / height
    columns = np.array([k if k < width // 2 else k - width for k in range(width)]) / width
    f = np.hypot(rows[:, None], columns[None, :])
    for photo, found in zip(photos.numpy().astype(float), whitened, strict=True):
        expected = scipy.fft.ifft2(scipy.fft.fft2(photo) * f * np.exp(-((f / 0.4) ** 4))).real
        expected = torch.from_numpy(expected / expected.std(ddof=1))
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-3)


def test_each_patch_is_a_piece_of_a_whitened_photograph(whitened):
    """Comparing a patch with every place of both photographs finds one where they agree, off the rim."""
    size = 8
    for patch in data.patches(3, size=size, seed=5)[:, 0]:
        best = float("inf")
        for photo in whitened:
            pieces = photo.unfold(0, size, 1).unfold(1, size, 1)
            differences = (pieces - pieces.mean(dim=(2, 3), keepdim=True) - patch).square().sum(dim=(2, 3))
            place = divmod(int(differences.argmin()), differences.shape[1])
            if differences.min() < best:
                best, found = float(differences.min()), place
        assert best < 1e-6
        assert all(16 <= start <= side - size - 16 for start, side in zip(found, (427, 640), strict=True))


def test_patches_are_centred_and_not_flat():
    patches = data.patches(500, seed=1)
    assert patches.shape == (500, 1, 16, 16)
    assert patches.dtype == torch.float32
    torch.testing.assert_close(patches.mean(dim=(1, 2, 3)), torch.zeros(500), rtol=0, atol=1e-5)
    assert patches.flatten(1).std(dim=1).min() >= data.FLAT_PATCH
    assert patches.min() < -1  # not an image in [0, 1]
    assert patches.max() > 1
