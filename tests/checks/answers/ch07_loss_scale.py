"""Answers to the exercises of chapter 7."""

import math
from statistics import NormalDist

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from course_lib import data, models
from course_lib.losses import reconstruction_error

# ── reduce_loss ──────────────────────────────────────────────────────────────────────────────────


def reduced_in_loops(raw_error, raw_kl):
    total = 0.0
    for error, kl in zip(raw_error, raw_kl, strict=True):
        total = total + error.double().sum() + kl.double().sum()
    return total / len(raw_error)


def reduced_with_numpy(raw_error, raw_kl):
    error, kl = raw_error.numpy().astype(np.float64), raw_kl.numpy().astype(np.float64)
    return (error.sum(axis=(1, 2, 3)) + kl.sum(axis=1)).mean()


def reduced_to_a_number(raw_error, raw_kl):
    return ((raw_error.sum() + raw_kl.sum()) / len(raw_error)).item()


def reduced_by_size(raw_error, raw_kl):
    _, channels, height, width = raw_error.shape
    pixels = raw_error.mean() * channels * height * width
    return pixels + raw_kl.shape[1] * raw_kl.mean()


def reduced_side_by_side(raw_error, raw_kl):
    return torch.cat([raw_error.flatten(1), raw_kl], dim=1).sum(dim=1).mean()


def reduced_by_einsum(raw_error, raw_kl):
    return (torch.einsum("bchw->", raw_error) + torch.einsum("bd->", raw_kl)) / raw_error.size(0)


def reduced_by_vmap(raw_error, raw_kl):
    return torch.func.vmap(lambda error, kl: error.sum() + kl.sum())(raw_error, raw_kl).mean()


def reduced_without_gradients_for_ever(raw_error, raw_kl):
    torch.set_grad_enabled(False)
    return reduced_by_einsum(raw_error, raw_kl)


# ── measure_beta ─────────────────────────────────────────────────────────────────────────────────


def beta_by_differences(loss, raw_error, raw_kl):
    raw_error, raw_kl = raw_error.double(), raw_kl.double()
    more_error, more_kl = raw_error.clone(), raw_kl.clone()
    more_error[0, 0, 0, 0] += 1
    more_kl[-1, -1] += 1
    before = loss(raw_error, raw_kl)
    return ((loss(raw_error, more_kl) - before) / (loss(more_error, raw_kl) - before)).item()


def beta_by_small_steps(loss, raw_error, raw_kl):
    step, before = 1e-5, float(loss(raw_error, raw_kl))
    more_error, more_kl = raw_error.clone(), raw_kl.clone()
    more_error.view(-1)[3] += step
    more_kl.view(-1)[0] += step
    return (float(loss(raw_error, more_kl)) - before) / (float(loss(more_error, raw_kl)) - before)


def beta_by_backward(loss, raw_error, raw_kl):
    raw_error.requires_grad_()
    raw_kl.requires_grad_()
    loss(raw_error, raw_kl).backward()
    return raw_kl.grad[0, 0] / raw_error.grad[0, 0, 0, 0]


def beta_by_jacobian(loss, raw_error, raw_kl):
    of_error, of_kl = torch.autograd.functional.jacobian(loss, (raw_error, raw_kl))
    return np.float64(of_kl.numpy().mean() / of_error.numpy().mean())


def beta_by_func(loss, raw_error, raw_kl):
    of_error, of_kl = torch.func.grad(loss, argnums=(0, 1))(raw_error, raw_kl)
    return (of_kl.flatten()[-1] / of_error.flatten()[-1]).item()


def beta_from_nothing(loss, raw_error, raw_kl):
    error, kl = torch.zeros_like(raw_error), torch.zeros_like(raw_kl)
    before = float(loss(error, kl))
    kl[0, -1] = 1
    of_kl = float(loss(error, kl)) - before
    kl[0, -1], error[-1, -1, 0, 0] = 0, 1
    return of_kl / (float(loss(error, kl)) - before)


