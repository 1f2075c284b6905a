"""scikit-learn's digits, enlarged and dealt out."""

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from course_lib import data


def distances_to_pillows(images):
    """From each image to each of the 1,797 as Pillow enlarges them: (N, 1797)."""
    small = [Image.fromarray(image.astype(np.float32) / 16) for image in load_digits().images]
    large = np.stack([np.asarray(image.resize((20, 20), Image.Resampling.BILINEAR)) for image in small])
    large = torch.from_numpy(np.pad(large, ((0, 0), (4, 4), (4, 4)))).flatten(1)
    return torch.cdist(images.flatten(1), large, compute_mode="donot_use_mm_for_euclid_dist")


def test_scikit_learns_digits_keep_their_labels_and_all_occur_once():
    train, test = (data.digits(split=split, source="sklearn") for split in ("train", "test"))
    assert (len(train), len(test)) == (1400, 397)
    assert (train.images.dtype, train.labels.dtype) == (torch.float32, torch.int64)
    assert train.labels.bincount().min() > 120
    assert test.labels.bincount().min() > 25
    distance, row = distances_to_pillows(torch.cat([train.images, test.images])).min(dim=1)
    assert distance.max() < 1e-4
    assert sorted(row.tolist()) == list(range(1797))
    assert torch.cat([train.labels, test.labels]).tolist() == load_digits().target[row.numpy()].tolist()


def test_the_odd_digits_are_these():
    assert distances_to_pillows(data.anomalies("digit", 40, seed=8)).amin(dim=1).max() < 1e-4
