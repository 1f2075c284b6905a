"""Answers to the exercises of chapter 8."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import models
from tests.checks.answers.ch07_loss_scale import Lookup

# ── transposed_sizes ─────────────────────────────────────────────────────────────────────────────


def sizes_from_layers(n, layers):
    x = torch.zeros(1, 1, n, n)
    found = []
    for kernel, stride, padding, output_padding in layers:
        x = nn.ConvTranspose2d(1, 1, kernel, stride, padding, output_padding)(x)
        found.append(x.shape[-1])
    return found


def sizes_as_array(n, layers):
    found = np.zeros(len(layers), dtype=np.int64)
    for i, (kernel, stride, padding, output_padding) in enumerate(layers):
        n = stride * n - stride - 2 * padding + kernel + output_padding
        found[i] = n
    return found


def sizes_by_recursion(n, layers):
    if not layers:
        return ()
    (kernel, stride, padding, output_padding), *rest = layers
    last_stamp_ends = (n - 1) * stride + kernel
    n = last_stamp_ends - padding - (padding - output_padding)
    return (n, *sizes_by_recursion(n, rest))


def sizes_by(size_after):
    def sizes(n, layers):
        found = []
        for layer in layers:
            n = size_after(n, *layer)
            found.append(n)
        return found

    return sizes


RIGHT_SIZES = sizes_by(lambda n, k, s, p, e: (n - 1) * s - 2 * p + k + e)


# ── transposed_convolution ───────────────────────────────────────────────────────────────────────


def by_stamping(x, kernel, stride, padding, output_padding, flip=False, overwrite=False):
    k = len(kernel)
    kernel = kernel.flip(0, 1) if flip else kernel
    height, width = ((n - 1) * stride + k for n in x.shape)
    canvas = torch.zeros(height + output_padding, width + output_padding)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            top, left = row * stride, column * stride
            stamp = x[row, column] * kernel
            if overwrite:
                canvas[top : top + k, left : left + k] = stamp
            else:
                canvas[top : top + k, left : left + k] += stamp
    return canvas[padding : height - padding + output_padding, padding : width - padding + output_padding]


def by_numpy_loops(x, kernel, stride, padding, output_padding):
    x, kernel = x.numpy().astype(np.float64), kernel.numpy().astype(np.float64)
    k = len(kernel)
    size = [(n - 1) * stride - 2 * padding + k + output_padding for n in x.shape]
    result = np.zeros(size)
    for i in range(size[0]):
        for j in range(size[1]):
            for row in range(x.shape[0]):
                for column in range(x.shape[1]):
                    a, b = i + padding - row * stride, j + padding - column * stride
                    if 0 <= a < k and 0 <= b < k:
                        result[i, j] += x[row, column] * kernel[a, b]
    return result


def spread_out(x, stride):
    spread = torch.zeros((x.shape[0] - 1) * stride + 1, (x.shape[1] - 1) * stride + 1)
    spread[::stride, ::stride] = x
    return spread


def by_zero_insertion(x, kernel, stride, padding, output_padding):
    more = len(kernel) - 1 - padding
    ringed = F.pad(spread_out(x, stride), (more, more + output_padding, more, more + output_padding))
    return F.conv2d(ringed[None, None], kernel.flip(0, 1)[None, None])[0, 0]


def by_gradient(x, kernel, stride, padding, output_padding):
    """A transposed convolution is the gradient of a convolution."""
    size = [(n - 1) * stride - 2 * padding + len(kernel) + output_padding for n in x.shape]
    image = torch.zeros(1, 1, *size, requires_grad=True)
    small = F.conv2d(image, kernel[None, None], stride=stride, padding=padding)
    return torch.autograd.grad((small * x).sum(), image)[0][0, 0]


def zeros_after_the_last(x, kernel, stride, padding, output_padding):
    spread = torch.zeros(x.shape[0] * stride, x.shape[1] * stride)
    spread[::stride, ::stride] = x
    more = len(kernel) - 1 - padding
    return F.conv2d(spread[None, None], kernel.flip(0, 1)[None, None], padding=more)[0, 0]


def padding_of_the_convolution(x, kernel, stride, padding, output_padding):
    flipped = kernel.flip(0, 1)[None, None]
    return F.conv2d(spread_out(x, stride)[None, None], flipped, padding=padding)[0, 0]


def in_torch(x, kernel, stride, padding, output_padding):
    return F.conv_transpose2d(x[None, None], kernel[None, None], None, stride, padding, output_padding)[0, 0]


def padded_with_zeros(x, kernel, stride, padding, output_padding):
    result = in_torch(x, kernel, stride, padding, 0)
    return F.pad(result, (0, output_padding, 0, output_padding))


def extra_at_the_start(x, kernel, stride, padding, output_padding):
    cut = padding - output_padding
    return F.pad(in_torch(x, kernel, stride, 0, 0), (-cut, -padding, -cut, -padding))


# ── receptive_field ──────────────────────────────────────────────────────────────────────────────


def field_from_the_end(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def field_of_places(layers):
    """Follow the set of places that one output number reads, backwards through the layers."""
    places = {0}
    for kernel, stride in layers[::-1]:
        places = {stride * place + shift for place in places for shift in range(kernel)}
    return torch.tensor(max(places) - min(places) + 1)


def field_with_numpy(layers):
    kernels, strides = np.array(layers).T
    jumps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + np.sum((kernels - 1) * jumps)


def field(grow, step=lambda jump, stride: jump * stride, start=1):
    def receptive_field(layers):
        found, jump = start, 1
        for kernel, stride in layers:
            found += grow(kernel, stride, jump)
            jump = step(jump, stride)
        return found

    return receptive_field


def field_from_the_start(layers):
    found = 1
    for kernel, stride in layers:
        found = (found - 1) * stride + kernel
    return found


# ── loss_from_scores ─────────────────────────────────────────────────────────────────────────────


def with_softplus(scores, x):
    ink_costs, paper_costs = F.softplus(-scores), F.softplus(scores)
    return 1 / (1 + torch.exp(-scores)), (x * ink_costs + (1 - x) * paper_costs).sum(dim=(1, 2, 3))


def with_bce_of_images(scores, x):
    x_hat = scores.sigmoid()
    return [x_hat, F.binary_cross_entropy(x_hat, x, reduction="none").flatten(1).sum(1)]


def with_numpy(scores, x):
    scores, x = scores.numpy().astype(np.float64), x.numpy().astype(np.float64)
    loss = np.logaddexp(0, scores) - x * scores
    return 1 / (1 + np.exp(-scores)), loss.reshape(len(x), -1).sum(axis=1)


def in_a_loop(scores, x):
    losses = torch.empty(len(x))
    for i in range(len(x)):
        losses[i] = nn.BCEWithLogitsLoss(reduction="sum")(scores[i], x[i])
    return torch.sigmoid(scores), losses


def cross_entropy(scores, x):
    return F.binary_cross_entropy_with_logits(scores, x, reduction="none")


def unmended(scores, x):
    image = torch.sigmoid(scores)
    return image, cross_entropy(image, x).flatten(1).sum(dim=1)


def naive(scores, x):
    image = torch.sigmoid(scores)
    return image, -(x * image.log() + (1 - x) * (1 - image).log()).flatten(1).sum(dim=1)


# ── lean_vae: stand-ins that train in no time ────────────────────────────────────────────────────


class Found(Lookup):
    """The table of chapter 7's stand-in, drawn with the stroke of this chapter."""

    def __init__(self, sigma=0.05, weights=100):
        super().__init__(sigma, stroke=1.5)
        self.weights = nn.Parameter(torch.zeros(weights))

    def embed(self, x):
        return self.code(x)


