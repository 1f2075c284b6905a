"""What several figures need."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Normal

from course_lib import _require


def new_axes(ax: Axes | None, *, width: float = 6, height: float = 3.6) -> Axes:
    return plt.subplots(figsize=(width, height))[1] if ax is None else ax


def array(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def pictures(images: Tensor | np.ndarray, channels: tuple[int, ...] = (1, 3)) -> np.ndarray:
    """Images (N, C, H, W) that can be drawn: ink or colours, or signals one pixel high."""
    images = torch.from_numpy(images.copy()) if isinstance(images, np.ndarray) else images
    images = images.float() if isinstance(images, Tensor) and images.dtype == torch.bool else images
    _require.tensor(images=images)
    if images.ndim != 4 or len(images) == 0 or (images.shape[1] not in channels and images.shape[2] > 1):
        needed = f"(N, {' or '.join(map(str, channels))}, H, W)"
        one = ": take images[None]" if images.ndim == 3 else ""
        raise ValueError(f"images must be of shape {needed}, not {tuple(images.shape)}{one}")
    _require.scale(images=images)
    return array(images)


def places(z: Tensor | np.ndarray, dimensions: int) -> np.ndarray:
    """Codes (N, dimensions) as an array; one dimension may come as (N,)."""
    z = array(z)
    z = z[:, None] if z.ndim == 1 else z
    if z.shape[1:] != (dimensions,):
        raise ValueError(f"z must be of shape (N, {dimensions}), not {z.shape}: take z[:, :{dimensions}]")
    return z


def density(z: np.ndarray, mu: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Of N(mu, sigma²)."""
    return Normal(mu, sigma).log_prob(torch.from_numpy(z)).exp().numpy()


def number(value: float, decimals: int = 2) -> str:
    """Some decimals with a minus sign, and never −0.00."""
    return f"{round(value, decimals) + 0:.{decimals}f}".replace("-", "−")
