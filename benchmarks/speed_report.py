"""speed.md: the goals of goals.yml, what was measured beside them, and why a goal can be missed."""

from pathlib import Path

import yaml

Numbers = dict[str, float]  # what was measured, in words → the number
TOTAL = {
    "text": "all notebooks, one after another: minutes",
    "at_most": 4,
    "why": "each takes five to six seconds to import, and for PyTorch's compiler, which any optimizer loads.",
}
SLOWEST = {"text": "the slowest notebook: seconds", "at_most": 45}
SECTIONS = yaml.safe_load((Path(__file__).parent / "goals.yml").read_text(encoding="utf-8"))


def render(sections: dict, measured: dict) -> str:
    """The report from the content of speed.json and of notebooks.json; both may be empty."""
    lines = [
        "# How fast it is",
        "",
        "Written by `nox -s bench`. Numbers are medians. What is compared took turns in one process, and a "
        "ratio is the median of the rounds' ratios.",
        "",
        "| goal | asked | measured | met? |",
        "|---|---|---|---|",
    ]
    for name, section in SECTIONS.items():
        numbers = sections.get(name, {}).get("numbers", {})
        lines += [goal_row(goal, numbers.get(goal["number"])) for goal in section["goals"]]
    seconds = [numbers["seconds"] for numbers in measured.get("notebooks", {}).values()]
    total, slowest = (sum(seconds) / 60, max(seconds)) if seconds else (None, None)
    lines += [goal_row(TOTAL, total), goal_row(SLOWEST, slowest)]
    for name, section in SECTIONS.items():
        if name in sections:
            machine, numbers = sections[name]["machine"], sections[name]["numbers"]
            lines += ["", f"## {section['title']}", "", section["note"], "", f"Machine: {machine}.", ""]
            lines += ["| what | number |", "|---|---|"]
            lines += [_row(what, f"{number:,.4g}") for what, number in numbers.items()]
    if measured:
        note = "Each in a fresh kernel, whose start is not counted. The peak memory is the kernel's."
        lines += ["", "## Notebooks", "", note, "", f"Machine: {measured['machine']}.", ""]
        lines += ["| notebook | seconds | peak memory (MB) |", "|---|---|---|"]
        lines += [_row(name, n["seconds"], n.get("MB", "–")) for name, n in measured["notebooks"].items()]
    return "\n".join([*lines, ""])


def goal_row(goal: dict, found: float | None) -> str:
    """One line of the table of goals."""
    at_least = "at_least" in goal
    limit = goal["at_least" if at_least else "at_most"]
    asked = f"{'≥' if at_least else '≤'} {limit:g}"
    if found is None:
        return _row(goal["text"], asked, "–", "not measured")
    met = found >= limit if at_least else found <= limit
    why = f": {goal['why']}" if "why" in goal else ""
    return _row(
        goal["text"], asked, f"{found:,.4g}", "yes" if met else f"no, {abs(found / limit - 1):.0%} off{why}"
    )


def _row(*values: object) -> str:
    return "| " + " | ".join(map(str, values)) + " |"
