"""Execute notebooks in place, each in a fresh kernel, and store nothing that differs between machines.

A notebook that raises keeps its old file; its failing cell is shown and the exit status is 1.
"""

import argparse
import base64
import io
import json
import re
import sys
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

from tools.notebook_client import run

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python"},
}
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
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="files to execute (default: all in notebooks/)"
    )
    paths = parser.parse_args().notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    if not paths:
        parser.error(f"{NOTEBOOKS.name}/ holds no notebook, and none is named")
    failed = 0
    for path in paths:
        try:
            seconds, memory = execute(path)
            print(f"{path.name:40} {seconds:6.1f} s   peak memory {memory}", flush=True)
        except (CellExecutionError, DeadKernelError) as error:
            failed += 1
            print(f"{path.name}: stopped, and its file left as it was\n{error}", file=sys.stderr)
        except KeyboardInterrupt:
            print(f"{path.name}: interrupted, and its file left as it was", file=sys.stderr)
            return 130
    return 1 if failed else 0


def execute(path: Path) -> tuple[float, str]:
    """Run one notebook and rewrite its file: what `measure` returns."""
    notebook = read(path)
    measured = measure(notebook, path)
    clean(notebook)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    return measured


def measure(notebook: NotebookNode, path: Path, **environment: str) -> tuple[float, str]:
    """Run `notebook`, stored at `path`: (seconds without the kernel's start, peak memory of the kernel)."""
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK_MEMORY))
    seconds = run(notebook, path, **environment)
    return seconds, notebook.cells.pop().outputs[0].text.strip()


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


def clean(notebook: NotebookNode) -> None:
    """Remove what is dead in a file (widgets, progress bars) or differs between machines."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for key in ("execution", "papermill", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _survives(output)]
            for data in (output.get("data", {}) for output in cell.outputs):
                if "image/png" in data:
                    data["image/png"] = shrink(data["image/png"])


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