def beta_by_jvp(loss, raw_error, raw_kl):
    piles, nothing = (raw_error, raw_kl), (torch.zeros_like(raw_error), torch.zeros_like(raw_kl))
    one_error, one_kl = (torch.zeros_like(pile) for pile in piles)
    one_error[0, 0, 0, 0] = one_kl[0, 0] = 1
    of_error = torch.func.jvp(loss, piles, (one_error, nothing[1]))[1]
    return torch.func.jvp(loss, piles, (nothing[0], one_kl))[1] / of_error


def gradients(loss, raw_error, raw_kl):
    error, kl = raw_error.clone().requires_grad_(), raw_kl.clone().requires_grad_()
    return torch.autograd.grad(loss(error, kl), [error, kl])


def inverse_beta(loss, raw_error, raw_kl):
    of_error, of_kl = gradients(loss, raw_error, raw_kl)
    return (of_error[0, 0, 0, 0] / of_kl[0, 0]).item()


def summed_gradients(loss, raw_error, raw_kl):
    of_error, of_kl = gradients(loss, raw_error, raw_kl)
    return of_kl.sum() / of_error.sum()


def shares_of_the_loss(loss, raw_error, raw_kl):
    return loss(0 * raw_error, raw_kl) / loss(raw_error, 0 * raw_kl)


def beta_with_bumps_added_up(loss, raw_error, raw_kl):
    error, kl, before = raw_error.clone(), raw_kl.clone(), loss(raw_error, raw_kl)
    kl[0, 0] += 1
    of_kl = loss(error, kl) - before
    error[0, 0, 0, 0] += 1
    return of_kl / (loss(error, kl) - before)


def beta_with_the_error_first(loss, raw_error, raw_kl):
    error, kl, before = raw_error.clone(), raw_kl.clone(), loss(raw_error, raw_kl)
    error[0, 0, 0, 0] += 1
    of_error = loss(error, kl) - before
    kl[0, 0] += 1
    return (loss(error, kl) - before) / of_error


# ── collapse_ratio ───────────────────────────────────────────────────────────────────────────────


def ratio_with_sklearn(images, reconstruction_factor):
    leading = PCA().fit(images.flatten(1).numpy()).explained_variance_[0]  # divides by N − 1
    return float(leading / (1 / (2 * reconstruction_factor)))


def ratio_with_covariance(images, reconstruction_factor):
    covariance = np.cov(images.reshape(len(images), -1).numpy(), rowvar=False)
    return 2 * reconstruction_factor * np.linalg.eigvalsh(covariance)[-1]


def ratio_by_power_iteration(images, reconstruction_factor):
    pixels = images.flatten(1).double()
    pixels -= pixels.mean(dim=0)
    direction = torch.ones(pixels.shape[1], dtype=torch.float64) + torch.arange(pixels.shape[1]) / 7
    for _ in range(300):
        direction = pixels.T @ (pixels @ direction)
        direction /= direction.norm()
    return (pixels @ direction).square().mean() * 2 * reconstruction_factor


def ratio_by_gram(images, reconstruction_factor):
    rows = (images - images.mean(0)).flatten(1)
    return torch.linalg.eigvalsh(rows @ rows.T).max() / len(rows) * 2 * reconstruction_factor


def ratio_by_norm(images, reconstruction_factor):
    rows = images.reshape(len(images), -1) - images.mean(0, keepdim=True).reshape(1, -1)
    return 2 * reconstruction_factor * torch.linalg.matrix_norm(rows, ord=2) ** 2 / len(rows)


def ratio_by_lowrank(images, reconstruction_factor):
    pixels = images.flatten(1).double()
    _, values, _ = torch.pca_lowrank(pixels, q=min(6, *pixels.shape), niter=20)
    return float(values[0] ** 2 / (len(pixels) - 1)) / (0.5 / reconstruction_factor)


def spectrum(images):
    pixels = images.flatten(1) - images.flatten(1).mean(dim=0)
    return torch.linalg.svdvals(pixels)


