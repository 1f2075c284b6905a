"""Measure the built playground in headless Chromium: seconds of a training, frames a second, bytes to load.

    python site/playground/bench/in_browser.py          # --json: the training and the bytes alone

With RIVALS, a folder in which `npm install @jax-js/jax@0.1.25 @tensorflow/tfjs-core@4.22.0
@tensorflow/tfjs-backend-wasm@4.22.0` was run, also a step of each of them, one after the other.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent.parent
RIVALS = os.environ.get("RIVALS")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
COUNT_FRAMES = """
globalThis.frames = [];
(function count(t) { frames.push(t); requestAnimationFrame(count); })(performance.now())
"""


def training(page: Page) -> dict[str, float]:
    """One training at the page's own settings; the longest frame is in milliseconds."""
    page.goto(f"{(HERE / 'dist' / 'index.html').as_uri()}")
    page.wait_for_function("playground.page.view !== null")
    page.evaluate(COUNT_FRAMES)
    page.click("#play")
    start = page.evaluate("performance.now()")
    page.wait_for_function("playground.page.view.state === 'done'", timeout=120_000)
    frames = page.evaluate(f"frames.filter(t => t > {start})")
    seconds = page.evaluate("playground.page.results[0].seconds")
    during = [t for t in frames if t < start + 1000 * seconds]
    longest = max(b - a for a, b in pairwise(during))
    return {"30 epochs (s)": seconds, "frames a second": len(during) / seconds, "longest frame (ms)": longest}


def step(page: Page, script: str, steps: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bench.js"
        options = [
            "--bundle",
            "--format=iife",
            "--global-name=bench",
            "--target=esnext",
            "--loader:.wasm=binary",
            "--platform=browser",
            "--define:process.env.NODE_ENV='production'",
            f"--outfile={bundle}",
        ]
        command = ["node_modules/.bin/esbuild", f"bench/{script}", "--log-level=error", *options]
        environment = {**os.environ, "NODE_PATH": f"{RIVALS}/node_modules"}
        subprocess.run(command, cwd=HERE, check=True, env=environment)
        page.goto("about:blank")
        page.add_script_tag(content=bundle.read_text(encoding="utf-8"))
        return f"{script}: {page.evaluate(f'bench.milliseconds({steps})'):.2f} ms a step"


def main() -> None:
    kilobytes = sum(file.stat().st_size for file in (HERE / "dist").iterdir()) / 1000
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        print(json.dumps({"kB to load": kilobytes} | training(page), indent=1))
        if "--json" in sys.argv:
            return
        print(step(page, "steps.mjs", 500))
        if RIVALS:
            print(step(page, "jax_js.mjs", 100))
            print(step(page, "tfjs.mjs", 100))
            print(step(page, "steps.mjs", 500))


if __name__ == "__main__":
    main()
