"""Photo patches: cut from what SciPy's filter makes of the photographs, centred, contrasty."""

import numpy as np
import pytest
import scipy.fft
import torch
from sklearn.datasets import load_sample_image

from course_lib import data


def test_the_photographs_are_scikit_learns_in_grey():
    colours = np.stack([load_sample_image(name) for name in ("china.jpg", "flower.jpg")]) / 255
    expected = torch.from_numpy(colours.mean(axis=3)).float()
    torch.testing.assert_close(data.photographs(), expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def whitened():
    return data.whiten(data.photographs())


def test_whitening_is_the_filter_of_olshausen_and_field(whitened):
    """SciPy's transform in double precision."""
    for photo, found in zip(data.photographs().double().numpy(), whitened, strict=True):
        f = np.hypot(*np.meshgrid(*map(scipy.fft.fftfreq, photo.shape), indexing="ij"))
        expected = scipy.fft.ifft2(scipy.fft.fft2(photo) * f * np.exp(-((f / 0.4) ** 4))).real
        np.testing.assert_allclose(found, expected / expected.std(ddof=1), rtol=0, atol=1e-3)


def test_each_patch_is_a_piece_of_a_whitened_photograph(whitened):
    """Comparing a patch with every place of both photographs finds one where they agree, off the rim."""
    pieces = whitened.unfold(1, 8, 1).unfold(2, 8, 1)[:, 16:-16, 16:-16]
    for patch in data.patches(3, size=8, seed=5)[:, 0]:
        differences = [
            (p - p.mean(dim=(2, 3), keepdim=True) - patch).square().sum(dim=(2, 3)) for p in pieces
        ]
        assert min(map(torch.min, differences)) < 1e-6


def test_patches_are_centred_and_not_flat():
    patches = data.patches(500, seed=1)
    assert patches.shape == (500, 1, 16, 16)
    assert patches.dtype == torch.float32
    torch.testing.assert_close(patches.mean(dim=(1, 2, 3)), torch.zeros(500), rtol=0, atol=1e-5)
    assert patches.flatten(1).std(dim=1).min() >= data.FLAT_PATCH
    assert patches.min() < -1 < 1 < patches.max()  # not an image in [0, 1]
