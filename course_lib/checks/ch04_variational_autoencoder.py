"""Checks for chapter 4, the variational autoencoder."""

import math
from functools import partial

import numpy as np
import torch
from scipy.stats import kstest
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from course_lib import models
from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.checks.scripts import circle_vae
from course_lib.checks.unfamiliar import Flaw, Script, asked, judge_tests, mistakes_in_tests

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
        "one_for_all",
        "All images of a call come back as the same picture: each has a code of its own. Where do the codes "
        "of a batch become one?",
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
                other = answer.tensor(answer.call(model=model, x=1 - x), {"x": x})
                answer.fail("prior" if close(other, pictures) else "one_for_all")
        with torch.no_grad():
            answer.match(first, wanted, model=model, x=x)
        if isinstance(first, Tensor) and first.requires_grad:
            answer.fail("gradient")
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            if torch.equal(model(x)[0], model(x)[0]):
                answer.fail("noise_removed")


# ── 4.4 A stranger's VAE ─────────────────────────────────────────────────────────────────────────

CIRCLE_VAE = Script(
    circle_vae,
    "CircleVAE",
    (
        Flaw(
            "encode",
            "what the encoder is able to say",
            "return self.mu(h), self.log_var(h)",
            "return self.mu(h), torch.relu(self.log_var(h))",
        ),
        Flaw(
            "loss",
            "the price of a cloud",
            "log_var.exp()).sum(dim=1)",
            "log_var.exp()).mean(dim=1)",
        ),
        Flaw(
            "generate",
            "where new images come from",
            "z = torch.randn(n, self.latent)",
            "z = torch.rand(n, self.latent)",
        ),
    ),
)


@check(
    *mistakes_in_tests(CIRCLE_VAE),
    tests="your tests, on the class with nothing wrong in it and on three with one mistake each",
)
def check_vae_tests(answer: Answer) -> None:
    """A list of functions that take the class CircleVAE and raise AssertionError on a mistake."""
    judge_tests(answer, CIRCLE_VAE)


@check(
    Mistake(
        "narrow_clouds",
        "`encode` cannot answer with a cloud narrower than the prior: the head was told −3, and {found:.3g} "
        "came out.",
    ),
    Mistake("encode", "`encode` returns other numbers than its two heads."),
    Mistake(
        "kl_averaged", "The KL of a cloud's numbers is averaged: the docstring speaks of the whole cloud."
    ),
    Mistake(
        "four_only",
        "The loss is right for a code of 4 numbers alone: with `latent=3` it is {found:.4g}, not "
        "{right:.4g}.",
    ),
    Mistake("batch_summed", "The loss is summed over the batch: the docstring says averaged."),
    Mistake("loss", "`loss` returns {found:.4g} where the docstring asks for {right:.4g}."),
    Mistake(
        "uniform",
        "With a decoder that returns its codes, `generate` returns none below 0, or none beyond 1: are they "
        "drawn from the prior N(0, I), and is what the decoder returns left as it is?",
    ),
    Mistake(
        "prior",
        "The codes of `generate` have the mean {mean:.2f} and the spread {spread:.2f}; the prior "
        "has 0 and 1.",
    ),
    Mistake(
        "dependent",
        "The numbers of a code of `generate` depend on each other; those of a draw from N(0, I) do not.",
    ),
    Mistake(
        "not_normal",
        "Mean and spread of the codes of `generate` are right, and {far:.1%} lie farther than 2 from 0: of "
        "N(0, I) it is 4.6 %. Which distribution has no limits?",
    ),
    Mistake(
        "no_noise",
        "`forward` decodes the same for the same images: no code is drawn any more. That was right as it "
        "stood.",
    ),
    Mistake(
        "spread",
        "The codes that `forward` draws have a spread of {found:.3g} around mu where sigma is {right:.3g}. "
        "That was right as it stood.",
    ),
    Mistake("no_gradient", "No gradient flows through what `loss` returns, so nothing can be learned."),
    Mistake("does_not_learn", "The loss hardly falls any more: something that was right is gone."),
    tests="both heads, narrow clouds and wide ones, the draws of forward, the loss by a closed form for "
    "seven images and one, codes of four numbers and three, 4,000 new codes, and a short training",
)
def check_circle_vae(answer: Answer) -> None:
    """The class CircleVAE without its mistakes; methods, layers and arguments as they were."""
    if not isinstance(answer.f, type):
        raise WrongAnswer("Give the check the class itself, without calling it.", "type")
    _says_what_its_heads_say(answer)
    for n, latent in ((7, 4), (1, 4), (7, 3)):
        _costs_what_it_should(answer, n, latent)
    _draws_around_mu(answer)
    _draws_from_the_prior(answer)
    model, images = _built(answer), answer.uniform(60, 1, 1, 1) * answer.uniform(1, 1, 4, 4)

    def train_on(images: Tensor) -> list[float]:
        model.train_on(images, epochs=20, batch_size=10)
        return model.history

    history = asked(answer, train_on, images=images)
    if not history[-1] < 0.7 * history[0]:
        answer.fail("does_not_learn")


