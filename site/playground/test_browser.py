"""Try the built playground in Chromium, driven by Playwright: pytest site/playground/test_browser.py

Needs `npm install && npm run build` in this folder, and the package playwright. CHROMIUM names the browser's
program.
"""

import json
import os
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")

HERE = Path(__file__).parent
DIST = HERE / "dist"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
WAIT = 180_000  # milliseconds
VERDICT = "document.getElementById('verdict').textContent"
PAD = "document.getElementById('pad').getAttribute('aria-label')"
PHONE = {"width": 360, "height": 740}
ELBOW = "#epochs=10&width=64&batch=16&lr=0.002"  # a short training whose line of codes is cut

pytestmark = pytest.mark.skipif(not (DIST / "playground.js").exists(), reason="the playground is not built")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=DIST))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open an address; afterwards there was no message in the console and no request to anywhere else."""
    contexts, problems = [], []

    def open_page(hash_="", *, ready=True, script=None, base=address, **context):
        contexts.append(browser.new_context(**context))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        here = ("blob:", "data:", base)
        page.on("request", lambda r: r.url.startswith(here) or problems.append(f"request: {r.url}"))
        if script:
            page.add_init_script(script)
        page.goto(base + hash_)
        if ready:
            page.wait_for_function("playground.page.view !== null")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def train(page) -> dict:
    """Press Play, wait for the end, return the numbers."""
    page.click("#play")
    page.wait_for_function("playground.page.view.state === 'done'")
    return page.evaluate("playground.page.view.numbers")


def test_opens_from_a_folder_too(visit):
    page = visit("index.html#epochs=2", base=f"{DIST.as_uri()}/")
    page.click("#one")
    page.wait_for_function("playground.page.view.epoch === 1")


def test_vae_learns_circles(visit):
    page = visit()
    numbers = train(page)
    assert numbers["unexplained"] <= 0.3
    assert numbers["kl"] > 1
    assert "The forecast was right" in page.inner_text("#forecast-after")
    assert "circles" in page.inner_text("#samples-text")
    assert "unexplained" in page.inner_text("#results-card")


def test_thin_stroke_collapses_and_a_higher_factor_cures_it(visit):
    assert train(visit("#stroke=0.5"))["kl"] < 0.05
    assert train(visit("#stroke=0.5&factor=10"))["kl"] > 1


def presets(visit):
    return visit(ready=False).evaluate(
        "[...document.querySelectorAll('#preset option')].map(o => o.value).filter(Boolean)"
    )


def test_each_experiment_plays_and_comes_out_as_the_course_says(visit):
    expected = json.loads((HERE / "test" / "expected.json").read_text(encoding="utf-8"))
    assert presets(visit) == list(expected)
    found = {}
    page = visit()
    for name in expected:
        page.select_option("#preset", name)
        page.wait_for_function("playground.page.view?.state === 'start'")
        if page.is_visible("#play"):
            page.click("#play")
            assert "First your prediction" in page.inner_text("#notice")
        page.check("#task-answers label:nth-of-type(1) input")
        assert f"preset={name}" in page.url
        assert "guess=0" in page.url
        page.click("#task-play")
        page.wait_for_selector("#task-answers label.true")
        labels = page.locator("#task-answers label").all()
        found[name] = next(
            i for i, label in enumerate(labels) if "true" in (label.get_attribute("class") or "")
        )
        kept = "came true" if found[name] == 0 else "came otherwise"
        assert kept in page.inner_text("#task-result")
        assert "NaN" not in page.inner_text("#task-result")
        assert "Read why" in page.inner_text("#standing") or not page.is_visible("#play")
        assert page.is_visible("#task-hole #to-hole") == (name == "2-cut")
        if name == "8-blur":  # the elbow is gone: it is that of the training before which is explained
            assert page.is_visible("#elbow-before")
            assert "at the elbow 0 %" in page.inner_text("#shared-text")
            page.click("#standing-button")  # its why is in the pictures
            assert page.evaluate("document.activeElement.id") == "elbow"
        if name != "9-between":
            chapter = page.get_attribute("#task-chapter", "href").split("/")[-1].removesuffix(".html")
            assert (HERE.parents[1] / "notebooks" / f"{chapter}.ipynb").exists()
            assert int(chapter[:2]) == int(name.split("-")[0])
    assert found == expected


def test_pause_one_epoch_again(visit):
    page = visit("#epochs=300")
    page.click("#play")
    page.wait_for_function("playground.page.view.epoch >= 2")
    page.click("#play")
    page.wait_for_function("playground.page.view.state === 'paused'")
    epoch = page.evaluate("playground.page.view.epoch")
    page.click("#one")
    page.wait_for_function(f"playground.page.view.epoch === {epoch + 1} && !playground.page.playing")
    page.click("#again")
    page.wait_for_function("playground.page.view?.epoch === 0 && playground.page.view.state === 'start'")
    assert "seed=1" in page.url


def test_play_may_be_pressed_while_the_page_gets_ready(visit):
    page = visit("#epochs=300", ready=False)
    page.click("#play")
    page.wait_for_function("playground.page.view?.state === 'playing'")
    assert page.evaluate("playground.page.playing")
    assert "Pause" in page.inner_text("#play")


def test_play_takes_up_a_setting_that_was_changed_a_moment_ago(visit):
    page = visit("#epochs=300")
    page.evaluate("""() => {
      const epochs = document.querySelector("[name=epochs]");
      epochs.value = "2";
      epochs.dispatchEvent(new Event("input", { bubbles: true }));
      document.getElementById("play").click();
    }""")
    page.wait_for_function("playground.page.view?.state === 'done'", timeout=10_000)
    assert page.evaluate("playground.page.view.epoch") == 2


def test_the_hole_and_the_elbow_of_an_autoencoder_are_pointed_out(visit):
    page = visit("#model=ae")
    train(page)
    assert "a hole" in page.inner_text("#walk-text")
    assert "elbow" in page.inner_text("#codes-text")
    hole = page.evaluate("playground.page.view.numbers.hole.z")
    assert f"worst picture stands at {hole:.2f}" in page.get_attribute("#histogram", "aria-label")
    page.click("#to-hole")
    assert float(page.input_value("#sliders input")) == pytest.approx(hole, abs=0.01)
    slider, mark = (page.locator(f"#sliders {part}").bounding_box() for part in ("input", "i"))
    low, high = (float(page.get_attribute("#sliders input", side)) for side in ("min", "max"))
    thumb = slider["x"] + 8 + (slider["width"] - 16) * (hole - low) / (high - low)
    assert mark["x"] + mark["width"] / 2 == pytest.approx(thumb, abs=1.5)
    assert page.locator("#walk").evaluate("w => w.getBoundingClientRect().top < innerHeight")
    page.wait_for_function("document.getElementById('walk-here').textContent.includes('no circle')")
    below, above = page.evaluate("playground.page.view.numbers.hole.between")
    assert abs(below - above) > 0.1, "sizes that are far apart meet at the hole"
    assert page.is_hidden("#n-kl")  # an autoencoder has none
    assert "/" not in page.inner_text("#n-noise")


def test_the_elbow_is_explained_in_pictures(visit):
    page = visit(ELBOW)
    assert page.is_hidden("#elbow")
    train(page)
    inks = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((x, i) => i % 4 === 3 && x).length;
    }"""
    for picture in ("price", "shared", "why"):
        assert page.locator(f"#{picture}").evaluate(inks) > 2000, picture
        assert page.get_attribute(f"#{picture}", "aria-label").endswith(".")
    assert "At the elbow the squared error rises to" in page.inner_text("#price-text")
    assert re.search(r"at the elbow [0-4] %", page.inner_text("#shared-text"))
    assert "within 2.5 pixels" in page.inner_text("#why-text")
    page.check("[name=model][value=ae]")  # without clouds, nothing is shared
    page.wait_for_function("playground.page.view?.state === 'start'")
    assert page.is_hidden("#elbow")
    train(page)
    assert page.is_visible("#elbow")
    assert page.is_hidden("#shared")
    for picture in ("price", "why"):  # drawn in the width that they have now
        widths = "c => [c.width / devicePixelRatio, c.clientWidth]"
        drawn, shown = page.locator(f"#{picture}").evaluate(widths)
        assert drawn == pytest.approx(shown, abs=1)


