"""Answers to the exercises of chapter 10."""

import math

import numpy as np
import torch
from scipy.linalg import orth, subspace_angles
from scipy.ndimage import gaussian_filter, median_filter
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, kl_divergence
from torch.nn import functional as F

# ── largest_angle ────────────────────────────────────────────────────────────────────────────────


def angle_with_scipy(a, b):
    return np.rad2deg(subspace_angles(a.numpy(), b.numpy())).max()


def angle_by_projections(a, b):
    """The sine of the largest angle is the norm of what b's unit vectors have outside a's space."""
    qa, qb = (torch.from_numpy(orth(m.double().numpy())) for m in (a, b))
    outside = qb - qa @ (qa.T @ qb)
    return torch.rad2deg(torch.linalg.matrix_norm(outside, ord=2).clamp(max=1).arcsin())


def angle_by_gram_schmidt(a, b):
    def columns_of(m):
        found = []
        for column in m.double().T:
            for _ in range(2):
                for q in found:
                    column = column - (q @ column) * q
            found.append(column / column.norm())
        return torch.stack(found, dim=1)

    cosine = torch.linalg.svdvals(columns_of(a).T @ columns_of(b)).min().item()
    return math.degrees(math.acos(min(1.0, cosine)))


def angle_by_pinv(a, b):
    """The sine of the largest angle is the norm of the difference of the two projections."""
    a, b = (m.double().numpy() for m in (a, b))
    apart = np.linalg.norm(a @ np.linalg.pinv(a) - b @ np.linalg.pinv(b), 2)
    return math.degrees(math.asin(min(1.0, apart)))


def angle_by_eigenvalues(a, b):
    a, b = (torch.linalg.svd(m.double(), full_matrices=False).U for m in (a, b))
    return torch.rad2deg(torch.linalg.eigvalsh(a.T @ b @ b.T @ a).clamp(0, 1).min().sqrt().arccos())


def angle_by_cholesky(a, b):
    def orthonormal(m):
        factor = torch.linalg.cholesky(m.T @ m)
        return torch.linalg.solve_triangular(factor, m.T, upper=False)

    cosines = torch.linalg.svdvals(orthonormal(a.double()) @ orthonormal(b.double()).T)
    return torch.rad2deg(cosines[-1:].clamp(-1, 1).acos())


def angle_without_clamp(a, b):
    return torch.rad2deg(torch.linalg.svdvals(q_of(a).T @ q_of(b)).min().arccos())


def angle_without_clamp_in_float64(a, b):
    return angle_without_clamp(a.double(), b.double())


def angle_without_clamp_in_numpy(a, b):
    q_a, q_b = (np.linalg.qr(m.double().numpy())[0] for m in (a, b))
    with np.errstate(invalid="ignore"):
        return np.rad2deg(np.arccos(np.linalg.svd(q_a.T @ q_b)[1].min()))


def q_of(m):
    return torch.linalg.qr(m).Q


def cosines_of(a, b):
    return torch.linalg.svd(q_of(a).T @ q_of(b)).S.clamp(max=1)


def unit(m):
    return m / m.norm(dim=0)


def degrees(cosine):
    return cosine.clamp(-1, 1).arccos() * 180 / math.pi


# ── channel_penalty ──────────────────────────────────────────────────────────────────────────────


def penalty_by_torch(maps, rho):
    rho_hat = maps.transpose(0, 1).flatten(1).mean(dim=1).clamp(1e-6, 1 - 1e-6)
    return kl_divergence(Bernoulli(torch.tensor(rho)), Bernoulli(rho_hat)).sum()


def penalty_in_loops(maps, rho):
    total = 0
    for c in range(maps.shape[1]):
        on = maps[:, c].mean().clamp(1e-6, 1 - 1e-6)
        total = total + rho * (math.log(rho) - on.log()) + (1 - rho) * (math.log(1 - rho) - torch.log1p(-on))
    return total


def penalty_in_float64(maps, rho):
    on = maps.double().mean((0, 2, 3)).clamp(1e-6, 1 - 1e-6)
    entropy = -rho * math.log(rho) - (1 - rho) * math.log(1 - rho)
    return (-rho * on.log() - (1 - rho) * (1 - on).log() - entropy).sum()


