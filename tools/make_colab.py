"""Write dist/colab: every notebook with course_lib inside it, so that one file alone runs anywhere.

The first code cell of a bundle holds the package as base64 text, unpacks it into a temporary folder and
puts that on `sys.path`: no pip, no restart, no network. Links to other files lead to the repository when
[project.urls] names one, else they become plain words. `--run` runs each bundle alone in an empty folder.
"""

import argparse
import base64
import io
import re
import shutil
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path
from posixpath import normpath

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools.notebooks import ROOT, measure, read, repository, run_each, store
from tools.write_constraints import project_table

TARGET = ROOT / "dist" / "colab"
FOLDERS = {"notebooks": "", "exercises": "exercises", "solutions": "solutions"}  # → below dist/colab
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z][a-z+.-]*:|#)([^)\s#]+)(#[^)\s]*)?\)")
UNPACK = """\
# @title Run this first: it unpacks course_lib, the package of this course
import base64
import io
import sys
import tempfile
import zipfile

PACKAGE = '''
{package}
'''
folder = tempfile.mkdtemp(prefix="course_lib_")
zipfile.ZipFile(io.BytesIO(base64.b64decode(PACKAGE))).extractall(folder)
sys.path.insert(0, folder)
"""
ALONE = """
import sys, tempfile
from pathlib import Path
parts = [module for name, module in sys.modules.items() if name.split(".")[0] == "course_lib"]
places = {Path(module.__file__).resolve() for module in parts if module.__file__}
assert places, "course_lib was not used"
unpacked = Path(tempfile.gettempdir()).resolve() / "course_lib_"  # its folder's name begins like this
outside = {place for place in places if not str(place).startswith(str(unpacked))}
assert not outside, f"not from within the notebook: {outside}"
"""


def main() -> int:
    """Bundle all notebooks of all folders that exist, or run the bundles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs="*", type=Path, help="run these bundles (default: all) and write none")
    chosen = parser.parse_args().run
    if chosen is not None:
        return run_each(chosen or sorted(TARGET.rglob("*.ipynb")), run_alone)
    address, package, count = repository(), pack(), 0
    for folder, below in FOLDERS.items():
        found = [*(ROOT / folder).glob("*.ipynb"), *(ROOT / folder).glob("appendix/*.ipynb")]
        for path in sorted(found):
            notebook = bundle(read(path), path.relative_to(ROOT).as_posix(), package, address)
            store(notebook, TARGET / below / path.relative_to(ROOT / folder))
            count += 1
    where = f"with links to {address}" if address else "pyproject.toml names no repository to link to"
    print(f"Wrote {count} notebooks below {TARGET.relative_to(ROOT)}; {where}.")
    return 0 if count else 1


def run_alone(path: Path) -> tuple[float, str]:
    """Copy a bundle into a folder of its own and run it there: (seconds, peak memory)."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = read(Path(shutil.copy(path, folder)))
        notebook.cells.append(new_code_cell(ALONE))
        return measure(notebook, Path(folder) / path.name, PYTHONPATH="", COURSE_STRICT="1")


def pack() -> str:
    """course_lib, its metadata and licence as a zip file in base64: the same text for the same files."""
    files = {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in ROOT.glob("course_lib/**/*.py")}
    project = project_table()
    about = f"course_lib-{project['version']}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    metadata += [f"Requires-Dist: {line}" for line in project["dependencies"]]  # for the environment check
    files[f"{about}/METADATA"] = "\n".join(metadata) + "\n"
    files[f"{about}/licenses/LICENSE"] = (ROOT / "LICENSE").read_text("utf-8")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in sorted(files):  # a ZipInfo carries a fixed date
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED, 9)
    return "\n".join(textwrap.wrap(base64.b64encode(zipped.getvalue()).decode(), 100))


def bundle(notebook: NotebookNode, name: str, package: str, repository: str = "") -> NotebookNode:
    """Make `notebook`, stored at `name` below the root, stand alone."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = unlink(cell.source, name, repository)
    unpack = new_code_cell(UNPACK.format(package=package).rstrip(), id="unpack-course-lib")
    unpack.metadata = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["bundle"]}
    first_code = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(first_code, unpack)
    return notebook


def unlink(text: str, name: str, repository: str = "") -> str:
    """The text with its links to files made addresses in the repository, or words when there is none."""

    def replace(match: re.Match) -> str:
        words, file, anchor = match[1], normpath(f"{name}/../{match[2]}"), match[3] or ""
        if repository:
            return f"[{words}]({repository}/blob/main/{file}{anchor})"
        return words

    return LINK.sub(replace, text)


if __name__ == "__main__":
    sys.exit(main())
