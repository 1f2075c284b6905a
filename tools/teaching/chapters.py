"""What plans and questions point at: the chapters, their sections and minutes, and the exercises."""

import re
from functools import cache
from pathlib import Path

import yaml

from tools.minutes import honest_minutes, section_minutes
from tools.notebooks import ROOT, read

TEACHING = ROOT / "teaching"
EXERCISE = re.compile(r"^## (\d+\.\d+) (.+)\n+\*.*?(\d+) minutes\*", re.MULTILINE)


@cache
def chapters() -> dict[int, Path]:
    """The chapters by their numbers."""
    return {int(path.name[:2]): path for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}


def written(folder: str) -> dict[str, list[dict]]:
    """What the .yml files of a folder of teaching/ hold, for the chapters that are there, by name."""
    paths = [TEACHING / folder / f"{path.stem}.yml" for path in chapters().values()]
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in paths if path.exists()}


@cache
def opening(number: int) -> str:
    """The first cell of a chapter: its title, aims, minutes, and what to have read."""
    return read(chapters()[number]).cells[0].source


def title(number: int) -> str:
    """The title of a chapter, its number first."""
    return re.search(r"^# (.*)", opening(number), re.MULTILINE)[1]


@cache
def sections(number: int) -> dict[str, float]:
    """The honest minutes of a chapter's sections by their headings, in order; "" is its opening."""
    return section_minutes(read(chapters()[number]))


def headings(chapter: str) -> list[str]:
    """The headings of the sections of a chapter, named by its notebook."""
    return [heading for heading in sections(int(chapter[:2])) if heading]


@cache
def minutes(number: int) -> int:
    """The honest minutes of a chapter."""
    return honest_minutes(read(chapters()[number]))


def needs(number: int) -> list[int]:
    """The chapters that a chapter's opening asks to have read."""
    before = re.search(r"efore[^:\n]*:(.*)", opening(number), re.DOTALL)
    text = re.sub(r"\[(\d+)\]\([^)]*\)", r"\1", before[1] if before else "")
    text = " ".join(re.sub(r"\([^)]*\)", "", text).split())
    listed = re.search(r"chapters? (\d+(?:(?: ?,| and| ?, and) \d+)*)", text)
    return [int(n) for n in re.findall(r"\d+", listed[1])] if listed else []


@cache
def exercises() -> dict[str, tuple[str, int]]:
    """The title and the stated minutes of every exercise by its number, such as 2.1."""
    found = {}
    for path in sorted((ROOT / "exercises").glob("[0-9][0-9]_*.ipynb")):
        text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        found |= {number: (name, int(stated)) for number, name, stated in EXERCISE.findall(text)}
    return found


def link(number: int, folder: str = "notebooks") -> str:
    """The address of a chapter, or of its exercises, as seen from teaching/."""
    return f"../{folder}/{chapters()[number].name}"