def penalty_by_kl_div(maps, rho):
    on = (torch.einsum("bchw->c", maps) / (maps.numel() / maps.shape[1])).clamp(1e-6, 1 - 1e-6)
    both, target = torch.stack([on, 1 - on]), torch.tensor([[rho], [1 - rho]])
    return F.kl_div(both.log(), target.expand_as(both), reduction="sum")


def penalty_by_pooling(maps, rho):
    on = F.adaptive_avg_pool2d(maps, 1).mean(dim=0).flatten().clamp(1e-6, 1 - 1e-6)
    target = torch.full_like(on, rho)
    return F.binary_cross_entropy(on, target, reduction="sum") - F.binary_cross_entropy(
        target, target, reduction="sum"
    )


def penalty_by_xlogy(maps, rho):
    on = maps.permute(1, 0, 2, 3).flatten(1).sum(dim=1) / maps[:, 0].numel()
    on, rho = torch.clip(on, 1e-6, 1 - 1e-6), torch.tensor(rho)
    return torch.sum(torch.special.xlogy(rho, rho / on) + torch.special.xlogy(1 - rho, (1 - rho) / (1 - on)))


def coins(rho, on, tiny=1e-6):
    on = on.clamp(tiny, 1 - tiny)
    return rho * (rho / on).log() + (1 - rho) * ((1 - rho) / (1 - on)).log()


def on_of(maps):
    return maps.mean(dim=(0, 2, 3))


def penalty_swapped(maps, rho):
    on = on_of(maps).clamp(1e-6, 1 - 1e-6)
    return (on * (on / rho).log() + (1 - on) * ((1 - on) / (1 - rho)).log()).sum()


def penalty_without_clamp(maps, rho):
    on = on_of(maps)
    return (rho * (rho / on).log() + (1 - rho) * ((1 - rho) / (1 - on)).log()).sum()


# ── ista_step ────────────────────────────────────────────────────────────────────────────────────


def ista_with_softshrink(z, x, atoms, price, step):
    return F.softshrink(z + step * (x - z @ atoms) @ atoms.T, step * price)


def ista_in_loops(z, x, atoms, price, step):
    new = torch.zeros(z.shape, dtype=torch.float64)
    for b in range(len(z)):
        left = [
            float(x[b, p] - sum(z[b, k] * atoms[k, p] for k in range(len(atoms)))) for p in range(x.shape[1])
        ]
        for k in range(len(atoms)):
            moved = float(z[b, k]) + step * sum(float(atoms[k, p]) * left[p] for p in range(x.shape[1]))
            if abs(moved) > step * price:
                new[b, k] = moved - math.copysign(step * price, moved)
    return new


def ista_with_numpy(z, x, atoms, price, step):
    z, x, atoms = (t.numpy().astype(float) for t in (z, x, atoms))
    moved = z - step * (z @ atoms @ atoms.T - x @ atoms.T)
    return np.maximum(moved - step * price, 0) + np.minimum(moved + step * price, 0)


def ista_by_autograd(z, x, atoms, price, step):
    z = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(((x - z @ atoms) ** 2).sum() / 2, z)
    moved, short = (z - step * slope).detach(), step * price
    return torch.where(moved > short, moved - short, torch.where(moved < -short, moved + short, 0.0))


def ista_by_vmap(z, x, atoms, price, step):
    slope = torch.func.grad(lambda z, x: 0.5 * (x - z @ atoms).square().sum())
    moved = z - step * torch.func.vmap(slope)(z, x)
    return F.relu(moved - step * price) - F.relu(-moved - step * price)


def ista_by_a_factor(z, x, atoms, price, step):
    moved = z - step * torch.einsum("bp,kp->bk", torch.einsum("bk,kp->bp", z, atoms) - x, atoms)
    return moved * (1 - step * price / moved.abs().clamp(min=1e-30)).clamp(min=0)


def moved_by(z, x, atoms, step):
    return z + step * (x - z @ atoms) @ atoms.T


def shorten(m, t):
    return m.sign() * (m.abs() - t).clamp(min=0)


# ── emphasized_loss ──────────────────────────────────────────────────────────────────────────────


