"""Handwritten digits: MNIST's files where they lie, a download, and scikit-learn's digits when both fail."""

import gzip
import hashlib
import http.server
import socket
import struct
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset
from torchvision.datasets import MNIST

from course_lib import data, mnist

COUNTS = {"train": 30, "t10k": 12}


def idx_files(seed=0):
    """MNIST's four files in small, byte by byte after the format's description: name → content."""
    random = np.random.RandomState(seed)
    files = {}
    for part, n in COUNTS.items():
        pixels = random.randint(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = random.randint(0, 10, n, dtype=np.uint8)
        files[f"{part}-images-idx3-ubyte"] = struct.pack(">IIII", 0x803, n, 28, 28) + pixels.tobytes()
        files[f"{part}-labels-idx1-ubyte"] = struct.pack(">II", 0x801, n) + labels.tobytes()
    return files


def put(root, files):
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)
    return raw


def expected(files, part):
    """What the bytes of one part mean: (pixels (N, 28, 28) as integers, labels (N,))."""
    pixels = np.frombuffer(files[f"{part}-images-idx3-ubyte"][16:], np.uint8).reshape(-1, 28, 28)
    return pixels, np.frombuffer(files[f"{part}-labels-idx1-ubyte"][8:], np.uint8)


def same(digits, files, part="train"):
    pixels, labels = expected(files, part)
    np.testing.assert_allclose(digits.images[:, 0].numpy(), pixels / 255, atol=1e-7)
    np.testing.assert_array_equal(digits.labels.numpy(), labels)


@pytest.fixture
def no_network(monkeypatch):
    """No name is found and no connection is made."""

    def refuse(*arguments, **named):
        raise OSError("the test closed the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def mirror(monkeypatch):
    """A mirror of this test's own on this computer: a dict of what it serves, name → bytes or a delay."""
    served = {}

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
                time.sleep(3)  # says no more, and keeps the line open

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
    server.shutdown()
    server.server_close()


def serve(monkeypatch, served, files):
    """Put archives of `files` on the mirror, and their checksums where torchvision looks for them."""
    archives = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in archives.items()]
    monkeypatch.setattr(MNIST, "resources", resources)
    served.update(archives)
    return archives


def test_reads_mnists_own_files(tmp_path, no_network):
    files = idx_files()
    put(tmp_path, files)
    same(data.digits(tmp_path), files, "train")
    same(data.digits(tmp_path, split="test"), files, "t10k")
    same(data.digits(str(tmp_path), source="mnist"), files, "train")


def test_a_dataset_of_pairs(tmp_path, no_network):
    put(tmp_path, idx_files())
    for digits in (data.digits(tmp_path), data.digits(source="sklearn")):
        assert isinstance(digits, TensorDataset)
        assert digits.images.shape == (len(digits), 1, 28, 28)
        assert (digits.images.dtype, digits.labels.dtype) == (torch.float32, torch.int64)
        image, label = digits[5]
        assert torch.equal(image, digits.images[5])
        assert label.shape == ()
        assert label == digits.labels[5]


def test_says_in_one_line_which_it_took(tmp_path, no_network, capsys):
    put(tmp_path, idx_files())
    data.digits(tmp_path, split="test")
    data.digits(source="sklearn")
    first, second = capsys.readouterr().out.splitlines()
    assert "12 images of MNIST (test)" in first
    assert str(tmp_path) in first
    assert "1,400 images of scikit-learn's (train)" in second


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
    start = time.monotonic()
    digits = data.digits(tmp_path / "nothing")
    assert time.monotonic() - start < 2
    assert len(digits) == 1400
    (line,) = capsys.readouterr().out.splitlines()
    assert "scikit-learn" in line
    assert "MNIST is not in" in line
    assert "no mirror of it can be reached" in line
    assert not (tmp_path / "nothing").exists()


def test_who_wants_mnist_alone_gets_a_sentence(tmp_path, no_network):
    with pytest.raises(FileNotFoundError, match="no mirror of it can be reached") as caught:
        data.digits(tmp_path, source="mnist")
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__  # no chain of other errors above it


@pytest.mark.parametrize("keep", [0, 10, 4000])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_a_damaged_file_is_said_and_survived(tmp_path, no_network, capsys, part, keep):
    files = idx_files()
    name = f"{part}-images-idx3-ubyte"
    raw = put(tmp_path, files | {name: files[name][:keep]})
    digits = data.digits(tmp_path, split="train" if part == "train" else "test")
    assert len(digits) == (1400 if part == "train" else 397)
    assert "MNIST is damaged in" in capsys.readouterr().out
    (raw / name).write_bytes(files[name])
    same(data.digits(tmp_path), files)


