"""Which numbers of a chapter's prose nothing in the chapter bears out.

A number counts when it has a decimal point, a per cent sign, or is 10 or more. It is borne out by an output,
by a literal in a cell, by code or a formula in the prose. Sentences about seeds and about publications speak
of what the stored run cannot show.
"""

import re

from nbformat import NotebookNode

PRINTED = re.compile(r"(?:\d[\d,_]*)?\.?\d+(?:e[+-]?\d+)?", re.IGNORECASE)
QUOTED = re.compile(
    r"(?<![\w.,/^])(\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+)(?![\w^]|[.,]\d)(\s*(?:%|per cent|percent))?"
)
FORMAL = re.compile(r"```.*?```|\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", re.DOTALL)
NO_PROSE = re.compile(r"<!-- measured -->.*?<!-- /measured -->|<[^>]+>|(?<=\])\((?!http)[^)]*\)", re.DOTALL)
LABEL = re.compile(
    r"(?:chapters?|exercises?|section|figure|step|version|python) [\d.]+(?:(?:,| and| to|–) ?[\d.]+)*"
    r"|^\s*\d+\.\s|\[\d+ |\b(?:18|19|20)\d\d\b|\| [\d.]+ (?:s|min) \|",
    re.IGNORECASE | re.MULTILINE,
)
SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*[-|*]")
ELSEWHERE = re.compile(r"\bseeds?\b|http|\bet al\b|\([^()]*(?:18|19|20)\d\d\)", re.IGNORECASE)


def unborne(notebook: NotebookNode) -> list[str]:
    """The numbers in prose, with their sentences, that nothing bears out; the opening is not looked at."""
    known = known_numbers(notebook)
    return [
        f"cell {i}: nothing bears out {number} in “{sentence}”"
        for i, cell in enumerate(notebook.cells)
        if i and cell.cell_type == "markdown"
        for sentence in sentences(cell.source)
        for number in (found[0] for found in QUOTED.finditer(sentence))
        if counts(number) and not any(rounds_to(k, number) for k in known)
    ]


def known_numbers(notebook: NotebookNode) -> set[float]:
    """The numbers in outputs, in code, and in the code and formulas of the prose."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            texts += FORMAL.findall(cell.source)
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), str(output.get("data", {}).get("text/plain", ""))]
    texts = [text.replace("{,}", "") for text in texts]
    return {float(re.sub("[,_]", "", found)) for text in texts for found in PRINTED.findall(text)}


def sentences(markdown: str) -> list[str]:
    """The sentences of a cell that speak of this run, without code, formulas, labels and references."""
    text = re.split(r"^#+ .*\breferences\b.*$", markdown, flags=re.MULTILINE | re.IGNORECASE)[0]
    plain = LABEL.sub(" ", NO_PROSE.sub(" ", FORMAL.sub(" ", text)))
    told = (sentence for sentence in SENTENCE.split(plain) if not ELSEWHERE.search(sentence))
    return [" ".join(sentence.split()) for sentence in told]


def counts(number: str) -> bool:
    """Whether a reader takes it for a result, not for a word such as “2”."""
    return not number.isdigit() or int(number) >= 10


def rounds_to(known: float, quoted: str) -> bool:
    """Whether `quoted` is `known`, as a number or in per cent, to the digits that it shows."""
    digits, percent = re.match(r"([\d.,]+)(.*)", quoted, re.DOTALL).groups()
    digits = digits.replace(",", "")
    value, decimals = float(digits), len(digits.partition(".")[2])
    last = 10.0 ** (len(digits) - len(digits.rstrip("0"))) if not decimals else 10.0**-decimals
    room = min(last / 2, max(value / 20, 10.0**-decimals / 2)) + 1e-9
    return any(abs(known * scale - value) <= room for scale in ((1, 100) if percent else (1,)))
