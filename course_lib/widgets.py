"""Sliders over figures. Each explorer only looks something up or makes one forward pass, and never trains."""

from collections.abc import Callable

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from course_lib import plotting


def explorer(draw: Callable[..., Figure], **controls: widgets.Widget) -> widgets.VBox:
    """The controls above the figure that `draw(**their values)` returns, redrawn at every change.

    The box keeps the callback as `box.draw`, so that it can be called without a browser.
    """

    def show(**values: object) -> None:
        figure = draw(**values)
        plt.show()
        plt.close(figure)  # where `show` does not close it, as outside Jupyter

    box = widgets.VBox([*controls.values(), widgets.interactive_output(show, controls)])
    box.draw = show
    return box


def reparameterization_explorer() -> widgets.VBox:
    """mu, log_var and the noise → how each eps becomes a z. A seed keeps its eps while mu and log_var move."""

    def draw(mu: float, log_var: float, draws: int, seed: int) -> Figure:
        eps = torch.randn(draws, generator=torch.Generator().manual_seed(seed))
        return plotting.draw_reparameterization(mu, log_var, eps)

    return explorer(
        draw,
        mu=widgets.FloatSlider(value=1.0, min=-2, max=2, step=0.1, description="mu"),
        log_var=widgets.FloatSlider(value=-1.4, min=-6, max=1.5, step=0.1, description="log_var"),
        draws=widgets.IntSlider(value=15, min=1, max=40, description="draws"),
        seed=widgets.IntSlider(value=0, min=0, max=20, description="seed of eps"),
    )
