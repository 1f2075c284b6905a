"""Encoders, decoders, and the two models made of them.

Shapes: B batch, C channels, H and W pixels, D latent dimensions. An image shape is (C, H, W).
The models keep nothing between calls and know neither a loss nor a device.
"""

from functools import partial
from math import prod

import torch
from torch import Tensor, nn

from course_lib import _require


def dense_body(input_shape: tuple[int, int, int], hidden: int = 2048) -> nn.Sequential:
    """Image (B, C, H, W) → features (B, hidden) through two dense layers."""
    _require_image_shape(input_shape)
    _require.whole(hidden=hidden)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(prod(input_shape), hidden),
        nn.LeakyReLU(),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(),
    )


def conv_body(input_shape: tuple[int, int, int], filters: int = 32) -> nn.Sequential:
    """Image (B, C, H, W) → features (B, 2·filters·H/4·W/4) through four convolutions."""
    _require_image_shape(input_shape, divisible_by=4)
    _require.whole(filters=filters)
    return nn.Sequential(
        nn.Conv2d(input_shape[0], filters, 3, stride=1, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(filters, 2 * filters, 3, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(2 * filters, 2 * filters, 3, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(2 * filters, 2 * filters, 3, stride=1, padding=1),
        nn.LeakyReLU(),
        nn.Flatten(),
    )


def dense_decoder(latent_dim: int, output_shape: tuple[int, int, int], hidden: int = 2048) -> nn.Sequential:
    """z (B, D) → image (B, C, H, W) through the mirror of `dense_body`; any real number comes out."""
    _require_image_shape(output_shape)
    _require.whole(latent_dim=latent_dim, hidden=hidden)
    return nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.LeakyReLU(),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(),
        nn.Linear(hidden, prod(output_shape)),
        nn.Unflatten(1, output_shape),
    )


def conv_decoder(latent_dim: int, output_shape: tuple[int, int, int], filters: int = 32) -> nn.Sequential:
    """z (B, D) → image (B, C, H, W) in (0, 1) through four transposed convolutions."""
    _require_image_shape(output_shape, divisible_by=4)
    _require.whole(latent_dim=latent_dim, filters=filters)
    channels, height, width = output_shape
    start = (2 * filters, height // 4, width // 4)
    return nn.Sequential(
        nn.Linear(latent_dim, prod(start)),
        nn.Unflatten(1, start),
        nn.ConvTranspose2d(2 * filters, 2 * filters, 3, stride=1, padding=1),
        nn.LeakyReLU(),
        nn.ConvTranspose2d(2 * filters, 2 * filters, 3, stride=2, padding=1, output_padding=1),
        nn.LeakyReLU(),
        nn.ConvTranspose2d(2 * filters, filters, 3, stride=2, padding=1, output_padding=1),
        nn.LeakyReLU(),
        nn.ConvTranspose2d(filters, channels, 3, stride=1, padding=1),
        nn.Sigmoid(),
    )


class Encoder(nn.Module):
    """A body and one linear head: image (B, C, H, W) → z (B, D)."""

    def __init__(self, body: nn.Module, input_shape: tuple[int, int, int], latent_dim: int):
        super().__init__()
        _require.whole(latent_dim=latent_dim)
        _require_from_now_on(self, input_shape)
        self.latent_dim = latent_dim
        self.body = body
        self.to_z = nn.Linear(count_features(body, input_shape), latent_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.to_z(self.body(x))


class VariationalEncoder(nn.Module):
    """A body and two linear heads: image (B, C, H, W) → (mu, log_var), each (B, D)."""

    def __init__(self, body: nn.Module, input_shape: tuple[int, int, int], latent_dim: int):
        super().__init__()
        _require.whole(latent_dim=latent_dim)
        _require_from_now_on(self, input_shape)
        self.latent_dim = latent_dim
        self.body = body
        features = count_features(body, input_shape)
        self.to_mu = nn.Linear(features, latent_dim)
        self.to_log_var = nn.Linear(features, latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x)  # (B, F), computed once for both heads
        return self.to_mu(features), self.to_log_var(features)


class AutoEncoder(nn.Module):
    """Image → z → image."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        _require_kind(encoder, Encoder)
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)  # (B, D)

    def decode(self, z: Tensor) -> Tensor:
        _require_codes(self, z)
        return self.decoder(z)  # (B, C, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def embed(self, x: Tensor) -> Tensor:
        """The code of each image (B, D), as a picture of the latent space shows it."""
        return self.encode(x)


class VAE(nn.Module):
    """Image → a distribution over z → one draw of z → image (Kingma and Welling, 2014)."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        _require_kind(encoder, VariationalEncoder)
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder(x)  # mu (B, D), log_var (B, D)

    def reparameterize(self, mu: Tensor, log_var: Tensor) -> Tensor:
        sigma = torch.exp(log_var / 2)
        eps = torch.randn_like(mu)
        return mu + eps * sigma  # (B, D)

    def decode(self, z: Tensor) -> Tensor:
        _require_codes(self, z)
        return self.decoder(z)  # (B, C, H, W)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, log_var = self.encode(x)
        z = self.reparameterize(mu, log_var)
        return self.decode(z), mu, log_var

    def embed(self, x: Tensor) -> Tensor:
        """The centre of each image's posterior, mu (B, D): no noise at evaluation."""
        return self.encode(x)[0]

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """`n` new images (n, C, H, W): draw z from the prior N(0, I), then decode."""
        _require.whole(n=n)
        z = torch.randn(n, self.encoder.latent_dim, device=next(self.parameters()).device)
        return self.decode(z)


def count_parameters(model: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@torch.no_grad()
def count_features(body: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """How many features `body` makes of one image: found by sending a blank one through it."""
    training = body.training
    body.eval()  # a batch norm in training mode would refuse a single image and remember it
    features = body(torch.zeros(1, *input_shape))
    body.train(training)
    if features.ndim != 2:
        raise ValueError(f"a body must return features (B, F), not {tuple(features.shape)}")
    return features.shape[1]


def _require_image_shape(shape: tuple[int, int, int], divisible_by: int = 1) -> None:
    if not isinstance(shape, (tuple, list)) or len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"an image shape is (channels, height, width), not {shape!r}")
    if any(side % divisible_by for side in shape[1:]):
        raise ValueError(
            f"two halvings reach only heights and widths divisible by {divisible_by}, "
            f"not {shape[1]} × {shape[2]}"
        )


def _require_codes(model: nn.Module, z: Tensor) -> None:
    _require.tensor(z=z)
    first = model.decoder[0] if isinstance(model.decoder, nn.Sequential) else None
    width = getattr(first, "in_features", None)
    if z.ndim < 2 or width not in (None, z.shape[-1]):
        hint = ": take z[None]" if z.shape == (width,) else ""
        raise ValueError(f"z must be codes of shape (B, {width or 'D'}), not {tuple(z.shape)}{hint}")


def _require_kind(encoder: nn.Module, kind: type) -> None:
    if isinstance(encoder, (Encoder, VariationalEncoder)) and not isinstance(encoder, kind):
        raise ValueError(f"encoder must be of type {kind.__name__} here, not {type(encoder).__name__}")


def _require_from_now_on(encoder: nn.Module, input_shape: tuple[int, int, int]) -> None:
    """Refuse each batch that this encoder was not built for, before its layers meet it."""
    encoder.register_forward_pre_hook(partial(_require_batch, tuple(input_shape)))


def _require_batch(input_shape: tuple[int, int, int], encoder: nn.Module, args: tuple[Tensor, ...]) -> None:
    for x in args:
        _require.tensor(x=x)
        if x.shape[1:] != input_shape and len(input_shape) > 1:  # a single point will do
            take = ": take x[None]" if x.shape == input_shape else ""
            raise ValueError(
                f"x must be of shape (B, {', '.join(map(str, input_shape))}), not {tuple(x.shape)}{take}"
            )
        if x.dtype != (dtype := next(encoder.parameters()).dtype):
            raise ValueError(f"x must be {dtype}, as the model is, not {x.dtype}: take x.to({dtype})")
