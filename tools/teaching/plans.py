"""`teaching/plans.yml` → plans.md. The minutes of sections and exercises are looked up, never typed again."""

import math
from dataclasses import dataclass, field
from functools import cache

import yaml

from tools.teaching.chapters import TEACHING, chapters, exercises, link, minutes, needs, sections, title
from tools.teaching.questions import by_id

VOTE = 5  # minutes of a concept test: read and vote 1, talk 2, vote again and say why 2
HOMEWORK = "homework"
INTRODUCTION = """\
# Plans

{plans}

**Where the minutes come from.** Sections take the minutes that somebody needs who reads them for the first
time: 200 words a minute, 7 seconds a line of visible code, 30 seconds a figure. They are counted in the
chapters, not measured in a room. Exercises take the minutes stated beside them, a concept test {vote}
minutes: vote, talk, vote. What is left of the time stands in each table as *slack*. Keep it; the room will
need it.

**Ways.** *live*: you run the cells, the room predicts first. *pairs*: two learners at one computer. *vote*: a
[concept test](concept_tests.md). *alone*: each for themselves. *homework*: before the next meeting.

**Without a network.** Once the course is installed, no plan needs one. Bring a memory stick with the folder
of the course and the book in it (`dist/site`, made by `make site`): the book opens on any computer without
an installation, the playground too. Bring the [sheets](concept_tests_sheets.md) on paper. More is in the
[guide](guide.md#when-something-fails).

Written by `python -m tools.teaching` from `teaching/plans.yml`.
"""
BUILDS_ON = """\
## When you leave out a chapter

Each chapter runs by itself, for it imports what the others build. What it *explains* builds on others:

| chapter | minutes | builds on chapters |
|---|---|---|
"""


@dataclass(frozen=True)
class Item:
    """A line of a plan: sections of a chapter, an exercise, a concept test, or something else to do."""

    way: str = ""
    chapter: int | None = None
    begin: str | None = None  # the first section, None: the opening
    end: str | None = None  # the last section, None: the end
    exercise: str = ""
    vote: str = ""
    do: str = ""
    minutes_given: int = 0
    aim: str = ""
    instead: str = ""

    @property
    def sections(self) -> list[str]:
        """The headings that it covers, "" for the opening; KeyError names one that is not there."""
        if self.chapter is None:
            return []
        known = list(sections(self.chapter))
        for heading in (self.begin, self.end):
            if heading is not None and heading not in known:
                raise KeyError(f"chapter {self.chapter} has no section “{heading}”")
        first = 0 if self.begin is None else known.index(self.begin)
        last = len(known) - 1 if self.end is None else known.index(self.end)
        return known[first : last + 1]

    @property
    def minutes(self) -> int:
        """How long it takes."""
        if self.chapter is not None:
            if self.begin is None and self.end is None:
                return minutes(self.chapter)
            return math.ceil(sum(sections(self.chapter)[heading] for heading in self.sections))
        if self.exercise:
            return exercises()[self.exercise][1]
        return VOTE if self.vote else self.minutes_given

    @property
    def what(self) -> str:
        """What to do, with links."""
        if self.exercise:
            address = link(int(self.exercise.split(".")[0]), "exercises")
            return f"Exercise [{self.exercise} {exercises()[self.exercise][0]}]({address})"
        if self.vote:
            question = by_id()[self.vote]
            return f"Concept test [{question.id} {question.title}]({question.link})"
        if self.chapter is None:
            return self.do
        name = f"[Chapter {self.chapter}]({link(self.chapter)})"
        if self.begin is None and self.end is None:
            return f"{name}, all of it"
        if self.begin == self.end:
            return f"{name}: “{self.begin}”"
        start = f"“{self.begin}”" if self.begin else "its opening"
        return f"{name}: from {start} " + (f"to the end of “{self.end}”" if self.end else "to its end")


