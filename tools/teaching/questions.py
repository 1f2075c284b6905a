"""`teaching/concept_tests/*.yml` → concept_tests.md, the answers folded, and sheets to print without them."""

import re
from dataclasses import dataclass
from functools import cache

from tools.teaching.chapters import link, title, written

INTRODUCTION = """\
# Concept tests

Five questions a chapter. Show one, let everybody vote in silence (a hand with one to four fingers will do),
let neighbours who disagree talk for two minutes, and vote again. The talk is worth its time when between a
third and two thirds of the first votes are right; with fewer, explain first, and with more, go on. Each wrong
answer stands for a misconception: the folded text says which, and what to say.

On paper: [sheets without answers](concept_tests_sheets.md), and the [key](keys.md).

Written by `python -m tools.teaching` from `teaching/concept_tests/`.
"""
SHEETS = """\
# Concept tests to print

A sheet a chapter, without answers, to hand out or to vote from. Print the pages that you need; each chapter
begins a new one where the printer knows page breaks. The right answers are in the [key](keys.md), the reasons
behind them in the [concept tests](concept_tests.md).

Written by `python -m tools.teaching` from `teaching/concept_tests/`.
"""
PAGE_BREAK = '<div style="break-before: page"></div>\n'
TICKS = "□ 1 □ 2 □ 3 □ 4"


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

    @property
    def chapter(self) -> int:
        """The number of its chapter."""
        return int(self.id[:-1])

    @property
    def right(self) -> int:
        """The number of the right option, from 1 on."""
        return 1 + [bool(option.right) for option in self.options].index(True)

    @property
    def link(self) -> str:
        """Where it stands, as seen from teaching/."""
        words = re.sub(r"[^\w\- ]", "", f"{self.id} {self.title}".lower())
        return f"concept_tests.md#{words.replace(' ', '-')}"

    def as_markdown(self) -> str:
        """What learners see: the question, and its options numbered."""
        options = "\n".join(f"{n}. {option.text}" for n, option in enumerate(self.options, start=1))
        return f"{self.ask.strip()}\n\n{options}\n"


@cache
def concept_tests() -> dict[str, list[Question]]:
    """The questions of each chapter, by the name of its notebook."""
    return {
        chapter: [
            Question(**{**entry, "options": tuple(Option(**option) for option in entry["options"])})
            for entry in entries
        ]
        for chapter, entries in written("concept_tests").items()
    }


def by_id() -> dict[str, Question]:
    """All questions, by their ids."""
    return {question.id: question for questions in concept_tests().values() for question in questions}


def page() -> str:
    """All questions as Markdown, the answers folded."""
    parts = [INTRODUCTION]
    for chapter, questions in concept_tests().items():
        number = int(chapter[:2])
        parts.append(f"## [{title(number)}]({link(number)})\n")
        parts += map(with_answers, questions)
    return "\n".join(parts)


def with_answers(question: Question) -> str:
    """One question, and the answers folded below."""
    answers = "\n".join(
        f"- **{n}** is right. {o.right}" if o.right else f"- {n}: *{o.misconception}* {o.say}"
        for n, o in enumerate(question.options, start=1)
    )
    return (
        f"### {question.id} {question.title}\n\n*After “{question.after}”*\n\n{question.as_markdown()}\n"
        f"<details><summary>What to say</summary>\n\n{answers}\n\n</details>\n"
    )


def sheets() -> str:
    """All questions as Markdown without answers, a page a chapter, with room for two votes."""
    parts = [SHEETS]
    for chapter, questions in concept_tests().items():
        parts += [PAGE_BREAK, f"## {title(int(chapter[:2]))}\n"]
        for question in questions:
            parts += [f"**{question.id} {question.title}.** {question.as_markdown()}"]
            parts += [f"First vote: {TICKS} · After talking: {TICKS}\n"]
    return "\n".join(parts)
