"""What chapter 8 shows of long trainings is stored as it was found. No test trains them whole."""

import pytest
import torch

from benchmarks import chapter_8

FOUND = {"spearman", "unexplained", "over_floor"}


def test_what_was_stored_is_read_back_and_is_python(tmp_path):
    file = tmp_path / "stored.py"
    found = chapter_8.published(7, epochs=1)
    chapter_8.store(file, "published", 7, found)
    assert chapter_8.read(file)["published"] == {"seeds": {"7": found["numbers"]}, "shown": found["shown"]}
    text = file.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 110
    space = {}
    exec(text, space)
    assert space["STORED"].lstrip().startswith("{")
    assert set(found["numbers"]) == {"reconstruction", "kl", *FOUND}
    assert found["numbers"]["kl"] == found["shown"]["history"]["kl"][-1]


def test_seeds_and_parts_are_kept_and_the_lowest_seed_is_shown(tmp_path):
    file = tmp_path / "stored.py"
    chapter_8.store(file, "controls", 5, {"numbers": {"dense": {"spearman": 0.5}}})
    for seed in (3, 12, 1):
        chapter_8.store(file, "published", seed, {"numbers": {"kl": seed}, "shown": {"seed": seed}})
    chapter_8.store(file, "controls", 5, {"numbers": {"other": {"spearman": 1.0}}})
    stored = chapter_8.read(file)
    assert list(stored["published"]["seeds"]) == ["1", "3", "12"]
    assert stored["published"]["shown"] == {"seed": 1}
    assert set(stored["controls"]["seeds"]["5"]) == {"dense", "other"}, "a control is measured again alone"


def test_long_lines_are_broken_where_names_survive(tmp_path):
    numbers = {f"network {i}, one-sided and blurred first": {"spearman": -0.5} for i in range(30)}
    chapter_8.store(tmp_path / "stored.py", "controls", 0, {"numbers": numbers})
    assert chapter_8.read(tmp_path / "stored.py")["controls"]["seeds"]["0"] == numbers


def test_controls_differ_in_what_they_are_called_for(monkeypatch):
    seen = {}

    def train(vae, images, seed, epochs, *, first):
        seen[len(seen)] = vae, images, first

    monkeypatch.setattr(chapter_8, "train_small", train)
    names = tuple(chapter_8.CONTROLS)
    assert set(chapter_8.controls(0)["numbers"]) == set(names)
    vaes, images, firsts = (
        dict(zip(names, values, strict=True)) for values in zip(*seen.values(), strict=True)
    )
    sigmoids = {name: isinstance(vae.decoder[-1], torch.nn.Sigmoid) for name, vae in vaes.items()}
    assert [name for name in names if sigmoids[name]] == [
        "dense, with a sigmoid",
        "convolutional encoder, dense decoder with a sigmoid",
        "dense encoder, convolutional decoder",
        "convolutional",
        "convolutional, pixels shuffled",
        "convolutional, blurred first",
    ]
    assert {name: first for name, first in firsts.items() if first} == {
        "dense, two stages, both sharp": "sharp",
        "dense, blurred first": "blurred",
        "convolutional, blurred first": "blurred",
    }
    assert torch.equal(
        images["convolutional, pixels shuffled"], images["convolutional, shuffled, without the sigmoid"]
    )
    plain, shuffled = images["convolutional"], images["convolutional, pixels shuffled"]
    assert not torch.equal(plain, shuffled)
    assert torch.equal(plain.flatten(1).sort().values, shuffled.flatten(1).sort().values)
    for name in ("convolutional, pixels shuffled", "convolutional, blurred first"):
        pairs = zip(vaes[name].parameters(), vaes["convolutional"].parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs), "the same weights to begin with"


@pytest.mark.parametrize(
    ("first", "same_images"), [(None, [True]), ("sharp", [True, True]), ("blurred", [False, True])]
)
def test_all_controls_get_as_many_epochs(monkeypatch, first, same_images):
    images, seen, epochs = torch.ones(2, 1, 28, 28).tril(), [], []

    def fit(vae, objective, given, **settings):
        seen.append(torch.equal(given, images))
        epochs.append(settings["epochs"])

    monkeypatch.setattr(chapter_8, "fit", fit)
    chapter_8.train_small(None, images, 0, (2, 7), first=first)
    assert sum(epochs) == 9
    assert seen == same_images
