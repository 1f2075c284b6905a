"""Checks for chapter 8, the convolutional VAE."""

import copy
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from course_lib.checks.feedback import Answer, Mistake, WrongAnswer, check, close
from course_lib.checks.scripts import photo_vae
from course_lib.checks.unfamiliar import Flaw, Script, asked, judge_tests, mistakes_in_tests, turned_round

# ── How far one number sees ──────────────────────────────────────────────────────────────────────

Layers = list[tuple[int, int]]  # kernel and stride


def _seen(layers: Layers) -> int:
    """How many inputs of a chain of convolutions have a gradient from one output: measured."""
    x = torch.zeros(1, 1, 2000, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    (gradient,) = torch.autograd.grad(y[0, 0, y.shape[-1] // 2], x)
    places = gradient[0, 0].nonzero()
    return int(places.max() - places.min()) + 1


def _walk(grow: Callable, step: Callable = lambda jump, stride: jump * stride) -> Callable:
    """layers → 1 + what each layer adds, with the distance `jump` of its inputs measured in pixels."""

    def field(layers: Layers) -> int:
        found, jump = 1, 1
        for kernel, stride in layers:
            found += grow(kernel, stride, jump)
            jump = step(jump, stride)
        return found

    return field


def _from_the_wrong_end(layers: Layers) -> int:
    found = 1
    for kernel, stride in layers:
        found = (found - 1) * stride + kernel
    return found


FIELD_MISTAKES = (
    Mistake(
        "strides_ignored",
        "The strides have no influence: after a stride of 2, neighbouring numbers lie two pixels apart, and "
        "every later kernel reaches further.",
        _walk(lambda k, s, jump: k - 1),
    ),
    Mistake(
        "own_stride",
        "A layer's own stride makes its own window wider here: it only matters to the layers after it.",
        _walk(lambda k, s, jump: (k - 1) * jump * s),
    ),
    Mistake(
        "kernel_not_less_one",
        "Each layer adds a whole kernel: one of its places is there already.",
        _walk(lambda k, s, jump: k * jump),
    ),
    Mistake(
        "start_missing",
        "One too few: without any layer a number sees one pixel, itself.",
        lambda layers: _seen(layers) - 1,
    ),
    Mistake(
        "sum_of_kernels", "You added up the kernels: they overlap.", lambda layers: sum(k for k, _ in layers)
    ),
    Mistake(
        "product_of_kernels",
        "You multiplied the kernels: windows of neighbours overlap, so they do not multiply.",
        lambda layers: math.prod(k for k, _ in layers),
    ),
    Mistake(
        "wrong_end",
        "You started at the wrong end: a stride widens what comes after it, not what came before.",
        _from_the_wrong_end,
    ),
    Mistake(
        "strides_added",
        "The strides are added up: two halvings make a step of four pixels, not of three.",
        _walk(lambda k, s, jump: (k - 1) * jump, step=lambda jump, stride: jump + stride - 1),
    ),
)


@check(
    *FIELD_MISTAKES,
    tests="against gradients through PyTorch's convolutions: the chapter's encoder, random layers, no layers",
)
def check_receptive_field(answer: Answer) -> None:
    """f(layers), each (kernel, stride) → how many input pixels in a row one output number sees."""
    cases: list[Layers] = [
        [(5, 1), (3, 3), (4, 3), (3, 2), (3, 1)],
        [(3, 1), (3, 2), (3, 2), (3, 1)],
        [(4, 3)],
    ]
    for _ in range(5):
        layers = [(_between(answer, 2, 5), _between(answer, 1, 3)) for _ in range(_between(answer, 2, 5))]
        cases.append(layers)
    for layers in [*cases, []]:
        value, expected = answer.number(answer.call(layers=layers)), _seen(layers)
        if value == expected:
            continue
        for mistake in FIELD_MISTAKES:
            if layers and value == mistake.answer(layers):
                answer.fail(mistake.name)
        raise WrongAnswer(
            f"receptive_field returned {value:g} where {expected} is right; it was given layers = {layers}.",
            "value",
        )


def _between(answer: Answer, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (), generator=answer.rng))


# ── Pale pictures (find the bug) ─────────────────────────────────────────────────────────────────────


def _per_image(values: Tensor) -> Tensor:
    return values.flatten(1).sum(dim=1)


def _bce_of(scores: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy of each pixel, from scores, in double precision: stable for all scores."""
    scores, x = scores.double(), x.double()
    return F.softplus(scores) - x * scores


def _ink(scores: Tensor) -> Tensor:
    return scores.double().sigmoid()


@check(
    Mistake(
        "sigmoid_twice",
        "The bug is still there: follow one score into the loss and count the sigmoids on its way. One of "
        "them is hidden in a name.",
        lambda scores, x: (_ink(scores), _per_image(_bce_of(_ink(scores), x))),
    ),
    Mistake(
        "scores_as_image",
        "Loss right, images wrong: you return the scores, which may be any number, and not ink.",
        lambda scores, x: (scores, _per_image(_bce_of(scores, x))),
    ),
    Mistake(
        "image_of_sigmoid_twice",
        "Loss right, images wrong: they went through two sigmoids and cannot get darker than 0.73.",
        lambda scores, x: (_ink(_ink(scores)), _per_image(_bce_of(scores, x))),
    ),
    Mistake(
        "mean_over_pixels",
        "The cross-entropy is averaged over the pixels: that is a sum, for it belongs to the whole image.",
        lambda scores, x: (_ink(scores), _bce_of(scores, x).flatten(1).mean(dim=1)),
    ),
    Mistake(
        "over_the_batch",
        "The images of the batch have become one number: return the loss of each of them, (B,).",
        lambda scores, x: (_ink(scores), _per_image(_bce_of(scores, x)).sum()),
    ),
    Mistake(
        "mean_over_the_batch",
        "The images of the batch have become one number, their mean: return the loss of each, (B,).",
        lambda scores, x: (_ink(scores), _per_image(_bce_of(scores, x)).mean()),
    ),
    Mistake(
        "squared_error",
        "This is the squared error now: the task keeps the cross-entropy.",
        lambda scores, x: (_ink(scores), _per_image((_ink(scores) - x).square())),
    ),
    Mistake(
        "one_sided",
        "Only the ink is judged, not the paper: an all-black image would cost nothing. Cross-entropy has two "
        "terms.",
        lambda scores, x: (_ink(scores), _per_image(-x * _ink(scores).log())),
    ),
    Mistake(
        "saturated",
        "NaN or infinity for scores of ±200: there exp overflows, or a sigmoid is exactly 0 or 1 and its "
        "logarithm is lost. PyTorch has a function that works on the scores.",
    ),
    Mistake(
        "capped",
        "For scores of ±200 the loss is {found:.0f} where {right:.0f} is right: it went through a sigmoid or "
        "a clamp, which forgets how large a score was.",
    ),
    Mistake(
        "detached",
        "The loss is right, and no gradient comes back to scores: nothing could be trained with it. Look for "
        ".item(), .detach(), .data, float() or NumPy.",
    ),
    tests="images in [0, 1], the cross-entropy of each image against the closed form, one image, three "
    "channels, scores up to ±200, gradients of the loss, at ±200 too",
)
def check_loss_from_scores(answer: Answer) -> None:
    """f(scores (B, 1, H, W), x (B, 1, H, W)) → (x_hat in [0, 1], cross-entropy of each image (B,))."""
    for batch, channels, side in ((5, 1, 6), (3, 3, 5), (1, 1, 4)):
        scores = 10 * answer.uniform(batch, channels, side, side) - 5
        x = answer.uniform(batch, channels, side, side)
        expected = {"x_hat": _ink(scores), "loss": _per_image(_bce_of(scores, x))}
        compare = answer.compare_parts if batch > 1 else answer.compare_edge
        compare(expected, scores=scores, x=x)
        answer.check_gradient(lambda s, x: _bce_of(s, x), "scores", part=1, scores=scores, x=x)
    scores = 200 * answer.uniform(3, 1, 4, 4, low=0.9) * answer.normal(3, 1, 4, 4).sign()
    inputs = {"scores": scores, "x": answer.uniform(3, 1, 4, 4)}
    right = _per_image(_bce_of(**inputs))
    results = answer.parts(answer.call(**inputs), "x_hat", "loss")
    x_hat, loss = (answer.tensor(r, inputs, name) for r, name in zip(results, ("x_hat", "loss"), strict=True))
    if not bool(torch.isfinite(loss).all()):
        answer.fail("saturated")
    if not close(loss, right):
        answer.fail("capped", found=loss.max(), right=right.max())
    if not close(x_hat, _ink(scores)):
        raise WrongAnswer("x_hat is not the sigmoid of the scores when they are as large as ±200.", "value")
    answer.check_gradient(lambda s, x: _bce_of(s, x), "scores", part=1, **inputs)


# ── A stranger's script ──────────────────────────────────────────────────────────────────────────

PHOTO_VAE = Script(
    photo_vae,
    "PhotoVAE",
    (
        Flaw(
            "prepare",
            "where a pixel of the photo ends up",
            "return photos.permute(0, 3, 1, 2).float() / 255",
            """n, height, width, channels = photos.shape
        return photos.reshape(n, channels, height, width).float() / 255""",
        ),
        Flaw(
            "kl",
            "how two terms of the loss are weighed against each other",
            "return nats.sum(dim=1).mean()",
            "return nats.sum()",
        ),
        Flaw(
            "alone",
            "what a photo's redrawing depends on",
            "        self.eval()\n        mu, _",
            "        mu, _",
        ),
    ),
)


@check(
    *mistakes_in_tests(PHOTO_VAE),
    tests="your tests, on the class with nothing wrong in it and on three with one mistake each",
)
def check_photo_tests(answer: Answer) -> None:
    """A list of functions that take the class PhotoVAE and raise AssertionError on a mistake."""
    judge_tests(answer, PHOTO_VAE)


@check(
    Mistake(
        "scattered",
        "`prepare` has the right shape and puts pixels in other places: of which photo, row, column and "
        "colour is the number at [0, 1, 2, 3]?",
    ),
    Mistake(
        "other_numbers",
        "`prepare` changes the numbers themselves: 0 … 255 become other fractions than number ÷ 255.",
    ),
    Mistake(
        "colours",
        "`prepare` puts every pixel in its place, and its colours come out in another order.",
    ),
    Mistake(
        "turned",
        "`prepare` exchanges rows and columns: the photos come out lying on their side.",
    ),
    Mistake("range", "`prepare` must end between 0 and 1, and white (255) becomes {found:.4g}."),
    Mistake(
        "sum_over_batch",
        "`kl` grows with the number of photos, and the error does not: so in a large batch nothing but the "
        "KL counts.",
    ),
    Mistake(
        "mean_over_latents",
        "`kl` averages over the latent numbers: the docstring asks for their sum.",
    ),
    Mistake("kl", "`kl` returns {found:.4g} where the docstring's number is {right:.4g}."),
    Mistake(
        "neighbours",
        "A photo is redrawn differently beside other photos. Which layers look at the whole batch, and when "
        "do they stop?",
    ),
    Mistake(
        "other_layers",
        "The layers are others than in the script, and those were as they should be. What they need is the "
        "right mode.",
    ),
    Mistake("by_chance", "The same photos are redrawn differently the second time."),
    Mistake("redraw_range", "`redraw` returns numbers up to {found:.4g}: the docstring says 0 … 1."),
    Mistake(
        "not_its_own_code",
        "`redraw` is not what the decoder makes, in evaluation mode, of the middle of the photo's own cloud.",
    ),
    Mistake(
        "stays_in_eval",
        "After `redraw`, `run` goes on in evaluation mode: its batch norms stop following the photos.",
    ),
    Mistake("does_not_learn", "The loss hardly falls any more: something that was right is gone."),
    tests="numbered photos of two sizes, the KL of random batches, photos alone and in company, a short "
    "training",
)
def check_photo_vae(answer: Answer) -> None:
    """The class PhotoVAE without its mistakes; methods and arguments as they were."""
    if not isinstance(answer.f, type):
        raise WrongAnswer("Give the check the class itself, without calling it.", "type")
    vae = asked(answer, partial(answer.f, side=8, width=4))
    layers = photo_vae.PhotoVAE(side=8, width=4).state_dict()
    if layers.keys() - vae.state_dict().keys():
        answer.fail("other_layers")
    _keeps_every_pixel(answer, vae)
    _prices_a_photo(answer, vae)
    photos = (answer.uniform(48, 1, 1, 1) * answer.uniform(1, 8, 8, 3, high=255)).byte()

    def run(photos, epochs):
        vae.run(photos, epochs, batch_size=8)
        return vae.losses

    asked(answer, run, photos=photos, epochs=2)
    _redraws_each_by_itself(answer, vae, photos)
    followed = [buffer.clone() for buffer in vae.buffers()]
    losses = asked(answer, run, photos=photos, epochs=25)
    if followed and all(map(torch.equal, followed, vae.buffers())):
        answer.fail("stays_in_eval")
    if not losses[-1] < 0.6 * losses[0]:
        answer.fail("does_not_learn")


def _keeps_every_pixel(answer: Answer, vae: nn.Module) -> None:
    white = asked(answer, vae.prepare, photos=torch.full((2, 4, 4, 3), 255, dtype=torch.uint8))
    found = float(answer.tensor(white, {}, "prepare").max())
    if not math.isclose(found, 1, rel_tol=1e-3):
        answer.fail("range", found=found)
    for shape in ((3, 4, 4, 3), (2, 4, 5, 3)):
        photos = torch.randperm(math.prod(shape), generator=answer.rng).reshape(shape).byte()
        found = answer.tensor(asked(answer, vae.prepare, photos=photos), {}, "prepare")
        right = photos.movedim(-1, 1).double() / 255
        if found.shape != right.shape:
            raise WrongAnswer(
                f"prepare makes {tuple(found.shape)} of photos {shape}, not {tuple(right.shape)}.", "shape"
            )
        if close(found, right.mT):
            answer.fail("turned")
        if not close(found, right):
            if close(found.sort(dim=1).values, right.sort(dim=1).values):
                answer.fail("colours")
            same = close(found.flatten().sort().values, right.flatten().sort().values)
            answer.fail("scattered" if same else "other_numbers")


def _prices_a_photo(answer: Answer, vae: nn.Module) -> None:
    for n in (7, 1):
        mu, log_var = answer.normal(n, 3), answer.normal(n, 3)
        found = answer.number(asked(answer, vae.kl, mu=mu, log_var=log_var), "kl")
        clouds = Normal(mu.double(), (log_var.double() / 2).exp())
        nats = kl_divergence(clouds, Normal(torch.zeros_like(clouds.loc), 1.0)).sum(dim=1)
        right = float(nats.mean())
        if not math.isclose(found, right, rel_tol=1e-3):
            if math.isclose(found, float(nats.sum()), rel_tol=1e-3):
                answer.fail("sum_over_batch")
            if math.isclose(found, right / 3, rel_tol=1e-3):
                answer.fail("mean_over_latents")
            answer.fail("kl", found=found, right=right)


def _redraws_each_by_itself(answer: Answer, vae: nn.Module, photos: Tensor) -> None:
    for layer in vae.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data *= 2  # after so short a training all photos are redrawn alike
    together, again, alone = (
        answer.tensor(asked(answer, vae.redraw, photos=some), {}, "redraw")
        for some in (photos, photos, photos[:2])
    )
    if together.shape != (48, 3, 8, 8):
        raise WrongAnswer(
            f"redraw returns {tuple(together.shape)} for 48 photos of 8 × 8 pixels, not (48, 3, 8, 8).",
            "shape",
        )
    if together.max() > 1.001:
        answer.fail("redraw_range", found=float(together.max()))
    if not close(together, again):
        answer.fail("by_chance")
    if not close(together[:2], alone):
        answer.fail("neighbours")
    evaluated = nn.Module.train(copy.deepcopy(vae), False)
    with torch.no_grad():
        right = evaluated.decoder(evaluated.encoder(photos.movedim(-1, 1) / 255).chunk(2, dim=1)[0])
    if not close(together, right.double()):
        answer.fail("not_its_own_code")


# ── Transfer: the calls of a bird ────────────────────────────────────────────────────────────────

UNEXPLAINED = 0.32
RANKS = 0.99


def bird_calls(n, seed=0):
    """n calls in whole decibels, 24 tones high and 40 moments long (n, 24, 40), and their pitches (n,)."""
    random = np.random.default_rng(seed)
    tone, moment = np.mgrid[:24, :40]
    pitch, start = random.uniform(5, 18, (n, 1, 1)), random.uniform(8, 12, (n, 1, 1))
    since = (moment - start) / 18  # 0 when the call begins, 1 when it ends
    height = pitch + 4 * np.sin(np.pi * since)  # it rises and falls
    loud = np.exp(-(((tone - height) / 1.2) ** 2) / 2) * ((since > 0) & (since < 1))
    hiss = 1e-4 * random.gamma(2, 0.5, (n, 24, 40))
    return (10 * np.log10(loud + hiss)).round().astype(np.int16), pitch[:, 0, 0]


@check(
    Mistake("swapped", "The two functions are the wrong way round: first `listen`, then `draw`."),
    Mistake(
        "wide_code",
        "The codes of 500 calls have the shape {found}: one number a call, (500, 1), is asked for.",
    ),
    Mistake(
        "other_unit",
        "What you draw lies between {low:.3g} and {high:.3g}, the calls between −70 and 0 decibels: what the "
        "way in took away or divided by must come back on the way out.",
    ),
    Mistake(
        "all_alike",
        "Nearly the same call is drawn for every code, as by a VAE that has collapsed or hardly trained. How "
        "much does the mean call cost in your unit, beside a KL of a few nats?",
    ),
    Mistake(
        "remembers",
        "What `draw` draws for a code depends on the calls that `listen` heard last: it must follow from the "
        "code alone.",
    ),
    Mistake(
        "batch",
        "The same call gets another code beside other calls: scale by numbers of the training calls, not of "
        "those that come in, and draw nothing at random.",
    ),
    Mistake(
        "no_prior",
        "The codes of fresh calls have the mean {mean:.2f} and the standard deviation {spread:.2f}. A VAE's "
        "lie about like N(0, 1): is the KL in the loss, and not too cheap or too dear?",
    ),
    Mistake(
        "out_of_order",
        "It draws well, and Spearman's correlation of code and pitch is {ranks:.3f}; the goal is 0.99. Plot "
        "one against the other: is there a cut?",
    ),
    tests="codes of one number about like N(0, 1), each call by itself, decibels in and out, on 500 fresh "
    "calls the order of the pitches and at most 0.32 unexplained",
)
def check_call_code(answer: Answer) -> str:
    """(listen, draw): calls (N, 24, 40) in decibels → codes (N, 1) → calls (N, 24, 40)."""
    if not isinstance(answer.f, (tuple, list)) or len(answer.f) != 2 or not all(map(callable, answer.f)):
        raise WrongAnswer("call_code must be the two functions, as in `call_code = listen, draw`.", "type")

    def listen(calls: np.ndarray) -> Tensor:
        return answer.tensor(asked(answer, answer.f[0], "listen", calls=calls), {}, "listen")

    def draw(z: Tensor) -> Tensor:
        return answer.tensor(asked(answer, answer.f[1], "draw", z=z), {}, "draw")

    calls, pitches = bird_calls(500, seed=_between(answer, 1, 2**31 - 1))
    if turned_round(listen, draw, calls):
        answer.fail("swapped")
    z = listen(calls)
    if z.shape != (500, 1):
        answer.fail("wide_code", found=tuple(z.shape))
    drawn = draw(z.float())
    if drawn.shape != (500, 24, 40):
        raise WrongAnswer(f"draw must return (500, 24, 40) for 500 codes, not {tuple(drawn.shape)}.", "shape")
    if not bool(z.isfinite().all() and drawn.isfinite().all()):
        raise WrongAnswer("Codes or calls are NaN or infinite: the training broke. Try a smaller lr.", "nan")
    some = torch.cat([listen(calls[i : i + 3]) for i in (0, 3, 6)])
    if not close(draw(z.float()), drawn, atol=1):
        answer.fail("remembers")
    if not close(some, z[:9], rtol=1e-2, atol=1e-2 * float(z.std())):
        answer.fail("batch")
    if not (-100 < drawn.min() < -20 and drawn.max() < 30):
        answer.fail("other_unit", low=float(drawn.min()), high=float(drawn.max()))
    real = torch.from_numpy(calls).double()
    variance = real.var(dim=0, correction=0).sum()
    if drawn.var(dim=0, correction=0).sum() < 0.1 * variance:
        answer.fail("all_alike")
    found = float((drawn - real).square().sum() / len(real) / variance)
    if found > UNEXPLAINED:
        raise WrongAnswer(
            f"On 500 fresh calls you leave {found:.3f} of the variance unexplained; the yardstick is "
            f"{UNEXPLAINED}."
        )
    ranks = abs(float(spearmanr(z[:, 0].numpy(), pitches).statistic))
    if ranks < RANKS:
        answer.fail("out_of_order", ranks=ranks)
    mean, spread = float(z.mean()), float(z.std())
    if abs(mean) > 0.5 or not 0.5 < spread < 1.6:
        answer.fail("no_prior", mean=mean, spread=spread)
    return f"Yours leave {found:.3f}, Spearman {ranks:.3f}."
