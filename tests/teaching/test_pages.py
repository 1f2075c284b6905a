"""The pages that are made are up to date, and every link of teaching/ leads somewhere."""

import re
from collections import Counter

import pytest

from tools.notebooks import ROOT
from tools.teaching import TEACHING
from tools.teaching.__main__ import pages
from tools.teaching.chapters import chapters

LINK = re.compile(r"\]\(([^)\s]+)\)")
BY_HAND = sorted(TEACHING.glob("*.md"))


def anchors(path):
    """The addresses of a page's headings, as GitHub makes them."""
    seen, found = Counter(), set()
    for heading in re.findall(r"^#+ (.*)", path.read_text("utf-8"), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_the_pages_are_written(path):
    assert path.read_text(encoding="utf-8") == pages()[path], "run `python -m tools.teaching`"


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_to_a_heading(path):
    for address in LINK.findall(path.read_text("utf-8")):
        if address.startswith("https://"):
            continue
        name, _, heading = address.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), address
        assert target.is_relative_to(ROOT)
        assert not heading or heading in anchors(target), address


@pytest.mark.parametrize("folder", ["concept_tests", "misconceptions"])
def test_every_file_belongs_to_a_chapter_and_every_chapter_but_the_first_has_one(folder):
    there = {path.stem for path in (TEACHING / folder).glob("*.yml")}
    assert there == {path.stem for number, path in chapters().items() if number}


def test_the_door_names_all_that_lies_behind_it():
    door = set(LINK.findall((TEACHING / "README.md").read_text("utf-8")))
    pages_there = {p.name for p in TEACHING.glob("*.md")} - {"README.md"}
    folders = {p.parent.name for p in TEACHING.glob("*/README.md")}
    linked = {address.partition("#")[0] for address in door}
    assert pages_there <= linked
    assert all(any(address.startswith(f"{folder}/") for address in linked) for folder in folders)


def test_the_guide_links_to_every_page():
    linked = {a.partition("#")[0] for a in LINK.findall((TEACHING / "guide.md").read_text("utf-8"))}
    assert {p.name for p in TEACHING.glob("*.md")} - {"guide.md"} <= linked
