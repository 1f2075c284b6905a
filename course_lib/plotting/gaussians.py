"""Gaussians: the reparameterization trick, the KL divergence, the linear VAE."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import data, gaussians
from course_lib.losses import kl_divergence
from course_lib.plotting._shared import array, density, new_axes, number
from course_lib.plotting.style import BLUE, GREY, ORANGE, RED, SKY


def draw_reparameterization(
    mu: float, log_var: float, eps: Tensor, *, limit: float = 8.5, ax: Axes | None = None
) -> Figure:
    """Each eps (N,) on the axis above, joined to its z = mu + eps · exp(log_var / 2) on the axis below.

    The densities N(0, 1) and N(mu, exp(log_var)) are drawn over and under them, scaled to one height.
    """
    ax = new_axes(ax, width=8, height=4)
    sigma = float(np.exp(log_var / 2))
    eps = array(eps)
    z = mu + eps * sigma
    line = np.linspace(-limit, limit, 2000)
    for y, values, center, width, color, side in ((1, eps, 0, 1, ORANGE, 1), (0, z, mu, sigma, BLUE, -1)):
        curve = y + side * 0.5 * np.exp(-0.5 * ((line - center) / width) ** 2)
        ax.fill_between(line, y, curve, color=color, alpha=0.45, linewidth=0)
        ax.plot(line, curve, color=color, linewidth=1.5)
        ax.axhline(y, color="black", linewidth=1)
        ax.plot(values, np.full(len(values), y), "o", color="black", markersize=4, zorder=3)
    ax.plot(np.stack([eps, z]), np.array([[1], [0]]) * np.ones(len(eps)), color=GREY, linewidth=1)
    ax.set(xlim=(-limit, limit), ylim=(-0.6, 1.6), xlabel="value")
    ax.set_yticks([1, 0], ["eps ~ N(0, 1)", "z"])
    ax.tick_params(axis="y", length=0)
    ax.set_title(f"mu = {mu:.2f},  log_var = {log_var:.2f},  so sigma = {sigma:.2f}")
    return ax.figure


def plot_kl_terms(mu: float, sigma: float) -> Figure:
    """q = N(mu, sigma²) over p = N(0, 1), beside the three terms that add up to KL(q ‖ p), in nats.

    The axes are the same for every mu in [−3, 3] and sigma in [0.2, 2], so that two figures compare.
    """
    terms = gaussians.kl_terms(mu, sigma)
    kl = sum(terms.values())
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
    _draw_posterior(left, mu, sigma, np.linspace(-6, 6, 601))
    left.set(ylim=(0, 2.1), xlabel="z", ylabel="density")
    left.set_title(f"mu = {number(mu)}, sigma = {number(sigma)}")
    left.legend(loc="upper left" if mu > 0 else "upper right")
    bars = right.barh([*terms, "sum: KL"], [*terms.values(), kl], color=[SKY] * 3 + [BLUE], height=0.6)
    right.bar_label(bars, [number(nats, 3) for nats in (*terms.values(), kl)], padding=4)
    right.axvline(0, color="black", linewidth=1)
    right.set(xlim=(-3.3, 8.6), xlabel="nats", title=f"KL = {number(kl, 3)} nats")
    right.invert_yaxis()
    return fig


def plot_kl_grid(mus: Sequence[float], sigmas: Sequence[float]) -> Figure:
    """KL(N(mu, sigma²) ‖ N(0, 1)) as pairs of curves: a column for each mu, a row for each sigma."""
    fig, axes = plt.subplots(
        len(sigmas),
        len(mus),
        figsize=(2.1 * len(mus), 1.3 * len(sigmas) + 0.6),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    z = np.linspace(-5, 5, 401)
    for line, sigma in zip(axes, sigmas, strict=True):
        for ax, mu in zip(line, mus, strict=True):
            _draw_posterior(ax, mu, sigma, z)
            kl = float(kl_divergence(*torch.tensor([mu, 2 * np.log(sigma)])))
            side = -4.9 if mu > 0 else 4.9  # where q is not
            ax.text(
                side,
                1.4,
                f"{number(kl)} nats",
                fontsize=11,
                ha="left" if side < 0 else "right",
                fontweight="bold" if kl == 0 else None,
            )
            ax.set(ylim=(0, 1.75), yticks=[])
        line[0].set_ylabel(f"sigma = {sigma:g}", fontsize=11)
    for ax, mu in zip(axes[0], mus, strict=True):
        ax.set_title(f"mu = {mu:g}".replace("-", "−"))
    for ax in axes[-1]:
        ax.set_xlabel("z")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return fig


def plot_kl_map(*, ax: Axes | None = None) -> Figure:
    """KL(N(mu, exp(log_var)) ‖ N(0, 1)) in nats over mu and log_var, with sigma on the right-hand side."""
    ax = new_axes(ax, width=6, height=4)
    mu, log_var = torch.meshgrid(torch.linspace(-3, 3, 241), torch.linspace(-5, 3.5, 241), indexing="xy")
    kl = kl_divergence(mu, log_var)
    levels = [0.1, 0.25, 0.5, 1, 2, 4, 8]
    shades = plt.get_cmap("Blues")(np.linspace(0, 0.6, len(levels) + 1))
    ax.contourf(mu, log_var, kl, [0, *levels, 100], colors=shades)
    lines = ax.contour(mu, log_var, kl, levels, colors="black", linewidths=1)
    places = [(0.38, -0.35), (0.59, -0.6), (0.83, -0.9), (1.19, -1.3), (1.69, -2), (2.62, -2), (0, 3)]
    ax.clabel(lines, fmt="%g", fontsize=11, manual=places)
    ax.plot(0, 0, "*", color=RED, markersize=14, markeredgecolor="white", zorder=3)
    ax.annotate("0", (0, 0), (-17, -4), textcoords="offset points", color=RED, fontweight="bold")
    ax.set(xlabel="mu", ylabel="log_var", title="KL in nats: zero at the star, and nowhere else")
    sigmas = [0.125, 0.25, 0.5, 1, 2, 4]
    right = ax.secondary_yaxis("right")
    right.set_yticks(2 * np.log(sigmas), [f"{sigma:g}" for sigma in sigmas])
    right.set_ylabel("sigma")
    return ax.figure


def plot_linear_vae(along: float, across: float, angle: float) -> Figure:
    """What a linear VAE with one latent dimension learns from a Gaussian cloud: the closed form.

    The cloud has the variance `along` in the direction `angle` (degrees) and the variance `across` at
    right angles to it. Tipping and Bishop (1999).
    """
    vae = gaussians.best_linear_vae(along, across, angle)
    circle = np.linspace(0, 2 * np.pi, 100)
    circle = 2 * np.stack([np.cos(circle), np.sin(circle)])  # (2, 100), two standard deviations
    ax = new_axes(None, width=7, height=5)
    ax.plot(*data.gaussian_points(500, covariance=vae.covariance).tensors[0].T, ".", markersize=3, color=SKY)
    ax.plot(*(np.linalg.cholesky(vae.covariance) @ circle), color="black", label="p(x)")
    ax.plot(*(vae.w[:, None] + np.sqrt(vae.sigma2) * circle), "--", color=RED, label="p(x | z = 1)")
    ax.plot(*np.outer(vae.w, [-3, 3]), "o-", markersize=4, color=ORANGE, label="decoder, z from −3 to 3")
    ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", xlim=(-9, 9), ylim=(-7, 7))
    ax.set_title(
        f"σ² = {vae.sigma2:.2f}, |w| = {np.linalg.norm(vae.w):.2f}, "
        f"posterior variance {vae.posterior_variance:.2f}, KL {vae.kl:.2f} nats",
        fontsize=12,
    )
    ax.legend(loc="upper left", fontsize=11)
    return ax.figure


def _draw_posterior(ax: Axes, mu: float, sigma: float, z: np.ndarray) -> None:
    """The density of q = N(mu, sigma²) in blue over the dashed one of p = N(0, 1)."""
    q = density(z, mu, sigma)
    ax.fill_between(z, q, color=BLUE, alpha=0.25)
    ax.plot(z, q, color=BLUE, label="q(z|x)")
    ax.plot(z, density(z), "--", color="black", label="p(z) = N(0, 1)")
