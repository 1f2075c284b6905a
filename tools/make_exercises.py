"""Write exercises/ from solutions/: the answers are cut out by nbgrader's ClearSolutions.

Cells that need an answer (checks, figures tagged `see-it-work`, trainings tagged `experiment`) may then
stop with NotAttempted, so they are tagged `raises-exception`: the notebook runs to its end all the same.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"


def main() -> int:
    """Rewrite every notebook of exercises/, and remove those that have no solution any more."""
    EXERCISES.mkdir(exist_ok=True)
    sources = sorted(SOLUTIONS.glob("*.ipynb"))
    for path in sources:
        exercise = make_exercise(nbformat.read(path, as_version=4))
        (EXERCISES / path.name).write_text(as_text(exercise), encoding="utf-8", newline="\n")
    for orphan in {p.name for p in EXERCISES.glob("*.ipynb")} - {p.name for p in sources}:
        (EXERCISES / orphan).unlink()
    print(f"Wrote {len(sources)} notebooks into {EXERCISES.name}/.")
    return 0


def make_exercise(solution: NotebookNode) -> NotebookNode:
    """The learner's copy of a solved notebook: no answers, no outputs."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    exercise, _ = ClearSolutions(config=config).preprocess(solution.copy(), {})
    for cell in exercise.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
            tags = cell.metadata.get("tags", [])
            if is_check(cell) or {"see-it-work", "experiment"} & set(tags):
                cell.metadata["tags"] = [*tags, "raises-exception"]
        else:
            cell.source = re.sub(r"^(# .*): solutions$", r"\1: exercises", cell.source, flags=re.MULTILINE)
    nbformat.validate(exercise)
    return exercise


def is_check(cell: NotebookNode) -> bool:
    """Whether nbgrader gives points for this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def as_text(notebook: NotebookNode) -> str:
    """The file's content."""
    return nbformat.writes(notebook) + "\n"


if __name__ == "__main__":
    sys.exit(main())
