"""What training minimises: terms per image, and the objectives made of them.

Every term is summed over what belongs to one image (pixels, latent dimensions) and averaged over the
batch, so that a number means the same for every batch size.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib import _require

Objective = Callable[[nn.Module, Tensor], dict[str, Tensor]]


def reconstruction_error(x_hat: Tensor, x: Tensor, kind: str = "mse") -> Tensor:
    """Error of each image, summed over its pixels: (B, C, H, W) twice → (B,).

    "mse" is the squared error, "bce" the binary cross-entropy in nats, which needs x and x_hat in
    [0, 1].
    """
    _require.one_of(PIXEL_ERRORS, kind=kind)
    _require.batch(x_hat=x_hat, x=x)
    _require_same_shape(x_hat=x_hat, x=x)
    _require_values(kind, x_hat=x_hat, x=x)
    return PIXEL_ERRORS[kind](x_hat, x).flatten(1).sum(dim=1)


def kl_divergence(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) ‖ N(0, 1)) of each latent dimension in nats: (B, D) twice → (B, D).

    Kingma and Welling (2014), appendix B.
    """
    _require.tensor(mu=mu, log_var=log_var)
    _require_same_shape(mu=mu, log_var=log_var)
    return -0.5 * (1 + log_var - mu.square() - log_var.exp())


def ae_objective(kind: str = "mse") -> Objective:
    """The objective of an autoencoder: the mean reconstruction error of an image."""
    _require.one_of(PIXEL_ERRORS, kind=kind)

    def objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        reconstruction = reconstruction_error(model(x), x, kind).mean()
        return {"loss": reconstruction, "reconstruction": reconstruction}

    return objective


def vae_objective(reconstruction_factor: float = 1.0, kind: str = "mse") -> Objective:
    """The objective of a VAE: reconstruction_factor · reconstruction error + KL, mean over images."""
    _require.one_of(PIXEL_ERRORS, kind=kind)
    _require.not_negative(reconstruction_factor=reconstruction_factor)

    def objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        _require_variational(model)
        x_hat, mu, log_var = model(x)
        reconstruction = reconstruction_error(x_hat, x, kind).mean()
        kl = kl_divergence(mu, log_var).sum(dim=1).mean()
        loss = reconstruction_factor * reconstruction + kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl}

    return objective


def learned_sigma_objective() -> Objective:
    """The objective of a VAE that measures its pixel noise σ instead of being told: the σ-VAE.

    The squared error becomes the exact −log N(x; x_hat, σ²) of P pixels, with the σ² that makes it
    smallest for the batch, which is the mean squared error of a pixel:
    P/2 · log(2πσ²) + P/2 + KL. Rybkin, Daniilidis and Levine (2021).
    """

    def objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        _require_variational(model)
        x_hat, mu, log_var = model(x)
        reconstruction = reconstruction_error(x_hat, x).mean()
        kl = kl_divergence(mu, log_var).sum(dim=1).mean()
        pixels = x[0].numel()
        sigma = (reconstruction / pixels).sqrt()
        loss = pixels * (sigma.log() + math.log(2 * math.pi) / 2 + 1 / 2) + kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl, "sigma": sigma}

    return objective