def test_images_without_their_labels_are_damaged(tmp_path, no_network, capsys):
    files = idx_files()
    short = struct.pack(">II", 0x801, 7) + bytes(7)
    put(tmp_path, files | {"train-labels-idx1-ubyte": short})
    assert len(data.digits(tmp_path)) == 1400
    assert "damaged" in capsys.readouterr().out


def test_downloads_once(tmp_path, monkeypatch, mirror):
    files = idx_files(4)
    serve(monkeypatch, mirror, files)
    root = tmp_path / "new" / "folder"
    same(data.digits(root), files)
    assert sorted(f.name for f in root.rglob("*") if f.is_file()) == sorted(files)
    mirror.clear()
    same(data.digits(root, split="test"), files, "t10k")


def test_a_download_replaces_damaged_files(tmp_path, monkeypatch, mirror):
    files = idx_files(5)
    serve(monkeypatch, mirror, files)
    put(tmp_path, files | {"t10k-labels-idx1-ubyte": b""})
    same(data.digits(tmp_path, split="test"), files, "t10k")


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
    start = time.monotonic()
    assert len(data.digits(tmp_path)) == 1400
    assert time.monotonic() - start < 10
    (line,) = capsys.readouterr().out.splitlines()
    assert "scikit-learn" in line
    assert list(tmp_path.iterdir()) == []
    mirror.pop("stop after", None)
    mirror.update(archives)
    same(data.digits(tmp_path), files)


def test_archives_that_lie_there_need_no_network(tmp_path, monkeypatch, no_network):
    files = idx_files(7)
    archives = serve(monkeypatch, {}, files)
    put(tmp_path, archives)
    same(data.digits(tmp_path), files)


def test_a_mirror_that_never_answers_does_not_hold_us_up(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address, address])
        monkeypatch.setattr(mnist, "PATIENCE", 0.3)
        start = time.monotonic()
        assert len(data.digits(tmp_path)) == 1400
        assert time.monotonic() - start < 2


def test_the_timeout_of_other_connections_is_left_alone(tmp_path, monkeypatch, mirror):
    serve(monkeypatch, mirror, idx_files())
    before = socket.getdefaulttimeout()
    data.digits(tmp_path)
    assert socket.getdefaulttimeout() == before


def test_scikit_learns_digits_keep_their_labels():
    """Each image is one of the 1,797 as Pillow enlarges it, with that one's label; all occur once."""
    source = load_digits()
    large = [
        Image.fromarray(i.astype(np.float32) / 16).resize((20, 20), Image.BILINEAR) for i in source.images
    ]
    large = torch.from_numpy(np.pad(np.stack([np.asarray(i) for i in large]), ((0, 0), (4, 4), (4, 4))))
    both = [data.digits(split=split, source="sklearn") for split in ("train", "test")]
    images = torch.cat([part.images for part in both]).flatten(1)
    labels = torch.cat([part.labels for part in both])
    distance, row = torch.cdist(images, large.flatten(1), compute_mode="donot_use_mm_for_euclid_dist").min(
        dim=1
    )
    assert distance.max() < 1e-4
    assert sorted(row.tolist()) == list(range(1797))
    assert labels.tolist() == source.target[row.numpy()].tolist()


def test_scikit_learns_digits_are_dealt_out_evenly():
    train, test = (data.digits(split=split, source="sklearn") for split in ("train", "test"))
    assert (len(train), len(test)) == (1400, 397)
    assert train.labels.bincount().min() > 120
    assert test.labels.bincount().min() > 25
    assert 0 <= train.images.min() <= train.images.max() == 1


def test_twice_the_same_and_no_generator_touched(tmp_path, no_network):
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global one is meant
    one, two = data.digits(tmp_path), data.digits(tmp_path)
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.labels, two.labels)
    assert torch.equal(torch.rand(3), wanted)
    assert np.random.randint(1000) == np.random.RandomState(0).randint(1000)  # noqa: NPY002


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"split": "valid"}, "split must be one of train, test"),
        ({"source": "web"}, "source must be one of auto"),
    ],
)
def test_unknown_words_get_a_sentence(named, message):
    with pytest.raises(ValueError, match=message):
        data.digits(**named)
