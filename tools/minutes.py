"""How long a chapter takes to read: words at 200 a minute, 7 s a line of visible code, 30 s a figure."""

import re

from nbformat import NotebookNode

from tools.notebooks import HIDDEN, tags

WORDS, LINE, FIGURE = 200, 7 / 60, 0.5  # words a minute; minutes a line; minutes a figure
STATED = re.compile(r"\b(\d+) minutes to read\b")


def honest_minutes(notebook: NotebookNode) -> int:
    """The whole minutes that someone new to the subject needs, the exercises aside."""
    words = lines = figures = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words += len(re.findall(r"\w+", cell.source))
            continue
        figures += sum("image/png" in output.get("data", {}) for output in cell.outputs)
        if not HIDDEN.keys() & set(tags(cell)):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return round(words / WORDS + lines * LINE + figures * FIGURE)


def state(notebook: NotebookNode) -> None:
    """Put the honest minutes into the opening, where it says “… minutes to read”."""
    opening = notebook.cells[0]
    opening.source = STATED.sub(f"{honest_minutes(notebook)} minutes to read", opening.source)
