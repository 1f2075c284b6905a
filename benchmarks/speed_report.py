"""speed.md: the goals of goals.yml, what was measured beside them, and why a goal can be missed."""

from pathlib import Path

import yaml

Numbers = dict[str, float]  # what was measured, in words → the number
SECTIONS = yaml.safe_load((Path(__file__).parent / "goals.yml").read_text(encoding="utf-8"))
WAITING = SECTIONS.pop("waiting")
ALONE = {"seconds": "seconds", "MB": "peak memory (MB)"}
COLUMNS = {  # kind of notebook → what was measured → its name in the table
    "notebooks": {
        **ALONE,
        "alone": "alone, again (s)",
        "busy": "beside a busy process (s)",
        "two": "two at once (s)",
        "private, import": "own memory after import (MiB)",
        "private, set-up": "after set-up",
        "private, end": "at the end",
        "private, peak": "peak",
        "PSS, end": "PSS at the end",
    },
    "solutions": ALONE,
}


def render(sections: dict, measured: dict) -> str:
    """The report from the content of speed.json and of notebooks.json; both may be empty."""
    lines = [
        "# How fast it is",
        "",
        "Written by `nox -s bench`. Numbers are medians; notebooks and whole commands ran once. What is "
        "compared took turns, and a ratio is the median of the rounds' ratios. The first edition's numbers "
        "come from its own twelve chapters and another computer; – stands where it measured nothing.",
        "",
        "| goal | asked | first edition | measured | met? |",
        "|---|---|---|---|---|",
    ]
    for name, section in SECTIONS.items():
        numbers = sections.get(name, {}).get("numbers", {})
        lines += [goal_row(goal, numbers.get(goal["number"])) for goal in section["goals"]]
    found = waiting(measured)
    lines += [goal_row(goal, found.get(goal["number"])) for goal in WAITING["goals"]]
    for name, section in SECTIONS.items():
        if name in sections:
            machine, numbers = sections[name]["machine"], sections[name]["numbers"]
            lines += ["", f"## {section['title']}", "", section["note"], "", f"Machine: {machine}.", ""]
            lines += ["| what | number |", "|---|---|"]
            lines += [_row(what, f"{number:,.4g}") for what, number in numbers.items()]
    if measured:
        lines += ["", f"## {WAITING['title']}", "", WAITING["note"], "", f"Machine: {measured['machine']}."]
    for kind, columns in COLUMNS.items():
        if kind in measured:
            lines += ["", _row(kind, *columns.values()), "|" + "---|" * (1 + len(columns))]
            for name, numbers in measured[kind].items():
                lines.append(_row(name, *(numbers.get(column, "–") for column in columns)))
    return "\n".join([*lines, ""])


def waiting(measured: dict) -> Numbers:
    """What the goals ask of all notebooks: their sum, or the worst of them."""
    found = [numbers for kind in COLUMNS for numbers in measured.get(kind, {}).values()]
    together = [n["seconds"] for n in measured.get("notebooks", {}).values() if "seconds" in n]
    company = list(measured.get("notebooks", {}).values())
    if not all("alone" in n for n in company):  # the worst of some would not be the worst
        company = []
    worst = {
        "slowest": [n["seconds"] for n in found if "seconds" in n],
        "busy ÷ alone": [n["busy"] / n["alone"] for n in company],
        "two ÷ alone": [n["two"] / n["alone"] for n in company],
        "private, end": [n["private, end"] for n in found if "private, end" in n],
    }
    all_minutes = {"minutes together": sum(together) / 60} if together else {}
    return all_minutes | {name: max(numbers) for name, numbers in worst.items() if numbers}


def goal_row(goal: dict, found: float | None) -> str:
    """One line of the table of goals."""
    at_least = "at_least" in goal
    limit = goal["at_least" if at_least else "at_most"]
    why = f": {goal['why']}" if "why" in goal else ""
    asked = f"{'≥' if at_least else '≤'} {limit:g}"
    first = f"{goal['first']:,.4g}" if "first" in goal else "–"
    if found is None:
        unmeasured = f": {goal['unmeasured']}" if "unmeasured" in goal else ""
        return _row(goal["text"], asked, first, "–", f"not measured{unmeasured}")
    met = found >= limit if at_least else found <= limit
    verdict = "yes" if met else f"no, {abs(found / limit - 1):.0%} off{why}"
    return _row(goal["text"], asked, first, f"{found:,.4g}", verdict)


def _row(*values: object) -> str:
    return "| " + " | ".join(map(str, values)) + " |"
