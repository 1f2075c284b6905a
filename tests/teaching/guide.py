"""The commands and the code of teaching/guide.md, and what each command must say."""

import re
import shlex

from tools.notebooks import ROOT, read
from tools.teaching import TEACHING

TEXT = (TEACHING / "guide.md").read_text("utf-8")
GRADED = ROOT / "solutions" / "02_vanilla_autoencoder.ipynb"
MOST = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in read(GRADED).cells)
SAYS = {
    "make install": ".venv is ready.",
    "make doctor": "Ready for the course.",
    "make site": "The book is in dist/site",
    "make slides": "Wrote dist/slides/02_vanilla_autoencoder.html",
    "make colab": "below dist/colab",
    "make assignment NB=02": "Hand out grading/02_vanilla_autoencoder/release",
    "make grade NB=02 FROM=solutions/02_vanilla_autoencoder.ipynb": f"{MOST} of {MOST}",
    "make lab": "/lab?token=",
    ".venv/bin/python -m tools.teaching": "Wrote teaching/plans.md.",
}


def blocks(language: str) -> list[str]:
    """The code blocks in a language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The commands in the order of the page."""
    lines = "\n".join(blocks("sh")).splitlines()
    return [shlex.join(words) for line in lines if (words := shlex.split(line, comments=True))]


def inline() -> set[str]:
    """The commands that stand within sentences and tables."""
    return {c for c in re.findall(r"`([^`\n]+)`", TEXT) if re.match(r"(make|\S*python|jupyter|nox) ", c)}