def _built(answer: Answer, **sizes: int) -> nn.Module:
    """A small model of the learner's class, with other weights in every check."""
    return asked(answer, partial(answer.f, hidden=16, **sizes), pixels=16)


def _says_what_its_heads_say(answer: Answer) -> None:
    said, right = [], True
    for bias in (3.0, -3.0):
        model, x = _built(answer), answer.uniform(30, 1, 4, 4)
        model.log_var.bias.data.fill_(bias)
        heads = model.mu(model.body(x)), model.log_var(model.body(x))
        found = answer.parts(asked(answer, model.encode, x=x), "mu", "log_var")
        right = right and all(close(part, head) for part, head in zip(found, heads, strict=True))
        said.append(found[1].detach())
    if said[0].min() > 0 and said[1].min() >= 0 and close(found[0], heads[0]):
        answer.fail("narrow_clouds", found=float(said[1].min()))
    if not right:
        answer.fail("encode")


def _costs_what_it_should(answer: Answer, n: int, latent: int) -> None:
    model, x = _built(answer, latent=latent), answer.uniform(n, 1, 4, 4)
    model.mu.weight.data *= 5
    model.decoder[-1].weight.data.zero_()  # the error does not depend on the draw
    with torch.no_grad():
        mu, log_var = model.mu(model.body(x)), model.log_var(model.body(x))
        error = (model.decoder[-1].bias - x.flatten(1)).square().sum(dim=1)
    kl = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(torch.zeros_like(mu), 1.0))
    loss = asked(answer, model.loss, x=x)
    found = answer.number(loss.detach() if isinstance(loss, Tensor) else loss, "loss")
    right = error + kl.sum(1)
    if not math.isclose(found, right.mean(), rel_tol=1e-3):
        if math.isclose(found, (error + kl.mean(dim=1)).mean(), rel_tol=1e-3):
            answer.fail("kl_averaged")
        if math.isclose(found, right.sum(), rel_tol=1e-3):
            answer.fail("batch_summed")
        answer.fail("loss" if latent == 4 else "four_only", found=found, right=float(right.mean()))
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        answer.fail("no_gradient")


def _draws_around_mu(answer: Answer) -> None:
    model, x = _built(answer), answer.uniform(1, 1, 4, 4).repeat(4000, 1, 1, 1)
    model.decoder = nn.Identity()
    model.log_var.bias.data.copy_(torch.tensor([-3.0, -1.0, 0.5, 2.0]))
    drawn, mu, log_var = (
        answer.tensor(part, {}, "forward")
        for part in answer.parts(asked(answer, model.forward, x=x), "x_hat", "mu", "log_var")
    )
    sigma, found = (log_var[0] / 2).exp(), (drawn - mu).std(dim=0)
    if found.max() < 1e-6:
        answer.fail("no_noise")
    off = (found / sigma).log().abs()
    if off.max() > 0.1:
        answer.fail("spread", found=float(found[off.argmax()]), right=float(sigma[off.argmax()]))


def _draws_from_the_prior(answer: Answer) -> None:
    model = _built(answer)
    model.decoder = nn.Identity()
    codes = answer.tensor(asked(answer, model.generate, n=4000), {}, "generate(4000)")
    if codes.shape != (4000, 4):
        raise WrongAnswer(
            f"generate(n) decodes codes of the shape {tuple(codes.shape)}, not (n, 4).", "shape"
        )
    if codes.min() >= 0 or codes.abs().max() <= 1:
        answer.fail("uniform")
    mean, spread = codes.mean(dim=0), codes.std(dim=0)
    if mean.abs().max() > 0.1 or (spread - 1).abs().max() > 0.1:
        answer.fail("prior", mean=float(mean[mean.abs().argmax()]), spread=float(spread.mean()))
    if codes.T.corrcoef().triu(1).abs().max() > 0.1:
        answer.fail("dependent")
    if kstest(codes.flatten().numpy(), "norm").statistic > 0.04:
        answer.fail("not_normal", far=float((codes.abs() > 2).double().mean()))


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
        "Only {home:.0%} of your codes fall where held-out codes lie, at least 85 % are asked for: a new "
        "code should lie near some given one.",
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


