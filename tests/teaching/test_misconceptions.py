"""The misconceptions: five to eight a chapter, known to its checks, with a section to show."""

import pytest

from course_lib import checks
from tools import teaching

FOUND = teaching.misconceptions()


@pytest.mark.parametrize("chapter", FOUND)
def test_a_chapter_has_five_to_eight_that_its_checks_know(chapter):
    assert 5 <= len(FOUND[chapter]) <= 8
    assert len({m.mistake for m in FOUND[chapter]}) == len(FOUND[chapter])
    for misconception in FOUND[chapter]:
        function, name = misconception.mistake.split(".")
        check = getattr(checks, f"check_{function}")
        assert name in check.mistakes
        assert check.__module__.endswith(chapter)


@pytest.mark.parametrize("chapter", FOUND)
def test_the_section_to_show_is_there(chapter):
    assert [m.show for m in FOUND[chapter] if m.show not in teaching.headings(chapter)] == []