def test_a_newcomer_is_shown_where_to_begin(visit):
    page = visit()
    page.click("#newcomer-preset")
    assert page.input_value("#preset") == "2-cut"
    assert page.is_hidden("#newcomer")


def test_again_keeps_the_prediction_in_sight(visit):
    page = visit("#preset=7-low&guess=1")
    page.click("#task-play")
    page.wait_for_selector("#task-answers label.true")
    assert "and so it came" in page.inner_text("#standing")
    page.click("#again")
    page.wait_for_function("playground.page.view?.state === 'start'")
    assert "seed=1" in page.url
    assert page.is_checked("#task-answers label:nth-of-type(2) input")
    assert "Your prediction: “It collapses" in page.inner_text("#standing")
    page.check("#task-answers label:nth-of-type(1) input")  # and may be changed
    assert "Your prediction: “It learns" in page.inner_text("#standing")
    train(page)
    page.wait_for_selector("#task-answers label.true")
    assert "it came otherwise" in page.inner_text("#standing")
    page.click("#standing-button")
    assert page.evaluate("document.activeElement.id") == "task-result"


def test_an_experiment_that_became_free_says_why_and_leads_back(visit):
    page = visit("#preset=7-thin&guess=1")
    assert "λ₁/σ² = 1.6: it may get stuck" in page.inner_text("#hint-factor")
    page.focus("[name=factor]")
    page.keyboard.press("End")
    assert "λ₁/σ² = 158: it will learn" in page.inner_text("#hint-factor")
    assert page.input_value("#preset") == ""
    assert "You changed “reconstruction_factor”" in page.inner_text("#standing")
    page.click("#standing-button")
    assert page.input_value("#preset") == "7-thin"
    assert page.input_value("[name=factor]") == "0"
    assert page.evaluate("document.activeElement.name") == "guess"
    assert page.inner_text("#hint-factor") == ""  # PCA does not answer before the reader
    page.select_option("#preset", "")
    assert page.is_hidden("#standing")


