"""The tools that run notebooks, tried on a small notebook of their own."""

import asyncio
import json
import sys
from queue import Empty
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from benchmarks import claims
from tools import execute_notebooks, notebook_client

CLAIM = {"tags": ["claim"]}
DOT = (  # a picture of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


@pytest.fixture
def notebook_file(tmp_path):
    """Writes a notebook of these cells into a folder of its own."""

    def write(*cells, name="01_small.ipynb"):
        path = tmp_path / name
        nbformat.write(new_notebook(cells=list(cells)), path)
        return path

    return write


def test_execute_stores_counts_ids_and_outputs(notebook_file):
    path = notebook_file(new_code_cell("x = 1", id="mine"), new_code_cell("print(x + 1)"))
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["cells"][1]["id"]
    path.write_text(json.dumps(content), encoding="utf-8")

    execute_notebooks.execute(path)

    stored = nbformat.read(path, as_version=4)
    assert [cell.id for cell in stored.cells] == ["mine", "cell-0"]
    assert [cell.execution_count for cell in stored.cells] == [1, 2]
    assert stored.cells[1].outputs[0].text == "2\n"


def test_execute_twice_writes_the_same_bytes(notebook_file):
    path = notebook_file(
        new_code_cell("import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)"),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider()"),
    )
    execute_notebooks.execute(path)
    first = path.read_bytes()
    execute_notebooks.execute(path)
    assert path.read_bytes() == first


def test_execute_leaves_a_notebook_that_raises_untouched(notebook_file, monkeypatch, capsys):
    path = notebook_file(new_code_cell("print(1)"), new_code_cell("raise ValueError('on purpose')"))
    before = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["execute_notebooks.py", str(path)])
    assert execute_notebooks.main() == 1
    assert path.read_bytes() == before
    assert "on purpose" in capsys.readouterr().err


def test_a_reply_is_found_although_its_signal_was_lost():
    looks = []

    async def get_msg(timeout=None):
        assert timeout is not None, "this wait would never end"
        looks.append(timeout)
        if len(looks) < 3:
            raise Empty
        return "reply"

    channel = SimpleNamespace(get_msg=get_msg)
    notebook_client._look_again_every_second(channel)
    assert asyncio.run(channel.get_msg()) == "reply"
    assert len(looks) == 3


def test_clean_keeps_what_a_reader_can_see():
    view = {execute_notebooks.WIDGET_VIEW: {"model_id": "1"}, "text/plain": "HBox(children=())"}
    bar = "\rtrain:  50%|█████     | 5/10\rtrain: 100%|██████████| 10/10\n"
    notebook = new_notebook(
        metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.12.1"}},
        cells=[
            new_code_cell(
                metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["setup"]},
                outputs=[
                    new_output("display_data", view),
                    new_output("display_data", {**view, "image/png": DOT}),
                    new_output("stream", name="stderr", text=bar),
                    new_output("stream", name="stderr", text=bar + "a warning\n"),
                    new_output("stream", text="100% of it\n"),
                ],
            )
        ],
    )
    execute_notebooks.clean(notebook)
    (cell,) = notebook.cells
    picture, warning, text = cell.outputs
    assert set(picture.data) == {"image/png", "text/plain"}
    assert warning.text.strip() == "a warning"
    assert text.text == "100% of it\n"
    assert cell.metadata == {"tags": ["setup"]}
    assert notebook.metadata == execute_notebooks.METADATA


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [3]), ("0-2", [0, 1, 2]), ("7,0-1", [0, 1, 7]), ("1,1", [1])]
)
def test_seeds_are_read_as_written(text, seeds):
    assert claims.parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("x = 1\n# Half of them.\nassert x", "Half of them."),
        ("x = 1\nassert x > 0, 'no'", "assert x > 0, 'no'"),
    ],
)
def test_a_claim_has_a_name(source, name):
    assert claims.claim_name(source) == name


def test_claims_are_counted_over_seeds(notebook_file, tmp_path, monkeypatch, capsys):
    path = notebook_file(
        new_code_cell("SEED = 9", metadata={"tags": ["parameters"]}),
        new_code_cell("# Small.\nprint('margin: room =', 1 - SEED)\nassert SEED < 1", metadata=CLAIM),
        new_code_cell("1 / 0"),
        new_code_cell("# Checked although a cell before it raised.\nassert True", metadata=CLAIM),
        new_markdown_cell("The end."),
    )
    other = {"seeds": [0], "seconds": 1.0, "machine": "a laptop", "errors": [], "claims": {}}
    (tmp_path / "claims.json").write_text(json.dumps({"00_other": other}), encoding="utf-8")
    options = ["--seeds", "0-1", "--jobs", "2", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["claims.py", str(path), *options])

    assert claims.main() == 1

    report = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert "| 01_small | Small. | 1 of 2 | 1 | room 0 |" in report
    assert "| 01_small | Checked although a cell before it raised. | 2 of 2 | none |  |" in report
    assert "ZeroDivisionError" in report
    assert "| 00_other | 0 | 1.0 | none | a laptop |" in report, "the other chapters keep their rows"
    assert "1 of 2 claims hold" in capsys.readouterr().out


def test_claims_go_into_a_folder_that_is_not_there_yet(notebook_file, tmp_path, monkeypatch):
    path = notebook_file(new_code_cell("# One.\nassert True", metadata=CLAIM))
    folder = tmp_path / "a" / "b"
    monkeypatch.setattr(sys, "argv", ["claims.py", str(path), "--seeds", "0", "--output", str(folder)])
    assert claims.main() == 0
    assert (folder / "claims.md").exists()


def test_a_stored_figure_shrinks_and_looks_the_same():
    import base64
    import io

    import numpy as np
    from matplotlib import pyplot as plt
    from PIL import Image

    fig, ax = plt.subplots()
    ax.imshow(np.add.outer(np.arange(60), np.arange(60)), cmap="viridis")
    ax.set_title("a heat map with many colours")
    file = io.BytesIO()
    fig.savefig(file, format="png")
    plt.close(fig)
    before = base64.b64encode(file.getvalue()).decode()

    after = execute_notebooks.shrink(before)

    assert len(after) < 0.6 * len(before)
    pixels = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=float)
        for png in (before, after)
    ]
    assert np.abs(pixels[0] - pixels[1]).mean() < 2  # of 255
