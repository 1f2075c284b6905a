"""The bundles of `make colab`: alone, they run; twice made, they are the same."""

import base64
import io
import re
import tempfile
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.notebook_rules import LIBRARY, broken_links, markdown, names_no_machine
from tools import make_colab
from tools.notebooks import ROOT, read, store
from tools.write_constraints import project_table

NOTEBOOKS = [path for folder in make_colab.FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]
REPOSITORY = "https://github.com/someone/course"


@pytest.fixture(scope="module")
def package():
    return make_colab.pack()


def small_notebook(source: str):
    return new_notebook(cells=[new_markdown_cell("# Title", id="a"), new_code_cell(source, id="b")])


def unzipped(package: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(base64.b64decode(package)))


def test_the_package_holds_all_of_course_lib_as_it_is(package):
    archive = unzipped(package)
    inside = {name for name in archive.namelist() if name.startswith("course_lib/")}
    assert inside == {file.relative_to(ROOT).as_posix() for file in LIBRARY.rglob("*.py")}
    for name in inside:
        assert archive.read(name) == (ROOT / name).read_bytes()


def test_the_package_says_what_it_requires(package):
    (metadata,) = (name for name in unzipped(package).namelist() if name.endswith(".dist-info/METADATA"))
    lines = unzipped(package).read(metadata).decode().splitlines()
    required = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    assert required == project_table()["dependencies"]


def test_the_same_files_give_the_same_bytes(package):
    assert make_colab.pack() == package
    assert {info.date_time for info in unzipped(package).infolist()} == {(1980, 1, 1, 0, 0, 0)}
    one, two = (make_colab.bundle(read(NOTEBOOKS[0]), "notebooks/x.ipynb", package) for _ in range(2))
    assert one == two


def test_a_bundle_runs_in_an_empty_folder_with_the_package_that_it_carries(package, tmp_path):
    source = """
from pathlib import Path
import course_lib.checks
from course_lib import data, doctor
assert [p.name for p in Path.cwd().iterdir()] == ["small.ipynb"]
assert "torch" in doctor.check_packages().text, "the environment check knows what the course requires"
"""
    path = tmp_path / "small.ipynb"
    store(make_colab.bundle(small_notebook(source), "notebooks/small.ipynb", package), path)
    assert make_colab.run_alone(path)[0] > 0


def test_running_alone_refuses_a_course_lib_from_elsewhere(tmp_path):
    path = tmp_path / "small.ipynb"
    store(small_notebook("from course_lib import data"), path)
    with pytest.raises(CellExecutionError, match="not from within the notebook"):
        make_colab.run_alone(path)


def test_the_unpacking_cell_comes_before_all_other_code_and_changes_nothing_else(package):
    notebook = small_notebook("x = 1")
    notebook.cells[1].outputs = [new_output("stream", text="kept\n")]
    cells = make_colab.bundle(notebook, "notebooks/small.ipynb", package).cells
    assert [cell.id for cell in cells] == ["a", "unpack-course-lib", "b"]
    assert cells[2].outputs[0].text == "kept\n"
    assert not re.search(r"pip|github|restart", cells[1].source.replace(package, ""))


@pytest.mark.parametrize(
    ("repository", "words"),
    [("", "chapter 4"), (REPOSITORY, f"[chapter 4]({REPOSITORY}/blob/main/notebooks/04_x.ipynb#part)")],
)
def test_links_to_files_become_words_or_lead_to_the_repository(repository, words):
    others = ", [below](#here), ![a picture](data:image/png;base64,AA) and [a page](https://x.y/z)."
    text = f"In [chapter 4](../notebooks/04_x.ipynb#part){others}"
    assert make_colab.unlink(text, "exercises/04_x.ipynb", repository) == f"In {words}{others}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_bundle_needs_another_file(path, package):
    notebook = make_colab.bundle(read(path), path.relative_to(ROOT).as_posix(), package)
    nbformat.validate(notebook)
    assert broken_links(markdown(notebook), Path(tempfile.gettempdir())) == []
    assert names_no_machine(notebook, path) == []
