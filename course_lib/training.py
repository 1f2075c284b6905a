"""The training loop of the course: the four steps of chapter 2, and what a learner needs around them."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import Dataset, TensorDataset
from tqdm.auto import tqdm

from course_lib import _require, losses
from course_lib.losses import Objective
from course_lib.progress import progress_bar
from course_lib.runtime import pick_device, threads_for_free_cores

Terms = dict[str, Tensor]

SCHEDULES = {  # share of the steps done → share of lr
    "constant": lambda done: 1.0,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "one-cycle": lambda done: 1 - abs(2 * done - 1),
}


class History(dict):
    """Lists of one number an epoch: "loss", its terms, and "validation_…" for each of them."""

    def __str__(self) -> str:
        """The newest losses, in a few words."""
        if not self:
            return "no epoch finished"
        epoch, newest = len(self["loss"]), f"loss {self['loss'][-1]:.4g}"
        if "validation_loss" in self:
            newest += f" (validation {self['validation_loss'][-1]:.4g})"
        return f"epoch {epoch}: {newest}"


def fit(
    model: nn.Module,
    objective: Objective,
    train: Dataset,
    *,
    epochs: int,
    lr: float = 3e-4,
    batch_size: int = 32,
    schedule: str = "constant",
    validation: Dataset | None = None,
    device: torch.device | str | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place with Adam on the images of `train`, and hand it back in eval mode.

    `objective(model, x)` returns a dict of scalars with the key "loss". The work is done on `device`
    (the best there is, by default); afterwards the model lies where it lay before. `schedule` "constant"
    keeps the learning rate at `lr`, "cosine" lowers it from there to 0 along half a cosine, "one-cycle"
    raises it from 0 to `lr` and lowers it again, both evenly (Smith and Topin, 2019). `seed` fixes the
    order of the images and the noise that the model draws, and leaves the generators outside
    untouched. Interrupting keeps the model and the history of the finished epochs.

    On a CPU, PyTorch has as many threads as there are cores that no other process keeps busy, and at most
    `threads` (by default as many as it has by itself). Another number of threads adds in another order: the
    last digits of two runs with one seed can differ. With threads=1, or OMP_NUM_THREADS=1 before Python
    starts, they repeat.

    Raises ValueError for settings and images that cannot work (values above 25 are not images in [0, 1]),
    FloatingPointError for a loss that is not finite.
    """
    _require_trainable(model, objective)
    device = pick_device() if device is None else torch.device(device)
    images = as_tensor(train)
    held_out = None if validation is None else as_tensor(validation).to(device)
    _require_settings(epochs, lr, batch_size, schedule, images)
    images = images.to(device)
    home = next(model.parameters()).device
    # On a CPU, convolutions are faster when the channels of a pixel lie side by side.
    _move(model, device, torch.channels_last if device.type == "cpu" else torch.contiguous_format)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=device.type in ("cpu", "cuda"))
    history = History()
    steps = epochs * math.ceil(len(images) / batch_size)
    scheduler = LambdaLR(optimizer, lambda step: SCHEDULES[schedule](step / steps))
    with (
        _seeded(seed, device),
        progress_bar(steps, enabled=progress) as bar,
        threads_for_free_cores(device, threads) as adjust_threads,
    ):
        optimizer.register_step_post_hook(lambda *_: adjust_threads())
        try:
            for _ in range(epochs):
                log = _train_one_epoch(model, objective, images, optimizer, scheduler, batch_size, bar)
                _require_finite(log, len(history.get("loss", [])), lr)
                numbers = _average(log, len(images), batch_size)
                if held_out is not None:
                    log = _evaluate(model, objective, held_out, batch_size)
                    averages = _average(log, len(held_out), batch_size)
                    numbers |= {f"validation_{name}": value for name, value in averages.items()}
                for name, number in numbers.items():
                    history.setdefault(name, []).append(number)
                bar.set_postfix_str(str(history), refresh=False)
        except KeyboardInterrupt:
            print("Interrupted: the model and the finished epochs are kept.")
        finally:
            _move(model.eval(), home, torch.contiguous_format)
    return history


def as_tensor(dataset: Dataset) -> Tensor:
    """The images of a dataset, one tensor (N, ...): without a loop where they are one already."""
    if isinstance(dataset, Tensor):
        images = dataset
    elif isinstance(dataset, TensorDataset):
        images = dataset.tensors[0]
    else:
        _require_dataset(dataset)
        items = [dataset[i] for i in range(len(dataset))]
        images = [item[0] if isinstance(item, (tuple, list)) else item for item in items]
        _require.tensor(**{f"train[{i}]": image for i, image in enumerate(images)})
        if len(shapes := sorted({tuple(image.shape) for image in images})) > 1:
            raise ValueError(f"images must be of one shape, not {shapes[0]} and {shapes[-1]}: see data.own")
        images = torch.stack(images) if images else torch.empty(0, 0)
    if images.ndim < 2 or len(images) == 0:
        raise ValueError(f"the dataset must hold images (N, C, H, W), not be empty: {tuple(images.shape)}")
    _require.tensor(images=images)
    _require.scale(images=images)
    return images