def emphasized_by_selection(model, corrupt, x, alpha):
    noisy = corrupt(x)
    error = (x - model(noisy)) ** 2
    damaged = noisy != x
    return (alpha * error[damaged].sum() + (1 - alpha) * error[~damaged].sum()) / len(x)


def emphasized_in_loops(model, corrupt, x, alpha):
    total = 0
    for i in range(len(x)):
        noisy = corrupt(x[i : i + 1])
        weight = torch.full_like(noisy, 1 - alpha)
        weight[noisy != x[i : i + 1]] = alpha
        total = total + (weight * (model(noisy) - x[i : i + 1]).pow(2)).sum()
    return total / x.shape[0]


def emphasized_with_a_closure(model, corrupt, x, alpha):
    drawn = []

    def noisy():
        if not drawn:
            drawn.append(corrupt(x.clone()))
        return drawn[0]

    weight = (1 - alpha) + (2 * alpha - 1) * (noisy() != x).double()
    return torch.einsum("bchw,bchw->b", weight, (model(noisy()) - x).double() ** 2).mean()


def emphasized_by_a_norm(model, corrupt, x, alpha):
    with torch.no_grad():
        noisy = corrupt(x)
    root = torch.full(x.shape, math.sqrt(1 - alpha)).masked_fill(noisy.ne(x), math.sqrt(alpha))
    return torch.linalg.vector_norm(root * (model(noisy) - x)) ** 2 / len(x)


def emphasized_by_filling(model, corrupt, x, alpha):
    noisy = corrupt(x)
    error = F.mse_loss(model(noisy), x, reduction="none")
    return torch.where((noisy - x).abs() > 0, error * alpha, error * (1 - alpha)).sum() / x.size(0)


def emphasized_with_backward(model, corrupt, x, alpha):
    loss = emphasized(model, corrupt, x, alpha)
    loss.backward()
    return loss


def emphasized_frozen(model, corrupt, x, alpha):
    model.requires_grad_(False)
    return emphasized(model, corrupt, x, alpha)


def emphasized_with_the_same_seed(model, corrupt, x, alpha):
    torch.manual_seed(0)
    x_hat = model(corrupt(x))
    torch.manual_seed(0)
    weight = torch.where(corrupt(x) != x, alpha, 1 - alpha)
    return (weight * (x_hat - x) ** 2).sum() / len(x)


def emphasized_in_groups(model, corrupt, x, alpha):
    noisy = corrupt(x)
    error = (model(noisy) - x).square()
    return alpha * error[noisy != x].mean() + (1 - alpha) * error[noisy == x].mean()


def emphasized(
    model,
    corrupt,
    x,
    alpha,
    *,
    seen=None,
    target=None,
    weight=None,
    reduce=lambda e: e.flatten(1).sum(1).mean(),
):
    """The loss with parts that wrong answers replace; each part is a function of (x, noisy, x_hat)."""
    noisy = corrupt(x)
    x_hat = model(noisy if seen is None else seen(x))
    aim = x if target is None else noisy
    damaged = (noisy != x).float()
    weights = alpha * damaged + (1 - alpha) * (1 - damaged)
    if weight is not None:
        weights = weight(x, x_hat, damaged, weights, alpha)
    return reduce(weights * (x_hat - aim).square())


def emphasized_drawn_twice(model, corrupt, x, alpha):
    x_hat = model(corrupt(x))
    damaged = (corrupt(x) != x).float()
    weight = alpha * damaged + (1 - alpha) * (1 - damaged)
    return (weight * (x_hat - x).square()).flatten(1).sum(dim=1).mean()


def emphasized_without_noise(model, corrupt, x, alpha):
    return alpha * (model(x) - x).square().flatten(1).sum(dim=1).mean()


def emphasized_for_one(model, corrupt, x, alpha):
    return emphasized(model, corrupt, x[:1], alpha)


# ── remove_noise ─────────────────────────────────────────────────────────────────────────────────


def by_wiener_along_axes(noisy, examples, sigma):
    """Along each principal axis, keep the share of the variance that is no noise."""
    flat = examples.flatten(1).numpy().astype(float)
    mean = flat.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(flat.T))
    keep = variances.clip(0) / (variances.clip(0) + sigma**2)
    codes = (noisy.flatten(1).numpy() - mean) @ axes
    return (mean + (keep * codes) @ axes.T).reshape(noisy.shape)


