"""Sliders over figures. Each explorer only looks something up or makes one forward pass, and never trains."""

import io
import math
import threading
from collections.abc import Callable, Mapping

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_lib import plotting
from course_lib.anomaly import threshold_at

ONE_AT_A_TIME = threading.Lock()


def explorer(draw: Callable[..., Figure], **controls: widgets.Widget) -> widgets.VBox:
    """The controls above the figure that `draw(**their values)` returns, redrawn at every change.

    JupyterLab lets several threads answer the controls, and matplotlib is made for one: so only one figure at
    a time is drawn, and pyplot forgets it before a cell that ends meanwhile can show it, too.

    The box keeps the callback as `box.draw`, so that it can be called without a browser.
    """
    picture = widgets.Image(layout={"align_self": "flex-start"})

    def show(**values: object) -> Figure:
        with plt.ioff():
            figure = draw(**values)
        plt.close(figure)
        png = io.BytesIO()
        figure.savefig(png, bbox_inches="tight")
        picture.value = png.getvalue()
        return figure

    def redraw(_: object = None) -> None:
        with ONE_AT_A_TIME:
            show(**{name: control.value for name, control in controls.items()})

    for control in controls.values():
        control.observe(redraw, "value")
    redraw()
    box = widgets.VBox([*controls.values(), picture])
    box.draw = show
    return box


def latent_explorer(model: nn.Module, images: Tensor | None = None) -> widgets.VBox:
    """The image that `model` decodes from z, beside where that z lies among the codes of `images`.

    A slider for each latent dimension, three at most; further ones stay 0.
    """
    device = next(model.parameters()).device
    latent_dim = model.encoder.latent_dim
    codes, low, high = None, [-3.0] * latent_dim, [3.0] * latent_dim
    if images is not None:
        with torch.no_grad():
            codes = torch.cat([model.embed(x.to(device)).cpu() for x in images.split(100)])  # (N, D)
        low = [min(-3.0, math.floor(c)) for c in codes.amin(dim=0).tolist()]
        high = [max(3.0, math.ceil(c)) for c in codes.amax(dim=0).tolist()]

    @torch.no_grad()
    def draw(**values: float) -> Figure:
        z = torch.zeros(1, latent_dim, device=device)
        z[0, : len(values)] = torch.tensor([values[f"z{i + 1}"] for i in range(len(values))])
        return plotting.plot_decoded_code(model.decode(z)[0], z[0, :3], codes)

    sliders = {
        f"z{i + 1}": widgets.FloatSlider(
            value=0.0, min=low[i], max=high[i], step=0.05, description=f"z{i + 1}"
        )
        for i in range(min(latent_dim, 3))
    }
    return explorer(draw, **sliders)


def plane_explorer(model: nn.Module, images: Tensor, labels: Tensor) -> widgets.VBox:
    """A plane of codes as a map: what `model` decodes at a point, and the image whose code is closest to it.

    `images` (N, 1, H, W) with `labels` (N,) from 0 to 9 are the places on the map.
    """
    if model.encoder.latent_dim != 2:
        raise ValueError(f"a plane has latent_dim 2, and this model has {model.encoder.latent_dim}")
    device = next(model.parameters()).device
    with torch.no_grad():
        codes = model.embed(images.to(device)).cpu()  # (N, 2)

    @torch.no_grad()
    def draw(z1: float, z2: float) -> Figure:
        z = torch.tensor([[z1, z2]])
        nearest = int((codes - z).square().sum(dim=1).argmin())
        pictures = torch.cat([model.decode(z.to(device)).cpu(), images[nearest, None].cpu()])
        return plotting.plot_place_in_plane(pictures, z[0], codes, labels, nearest)

    return explorer(
        draw,
        z1=widgets.FloatSlider(value=0.0, min=-3, max=3, step=0.1, description="z1"),
        z2=widgets.FloatSlider(value=0.0, min=-3, max=3, step=0.1, description="z2"),
    )


def reparameterization_explorer() -> widgets.VBox:
    """How each eps becomes a z: a seed keeps its eps while mu and log_var move."""

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


def kl_explorer() -> widgets.VBox:
    """The two curves, the three terms and the KL itself, while mu and sigma move."""
    return explorer(
        plotting.plot_kl_terms,
        mu=widgets.FloatSlider(value=1.0, min=-3, max=3, step=0.1, description="mu"),
        sigma=widgets.FloatSlider(value=0.5, min=0.2, max=2, step=0.05, description="sigma"),
    )


def linear_vae_explorer() -> widgets.VBox:
    """Stretch and turn a Gaussian cloud, and see the linear VAE that fits it best."""
    return explorer(
        plotting.plot_linear_vae,
        along=widgets.FloatSlider(value=3.0, min=0.25, max=8, step=0.25, description="along"),
        across=widgets.FloatSlider(value=0.5, min=0.25, max=8, step=0.25, description="across"),
        angle=widgets.IntSlider(value=37, min=-90, max=90, description="angle"),
    )


def threshold_explorer(scores: Mapping[str, Tensor]) -> widgets.VBox:
    """Who raises an alarm while the threshold moves: scores (N,) by kind, the normal ones first."""
    if len(scores) < 2:
        raise ValueError(f"scores must hold normal images and at least one odd kind, not {list(scores)}")
    normal, *kinds = scores
    everything = torch.cat([scores[kind] for kind in kinds])
    pooled = torch.cat([scores[normal], everything])
    low, high = math.log10(max(float(pooled.min()), 1e-3)), math.log10(float(pooled.max()))

    def draw(threshold: float, odd: str) -> Figure:
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(11, 0.4 * len(scores) + 1.3), gridspec_kw={"width_ratios": [1.6, 1]}
        )
        plotting.plot_score_histograms(scores, threshold=threshold, ax=left)
        plotting.draw_confusion_table(scores[normal], scores.get(odd, everything), threshold, ax=right)
        right.set_title(f"{normal} against {odd}", fontsize=12)
        return figure

    return explorer(
        draw,
        threshold=widgets.FloatLogSlider(
            value=threshold_at(scores[normal], 0.01), min=low, max=high, step=0.01, description="threshold"
        ),
        odd=widgets.Dropdown(options=["all odd kinds", *kinds], description="odd"),
    )


def loss_scale_explorer(sweep: Mapping[float, Mapping[str, float | Tensor]]) -> widgets.VBox:
    """Looks up what training found at each reconstruction_factor of a sweep (see `plotting.plot_sweep`)."""
    if not sweep:
        raise ValueError("sweep must hold at least one reconstruction_factor, and it is empty")
    factors = sorted(sweep)

    def draw(factor: float) -> Figure:
        return plotting.draw_sweep_step(sweep, factor)

    return explorer(
        draw,
        factor=widgets.SelectionSlider(
            options=[(f"{factor:g}", factor) for factor in factors],
            value=factors[len(factors) // 2],
            description="factor",
        ),
    )
