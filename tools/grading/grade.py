"""Grade what was handed in: `python -m tools.grading.grade 06 FOLDER-OR-ZIP`.

Each submission runs alone: in a process, a folder and a gradebook of its own, so that none can change the
points of another. Written below grading/06_kl_divergence: points.csv with a column for each graded
exercise, feedback/ with a page for each learner, graded/ with the notebooks as they ran.
"""

import argparse
import csv
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry

from tools.grading.assignment import GRADING, demand, exercises, find, nbgrader, write
from tools.grading.intake import Submission, collect
from tools.notebooks import ROOT, read, store

SECONDS = 120  # for one cell: ten times what the slowest needs on a laptop
WHOLE = 20 * SECONDS  # for a submission with all its cells
LEGIBLE = """
div#notebook pre { white-space: pre-wrap; overflow-wrap: anywhere; }
div#notebook summary { display: list-item; cursor: pointer; }
div#notebook :is(td, th) { padding-right: 1em; }
"""


def main() -> int:
    """Grade what the command line names, or one submission in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapter", help="its number, such as 06")
    parser.add_argument("place", help="the folder, zip or notebook that was handed in")
    parser.add_argument("--jobs", type=int, default=1, help="submissions at a time (default 1)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for one cell (default %(default)s)")
    options = parser.parse_args()
    solution = find(options.chapter)
    if not options.place:
        raise SystemExit(f"Which submissions? make grade NB={solution.stem[:2]} FROM=folder-or-zip")
    rows = grade(solution, Path(options.place), GRADING / solution.stem, options.jobs, options.seconds)
    return 0 if rows else 1


def grade(solution: Path, place: Path, course: Path, jobs: int, seconds: int) -> list[dict]:
    """Grade all submissions in `place`: a row for each, which is also written to `course`/points.csv."""
    release = read(write(solution, course))
    release.metadata["assignment"] = solution.stem
    columns = exercises(release)
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        submissions, strays = collect(place, release, Path(folder))
        if not submissions:
            print(f"There is no notebook in {place}.", file=sys.stderr)
            return []
        for submission in submissions:
            for remark in submission.remarks:
                print(f"{submission.learner}: {remark}")
        if strays:
            more = f" and {len(strays) - 10} more" if len(strays) > 10 else ""
            print(f"Not looked at: {', '.join(strays[:10])}{more}")
        for name in ("feedback", "graded"):
            shutil.rmtree(course / name, ignore_errors=True)
        print(
            f"{sum(s.notebook is not None for s in submissions)} to run from top to bottom, {jobs} at a time "
            f"(JOBS=2: two). A cell is stopped after {seconds} seconds.",
            flush=True,
        )
        start, before = time.perf_counter(), fingerprint()

        def one(submission: Submission) -> dict:
            row = points(submission, solution.stem, course, columns, seconds)
            print(f"{submission.learner:24} {row['points']:>5g} of {row['of']:g}", flush=True)
            return row

        with ThreadPoolExecutor(jobs) as pool:
            rows = list(pool.map(one, submissions))
    if fingerprint() != before:
        raise SystemExit("A submission changed files of the course: these points mean nothing. Restore them.")
    table(course / "points.csv", rows, columns)
    took = time.perf_counter() - start
    print(f"{len(rows)} submissions in {took:.0f} s: {shown(course / 'points.csv')}, feedback/ beside it.")
    return rows


def points(
    submission: Submission, name: str, course: Path, columns: dict[str, str], seconds: int
) -> dict[str, object]:
    """The row of one submission: points by exercise, their sum, remarks."""
    remarks = list(submission.remarks)
    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        own = Path(folder)
        shutil.copy(course / "gradebook.db", own)
        shutil.copytree(course / "source", own / "source")
        if submission.notebook is not None:
            store(submission.notebook, own / "submitted" / submission.learner / name / f"{name}.ipynb")
            found = run_apart(own, submission.learner, name, seconds)
            for kind, ending in {"feedback": ".html", "autograded": ".ipynb"}.items():
                made = own / kind / submission.learner / name / f"{name}{ending}"
                target = course / kind.replace("autograded", "graded") / f"{submission.learner}{ending}"
                if made.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(made, target)
                    if kind == "feedback":
                        make_legible(target, columns)
                    else:
                        found += stopped(read(made))
            for remark in found:
                print(f"{submission.learner}: {remark}", flush=True)
            remarks += found
        scores, most = read_scores(own, submission.learner, name), read_most(course, name)
    row = {"learner": submission.learner}
    row |= dict.fromkeys(columns.values(), 0.0)
    for cell, number in columns.items():
        row[number] += min(scores.get(cell, 0.0), most[cell])
    total = sum(row[number] for number in set(columns.values()))
    return row | {"points": total, "of": sum(most.values()), "remarks": "; ".join(remarks)}


def stopped(graded: NotebookNode) -> list[str]:
    """Why cells of a graded notebook were stopped from outside, each reason once."""
    outputs = [output for cell in graded.cells for output in cell.get("outputs", [])]
    reasons = [o.evalue.replace("This", "a").rstrip(".") for o in outputs if o.get("ename") == "NotRun"]
    return list(dict.fromkeys(reasons))


def make_legible(page: Path, columns: dict[str, str]) -> None:
    """Wrap long lines, which nbgrader cuts, and name exercises at the top, where it says “Test cell”."""
    text = page.read_text("utf-8").replace("</head>", f"<style>{LEGIBLE}</style></head>", 1)
    for cell, number in columns.items():
        text = text.replace(f'"#{cell}">Test cell<', f'"#{cell}">Exercise {number}<')
    page.write_text(text, "utf-8")


def run_apart(own: Path, learner: str, name: str, seconds: int) -> list[str]:
    """Let nbgrader grade one submission in a process of its own; what is to be remarked."""
    code = "import sys; from tools.grading.grade import alone; alone(*sys.argv[1:])"
    try:
        subprocess.run(
            [sys.executable, "-c", code, str(own), learner, name, str(seconds)],
            cwd=ROOT, check=True, capture_output=True, text=True, timeout=max(WHOLE, 20 * seconds),
            env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ["not graded: it did not come to its end"]
    except subprocess.CalledProcessError as error:
        last = [line for line in error.stderr.splitlines() if line.strip()]
        return [f"not graded: {last[-1] if last else error}"]
    return []


def alone(own: str, learner: str, name: str, seconds: str) -> None:
    """In a process of its own: grade the one submission of a folder, and write its feedback."""
    from nbgrader.converters import Autograde

    from tools.grading.preprocessors import Contained, Execute

    steps = [Contained if step is Execute else step for step in Autograde().autograde_preprocessors]
    api = nbgrader(
        Path(own),
        Autograde={"autograde_preprocessors": steps},
        Contained={"timeout": int(seconds)},
        ClearMetadataPreprocessor={"preserve_cell_metadata_mask": {"nbgrader", "alt"}},
    )
    demand(api.autograde(name, learner), "nbgrader cannot grade it")
    demand(api.generate_feedback(name, learner), "there is no feedback")


def read_scores(own: Path, learner: str, name: str) -> dict[str, float]:
    """The points of the graded cells by name; none when nothing was graded."""
    with Gradebook(f"sqlite:///{own / 'gradebook.db'}") as gradebook:
        try:
            submission = gradebook.find_submission(name, learner)
        except MissingEntry:
            return {}
        return {grade.name: grade.score for notebook in submission.notebooks for grade in notebook.grades}


def read_most(course: Path, name: str) -> dict[str, float]:
    """The most points of each graded cell."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        notebook = gradebook.find_notebook(name, name)
        return {cell.name: cell.max_score for cell in notebook.grade_cells}


def table(path: Path, rows: list[dict], columns: dict[str, str]) -> None:
    """Write the points, a column for each graded exercise."""
    fields = ["learner", *dict.fromkeys(columns.values()), "points", "of", "remarks"]
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # with a mark that spreadsheets know
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(
            {key: f"{v:g}" if isinstance(v, float) else v for key, v in row.items()} for row in rows
        )


def fingerprint(folders: tuple[str, ...] = ("course_lib", "tools", "solutions")) -> str:
    """A hash of the files that grading relies on."""
    digest = hashlib.sha256()
    for path in sorted(
        p for name in folders for p in (ROOT / name).rglob("*") if p.suffix in (".py", ".ipynb")
    ):
        digest.update(path.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def shown(path: Path) -> Path:
    """A path as seen from the course, when it lies there."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    sys.exit(main())
