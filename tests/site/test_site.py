"""The book: what becomes of a notebook, and, where dist/site was built, that its pages hold together."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.notebook_rules import broken_links
from tools import site
from tools.notebooks import as_text, chapters, read

PAGES = [path for path in sorted(site.TARGET.glob("**/*.html")) if "_static" not in path.parts]
needs_book = pytest.mark.skipif(not PAGES, reason="python -m tools.site has not built the book here")
EXPERIMENTS = {2: [("2-cut", "The cut"), ("2-numbers", "One number or two")]}
PICTURE = new_output("display_data", {"image/png": "iVBORw0KGgo="})


class Page(HTMLParser):
    """All elements of a page as (tag, attributes), and the text of its title."""

    def __init__(self, path: Path):
        super().__init__()
        self.elements, self.title, self.in_title = [], "", False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.in_title = tag == "title" and not self.title

    def handle_data(self, data):
        self.title += data.strip() if self.in_title else ""

    def handle_endtag(self, tag):
        self.in_title = False


parsed = cache(Page)


def book_page(*cells, name="notebooks/02_small.ipynb", experiments=EXPERIMENTS):
    known = {"notebooks/02_small.ipynb", "exercises/02_small.ipynb", "solutions/02_small.ipynb"}
    notebook = new_notebook(cells=[new_markdown_cell("# 2. Small\n\nText."), *cells])
    result = site.page(notebook, name, known, experiments)
    as_text(result)  # is valid
    return result.cells


def test_a_page_names_its_minutes_exercises_notebook_and_preset_below_its_title():
    lines = book_page()[0].source.splitlines()
    assert lines[0] == "# 2. Small"
    assert lines[3].startswith("0 minutes to read · [Exercises](../exercises/02_small.ipynb) · ")
    assert 'href="../files/notebooks/02_small.ipynb" download' in lines[3]
    assert lines[3].endswith('Playground: <a href="../playground/index.html#preset=2-cut">The cut</a>')
    assert "playground" not in book_page(experiments={})[0].source


def test_hidden_cells_fold_under_their_title_and_pictures_have_an_alternative_text():
    told = new_code_cell("draw()", metadata={"tags": ["figure"], "alt": "A ring."}, outputs=[PICTURE])
    untold, plain = new_code_cell("draw()", outputs=[PICTURE]), new_code_cell("1 + 1")
    _, told, untold, plain = book_page(told, untold, plain)
    assert told.source == "draw()"
    assert "hide-input" in told.metadata.tags
    assert told.metadata.mystnb == {
        "image": {"alt": "A ring."},
        "code_prompt_show": "The code of this figure",
    }
    assert untold.metadata.mystnb == {"image": {"alt": site.NO_ALT}}
    assert "tags" not in plain.metadata


def test_a_slider_becomes_a_link_to_the_playground():
    slider = new_code_cell("widgets.latent_explorer(vae, held_out.images)")
    cell = book_page(slider)[1]
    assert cell.cell_type == "markdown"
    assert cell.source.count("#preset=") == 2
    assert "href" not in book_page(slider, experiments={})[1].source


def test_links_lead_to_pages_of_the_book_or_become_words(monkeypatch):
    text = "[a](02_small.ipynb#b) [c](../course_lib/losses.py) [d](../exercises/) [e](../tools/site.py) [f](https://x.y)"
    monkeypatch.setattr(site, "repository", lambda: "")
    cell = book_page(new_markdown_cell(text))[1]
    assert cell.source == (
        "[a](02_small.ipynb#b) [c](../reference/losses.rst) [d](../exercises/index.md) e [f](https://x.y)"
    )
    monkeypatch.setattr(site, "repository", lambda: "https://github.com/someone/course")
    cell = book_page(new_markdown_cell("[e](../tools/site.py#L1)"))[1]
    assert cell.source == "[e](https://github.com/someone/course/blob/main/tools/site.py#L1)"


def test_each_exercise_leads_to_its_solution_at_its_end():
    tasks = [new_markdown_cell("## 2.1 One\n\nDo it."), new_code_cell("1"), new_markdown_cell("## 2.2 Two")]
    sources = [cell.source for cell in book_page(*tasks, name="exercises/02_small.ipynb")]
    assert [sources.index(s) for s in sources if "#solution-2." in s] == [3, 5]
    answer = new_code_cell("def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION")
    solved = book_page(tasks[0], answer, name="solutions/02_small.ipynb")
    assert solved[1].source.startswith("(solution-2.1)=\n## 2.1 One")
    assert solved[2].source == "def f():\n    return 1"


def test_the_presets_of_the_playground_are_known_by_chapter():
    assert ("2-cut", "The cut and the hole") in site.presets()[2]
    written = (site.PLAYGROUND / "src" / "presets.js").read_text("utf-8").count("chapter: ")
    assert sum(map(len, site.presets().values())) == written


def test_the_first_page_lists_every_chapter_with_its_question():
    items = site.contents().splitlines()
    shown = [path for path in chapters() if path.parent.name == "notebooks"]
    assert [re.search(r"\((notebooks/.*)\)\*\*", item)[1] for item in items] == [
        f"notebooks/{p.name}" for p in shown
    ]
    assert all(re.search(r"\)\*\* .+ \*\d+ min to read", item) for item in items)


def test_the_glossary_is_a_page_and_its_links_hold():
    assert "\ndocs/glossary\n" in (site.SITE / "index.md").read_text("utf-8")
    page = site.ROOT / "docs" / "glossary.md"
    assert broken_links(page.read_text("utf-8"), page.parent) == []


@needs_book
@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(site.TARGET).as_posix())
def test_a_page_needs_no_other_host_and_its_links_and_pictures_are_whole(path):
    page = parsed(path)
    assert page.title
    broken = []
    for tag, attributes in page.elements:
        if tag == "img":
            assert attributes.get("alt", "").strip(), attributes
        address = attributes.get("href") or attributes.get("src") or attributes.get("data") or ""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            local = tag == "a" or parts.scheme == "data"
            broken += [] if local else [address]
            continue
        file, anchor = urldefrag(address)
        target = path if not file else (path.parent / unquote(file.partition("?")[0])).resolve()
        target = target / "index.html" if target.is_dir() else target
        if not target.exists() or (
            anchor
            and target in PAGES
            and "playground" not in target.parts
            and unquote(anchor) not in anchors(target)
        ):
            broken.append(address)
    assert broken == []


@cache
def anchors(path: Path) -> set[str]:
    """What a link into the page can name."""
    return {attributes["id"] for _, attributes in parsed(path).elements if "id" in attributes} | {"top"}


@needs_book
def test_style_sheets_load_nothing_from_elsewhere():
    for sheet in site.TARGET.glob("_static/**/*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text("utf-8")), sheet


@needs_book
def test_each_hidden_cell_is_folded_in_the_book():
    for notebook in site.STAGE.glob("notebooks/*.ipynb"):
        hidden = sum(bool(set(site.HIDDEN) & set(site.tags(cell))) for cell in read(notebook).cells)
        page = site.TARGET / notebook.relative_to(site.STAGE).with_suffix(".html")
        classes = [
            attributes.get("class") or "" for tag, attributes in parsed(page).elements if tag == "details"
        ]
        assert sum("hide" in names.split() for names in classes) == hidden, notebook.name
