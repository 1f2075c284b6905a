"""Checks for chapter 4, the variational autoencoder."""

import math

import torch
from scipy.special import logsumexp
from torch import Tensor, nn
from torch.distributions import Normal

from course_lib import models
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close

# ── 4.1 Images from the prior ────────────────────────────────────────────────────────────────────


class _Window(nn.Module):
    """A decoder through which the check sees the codes: z (n, D) → images (n, 1, 2, D)."""

    def __init__(self, latent_dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.5, -2.0]))
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"the decoder needs codes (n, {self.latent_dim}), not {tuple(z.shape)}")
        return torch.stack([z * w + 0.1 for w in self.weight.to(z.dtype)], dim=1)[:, None]


@check(
    Mistake(
        "codes_returned", "These are the codes themselves: hand them to the decoder, and return its images."
    ),
    Mistake(
        "prior_mean",
        "Every image is the same, in every call: each code is the middle of the prior. Draw the codes.",
    ),
    Mistake(
        "one_code_for_all", "All images are the same one: draw a code of its own for each of the n images."
    ),
    Mistake(
        "shared_number",
        "All numbers of a code are equal: N(0, I) draws each of the latent_dim numbers on its own.",
    ),
    Mistake(
        "same_each_call", "Two calls return the same images: draw new codes each time, without a fixed seed."
    ),
    Mistake(
        "uniform",
        "The codes are not normally distributed: those of torch.rand, for one, are uniform. The prior is "
        "N(0, I).",
    ),
    Mistake("correlated", "The numbers of a code are not independent: N(0, I) draws each on its own."),
    Mistake("wrong_spread", "The codes have a standard deviation of {spread:.2f}, and the prior's is 1."),
    Mistake(
        "wrong_center",
        "The codes lie around {center:.2f}, and the prior's middle is 0: no image has to be encoded here.",
    ),
    Mistake(
        "gradient",
        "The images still carry a graph for gradients: nobody trains here. Look for torch.no_grad() in the "
        "chapter's VAE.",
    ),
    tests="one image for each code, codes from N(0, I) with independent numbers, also one image and one "
    "number, fresh in each call, no gradient",
)
def check_sample_images(answer: Answer) -> None:
    """f(decoder, n, latent_dim) → n images (n, C, H, W), decoded from codes drawn from N(0, I)."""
    for n, latent_dim in ((5, 3), (1, 2), (4, 1)):
        _draw_images(answer, n, latent_dim)
    first, second = (_codes_of(_draw_images(answer, 5, 3)) for _ in range(2))
    if torch.equal(first, second):
        answer.fail("prior_mean" if bool((first == first[:1]).all()) else "same_each_call")
    if bool((first - first[:1]).abs().max() < 1e-4):
        answer.fail("one_code_for_all")
    if bool((first - first[:, :1]).abs().max() < 1e-4):
        answer.fail("shared_number")
    z = _codes_of(_draw_images(answer, 8_000, 3))
    center, spread = z.mean().item(), z.std().item()
    fourth = ((z - center) / spread).pow(4).mean().item()  # 3 for a normal, 1.8 for a uniform
    if abs(fourth - 3) > 0.4:
        answer.fail("uniform")
    if abs(center) > 0.06 * max(spread, 1):  # nine standard errors
        answer.fail("wrong_center", center=center)
    if abs(spread - 1) > 0.042:
        answer.fail("wrong_spread", spread=spread)
    if (z.T.cov() - torch.eye(3)).abs().max() > 0.15:  # nine standard errors
        answer.fail("correlated")


def _draw_images(answer: Answer, n: int, latent_dim: int) -> Tensor:
    inputs = {"decoder": _Window(latent_dim).train(n != 1), "n": n, "latent_dim": latent_dim}
    result = answer.call(**inputs)
    images = answer.tensor(result, inputs)
    if images.shape == (n, latent_dim):
        answer.fail("codes_returned")
    if images.shape != (n, 1, 2, latent_dim):
        raise WrongAnswer(
            f"sample_images must return the decoder's images, here (n, C, H, W) = {(n, 1, 2, latent_dim)}, "
            f"not {tuple(images.shape)}.",
            "shape",
        )
    if not bool(torch.isfinite(images).all()):
        raise WrongAnswer("sample_images returned NaN or infinity.", "nan")
    if isinstance(result, Tensor) and result.requires_grad:
        answer.fail("gradient")
    return images


