"""Write what `nox -s bench` measured of the notebooks into the README and chapter 00: seconds, memory, machine.

A row is known by its first cell, a link to a notebook, and a column by its heading, "runs in" or "memory".
The text between the comments <!-- measured --> and <!-- /measured --> says where the numbers come from.
"""

import json
import re

from tools.notebooks import ROOT, read, store

MEASURED = ROOT / "benchmarks" / "notebooks.json"
README = ROOT / "README.md"
START = ROOT / "notebooks" / "00_start_here.ipynb"
ROW = re.compile(r"\| *\[[^\]]*\]\((?:notebooks/)?(\w+)\.ipynb\) *\|.*\|")
NOTE = re.compile(r"(<!-- measured -->).*?(<!-- /measured -->)", re.DOTALL)


def main() -> None:
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    README.write_text(fill(README.read_text(encoding="utf-8"), measured), encoding="utf-8", newline="\n")
    notebook = read(START)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = fill(cell.source, measured)
    store(notebook, START)
    print(f"Filled in {README.name} and {START.name}.")


def fill(text: str, measured: dict) -> str:
    """A Markdown text with the measured numbers in place; a notebook that was not measured keeps its own."""
    lines, columns = [], []
    for line in text.split("\n"):
        row = ROW.fullmatch(line)
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = cells_of(line)
        elif row and row[1] in measured["notebooks"]:
            numbers = measured["notebooks"][row[1]]
            new = {"runs in": duration(numbers["seconds"]), "memory": memory(numbers.get("MB"))}
            cells = [new.get(name, old) for name, old in zip(columns, cells_of(line), strict=True)]
            line = f"| {' | '.join(cells)} |"
        lines.append(line)
    return NOTE.sub(lambda found: found[1] + note(measured) + found[2], "\n".join(lines))


def cells_of(line: str) -> list[str]:
    """The cells of a row of a table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def duration(seconds: float) -> str:
    """As one says it: 7 s, 85 s, 2.1 min."""
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.1f} min"


def memory(megabytes: float | None) -> str:
    """To one tenth of a gigabyte."""
    return "–" if megabytes is None else f"{megabytes / 1024:.1f} GB"


def note(measured: dict) -> str:
    """Where the numbers come from, in a sentence."""
    minutes = sum(numbers["seconds"] for numbers in measured["notebooks"].values()) / 60
    return (
        f"Measured on {measured['machine']}, the start of the kernel aside. "
        f"These {len(measured['notebooks'])} chapters together take {minutes:.1f} minutes."
    )


if __name__ == "__main__":
    main()
