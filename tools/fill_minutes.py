"""Write how long chapters take: the minutes to read and the seconds that were measured into their openings,
and these seconds into the tables of README and chapter 00, as the last column.

A row begins with a link to a notebook. The text between the comments <!-- measured --> and <!-- /measured -->
says where the numbers come from.
"""

import json
import re

from tools.minutes import state
from tools.notebooks import ROOT, chapters, read, store

MEASURED = ROOT / "benchmarks" / "notebooks.json"
README = ROOT / "README.md"
START = ROOT / "notebooks" / "00_start_here.ipynb"
ROW = re.compile(r"^(\| \[[^\]]*\]\((?:notebooks/)?(\w+)\.ipynb\) \|.*\|) [^|]* \|$", re.MULTILINE)
OPENING = re.compile(r"about \d+ seconds(?= to run\b)")
NOTE = re.compile(r"(<!-- measured -->).*?(<!-- /measured -->)", re.DOTALL)


def main() -> None:
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    README.write_text(fill(README.read_text(encoding="utf-8"), measured), encoding="utf-8", newline="\n")
    for path in chapters():
        notebook = read(path)
        for cell in notebook.cells if path == START else []:
            if cell.cell_type == "markdown":
                cell.source = fill(cell.source, measured)
        state(notebook)
        notebook.cells[0].source = open_with(notebook.cells[0].source, measured["notebooks"].get(path.stem))
        store(notebook, path)
    print(f"Filled in {README.name} and the chapters.")


def fill(text: str, measured: dict) -> str:
    """A Markdown text with the measured numbers in place; a notebook that was not measured keeps its own."""
    known = measured["notebooks"]

    def fill_row(row: re.Match) -> str:
        return f"{row[1]} {duration(known[row[2]]['seconds'])} |" if row[2] in known else row[0]

    minutes = sum(numbers["seconds"] for numbers in known.values()) / 60
    note = f"Measured on {measured['machine']}, the start of the kernel aside. "
    note += f"All {len(known)} notebooks, appendices too, together take {minutes:.1f} minutes."
    return NOTE.sub(lambda found: found[1] + note + found[2], ROW.sub(fill_row, text))


def open_with(opening: str, numbers: dict | None) -> str:
    """The opening of a chapter with its measured seconds, in fives from ten on."""
    if numbers is None:
        return opening
    seconds = numbers["seconds"]
    rounded = 5 * round(seconds / 5) if seconds > 9.5 else round(seconds)
    return OPENING.sub(f"about {rounded} seconds", opening)


def duration(seconds: float) -> str:
    """As one says it: 7 s, 85 s, 2.1 min."""
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.1f} min"


if __name__ == "__main__":
    main()