def _codes_of(images: Tensor) -> Tensor:
    """What `_Window` was given: (n, 1, 2, D) → (n, D)."""
    z = (images[:, 0, 0] - 0.1) / 0.5
    if not torch.allclose(images[:, 0, 1], -2 * z + 0.1, atol=1e-3):
        raise WrongAnswer(
            "These are not the decoder's images as it returned them: return them unchanged.", "value"
        )
    return z


# ── 4.2 Redrawn without noise ────────────────────────────────────────────────────────────────────


def _small_vae(rng: torch.Generator, shape: tuple[int, int, int], latent_dim: int) -> models.VAE:
    """An untrained VAE with noise that shows."""
    encoder = models.VariationalEncoder(models.dense_body(shape, 16), shape, latent_dim)
    vae = models.VAE(encoder, models.dense_decoder(latent_dim, shape, 16))
    with torch.no_grad():
        for weight in vae.parameters():
            weight.copy_(torch.randn(weight.shape, generator=rng) / math.sqrt(weight.shape[-1]))
    return vae


@torch.no_grad()
def _redrawn(model: models.VAE, x: Tensor) -> Tensor:
    return model.decoder(model.encoder.to_mu(model.encoder.body(x)))


@check(
    Mistake(
        "sampling",
        "Two calls for the same images differ: noise is still drawn. `forward` draws in every call, and "
        "eval() does not stop it. Which method gives a code without noise?",
    ),
    Mistake(
        "fixed_noise",
        "A fixed seed makes the noise repeat, it does not take it away: the code to decode is the middle of "
        "the cloud.",
    ),
    Mistake(
        "decoded_log_var",
        "You decoded log_var: it says how wide the cloud is. The code of an image is the middle.",
        lambda model, x: model.decode(model.encode(x)[1]),
    ),
    Mistake(
        "codes_returned",
        "These are the codes; the pictures are asked for: decode them.",
        lambda model, x: model.embed(x),
    ),
    Mistake(
        "prior",
        "These pictures do not depend on x: it has to be encoded, and its own code decoded.",
    ),
    Mistake(
        "gradient",
        "The pictures are right, but they still carry a graph for gradients: evaluation needs none.",
    ),
    Mistake(
        "noise_removed",
        "The pictures are right, but the model draws no noise any more: it must stay as it was, for whoever "
        "trains it further.",
    ),
    tests="two calls agree, the picture is the decoded middle of the cloud, one or many images, one or "
    "several channels and code numbers, no gradient",
)
def check_reconstruct(answer: Answer) -> None:
    """f(model, x) with a VAE and images (B, C, H, W) → the images redrawn without noise (B, C, H, W)."""
    for n, shape, latent_dim in ((7, (1, 6, 6), 2), (4, (3, 4, 5), 3), (1, (1, 6, 6), 1)):
        model, x = _small_vae(answer.rng, shape, latent_dim).train(n == 7), answer.uniform(n, *shape)
        first, second = (answer.call(model=model, x=x) for _ in range(2))
        pictures = answer.tensor(first, {"x": x})
        again = answer.tensor(second, {"x": x})
        wanted = _redrawn(model, x).double()
        if pictures.shape == wanted.shape and bool(pictures.isfinite().all()):
            if not torch.allclose(pictures, again, atol=1e-5):
                answer.fail("sampling")
            if answer.reseeded and not close(pictures, wanted):
                answer.fail("fixed_noise")
            if n > 1 and bool((pictures - pictures[:1]).abs().max() < 1e-6):
                answer.fail("prior")
        with torch.no_grad():
            answer.match(first, wanted, model=model, x=x)
        if isinstance(first, Tensor) and first.requires_grad:
            answer.fail("gradient")
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            if torch.equal(model(x)[0], model(x)[0]):
                answer.fail("noise_removed")


