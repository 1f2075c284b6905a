"""Write dist/colab: every notebook with course_lib inside it, so that one file alone runs anywhere.

The first code cell of a bundle holds the package as base64 text, unpacks it into a temporary folder and
puts that on `sys.path`: no pip, no restart, no network. Links to other files become plain words. When
[project.urls] in pyproject.toml names a `Repository`, links lead there, a badge opens the bundle in Colab
from the branch `colab` (it must hold what lies in dist/colab), and a cell can fetch the newest course_lib.
"""

import base64
import io
import re
import sys
import textwrap
import zipfile
from posixpath import normpath

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools.execute_notebooks import read
from tools.write_constraints import ROOT, project_table

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
CLONE = """\
# @title Only when you want the newest course_lib: tick the box, and run this before what follows
newest = False  # @param {{type: "boolean"}}
if newest:
    import subprocess

    folder = tempfile.mkdtemp(prefix="course_lib_")
    subprocess.run(["git", "clone", "--quiet", "--depth=1", "{repository}", folder], check=True)
    sys.path.insert(0, folder)
"""
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({address})\n\n"


def main() -> int:
    """Bundle all notebooks of all folders that exist."""
    repository = project_table().get("urls", {}).get("Repository", "").rstrip("/")
    target, package, count = ROOT / "dist" / "colab", pack(), 0
    for folder, below in FOLDERS.items():
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            notebook = bundle(read(path), path.relative_to(ROOT).as_posix(), package, repository)
            file = target / below / path.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
            count += 1
    where = f"with links to {repository}" if repository else "pyproject.toml names no repository to link to"
    print(f"Wrote {count} notebooks below {target.relative_to(ROOT)}; {where}.")
    return 0 if count else 1


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
    cells = [_form_cell("unpack-course-lib", UNPACK.format(package=package))]
    if repository:
        cells.append(_form_cell("clone-course-lib", CLONE.format(repository=repository)))
        folder, _, file = name.partition("/")
        published = "/".join(filter(None, (FOLDERS[folder], file)))
        notebook.cells[0].source = (
            BADGE.format(
                address=repository.replace("https://github.com", "https://colab.research.google.com/github")
                + f"/blob/colab/{published}"
            )
            + notebook.cells[0].source
        )
    first_code = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells[first_code:first_code] = cells
    return notebook


def unlink(text: str, name: str, repository: str = "") -> str:
    """The text with its links to files made addresses in the repository, or words when there is none."""

    def replace(match: re.Match) -> str:
        words, file, anchor = match[1], normpath(f"{name}/../{match[2]}"), match[3] or ""
        if repository:
            return f"[{words}]({repository}/blob/main/{file}{anchor})"
        return words

    return LINK.sub(replace, text)


def _form_cell(name: str, source: str) -> NotebookNode:
    """A code cell that Colab folds away."""
    return new_code_cell(source.rstrip(), id=name, metadata={"cellView": "form", "tags": ["bundle"]})


if __name__ == "__main__":
    sys.exit(main())
