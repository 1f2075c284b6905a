"""What several figures need."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.distributions import Normal


def new_axes(ax: Axes | None, *, width: float = 6, height: float = 3.6) -> Axes:
    return plt.subplots(figsize=(width, height))[1] if ax is None else ax


def array(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def density(z: np.ndarray, mu: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Of N(mu, sigma²)."""
    return Normal(mu, sigma).log_prob(torch.from_numpy(z)).exp().numpy()


def number(value: float, decimals: int = 2) -> str:
    """Some decimals with a minus sign, and never −0.00."""
    return f"{round(value, decimals) + 0:.{decimals}f}".replace("-", "−")
