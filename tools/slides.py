"""Make the slides: `python -m tools.slides [02 …]` writes dist/slides, a file a chapter that needs no other.

`teaching/slides/*.yml` says which pictures, predictions and outputs of a chapter stand on its slides, what to
see there, and what to say. Aims, recap and closing questions come from the chapter, votes from its concept
tests. All of it becomes a notebook with one Markdown cell a slide, which nbconvert turns into reveal.js.
"""

import argparse
import base64
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, distribution

import yaml
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image

from tools.make_colab import LINK
from tools.notebooks import ROOT, read
from tools.teaching.chapters import TEACHING
from tools.teaching.mistakes import misconceptions
from tools.teaching.questions import Option, Question, concept_tests

SLIDES, TARGET = TEACHING / "slides", ROOT / "dist" / "slides"
OFFLINE = {  # package → where its files for the browser lie
    "sphinx-revealjs": "sphinx_revealjs/_static/revealjs",
    "sphinx-mathjax-offline": "sphinx-mathjax-offline/static/mathjax",
}
GUESS = re.compile(r"(?:^#.*\n)*(?:^my_guess.* = None.*\n?)+(?:^#.*\n?)*", re.MULTILINE)
ITEM = re.compile(r"^\d\. .*(?:\n(?!\d\. )\S.*|\n +\S.*)*", re.MULTILINE)
FOLDED = re.compile(r"(.*?)<details><summary>Answer</summary>(.*?)</details>", re.DOTALL)
VOTE = "Vote in silence. Then talk to a neighbour who voted otherwise. Vote again."


@dataclass(frozen=True)
class Slide:
    """One slide: `text` says what to see, `notes` what to say; a chapter's cell is named by words of it."""

    title: str = ""
    text: str = ""
    notes: str = ""
    guess: str = ""  # words of a cell with `my_guess = None`
    picture: str = ""  # words of the alternative text
    printed: str = ""  # words of an output
    code: str = ""  # words of the source, whose output is to be guessed
    listen: tuple[str, ...] = ()  # mistakes, as teaching/misconceptions names them
    vote: str = ""  # the id of a concept test, which stands alone


@dataclass(frozen=True)
class Deck:
    """The slides of a chapter between its aims and its recap, and what to say at both."""

    opening: str
    slides: tuple[Slide, ...]
    closing: str


