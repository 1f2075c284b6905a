"""MNIST's files, read where they lie or fetched first: torchvision's format, mirrors and checksums."""

import io
import os
import queue
import socket
import tempfile
import textwrap
import threading
import urllib.request
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

from torch import Tensor

PATIENCE = 4.0  # seconds that a mirror gets to answer, and a transfer to go on


class Unavailable(Exception):
    """Why there is no MNIST, as the end of a sentence."""


def load(root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 28, 28) from 0 to 255 and labels (N,) from `root`, downloaded to it if need be.

    Raises Unavailable.
    """
    raw = root / "MNIST" / "raw"
    try:
        return _read(root, train)
    except Exception as error:  # files that are missing or damaged fail in many ways
        there = len(list(raw.glob("*-ubyte"))) == 4
        state = f"damaged in {root} ({_short(error)})" if there else f"not in {root}"
    try:
        _download(root, raw)
        return _read(root, train)
    except Exception as error:  # and so does a download
        raise Unavailable(f"{state}, and {_short(error)}") from None


def _read(root: Path, train: bool) -> tuple[Tensor, Tensor]:
    from torchvision.datasets import MNIST  # here, because it takes a second that only digits need

    mnist = MNIST(root, train=train)
    images, labels = mnist.data, mnist.targets.long()
    if images.shape != (len(labels), 28, 28) or len(labels) == 0 or int(labels.max()) > 9:
        raise ValueError(f"images {tuple(images.shape)} and labels {tuple(labels.shape)} do not fit")
    return images, labels


def _download(root: Path, raw: Path) -> None:
    """Put MNIST's four files in `raw`, all of them or none: they are fetched and checked elsewhere."""
    from torchvision.datasets import MNIST

    if not _one_answers([mirror + MNIST.resources[-1][0] for mirror in MNIST.mirrors]):
        raise ConnectionError("no mirror of it can be reached")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mnist-", dir=root) as folder, ExitStack() as afterwards:
        afterwards.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        socket.setdefaulttimeout(PATIENCE)  # for a connection that falls silent
        afterwards.enter_context(redirect_stdout(io.StringIO()))  # older versions tell of every file
        MNIST(folder, download=True)
        raw.mkdir(parents=True, exist_ok=True)
        for file in Path(folder).rglob("*-ubyte"):
            os.replace(file, raw / file.name)


def _one_answers(urls: list[str]) -> bool:
    """Whether one of `urls` answers soon: each in a thread, for looking up a name knows no timeout."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            head = urllib.request.Request(url, method="HEAD")
            answers.put(urllib.request.urlopen(head, timeout=PATIENCE).status == 200)
        except Exception:  # whatever it is, this mirror is no help
            answers.put(False)

    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    try:
        return any(answers.get(timeout=PATIENCE) for _ in urls)
    except queue.Empty:
        return False


def _short(error: Exception) -> str:
    """An error in one line; torch's reasons can be long."""
    return textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" …")