@dataclass(frozen=True)
class Part:
    """One meeting: its items in order, those done at home among them."""

    title: str
    minutes: int
    items: list[Item]

    @property
    def in_class(self) -> int:
        """The minutes of all that is done in the room."""
        return sum(item.minutes for item in self.items if item.way != HOMEWORK)

    @property
    def at_home(self) -> int:
        """The minutes of the homework."""
        return sum(item.minutes for item in self.items if item.way == HOMEWORK)

    @property
    def slack(self) -> int:
        """The minutes that are left."""
        return self.minutes - self.in_class


@dataclass(frozen=True)
class Plan:
    """A course of some length; `late` is what to give up, in this order."""

    title: str
    summary: str
    aims: list[str]
    before: str
    parts: list[Part]
    late: list[Item] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """All items in order."""
        return [item for part in self.parts for item in part.items]

    @property
    def chapters(self) -> set[int]:
        """The numbers of the chapters that it takes up."""
        return {item.chapter for item in self.items if item.chapter is not None}

    @property
    def sections(self) -> set[tuple[int, str]]:
        """The sections that it takes up: (chapter, heading)."""
        return {(item.chapter, heading) for item in self.items for heading in item.sections}


@cache
def plans() -> list[Plan]:
    """The plans, the shortest first."""
    return [as_plan(entry) for entry in yaml.safe_load((TEACHING / "plans.yml").read_text("utf-8"))]


def as_plan(entry: dict) -> Plan:
    """A plan from what stands in the file."""
    parts = [
        Part(**{**part, "items": [as_item(**item) for item in part["items"]]}) for part in entry["parts"]
    ]
    return Plan(**{**entry, "parts": parts, "late": [as_item(**item) for item in entry["late"]]})


def as_item(section: str | None = None, minutes: int = 0, **entry: object) -> Item:
    """An item from its entry: `section` is short for `begin` and `end`, a vote is its own way."""
    if section is not None:
        entry |= {"begin": section, "end": section}
    way = {"way": "vote"} if "vote" in entry else {}
    return Item(**{**way, **entry}, minutes_given=minutes)


def page() -> str:
    """All plans as Markdown."""
    listed = "\n".join(f"- [{plan.title}](#{anchor(plan.title)}): {plan.summary}" for plan in plans())
    parts = [INTRODUCTION.format(plans=listed, vote=VOTE), *map(as_markdown, plans())]
    rows = [
        f"| [{title(n)}]({link(n)}) | {minutes(n)} | {', '.join(map(str, needs(n))) or 'nothing'} |\n"
        for n in chapters()
    ]
    return "\n".join([*parts, BUILDS_ON + "".join(rows)])


def anchor(heading: str) -> str:
    """The address of a heading on its page."""
    return heading.lower().replace(" ", "-")


def as_markdown(plan: Plan) -> str:
    """One plan: aims, a table for each meeting, and what to give up."""
    aims = "\n".join(f"- {aim}" for aim in plan.aims)
    given_up = "\n".join(
        f"{n}. {item.what} ({item.minutes} minutes). {item.instead}"
        for n, item in enumerate(plan.late, start=1)
    )
    tables = "\n".join(map(table, plan.parts))
    return (
        f"## {plan.title}\n\n{plan.summary}\n\nAfterwards learners can\n\n{aims}\n\n"
        f"**Before.** {plan.before.strip()}\n\n"
        f"{tables}\n**When you are late**, give up, in this order:\n\n{given_up}\n"
    )


def table(part: Part) -> str:
    """One meeting as a table; the clock starts at 0:00."""
    rows, clock = [], 0
    for item in (item for item in part.items if item.way != HOMEWORK):
        rows.append(f"| {time(clock)} | {item.minutes} | {item.what} | {item.way} | {item.aim} |")
        clock += item.minutes
    rows.append(f"| {time(clock)} | {part.slack} | *slack* | | |")
    rows += [
        f"| home | {item.minutes} | {item.what} | {HOMEWORK} | {item.aim} |"
        for item in part.items
        if item.way == HOMEWORK
    ]
    home = f", and {part.at_home} at home" if part.at_home else ""
    head = f"### {part.title}\n\n{part.minutes} minutes{home}.\n\n"
    return head + "| clock | min | what | way | aim |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"


def time(minutes: int) -> str:
    """90 → 1:30."""
    return f"{minutes // 60}:{minutes % 60:02}"
