"""The plans: what they name is there, in an order that can be taught, and the minutes fit."""

import re
from collections import Counter

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.minutes import section_minutes
from tools.notebooks import ROOT, read
from tools.teaching import concept_tests, plans
from tools.teaching.chapters import chapters, exercises, minutes, needs, sections
from tools.teaching.plans import HOMEWORK, VOTE, as_item

PLANS = {plan.title: plan for plan in plans.plans()}
PARTS = [part for plan in PLANS.values() for part in plan.parts]
QUESTIONS = {question.id: question for questions in concept_tests().values() for question in questions}
every_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
every_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.title)


def taken(plan):
    """What sections of its chapters a plan covers, and how often."""
    return Counter((item.chapter, heading) for item in plan.items for heading in item.sections)


def test_there_are_four_of_the_lengths_that_were_asked_for():
    lengths = {title: [part.minutes for part in plan.parts] for title, plan in PLANS.items()}
    assert lengths == {
        "90 minutes": [90],
        "Half a day": [203],
        "A day": [180, 180],
        "Eight weeks": [90] * 8,
    }


def test_the_half_day_has_chapters_0_2_4_two_exercises_each_and_six_concept_tests():
    plan = PLANS["Half a day"]
    assert plan.chapters == {0, 2, 4}
    assert Counter(item.exercise[0] for item in plan.items if item.exercise) == {"2": 2, "4": 2}
    assert sum(bool(item.vote) for item in plan.items) == 6
    covered = {heading for chapter, heading in taken(plan) if chapter in (2, 4)}
    closing = {"Recap", "Questions", "Try it yourself", "References"}
    assert {h for n in (2, 4) for h in sections(n)} - covered - closing == set()


def test_the_eight_weeks_take_up_every_chapter_up_to_the_digits_and_end_with_an_outlook():
    assert PLANS["Eight weeks"].chapters == {*range(10), 12}


@every_plan
def test_all_sections_exercises_and_concept_tests_are_there(plan):
    for item in [*plan.items, *plan.late]:
        assert item.minutes > 0, item  # raises KeyError for what is not there
        assert not item.exercise or item.exercise in exercises()
        assert not item.vote or item.vote in QUESTIONS
        assert item.chapter is None or item.sections, item
        assert item.what


@every_plan
def test_an_item_has_a_way_and_a_chapter_an_aim(plan):
    for item in plan.items:
        assert item.way in ("live", "pairs", "alone", "vote", HOMEWORK) or item.do == "Break"
        assert item.aim or item.chapter is None


@every_plan
def test_nothing_is_taught_or_asked_twice(plan):
    assert [what for what, times in taken(plan).items() if times > 1 and not at_home_too(plan, *what)] == []
    asked = Counter(item.vote or item.exercise for item in plan.items if item.vote or item.exercise)
    assert max(asked.values()) == 1


def at_home_too(plan, chapter, heading):
    """Whether a section is read at home once and looked at again in the room once."""
    ways = [i.way == HOMEWORK for i in plan.items if i.chapter == chapter and heading in i.sections]
    return sorted(ways) == [False, True]


@every_plan
def test_a_concept_test_comes_after_its_section_and_an_exercise_after_its_chapter_has_begun(plan):
    seen = set()
    for item in plan.items:
        seen |= {(item.chapter, heading) for heading in item.sections}
        if item.vote:
            question = QUESTIONS[item.vote]
            assert (question.chapter, question.after) in seen, item.vote
        if item.exercise:
            assert int(item.exercise.split(".")[0]) in {chapter for chapter, _ in seen}, item.exercise


@every_part
def test_the_minutes_add_up_and_leave_slack(part):
    total = 0
    for item in part.items:
        if item.way == HOMEWORK:
            continue
        if item.chapter is not None:
            exact = sum(sections(item.chapter)[heading] for heading in item.sections)
            assert exact <= item.minutes < exact + 1
        total += item.minutes
    assert total + part.slack == part.minutes
    assert 0.05 <= part.slack / part.minutes <= 0.3, f"{part.slack} minutes of slack"


