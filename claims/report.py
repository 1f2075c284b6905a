"""claims.json and claims.md: every claim over the seeds, and the smallest margin of its comparisons."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import machine


def summarise(runs: Sequence) -> dict:
    """The runs of one chapter, ready for JSON."""
    statements = dict.fromkeys(statement for run in runs for statement in run.claims)
    return {
        "seeds": [run.seed for run in runs],
        "seconds": round(statistics.median(run.seconds for run in runs), 1),
        "machine": machine().rpartition(", ")[0],  # without its threads: each notebook has one
        "errors": sorted({error for run in runs for error in run.errors}),
        "claims": {
            statement: {
                "failed": [run.seed for run in runs if run.claims.get(statement, "missing")],
                "margins": smallest([run.margins.get(statement, {}) for run in runs]),
            }
            for statement in statements
        },
    }


def smallest(margins: Sequence[dict[str, float]]) -> dict[str, float]:
    """assert → its smallest margin over the runs."""
    names = dict.fromkeys(name for found in margins for name in found)
    return {name: min(found[name] for found in margins if name in found) for name in names}


def write(folder: Path, new: dict[str, dict]) -> None:
    """Put the new chapters among those already in claims.json, and render claims.md from it."""
    store = folder / "claims.json"
    known = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    chapters = dict(sorted({**known, **new}.items()))
    text = json.dumps(chapters, indent=1, ensure_ascii=False) + "\n"
    store.write_text(text, encoding="utf-8", newline="\n")
    (folder / "claims.md").write_text(render(chapters), encoding="utf-8", newline="\n")
    print(f"Wrote claims.md and {store.name} in {folder}.")


def render(chapters: dict[str, dict]) -> str:
    """The chapters as two Markdown tables: the runs, and the claims."""
    runs = [
        "| chapter | seeds | seconds (median, one thread) | errors outside claims | machine |",
        "|---|---|---|---|---|",
    ]
    claims = ["| chapter | claim | held | failed for seeds | smallest margin |", "|---|---|---|---|---|"]
    for chapter, facts in chapters.items():
        seeds, errors = facts["seeds"], "; ".join(facts["errors"]) or "none"
        runs.append(_row(chapter, _join(seeds), facts["seconds"], errors, facts["machine"]))
        for statement, claim in facts["claims"].items():
            held = f"{len(seeds) - len(claim['failed'])} of {len(seeds)}"
            worst = min(claim["margins"].items(), key=lambda item: item[1], default=None)
            margin = f"{100 * worst[1]:.3g} % of the limit: `{worst[0]}`" if worst else "exact"
            claims.append(_row(chapter, statement, held, _join(claim["failed"]) or "none", margin))
    title = "# The claims of the chapters over many seeds"
    note = (
        "Written by `python -m claims`. A margin says how far the nearest comparison of a claim was from "
        "failing, as a share of its limit, in the worst of all runs."
    )
    return "\n".join([title, "", note, "", *runs, "", *claims, ""])


def _row(*values: object) -> str:
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def _join(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds))
