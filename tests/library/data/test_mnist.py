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


def idx_files(seed=0):
    """MNIST's four files in small, byte by byte after the format's description: name → content."""
    random = np.random.RandomState(seed)
    files = {}
    for part, n in (("train", 30), ("t10k", 12)):
        pixels, labels = random.bytes(n * 28 * 28), bytes(random.randint(0, 10, n, dtype=np.uint8))
        files[f"{part}-images-idx3-ubyte"] = struct.pack(">IIII", 0x803, n, 28, 28) + pixels
        files[f"{part}-labels-idx1-ubyte"] = struct.pack(">II", 0x801, n) + labels
    return files


def put(root, files):
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)


def same(digits, files, part="train"):
    """The bytes of one part are these digits."""
    pixels = np.rint(digits.images.numpy() * 255).astype(np.uint8)
    assert pixels.tobytes() == files[f"{part}-images-idx3-ubyte"][16:]
    assert bytes(digits.labels.tolist()) == files[f"{part}-labels-idx1-ubyte"][8:]


@pytest.fixture
def no_network(monkeypatch):
    """No name is found and no connection is made."""

    def refuse(*arguments, **named):
        raise OSError("the test closed the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def mirror(monkeypatch):
    """A mirror of this test's own on this computer: a dict of what it serves, name → bytes.

    With `served["stop after"]` it sends so many bytes, says no more, and keeps the line open.
    """
    served, over = {}, threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200 if self.path[1:] in served else 404)
            self.end_headers()

        def do_GET(self):
            content = served[self.path[1:]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: served.get("stop after", len(content))])
            self.wfile.flush()
            if "stop after" in served:
                over.wait()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(mnist, "PATIENCE", 0.5)
    yield served
    over.set()
    server.shutdown()
    server.server_close()


def serve(monkeypatch, served, files):
    """Put archives of `files` on the mirror, and their checksums where torchvision looks for them."""
    archives = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in archives.items()]
    monkeypatch.setattr(MNIST, "resources", resources)
    served.update(archives)
    return archives


def test_reads_mnists_own_files_and_says_so(tmp_path, no_network, capsys):
    files = idx_files()
    put(tmp_path, files)
    same(data.digits(str(tmp_path), source="mnist"), files, "train")
    capsys.readouterr()
    same(data.digits(tmp_path, split="test"), files, "t10k")
    assert capsys.readouterr().out == f"Digits: 12 images of MNIST (test), from {tmp_path}.\n"


def test_looks_where_the_course_data_lie(tmp_path, no_network, monkeypatch):
    here, named, given = idx_files(1), idx_files(2), idx_files(3)
    for folder, files in (("data", here), ("named", named), ("given", given)):
        put(tmp_path / folder, files)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    same(data.digits(), here)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "named"))
    same(data.digits(), named)
    same(data.digits(tmp_path / "given"), given)


def test_without_files_and_network_it_takes_scikit_learns_and_says_so(tmp_path, no_network, capsys):
    assert len(data.digits(tmp_path / "nothing")) == 1400
    (line,) = capsys.readouterr().out.splitlines()
    assert "1,400 images of scikit-learn's (train)" in line
    assert "MNIST is not in" in line
    assert "no mirror of it can be reached" in line
    assert not (tmp_path / "nothing").exists()


def test_who_wants_mnist_alone_gets_a_sentence(tmp_path, no_network):
    with pytest.raises(FileNotFoundError, match="no mirror of it can be reached") as caught:
        data.digits(tmp_path, source="mnist")
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__  # no chain of other errors above it


@pytest.mark.parametrize("damage", ["empty", "without pixels", "cut off", "too few labels", "a label of 10"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_damaged_file_is_said_and_survived(tmp_path, no_network, capsys, split, damage):
    files, part = idx_files(), "train" if split == "train" else "t10k"
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    damaged = {
        "empty": {images: b""},
        "without pixels": {images: files[images][:10]},
        "cut off": {images: files[images][:4000]},
        "too few labels": {labels: struct.pack(">II", 0x801, 7) + bytes(7)},
        "a label of 10": {labels: files[labels][:-1] + bytes([10])},
    }
    put(tmp_path, files | damaged[damage])
    assert len(data.digits(tmp_path, split=split)) == (1400 if split == "train" else 397)
    assert "MNIST is damaged in" in capsys.readouterr().out
    put(tmp_path, files)
    same(data.digits(tmp_path), files)


@pytest.mark.parametrize("damaged", [False, True])
def test_downloads_once_and_replaces_damaged_files(tmp_path, monkeypatch, mirror, damaged):
    files, root, before = idx_files(4), tmp_path / "new" / "folder", socket.getdefaulttimeout()
    serve(monkeypatch, mirror, files)
    if damaged:
        put(root, files | {"train-labels-idx1-ubyte": b""})
    same(data.digits(root), files)
    assert sorted(f.name for f in root.rglob("*") if f.is_file()) == sorted(files)
    assert socket.getdefaulttimeout() == before  # that of other connections is left alone
    mirror.clear()
    same(data.digits(root, split="test"), files, "t10k")


@pytest.mark.parametrize("trouble", ["wrong bytes", "stops in the middle", "one file is not there"])
def test_a_download_that_fails_leaves_nothing_behind(tmp_path, monkeypatch, mirror, capsys, trouble):
    files = idx_files(6)
    archives = serve(monkeypatch, mirror, files)
    first = next(iter(archives))
    if trouble == "wrong bytes":
        mirror[first] = b"<html>please log in</html>"
    elif trouble == "stops in the middle":
        mirror["stop after"] = 100
    else:
        del mirror[first]
    assert len(data.digits(tmp_path)) == 1400
    (line,) = capsys.readouterr().out.splitlines()
    assert "scikit-learn" in line
    assert list(tmp_path.iterdir()) == []
    mirror.pop("stop after", None)
    mirror.update(archives)
    same(data.digits(tmp_path), files)


def test_archives_that_lie_there_need_no_network(tmp_path, monkeypatch, no_network):
    files = idx_files(7)
    put(tmp_path, serve(monkeypatch, {}, files))
    same(data.digits(tmp_path), files)


def test_a_mirror_that_never_answers_does_not_hold_us_up(tmp_path, monkeypatch):
    """Without a timeout this test would not end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address, address])
        monkeypatch.setattr(mnist, "PATIENCE", 0.3)
        assert len(data.digits(tmp_path)) == 1400
