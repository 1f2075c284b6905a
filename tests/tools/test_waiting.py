"""Waiting and memory are measured as the report says. No test measures time."""

import json
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import waiting
from tools.notebooks import store

HOLD = "import numpy\nheld = numpy.ones(25 * 2**20)\nimport time\ntime.sleep(1)"  # 200 MiB
RELEASE = "del held\ntime.sleep(1)"


@pytest.fixture
def notebook(tmp_path):
    """Writes a notebook of these cells, after a set-up cell, and returns its path."""

    def write(*sources, stem="00_small"):
        cells = [new_code_cell("x = 1", metadata={"tags": ["setup"]}), *map(new_code_cell, sources)]
        store(new_notebook(cells=cells), tmp_path / f"{stem}.ipynb")
        return tmp_path / f"{stem}.ipynb"

    return write


def test_memory_that_is_given_back_is_in_the_peak_alone(notebook):
    found = waiting.memory(notebook(HOLD, RELEASE))
    assert found["private, peak"] - found["private, end"] == pytest.approx(200, abs=40)
    assert found["private, end"] - found["private, set-up"] < 60
    assert found["PSS, end"] >= found["private, end"] > 0


def test_memory_that_is_held_is_there_at_the_end(notebook):
    found = waiting.memory(notebook(HOLD))
    assert found["private, end"] - found["private, set-up"] == pytest.approx(200, abs=60)


def test_company_is_one_busy_process_or_the_same_notebook_again(monkeypatch):
    seconds = iter([2.0, 3.0, 9.0, 4.0])
    busy = []
    popen = waiting.subprocess.Popen
    monkeypatch.setattr(waiting.subprocess, "Popen", lambda *a: busy.append(popen(*a)) or busy[-1])
    monkeypatch.setattr(waiting, "ProcessPoolExecutor", lambda workers, context: ThreadPoolExecutor(1))
    monkeypatch.setattr(waiting, "seconds_of", lambda path: next(seconds))
    assert waiting.in_company("a path") == {"alone": 2, "busy": 3, "two": 9}
    assert [process.poll() is not None for process in busy] == [True], "it must end with the measuring"


def test_a_notebook_that_stops_keeps_its_old_numbers_and_the_others_theirs(notebook, tmp_path, monkeypatch):
    good, bad = notebook("1", stem="00_good"), notebook("1 / 0", stem="01_bad")
    old = {"notebooks": {"01_bad": {"seconds": 5}, "99_gone": {"seconds": 7}, "00_good": {"busy": 3}}}
    file = tmp_path / "notebooks.json"
    file.write_text(json.dumps(old), encoding="utf-8")
    monkeypatch.setitem(waiting.WAYS, "notebooks", ("notebooks", lambda: [good, bad], waiting.alone))
    reports = []
    assert waiting.measure_notebooks(tmp_path, "notebooks", None, reports.append) == ["01_bad"]
    stored = json.loads(file.read_text(encoding="utf-8"))["notebooks"]
    assert set(stored) == {"00_good", "01_bad"}
    assert stored["01_bad"] == {"seconds": 5}
    assert stored["00_good"]["busy"] == 3
    assert stored["00_good"]["seconds"] < 60
    assert nbformat.read(good, 4).cells[-1].outputs == [], "the file stays as it was"
    assert reports == [tmp_path]