class OutOfOrder(Found):
    """The smallest circles lie beyond the largest."""

    def code(self, x):
        z = super().code(x)
        return torch.where(z < -1, z + 6, z)


class Silent(Found):
    def code(self, x):
        return 0.001 * super().code(x)


class Noisy(Found):
    """Sampling at evaluation."""

    def embed(self, x):
        torch.manual_seed(1)
        return self.code(x) + 0.6 * torch.randn(len(x), 1)


class Pale(Found):
    def decode(self, z):
        return 0.5 * super().decode(z)


class Pair(Found):
    def embed(self, x):
        return self.code(x).repeat(1, 2)

    def decode(self, z):
        return super().decode(z[:, :1])


class Short(Found):
    """Three pixels short: output_padding forgotten twice."""

    def decode(self, z):
        return super().decode(z)[..., :25, :25]


class Exploded(Found):
    def decode(self, z):
        return super().decode(z) * float("nan")


def the_chapters():
    shape = (1, 28, 28)
    encoder = models.VariationalEncoder(models.conv_body(shape), shape, 1)
    return models.VAE(encoder, models.conv_decoder(1, shape))


def never_trained():
    shape = (1, 28, 28)
    torch.manual_seed(0)
    encoder = models.VariationalEncoder(nn.Flatten(), shape, 1)
    return models.VAE(encoder, models.dense_decoder(1, shape, hidden=10))


