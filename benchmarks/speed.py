"""Measure how fast the course is, and beside it what it could be.

Each section puts its numbers into speed.json as soon as it has them, and speed.md is rendered from there:
an interruption loses one section at most, and a section can be measured again alone. Some run the
notebooks (waiting.py).
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.utils.benchmark.utils.timer import timer
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import gaussian_blur

from benchmarks.commands import commands, playground
from benchmarks.machine import machine
from benchmarks.speed_report import Numbers, render
from benchmarks.waiting import WAYS, measure_notebooks
from claims.seeds import parse_seeds
from course_lib import data, losses, models
from course_lib.runtime import threads_at_the_start
from course_lib.training import fit

HERE = Path(__file__).resolve().parent
SHAPE = (1, 28, 28)
BATCH = 32
RECIPES = {  # name → settings of `fit`, and those of the network
    "article": dict(filters=32, batch_size=32, lr=3e-4, epochs=30, schedule="constant"),
    "best": dict(filters=8, batch_size=8, lr=3e-3, blurred_epochs=2, epochs=7, schedule="one-cycle"),
}


def main() -> int:
    """Measure what the command line names; 1 when a notebook failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"default: all of {', '.join(SECTIONS)}")
    parser.add_argument("--seeds", type=parse_seeds, default="0-9", help="of the times to quality: 0-1, or 3")
    parser.add_argument("--notebooks", nargs="+", type=Path, help="files to measure (default: all)")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of speed.md")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"unknown: {', '.join(unknown)}")
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        print("Other programs are busy: everything will look slower than it is.")
    stopped = []
    try:
        for name in options.sections or SECTIONS:
            print(name, flush=True)
            stopped += SECTIONS[name](options) or []
    except KeyboardInterrupt:
        print("Interrupted: the finished sections are kept.")
        return 130
    return 1 if stopped else 0


# ── Tools ────────────────────────────────────────────────────────────────────────────────────────


