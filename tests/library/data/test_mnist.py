"""MNIST's files where they lie, a download, and scikit-learn's digits when both fail."""

import gzip
import hashlib
import http.server
import socket
import struct
import threading

import numpy as np
import pytest
from torchvision.datasets import MNIST

from course_lib import data
from course_lib.data import mnist


def idx_files():
    """MNIST's four files in small, byte by byte after the format's description: name → content."""
    random = np.random.RandomState(0)
    for part, n in (("train", 30), ("t10k", 12)):
        pixels, labels = random.bytes(n * 28 * 28), bytes(random.randint(0, 10, n, dtype=np.uint8))
        yield f"{part}-images-idx3-ubyte", struct.pack(">IIII", 0x803, n, 28, 28) + pixels
        yield f"{part}-labels-idx1-ubyte", struct.pack(">II", 0x801, n) + labels


FILES = dict(idx_files())
ARCHIVES = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}
RESOURCES = [(name, hashlib.md5(content).hexdigest()) for name, content in ARCHIVES.items()]


def put(root, files):
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)


def names_in(root):
    return sorted(file.name for file in root.rglob("*") if file.is_file())


def check(digits, part="train"):
    pixels = np.rint(digits.images.numpy() * 255).astype(np.uint8)
    assert pixels.tobytes() == FILES[f"{part}-images-idx3-ubyte"][16:]
    assert bytes(digits.labels.tolist()) == FILES[f"{part}-labels-idx1-ubyte"][8:]


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])  # where nobody listens


@pytest.fixture
def mirror(monkeypatch, tmp_path_factory):
    """The folder that a mirror on this computer serves; an archive of 0 bytes never comes to its end."""
    folder, over = tmp_path_factory.mktemp("mirror"), threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def send_header(self, name, value):
            super().send_header(name, "9" if (name, value) == ("Content-Length", "0") else value)

        def copyfile(self, source, target):
            target.write(source.read() or over.wait() or b"")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setattr(MNIST, "resources", RESOURCES)
        monkeypatch.setattr(mnist, "PATIENCE", 0.5)
        for name, content in ARCHIVES.items():
            (folder / name).write_bytes(content)
        yield folder
        over.set()
        server.shutdown()


@pytest.mark.parametrize(
    ("root", "named", "read"), [(None, "", "data"), (None, "named", "named"), ("given", "named", "given")]
)
def test_reads_where_the_data_lie_and_says_so(root, named, read, tmp_path, no_network, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", named)
    put(tmp_path / read, FILES)
    check(data.digits(root, split="test"), "t10k")
    assert capsys.readouterr().out == f"Digits: 12 images of MNIST (test), from {read}.\n"


@pytest.mark.parametrize("folder", ["MNIST/raw", "."])
@pytest.mark.parametrize("files", [FILES, ARCHIVES], ids=["plain", "gzipped"])
@pytest.mark.parametrize(("split", "part", "n"), [("train", "train", 30), ("test", "t10k", 12)])
def test_the_two_files_of_a_split_are_enough(
    split, part, n, files, folder, tmp_path, no_network, monkeypatch, capsys
):
    monkeypatch.setattr(MNIST, "resources", RESOURCES)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in (name for name in files if part in name):
        (tmp_path / folder / name).write_bytes(files[name])
    before = names_in(tmp_path)
    check(data.digits(tmp_path, split=split), part)
    assert capsys.readouterr().out == f"Digits: {n} images of MNIST ({split}), from …/{tmp_path.name}.\n"
    assert names_in(tmp_path) == before  # unpacked elsewhere: this folder may be read-only
    other = {"train": "test", "test": "train"}[split]
    with pytest.raises(FileNotFoundError, match=r"MNIST is not in .*, and no mirror"):
        data.digits(tmp_path, split=other, source="mnist")


def test_an_archive_with_another_checksum_is_damaged(tmp_path, no_network, monkeypatch, capsys):
    monkeypatch.setattr(MNIST, "resources", RESOURCES)
    images = "train-images-idx3-ubyte.gz"
    put(tmp_path, ARCHIVES | {images: gzip.compress(FILES[images[:-3]][:-1] + b"!")})
    assert len(data.digits(tmp_path)) == 1400
    assert f"MNIST is damaged in {tmp_path} (the checksum of {images} is wrong)" in capsys.readouterr().out


def test_without_files_and_network_there_is_one_line_or_one_error(tmp_path, no_network, capsys):
    root = tmp_path / "nothing"
    assert len(data.digits(root)) == 1400
    reason = f"MNIST is not in {root}, and no mirror of it can be reached."
    assert capsys.readouterr().out.endswith(f"scikit-learn's (train), resized to 28 × 28. {reason}\n")
    with pytest.raises(FileNotFoundError) as caught:
        data.digits(root, source="mnist")
    assert str(caught.value) == reason
    assert caught.value.__suppress_context__  # no chain of other errors above it
    assert not root.exists()


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("images-idx3", lambda content: b""),
        ("images-idx3", lambda content: content[:4000]),
        ("labels-idx1", lambda content: struct.pack(">II", 0x801, 7) + bytes(7)),  # too few
        ("labels-idx1", lambda content: content[:-1] + bytes([10])),
    ],
)
def test_a_damaged_file_is_said_and_survived(tmp_path, no_network, capsys, kind, damage):
    name = f"train-{kind}-ubyte"
    put(tmp_path, FILES | {name: damage(FILES[name])})
    assert len(data.digits(tmp_path)) == 1400
    assert f"MNIST is damaged in {tmp_path}" in capsys.readouterr().out


@pytest.mark.parametrize("there", [{}, FILES | {"train-labels-idx1-ubyte": b""}], ids=["new", "damaged"])
def test_downloads_a_split_once_and_replaces_damaged_files(tmp_path, mirror, there):
    root, before = tmp_path / "new" / "folder", socket.getdefaulttimeout()
    put(root, there)
    check(data.digits(root))
    assert names_in(root) == sorted({name for name in FILES if "train" in name} | set(there))
    check(data.digits(root, split="test"), "t10k")
    assert names_in(root) == sorted(FILES)
    assert socket.getdefaulttimeout() == before  # that of other connections is left alone
    for archive in mirror.iterdir():
        archive.unlink()
    check(data.digits(root))
    check(data.digits(root, split="test"), "t10k")


@pytest.mark.parametrize("trouble", [b"<html>", b"", None], ids=repr)
def test_a_download_that_fails_leaves_nothing_behind(tmp_path, mirror, capsys, trouble):
    first = mirror / RESOURCES[0][0]
    first.unlink() if trouble is None else first.write_bytes(trouble)
    assert len(data.digits(tmp_path)) == 1400
    assert capsys.readouterr().out.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    first.write_bytes(ARCHIVES[first.name])
    check(data.digits(tmp_path))


def test_a_mirror_that_never_answers_does_not_hold_us_up(tmp_path, monkeypatch):
    """Without a timeout this test would not end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address, address])
        monkeypatch.setattr(mnist, "PATIENCE", 0.3)
        assert len(data.digits(tmp_path)) == 1400
