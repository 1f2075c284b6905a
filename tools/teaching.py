"""Read what teachers use, and write the pages of it that people read: `python -m tools.teaching`.

`teaching/concept_tests/*.yml` become `teaching/concept_tests.md`, the answers folded.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.notebooks import ROOT, read

TEACHING = ROOT / "teaching"
INTRODUCTION = """\
# Concept tests

Five questions a chapter. Show one, let everybody vote in silence (a hand with one to four fingers will do),
let neighbours who disagree talk for two minutes, and vote again. The talk is worth its time when between a
third and two thirds of the first votes are right; with fewer, explain first, and with more, go on. Each wrong
answer stands for a misconception: the folded text says which, and what to say.

Written by `python -m tools.teaching` from `teaching/concept_tests/`.
"""


@dataclass(frozen=True)
class Option:
    """One answer to choose: `right` says why it is right, else a misconception and what to say to it."""

    text: str
    right: str = ""
    misconception: str = ""
    say: str = ""
    value: str = ""
    shows: str = ""


@dataclass(frozen=True)
class Question:
    """A question with four options, to be asked after a section of its chapter."""

    id: str
    title: str
    after: str
    ask: str
    options: tuple[Option, ...]


def main() -> int:
    """Write every page."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"Wrote {path.relative_to(ROOT)}.")
    return 0


def concept_tests() -> dict[str, list[Question]]:
    """The questions of each chapter, by the name of its notebook."""
    found = {}
    for path in sorted((TEACHING / "concept_tests").glob("*.yml")):
        entries = yaml.safe_load(path.read_text("utf-8"))
        found[path.stem] = [
            Question(**{**entry, "options": tuple(Option(**option) for option in entry["options"])})
            for entry in entries
        ]
    return found


def concept_tests_page() -> str:
    """All questions as Markdown, the answers folded."""
    parts = [INTRODUCTION]
    for chapter, questions in concept_tests().items():
        parts.append(f"## [{title(chapter)}](../notebooks/{chapter}.ipynb)\n")
        parts += map(as_markdown, questions)
    return "\n".join(parts)


def as_markdown(question: Question) -> str:
    """One question, its options numbered, and the answers folded below."""
    options = "\n".join(f"{n}. {option.text}" for n, option in enumerate(question.options, start=1))
    answers = "\n".join(
        f"- **{n}** is right. {o.right}" if o.right else f"- {n}: *{o.misconception}* {o.say}"
        for n, o in enumerate(question.options, start=1)
    )
    return (
        f"### {question.id} {question.title}\n\n*After “{question.after}”*\n\n"
        f"{question.ask.strip()}\n\n{options}\n\n"
        f"<details><summary>What to say</summary>\n\n{answers}\n\n</details>\n"
    )


def title(chapter: str) -> str:
    """The title of a chapter."""
    opening = read(ROOT / "notebooks" / f"{chapter}.ipynb").cells[0].source
    return re.search(r"^# (.*)", opening, re.MULTILINE)[1]


def headings(chapter: str) -> list[str]:
    """The headings of the sections of a chapter."""
    cells = read(ROOT / "notebooks" / f"{chapter}.ipynb").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.findall(r"^## (.*)", text, re.MULTILINE)


def pages() -> dict[Path, str]:
    """What this module writes."""
    return {TEACHING / "concept_tests.md": concept_tests_page()}


if __name__ == "__main__":
    sys.exit(main())
