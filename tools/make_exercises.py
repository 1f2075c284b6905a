"""Write exercises/ from solutions/: the answers are cut out by nbgrader's ClearSolutions.

Cells that need an answer (checks, figures tagged `see-it-work`, trainings tagged `experiment`) may then
stop with NotAttempted, so they are tagged `raises-exception`: the notebook runs to its end all the same.
A project has a worked example for each kind of data, and its exercise is made from the first of them.
"""

import copy
import re
import sys

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import PyFileConfigLoader

from tools.notebooks import ROOT, read, store, tags

SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"


def main() -> int:
    """Rewrite every notebook of exercises/, and remove those that have no solution any more."""
    sources = {exercise_of(path.name): path for path in sorted(SOLUTIONS.glob("*.ipynb"), reverse=True)}
    for name, path in sources.items():
        store(make_exercise(read(path)), EXERCISES / name)
    for orphan in {p.name for p in EXERCISES.glob("*.ipynb")} - sources.keys():
        (EXERCISES / orphan).unlink()
    print(f"Wrote {len(sources)} notebooks into {EXERCISES.name}/.")
    return 0


def exercise_of(name: str) -> str:
    """The file in exercises/ that belongs to the file `name` in solutions/."""
    return re.sub(r"^(project_.*)_[a-z]+\.ipynb$", r"\1.ipynb", name)


def make_exercise(solution: NotebookNode) -> NotebookNode:
    """The learner's copy of a solved notebook: no answers, no outputs."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    exercise, _ = ClearSolutions(config=config).preprocess(with_stubs(copy.deepcopy(solution)), {})
    return exercise


def with_stubs(notebook: NotebookNode) -> NotebookNode:
    """The notebook with the exercises' title, without outputs, and with cells that may stop tagged so."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
            if is_check(cell) or {"see-it-work", "experiment"} & set(tags(cell)):
                cell.metadata["tags"] = [*tags(cell), "raises-exception"]
        elif "your-words" in tags(cell):
            cell.source = "*Your words:*"
        else:
            title = re.compile(r"^(# .*?)(?: \(\w+\))?: solutions$", re.MULTILINE)
            cell.source = title.sub(r"\1: exercises", cell.source)
    return notebook


def is_check(cell: NotebookNode) -> bool:
    """Whether nbgrader gives points for this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


if __name__ == "__main__":
    sys.exit(main())
