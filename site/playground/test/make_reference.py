"""Write reference.json: what the course's own library says about small cases, for the playground's tests.

.venv/bin/python site/playground/test/make_reference.py
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from sklearn.mixture import GaussianMixture
from torchvision.transforms.functional import gaussian_blur

from course_lib import data, losses, models
from course_lib.data.circle import render_circles
from course_lib.data.moon import render_moons

sys.path.insert(0, str(Path(__file__).parent.parent))
from train_digits import TARGET
from train_digits import build as build_digits

SHAPE = (1, 28, 28)
WIDTH, LATENT = 16, 2


def rounded(numbers: torch.Tensor) -> list[float]:
    return [float(f"{x:.7g}") for x in numbers.detach().flatten().tolist()]


def some_pixels(images: torch.Tensor) -> dict:
    """Every 13th number of some images and the sum of each image: enough to tell, small to keep."""
    return {"every_13th": rounded(images.flatten()[::13]), "sums": rounded(images.flatten(1).sum(dim=1))}


def wavy(shape: torch.Size, phase: float) -> torch.Tensor:
    """Weights that JavaScript can make too: sin of the place, as wide as PyTorch's own start."""
    n = torch.arange(shape.numel(), dtype=torch.float64)
    return (torch.sin(0.7 * n + 1.3 * n.sqrt() + phase) / shape[-1] ** 0.5).float().reshape(shape)


def build(kind: str) -> torch.nn.Module:
    body = models.dense_body(SHAPE, WIDTH)
    decoder = models.dense_decoder(LATENT, SHAPE, WIDTH)
    if kind == "ae":
        model = models.AutoEncoder(models.Encoder(body, SHAPE, LATENT), decoder)
    else:
        model = models.VAE(models.VariationalEncoder(body, SHAPE, LATENT), decoder)
    for i, p in enumerate(model.parameters()):
        p.data = wavy(p.shape, float(i))
    return model


class FixedNoise(models.VAE):
    """A VAE whose eps is given."""

    def reparameterize(self, mu, log_var):
        return mu + self.eps * torch.exp(log_var / 2)


def one_step(kind: str, objective, x: torch.Tensor, eps: torch.Tensor) -> dict:
    model = build(kind)
    if kind == "vae":
        model.__class__, model.eps = FixedNoise, eps
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    terms = objective(model, x)
    terms["loss"].backward()
    gradients = [some_numbers(p.grad) for p in model.parameters()]
    optimizer.step()
    optimizer.zero_grad()
    after = [some_numbers(p) for p in model.parameters()]
    objective(model, x)["loss"].backward()
    optimizer.step()
    return {
        "terms": {name: float(value.detach()) for name, value in terms.items()},
        "gradients": gradients,
        "after": after,
        "after_two": [some_numbers(p) for p in model.parameters()],
    }


def leading_variances(images: torch.Tensor) -> list[float]:
    covariance = torch.cov(images.flatten(1).double().T, correction=0)
    return rounded(torch.linalg.eigvalsh(covariance).flip(0)[:3])


def some_numbers(p: torch.Tensor) -> list[float]:
    return rounded(p.flatten()[:: max(1, p.numel() // 40)])


def digits_model(x: torch.Tensor) -> dict:
    """What the stored VAE of chapter 9 makes of images x."""
    stored = {name: tensor.float() for name, tensor in load_file(TARGET).items()}
    codes, labels = stored.pop("codes"), stored.pop("labels")
    model = build_digits(torch.full((784,), 0.5))
    model.load_state_dict(stored)
    mu, log_var = model.encode(x)
    return {
        "mu": rounded(mu), "log_var": rounded(log_var), **some_pixels(model.decode(mu)),
        "codes": rounded(codes[:3]), "labels": [int(label) for label in labels[:3]],
    }  # fmt: skip


def mixtures() -> dict:
    """Mean log-likelihood of codes on a bow under scikit-learn's mixtures, by the number of their bells."""
    t = torch.arange(200, dtype=torch.float64)
    codes = torch.stack(
        [torch.cos(t / 60) + 0.05 * torch.sin(57 * t), torch.sin(t / 60) + 0.05 * torch.sin(31 * t)], dim=1
    )
    return {
        k: GaussianMixture(k, n_init=20, max_iter=500, tol=1e-6, random_state=0).fit(codes).score(codes)
        for k in (1, 4)
    }


def main() -> None:
    radii = torch.tensor([0.03, 0.1, 0.25, 0.4, 0.47])
    centers = torch.tensor([[0.5, 0.5], [0.51, 0.53], [0.53, 0.5], [0.505, 0.515], [0.53, 0.53]])
    x = render_circles(radii, centers)
    generator = torch.Generator().manual_seed(0)
    eps = torch.randn(len(x), LATENT, generator=generator)
    thousand = {stroke: data.circles(1000, stroke=stroke) for stroke in (0.5, 1.5)}
    some = data.circles(200).images
    between = 0.5 * x[2:3] + 0.5 * x[3:4]
    forward = build("vae")
    mu, log_var = forward.encode(x)
    reference = {
        "circles": {
            "radii": radii.tolist(),
            "centers": centers.flatten().tolist(),
            "strokes": {
                str(s): some_pixels(render_circles(radii, centers, stroke=s)) for s in (0.25, 1.0, 1.5, 3.0)
            },
        },
        "drawn": {
            "radii": rounded(data.circles(6, seed=3).radii),
            "centers": rounded(data.circles(6, seed=3).centers),
            **some_pixels(data.circles(6, seed=3).images),
        },
        "moons": {
            "phases": [0.0, 0.2, 0.5, 0.9, 1.0],
            **some_pixels(render_moons(torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0]))),
        },
        "blurred": some_pixels(gaussian_blur(x, kernel_size=13, sigma=3)),
        "floor": {str(s): data.radius_only_floor(stroke=s) for s in (0.5, 1.5)},
        "variance": {
            str(s): {
                "total": float(c.images.flatten(1).var(dim=0, correction=0).sum()),
                "leading": leading_variances(c.images),
            }
            for s, c in thousand.items()
        },
        "unexplained": losses.unexplained_variance(some.roll(1, 0), some),
        "nearest": {
            "distance": float(data.nearest_circle(between)[0]),
            "radius": float(data.nearest_circle(between)[1]),
            "misfit": float(data.misfit(between)[0]),
        },
        "digits": digits_model(x),
        "mixtures": mixtures(),
        "forward": {"mu": rounded(mu), "log_var": rounded(log_var), **some_pixels(forward.decode(mu))},
        "eps": rounded(eps),
        "steps": {
            "ae": one_step("ae", losses.ae_objective(), x, eps),
            "vae": one_step("vae", losses.vae_objective(1.0), x, eps),
            "vae, factor 10": one_step("vae", losses.vae_objective(10.0), x, eps),
            "ae, noise on the input": one_step("ae", losses.denoising_objective(lambda x: x + 0.05), x, eps),
            "vae, learned sigma": one_step("vae", losses.learned_sigma_objective(), x, eps),
        },
    }
    path = Path(__file__).with_name("reference.json")
    path.write_text(json.dumps(reference, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
