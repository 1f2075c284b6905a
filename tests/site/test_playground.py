"""The playground's own tests, which need Node.js; those in a browser stand beside it."""

import shutil
import subprocess

import pytest

from tools import site

NODE = shutil.which("node")


@pytest.mark.skipif(not NODE, reason="Node.js is not installed here, and the playground's tests run in it")
def test_the_playground_computes_what_the_library_computes():
    done = subprocess.run(
        [NODE, "--test"], cwd=site.PLAYGROUND, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "\n# tests " in done.stdout
    assert "\n# tests 0\n" not in done.stdout