def _move(model: nn.Module, device: torch.device, layout: torch.memory_format) -> None:
    """Put the model on the device, the weights of its convolutions in this layout."""
    model.to(device)
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.to(memory_format=layout)


def _train_one_epoch(
    model: nn.Module,
    objective: Objective,
    images: Tensor,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler,
    batch_size: int,
    bar: tqdm,
) -> list[Terms]:
    """One pass over the images in random order. Returns each step's terms, not yet waited for."""
    model.train()
    log = []
    for rows in torch.randperm(len(images), device=images.device).split(batch_size):
        terms = objective(model, images[rows])  # 1 predict, 2 measure the loss
        _require_terms(terms)
        terms["loss"].backward()  # 3 compute the gradients
        optimizer.step()  # 4 update the parameters
        optimizer.zero_grad()
        scheduler.step()
        log.append({name: value.detach() for name, value in terms.items()})
        bar.update()
    return log


@torch.no_grad()
def _evaluate(model: nn.Module, objective: Objective, images: Tensor, batch_size: int) -> list[Terms]:
    model.eval()
    return [objective(model, x) for x in images.split(batch_size)]


def _average(log: list[Terms], n: int, batch_size: int) -> dict[str, float]:
    """Mean over n images: a smaller last batch counts for as many images as it holds."""
    sizes = torch.full((len(log),), float(batch_size))
    sizes[-1] = n - batch_size * (len(log) - 1)
    return {name: float(torch.stack([terms[name] for terms in log]).cpu() @ sizes / n) for name in log[0]}


@contextmanager
def _seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """Inside, all randomness follows from `seed`; afterwards the generators are as they were."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _require_trainable(model: nn.Module, objective: Objective) -> None:
    if not isinstance(model, nn.Module) or not any(p.requires_grad for p in model.parameters()):
        raise ValueError(f"model must be a module with parameters to train, not {_require.given(model)}")
    if not callable(objective) or objective in vars(losses).values():
        raise ValueError("objective must be made by a call, such as losses.ae_objective() or vae_objective()")


def _require_dataset(dataset: Dataset) -> None:
    indexed = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    if not indexed or isinstance(dataset, (str, np.ndarray)):
        take = _require.conversion("train", dataset)
        raise ValueError(
            f"train must be a dataset or a tensor (N, C, H, W), not {_require.given(dataset)}{take}"
        )


def _require_terms(terms: Terms) -> None:
    loss = terms.get("loss") if isinstance(terms, dict) else None
    if not isinstance(loss, Tensor) or loss.ndim != 0:
        shape = f" with a loss of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else ""
        raise ValueError(
            f'objective must return a dict with one number under "loss", not {_require.given(terms)}{shape}'
        )


def _require_settings(epochs: int, lr: float, batch_size: int, schedule: str, images: Tensor) -> None:
    _require.whole(epochs=epochs, batch_size=batch_size)
    _require.positive(lr=lr)
    _require.one_of(SCHEDULES, schedule=schedule)
    if (n := len(images)) < batch_size:
        hint = f"; {tuple(images.shape)} is one image without a batch axis" if images.ndim == 3 else ""
        raise ValueError(
            f"{n} images do not fill one batch: batch_size must be at most {n}, not {batch_size}{hint}"
        )


def _require_finite(log: list[Terms], epochs_before: int, lr: float) -> None:
    """Stop with a message that names the first step and term that went wrong, and what to try."""
    names = sorted(log[0], key=lambda name: name == "loss")  # the terms first, then their sum
    values = torch.stack([torch.stack([terms[name] for name in names]) for terms in log]).cpu()
    bad = ~torch.isfinite(values)
    if not bool(bad.any()):
        return
    step = int(bad.any(dim=1).nonzero()[0])
    found = dict(zip(names, values[step].tolist(), strict=True))
    infinite = [name for name in ("kl", *names) if math.isinf(found.get(name, 0))]  # NaN follows from these
    term = infinite[0] if infinite else names[int(bad[step].nonzero()[0])]
    what = f"the term {term!r} became {found[term]}"
    advice = f"Build the model anew and try a smaller lr than {lr:g}"
    if term == "kl":
        overflow = "log_var grew until exp(log_var) overflowed, and " if found[term] > 0 else ""
        what, advice = overflow + what, f"{advice}, or clamp log_var before exp"
    elif found["loss"] == -math.inf and found.get("reconstruction") == 0:
        what = "every copy is perfect, so that the best σ is 0, and the loss became -inf"
        advice = "Take vae_objective, which is told its noise, or images that the code cannot hold whole"
    raise FloatingPointError(
        f"training stopped: {what} at step {step + 1} of epoch {epochs_before + 1}. {advice}."
    )
