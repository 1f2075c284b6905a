"""Handwritten digits: MNIST's, else scikit-learn's, enlarged."""

import os
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad
from torch.utils.data import TensorDataset

from course_lib import _require
from course_lib.data import mnist
from course_lib.data._random import frozen_random

DIGIT_SPLITS = ("train", "test")
DIGIT_SOURCES = ("auto", "mnist", "sklearn")


class Digits(TensorDataset):
    """Pairs (image (1, 28, 28), label ()): `images` (N, 1, 28, 28) in [0, 1], `labels` (N,) from 0 to 9."""

    def __init__(self, images: Tensor, labels: Tensor):
        super().__init__(images, labels)
        self.images, self.labels = images, labels


def digits(root: str | Path | None = None, *, split: str = "train", source: str = "auto") -> Digits:
    """Handwritten digits, and one line that says which: MNIST's, else scikit-learn's 1,797, resized.

    MNIST lies under `root` (default: $COURSE_DATA, else `data`), or is downloaded to it. The two files of
    `split` are enough, gzipped or not, in MNIST/raw, as torchvision puts them there, or in `root` itself.
    scikit-learn's digits are dealt out into 1,400 for `split` "train" and 397 for "test",
    always the same. `source` "mnist" or "sklearn" takes nothing else than that; "mnist" raises
    FileNotFoundError when it cannot be had.
    """
    _require.one_of(DIGIT_SPLITS, split=split)
    _require.one_of(DIGIT_SOURCES, source=source)
    reason = ""
    if source != "sklearn":
        root = Path(root or os.environ.get("COURSE_DATA") or "data").expanduser()
        try:
            pixels, labels = mnist.load(root, train=split == "train")
            print(f"Digits: {len(labels):,} images of MNIST ({split}), from {_place(root)}.")
            return Digits(pixels[:, None] / 255, labels)
        except mnist.Unavailable as error:
            reason = f" MNIST is {error}."
            if source == "mnist":
                raise FileNotFoundError(reason.strip()) from None
    small = small_digits(28)
    rows = torch.from_numpy(frozen_random(0).permutation(len(small)))
    rows = rows[:1400] if split == "train" else rows[1400:]
    print(f"Digits: {len(rows):,} images of scikit-learn's ({split}), resized to 28 × 28.{reason}")
    return Digits(small.images[rows], small.labels[rows])


def _place(root: Path) -> Path | str:
    """How to name `root` in an output that may be stored: without where it lies on this computer."""
    return f"…/{root.name}" if root.is_absolute() else root


def small_digits(size: int) -> Digits:
    """All of scikit-learn's digits (8 × 8, values from 0 to 16), enlarged, with MNIST's share of margin."""
    from sklearn.datasets import load_digits  # here, for it takes memory that most chapters need not spend

    digits = load_digits()
    margin = round(size / 7)
    inner = size - 2 * margin
    small = torch.from_numpy(digits.images / 16).float()[:, None]
    drawn = interpolate(small, (inner, inner), mode="bilinear", align_corners=False)
    return Digits(pad(drawn, [margin] * 4), torch.from_numpy(digits.target).long())