@every_part
def test_a_break_comes_within_100_minutes_and_homework_takes_at_most_two_hours(part):
    stretch = 0
    for item in part.items:
        if item.do == "Break":
            stretch = 0
        elif item.way != HOMEWORK:
            stretch += item.minutes
            assert stretch <= 100, item
    assert part.at_home <= 120


@every_plan
def test_what_is_given_up_when_late_is_in_the_plan_and_is_worth_it(plan):
    planned = taken(plan)
    for item in plan.late:
        assert item.instead
        assert not item.exercise or item.exercise in {i.exercise for i in plan.items}
        assert not item.vote or item.vote in {i.vote for i in plan.items}
        assert all((item.chapter, heading) in planned for heading in item.sections)
    assert sum(item.minutes for item in plan.late) >= 0.08 * sum(part.minutes for part in plan.parts)


def test_the_page_shows_every_minute():
    text = plans.page()
    for plan in PLANS.values():
        shown = text.split(f"\n## {plan.title}\n")[1].split("\n## ")[0]
        rows = [int(n) for n in re.findall(r"^\| \d:\d\d \| (\d+) \|", shown, re.MULTILINE)]
        assert sum(rows) == sum(part.minutes for part in plan.parts)


def test_a_section_that_is_gone_is_named():
    with pytest.raises(KeyError, match="chapter 2 has no section “Rabbits”"):
        _ = as_item(chapter=2, begin="Rabbits").minutes
    with pytest.raises(KeyError):
        _ = as_item(exercise="2.99").minutes


def test_an_item_is_read_as_it_is_written():
    assert as_item(vote="2a").way == "vote"
    assert as_item(vote="2a").minutes == VOTE
    assert as_item(do="Break", minutes=15).minutes == 15
    assert as_item(chapter=2, section="Holes").sections == ["Holes"]
    assert as_item(chapter=2, end="The encoder").sections == ["", "The encoder"]
    assert as_item(chapter=2).sections == list(sections(2))


def test_the_minutes_of_sections_are_those_of_their_cells():
    picture = new_output("display_data", {"image/png": "AAAA"})
    cells = [
        new_markdown_cell("word " * 200),
        new_markdown_cell("word " * 100 + "\n\n## First\n" + "word " * 199 + "\n## Second\n" + "word " * 399),
        new_code_cell("x = 1\n\n" * 60, outputs=[picture] * 2),
        new_code_cell("y = 1\n" * 99, metadata={"tags": ["figure"]}, outputs=[picture]),
    ]
    expected = {"": 1.5, "First": 1.0, "Second": 2.0 + 7.0 + 1.5}
    assert section_minutes(new_notebook(cells=cells)) == pytest.approx(expected)


@pytest.mark.parametrize("number", chapters())
def test_the_sections_of_a_chapter_make_up_its_minutes(number):
    assert minutes(number) == round(sum(sections(number).values()))


def test_what_a_chapter_builds_on_is_read_from_its_opening():
    assert needs(2) == [1]
    assert needs(4) == [1, 2]
    assert needs(7) == [4, 6]
    assert needs(8) == [1, 2, 4, 6, 7]


@pytest.mark.parametrize("number", [n for n in chapters() if n])
def test_a_chapter_builds_on_earlier_ones(number):
    assert needs(number)
    assert all(n < number for n in needs(number))


@pytest.mark.parametrize("path", sorted((ROOT / "exercises").glob("[0-9]*")), ids=lambda path: path.stem)
def test_every_exercise_has_its_minutes(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    assert set(re.findall(r"^## (\d+\.\d+)", text, re.MULTILINE)) == {
        number for number in exercises() if int(number.split(".")[0]) == int(path.name[:2])
    }