RIGHT = {
    "check_transposed_sizes": [sizes_from_layers, sizes_as_array, sizes_by_recursion],
    "check_transposed_convolution": [by_stamping, by_numpy_loops, by_zero_insertion, by_gradient],
    "check_receptive_field": [field_from_the_end, field_of_places, field_with_numpy],
    "check_loss_from_scores": [with_softplus, with_bce_of_images, with_numpy, in_a_loop],
    "check_lean_vae": [Found(), Found(0.02, weights=20_000)],
}

WRONG = {
    "check_transposed_sizes": [
        ("output_padding_ignored", sizes_by(lambda n, k, s, p, e: (n - 1) * s - 2 * p + k)),
        ("ordinary_convolution", sizes_by(lambda n, k, s, p, e: max(n + 2 * p - k, 0) // s + 1)),
        ("padding_at_one_end", sizes_by(lambda n, k, s, p, e: (n - 1) * s - p + k + e)),
        ("padding_added", sizes_by(lambda n, k, s, p, e: (n - 1) * s + 2 * p + k + e)),
        ("one_stamp_too_many", sizes_by(lambda n, k, s, p, e: n * s - 2 * p + k + e)),
        ("one_too_many", sizes_by(lambda n, k, s, p, e: (n - 1) * s - 2 * p + k + e + 1)),
        ("size_times_stride", sizes_by(lambda n, k, s, p, e: n * s)),
        ("not_chained", lambda n, layers: [RIGHT_SIZES(n, [layer])[0] for layer in layers]),
        ("starts_with_input", lambda n, layers: [n, *RIGHT_SIZES(n, layers)]),
        ("last_only", lambda n, layers: RIGHT_SIZES(n, layers)[-1]),
        ("value", sizes_by(lambda n, k, s, p, e: (n - 1) * s + k)),
        ("shape", lambda n, layers: RIGHT_SIZES(n, layers)[:1]),
        ("type", lambda n, layers: [size + 0.5 for size in RIGHT_SIZES(n, layers)]),
        ("type", lambda n, layers: {"sizes": RIGHT_SIZES(n, layers)}),
    ],
    "check_transposed_convolution": [
        ("kernel_flipped", lambda *inputs: by_stamping(*inputs, flip=True)),
        ("overwritten", lambda *inputs: by_stamping(*inputs, overwrite=True)),
        ("zeros_after_the_last", zeros_after_the_last),
        ("padding_ignored", lambda x, k, s, p, e: in_torch(x, k, s, 0, e)),
        ("padding_added", lambda x, k, s, p, e: F.pad(in_torch(x, k, s, 0, e), (p, p, p, p))),
        ("padding_of_the_convolution", padding_of_the_convolution),
        ("cut_at_the_start_only", lambda x, k, s, p, e: in_torch(x, k, s, 0, 0)[p:, p:]),
        ("output_padding_ignored", lambda x, k, s, p, e: in_torch(x, k, s, p, 0)),
        ("output_padding_of_zeros", padded_with_zeros),
        ("output_padding_at_the_start", extra_at_the_start),
        ("stride_ignored", lambda x, k, s, p, e: in_torch(x, k, 1, p, 0)),
        (
            "ordinary_convolution",
            lambda x, k, s, p, e: F.conv2d(x[None, None], k[None, None], stride=s, padding=p)[0, 0],
        ),
        ("value", lambda x, k, s, p, e: in_torch(x, k, s, p, e) + 0.1),
        ("shape", lambda x, k, s, p, e: in_torch(x, k, s, p, e)[None, None]),
    ],
    "check_receptive_field": [
        ("strides_ignored", field(lambda k, s, jump: k - 1)),
        ("own_stride", field(lambda k, s, jump: (k - 1) * jump * s)),
        ("kernel_not_less_one", field(lambda k, s, jump: k * jump)),
        ("start_missing", field(lambda k, s, jump: (k - 1) * jump, start=0)),
        ("sum_of_kernels", lambda layers: sum(k for k, _ in layers)),
        ("product_of_kernels", lambda layers: math.prod(k for k, _ in layers)),
        ("wrong_end", field_from_the_start),
        ("strides_added", field(lambda k, s, jump: (k - 1) * jump, step=lambda jump, s: jump + s - 1)),
        ("value", lambda layers: len(layers)),
        ("type", lambda layers: layers),
    ],
    "check_loss_from_scores": [
        ("sigmoid_twice", unmended),
        ("scores_as_image", lambda s, x: (s, cross_entropy(s, x).flatten(1).sum(dim=1))),
        (
            "image_of_sigmoid_twice",
            lambda s, x: (s.sigmoid().sigmoid(), cross_entropy(s, x).sum(dim=(1, 2, 3))),
        ),
        ("mean_over_pixels", lambda s, x: (s.sigmoid(), cross_entropy(s, x).flatten(1).mean(dim=1))),
        ("over_the_batch", lambda s, x: (s.sigmoid(), cross_entropy(s, x).sum())),
        ("mean_over_the_batch", lambda s, x: (s.sigmoid(), cross_entropy(s, x).flatten(1).sum(dim=1).mean())),
        ("squared_error", lambda s, x: (s.sigmoid(), (s.sigmoid() - x).square().sum(dim=(1, 2, 3)))),
        ("one_sided", lambda s, x: (s.sigmoid(), -(x * s.sigmoid().log()).sum(dim=(1, 2, 3)))),
        ("saturated", naive),
        ("value", lambda s, x: (s.sigmoid(), cross_entropy(s, x.round()).sum(dim=(1, 2, 3)))),
        ("value", lambda s, x: (s.clamp(-50, 50).sigmoid() * 0.99, cross_entropy(s, x).sum(dim=(1, 2, 3)))),
        ("shape", lambda s, x: (s.sigmoid().flatten(1), cross_entropy(s, x).sum(dim=(1, 2, 3)))),
        ("type", lambda s, x: cross_entropy(s, x).sum(dim=(1, 2, 3))),
        ("raised", lambda s, x: (s.sigmoid(), F.binary_cross_entropy(s, x))),
    ],
    "check_lean_vae": [
        ("too_many_parameters", the_chapters()),
        ("more_latents", Pair()),
        ("collapsed", Silent()),
        ("folded", OutOfOrder()),
        ("poor_drawings", Pale()),
        ("neither", Noisy()),
        ("neither", never_trained()),
        ("shape", Short()),
        ("nan", Exploded()),
        ("type", lambda x: x),
        ("type", 0.99),
    ],
}
