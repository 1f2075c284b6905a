"""Try the widgets of notebooks in a real browser: JupyterLab in Chromium, driven by Playwright.

Each notebook is opened with the settings of `make lab`, which must not mark it as changed, and run to its
end. Every slider and menu under a cell is moved, and the image beside it must change. A cell that raises or a
message in the browser's console is an error. Pictures of the widgets go to dist/browser, to be looked at.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, sync_playwright

from tools.notebooks import ROOT, chapters

PICTURES = ROOT / "dist" / "browser"
MINUTE = 60_000  # milliseconds, as Playwright counts
DRAW_ALL = '{"windowingMode": "none"}'  # also the cells that are out of sight
HARMLESS = {  # part of a message → why it says nothing about the course
    "Canvas2D: Multiple readback operations": "advice on speed, for JupyterLab",
    "favicon.ico": "the icon of the page",
}


def main() -> int:
    """Try the notebooks that the command line names; 1 when one of them has an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all chapters with an explorer")
    with_widgets = [path for path in chapters() if "_explorer(" in path.read_text(encoding="utf-8")]
    paths = parser.parse_args().notebooks or with_widgets
    PICTURES.mkdir(parents=True, exist_ok=True)
    failed = 0
    with jupyterlab(paths) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [],
        )
        for path in paths:
            facts, errors = try_notebook(browser, address, path.name)
            failed += bool(errors)
            print(f"{path.name:40} {facts}", *(f"  ✗ {error}" for error in errors), sep="\n", flush=True)
        browser.close()
    print(f"{len(paths) - failed} of {len(paths)} notebooks work in the browser. Pictures: dist/browser")
    return 1 if failed else 0


@contextmanager
def jupyterlab(paths: list[Path]) -> Iterator[str]:
    """JupyterLab over copies of the notebooks, with kernels of one thread; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            shutil.copy(path, folder)
        settings = Path(folder, "settings")
        file = settings / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(DRAW_ALL, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--no-browser", "--allow-root", f"--port={port}", f"--notebook-dir={folder}"]
        options += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
        jupyter = {"JUPYTER_CONFIG_PATH": f"{ROOT}/jupyter_config", "JUPYTERLAB_SETTINGS_DIR": f"{settings}"}
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env={**os.environ, **jupyter, "OMP_NUM_THREADS": "1", "COURSE_STRICT": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait()


def _wait_for(address: str, server: subprocess.Popen) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("JupyterLab did not start")


def try_notebook(browser: Browser, address: str, name: str) -> tuple[str, list[str]]:
    """Open, run and try one notebook → what was seen, and the errors."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    errors: list[str] = []
    page.on("console", lambda message: errors.extend(complaint(message)))
    page.on("pageerror", lambda error: errors.append(f"exception in the page: {error}"))
    controls, seconds = 0, [0.0]
    try:
        page.goto(f"{address}/lab/workspaces/auto-x/tree/{name}?reset", wait_until="domcontentloaded")
        page.locator(".jp-NotebookPanel-notebook .jp-Cell").first.wait_for(timeout=2 * MINUTE)
        errors += run_all(page)
        boxes = page.locator(".jp-OutputArea-output .widget-vbox:has(img)")
        for number, box in enumerate(boxes.all(), start=1):
            box.scroll_into_view_if_needed()
            for control in box.locator(".widget-slider, .widget-dropdown").all():
                controls += 1
                seconds.append(move(control, box))
            settled(box)
            box.screenshot(path=PICTURES / f"{Path(name).stem}_{number}.png")
        if not controls:
            errors.append("no slider was found")
    except (Error, TimeoutError) as error:
        errors.append(str(error).strip().splitlines()[0])
    if errors:
        page.screenshot(path=PICTURES / f"{Path(name).stem}_failed.png")
    page.close()
    return f"{controls} controls moved; the slowest image took {max(seconds):.1f} s", errors


RUN_ALL = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const panel = app.shell.currentWidget;
    await panel.sessionContext.ready;
    const kernel = panel.sessionContext.session.kernel;
    await Promise.all([kernel.info, kernel.spec]);
    const changed = panel.context.model.dirty ? ["opening it marks it as changed"] : [];
    await app.commands.execute("notebook:run-all-cells");
    const cells = [...panel.content.model.cells].map(cell => cell.toJSON());
    const errors = cells.flatMap(cell => cell.outputs ?? []).filter(output => output.output_type === "error");
    return changed.concat(errors.map(error => `a cell raised ${error.ename}: ${error.evalue}`));
}"""


def run_all(page: Page) -> list[str]:
    """Run all cells, wait for the last one, and return what was wrong."""
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext", timeout=MINUTE)
    return page.evaluate(RUN_ALL)


def move(control: Locator, box: Locator) -> float:
    """Move a slider or change a menu → the seconds until another image stands in the box.

    Raises TimeoutError when the image stays as it is.
    """
    before = settled(box)
    menu, handle = control.locator("select"), control.locator(".noUi-handle")
    start = time.perf_counter()
    if menu.count():
        menu.select_option(index=1)
    else:
        at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        handle.press("ArrowLeft" if at_the_end else "ArrowRight")
    while picture(box) in (before, ""):
        if time.perf_counter() - start > 30:
            label = control.locator(".widget-label").first.inner_text()
            raise TimeoutError(f"the image stayed as it was when {label!r} was moved")
        time.sleep(0.02)
    return time.perf_counter() - start


def settled(box: Locator, seconds: float = 2) -> str:
    """The image in the box, once it has stood there for so long."""
    image, since = picture(box), time.perf_counter()
    while time.perf_counter() - since < seconds:
        time.sleep(0.05)
        if (now := picture(box)) != image:
            image, since = now, time.perf_counter()
    return image


def picture(box: Locator) -> str:
    """The address of the image in the box; "" in the moment between two."""
    return box.evaluate("box => [...box.querySelectorAll('img')].at(-1)?.src ?? ''")


def complaint(message: ConsoleMessage) -> list[str]:
    """What an error in the page's console says, unless it is known to be harmless."""
    where = message.location.get("url", "")
    if message.type != "error" or any(part in message.text + where for part in HARMLESS):
        return []
    return [f"console: {message.text} ({where})"]


if __name__ == "__main__":
    sys.exit(main())