# ── 4.6 Transfer: steps ──────────────────────────────────────────────────────────────────────────

AT_HOME, REACHED = 0.75, 0.70


def step_windows(n, seed=0):
    """n windows of a step sensor, 64 samples each, in whole thousandths of g: (n, 64)."""
    random = np.random.default_rng(seed)
    t = np.arange(64) / 50  # seconds
    pace = random.uniform(1.6, 2.2, (n, 1))  # steps a second
    begin = random.uniform(0, 1, (n, 1))  # a window may begin anywhere in a step
    force = random.uniform(100, 400, (n, 1))
    turn = 2 * np.pi * (pace * t + begin)
    shake = force * (np.sin(turn) + 0.5 * np.sin(2 * turn + 1))
    return (1000 + shake + random.normal(0, 20, (n, 64))).round().astype(np.int16)


@check(
    Mistake(
        "other_unit",
        "Your windows have the mean {mean:,.0f} and the spread {spread:,.0f}, the sensor's about 1,000 and "
        "{right:,.0f}: what you took away or divided by on the way in must come back on the way out.",
    ),
    Mistake(
        "one_code",
        "The windows of one call are all the same, and another call gives another one: a single code serves "
        "them all. Draw n codes.",
    ),
    Mistake(
        "all_alike",
        "Your windows are nearly all the same, as from a VAE that collapsed, or had no time to learn. What "
        "was the error worth in your unit: more than a few nats, and not thousands? "
        "And are the codes drawn from N(0, I)?",
    ),
    Mistake("copies", "These are the windows that you trained on. New ones are asked for."),
    Mistake(
        "not_at_home",
        "Only {home:.0%} of your windows are as near to a real one as real ones are; 75 % are asked for. "
        "Plot some beside real ones: do they tremble, fade, or lie between two of them? Hint 2 has a number "
        "to look at.",
    ),
    Mistake(
        "too_few",
        "What you draw looks real, and {missed:.0%} of the real windows have none of yours near them: all "
        "paces, forces and beginnings are asked for.",
    ),
    Mistake("same_each_call", "Two calls give the same windows: draw new codes in every call."),
    tests="1,000 windows, and one alone, against 2,000 fresh ones: at least 75 % where real ones lie, at "
    "least 70 % of those reached, none copied",
)
def check_new_windows(answer: Answer) -> str:
    """f(n) → n new windows (n, 64) in thousandths of g, like those of the sensor."""
    seed = int(answer.uniform(1, high=2**31 - 2))
    real, kept = (torch.from_numpy(step_windows(1000, seed + i)).double() for i in (0, 1))
    for n in (1, 1000):
        drawn = answer.tensor(answer.call(n=n), {})
        if drawn.shape != (n, 64):
            raise WrongAnswer(f"new_windows({n}) must return ({n}, 64), not {tuple(drawn.shape)}.", "shape")
        if not bool(drawn.isfinite().all()):
            raise WrongAnswer("new_windows returned NaN or infinity.", "nan")
    if abs(drawn.mean() - 1000) > 300 or drawn.std() > 3 * real.std():
        facts = {"mean": drawn.mean(), "spread": drawn.std(), "right": real.std()}
        answer.fail("other_unit", **{name: fact.item() for name, fact in facts.items()})
    again = answer.tensor(answer.call(n=1000), {})
    if torch.equal(drawn, again):
        answer.fail("same_each_call")
    spread = drawn.var(dim=0).sum()
    if spread < 0.2 * real.var(dim=0).sum():
        moved = (again.mean(dim=0) - drawn.mean(dim=0)).square().sum()
        answer.fail("one_code" if moved > spread else "all_alike")
    trained_on = torch.from_numpy(step_windows(2000)).double()
    if (torch.cdist(drawn, trained_on).amin(dim=1) < 20).double().mean() > 0.2:
        answer.fail("copies")
    limit = _home(real, kept)
    apart = torch.cdist(drawn, kept)
    home, reached = (float((apart.amin(dim=i) < limit).double().mean()) for i in (1, 0))
    if home < AT_HOME:
        answer.fail("not_at_home", home=home)
    if reached < REACHED:
        answer.fail("too_few", missed=1 - reached)
    return f"Of yours {home:.0%} are at home, and they reach {reached:.0%}."