def kl_warm_up(objective: Objective, steps: int) -> Objective:
    """`objective` with a weight beta on its KL that grows from 0 to 1 over the first training steps.

    Bowman et al. (2016). It counts its own calls in training mode, so make a new one for each
    training. In evaluation mode beta is 1, which keeps validation losses comparable.
    """
    _require.whole(steps=steps)
    calls = 0

    def warmed_up(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        nonlocal calls
        terms = objective(model, x)
        beta = min(1.0, calls / steps) if model.training else 1.0
        calls += model.training
        loss = terms["loss"] - (1 - beta) * terms["kl"]
        return {**terms, "loss": loss, "beta": torch.full_like(loss, beta)}

    return warmed_up


def sparse_objective(penalty: Callable[[Tensor], Tensor], weight: float, kind: str = "mse") -> Objective:
    """The objective of a sparse autoencoder: reconstruction error + weight · penalty(z).

    `penalty` maps the codes z (B, D) of a batch to one number, such as `l1` or the sum of `kl_to_rho`.
    """
    _require.one_of(PIXEL_ERRORS, kind=kind)
    _require.not_negative(weight=weight)

    def objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        z = model.encode(x)
        _require.tensor(z=z)
        reconstruction = reconstruction_error(model.decode(z), x, kind).mean()
        sparsity = penalty(z)
        loss = reconstruction + weight * sparsity
        return {"loss": loss, "reconstruction": reconstruction, "sparsity": sparsity}

    return objective


def denoising_objective(corrupt: Callable[[Tensor], Tensor], kind: str = "mse") -> Objective:
    """The objective of a denoising autoencoder: corrupt(x) goes in, and x itself is what must come out.

    Noise is drawn anew for each batch. Vincent, Larochelle, Bengio and Manzagol (2008).
    """
    _require.one_of(PIXEL_ERRORS, kind=kind)

    def objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        reconstruction = reconstruction_error(model(corrupt(x)), x, kind).mean()
        return {"loss": reconstruction, "reconstruction": reconstruction}

    return objective


def l1(z: Tensor) -> Tensor:
    """Sum of the absolute values of a code, mean over the batch: (B, D) → ()."""
    _require.batch(z=z)
    return z.abs().sum(dim=1).mean()


def kl_to_rho(activations: Tensor, rho: float) -> Tensor:
    """KL(Bernoulli(rho) ‖ Bernoulli(rho_hat)) of each unit in nats: activations (B, D) in [0, 1] → (D,).

    rho_hat is the mean activation of the unit over the batch; it is kept 1e-6 away from 0 and 1, where
    the KL would be infinite. Ng, lecture notes on sparse autoencoders (2011).
    """
    _require_rho(rho)
    _require_activations(activations)
    rho_hat = activations.mean(dim=0).clamp(1e-6, 1 - 1e-6)
    return rho * torch.log(rho / rho_hat) + (1 - rho) * torch.log((1 - rho) / (1 - rho_hat))


def active_units(mu: Tensor, threshold: float = 0.01) -> int:
    """How many latent dimensions of mu (N, D) move with the image: variance above `threshold`.

    Burda, Grosse and Salakhutdinov (2016).
    """
    _require.batch(mu=mu)
    return int((mu.var(dim=0, correction=0) > threshold).sum())


def unexplained_variance(x_hat: Tensor, x: Tensor) -> float:
    """Squared error ÷ variance of the pixels over the batch: 0 is perfect, 1 is the mean image."""
    _require.batch(x_hat=x_hat, x=x)
    _require_same_shape(x_hat=x_hat, x=x)
    if len(x) < 2:
        raise ValueError(f"a variance needs at least 2 images, not {len(x)}")
    variance = x.flatten(1).var(dim=0, correction=0).sum()
    return float(reconstruction_error(x_hat, x).mean() / variance)


def _squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    return (x_hat - x).square()


def _cross_entropy(x_hat: Tensor, x: Tensor) -> Tensor:
    tiny = torch.finfo(x_hat.dtype).tiny  # a saturated sigmoid costs 87 nats, not infinitely many
    log_ink, log_paper = x_hat.clamp(min=tiny).log(), (1 - x_hat).clamp(min=tiny).log()
    return -(x * log_ink + (1 - x) * log_paper)


PIXEL_ERRORS = {"mse": _squared_error, "bce": _cross_entropy}


def _require_rho(rho: float) -> None:
    if not 0 < rho < 1:
        raise ValueError(f"rho must be a share between 0 and 1, both excluded, not {rho!r}")


def _require_activations(activations: Tensor) -> None:
    _require.tensor(activations=activations)
    if activations.ndim != 2 or len(activations) == 0:
        raise ValueError(f"activations must be of shape (B, D), not {tuple(activations.shape)}")
    if activations.requires_grad and activations.device.type != "cpu":
        return  # looking at values would make a training step wait for the device
    if not bool(((activations >= 0) & (activations <= 1)).all()):
        raise ValueError("activations must lie in [0, 1], as those of a sigmoid do, and these do not")


def _require_same_shape(**named: Tensor) -> None:
    (name, a), (other, b) = named.items()
    if a.shape != b.shape:
        raise ValueError(f"{name} {tuple(a.shape)} and {other} {tuple(b.shape)} must have the same shape")


def _require_values(kind: str, x_hat: Tensor, x: Tensor) -> None:
    if x_hat.requires_grad and x_hat.device.type != "cpu":
        return  # looking at values would make a training step wait for the device
    if not x.requires_grad:
        _require.scale(x=x)
    if not x_hat.requires_grad:
        _require.finite(x_hat=x_hat)
    for name, images in (("x_hat", x_hat), ("x", x)):
        if kind == "bce" and bool(((images < 0) | (images > 1)).any()):
            hint = "; end the decoder in a sigmoid" if name == "x_hat" else ""
            raise ValueError(f"kind='bce' needs {name} in [0, 1], and it holds other values{hint}")


def _require_variational(model: nn.Module) -> None:
    """Told by its name, for each model may be a copy that a chapter makes."""
    if "AutoEncoder" in {kind.__name__ for kind in type(model).__mro__}:
        raise ValueError(
            "this objective needs a VAE, which returns (x_hat, mu, log_var), not an AutoEncoder, which gives "
            "x_hat: take losses.ae_objective()"
        )
