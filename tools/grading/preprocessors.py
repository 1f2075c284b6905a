"""How a submission runs: no cell stops the others, no warning costs points, the checks are the course's."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute

from tools.make_exercises import is_check
from tools.notebooks import started

FRESH = """\
import importlib as _importlib, sys as _sys
for _name in [m for m in _sys.modules if m.split(".")[:2] == ["course_lib", "checks"]]:
    del _sys.modules[_name]
checks = _importlib.import_module("course_lib.checks")
"""
MOST = 3  # cells that may kill the kernel or take too long before the rest is given up


class Contained(Execute):
    """Executes all cells. One that kills the kernel or takes too long gets an error, and the others run."""

    def preprocess(self, nb: NotebookNode, resources: dict, km: object = None) -> tuple[NotebookNode, dict]:
        self.shutdown_kernel, self.interrupt_on_timeout, self.error_on_timeout = "immediate", False, {}
        self.deadly: dict[int, str] = {}
        while True:
            try:
                with tempfile.TemporaryDirectory() as folder:  # away from the gradebook
                    resources["metadata"]["path"] = folder
                    return super().preprocess(nb, resources, km)
            except (CellTimeoutError, DeadKernelError) as error:
                slow = isinstance(error, CellTimeoutError)
                why = f"took more than {self.timeout} seconds" if slow else "ended the kernel"
                self.deadly[self.running] = f"This cell {why}."
                if len(self.deadly) == MOST:
                    rest = range(self.running + 1, len(nb.cells))
                    self.deadly |= dict.fromkeys(
                        rest, f"Not run: {MOST} cells before this one ended the kernel or took too long."
                    )

    @contextmanager
    def setup_kernel(self, **options: object) -> Iterator[None]:
        """A kernel that dies before any cell ran is not the learner's fault: it is started again."""
        with ExitStack() as stack:
            started(lambda: stack.enter_context(super(Contained, self).setup_kernel(**options)))
            yield

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple[NotebookNode, dict]:
        if cell.cell_type != "code":
            return cell, resources
        self.running = index
        if index in self.deadly:
            cell.outputs = [error("NotRun", self.deadly[index])]
        elif is_check(cell):
            shown, cell.source = cell.source, FRESH + cell.source
            try:
                super().preprocess_cell(cell, resources, index)
            finally:
                cell.source = shown
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            told = "".join(o.get("text", "") for o in cell.outputs)
            if "✓" not in told and not any(o.output_type == "error" for o in cell.outputs):
                cell.outputs.append(error("NotRun", "The check did not come to its end."))
        else:
            super().preprocess_cell(cell, resources, index)
        return cell, resources


def error(name: str, text: str) -> NotebookNode:
    """The output of a cell that was stopped from outside."""
    return new_output("error", ename=name, evalue=text, traceback=[text])