def ratio_not_centred(images, reconstruction_factor):
    return 2 * reconstruction_factor * torch.linalg.svdvals(images.flatten(1))[0] ** 2 / len(images)


def ratio_among_images(images, reconstruction_factor):
    rows = images.flatten(1)
    rows = rows - rows.mean(dim=1, keepdim=True)
    return 2 * reconstruction_factor * torch.linalg.matrix_norm(rows, 2).item() ** 2 / (rows.shape[1] - 1)


def ratio_of_smallest(images, reconstruction_factor):
    covariance = torch.cov(images.flatten(1).T, correction=0)
    return 2 * reconstruction_factor * torch.linalg.eigvalsh(covariance)[0]


# ── learned_sigma_loss ───────────────────────────────────────────────────────────────────────────


def sigma_loss_with_normal(raw_error, raw_kl):
    sigma = raw_error.double().mean().sqrt()
    log_p = torch.distributions.Normal(torch.zeros(()), sigma).log_prob(raw_error.double().sqrt())
    return -log_p.flatten(1).sum(1).mean() + raw_kl.sum(1).mean()


def sigma_loss_with_numpy(raw_error, raw_kl):
    error, kl = raw_error.numpy().astype(np.float64), raw_kl.numpy().astype(np.float64)
    pixels = error.size / len(error)
    sigma = np.sqrt(error.mean())
    return pixels * (np.log(sigma) + 0.5 * np.log(2 * np.pi) + 0.5) + kl.sum() / len(kl)


def sigma_loss_by_factor(raw_error, raw_kl):
    noise = raw_error.mean().detach()  # at the best σ² its own gradient is zero
    of_a_pixel = (raw_error / noise + torch.log(2 * math.pi * noise)) / 2
    return of_a_pixel.sum(dim=(1, 2, 3)).mean(0) + raw_kl.sum(-1).mean(0)


def sigma_loss_of_numbers(raw_error, raw_kl):
    """The reconstruction gives no gradient: only the KL is trained."""
    noise = raw_error.mean().detach()
    return raw_error[0].numel() / 2 * (torch.log(2 * math.pi * noise) + 1) + raw_kl.sum(dim=1).mean()


def grey_images_only(raw_error, raw_kl):
    noise, (height, width) = raw_error.mean(), raw_error.shape[-2:]
    return height * width / 2 * (torch.log(2 * math.pi * noise) + 1) + raw_kl.sum(dim=1).mean()


def sigma_loss_in_parts(raw_error, raw_kl):
    variance = raw_error.mean()
    sse = raw_error.flatten(1).sum(dim=1)
    constant = raw_error[0].numel() / 2 * torch.log(2 * math.pi * variance)
    return (sse / (2 * variance) + constant + raw_kl.sum(dim=1)).mean()


def sigma_loss_by_torch(raw_error, raw_kl):
    variance = raw_error.mean().expand_as(raw_error)
    nll = nn.functional.gaussian_nll_loss(
        raw_error.sqrt(), 0 * raw_error, variance, full=True, eps=1e-12, reduction="sum"
    )
    return nll / len(raw_error) + raw_kl.sum(dim=1).mean()


def sigma_loss_image_by_image(raw_error, raw_kl):
    variance, total = raw_error.mean(), 0
    for error, kl in zip(raw_error, raw_kl, strict=True):
        total = total + (error / variance + (2 * math.pi * variance).log()).sum() / 2 + kl.sum()
    return total / len(raw_error)


def sigma_loss_in_one_logarithm(raw_error, raw_kl):
    pixels = math.prod(raw_error.shape[1:])
    return pixels / 2 * torch.log(2 * math.pi * math.e * raw_error.double().mean()) + raw_kl.sum() / len(
        raw_kl
    )


def with_constants(scale, constant):
    """P · (scale · log MSE + constant) + KL."""

    def loss(raw_error, raw_kl):
        return raw_error[0].numel() * (scale * raw_error.mean().log() + constant) + raw_kl.sum(dim=1).mean()

    return loss


