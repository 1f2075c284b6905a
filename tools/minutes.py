"""How long a chapter takes to read: words at 200 a minute, 7 s a line of visible code, 30 s a figure."""

import re

from nbformat import NotebookNode

from tools.notebooks import HIDDEN, tags

WORDS, LINE, FIGURE = 200, 7 / 60, 0.5  # words a minute; minutes a line; minutes a figure
STATED = re.compile(r"\b(\d+) minutes to read\b")


def honest_minutes(notebook: NotebookNode) -> int:
    """The whole minutes that someone new to the subject needs, the exercises aside."""
    return round(sum(section_minutes(notebook).values()))


def section_minutes(notebook: NotebookNode) -> dict[str, float]:
    """The minutes of each section by its heading, in order; "" is what stands before the first."""
    section, minutes = "", {"": 0.0}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("## "):
                    section = line.removeprefix("## ").strip()
                minutes.setdefault(section, 0.0)
                minutes[section] += len(re.findall(r"\w+", line)) / WORDS
            continue
        minutes[section] += FIGURE * sum("image/png" in output.get("data", {}) for output in cell.outputs)
        if not HIDDEN.keys() & set(tags(cell)):
            minutes[section] += LINE * sum(bool(line.strip()) for line in cell.source.splitlines())
    return minutes


def state(notebook: NotebookNode) -> None:
    """Put the honest minutes into the opening, where it says “… minutes to read”."""
    opening = notebook.cells[0]
    opening.source = STATED.sub(f"{honest_minutes(notebook)} minutes to read", opening.source)