def test_experiments_are_listed_by_chapter(visit):
    groups = visit(ready=False).evaluate(
        "[...document.querySelectorAll('#preset optgroup')].map(g => [g.label, g.children.length])"
    )
    assert groups[0] == ["2. The vanilla autoencoder", 2]
    assert sum(count for _, count in groups) == 22


def test_settings_stand_in_the_address(visit):
    page = visit("#model=ae&latent=2&stroke=0.75&epochs=3&seed=5")
    assert page.input_value("[name=stroke]") == "0.75"
    assert page.is_checked("[name=model][value=ae]")
    page.select_option("[name=latent]", "3")
    page.wait_for_function("location.hash.includes('latent=3')")
    assert "stroke=0.75" in page.url


@pytest.mark.parametrize(
    "hash_",
    ["#lr=1e99", "#seed=-3", "#latent=1000000", "#data=<b>x</b>", "#preset=none", "#%%%&&==", "#epochs=NaN"],
)
def test_bad_addresses_get_a_sentence(visit, hash_):
    page = visit(hash_)
    assert page.inner_text("#notice").endswith(".")
    assert not page.is_disabled("#play")


def test_bad_numbers_in_the_form_get_a_sentence(visit):
    page = visit("#epochs=2")
    page.fill("[name=epochs]", "99999999999")
    assert "must be a whole number from 1 to 300" in page.inner_text("#notice")
    assert page.get_attribute("[name=epochs]", "aria-invalid") == "true"
    page.fill("[name=epochs]", "1")
    assert page.is_hidden("#notice")


def test_a_loss_that_explodes_gets_a_sentence(visit):
    page = visit("#lr=0.1&width=512&batch=8&factor=100&epochs=40&sigma=1&kl=0&eps=0&blur=2")
    page.click("#play")
    page.wait_for_function("!playground.page.playing || !document.getElementById('notice').hidden")


def test_without_webassembly_there_is_a_sentence(visit):
    page = visit(ready=False, script="delete globalThis.WebAssembly")
    assert "no WebAssembly" in page.inner_text("#notice")


def inked(page) -> int:
    return int(page.get_attribute("#pad", "aria-label").split(", ")[2].split()[0])