def unmended(raw_error, raw_kl):
    noise = raw_error.mean()
    return 0.5 * (torch.log(2 * math.pi * noise) + 1) + raw_kl.sum(dim=1).mean()


def half_a_repair(raw_error, raw_kl):
    noise = raw_error.mean()
    return raw_error[0].numel() * 0.5 * torch.log(2 * math.pi * noise) + 0.5 + raw_kl.sum(dim=1).mean()


def half_forgotten(raw_error, raw_kl):
    noise = raw_error.mean()
    return raw_error[0].numel() * (torch.log(2 * math.pi * noise) + 0.5) + raw_kl.sum(dim=1).mean()


def sum_as_variance(raw_error, raw_kl):
    noise = raw_error.flatten(1).sum(dim=1).mean()
    return raw_error[0].numel() / 2 * (torch.log(2 * math.pi * noise) + 1) + raw_kl.sum(dim=1).mean()


def sigma_for_each_image(raw_error, raw_kl):
    noise = raw_error.flatten(1).mean(dim=1)
    nll = raw_error[0].numel() / 2 * (torch.log(2 * math.pi * noise) + 1)
    return (nll + raw_kl.sum(dim=1)).mean()


def with_pixels(count, kl):
    def loss(raw_error, raw_kl):
        nll = 0.5 * (torch.log(2 * math.pi * raw_error.mean()) + 1)
        return count(raw_error) * nll + kl(raw_kl)

    return loss


# ── revived_vae: stand-ins that train in no time ─────────────────────────────────────────────────


class Lookup(nn.Module):
    """A VAE without a network: the radius is read from the ink, the best image for z is a weighted mean.

    For codes that are normal with the spread `sigma`, E[x | z] over the training images is the best decoder.
    """

    def __init__(self, sigma=0.25, stroke=0.5, spread=1.0):
        super().__init__()
        self.images = data.circles(1000, stroke=stroke, seed=5).images
        self.ink = self.images.flatten(1).sum(dim=1).sort().values
        self.sigma, self.spread = sigma, spread
        self.mu = self.code(self.images)

    def code(self, x):
        rank = torch.searchsorted(self.ink, x.flatten(1).sum(dim=1).contiguous()).clamp(5, 995) / 1000
        normal = torch.tensor([NormalDist().inv_cdf(p) for p in rank.tolist()])
        return self.spread * normal[:, None]

    def decode(self, z):
        weights = torch.softmax(-((z - self.mu.T) ** 2) / (2 * max(self.sigma, 0.05) ** 2), dim=1)
        return (weights @ self.images.flatten(1)).reshape(-1, 1, 28, 28)

    def forward(self, x):
        mu = self.code(x)
        log_var = torch.full_like(mu, 2 * math.log(self.sigma))
        return self.decode(mu + self.sigma * torch.randn_like(mu)), mu, log_var


class Grey(nn.Module):
    """Collapsed: the mean image for every z."""

    def forward(self, x):
        mean = data.circles(1000, stroke=0.5, seed=5).images.mean(dim=0)
        return mean.expand_as(x), torch.zeros(len(x), 1), torch.zeros(len(x), 1)


class WithoutNoise(Lookup):
    def forward(self, x):
        mu = self.code(x)
        return self.decode(mu), mu, torch.full_like(mu, 2 * math.log(self.sigma))


class LessNoise(Lookup):
    """Draws from a narrower cloud than it pays for."""

    def forward(self, x):
        x_hat, mu, _ = Lookup(self.sigma / 8).forward(x)
        return x_hat, mu, torch.full_like(mu, 2 * math.log(self.sigma))


class CopiesItsInput(Lookup):
    """Decoding mends what forward keeps of x: only codes in the order of the images look good."""

    def forward(self, x):
        self.kept = x
        return super().forward(x)

    def decode(self, z):
        return self.kept + 0.001 * torch.randn_like(self.kept) if hasattr(self, "kept") else super().decode(z)


