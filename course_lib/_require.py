"""Refusals that several modules share: each raises ValueError with what was given and what is needed."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

LARGEST = 25  # noise and whitened photographs leave [0, 1], but not by far


def whole(**named: int) -> None:
    """Counts: whole numbers of at least 1."""
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def positive(**named: float) -> None:
    """Finite numbers above 0."""
    for name, value in named.items():
        if not isinstance(value, Real) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a finite number above 0, not {value!r}")


def not_negative(**named: float) -> None:
    """Weights: 0 or more."""
    for name, value in named.items():
        if not isinstance(value, Real) or not value >= 0:
            raise ValueError(f"{name} must be 0 or more, not {value!r}")


def one_of(choices: Iterable[str], **named: str) -> None:
    """Names out of a list."""
    for name, value in named.items():
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")


def mapping(**named: object) -> None:
    """Names with what belongs to each."""
    for name, value in named.items():
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f"{name} must be a dict, name → what is shown, not {given(value)}")


def tensor(**named: object) -> None:
    """Tensors of floating-point numbers; their values are not looked at."""
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor, not {given(value)}{conversion(name, value)}")
        if not value.is_floating_point():
            take = f"{name}.float()" + " / 255" * (value.dtype == torch.uint8)
            raise ValueError(f"{name} must hold floating-point numbers, not {value.dtype}: take {take}")


def batch(**named: object) -> None:
    """Tensors (B, ...) that are not a single square image (C, H, W)."""
    tensor(**named)
    for name, value in named.items():
        shape = tuple(value.shape)
        if value.ndim < 2 or (value.ndim == 3 and len(value) in (1, 3) and shape[1] == shape[2]):
            raise ValueError(f"{name} must be a batch (B, C, H, W), not {shape}: take {name}[None]")
        if value.numel() == 0:
            raise ValueError(f"{name} must hold at least one image, not none")


def finite(**named: Tensor) -> None:
    """No NaN, no infinity. To look at values makes a step wait for a GPU."""
    for name, value in named.items():
        if not bool(torch.isfinite(value).all()):
            hint = "; build the model anew and train it with a smaller lr" if name == "x_hat" else ""
            raise ValueError(f"{name} must hold finite numbers, not NaN or infinity{hint}")


def scale(**named: Tensor) -> None:
    """Finite numbers of about the size of those of images."""
    for name, value in named.items():
        if not (reach := float(value.abs().max())) <= LARGEST:
            finite(**{name: value})  # only now, for isfinite takes six times as long as abs and max
            raise ValueError(
                f"{name} must lie in [0, 1] or not far from it, not reach {reach:.4g}: divide by the largest "
                f"possible value, as in {name} / 255"
            )


def given(value: object) -> str:
    """What came, in a few words."""
    return f"NumPy array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def conversion(name: str, value: object) -> str:
    """What makes a tensor of it, as the end of a sentence."""
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    if isinstance(value, np.ndarray):
        return f": take torch.from_numpy({name}).float()" + " / 255" * (value.dtype == np.uint8)
    if isinstance(first, (str, Path)) or "PIL." in type(first).__module__:
        return f": take data.own({name.partition('[')[0]}).images"
    if isinstance(value, DataLoader):
        return f": take {name}.dataset, for batches are made inside"
    if isinstance(value, Dataset):
        return f": take its images, such as {name}.images"
    if isinstance(value, tuple):
        return ": a VAE returns several, x_hat, mu, log_var = model(x), and vae_objective() trains it"
    return f": take torch.stack({name})" if isinstance(first, Tensor) else ""
