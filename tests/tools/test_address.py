"""One command writes the address everywhere; without course_lib a set-up cell installs it or asks for it."""

import subprocess
from pathlib import Path

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import address, notebooks
from tools.write_constraints import tomllib

REPOSITORY = "https://github.com/someone/course"
SETUP = {"tags": ["setup"]}


@pytest.mark.parametrize("change", [address.in_pyproject, address.in_citation], ids=lambda f: f.__name__)
def test_an_address_is_written_once_changed_and_removed(change):
    name = {address.in_pyproject: "pyproject.toml", address.in_citation: "CITATION.cff"}[change]
    text = change((notebooks.ROOT / name).read_text(encoding="utf-8"), "")
    other = change(change(text, "https://example.org/x"), REPOSITORY)
    parsed = (
        tomllib.loads(other)["project"]["urls"]["Repository"] if "toml" in name else yaml.safe_load(other)
    )
    assert REPOSITORY in (parsed if isinstance(parsed, str) else parsed["repository-code"])
    assert "example.org" not in other
    assert change(other, "") == text


def chapter():
    return new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("x = 1", metadata=SETUP)])


def test_a_notebook_gets_a_badge_and_a_set_up_cell_that_installs():
    notebook = chapter()
    for _ in range(2):  # twice is once
        address.address_notebook(notebook, Path("solutions/02_x.ipynb"), REPOSITORY)
    first, setup = notebook.cells
    assert first.source.count("/github/someone/course/blob/main/exercises/02_x.ipynb") == 1
    assert first.source.endswith("\n\n# Title")
    assert f"git+{REPOSITORY}" in setup.source
    address.address_notebook(notebook, Path("solutions/02_x.ipynb"), "")
    assert first.source == "# Title"
    assert "git+" not in setup.source
    assert setup.source.endswith("x = 1")


@pytest.fixture
def run_without_course_lib(tmp_path):
    """Run a chapter's set-up cell in a kernel whose Python does not see course_lib."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        f"sys.path[:] = [p for p in sys.path if p != {str(notebooks.ROOT)!r}]\n"
    )

    def run(repository, *, before="", after="import course_lib\nprint(course_lib.__file__)"):
        notebook = new_notebook(cells=[new_code_cell(before), new_code_cell(after, metadata=SETUP)])
        notebooks.dress(notebook, repository)
        target = tmp_path / "installed"
        notebooks.run(
            notebook,
            tmp_path / "x.ipynb",
            allow_errors=True,
            PYTHONPATH=f"{tmp_path}:{target}",
            PIP_TARGET=str(target),
            PIP_NO_DEPS="1",
            PIP_NO_BUILD_ISOLATION="0",  # no isolation: pip takes this variable as its opposite
        )
        return notebook.cells[-1].outputs

    return run


@pytest.mark.parametrize(
    ("before", "words"), [("", "kernel"), ("import sys; sys.modules['google.colab'] = sys", "bundle")]
)
def test_without_an_address_one_sentence_says_what_to_do_there(run_without_course_lib, before, words):
    (error,) = run_without_course_lib("", before=before)
    assert words in error.evalue
    assert error.traceback == [error.evalue], "the sentence alone"


def test_with_an_address_it_is_installed_from_there(run_without_course_lib, tmp_path):
    clone = tmp_path / "a repository"
    subprocess.run(["git", "clone", "-q", notebooks.ROOT, clone], check=True)
    outputs = run_without_course_lib(clone.as_uri())
    text = "".join(o.get("text", "") for o in outputs)
    assert "Installing course_lib" in text
    assert str(tmp_path / "installed") in text


def test_stored_notebooks_have_the_address_that_is_known():
    for path in notebooks.chapters():
        notebook = notebooks.read(path)
        address.address_notebook(notebook, path.relative_to(notebooks.ROOT), notebooks.repository())
        assert notebooks.as_text(notebook) == path.read_text(encoding="utf-8"), (
            "run `python -m tools.address`"
        )