class InDouble(Lookup):
    def forward(self, x):
        return [part.double() for part in super().forward(x)]


def without_decode(x):
    model = Lookup(0.1)
    mu, sigma = model.code(x), torch.tensor(model.sigma)
    return model.decode(torch.distributions.Normal(mu, sigma).rsample()), mu, 2 * sigma.log().expand_as(mu)


class TwoLatents(Lookup):
    def forward(self, x):
        x_hat, mu, log_var = super().forward(x)
        return x_hat, torch.cat([mu, mu], dim=1), torch.cat([log_var, log_var], dim=1)


class ErrorPerImage(Lookup):
    def forward(self, x):
        x_hat, mu, log_var = super().forward(x)
        return reconstruction_error(x_hat.clamp(0, 1), x), mu, log_var


class Broken(Lookup):
    def forward(self, x):
        return tuple(part * float("nan") for part in super().forward(x))


def lookup_function(x):
    return tuple(part.numpy() for part in Lookup(0.08)(x))


def plain_autoencoder(x):
    return Lookup().decode(Lookup().code(x))


def untrained():
    shape = (1, 28, 28)
    torch.manual_seed(0)
    encoder = models.VariationalEncoder(models.dense_body(shape, 16), shape, 1)
    return models.VAE(encoder, models.dense_decoder(1, shape, 16))


RIGHT = {
    "check_reduce_loss": [
        reduced_in_loops,
        reduced_by_size,
        lambda e, k: (e.sum() + k.sum()) / len(e),
        reduced_side_by_side,
        reduced_by_einsum,
        reduced_by_vmap,
    ],
    "check_measure_beta": [
        beta_by_differences,
        beta_by_small_steps,
        beta_by_backward,
        beta_by_jacobian,
        beta_by_func,
        beta_from_nothing,
        beta_by_jvp,
    ],
    "check_collapse_ratio": [
        ratio_with_sklearn,
        ratio_with_covariance,
        ratio_by_power_iteration,
        ratio_by_gram,
        ratio_by_norm,
        ratio_by_lowrank,
    ],
    "check_learned_sigma_loss": [
        sigma_loss_with_normal,
        sigma_loss_by_factor,
        sigma_loss_in_parts,
        sigma_loss_by_torch,
        sigma_loss_image_by_image,
        sigma_loss_in_one_logarithm,
    ],
    "check_revived_vae": [Lookup(0.05), Lookup(0.1), lookup_function, InDouble(0.08), without_decode],
}