def main() -> int:
    """Write the decks that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*", help="numbers of chapters (default: all)")
    chosen = choose(parser.parse_args().chapters)
    TARGET.mkdir(parents=True, exist_ok=True)
    for chapter in chosen:
        path = TARGET / f"{chapter}.html"
        path.write_text(as_html(notebook(chapter), chapter), encoding="utf-8", newline="\n")
        print(f"Wrote {path.relative_to(ROOT)} ({path.stat().st_size / 1e6:.1f} MB).")
    return 0


def choose(numbers: list[str]) -> list[str]:
    """The chapters with these numbers, all when there is none; SystemExit when one has no slides."""
    known = list(decks())
    found = {number: [name for name in known if name[:2] == number.zfill(2)] for number in numbers}
    if missing := [number for number, names in found.items() if not names]:
        numbered = ", ".join(name[:2] for name in known)
        raise SystemExit(f"There are no slides of chapter {', '.join(missing)}; there are {numbered}.")
    return [name for names in found.values() for name in names] or known


def decks() -> dict[str, Deck]:
    """The deck of each chapter, by the name of its notebook."""
    found = {}
    for path in sorted(SLIDES.glob("*.yml")):
        entry = yaml.safe_load(path.read_text("utf-8"))
        found[path.stem] = Deck(**{**entry, "slides": tuple(Slide(**slide) for slide in entry["slides"])})
    return found


# ── Find in the chapter ──────────────────────────────────────────────────────────────────────────


def shown_cell(chapter: NotebookNode, slide: Slide) -> int | None:
    """The place of the cell that a slide shows, None when it shows none; ValueError unless it is one cell."""
    kinds: dict[str, Callable[[NotebookNode], bool]] = {
        "guess": lambda cell: bool(GUESS.search(cell.source)) and slide.guess in cell.source,
        "picture": lambda cell: slide.picture in cell.metadata.get("alt", ""),
        "printed": lambda cell: slide.printed in printed(cell),
        "code": lambda cell: slide.code in cell.source,
    }
    for kind, fits in kinds.items():
        if words := getattr(slide, kind):
            cells = chapter.cells
            places = [i for i, cell in enumerate(cells) if cell.cell_type == "code" and fits(cell)]
            if len(places) != 1:
                raise ValueError(f"“{slide.title}”: {len(places)} cells have the {kind} “{words}”")
            return places[0]
    return None


def printed(cell: NotebookNode) -> str:
    """What a cell has printed."""
    return "".join(output.get("text", "") for output in cell.outputs if output.get("name") == "stdout")


def picture(cell: NotebookNode) -> str:
    """The one picture of a cell, a PNG in base64."""
    [png] = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
    return "".join(png.split())


def is_wide(png: str) -> bool:
    """Whether the text of a picture fits best below it, not beside it."""
    width, height = Image.open(io.BytesIO(base64.b64decode(png))).size
    return width > 1.45 * height


def section(chapter: NotebookNode, heading: str) -> str:
    """The text under a heading of the second level, links within the course as plain words."""
    text = "\n\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    body = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    return LINK.sub(r"\1", body)


# ── Slides ───────────────────────────────────────────────────────────────────────────────────────


def notebook(chapter: str) -> NotebookNode:
    """The slides of a chapter as a notebook: a Markdown cell a slide, each followed by its notes."""
    deck, source = decks()[chapter], read(ROOT / "notebooks" / f"{chapter}.ipynb")
    tests = {question.id: question for question in concept_tests().get(chapter, [])}
    cells = opening(source, deck.opening)
    for slide in deck.slides:
        cells += vote(tests[slide.vote]) if slide.vote else content(source, chapter, slide)
    return new_notebook(cells=[*cells, *recap(source, deck.closing), *questions(source)])


def cells(kind: str, shown: str, notes: str) -> list[NotebookNode]:
    """The cells of a slide; `kind` becomes its class."""
    told = {"slide_type": "slide", "data": {"kind": kind}}
    return [
        new_markdown_cell(shown.strip(), metadata={"slideshow": told}),
        new_markdown_cell(notes.strip(), metadata={"slideshow": {"slide_type": "notes"}}),
    ]


def opening(chapter: NotebookNode, notes: str) -> list[NotebookNode]:
    """The title and the aims."""
    first = chapter.cells[0].source
    title = re.search(r"^# (.*)", first, re.MULTILINE)[1]
    aims = LINK.sub(r"\1", "\n".join(ITEM.findall(first)))
    return cells("opening", f"# {title}\n\nYou will be able to\n\n{aims}", notes)


def content(source: NotebookNode, chapter: str, slide: Slide) -> list[NotebookNode]:
    """A slide with a cell of the chapter, or, when it shows none, a question."""
    place = shown_cell(source, slide)
    cell = None if place is None else source.cells[place]
    notes = "\n\n".join([slide.notes.strip(), *heard(chapter, slide.listen)])
    title, text = f"## {slide.title}\n\n", slide.text.strip()
    if slide.guess:
        return cells(
            "guess", f"{title}{text}\n\n```python\n{GUESS.search(cell.source)[0].strip()}\n```", notes
        )
    if slide.picture:
        png = picture(cell)
        image = f'<img alt="{escape(cell.metadata.alt)}" src="data:image/png;base64,{png}">'
        return cells("picture" if is_wide(png) else "tall", f"{title}{image}\n\n{text}", notes)
    if slide.printed:
        return cells("printed", f"{title}```text\n{printed(cell).rstrip()}\n```\n\n{text}", notes)
    if slide.code:
        return cells("code", f"{title}```python\n{cell.source}\n```\n\n{text}", notes)
    return cells("ask", f"{title}{text}", notes)


def heard(chapter: str, mistakes: tuple[str, ...]) -> list[str]:
    """What to listen for, and what to ask then."""
    known = {m.mistake: m for m in misconceptions().get(chapter, [])}
    return [f"**You may hear** {known[name].hear} **Ask:** {known[name].ask}" for name in mistakes]


def vote(question: Question) -> list[NotebookNode]:
    """Two slides: the question with its options, and the same with the right one and its reason."""

    def listed(mark: Callable[[Option], str]) -> str:
        return "\n".join(f"{n}. {mark(option)}" for n, option in enumerate(question.options, start=1))

    asked = f"## Vote: {question.title}\n\n{question.ask.strip()}\n\n"
    right = next(option for option in question.options if option.right)
    answer = listed(lambda o: f"**✓ {o.text}**" if o.right else f'<span class="wrong">{o.text}</span>')
    said = listed(lambda o: "Right." if o.right else f"*{o.misconception}* {o.say}")
    return [
        *cells("vote", asked + listed(lambda option: option.text), VOTE),
        *cells("answer", f"## Answer: {question.title}\n\n{answer}\n\n{right.right}", said),
    ]


def recap(chapter: NotebookNode, notes: str) -> list[NotebookNode]:
    """What the chapter says at its end about its aims."""
    return cells("recap", "## Recap\n\n" + "\n".join(ITEM.findall(section(chapter, "Recap"))), notes)


def questions(chapter: NotebookNode) -> list[NotebookNode]:
    """The chapter's closing questions, their answers in the notes."""
    found = FOLDED.findall(section(chapter, "Questions"))
    asked = [re.sub(r"^\d\.\** ", "", " ".join(question.split()).strip("*")) for question, _ in found]
    shown = "\n".join(f"{n}. {question}" for n, question in enumerate(asked, start=1))
    answers = "\n\n".join(f"**{n}.** {answer.strip()}" for n, (_, answer) in enumerate(found, start=1))
    return cells("questions", f"## Three questions\n\n{shown}", answers)


def as_html(slides: NotebookNode, name: str) -> str:
    """The slides as one HTML file with all that a browser needs."""
    try:
        browser = [str(distribution(package).locate_file(folder)) for package, folder in OFFLINE.items()]
    except PackageNotFoundError as error:
        raise SystemExit(
            f"The slides need {error.name}: `make slides` installs it, "
            'or python tools/install.py -e ".[slides]"'
        ) from None
    exporter = SlidesExporter(
        template_name="template", extra_template_basedirs=[str(SLIDES)], extra_template_paths=browser
    )
    return exporter.from_notebook_node(slides, resources={"metadata": {"name": name}})[0]


if __name__ == "__main__":
    sys.exit(main())