def take_turns(rounds: int, **alternatives: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of every alternative in every round, one call of each after the other.

    Whatever else the machine does, it does to all of them. A first round, not counted, warms up.
    """
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(1 + rounds):
        for name, call in alternatives.items():
            start = timer()  # this clock waits for a GPU
            call()
            seconds[name].append(timer() - start)
    return {name: found[1:] for name, found in seconds.items()}


def ratio(above: list[float], below: list[float]) -> float:
    """The median over the rounds of above ÷ below."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def dense_vae(hidden: int = 2048) -> models.VAE:
    encoder = models.VariationalEncoder(models.dense_body(SHAPE, hidden), SHAPE, 1)
    return models.VAE(encoder, models.dense_decoder(1, SHAPE, hidden))


def convolutional_vae(filters: int = 32) -> models.VAE:
    encoder = models.VariationalEncoder(models.conv_body(SHAPE, filters), SHAPE, 1)
    return models.VAE(encoder, models.conv_decoder(1, SHAPE, filters))


@contextlib.contextmanager
def hidden_bar() -> Iterator[None]:
    """The progress bar works as in a chapter, and nobody sees it."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def all_threads() -> Iterator[None]:
    """Inside, as many threads as PyTorch has by default; the course has fewer where cores are few."""
    outside = torch.get_num_threads()
    torch.set_num_threads(threads_at_the_start)
    try:
        yield
    finally:
        torch.set_num_threads(outside)


# ── Training ─────────────────────────────────────────────────────────────────────────────────────


def training(device: str = "cpu", rounds: int = 5, steps: int = 30) -> Numbers:
    """`fit` against tutorials' loop, for both VAEs of the article."""
    numbers: Numbers = {}
    for name, build in (("dense VAE", dense_vae), ("convolutional VAE", convolutional_vae)):
        numbers |= {
            f"{name}: {what}": number for what, number in compare(build, device, rounds, steps).items()
        }
    return numbers


def compare(build: Callable[[], models.VAE], device: str, rounds: int, steps: int) -> Numbers:
    train, ours, theirs = data.circles(steps * BATCH), build().to(device), build()

    def tutorial() -> None:
        with all_threads():
            tutorial_loop(theirs, train, device)

    with hidden_bar():
        found = take_turns(
            rounds,
            fit=lambda: fit(ours, losses.vae_objective(), train, epochs=1, device=device),
            tutorial=tutorial,
        )
    return {
        "a step of fit (ms)": 1000 * statistics.median(found["fit"]) / steps,
        "a step of the tutorials' loop (ms)": 1000 * statistics.median(found["tutorial"]) / steps,
        "tutorials' loop ÷ fit": ratio(found["tutorial"], found["fit"]),
    }


def tutorial_loop(model: models.VAE, train: Dataset, device: str) -> list[tuple[float, float, float]]:
    """One epoch as tutorials write it: a DataLoader, Adam as it comes, and three waits a step."""
    loader = DataLoader(train, batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    model.to(device).train()
    seen = []
    for images, _ in loader:
        x = images.to(device)
        x_hat, mu, log_var = model(x)
        reconstruction = ((x_hat - x) ** 2).sum(dim=[1, 2, 3]).mean()
        kl = (-0.5 * (1 + log_var - mu**2 - torch.exp(log_var))).sum(dim=1).mean()
        loss = reconstruction + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append((loss.item(), reconstruction.item(), kl.item()))
    return seen


# ── What fit itself costs ────────────────────────────────────────────────────────────────────────


def overhead(rounds: int = 15, epochs: int = 20) -> Numbers:
    """`fit` against the same loop written bare, on a VAE of eight units a layer."""
    train, ours, bare = data.circles(BATCH * 32), dense_vae(8), dense_vae(8)
    with hidden_bar():
        found = take_turns(
            rounds,
            fit=lambda: fit(ours, losses.vae_objective(), train, epochs=epochs, device="cpu"),
            bare=lambda: bare_loop(bare, losses.vae_objective(), train.images, epochs),
        )
    steps = epochs * 32
    return {
        "a step of fit (µs)": 1e6 * statistics.median(found["fit"]) / steps,
        "a step of the bare loop (µs)": 1e6 * statistics.median(found["bare"]) / steps,
        "fit ÷ bare loop": ratio(found["fit"], found["bare"]),
    }


def bare_loop(model: nn.Module, objective: losses.Objective, images: Tensor, epochs: int) -> None:
    """The four steps of chapter 2 and nothing else."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4, fused=True)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(BATCH):
            loss = objective(model, images[rows])["loss"]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()


# ── Threads ──────────────────────────────────────────────────────────────────────────────────────


class TimeIsUp(Exception):
    """Ends a training after the seconds that it was given."""


def threads(rounds: int = 3, seconds: float = 2) -> Numbers:
    """Seconds an epoch of `fit` alone and in company; with the threads it chooses, and with all of them."""
    numbers: Numbers = {}
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for name, build in (("dense VAE", partial(dense_vae, 512)), ("convolutional VAE", convolutional_vae)):
            trainings = {
                "chosen threads": partial(pool.submit, seconds_an_epoch, build, seconds, True),
                "all threads": partial(pool.submit, seconds_an_epoch, build, seconds, False),
            }
            numbers |= {f"{name}: {what}": number for what, number in in_company(trainings, rounds).items()}
    return numbers


def in_company(trainings: dict[str, Callable], rounds: int) -> Numbers:
    """Each training alone, beside a busy process, and twice at once, where the slower one counts."""
    found = defaultdict(list)
    for _ in range(1 + rounds):
        for name, start in trainings.items():
            found[name, "two at once"].append(max(one.result() for one in [start(), start()]))
            found[name, "alone"].append(start().result())
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            try:
                found[name, "beside a busy process"].append(start().result())
            finally:
                busy.kill()
                busy.wait()
    found = {key: seconds[1:] for key, seconds in found.items()}  # a first round warms up
    chosen, everything = trainings
    numbers = {
        f"{name}, {company} (s an epoch)": statistics.median(seconds)
        for (name, company), seconds in sorted(found.items())
    }
    numbers["alone, chosen ÷ all threads"] = ratio(found[chosen, "alone"], found[everything, "alone"])
    for company in ("beside a busy process", "two at once"):
        numbers[f"{company} ÷ alone"] = ratio(found[chosen, company], found[chosen, "alone"])
    return numbers


def seconds_an_epoch(build: Callable[[], models.VAE], seconds: float, choose: bool) -> float:
    """Train for so many seconds → seconds that 1,000 circles take. Without `choose`, on all threads."""
    objective, train, steps = losses.vae_objective(), data.circles(1000), 0
    start = time.perf_counter()

    def timed_objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        nonlocal steps
        if steps and time.perf_counter() - start > seconds:
            raise TimeIsUp
        steps += 1
        return objective(model, x)

    never_fewer = patch(
        "course_lib.training.threads_for_free_cores", lambda *_: contextlib.nullcontext(lambda: None)
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(TimeIsUp))
        if not choose:
            stack.enter_context(all_threads())
            stack.enter_context(never_fewer)
        fit(build(), timed_objective, train, epochs=10**6, device="cpu", progress=False)
    return (time.perf_counter() - start) / steps * 1000 / BATCH


def train_as_the_page() -> None:
    """The training of the playground's own settings: VAE 784-128-128-1 and back, 30 epochs."""
    fit(dense_vae(128), losses.vae_objective(), data.circles(1000), epochs=30, progress=False)


# ── Time to quality ──────────────────────────────────────────────────────────────────────────────


class GoodEnough(Exception):
    """Ends a training that has reached the quality asked for."""


def time_to_quality(seeds: list[int], device: str = "cpu") -> Numbers:
    """Seconds until the convolutional VAE has learned the radius, by recipe; the recipes take turns."""
    found: dict[str, list[float]] = {name: [] for name in RECIPES}
    for seed in seeds:
        for name, recipe in RECIPES.items():
            found[name].append(seconds_to_quality(recipe, seed, device))
    numbers: Numbers = {}
    for name, seconds in found.items():
        reached = [s for s in seconds if s < float("inf")]
        recipe = ", ".join(f"{key} {value}" for key, value in RECIPES[name].items())
        if reached:
            numbers[f"{name} ({recipe}): seconds"] = statistics.median(reached)
        numbers[f"{name}: seeds that get there, of {len(seeds)}"] = len(reached)
    both = [pair for pair in zip(found["article"], found["best"], strict=True) if max(pair) < float("inf")]
    if both:  # a recipe that fails for a seed is not compared there
        numbers["article ÷ best"] = ratio(*map(list, zip(*both, strict=True)))
    return numbers


def seconds_to_quality(recipe: dict, seed: int, device: str) -> float:
    """Seconds of training until an epoch ends with a good model, inf when none does. Judging is free."""
    torch.manual_seed(seed)
    model = convolutional_vae(recipe["filters"])
    train, held_out = data.circles(1000, seed=1000 + seed), data.circles(500, seed=2000 + seed)
    objective, judging, start = losses.vae_objective(), 0.0, time.perf_counter()

    def judged_objective(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        nonlocal judging
        if not model.training:  # fit validates once an epoch, on the one image below
            before = time.perf_counter()
            if is_good(model, held_out, device):
                raise GoodEnough(before - start - judging)
            judging += time.perf_counter() - before
        return objective(model, x)

    settings = {key: value for key, value in recipe.items() if key not in ("filters", "blurred_epochs")}
    settings |= {"device": device, "seed": seed, "progress": False}
    if "blurred_epochs" in recipe:
        wide_lines = gaussian_blur(train.images, kernel_size=13, sigma=3)
        first = settings | {"epochs": recipe["blurred_epochs"]}
        fit(model, losses.vae_objective(3), wide_lines, **first)
    try:
        fit(model, judged_objective, train, validation=held_out.images[:1], **settings)
    except GoodEnough as done:
        return done.args[0]
    return float("inf")


@torch.no_grad()
def is_good(model: models.VAE, held_out: data.Circles, device: str) -> bool:
    """At most 12 % of the variance unexplained, and codes in the order of the radii."""
    batches = [[part.cpu() for part in model(x.to(device))] for x in held_out.images.split(100)]
    x_hat, mu, _ = (torch.cat(parts) for parts in zip(*batches, strict=True))
    order = spearmanr(mu[:, 0], held_out.radii).statistic
    return losses.unexplained_variance(x_hat, held_out.images) <= 0.12 and abs(order) >= 0.99


# ── Storing ──────────────────────────────────────────────────────────────────────────────────────


def store(folder: Path, section: str, numbers: Numbers, device: str = "cpu") -> None:
    """Put the numbers of one section among the others, and render the report anew."""
    file = folder / "speed.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    rounded = {name: float(f"{number:.4g}") for name, number in numbers.items()}
    write_json(file, {**known, section: {"machine": machine(device), "numbers": rounded}})
    for name, number in rounded.items():
        print(f"  {name}: {number:g}", flush=True)
    report(folder)


def report(folder: Path) -> None:
    """speed.md from speed.json and notebooks.json, as far as they are there."""
    stored = []
    for name in ("speed.json", "notebooks.json"):
        file = folder / name
        stored.append(json.loads(file.read_text(encoding="utf-8")) if file.exists() else {})
    (folder / "speed.md").write_text(render(*stored), encoding="utf-8", newline="\n")


def write_json(file: Path, content: dict) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8", newline="\n")


# ── The sections ─────────────────────────────────────────────────────────────────────────────────


def on_gpu(folder: Path, section: str, measure: Callable[[], Numbers]) -> None:
    """Measure when there is a GPU; what was measured on one elsewhere stays."""
    if torch.cuda.is_available():
        store(folder, section, measure(), "cuda")
    else:
        print("  There is no GPU here.")


SECTIONS = {
    "training": lambda o: store(o.output, "training", training()),
    "overhead": lambda o: store(o.output, "overhead", overhead()),
    "threads": lambda o: store(o.output, "threads", threads()),
    "time_to_quality": lambda o: store(o.output, "time_to_quality", time_to_quality(o.seeds)),
    "training_gpu": lambda o: on_gpu(o.output, "training_gpu", lambda: training("cuda")),
    "time_to_quality_gpu": lambda o: on_gpu(
        o.output, "time_to_quality_gpu", lambda: time_to_quality(o.seeds, "cuda")
    ),
    **{way: lambda o, way=way: measure_notebooks(o.output, way, o.notebooks, report) for way in WAYS},
    "commands": lambda o: store(o.output, "commands", commands()),
    "playground": lambda o: store(o.output, "playground", playground(train_as_the_page)),
}


if __name__ == "__main__":
    sys.exit(main())
