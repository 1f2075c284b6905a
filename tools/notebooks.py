"""The one place that reads, runs, cleans and stores notebooks.

As a command, `python -m tools.notebooks [FILE …]` executes notebooks in place, each in a fresh kernel. A
notebook that raises keeps its old file; its failing cell is shown and the exit status is 1.
"""

import argparse
import base64
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from typing import TypeVar

import nbformat
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from PIL import Image

from tools.write_constraints import ROOT, project_table

Started = TypeVar("Started")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python"},
}
HIDDEN = {  # tag of a cell whose code is folded away → its title in Colab
    "setup": "Set-up: run this first",
    "figure": "The code of this figure",
    "claim": "The code of this check",
}
GUARD = """\
import importlib.util
import sys

if importlib.util.find_spec("course_lib") is None:  # another Python than the course's, or Colab
{cure}

# What this notebook uses
"""
ASK = """\
    class NotHere(ImportError):
        def _render_traceback_(self):  # the sentence alone
            return [str(self)]

    raise NotHere(
        "course_lib is missing here: upload the bundle of this notebook that `make colab` writes."
        if "google.colab" in sys.modules
        else "This Python has no course_lib: choose the course's .venv as the kernel, "
        "or run `make lab` in the course's folder."
    )"""
INSTALL = """\
    import subprocess

    print("Installing course_lib from {address} …")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+{address}"], check=True)
    importlib.invalidate_caches()"""
GUARDED = re.compile(r"import importlib\.util\n.*?# What this notebook uses\n", re.DOTALL)
TITLE = re.compile(r"# @title .*\n")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PROGRESS_BAR = re.compile(r"[^\r\n]*\d+%\|[^\r\n]*[\r\n]*")
PEAK_MEMORY = """
import sys
try:
    import resource
except ImportError:  # Windows
    print("unknown")
else:
    try:  # Linux, where ru_maxrss counts what the program had in use that started this one
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    print(f"{peak * unit / 2**20:.0f} MB")
"""


def main() -> int:
    """Execute what the command line names; 1 when a notebook raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="files (default: all in notebooks/)")
    return run_each(parser.parse_args().notebooks or chapters(), execute)


def run_each(paths: Iterable[Path], action: Callable[[Path], tuple[float, str]]) -> int:
    """Run notebooks with what `execute` or its like does, and print a line for each; 1 when one failed."""
    failed = 0
    for path in paths:
        try:
            seconds, memory = action(path)
            print(f"{path.parent.name}/{path.name:40} {seconds:6.1f} s   peak memory {memory}", flush=True)
        except (CellExecutionError, DeadKernelError) as error:
            failed += 1
            print(f"{path.name}: stopped, and its file left as it was\n{error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


def repository() -> str:
    """The address of the course's repository in pyproject.toml; "" when none is known."""
    return project_table().get("urls", {}).get("Repository", "")


def chapters() -> list[Path]:
    """The notebooks of the course in order, appendices last."""
    return sorted((ROOT / "notebooks").glob("*.ipynb")) + sorted(
        (ROOT / "notebooks").glob("appendix/*.ipynb")
    )


def execute(path: Path) -> tuple[float, str]:
    """Run one notebook and rewrite its file: what `measure` returns."""
    notebook = read(path)
    measured = measure(notebook, path, COURSE_STRICT="1")
    clean(notebook)
    store(notebook, path)
    return measured


# ── Read and store ───────────────────────────────────────────────────────────────────────────────


def read(path: Path) -> NotebookNode:
    """The notebook, with an id for every cell: its own, else the first free `cell-N`.

    nbformat would fill a missing id with a random one, another at every run.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    taken = {cell["id"] for cell in content["cells"] if "id" in cell}
    free = (name for n in range(sys.maxsize) if (name := f"cell-{n}") not in taken)
    for cell in content["cells"]:
        if "id" not in cell:
            cell["id"] = next(free)
    content["nbformat_minor"] = max(5, content["nbformat_minor"])  # ids came with 4.5
    return nbformat.reads(json.dumps(content), as_version=4)


def as_text(notebook: NotebookNode) -> str:
    """The content of a notebook's file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def store(notebook: NotebookNode, path: Path) -> None:
    """Write the file, with the same bytes on every platform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(notebook), encoding="utf-8", newline="\n")


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell; none is an empty list."""
    return cell.metadata.get("tags", [])


# ── Run ──────────────────────────────────────────────────────────────────────────────────────────