def test_drawing_with_mouse_finger_and_keys(visit):
    page = visit("#tab=draw&model=ae&latent=8&epochs=10", has_touch=True)
    assert "Your task" in page.inner_text("#draw-task")
    page.wait_for_function(f"{VERDICT}.startsWith('First train')")
    page.click("#draw-train")
    page.wait_for_function("playground.page.view.state === 'done'")
    page.wait_for_function(f"{VERDICT}.startsWith('Draw something')")  # an untouched page is not judged
    page.click("[data-shape=duck]")
    page.wait_for_function(f"{VERDICT}.startsWith('Odd') && {VERDICT}.includes('alarm goes off')")
    page.click("[data-shape=circle]")
    page.wait_for_function(f"{VERDICT}.startsWith('Ordinary')")
    page.click("[data-shape=blank]")
    page.wait_for_function(f"{VERDICT}.startsWith('Fooled!')")
    page.check("#form-score [value=relative]")
    page.wait_for_function(f"{VERDICT}.startsWith('Odd: its error ÷ ink')")
    page.wait_for_function(f"{PAD}.includes(' 0 of')")
    page.evaluate("scrollTo(0, 0)")
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=5)
    page.mouse.up()
    page.wait_for_function(f"!{PAD}.includes(' 0 of')")
    by_mouse = inked(page)
    page.touchscreen.tap(box["x"] + 250, box["y"] + 60)
    by_finger = inked(page)
    assert by_finger > by_mouse
    page.focus("#pad")
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    assert inked(page) > by_finger
    page.click("#keep")
    assert "1 kept" in page.inner_text("#kept")


def test_own_images(visit, tmp_path):
    image = pytest.importorskip("PIL.Image")
    paths = []
    for i in range(12):
        picture = image.new("RGB", (60 + i, 50), "white")
        picture.paste((0, 0, 0), (10 + 2 * i, 10, 30 + 2 * i, 40))
        paths.append(tmp_path / f"{i}.png")
        picture.save(paths[-1])
    (tmp_path / "not.txt").write_text("no image")
    page = visit("#data=files&epochs=20", ready=False)
    assert "no images yet" in page.inner_text("#notice")
    page.set_input_files("#files", [str(p) for p in [*paths, tmp_path / "not.txt"]])
    page.wait_for_function("playground.page.view?.state === 'start'")
    assert "is no image" in page.inner_text("#notice")
    assert "12 images" in page.inner_text("#own-count")
    assert train(page)["unexplained"] < 1
    page.click("#tab-draw")
    page.click("[data-shape=duck]")
    page.click("#keep")
    assert page.inner_text("#kept").startswith("1 kept")
    page.click("#tab-train")
    page.select_option("[name=data]", "drawn")
    assert page.inner_text("#own-count").startswith("1 image of yours")
    page.set_input_files("#files", str(paths[0]))  # takes no drawing away
    page.wait_for_function("playground.page.settings.data === 'files'")
    assert page.inner_text("#own-count").startswith("13 images")
    page.select_option("[name=data]", "drawn")
    assert page.inner_text("#own-count").startswith("1 image of yours")


def test_colours_follow_the_system_until_some_are_given_or_chosen(visit):
    dark = "matchMedia('(prefers-color-scheme: dark)')"

    def with_system(page, scheme):
        page.evaluate(f"() => {{ globalThis.told = new Promise(done => {dark}.onchange = done) }}")
        page.emulate_media(color_scheme=scheme)
        return page.evaluate("told.then(() => document.documentElement.dataset.theme)")

    page = visit(color_scheme="light")
    assert [with_system(page, s) for s in ("dark", "light", "dark")] == ["dark", "light", "dark"]
    page.click("#theme")
    assert [with_system(page, s) for s in ("light", "dark")] == ["light", "light"]
    give = "document.documentElement.dataset.theme ??= 'light'"
    page = visit(color_scheme="dark", script=f"document.addEventListener('readystatechange', () => {give})")
    assert [with_system(page, s) for s in ("light", "dark")] == ["light", "light"]