# ── 4.3 What one draw says ───────────────────────────────────────────────────────────────────────


def _log_normal(z: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).log_prob(z).sum(dim=-1)


def _log_prior(z: Tensor) -> Tensor:
    return _log_normal(z, torch.zeros(()).to(z), torch.ones(()).to(z))


def _log_q(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return _log_normal(z, mu, (log_var / 2).exp())


def _weight(error: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return -error + _log_prior(z) - _log_q(z, mu, log_var)


def _without_half(error: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    squares = z.square() - (z - mu).square() / log_var.exp()
    return -error - squares.sum(dim=-1) + log_var.sum() / 2


def _width_missing(error: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return _weight(error, z, mu, log_var) - log_var.sum() / 2


def _log_var_as_sigma(error: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    log_q = -((z - mu) / log_var).square() / 2 - log_var.abs().log()
    return -error - z.square().sum(dim=-1) / 2 - log_q.sum(dim=-1)


def _mean_over_latents(error: Tensor, z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return -error + (_log_prior(z) - _log_q(z, mu, log_var)) / z.shape[-1]


@check(
    Mistake(
        "width_missing",
        "A wide bell curve is a low one: the log of q's density also holds −½ log σ², and yours does not.",
        _width_missing,
    ),
    Mistake(
        "error_sign",
        "The sign of the error is wrong: a draw that redraws the image badly must weigh less.",
        lambda error, z, mu, log_var: _weight(-error, z, mu, log_var),
    ),
    Mistake(
        "prior_missing",
        "Line 3 has p(x | z) times p(z) on top: the prior's log density of the draw is missing.",
        lambda error, z, mu, log_var: -error - _log_q(z, mu, log_var),
    ),
    Mistake(
        "encoder_missing",
        "The density q(z | x) below the fraction is missing: codes that the encoder proposes often count "
        "less.",
        lambda error, z, mu, log_var: -error + _log_prior(z),
    ),
    Mistake(
        "encoder_added",
        "The fraction divides by q(z | x): its logarithm is subtracted, and you add it.",
        lambda error, z, mu, log_var: -error + _log_prior(z) + _log_q(z, mu, log_var),
    ),
    Mistake(
        "half_missing",
        "The log of a normal density holds *half* the squared distance in units of sigma.",
        _without_half,
    ),
    Mistake(
        "log_var_as_log_sigma",
        "You used log_var as if it were log sigma: its exponential is the variance, and its half gives "
        "sigma.",
        lambda error, z, mu, log_var: _weight(error, z, mu, 2 * log_var),
    ),
    Mistake(
        "log_var_as_sigma",
        "You used log_var where sigma belongs: it is the logarithm of σ², and may be negative.",
        _log_var_as_sigma,
    ),
    Mistake(
        "mean_over_latents",
        "You averaged over the latent dimensions: densities of independent numbers multiply, so their "
        "logarithms add up.",
        _mean_over_latents,
    ),
    Mistake(
        "kl_instead",
        "Your log p(z) − log q(z | x) is the same number for every draw, as the KL would be: asked for is "
        "what *this* draw says.",
        lambda error, z, mu, log_var: -error,
    ),
    Mistake(
        "averaged",
        "You averaged over the draws: that is the ELBO, already. Return one number for each draw, (K,).",
    ),
    Mistake(
        "not_summed",
        "One number for each draw, (K,), is asked for: sum the log densities over the latent dimensions.",
    ),
    Mistake(
        "upside_down",
        "The fraction is upside down: what q says stands below the line, and the error lowers the weight.",
        lambda error, z, mu, log_var: -_weight(error, z, mu, log_var),
    ),
    Mistake(
        "width",
        "Every draw is off by the same {off:.2f}: look at the term −log sigma of q's log density, at its "
        "sign and at what sigma is.",
    ),
    Mistake(
        "underflow",
        "Right for small errors, and not for an error of a few hundred, where e to the −error rounds to 0: "
        "stay among the logarithms.",
    ),
    Mistake(
        "constant",
        "Every draw is off by the same {off:.2f}: keep ½ log 2π in both densities, or leave it out of both.",
    ),
    tests="shape, values against torch.distributions, one and several latent dimensions, a single draw, "
    "large errors, very narrow and very wide q",
)
def check_log_weight(answer: Answer) -> None:
    """f(error (K,), z (K, D), mu (D,), log_var (D,)) → log of p(x | z) p(z) / q(z | x) for each draw (K,)."""
    for draws, latent_dim in ((9, 3), (4, 1), (1, 2)):
        error, z = answer.uniform(draws, low=2, high=30), 1.5 * answer.normal(draws, latent_dim)
        mu = answer.normal(latent_dim) + 0.5
        log_var = answer.uniform(latent_dim, low=0.6, high=2) * answer.normal(latent_dim).sign()
        log_var[0] = -log_var[0].abs()  # no standard deviation
        inputs = {"error": error, "z": z, "mu": mu, "log_var": log_var}
        exact = [value.double() for value in inputs.values()]
        wanted = _weight(*exact)
        try:
            result = answer.call(**inputs)
        except WrongAnswer as error:
            if error.mistake == "raised" and "scale" in str(error):  # Normal(mu, log_var)
                answer.fail("log_var_as_sigma")
            raise
        found = answer.tensor(result, inputs)
        if close(found, wanted):
            continue
        if draws == 1:
            answer.match(result, wanted, **inputs)
        if found.shape == (draws, latent_dim) and latent_dim > 1:
            answer.fail("not_summed")
        if found.numel() == 1 and abs(found.item() - wanted.mean().item()) < 1e-2:
            answer.fail("averaged")
        if found.shape == wanted.shape and bool(found.isfinite().all()):
            _explain_weight(answer, found, exact, wanted)
        answer.match(result, wanted, **inputs)
    log_var, mu = torch.tensor([-9.0, -2.0, 6.0]), 3 * answer.normal(3)
    z = mu + (log_var / 2).exp() * answer.normal(5, 3)
    inputs = {"error": answer.uniform(5, low=200, high=900), "z": z, "mu": mu, "log_var": log_var}
    result = answer.call(**inputs)
    if not bool(answer.tensor(result, inputs).isfinite().all()):
        answer.fail("underflow")
    answer.match(result, _weight(*(value.double() for value in inputs.values())), atol=1e-2, **inputs)


def _explain_weight(answer: Answer, found: Tensor, exact: list[Tensor], wanted: Tensor) -> None:
    """Look for the mistakes up to a constant, since every mistake can be made with ½ log 2π or without."""

    def off(other: Tensor) -> float | None:
        distance = found - other
        return distance.mean().item() if distance.std().item() < 1e-3 else None

    two_pi = exact[1].shape[-1] * math.log(2 * math.pi) / 2
    for mistake in answer.mistakes:
        if mistake.answer is not None and mistake.name != "kl_instead":
            constant = off(mistake.answer(*exact))
            if constant is not None and min(abs(abs(constant) - k * two_pi) for k in range(3)) < 1e-3:
                answer.fail(mistake.name)
    if off(-exact[0]) is not None:
        answer.fail("kl_instead")
    if (constant := off(wanted)) is not None:
        answer.fail("constant" if abs(abs(constant) - two_pi) < 1e-3 else "width", off=constant)


# ── 4.4 From the bound to the likelihood ─────────────────────────────────────────────────────────


def _log_mean(log_weights: Tensor, dim: int = 1) -> Tensor:
    weights = log_weights.double()
    return torch.as_tensor(logsumexp(weights.numpy(), axis=dim)) - math.log(weights.shape[dim])


@check(
    Mistake(
        "elbo",
        "You averaged the logarithms: that is line 4, the ELBO. Line 3 is the logarithm of the average.",
        lambda log_weights: log_weights.mean(dim=1),
    ),
    Mistake(
        "summed",
        "It grows with the number of draws: an average divides the sum by K, and the logarithm of that is "
        "missing.",
        lambda log_weights: log_weights.logsumexp(dim=1),
    ),
    Mistake(
        "no_log",
        "This is the average weight itself: its logarithm is asked for.",
        lambda log_weights: log_weights.exp().mean(dim=1),
    ),
    Mistake(
        "best_draw",
        "You took the best draw of each image: all K draws count, the best one just counts most.",
        lambda log_weights: log_weights.amax(dim=1),
    ),
    Mistake(
        "over_images",
        "You averaged over the images: return one number for each image, (B,), from its K draws.",
        lambda log_weights: _log_mean(log_weights, dim=0),
    ),
    Mistake(
        "over_everything",
        "You averaged over all images too: return one number for each image, (B,).",
        lambda log_weights: _log_mean(log_weights.reshape(1, -1))[0],
    ),
    Mistake(
        "underflow",
        "Right for small numbers. But the exponential of a large one overflows, and that of a very negative "
        "one rounds to 0: take the largest of an image out first, or use a function that does.",
    ),
    Mistake(
        "divided_by_images",
        "You divide by the number of images: the average goes over the K draws.",
        lambda log_weights: log_weights.logsumexp(dim=1) - math.log(len(log_weights)),
    ),
    tests="shape, values against SciPy, a single draw, a single image, log weights from −5,000 to 5,000, "
    "near each other and far apart",
)
def check_log_p_estimate(answer: Answer) -> None:
    """f(log_weights (B, K)) → the logarithm of the average weight of each image (B,)."""
    for shape in ((6, 40), (3, 1), (1, 500)):
        log_weights = 2 * answer.normal(*shape) - 1
        compare = answer.compare_edge if 1 in shape else answer.compare
        compare(_log_mean(log_weights), log_weights=log_weights)
    far = answer.normal(5, 20) + torch.tensor([[-500.0], [-90.0], [600.0], [-5000.0], [5000.0]])
    apart = torch.cat([answer.uniform(3, 1, low=900, high=2000), answer.normal(3, 7)], dim=1)
    for log_weights in (far[:3], far[3:], far, apart, -apart):
        found = answer.tensor(answer.call(log_weights=log_weights), {"log_weights": log_weights})
        wanted = _log_mean(log_weights)
        if found.shape == wanted.shape and not close(found, wanted, rtol=1e-5, atol=1e-2):
            answer.fail("underflow")
        answer.match(found, wanted, rtol=1e-5, atol=1e-2, log_weights=log_weights)


# ── 4.5 Codes of an autoencoder ──────────────────────────────────────────────────────────────────


def _codes_on_a_curve(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Codes as an autoencoder makes them, 1,000 to learn from and 1,000 others: a bent band, anywhere."""
    angle = 4.2 * torch.rand(2000, generator=rng)
    band = torch.stack([4 * angle.cos(), 4 * angle.sin(), 1.5 * (2 * angle).sin()], dim=1)
    band = band + 0.35 * torch.randn(2000, 3, generator=rng)
    turned = torch.eye(3)
    while (band @ turned).T.corrcoef().fill_diagonal_(0).abs().max() < 0.45:
        turned, _ = torch.linalg.qr(torch.randn(3, 3, generator=rng))
    codes = band @ turned * (1 + torch.rand(1, generator=rng)) + 5 * torch.randn(3, generator=rng)
    return codes[:1000], codes[1000:]


def _home(given: Tensor, others: Tensor) -> float:
    """Within this distance of one of `others`, 95 of 100 given codes have a neighbour."""
    return torch.cdist(given, others).amin(dim=1).quantile(0.95).item()


@check(
    Mistake(
        "prior",
        "These are draws from N(0, I): only {home:.0%} fall where codes lie. Nothing keeps an autoencoder's "
        "codes there; look at the ones that you are given.",
    ),
    Mistake(
        "independent",
        "Each number alone is spread as it should be, and only {home:.0%} of the codes fall where codes lie: "
        "the numbers of a code belong together.",
    ),
    Mistake(
        "one_gaussian",
        "Mean and covariance are those of the codes, and only {home:.0%} fall where codes lie: one bell "
        "curve fills the bend between them. What follows a bend?",
    ),
    Mistake(
        "copies",
        "These are the given codes over again: they only redraw the training images. New codes are asked "
        "for.",
    ),
    Mistake(
        "too_few",
        "What you draw is all right, and {missed:.0%} of the held-out codes have none of your draws near "
        "them: cover the whole band.",
    ),
    Mistake(
        "too_wide",
        "Only {home:.0%} of your codes fall where held-out codes lie, at least 85 % are asked for: spread "
        "them less widely around the given ones.",
    ),
    tests="new codes, one or more than were given, of two numbers and of three, at least 85 % of them where "
    "held-out codes lie, at least 80 % of those covered",
)
def check_draw_codes(answer: Answer) -> None:
    """f(codes (N, D), n) → n new codes (n, D) that lie where the codes lie."""
    codes, held_out = _codes_on_a_curve(answer.rng)
    for given, n in ((codes[:, :2], 1), (codes[:300], 400), (codes, 1000)):
        drawn = answer.tensor(answer.call(codes=given, n=n), {"codes": given})
        if drawn.shape != (n, given.shape[1]):
            raise WrongAnswer(
                f"draw_codes must return n codes (n, D) = {(n, given.shape[1])} here, not "
                f"{tuple(drawn.shape)}: it was given {len(given)} codes.",
                "shape",
            )
        if not bool(drawn.isfinite().all()):
            raise WrongAnswer("draw_codes returned NaN or infinity.", "nan")
    _judge_codes(answer, drawn, codes.double(), held_out.double())


def _judge_codes(answer: Answer, drawn: Tensor, codes: Tensor, held_out: Tensor) -> None:
    limit = _home(codes, held_out)
    apart = torch.cdist(drawn, held_out)
    home = _share_at_home(drawn, codes, held_out)
    covered = (apart.amin(dim=0) < limit).double().mean().item()
    if (torch.cdist(drawn, codes).amin(dim=1) < 0.02 * limit).double().mean() > 0.2:
        answer.fail("copies")
    if home < 0.85:
        _explain_codes(answer, drawn, codes, held_out, home)
    if covered < 0.80:
        answer.fail("too_few", missed=1 - covered)


def _explain_codes(answer: Answer, drawn: Tensor, codes: Tensor, held_out: Tensor, home: float) -> None:
    """Moments like those of a classic wrong answer, and as many codes at home as it has."""
    middle, covariance, width = codes.mean(dim=0), codes.T.cov(), codes.std(dim=0)
    at, spread = drawn.mean(dim=0), drawn.T.cov()
    if at.abs().max() < 0.2 and (spread - torch.eye(3)).abs().max() < 0.25:
        answer.fail("prior", home=home)
    if not bool(((at - middle).abs() < 0.2 * width).all()):
        answer.fail("too_wide", home=home)
    noise = answer.normal(1000, 3).double()
    gaussian = middle + noise @ torch.linalg.cholesky(covariance).T
    shuffled = torch.stack([codes[noise[:, i].argsort(), i] for i in range(3)], dim=1)
    scale = 0.2 * width[:, None] * width
    alone = middle + noise * width
    for name, classic in (("one_gaussian", gaussian), ("independent", shuffled), ("independent", alone)):
        alike = ((spread - classic.T.cov()).abs() < scale).all()
        if alike and abs(home - _share_at_home(classic, codes, held_out)) < 0.08:
            answer.fail(name, home=home)
    answer.fail("too_wide", home=home)


def _share_at_home(drawn: Tensor, codes: Tensor, held_out: Tensor) -> float:
    near = torch.cdist(drawn, held_out).amin(dim=1) < _home(codes, held_out)
    return near.double().mean().item()
