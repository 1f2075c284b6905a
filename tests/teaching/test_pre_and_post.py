"""The pre-test and the post-test: pairs for one idea, no answer on the sheets, and a key that is right."""

import re
from collections import Counter

from tools.teaching import concept_tests
from tools.teaching.chapters import chapters
from tools.teaching.plans import plans
from tools.teaching.pre_and_post import keys, listed, pairs, paper

PAIRS = pairs()
QUESTIONS = {question.id: question for questions in concept_tests().values() for question in questions}


def test_every_question_is_there_and_asked_once():
    asked = [name for pair in PAIRS for name in (pair.pre, pair.post)]
    assert set(asked) <= QUESTIONS.keys()
    assert max(Counter(asked).values()) == 1


def test_a_pair_is_taught_by_chapters_that_are_there():
    for pair in PAIRS:
        assert set(pair.needs) <= chapters().keys()
        assert pair.idea
        assert pair.why


def test_both_sheets_have_all_questions_in_the_order_of_the_pairs_and_no_answer():
    for when in ("pre", "post"):
        sheet = paper(when)
        places = [sheet.index(QUESTIONS[getattr(pair, when)].ask.strip()) for pair in PAIRS]
        assert places == sorted(places)
        assert len(re.findall(r"^5\. I do not know yet\.$", sheet, re.MULTILINE)) == len(PAIRS)
        for pair in PAIRS:
            for option in QUESTIONS[getattr(pair, when)].options:
                assert not option.right or option.right not in sheet


def test_the_place_of_the_right_answer_says_nothing():
    for when in ("pre", "post"):
        places = Counter(QUESTIONS[getattr(pair, when)].right for pair in PAIRS)
        assert len(places) >= 3
        assert max(places.values()) <= len(PAIRS) / 2


def test_the_key_agrees_with_the_questions():
    text = keys()
    rows = re.findall(r"^\| \d \|.*\| (\d+\w) \| (\d) \| (\d+\w) \| (\d) \|", text, re.MULTILINE)
    assert len(rows) == len(PAIRS)
    for before, first, after, second in rows:
        for name, right in ((before, first), (after, second)):
            assert QUESTIONS[name].options[int(right) - 1].right
    for questions in concept_tests().values():
        rights = [[bool(o.right) for o in q.options].index(True) + 1 for q in questions]
        assert f"| {' | '.join(map(str, rights))} |" in text


def test_a_plan_asks_only_what_it_teaches():
    by_title = {plan.title: listed(plan) for plan in plans()}
    assert by_title["90 minutes"] == "none, it is too short"
    assert by_title["Half a day"].split(";")[0] == "questions 2, 3, 6"
    assert by_title["A day"].split(";")[0] == "questions 2, 3, 6"  # 5, 8: about sections that it leaves out
    assert by_title["Eight weeks"].split(";")[0] == "questions 1, 2, 3, 4, 5, 6, 7, 8"


def test_a_vote_does_not_give_away_the_answer_of_the_second_sheet():
    for plan in plans():
        said = keys().split(f"- {plan.title}: ")[1].split("\n")[0]
        asked = [PAIRS[int(n) - 1].post for n in re.findall(r"\b\d\b", said.split(";")[0])]
        left_out = re.findall(r"\d+[a-e]", said)
        assert left_out == sorted(set(asked) & {item.vote for item in plan.items})