def run(notebook: NotebookNode, path: Path, *, allow_errors: bool = False, **environment: str) -> float:
    """Execute `notebook`, stored at `path`, in the folder of that file → seconds, kernel start aside.

    The kernel's environment is ours with the variables in `environment` set.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=None,
        allow_errors=allow_errors,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    with ExitStack() as stack:
        # The kernel's own chatter goes to stderr; what cells print does not pass through it.
        kernel = {"env": {**os.environ, **environment}, "stderr": subprocess.DEVNULL}
        started(lambda: stack.enter_context(client.setup_kernel(**kernel)))
        _look_again_every_second(client.kc.shell_channel)
        start = time.perf_counter()
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        return time.perf_counter() - start


def measure(notebook: NotebookNode, path: Path, **environment: str) -> tuple[float, str]:
    """Run `notebook`, stored at `path`: (seconds without the kernel's start, peak memory of the kernel)."""
    notebook.cells.append(new_code_cell(PEAK_MEMORY))
    seconds = run(notebook, path, **environment)
    return seconds, notebook.cells.pop().outputs[0].text.strip()


def with_parameters(notebook: NotebookNode, **values: object) -> None:
    """Set constants anew in a cell after the one tagged `parameters` (at the start, when there is none)."""
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    after = [i + 1 for i, cell in enumerate(notebook.cells) if "parameters" in tags(cell)]
    notebook.cells.insert(
        (after or [0])[0], new_code_cell(source, metadata={"tags": ["injected-parameters"]})
    )


def started(start: Callable[[], Started]) -> Started:
    """What `start` returns, which starts a kernel: a kernel that dies at once is started again, twice.

    jupyter_client looks for free ports before the kernel takes them. Kernels that start at the same moment
    may be given the same one, and only one of them can have it.
    """
    for attempts_left in (2, 1, 0):
        try:
            return start()
        except RuntimeError:
            if not attempts_left:
                raise


def _look_again_every_second(channel: AsyncZMQSocketChannel) -> None:
    """Wait for the kernel's replies in short steps.

    While nbclient waits, it also answers Output widgets on the same socket, which can swallow the signal
    that a reply has come: without a second look it would wait forever.
    """
    get_msg = channel.get_msg

    async def get_msg_in_steps(timeout: float | None = None) -> dict:
        while timeout is None:
            try:
                return await get_msg(timeout=1)
            except Empty:
                continue
        return await get_msg(timeout=timeout)

    channel.get_msg = get_msg_in_steps


# ── Clean ────────────────────────────────────────────────────────────────────────────────────────


def clean(notebook: NotebookNode) -> None:
    """Remove what is dead in a file or differs between machines, and dress the cells."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for key in set(cell.metadata) - {"tags", "nbgrader", "jupyter", "cellView", "alt"}:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _survives(output)]
            for data in (output.get("data", {}) for output in cell.outputs):
                if "image/png" in data:
                    data["image/png"] = shrink(data["image/png"])
    dress(notebook)


def dress(notebook: NotebookNode, address: str | None = None) -> None:
    """Derive from the tags of a cell what JupyterLab, Colab and the site need to fold its code away.

    The set-up cell also learns what to do where course_lib is missing: install it from `address` (default:
    the one in pyproject.toml), or say what helps.
    """
    address = repository() if address is None else address
    cure = INSTALL.format(address=address) if address else ASK
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        titles = [title for tag, title in HIDDEN.items() if tag in tags(cell)]
        cell.source = TITLE.sub("", cell.source, count=1) if TITLE.match(cell.source) else cell.source
        if "setup" in tags(cell):
            cell.source = GUARD.format(cure=cure) + GUARDED.sub("", cell.source)
        kept = [tag for tag in tags(cell) if tag != "hide-input"]
        for key in ("tags", "jupyter", "cellView"):
            cell.metadata.pop(key, None)
        if titles:
            cell.source = f"# @title {titles[0]}\n{cell.source}"
            cell.metadata.update(cellView="form", jupyter={"source_hidden": True})
            kept.append("hide-input")
        if kept:
            cell.metadata["tags"] = kept


def shrink(png: str) -> str:
    """The same picture (base64) in 256 colours of its own: a third of the size and no visible loss."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    smaller = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    shrunk = base64.b64encode(smaller.getvalue()).decode()
    return min(png, shrunk, key=len)


def _survives(output: NotebookNode) -> bool:
    """Strip the dead parts of an output; False when nothing worth keeping is left."""
    if output.output_type == "stream" and output.name == "stderr":
        output.text = PROGRESS_BAR.sub("", output.text)
        return bool(output.text.strip())
    if WIDGET_VIEW in output.get("data", {}):
        del output.data[WIDGET_VIEW]
        return set(output.data) > {"text/plain"}  # plain text alone is the widget's repr
    return True


if __name__ == "__main__":
    sys.exit(main())
