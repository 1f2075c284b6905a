"""The guide: its commands are those that `nox -s guide` runs, and its Python runs here."""

import re

import pytest
from PIL import Image

from tests.teaching import guide
from tools.notebooks import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PLAIN = {  # what the Makefile fills in → what the guide writes
    "$(PY)": "python",
    '"$(NB)"': "02",
    '"$(FROM)"': "solutions/02_vanilla_autoencoder.ipynb",
}


def test_every_command_has_an_answer_that_is_tested():
    assert guide.commands()
    assert set(guide.commands()) == set(guide.SAYS)


def test_a_command_in_a_sentence_is_one_of_them_or_what_make_runs():
    recipes = MAKEFILE
    for variable, written in PLAIN.items():
        recipes = recipes.replace(variable, written)
    made = {line.split(" $(")[0].strip() for line in recipes.splitlines() if line.startswith("\t")}
    said = {command for command in guide.inline() if "tools/install.py" not in command}  # see below
    assert said - set(guide.commands()) <= made


def test_without_make_the_same_packages_are_installed():
    readme = (ROOT / "README.md").read_text("utf-8")
    without_make = re.findall(r'tools/install\.py -e "\.\[(.*?)\]"', readme + guide.TEXT)
    by_make = re.findall(r"tools/install\.py .*-e '\.\[(.*?)\]'", MAKEFILE)
    assert set(",".join(without_make).split(",")) == set(",".join(by_make).split(","))


@pytest.mark.parametrize("command", [c for c in guide.SAYS if c.startswith("make")])
def test_make_knows_it(command):
    assert re.search(rf"^{command.split()[1]}:", MAKEFILE, re.MULTILINE)


def test_its_autoencoder_trains_on_the_images_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_images").mkdir()
    for number in range(12):
        Image.new("RGB", (40 + number, 30), (20 * number, 200, 90)).save(f"my_images/{number}.png")
    (code,) = guide.blocks("python")
    names = {}
    exec(code, names)
    losses = names["history"]["loss"]
    assert len(losses) == 10
    assert losses[-1] < losses[0]


def test_it_is_one_page():
    assert len(re.findall(r"\w+", guide.TEXT)) <= 1400
