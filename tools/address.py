"""Write the course's public address everywhere: `python -m tools.address https://github.com/owner/name`.

The address stands in [project.urls] of pyproject.toml. From there it goes into CITATION.cff, the set-up cells
(which then can install course_lib where it is missing), the badges of README and notebooks, and the launch
buttons of the book. Without an argument, everything is written anew from pyproject.toml.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from tools import make_exercises
from tools.notebooks import ROOT, chapters, dress, read, repository, store

BADGE = re.compile(r"\[!\[Open in Colab\][^\n]*\n\n")
COLAB = "https://colab.research.google.com"


def main() -> int:
    """Take the address from the command line, or the one that is known already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?", help="of the repository; an empty one removes it")
    address = parser.parse_args().address
    if address is not None:
        rewrite(ROOT / "pyproject.toml", lambda text: in_pyproject(text, address.rstrip("/")))
    address = repository()
    rewrite(ROOT / "CITATION.cff", lambda text: in_citation(text, address))
    rewrite(
        ROOT / "README.md", lambda text: badge(address, "notebooks/00_start_here.ipynb") + BADGE.sub("", text)
    )
    for path in [*chapters(), *sorted((ROOT / "solutions").glob("*.ipynb"))]:
        notebook = read(path)
        address_notebook(notebook, path.relative_to(ROOT), address)
        store(notebook, path)
    make_exercises.main()
    print(f"The address is {address or 'not known'}.")
    return 0


def address_notebook(notebook: NotebookNode, name: Path, address: str) -> None:
    """The badge above the title of a notebook stored at `name` below the root, and its set-up cell."""
    # an exercise is made from its solution, and it is the exercise that a learner opens
    solved = name.parts[0] == "solutions"
    shown = f"exercises/{make_exercises.exercise_of(name.name)}" if solved else name.as_posix()
    first = notebook.cells[0]
    first.source = badge(address, shown) + BADGE.sub("", first.source)
    dress(notebook, address)


def badge(address: str, name: str) -> str:
    """A link that opens the file `name` in Colab, "" without an address that Colab can read."""
    if not address.startswith("https://github.com/"):
        return ""
    target = f"{address.replace('https://github.com', f'{COLAB}/github')}/blob/main/{name}"
    return f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({target})\n\n"


def in_pyproject(text: str, address: str) -> str:
    """pyproject.toml with this `Repository`, or without one."""
    text = re.sub(r'\[project\.urls\]\nRepository = "[^"]*"\n\n', "", text)
    table = f'[project.urls]\nRepository = "{address}"\n\n' if address else ""
    return text.replace("[project.optional-dependencies]", f"{table}[project.optional-dependencies]", 1)


def in_citation(text: str, address: str) -> str:
    """CITATION.cff with this address of the code, or without one."""
    text = re.sub(r'repository-code: "[^"]*"\n', "", text)
    return text.replace("license:", f'repository-code: "{address}"\nlicense:', 1) if address else text


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Put the changed text into its file."""
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
