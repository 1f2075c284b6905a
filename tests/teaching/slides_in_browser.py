"""Look at every slide in Chromium: nothing is cut off, small or loaded. `nox -s slides` builds and looks."""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tools.slides import TARGET

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SIZE = {"width": 1280, "height": 720}
LEGIBLE = 24  # pixels of such a slide
CUT_OFF = """() => {
  const inside = [...Reveal.getCurrentSlide().querySelectorAll('h1, h2, p, li, pre, img')]
    .filter((e) => !e.closest('aside'));
  const wrong = (e) => {
    const box = e.getBoundingClientRect();
    const outside = box.left < 0 || box.top < 0 || box.right > 1280 || box.bottom > 700;
    return outside || e.scrollWidth > e.clientWidth + 1;
  };
  return inside.filter(wrong).map((e) => e.tagName + ' ' + e.textContent.slice(0, 60));
}"""
SMALL = """(limit) => [...Reveal.getCurrentSlide().querySelectorAll('h1, h2, p, li, pre, code')]
  .filter((e) => !e.closest('aside') && parseFloat(getComputedStyle(e).fontSize) < limit)
  .map((e) => e.tagName + ' ' + e.textContent.slice(0, 60))"""
OVERLAP = """() => {
  const boxes = [...Reveal.getCurrentSlide().children].filter((e) => e.tagName != 'ASIDE')
    .map((e) => e.getBoundingClientRect());
  return boxes.some((a, i) => boxes.some((b, k) => i < k && a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1));
}"""
SHOWN = """() => [...Reveal.getCurrentSlide().querySelectorAll('img')].map((e) => {
  const box = e.getBoundingClientRect();
  const scale = Math.min(box.width / e.naturalWidth, box.height / e.naturalHeight);
  return scale * scale * e.naturalWidth * e.naturalHeight / (1280 * 720);
})"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser, path):
    """A context without network, its page, and a list that grows with what goes wrong in it."""
    context, problems = browser.new_context(viewport=SIZE, offline=True), []
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.evaluate("MathJax.startup.promise")
    return context, page, problems


@pytest.mark.parametrize("path", sorted(TARGET.glob("*.html")), ids=lambda path: path.stem)
def test_every_slide_can_be_read_from_the_back_of_the_room(browser, path):
    context, page, problems = opened(browser, path)
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate("number => Reveal.slide(number)", number)
        assert page.evaluate(CUT_OFF) == [], number
        assert page.evaluate(SMALL, LEGIBLE) == [], number
        assert not page.evaluate(OVERLAP), number
        assert all(share > 0.2 for share in page.evaluate(SHOWN)), number
    assert problems == []
    context.close()


def test_the_speakers_window_shows_the_notes_of_a_file(browser):
    context, page, problems = opened(browser, TARGET / "02_vanilla_autoencoder.html")
    page.evaluate("Reveal.slide(3)")
    with context.expect_page() as window:
        page.keyboard.press("s")
    notes = window.value.locator(".speaker-controls-notes .value")
    expect(notes).to_contain_text("Cover rows two and three at first", timeout=60_000)
    assert problems == []
    context.close()


def test_there_is_something_to_look_at():
    assert len([*TARGET.glob("*.html")]) >= 12, "run `make slides`"