def test_the_plane_of_digits_is_walked_with_pointer_and_keys(visit):
    page = visit("#tab=digits&z=-0.74,1.06")
    assert "five are 3s" in page.inner_text("#place")
    page.focus("#plane")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowDown")
    assert "z=-0.24%2C0.96" in page.url
    page.click("#typical button:nth-of-type(4)")
    assert "nine are 3s" in page.inner_text("#place")
    page.click("#typical button:nth-of-type(2)")
    assert "ten are 1s" in page.inner_text("#place")
    box = page.locator("#plane").bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    assert "z = (−" in page.inner_text("#place")
    page.check("#form-plane [value=images]")
    shades = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(data.filter((_, i) => i % 4 === 0)).size;
    }"""
    assert page.locator("#plane").evaluate(shades) > 100


def test_a_drawn_digit_falls_into_the_plane(visit):
    page = visit("#tab=digits")
    verdict = "#digit-verdict"
    page.click("#digit-three")
    three = page.inner_text(verdict)
    assert "are 3s" in three
    page.click("#digit-clear")
    assert page.inner_text(verdict).startswith("Draw a digit")
    page.locator("#digit-pad").scroll_into_view_if_needed()
    box = page.locator("#digit-pad").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    page.mouse.up()
    assert "are 1s" in page.inner_text(verdict)  # an upright line


def test_on_a_phone_a_drawing_and_what_is_said_of_it_fit_on_the_screen(visit):
    def height(page, upper, lower):
        first, last = (page.locator(part).bounding_box() for part in (upper, lower))
        return last["y"] + last["height"] - first["y"]

    phone = {"width": 390, "height": 664}  # what a browser leaves of a usual phone
    page = visit("#tab=digits", viewport=phone)
    page.click("#digit-three")
    assert height(page, "#plane", "#digit-pad") < phone["height"]
    page = visit("#tab=draw&epochs=1", viewport=phone)
    assert height(page, "#pad", "#verdict") < phone["height"]


def test_noise_on_the_input_is_shown(visit):
    page = visit("#model=ae&latent=8&noise=0.5&epochs=2")
    train(page)
    assert "σ = 0.5" in page.inner_text("#redrawn-rows")
    assert page.evaluate("document.getElementById('redrawn').height") == 3 * 30 - 2


def test_training_does_not_grow_the_memory(visit, browser):
    """TRAININGS of 300 epochs each: 80 have the epochs of an hour at the page's own settings."""
    page = visit("#width=16&batch=128&epochs=300")
    page_heap, process = page.context.new_cdp_session(page), browser.new_browser_cdp_session()

    def train_again():
        page.click("#again")
        page.wait_for_function("playground.page.view?.state === 'start'")
        train(page)

    def measure() -> tuple[float, float]:
        """MB: the page's heap after a collection, and its process, with worker and WebAssembly."""
        page_heap.send("HeapProfiler.collectGarbage")
        pids = [
            p["id"]
            for p in process.send("SystemInfo.getProcessInfo")["processInfo"]
            if p["type"] == "renderer"
        ]
        resident = [
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for pid in pids
        ]
        return page_heap.send("Runtime.getHeapUsage")["usedSize"] / 1e6, max(resident) / 1e6

    for _ in range(3):
        train_again()
    before = measure()
    for _ in range(int(os.environ.get("TRAININGS", "5"))):
        train_again()
    after = measure()
    print(f"heap {before[0]:.2f} → {after[0]:.2f} MB, process {before[1]:.0f} → {after[1]:.0f} MB")
    assert after[0] - before[0] < 0.5
    assert after[1] - before[1] < 40


def test_an_idle_page_gives_its_workers_memory_back_and_goes_on(visit):
    page = visit("#epochs=6")
    assert len(page.workers) == 1
    page.click("#one")
    page.wait_for_function("playground.page.view.state === 'paused' && playground.page.view.epoch === 1")
    before = page.evaluate("playground.page.view.numbers.unexplained")
    page.evaluate("playground.rest()")
    page.wait_for_function("playground.resting")
    assert page.workers == []  # and with it its memory: Chromium frees it with the worker
    page.click("#one")
    page.wait_for_function("playground.page.view.epoch === 2 && !playground.page.playing")
    assert page.evaluate("playground.page.view.numbers.unexplained") < before


def test_nothing_scrolls_sideways_on_a_phone(visit):
    for hash_ in (
        ELBOW,
        "#epochs=1&preset=7-thin",
        "#epochs=1&tab=draw",
        "#epochs=1&tab=digits",
        "#preset=9-between&guess=1",
        "#epochs=1&tab=help",
    ):
        page = visit(hash_, viewport=PHONE)
        if hash_ == ELBOW:
            train(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], hash_


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, scheme):
    axe = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed")
    for hash_ in (
        ELBOW,
        "#preset=2-cut&guess=1",
        "#epochs=1&tab=draw",
        "#tab=digits",
        "#preset=9-between&guess=1",
        "#epochs=1&tab=help",
    ):
        page = visit(hash_, color_scheme=scheme)
        if hash_ in (ELBOW, "#epochs=1&tab=draw"):
            page.click("#play" if hash_ == ELBOW else "#draw-train")
            page.wait_for_function("playground.page.view.state === 'done'")
        page.evaluate(axe.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run().then(r => r.violations)")
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious] == [], hash_
