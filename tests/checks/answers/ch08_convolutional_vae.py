"""Answers to the exercises of chapter 8."""

import itertools
import math

import numpy as np
import torch
from scipy import signal
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


def sizes_of_a_network(n, layers):
    """Numbers that are tensors."""
    x, found = torch.rand(1, 1, n), []
    for kernel, stride, padding, output_padding in layers:
        x = nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding)(x)
        found.append(torch.tensor(x.shape[2]))
    return found


def sizes_accumulated(n, layers):
    def after(n, layer):
        return (n - 1) * layer[1] - 2 * layer[2] + layer[0] + layer[3]

    return list(itertools.accumulate(layers, after, initial=n))[1:]


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


def by_places_of_the_kernel(x, kernel, stride, padding, output_padding):
    """One addition for each number of the kernel."""
    k, (h, w) = len(kernel), x.shape
    canvas = torch.zeros((h - 1) * stride + k + output_padding, (w - 1) * stride + k + output_padding)
    for a in range(k):
        for b in range(k):
            canvas[a : a + (h - 1) * stride + 1 : stride, b : b + (w - 1) * stride + 1 : stride] += (
                kernel[a, b] * x
            )
    return canvas[padding : canvas.shape[0] - padding, padding : canvas.shape[1] - padding]


def by_full_convolution(x, kernel, stride, padding, output_padding):
    full = signal.convolve2d(spread_out(x, stride).numpy(), kernel.numpy(), mode="full")
    full = np.pad(full, (0, output_padding))
    return full[padding : full.shape[0] - padding, padding : full.shape[1] - padding]


def by_folding(x, kernel, stride, padding, output_padding):
    h, w = ((n - 1) * stride + len(kernel) for n in x.shape)
    canvas = F.fold(torch.outer(kernel.flatten(), x.flatten())[None], (h, w), len(kernel), stride=stride)[
        0, 0
    ]
    canvas = F.pad(canvas, (0, output_padding, 0, output_padding))
    return canvas[padding : h + output_padding - padding, padding : w + output_padding - padding].double()


def by_a_layer(x, kernel, stride, padding, output_padding):
    layer = nn.ConvTranspose2d(1, 1, len(kernel), stride, padding, output_padding, bias=False)
    layer.weight.data = kernel[None, None]
    return layer(x[None, None])[0, 0].detach()


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
    kernels, strides = np.array(layers, dtype=int).reshape(-1, 2).T
    jumps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + np.sum((kernels - 1) * jumps)


def field_of_an_interval(layers):
    first = last = 0
    for kernel, stride in layers[::-1]:
        first, last = first * stride, last * stride + kernel - 1
    return np.int64(last - first + 1)


def field_unpacked(layers):
    kernels, strides = zip(*layers, strict=True)
    return 1 + sum((k - 1) * math.prod(strides[:i]) for i, k in enumerate(kernels))


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


def with_log_sigmoid(scores, x):
    costs = x * F.logsigmoid(scores) + (1 - x) * F.logsigmoid(-scores)
    return scores.sigmoid(), -costs.double().flatten(1).sum(dim=1)


def with_bernoulli(scores, x):
    ink = torch.distributions.Bernoulli(logits=scores, validate_args=False)
    return ink.probs, torch.stack([-log_p.sum() for log_p in ink.log_prob(x)])


def by_parts_and_tanh(scores, x):
    costs = scores.clamp(min=0) - scores * x + torch.log1p(torch.exp(-scores.abs()))
    return (torch.tanh(scores / 2) + 1) / 2, costs.sum(dim=(1, 2, 3))


def with_a_clamp(scores, x):
    ink = scores.sigmoid().clamp(1e-6, 1 - 1e-6)
    return scores.sigmoid(), -(x * ink.log() + (1 - x) * (1 - ink).log()).flatten(1).sum(dim=1)


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


class Remembering(Found):
    """It draws what it saw last."""

    def embed(self, x):
        self.seen = x
        return self.code(x)

    def decode(self, z):
        return self.seen.expand(len(z), 1, 28, 28) if len(self.seen) in (1, len(z)) else super().decode(z) * 0


class Ranked(Found):
    """The code is a rank among the images at hand."""

    def embed(self, x):
        return x.flatten(1).sum(dim=1).argsort().argsort()[:, None] / len(x)


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


