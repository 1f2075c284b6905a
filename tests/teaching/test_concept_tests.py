"""The concept tests: complete, balanced, in step with the chapters, and right where they compute."""

import math
import re
from collections import Counter

import numpy as np
import pytest
import torch

from tools import teaching
from tools.teaching.questions import sheets

TESTS = teaching.concept_tests()
QUESTIONS = [question for questions in TESTS.values() for question in questions]
NUMBER = re.compile(r"-?\d*\.?\d+(?:e-?\d+)?")


@pytest.mark.parametrize("chapter", TESTS)
def test_a_chapter_has_five_questions_after_its_sections(chapter):
    assert len(TESTS[chapter]) == 5
    sections = teaching.headings(chapter)
    assert [q.after for q in TESTS[chapter] if q.after not in sections] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_has_four_options_and_each_wrong_one_its_misconception(question):
    assert len(question.options) == 4
    assert [bool(option.right) for option in question.options].count(True) == 1
    for option in question.options:
        assert bool(option.right) != bool(option.misconception and option.say), option.text
    assert len({option.text for option in question.options}) == 4


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_right_option_is_not_the_longest_by_far(question):
    right = next(option for option in question.options if option.right)
    others = [len(option.text) for option in question.options if option is not right]
    assert len(right.text) <= 1.6 * max(others), "its length gives it away"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_numbers_are_recomputed(question):
    for option in question.options:
        if not option.value:
            continue
        values = eval(option.value, {"math": math, "np": np, "torch": torch})
        values = values if isinstance(values, tuple) else (values,)
        for value, shown in zip(values, option.shows.split(), strict=True):
            told = f"{option.text} {option.right}".replace(",", "").replace("−", "-")
            said = [number.rstrip(".") for number in NUMBER.findall(told)]
            assert shown in said, f"{shown} is not in the text"
            decimals = len(shown.partition(".")[2])
            assert float(shown) == pytest.approx(float(value), abs=0.5000001 * 10.0**-decimals)


def test_the_place_of_the_right_option_is_balanced():
    places = Counter([bool(o.right) for o in question.options].index(True) for question in QUESTIONS)
    assert max(places.values()) - min(places.get(n, 0) for n in range(4)) <= max(2, len(QUESTIONS) // 8)


def test_ids_are_the_chapters_and_in_order():
    for chapter, questions in TESTS.items():
        expected = [f"{int(chapter[:2])}{letter}" for letter in "abcde"]
        assert [question.id for question in questions] == expected


def test_the_sheets_hold_every_question_and_no_answer():
    text = sheets()
    for question in QUESTIONS:
        assert question.as_markdown() in text
        for option in question.options:
            assert not option.right or option.right not in text
            assert not option.say or option.say not in text