WRONG = {
    "check_reduce_loss": [
        ("mean_over_pixels", lambda e, k: e.mean() + k.sum(dim=1).mean()),
        ("mean_over_latents", lambda e, k: e.flatten(1).sum(dim=1).mean() + k.mean()),
        ("mean_over_everything", lambda e, k: e.mean() + k.mean()),
        ("sum_over_batch", lambda e, k: e.sum() + k.sum()),
        ("error_summed_over_batch", lambda e, k: e.sum() + k.sum(dim=1).mean()),
        ("kl_summed_over_batch", lambda e, k: e.sum(dim=(1, 2, 3)).mean() + k.sum()),
        ("batch_of_32", lambda e, k: (e.sum() + k.sum()) / 32),
        ("per_image", lambda e, k: e.sum(dim=(1, 2, 3)) + k.sum(dim=1)),
        ("kl_missing", lambda e, k: e.sum() / len(e)),
        ("kl_subtracted", lambda e, k: (e.sum() - k.sum()) / len(e)),
        ("shape", lambda e, k: e.flatten(1).sum(dim=1, keepdim=True) + k),
        ("value", lambda e, k: e.sum() / 2 + k.sum()),
        ("no_gradient", reduced_to_a_number),
        ("no_gradient", reduced_with_numpy),
        ("no_gradient", lambda e, k: ((e.sum() + k.sum()) / len(e)).detach()),
        ("no_gradient", lambda e, k: (e.sum().item() + k.sum()) / len(e)),
        ("value", lambda e, k: (e[0].sum() + e[1:].detach().sum() + k.sum()) / len(e)),
        ("error_halved", lambda e, k: (e.sum() / 2 + k.sum()) / len(e)),
        ("one_channel", lambda e, k: e.sum(dim=(2, 3)).mean() + k.sum(dim=1).mean()),
        ("one_channel", lambda e, k: e.mean() * e.shape[2] * e.shape[3] + k.sum(dim=1).mean()),
        ("mean_over_latents", lambda e, k: (e.sum() + k.sum() / k.shape[1]) / len(e)),
        ("value", lambda e, k: 784 * e.mean() + k.sum(dim=1).mean()),
        ("value", lambda e, k: e.squeeze().flatten(1).sum(dim=1).mean() + k.squeeze().sum(dim=-1).mean()),
        ("no_gradient", lambda e, k: torch.tensor(reduced_to_a_number(e, k), requires_grad=True)),
        ("gradients_off", reduced_without_gradients_for_ever),
    ],
    "check_measure_beta": [
        ("inverse", inverse_beta),
        ("shares", shares_of_the_loss),
        ("summed_gradients", summed_gradients),
        ("kl_alone", lambda loss, e, k: gradients(loss, e, k)[1][0, 0]),
        ("error_alone", lambda loss, e, k: gradients(loss, e, k)[0][0, 0, 0, 0].item()),
        ("bumps_added_up", beta_with_bumps_added_up),
        ("bumps_added_up", beta_with_the_error_first),
        ("value", lambda loss, e, k: 784.0),
        ("type", lambda loss, e, k: gradients(loss, e, k)[1] * torch.arange(k.shape[1])),
        ("raised", lambda loss, e, k: loss(e, k).backward()),
        ("type", lambda loss, e, k: gradients(loss, e, k)[1] / gradients(loss, e, k)[0].mean()),
        ("value", lambda loss, e, k: k.shape[1] * beta_by_func(loss, e, k)),
        ("value", lambda loss, e, k: beta_by_func(loss, e, k) / 2),
        ("value", lambda loss, e, k: gradients(loss, e, k)[1].norm() / gradients(loss, e, k)[0].norm()),
        (
            "summed_gradients",
            lambda loss, e, k: (loss(e, k + 1) - loss(e, k)) / (loss(e + 1, k) - loss(e, k)),
        ),
    ],
    "check_collapse_ratio": [
        ("not_centred", ratio_not_centred),
        ("one_mean_for_all", lambda x, f: ratio_not_centred(x - x.mean(), f)),
        ("axes_swapped", lambda x, f: 2 * f * torch.linalg.eigvalsh(torch.cov(x[:, 0].flatten(1)))[-1]),
        ("axes_swapped", lambda x, f: ratio_among_images(x - x.mean(dim=0), f)),
        ("half_the_factor", lambda x, f: ratio_with_sklearn(x, 1) / f),
        ("total_variance", lambda x, f: 2 * f * x.flatten(1).var(dim=0).sum()),
        ("pixel_variance", lambda x, f: 2 * f * x.flatten(1).var(dim=0).max().item()),
        ("smallest", ratio_of_smallest),
        ("singular_value", lambda x, f: 2 * f * spectrum(x)[0]),
        ("singular_value_mean", lambda x, f: 2 * f * spectrum(x)[0] / len(x)),
        ("spread", lambda x, f: 2 * f * spectrum(x)[0] / len(x) ** 0.5),
        ("not_divided", lambda x, f: 2 * f * spectrum(x)[0] ** 2),
        ("half_missing", lambda x, f: f * spectrum(x)[0] ** 2 / len(x)),
        ("sigma_for_variance", lambda x, f: spectrum(x)[0] ** 2 / len(x) / math.sqrt(1 / (2 * f))),
        ("factor_upside_down", lambda x, f: spectrum(x)[0] ** 2 / len(x) / (2 * f)),
        ("factor_ignored", lambda x, f: 2 * spectrum(x)[0] ** 2 / len(x)),
        ("upside_down", lambda x, f: len(x) / (2 * f * spectrum(x)[0] ** 2)),
        ("variance_alone", lambda x, f: spectrum(x)[0] ** 2 / len(x)),
        ("value", lambda x, f: 10.0),
        ("type", lambda x, f: 2 * f * spectrum(x) ** 2 / len(x)),
        ("one_mean_for_each_image", lambda x, f: ratio_not_centred(x - x.mean((1, 2, 3), keepdim=True), f)),
        ("divided_by_pixels", lambda x, f: 2 * f * spectrum(x)[0] ** 2 / x[0].numel()),
        ("share_of_variance", lambda x, f: 2 * f * PCA().fit(x.flatten(1)).explained_variance_ratio_[0]),
        ("value", lambda x, f: 2 * f * torch.linalg.eigvalsh(torch.corrcoef(x.flatten(1).T))[-1]),
        ("value", lambda x, f: 2 * f * torch.linalg.svdvals(x - x.mean(0)).max() ** 2 / len(x)),
        ("value", lambda x, f: f * ratio_with_sklearn(x, f)),
    ],
    "check_learned_sigma_loss": [
        ("one_pixel", unmended),
        ("no_gradient", sigma_loss_of_numbers),
        ("no_gradient", sigma_loss_with_numpy),
        ("channels_forgotten", grey_images_only),
        ("kl_per_pixel", lambda e, k: sigma_loss_with_normal(e, k) / e[0].numel()),
        ("whole_batch", with_pixels(lambda e: e.numel(), lambda k: k.sum(dim=1).mean())),
        ("constant_scaled_only_in_part", half_a_repair),
        ("half_missing", half_forgotten),
        ("sum_in_logarithm", sum_as_variance),
        ("sigma_per_image", sigma_for_each_image),
        ("kl_averaged", with_pixels(lambda e: e[0].numel(), lambda k: k.mean())),
        ("kl_summed_over_batch", with_pixels(lambda e: e[0].numel(), lambda k: k.sum())),
        ("value", lambda e, k: e.sum() / len(e) + k.sum() / len(k)),
        ("shape", lambda e, k: with_pixels(lambda e: e[0].numel(), lambda k: k.sum(dim=1))(e, k)),
        ("constants_missing", with_constants(0.5, 0)),
        ("two_pi_missing", with_constants(0.5, 0.5)),
        ("half_dropped", with_constants(0.5, math.log(2 * math.pi) / 2)),
        ("value", with_constants(0.25, math.log(2 * math.pi) / 2 + 0.5)),
        ("value", with_pixels(lambda e: 784, lambda k: k.sum(dim=1).mean())),
        ("value", with_pixels(lambda e: e.numel(), lambda k: k.sum())),
        ("value", lambda e, k: sigma_loss_in_one_logarithm(e.clamp(min=1e-4), k)),
        ("value", lambda e, k: sigma_loss_in_one_logarithm(e + 0.01, k)),
    ],
    "check_revived_vae": [
        ("collapsed", Grey()),
        ("too_many_nats", Lookup(0.001)),
        ("too_early", Lookup(0.6)),
        ("too_early", Lookup(0.2)),
        ("other_circles", Lookup(0.3, stroke=1.5)),
        ("other_circles", untrained()),
        ("more_latents", TwoLatents()),
        ("no_noise", WithoutNoise(0.25)),
        ("another_forward", LessNoise(0.4)),
        ("another_forward", CopiesItsInput(0.3)),
        ("type", lambda x: dict(zip(("x_hat", "mu", "log_var"), Lookup()(x), strict=True))),
        ("shape", lambda x: Lookup()(x)[::-1]),
        ("shape", ErrorPerImage()),
        ("nan", Broken()),
        ("type", plain_autoencoder),
        ("type", 5.2),
    ],
}