def by_likely_examples(noisy, examples, sigma):
    """The mean of the examples, each weighted by how likely the noisy image is if it is the truth."""
    flat = examples.flatten(1)
    distance = torch.cdist(noisy.flatten(1), flat).square()
    return (torch.softmax(-distance / (2 * sigma**2), dim=1) @ flat).view_as(noisy)


def by_five_nearest(noisy, examples, sigma):
    flat = examples.flatten(1)
    nearest = torch.cdist(noisy.flatten(1), flat).topk(5, largest=False).indices
    return flat[nearest].mean(dim=1).view_as(noisy)


def by_sixty_components(noisy, examples, sigma):
    pca = PCA(60, svd_solver="full").fit(examples.flatten(1).numpy())
    variance = pca.explained_variance_
    codes = pca.transform(noisy.flatten(1).numpy()) * (variance / (variance + sigma**2))
    return pca.inverse_transform(codes).reshape(noisy.shape)


def by_svd_in_double(noisy, examples, sigma):
    flat = examples.flatten(1).double()
    _, lengths, axes = torch.linalg.svd(flat - flat.mean(dim=0), full_matrices=False)
    variance = lengths**2 / (len(flat) - 1)
    codes = (noisy.flatten(1).double() - flat.mean(dim=0)) @ axes.T
    return (codes * variance / (variance + sigma**2) @ axes + flat.mean(dim=0)).view_as(noisy).float()


def by_solving_for_each(noisy, examples, sigma):
    """The same filter with the inverse in the space of the examples."""
    flat = examples.flatten(1).double()
    mean = flat.mean(dim=0)
    centred = (flat - mean) / math.sqrt(len(flat))
    inner = centred @ centred.T + sigma**2 * torch.eye(len(flat), dtype=torch.float64)
    share = torch.linalg.solve(inner, centred @ (noisy.double().flatten(1) - mean).T)
    return (mean + share.T @ centred).reshape(noisy.shape)


def along_the_pixels(noisy, examples, sigma):
    variance, mean = examples.var(dim=0), examples.mean(dim=0)
    return mean + (noisy - mean) * variance / (variance + sigma**2)


def wiener(noisy, examples, sigma):
    flat = examples.flatten(1)
    centred = flat - flat.mean(dim=0)
    covariance = centred.T @ centred / len(flat)
    keep = torch.linalg.solve(covariance + sigma**2 * torch.eye(784), covariance)
    return flat.mean(dim=0) + (noisy.flatten(1) - flat.mean(dim=0)) @ keep


def in_shape(function):
    return lambda noisy, examples, sigma: function(noisy, examples, sigma).reshape(noisy.shape)


def by_axes(count):
    def denoise(noisy, examples, sigma):
        mean = examples.mean(dim=0).flatten()
        axes = torch.linalg.svd((examples.flatten(1) - mean).double(), full_matrices=False).Vh[:count].T
        return (mean + (noisy.flatten(1) - mean) @ axes.float() @ axes.float().T).reshape(noisy.shape)

    return denoise


def median_of_three(noisy, examples, sigma):
    return median_filter(noisy.numpy(), size=(1, 1, 3, 3))


def blurred(noisy, examples, sigma):
    return gaussian_filter(noisy.numpy(), sigma=(0, 0, 1.2, 1.2))


RIGHT = {
    "check_largest_angle": [
        angle_with_scipy,
        angle_by_projections,
        angle_by_gram_schmidt,
        angle_by_pinv,
        angle_by_eigenvalues,
        angle_by_cholesky,
    ],
    "check_channel_penalty": [
        penalty_by_torch,
        penalty_in_loops,
        penalty_in_float64,
        penalty_by_kl_div,
        penalty_by_pooling,
        penalty_by_xlogy,
    ],
    "check_ista_step": [
        ista_with_softshrink,
        ista_in_loops,
        ista_with_numpy,
        ista_by_autograd,
        ista_by_vmap,
        ista_by_a_factor,
    ],
    "check_emphasized_loss": [
        emphasized_by_selection,
        emphasized_in_loops,
        emphasized,
        emphasized_with_a_closure,
        emphasized_by_a_norm,
        emphasized_by_filling,
    ],
    "check_remove_noise": [
        by_wiener_along_axes,
        by_likely_examples,
        by_five_nearest,
        by_sixty_components,
        by_svd_in_double,
        by_solving_for_each,
    ],
}

