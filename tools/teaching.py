"""Read what teachers use, and write the pages of it that people read: `python -m tools.teaching`.

`teaching/concept_tests/*.yml` become `teaching/concept_tests.md`, the answers folded;
`teaching/misconceptions/*.yml` become `teaching/misconceptions.md`, with what the checks say.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from course_lib import checks
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


MISCONCEPTIONS = """\
# Misconceptions

What learners write, chosen from the mistakes that the checks of the exercises know: what you hear, what the
check says, what to ask, and what to show. A question does more than the answer, so ask first.

Written by `python -m tools.teaching` from `teaching/misconceptions/`.
"""


@dataclass(frozen=True)
class Misconception:
    """A mistake that a check knows, `function.name`, and what a teacher does about it."""

    mistake: str
    hear: str
    ask: str
    show: str

    @property
    def message(self) -> str:
        """What the check says; the facts that it fills in are left out."""
        function, name = self.mistake.split(".")
        message = getattr(checks, f"check_{function}").mistakes[name].message
        return re.sub(r"\{[^}]*\}", "…", message)


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


def misconceptions() -> dict[str, list[Misconception]]:
    """The misconceptions of each chapter, by the name of its notebook."""
    paths = sorted((TEACHING / "misconceptions").glob("*.yml"))
    return {p.stem: [Misconception(**entry) for entry in yaml.safe_load(p.read_text("utf-8"))] for p in paths}


def misconceptions_page() -> str:
    """All misconceptions as Markdown."""
    parts = [MISCONCEPTIONS]
    for chapter, found in misconceptions().items():
        parts.append(f"## [{title(chapter)}](../notebooks/{chapter}.ipynb)\n")
        for m in found:
            parts.append(
                f"### {m.hear}\n\n- **The check says** (`{m.mistake}`): {m.message}\n- **Ask:** {m.ask}\n"
                f"- **Show:** “{m.show}”\n"
            )
    return "\n".join(parts)


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
    return {
        TEACHING / "concept_tests.md": concept_tests_page(),
        TEACHING / "misconceptions.md": misconceptions_page(),
    }


if __name__ == "__main__":
    sys.exit(main())
