"""The slides: they point at what is there, ask before they answer, and quote the chapter's numbers."""

import re
from functools import cache
from html import unescape
from importlib.util import find_spec

import pytest
from nbformat.v4 import new_notebook

from tests.notebooks.numbers_in_prose import QUOTED, counts, known_numbers, rounds_to, sentences
from tools import slides
from tools.notebooks import ROOT, read
from tools.teaching import concept_tests, misconceptions

DECKS = slides.decks()
IMAGE = re.compile(r"<img ([^>]*)>")
LOADED = re.compile(
    r"<(?!a\b)\w+[^>]*?\b(?:src|href|data-src|data-background\S*?)=[\"']?(?!data:|#)([^\"'\s>]+)"
)

chapter_of = cache(lambda name: read(ROOT / "notebooks" / f"{name}.ipynb"))
built = cache(lambda name: slides.notebook(name))


def each_deck(test):
    return pytest.mark.parametrize("name", DECKS)(test)


def guesses(chapter):
    """The places of the cells that ask for a guess."""
    return [i for i, c in enumerate(chapter.cells) if c.cell_type == "code" and slides.GUESS.search(c.source)]


def end_of_section(chapter, heading):
    """The place of the heading that follows a section."""
    starts = [
        i for i, c in enumerate(chapter.cells) if re.search(rf"^## {re.escape(heading)}$", c.source, re.M)
    ]
    text = [
        i for i, c in enumerate(chapter.cells) if c.cell_type == "markdown" and "\n## " in f"\n{c.source}"
    ]
    return next((i for i in text if i > starts[0]), len(chapter.cells))


def test_every_chapter_has_a_deck():
    assert [*DECKS] == ["00_start_here", *concept_tests()]


def test_a_chapter_is_chosen_by_its_number_with_and_without_the_zero():
    assert slides.choose(["4", "11"]) == ["04_variational_autoencoder", "11_gaussian_vae"]
    assert slides.choose([]) == [*DECKS]
    with pytest.raises(SystemExit, match=r"of chapter 44; there are 00, 01"):
        slides.choose(["04", "44"])


def test_a_missing_package_is_said_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(slides, "OFFLINE", {"no-such-package": "static"})
    with pytest.raises(SystemExit, match="need no-such-package: `make slides` installs it"):
        slides.as_html(new_notebook(), "02")


@each_deck
def test_a_deck_has_eight_to_twelve_slides_a_vote_and_its_answer_counted_once(name):
    kinds = [c.metadata.slideshow.data.kind for c in built(name).cells if "data" in c.metadata.slideshow]
    assert 8 <= len(kinds) - kinds.count("answer") <= 12
    assert kinds.count("vote") == kinds.count("answer")
    assert (kinds[0], kinds[-2:]) == ("opening", ["recap", "questions"])


@each_deck
def test_what_a_slide_names_is_there(name):
    known = {m.mistake for m in misconceptions().get(name, [])}
    votes = {question.id for question in concept_tests().get(name, [])}
    for slide in DECKS[name].slides:
        assert sum(map(bool, (slide.guess, slide.picture, slide.printed, slide.code, slide.vote))) <= 1
        assert slide.vote or (slide.title and slide.text and slide.notes)
        slides.shown_cell(chapter_of(name), slide)  # raises unless it is one cell
        assert set(slide.listen) <= known
        assert {slide.vote} - {""} <= votes


def test_a_lost_cell_is_noticed():
    chapter, slide = chapter_of("02_vanilla_autoencoder"), slides.Slide(picture="A picture of a horse")
    with pytest.raises(ValueError, match=r"0 cells have the picture “A picture of a horse”"):
        slides.shown_cell(chapter, slide)


@each_deck
def test_slides_follow_the_chapter_and_votes_their_section(name):
    chapter, tests = chapter_of(name), {q.id: q for q in concept_tests().get(name, [])}
    places = []
    for slide in DECKS[name].slides:
        place = slides.shown_cell(chapter, slide)
        if slide.vote:
            places.append(end_of_section(chapter, tests[slide.vote].after) - 0.5)
        elif place is not None:
            places.append(place)
    assert places == sorted(places)


