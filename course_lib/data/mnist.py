"""MNIST's files, read where they lie or fetched first: torchvision's format, mirrors and checksums."""

import io
import os
import queue
import socket
import tempfile
import textwrap
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from torch import Tensor

PATIENCE = 4.0  # seconds that a mirror gets to answer, and a transfer to go on


class Unavailable(Exception):
    """Why there is no MNIST, as the end of a sentence."""


def load(root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 28, 28) from 0 to 255 and labels (N,) from `root`, downloaded to it if need be.

    Raises Unavailable.
    """
    try:
        return read(root, train=train)
    except Exception as error:  # files that are missing or damaged fail in many ways
        raw = root / "MNIST" / "raw"
        state = f"damaged in {root} ({_short(error)})" if _is_complete(raw) else f"not in {root}"
    try:
        download(root)
        return read(root, train=train)
    except Exception as error:  # and so does a download
        raise Unavailable(f"{state}, and {_short(error)}") from None


def read(root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 28, 28) from 0 to 255 and labels (N,), from files as torchvision lays them out."""
    from torchvision.datasets import MNIST  # here, because it takes a second that only digits need

    mnist = MNIST(root, train=train)
    images, labels = mnist.data, mnist.targets.long()
    if images.shape != (len(labels), 28, 28) or len(labels) == 0 or int(labels.max()) > 9:
        raise ValueError(f"images {tuple(images.shape)} and labels {tuple(labels.shape)} do not fit")
    return images, labels


def download(root: Path) -> None:
    """Put MNIST's four files under `root`, all of them whole or none at all.

    They are fetched, checked and unpacked in a folder of their own, so that an interrupted download
    leaves nothing behind. Archives that lie there already need no network.
    """
    from torchvision.datasets import MNIST
    from torchvision.datasets.utils import check_integrity

    raw = root / "MNIST" / "raw"
    here = [name for name, md5 in MNIST.resources if check_integrity(str(raw / name), md5)]
    missing = [name for name, _ in MNIST.resources if name not in here]
    if missing:
        _require_an_answer([mirror + missing[-1] for mirror in MNIST.mirrors])
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mnist-", dir=root) as folder, _short_timeout():
        workshop = Path(folder) / "MNIST" / "raw"
        workshop.mkdir(parents=True)
        for name in here:
            os.link(raw / name, workshop / name)
        with redirect_stdout(io.StringIO()):  # older versions tell of every file
            MNIST(folder, download=True)
        raw.mkdir(parents=True, exist_ok=True)
        for name, _ in MNIST.resources:
            file = name.removesuffix(".gz")
            os.replace(workshop / file, raw / file)


def _is_complete(raw: Path) -> bool:
    return all(
        (raw / f"{part}-{kind}-ubyte").is_file()
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    )


def _require_an_answer(urls: Sequence[str]) -> None:
    """Raise ConnectionError unless one of `urls` answers soon.

    Each is asked in a thread of its own: looking up a name knows no timeout.
    """
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):
                answers.put(True)
        except Exception:  # whatever it is, this mirror is no help
            answers.put(False)

    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    try:
        answered = any(answers.get(timeout=PATIENCE) for _ in urls)
    except queue.Empty:
        answered = False
    if not answered:
        raise ConnectionError("no mirror of it can be reached")


@contextmanager
def _short_timeout() -> Iterator[None]:
    """Inside, a connection that stays silent fails after PATIENCE."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _short(error: Exception) -> str:
    """An error in one line; torch's reasons can be long."""
    return textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" …")
