"""The files around the code agree with each other and hold on any machine."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.notebooks.notebook_rules import LARGEST_FILE, broken_links
from tools.write_constraints import EXTRAS, ROOT, direct_requirements, floors, project_table


def test_conda_brings_python_and_pip_only():
    """Everything else comes through pip, so that there are never two OpenMP runtimes."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = f"python{project_table()['requires-python']}"
    assert environment["dependencies"] == [python, "pip", {"pip": ["-e .[lab,test]"]}]


def test_constraints_name_the_direct_dependencies():
    named = {line.name for line in constraints()}
    wanted = {r.name for r in direct_requirements() if not r.marker}
    allowed = {r.name for r in direct_requirements()}
    assert wanted <= named <= allowed, "run `nox -s constraints`"


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-colab.txt"])
def test_pinned_versions_satisfy_the_floors(file):
    """In Colab only those that lie below every notebook; the extras are for those who work on the course."""
    floors = {r.name: r.specifier for r in direct_requirements(() if "colab" in file else EXTRAS)}
    for pinned in constraints(file):
        (exact,) = pinned.specifier
        assert exact.operator == "=="
        assert exact.version in floors.get(pinned.name, exact), pinned


def test_the_oldest_environment_has_the_floors():
    """`nox -s oldest` installs with these constraints."""
    lines = [Requirement(line) for line in floors().splitlines()]
    exact = {line.name: str(line.specifier) for line in lines}
    for floor in direct_requirements(("lab", "test")):
        (lowest,) = floor.specifier
        assert lowest.operator == ">="
        assert exact[floor.name] == f"=={lowest.version}"


def constraints(name: str = "constraints.txt") -> list[Requirement]:
    """The lines of a file of constraints."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def tracked_files() -> list[Path]:
    """What git tracks; skips the test outside a checkout."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_large_file_is_tracked():
    files = [file for file in tracked_files() if file.is_file()]
    assert [file.name for file in files if file.stat().st_size > LARGEST_FILE] == []


def test_nothing_that_a_run_leaves_behind_is_tracked():
    left = {"__pycache__", ".ipynb_checkpoints", ".venv", ".nox", "dist", ".ruff_cache"}
    paths = [file.relative_to(ROOT) for file in tracked_files()]
    assert [path for path in paths if left & set(path.parts)] == []
    assert [path for path in paths if "data" in path.parts and path.suffix != ".py"] == []


def test_citation_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert all("name" in author or "family-names" in author for author in citation["authors"])
    assert citation["version"] == project_table()["version"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_front_pages_lead_somewhere(name):
    assert broken_links((ROOT / name).read_text(encoding="utf-8"), ROOT) == []
