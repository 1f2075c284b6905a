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
    """Images (N, 28, 28) from 0 to 255 and labels (N,) of one split, downloaded to `root` if need be.

    The two files of that split are enough, gzipped or not, in MNIST/raw under `root` or in `root` itself.
    Raises Unavailable.
    """
    part = "train" if train else "t10k"
    names = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
    state = f"not in {root}"
    try:
        if files := _find(root, names):
            return _read(*files)
    except Exception as error:  # damaged files fail in many ways
        state = f"damaged in {root} ({_short(error)})"
    try:
        _download(root, names)
        return _read(*_find(root, names))
    except Exception as error:  # and so does a download
        raise Unavailable(f"{state}, and {_short(error)}") from None


def _raw(root: Path) -> Path:
    """Where torchvision puts the files."""
    return root / "MNIST" / "raw"


def _find(root: Path, names: list[str]) -> list[Path]:
    """Where each of these files lies, gzipped or not; nothing when one is missing."""
    places = [[folder / file for folder in (_raw(root), root) for file in (n, f"{n}.gz")] for n in names]
    found = [next((file for file in files if file.is_file()), None) for files in places]
    return [] if None in found else found


def _read(images_file: Path, labels_file: Path) -> tuple[Tensor, Tensor]:
    from torchvision.datasets.mnist import read_image_file, read_label_file  # it takes a second to import

    with tempfile.TemporaryDirectory() as folder:
        images = read_image_file(_unpacked(images_file, folder))
        labels = read_label_file(_unpacked(labels_file, folder))
    if images.shape != (len(labels), 28, 28) or len(labels) == 0 or int(labels.max()) > 9:
        raise ValueError(f"images {tuple(images.shape)} and labels {tuple(labels.shape)} do not fit")
    return images, labels


def _unpacked(file: Path, folder: str) -> str:
    """The file itself or, of an archive with torchvision's checksum, what it holds, put in `folder`."""
    if file.suffix != ".gz":
        return str(file)
    from torchvision.datasets import MNIST
    from torchvision.datasets.utils import check_md5, extract_archive

    if not check_md5(str(file), dict(MNIST.resources)[file.name]):
        raise ValueError(f"the checksum of {file.name} is wrong")
    return str(extract_archive(str(file), folder))


def _download(root: Path, names: list[str]) -> None:
    """Put these files where torchvision does, all of them or none: they are fetched and checked elsewhere."""
    from torchvision.datasets import MNIST

    if not _one_answers([mirror + MNIST.resources[-1][0] for mirror in MNIST.mirrors]):
        raise ConnectionError("no mirror of it can be reached")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mnist-", dir=root) as folder, ExitStack() as afterwards:
        afterwards.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        socket.setdefaulttimeout(PATIENCE)  # for a connection that falls silent
        afterwards.enter_context(redirect_stdout(io.StringIO()))  # older versions tell of every file

        class Split(MNIST):  # fetches what its list names
            resources = tuple(each for each in MNIST.resources if each[0].removesuffix(".gz") in names)
            raw_folder = folder

        Split(folder, train=names[0].startswith("train"), download=True)
        _raw(root).mkdir(parents=True, exist_ok=True)
        for name in names:
            os.replace(Path(folder, name), _raw(root) / name)


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