def without_a_prior():
    shape = (1, 28, 28)
    encoder = models.Encoder(nn.Flatten(), shape, 1)
    return models.AutoEncoder(encoder, models.dense_decoder(1, shape, hidden=10))


def frozen():
    model = Found(weights=11_000)
    return model.requires_grad_(False)


def never_trained():
    shape = (1, 28, 28)
    torch.manual_seed(0)
    encoder = models.VariationalEncoder(nn.Flatten(), shape, 1)
    return models.VAE(encoder, models.dense_decoder(1, shape, hidden=8))


RIGHT = {
    "check_transposed_sizes": [
        sizes_from_layers,
        sizes_as_array,
        sizes_by_recursion,
        sizes_of_a_network,
        sizes_accumulated,
        lambda n, layers: torch.tensor(RIGHT_SIZES(n, layers), dtype=torch.float32),
    ],
    "check_transposed_convolution": [
        by_stamping,
        by_numpy_loops,
        by_zero_insertion,
        by_gradient,
        by_places_of_the_kernel,
        by_full_convolution,
        by_folding,
    ],
    "check_receptive_field": [
        field_from_the_end,
        field_of_places,
        field_with_numpy,
        field_of_an_interval,
        lambda layers: float(
            sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers)) + 1
        ),
        lambda layers: (field_from_the_end(layers[1:]) - 1) * layers[0][1] + layers[0][0] if layers else 1,
    ],
    "check_loss_from_scores": [with_softplus, in_a_loop, with_log_sigmoid, with_bernoulli, by_parts_and_tanh],
    "check_lean_vae": [Found(), Found(0.02, weights=10_000)],
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
        ("kernel_and_stride", sizes_by(lambda n, s, k, p, e: (n - 1) * s - 2 * p + k + e)),
        ("value", sizes_by(lambda n, k, s, p, e: (n - 1) * s - 2 * p + k + 2 * e)),
        ("value", sizes_by(lambda n, k, s, p, e: (n - 1) * s - 2 * p + k - 1 + e)),
        ("nothing", lambda n, layers: RIGHT_SIZES(n, layers) if layers else None),
        ("type", sizes_by(lambda n, k, s, p, e: (n + 2 * p - k) / s + 1 + e)),
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
        ("kernel_mirrored", lambda x, k, s, p, e: by_stamping(x, k.T, s, p, e)),
        ("ready_made", in_torch),
        ("ready_made", by_a_layer),
        ("shape", lambda x, k, s, p, e: by_stamping(x, k, s, 0, e)[p:-p, p:-p]),
        ("shape", lambda x, k, s, p, e: by_stamping(x, k, len(k), p, e)),
        ("shape", lambda x, k, s, p, e: by_stamping(x[:, : x.shape[0]], k, s, p, e)),
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
        ("raised", field_unpacked),
        ("value", lambda layers: field_from_the_end(layers[:-1])),
        ("value", lambda layers: 1 + sum((k - 1) * s for k, s in layers)),
        ("value", lambda layers: field_from_the_end(layers) if layers else 0),
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
        ("saturated", lambda s, x: (s.sigmoid(), (torch.log1p(s.exp()) - x * s).flatten(1).sum(dim=1))),
        ("capped", with_bce_of_images),
        ("capped", with_a_clamp),
        ("capped", lambda s, x: (s.sigmoid(), cross_entropy(s.clamp(-20, 20), x).flatten(1).sum(dim=1))),
        ("detached", with_numpy),
        ("detached", lambda s, x: (s.sigmoid(), cross_entropy(s, x).flatten(1).sum(dim=1).detach())),
        ("gradient", lambda s, x: (s.sigmoid(), (F.softplus(s).detach() - x * s).flatten(1).sum(dim=1))),
        ("value", lambda s, x: (s.sigmoid(), -cross_entropy(s, x).flatten(1).sum(dim=1))),
        ("value", lambda s, x: (s.sigmoid(), cross_entropy(x, s.sigmoid()).flatten(1).sum(dim=1))),
        ("shape", lambda s, x: (s.sigmoid(), cross_entropy(s, x).sum(dim=1))),
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
        ("too_many_parameters", frozen()),
        ("neighbours", Noisy()),
        ("neighbours", Ranked()),
        ("remembers", Remembering()),
        ("no_vae", without_a_prior()),
        ("neither", never_trained()),
        ("shape", Short()),
        ("nan", Exploded()),
        ("type", lambda x: x),
        ("type", 0.99),
    ],
}
