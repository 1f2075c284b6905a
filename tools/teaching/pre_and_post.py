"""`teaching/pre_and_post.yml` → pre_test.md and post_test.md, and keys.md to all that is asked."""

from dataclasses import dataclass

import yaml

from tools.teaching.chapters import TEACHING, title
from tools.teaching.plans import Plan, plans
from tools.teaching.questions import by_id, concept_tests

OPENING = {
    "pre": """\
# Before the course

Ten minutes, no name, no mark. You are not expected to know the answers. They tell where the course should
begin. Tick one answer to each question. “I do not know yet” is a good answer; a guess helps nobody.
""",
    "post": """\
# After the course

Ten minutes, no name, no mark. Tick one answer to each question. “I do not know yet” is still a good answer.
""",
}
CODE = "The first two letters of your street, and the last two digits of your telephone number: ____ ____\n"
KEYS = """\
# Keys

The numbers of the right answers, to lay beside sheets. The reasons, and what to say to each wrong answer, are
folded in the [concept tests](concept_tests.md).

Written by `python -m tools.teaching`.

## Concept tests

| chapter | a | b | c | d | e |
|---|---|---|---|---|---|
"""
PAIRS = """
## Pre-test and post-test

Each row is one idea, asked twice with different questions. The choice is in `pre_and_post.yml`.

| | idea | taught in | [before](pre_test.md) | right | [after](post_test.md) | right | why they are a pair |
|---|---|---|---|---|---|---|---|
"""
ADVICE = """
**Same difficulty.** The two questions of a pair ask for one idea; whether they are equally hard has not been
measured. So give half of the room the post-test first and the pre-test last: a harder question is then as
often before as after.

**Your plan.** Ask only what it teaches; strike out the rest before you copy the sheets. And leave out the
votes that the second sheet asks again, or it shows who remembers the answer:

{asked}

**Reading the answers.** Count the right answers to each question, before and after, and “I do not know yet”
apart. Among thirty learners, three or four right answers more can be chance. Look at ideas, not at
learners: an idea that most miss afterwards needs its section again, and its concept test says what to ask.
The code on the sheet joins a learner's two sheets without a name.
"""


@dataclass(frozen=True)
class Pair:
    """One idea, asked before and after with two concept tests; `needs` are the chapters that teach it."""

    idea: str
    pre: str
    post: str
    why: str
    needs: tuple[int, ...]


def pairs() -> list[Pair]:
    """The pairs, in the order of the sheets."""
    entries = yaml.safe_load((TEACHING / "pre_and_post.yml").read_text("utf-8"))
    return [Pair(**{**entry, "needs": tuple(entry["needs"])}) for entry in entries]


def paper(when: str) -> str:
    """The sheet for `when`, "pre" or "post", without answers."""
    parts = [OPENING[when], CODE]
    for number, pair in enumerate(pairs(), start=1):
        question = by_id()[getattr(pair, when)]
        parts.append(f"## Question {number}\n\n{question.as_markdown()}5. I do not know yet.\n")
    return "\n".join(parts)


def keys() -> str:
    """The right answers of the concept tests and of both sheets."""
    rows = [
        f"| {title(int(chapter[:2]))} | {' | '.join(str(question.right) for question in questions)} |"
        for chapter, questions in concept_tests().items()
    ]
    table, found = [], by_id()
    for number, pair in enumerate(pairs(), start=1):
        before, after = found[pair.pre], found[pair.post]
        taught = ", ".join(map(str, pair.needs))
        table.append(
            f"| {number} | {pair.idea} | {taught} | {pair.pre} | {before.right} "
            f"| {pair.post} | {after.right} | {pair.why} |"
        )
    asked = "\n".join(f"- {plan.title}: {listed(plan)}" for plan in plans())
    return KEYS + "\n".join(rows) + "\n" + PAIRS + "\n".join(table) + "\n" + ADVICE.format(asked=asked)


def listed(plan: Plan) -> str:
    """The numbers of the pairs that a plan teaches, and the votes that would give the second answer away."""
    asked = {number: pair for number, pair in enumerate(pairs(), start=1) if teaches(plan, pair)}
    if not asked:
        return "none, it is too short"
    votes = sorted({item.vote for item in plan.items} & {pair.post for pair in asked.values()})
    leave_out = f"; no votes {', '.join(votes)}" if votes else ""
    return f"questions {', '.join(map(str, asked))}{leave_out}"


def teaches(plan: Plan, pair: Pair) -> bool:
    """Whether a plan takes up the chapters of a pair and the sections that its questions are about."""
    asked = [by_id()[name] for name in (pair.pre, pair.post)]
    about = {(question.chapter, question.after) for question in asked if question.chapter in pair.needs}
    return set(pair.needs) <= plan.chapters and about <= plan.sections