WRONG = {
    "check_largest_angle": [
        ("not_orthonormal", lambda a, b: degrees(torch.linalg.svdvals(a.T @ b).min())),
        ("only_normalised", lambda a, b: degrees(torch.linalg.svdvals(unit(a).T @ unit(b)).min())),
        ("axis_by_axis", lambda a, b: degrees((unit(a) * unit(b)).sum(dim=0).abs()).max()),
        ("smallest", lambda a, b: degrees(cosines_of(a, b)).min()),
        ("averaged", lambda a, b: degrees(cosines_of(a, b)).mean()),
        ("cosine", lambda a, b: cosines_of(a, b).min()),
        ("radians", lambda a, b: cosines_of(a, b).min().arccos()),
        ("axis_by_axis", lambda a, b: degrees((unit(a) * unit(b)).sum(dim=0)).max()),
        ("axis_by_axis", lambda a, b: degrees((q_of(a) * q_of(b)).sum(dim=0).abs()).max()),
        ("above_one", lambda a, b: torch.tensor(2.0).arccos()),
        ("above_one", angle_without_clamp),
        ("above_one", angle_without_clamp_in_float64),
        ("above_one", angle_without_clamp_in_numpy),
        ("axis_by_axis", lambda a, b: degrees((unit(a).T @ unit(b)).abs()).max()),
        ("value", lambda a, b: degrees(cosines_of(a, b)).sum()),
        ("value", lambda a, b: cosines_of(a, b).min().arccos() / math.pi),
        ("value", lambda a, b: degrees(cosines_of(a, b).min() ** 2)),
        ("value", lambda a, b: degrees(torch.linalg.det(q_of(a).T @ q_of(b)).abs())),
        ("value", lambda a, b: 90 - degrees(cosines_of(a, b).min())),
        ("value", lambda a, b: degrees(torch.linalg.svdvals(q_of(a.T).T @ q_of(b.T)).min())),
        ("value", lambda a, b: 0.9 * degrees(cosines_of(a, b)).max()),
        ("type", lambda a, b: degrees(cosines_of(a, b))),
    ],
    "check_channel_penalty": [
        ("swapped", penalty_swapped),
        ("per_activation", lambda maps, rho: coins(rho, maps).mean(dim=(0, 2, 3)).sum()),
        ("per_image", lambda maps, rho: coins(rho, maps.mean(dim=(2, 3))).sum(dim=1).mean()),
        ("per_image_and_summed", lambda maps, rho: coins(rho, maps.mean(dim=(2, 3))).sum()),
        ("thresholded", lambda maps, rho: coins(rho, on_of((maps > 0.5).float())).sum()),
        ("thresholded", lambda maps, rho: coins(rho, on_of((maps > 0).float())).sum()),
        ("per_position", lambda maps, rho: coins(rho, maps.mean(dim=0)).sum()),
        ("mean_of_positions", lambda maps, rho: coins(rho, maps.mean(dim=0)).sum(dim=0).mean()),
        ("one_for_all", lambda maps, rho: coins(rho, maps.mean())),
        ("mean_over_channels", lambda maps, rho: coins(rho, on_of(maps)).mean()),
        ("kept_apart", lambda maps, rho: coins(rho, on_of(maps))),
        ("tails_forgotten", lambda maps, rho: (rho * (rho / on_of(maps).clamp(min=1e-6)).log()).sum()),
        ("sign", lambda maps, rho: -coins(rho, on_of(maps)).sum()),
        ("squared", lambda maps, rho: (on_of(maps) - rho).square().sum()),
        ("not_clamped", penalty_without_clamp),
        ("detached", lambda maps, rho: coins(rho, on_of(maps)).sum().item()),
        ("detached", lambda maps, rho: coins(rho, on_of(maps).detach()).sum()),
        ("detached", lambda maps, rho: coins(rho, torch.from_numpy(maps.numpy()).mean(dim=(0, 2, 3))).sum()),
        ("gradient", lambda maps, rho: coins(rho, 0.5 * on_of(maps) + 0.5 * on_of(maps).detach()).sum()),
        ("detached", lambda maps, rho: coins(rho, on_of(maps)).sum().detach().requires_grad_()),
        ("detached", torch.no_grad()(lambda maps, rho: coins(rho, on_of(maps)).sum())),
        (
            "cross_entropy",
            lambda maps, rho: -(rho * on_of(maps).log() + (1 - rho) * (1 - on_of(maps)).log()).sum(),
        ),
        ("not_clamped", lambda maps, rho: coins(rho, on_of(maps) + 1e-6, tiny=0).sum()),
        ("value", lambda maps, rho: coins(rho, on_of(maps), tiny=1e-3).sum()),
        ("value", lambda maps, rho: coins(rho, maps.mean(dim=(0, 1, 2))).sum()),
        ("value", lambda maps, rho: coins(rho, on_of(maps)).sum() / len(maps)),
        ("value", lambda maps, rho: coins(rho, maps.squeeze().mean(dim=(0, -2, -1))).sum() / math.log(2)),
        ("value", lambda maps, rho: 2 * coins(rho, on_of(maps)).sum()),
        ("shape", lambda maps, rho: coins(rho, on_of(maps)).sum(dim=0, keepdim=True)),
    ],
    "check_ista_step": [
        ("threshold_without_step", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), price)),
        ("hard", lambda z, x, a, price, s: F.hardshrink(moved_by(z, x, a, s), s * price)),
        ("positive_only", lambda z, x, a, price, s: F.relu(moved_by(z, x, a, s) - s * price)),
        ("sign_lost", lambda z, x, a, price, s: F.relu(moved_by(z, x, a, s).abs() - s * price)),
        ("no_threshold", lambda z, x, a, price, s: moved_by(z, x, a, s)),
        ("subgradient", lambda z, x, a, price, s: z - s * ((z @ a - x) @ a.T + price * z.sign())),
        (
            "past_zero",
            lambda z, x, a, price, s: moved_by(z, x, a, s) - s * price * moved_by(z, x, a, s).sign(),
        ),
        ("shrunk_by_a_factor", lambda z, x, a, price, s: moved_by(z, x, a, s) / (1 + s * price)),
        ("uphill", lambda z, x, a, price, s: shorten(z - s * (x - z @ a) @ a.T, s * price)),
        ("threshold_first", lambda z, x, a, price, s: shorten(z, s * price) + s * (x - z @ a) @ a.T),
        ("moves_swapped", lambda z, x, a, price, s: moved_by(shorten(z, s * price), x, a, s)),
        ("step_forgotten", lambda z, x, a, price, s: shorten(z + (x - z @ a) @ a.T, s * price)),
        ("twice", lambda z, x, a, price, s: shorten(shorten(moved_by(z, x, a, s), s * price), s * price)),
        ("slope_doubled", lambda z, x, a, price, s: shorten(moved_by(z, x, a, 2 * s), s * price)),
        ("averaged_over_batch", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s / len(x)), s * price)),
        ("from_nothing", lambda z, x, a, price, s: shorten(s * x @ a.T, s * price)),
        ("price_divided", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), price / s if price else 0)),
        (
            "sign_of_z",
            lambda z, x, a, price, s: z.sign() * F.relu(moved_by(z, x, a, s).abs() - s * price),
        ),
        ("value", lambda z, x, a, price, s: moved_by(z, x, a, s) - s * price * z),
        ("value", lambda z, x, a, price, s: moved_by(z, x, a, s).clamp(-s * price, s * price)),
        ("value", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s / len(a)), s * price)),
        ("changed_input", lambda z, x, a, price, s: shorten(z.add_(s * (x - z @ a) @ a.T), s * price)),
        ("shape", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), s * price).squeeze(0)),
        ("shape", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), s * price).T),
        ("value", lambda z, x, a, price, s: shorten(moved_by(z, x, a, s), s * price) + 0.1),
    ],
    "check_emphasized_loss": [
        ("drawn_twice", emphasized_drawn_twice),
        ("no_noise", emphasized_without_noise),
        ("clean_in", lambda *inputs: emphasized(*inputs, seen=lambda x: x)),
        ("noisy_target", lambda *inputs: emphasized(*inputs, target="noisy")),
        (
            "mask_from_output",
            lambda *inputs: emphasized(
                *inputs, weight=lambda x, x_hat, d, w, alpha: torch.where(x_hat != x, alpha, 1 - alpha)
            ),
        ),
        (
            "weights_swapped",
            lambda *inputs: emphasized(*inputs, weight=lambda x, x_hat, d, w, alpha: 1 - w),
        ),
        (
            "undamaged_forgotten",
            lambda *inputs: emphasized(*inputs, weight=lambda x, x_hat, d, w, alpha: alpha * d),
        ),
        ("alpha_ignored", lambda *inputs: emphasized(*inputs, weight=lambda x, x_hat, d, w, alpha: 1)),
        ("weight_squared", lambda *inputs: emphasized(*inputs, weight=lambda x, x_hat, d, w, alpha: w * w)),
        ("mean_over_pixels", lambda *inputs: emphasized(*inputs, reduce=torch.mean)),
        ("summed_over_batch", lambda *inputs: emphasized(*inputs, reduce=torch.sum)),
        ("kept_apart", lambda *inputs: emphasized(*inputs, reduce=lambda e: e.flatten(1).sum(dim=1))),
        ("detached", lambda *inputs: emphasized(*inputs).item()),
        ("detached", lambda *inputs: emphasized(*inputs).detach()),
        ("detached", lambda model, *rest: emphasized(lambda x: model(x).detach(), *rest)),
        ("backward", emphasized_with_backward),
        ("model_frozen", emphasized_frozen),
        ("drawn_twice", emphasized_with_the_same_seed),
        ("mean_in_each_group", emphasized_in_groups),
        (
            "absolute",
            lambda model, corrupt, x, alpha: (
                (torch.where((n := corrupt(x)) != x, alpha, 1 - alpha) * (model(n) - x).abs()).sum() / len(x)
            ),
        ),
        ("weight_added", lambda *inputs: emphasized(*inputs, weight=lambda x, x_hat, d, w, a: 1 + a * d)),
        ("weight_added", lambda *inputs: emphasized(*inputs, weight=lambda x, x_hat, d, w, a: a * d + 1 - d)),
        (
            "value",
            lambda *inputs: emphasized(
                *inputs,
                weight=lambda x, x_hat, d, w, a: torch.where(d.amax(dim=1, keepdim=True) > 0, a, 1 - a),
            ),
        ),
        ("value", lambda model, corrupt, x, alpha: emphasized(model, corrupt, x, alpha or 0.5)),
        ("value", lambda *inputs: 3 * emphasized(*inputs)),
        ("value", emphasized_for_one),
        ("shape", lambda *inputs: emphasized(*inputs, reduce=lambda e: e.sum(dim=1))),
    ],
    "check_remove_noise": [
        ("left_alone", lambda noisy, examples, sigma: noisy),
        (
            "ignores_the_image",
            lambda noisy, examples, sigma: examples.mean(dim=0, keepdim=True).repeat(len(noisy), 1, 1, 1),
        ),
        (
            "mean_lost",
            lambda noisy, examples, sigma: (
                wiener(noisy, examples, sigma).reshape(noisy.shape) - examples.mean(dim=0)
            ),
        ),
        ("worse_than_the_filter", median_of_three),
        ("worse_than_the_filter", blurred),
        ("little_noise", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, 1.0))),
        ("much_noise", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, 0.2))),
        ("sigma_for_variance", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, sigma**0.5))),
        ("not_there_yet", by_axes(14)),
        ("worse_than_the_filter", by_axes(4)),
        ("little_noise", by_axes(8)),
        ("much_noise", by_axes(30)),
        ("little_noise", in_shape(lambda noisy, examples, sigma: wiener(noisy, examples, 0.4))),
        ("worse_than_the_filter", lambda noisy, examples, sigma: (noisy > 0.5).float()),
        ("worse_than_the_filter", lambda noisy, examples, sigma: noisy / (1 + sigma**2)),
        ("worse_than_the_filter", lambda noisy, examples, sigma: examples[: len(noisy)]),
        ("not_there_yet", along_the_pixels),
        ("shape", lambda noisy, examples, sigma: by_five_nearest(noisy, examples, sigma).squeeze(0)),
        ("shape", wiener),
    ],
}
