"""The tool that reads, runs, cleans and stores notebooks, tried on small ones."""

import asyncio
import base64
import io
import json
import sys
from queue import Empty
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from PIL import Image

from tools import notebooks

DOT = (  # a picture of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


def test_execute_stores_counts_ids_and_outputs(notebook_file):
    path = notebook_file(new_code_cell("x = 1", id="mine"), new_code_cell("print(x + 1)"))
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["cells"][1]["id"]
    path.write_text(json.dumps(content), encoding="utf-8")

    notebooks.execute(path)

    stored = notebooks.read(path)
    assert [cell.id for cell in stored.cells] == ["mine", "cell-0"]
    assert [cell.execution_count for cell in stored.cells] == [1, 2]
    assert stored.cells[1].outputs[0].text == "2\n"


def test_execute_twice_writes_the_same_bytes(notebook_file):
    path = notebook_file(
        new_code_cell(
            "import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)", metadata={"tags": ["setup"]}
        ),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider()", metadata={"tags": ["figure"]}),
    )
    notebooks.execute(path)
    first = path.read_bytes()
    notebooks.execute(path)
    assert path.read_bytes() == first


def test_execute_leaves_a_notebook_that_raises_untouched(notebook_file, monkeypatch, capsys):
    path = notebook_file(new_code_cell("print(1)"), new_code_cell("raise ValueError('on purpose')"))
    before = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["notebooks.py", str(path)])
    assert notebooks.main() == 1
    assert path.read_bytes() == before
    assert "on purpose" in capsys.readouterr().err


def test_parameters_are_set_after_the_cell_that_holds_them(notebook_file):
    tagged = new_code_cell("SEED = 9\nEPOCHS = 5", metadata={"tags": ["parameters"]})
    path = notebook_file(new_markdown_cell("# Title"), tagged, new_code_cell("print(SEED, EPOCHS)"))
    notebook = notebooks.read(path)
    notebooks.with_parameters(notebook, SEED=3)
    notebooks.run(notebook, path)
    assert notebook.cells[-1].outputs[0].text == "3 5\n"


def test_a_kernel_whose_port_was_taken_is_started_again(notebook_file, taken_port):
    path = notebook_file(new_code_cell("print(1)"))
    notebook = notebooks.read(path)
    notebooks.run(notebook, path)
    assert notebook.cells[0].outputs[0].text == "1\n"
    assert not taken_port


def test_nbval_too_starts_it_again(taken_port):
    kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME)
    try:
        assert kernel.is_alive()
    finally:
        kernel.stop()
    assert not taken_port


def test_a_kernel_that_never_starts_is_an_error():
    starts = []

    def start():
        starts.append("")
        raise RuntimeError("Kernel died before replying to kernel_info")

    with pytest.raises(RuntimeError, match="died"):
        notebooks.started(start)
    assert len(starts) == 3


def test_a_reply_is_found_although_its_signal_was_lost():
    looks = []

    async def get_msg(timeout=None):
        assert timeout is not None, "this wait would never end"
        looks.append(timeout)
        if len(looks) < 3:
            raise Empty
        return "reply"

    channel = SimpleNamespace(get_msg=get_msg)
    notebooks._look_again_every_second(channel)
    assert asyncio.run(channel.get_msg()) == "reply"
    assert len(looks) == 3


def test_clean_keeps_what_a_reader_can_see():
    view = {notebooks.WIDGET_VIEW: {"model_id": "1"}, "text/plain": "HBox(children=())"}
    bar = "\rtrain:  50%|█████     | 5/10\rtrain: 100%|██████████| 10/10\n"
    outputs = [
        new_output("display_data", view),
        new_output("display_data", {**view, "image/png": DOT}),
        new_output("stream", name="stderr", text=bar),
        new_output("stream", name="stderr", text=bar + "a warning\n"),
        new_output("stream", text="100% of it\n"),
    ]
    metadata = {"execution": {"iopub.status.busy": "now"}, "tags": ["parameters"]}
    notebook = new_notebook(
        metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.12.1"}},
        cells=[new_code_cell(metadata=metadata, outputs=outputs)],
    )
    notebooks.clean(notebook)
    (cell,) = notebook.cells
    picture, warning, text = cell.outputs
    assert set(picture.data) == {"image/png", "text/plain"}
    assert warning.text.strip() == "a warning"
    assert text.text == "100% of it\n"
    assert cell.metadata == {"tags": ["parameters"]}
    assert notebook.metadata == notebooks.METADATA


@pytest.mark.parametrize("tag", ["figure", "claim", "setup"])
def test_a_tag_folds_the_code_away_in_jupyterlab_colab_and_the_book(tag):
    cell = new_code_cell("x = 1", metadata={"tags": [tag]})
    notebook = new_notebook(cells=[cell])
    notebooks.dress(notebook, "")
    once = cell.copy()
    notebooks.dress(notebook, "")
    assert cell == once, "twice is once"
    assert cell.metadata.jupyter.source_hidden
    assert cell.metadata.cellView == "form"
    assert cell.metadata.tags == [tag, "hide-input"]
    assert cell.source.startswith("# @title ")
    assert cell.source.endswith("x = 1")


def test_without_the_tag_the_code_is_seen_again():
    cell = new_code_cell("x = 1", metadata={"tags": ["figure"]})
    notebook = new_notebook(cells=[cell])
    notebooks.dress(notebook)
    cell.metadata.tags.remove("figure")
    notebooks.dress(notebook)
    assert (cell.source, cell.metadata) == ("x = 1", {})


def test_a_stored_figure_shrinks_and_looks_the_same():
    fig, ax = plt.subplots()
    ax.imshow(np.add.outer(np.arange(60), np.arange(60)), cmap="viridis")
    ax.set_title("a heat map with many colours")
    file = io.BytesIO()
    fig.savefig(file, format="png")
    plt.close(fig)
    before = base64.b64encode(file.getvalue()).decode()

    after = notebooks.shrink(before)

    assert len(after) < 0.6 * len(before)
    pixels = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=float)
        for png in (before, after)
    ]
    assert np.abs(pixels[0] - pixels[1]).mean() < 2  # of 255