@each_deck
def test_a_guess_is_followed_by_its_answer(name):
    shown = [slides.shown_cell(chapter_of(name), slide) for slide in DECKS[name].slides]
    for slide, place, answer in zip(DECKS[name].slides, shown, [*shown[1:], None], strict=True):
        if slide.guess:
            later = [i for i in guesses(chapter_of(name)) if i > place]
            assert answer is not None, slide.title
            assert place < answer < min(later, default=answer + 1), slide.title


@each_deck
def test_an_answer_does_not_come_without_its_guess(name):
    chapter, asked = chapter_of(name), set()
    for slide in DECKS[name].slides:
        place = slides.shown_cell(chapter, slide)
        if slide.guess:
            asked.add(place)
        elif place is not None:
            for guess in guesses(chapter):
                first = next(
                    i for i in range(guess + 1, len(chapter.cells)) if chapter.cells[i].get("outputs")
                )
                assert place != first or guess in asked, slide.title


@each_deck
def test_numbers_come_from_the_chapter(name):
    chapter = chapter_of(name)
    prose = [cell.source for cell in chapter.cells if cell.cell_type == "markdown"]
    known = known_numbers(chapter) | {
        float(number.replace(",", "").rstrip("% ")) for text in prose for number, _ in QUOTED.findall(text)
    }
    deck = DECKS[name]
    told = [deck.opening, deck.closing, *(f"{s.title}. {s.text}\n\n{s.notes}" for s in deck.slides)]
    for sentence in (sentence for text in told for sentence in sentences(text)):
        for number in (found[0] for found in QUOTED.finditer(sentence)):
            assert not counts(number) or any(rounds_to(k, number) for k in known), f"{number} in “{sentence}”"


@each_deck
def test_exercises_that_the_notes_name_are_there(name):
    titles = re.findall(r"## (\d+\.\d+) ", "\n".join(c.source for c in exercises(name)))
    told = [DECKS[name].opening, DECKS[name].closing, *(s.notes for s in DECKS[name].slides)]
    named = re.findall(
        r"\d+\.\d+", " ".join(re.findall(r"[Ee]xercises? (?:\d+\.\d+(?: and )?)+", " ".join(told)))
    )
    assert set(named) <= set(titles)


def exercises(name):
    path = ROOT / "exercises" / f"{name}.ipynb"
    return read(path).cells if path.exists() else []


@each_deck
def test_each_picture_has_the_chapters_alternative_text(name):
    alts = {cell.metadata.alt for cell in chapter_of(name).cells if "alt" in cell.metadata}
    images = [attributes for c in built(name).cells for attributes in IMAGE.findall(c.source)]
    assert images
    for attributes in images:
        assert unescape(re.search(r'alt="([^"]*)"', attributes)[1]) in alts


@each_deck
def test_aims_recap_and_questions_are_complete(name):
    opening, *_, recap, _, questions, answers = built(name).cells
    for cell in (opening, recap, questions):
        assert re.findall(r"^(\d)\. \S", cell.source, re.MULTILINE) == ["1", "2", "3"]
        assert not re.search(r"\*\*$", cell.source, re.MULTILINE)
    assert re.findall(r"^\*\*(\d)\.\*\* \S", answers.source, re.MULTILINE) == ["1", "2", "3"]


@pytest.mark.skipif(not find_spec("sphinx_revealjs"), reason="`make slides` installs what builds them")
@each_deck
def test_a_file_loads_nothing(name):
    html = slides.as_html(built(name), name)
    scripts_aside = re.sub(r"(<script[^>]*>).*?</script>", r"\1", html, flags=re.DOTALL)
    assert LOADED.findall(scripts_aside) == []
    styles = " ".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))
    assert re.findall(r"@import[^;]*|url\((?!\"?data:)[^)]*\)", styles) == []
    assert html.count('<aside class="notes">') == len(built(name).cells) / 2
