"""Run notebooks one by one, each alone in an empty folder, and say how long they took.

For the bundles of `make colab`: a notebook that takes course_lib from anywhere but from within itself fails.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tools.execute_notebooks import measure, read

CHECK = """
import sys, tempfile
from pathlib import Path
parts = [module for name, module in sys.modules.items() if name.split(".")[0] == "course_lib"]
places = {Path(module.__file__).resolve() for module in parts if module.__file__}
assert places, "course_lib was not used"
unpacked = Path(tempfile.gettempdir()).resolve()  # make_colab unpacks into …/course_lib_<random>/
outside = {place for place in places if not str(place).startswith(f"{unpacked / 'course_lib_'}")}
assert not outside, f"not from within the notebook: {outside}"
"""


def main() -> int:
    """Run what the command line names; 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="files, or folders that hold some")
    options = parser.parse_args()
    found = [sorted(path.rglob("*.ipynb")) if path.is_dir() else [path] for path in options.notebooks]
    paths = [path for some in found for path in some]
    if not paths:
        parser.error("no notebook there: run `make colab` first")
    failed = 0
    for path in paths:
        try:
            seconds, memory = run_alone(path)
            print(f"{path.parent.name}/{path.name:40} {seconds:6.1f} s   peak memory {memory}", flush=True)
        except (CellExecutionError, DeadKernelError) as error:
            failed += 1
            print(f"{path.parent.name}/{path.name}: stopped\n{error}", file=sys.stderr, flush=True)
    print(f"{len(paths) - failed} of {len(paths)} notebooks ran to their end.")
    return 1 if failed else 0


def run_alone(path: Path) -> tuple[float, str]:
    """Copy a notebook into a folder of its own and run it there: (seconds, peak memory)."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = read(Path(shutil.copy(path, folder)))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        notebook.cells.append(nbformat.v4.new_code_cell(CHECK))
        return measure(notebook, Path(folder) / path.name, PYTHONPATH="")


if __name__ == "__main__":
    sys.exit(main())
