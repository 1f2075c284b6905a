"""The rules that a chapter keeps as a document: each takes a notebook and its path, and returns complaints.

`test_notebooks.py` applies them to the chapters, `test_notebook_rules.py` to notebooks that break them.
"""

import ast
import copy
import difflib
import inspect
import re
import symtable
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from nbformat import NotebookNode

from tests.notebooks.numbers_in_prose import unborne
from tools.minutes import STATED, honest_minutes
from tools.notebooks import HIDDEN, ROOT, WIDGET_VIEW, dress, tags

Rule = Callable[[NotebookNode, Path], list[str]]

LIBRARY = ROOT / "course_lib"
LARGEST_FILE = 1_000_000  # bytes
IN_CLAIMS = (  # no `if`, which may leave out the asserts, and no call that changes something
    *(ast.Assert, ast.Assign, ast.AnnAssign, ast.AugAssign),
    *(ast.FunctionDef, ast.Return, ast.For, ast.With),
)
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
MACHINE = re.compile(
    r"(?<![\w.<])/(?:work|root|home|tmp|Users)\b"  # not part of a longer path, address or HTML tag
    r"|\b[A-Z]:\\Users\b|\blocalhost\b|\b127\.0\.0\.1\b"
)
LINKS = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)[^)]*\)|(?:href|src)\s*=\s*[\"']([^\"']+)[\"']")


# ── Helpers ──────────────────────────────────────────────────────────────────────────────────────


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """The code cells with their positions in the notebook, counted from 0."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def markdown(notebook: NotebookNode) -> str:
    """All prose of the notebook."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def has_figure(cell: NotebookNode) -> bool:
    """Whether a picture is stored under this cell."""
    return cell.cell_type == "code" and any(PICTURES & set(o.get("data", {})) for o in cell.outputs)


def python_of(source: str) -> ast.Module:
    """The syntax tree of a cell; IPython's own lines (`%…`, `!…`) become `pass`."""
    return ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))


def without_code_and_math(text: str) -> str:
    """Markdown without what only looks like a link: code, formulas."""
    return re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", "", text, flags=re.DOTALL)


def broken_links(text: str, folder: Path) -> list[str]:
    """The links of a Markdown text to files that are not there, seen from `folder`.

    An absolute path is broken too: it is right on one machine only.
    """
    targets = [a or b for a, b in LINKS.findall(without_code_and_math(text))]
    local = [t for t in targets if not re.match(r"[a-z][a-z+.-]*:|#", t, re.IGNORECASE)]
    files = [(target, unquote(re.split(r"[#?]", target)[0])) for target in local]
    return [t for t, file in files if file.startswith("/") or not (folder / file).exists()]


def output_text(output: NotebookNode) -> str:
    """What can be read in an output; pictures say nothing."""
    data = output.get("data", {}).items()
    return "\n".join([output.get("text", ""), *(str(d) for mime, d in data if "text/" in mime)])


# ── Stored as it ran ─────────────────────────────────────────────────────────────────────────────


def is_executed_from_top_to_bottom(notebook: NotebookNode, path: Path) -> list[str]:
    """Execution counts run 1, 2, 3, … without a gap."""
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    return [f"code cell {n} has the count {c}" for n, c in enumerate(counts, start=1) if c != n][:1]


def stores_no_error(notebook: NotebookNode, path: Path) -> list[str]:
    """No cell stopped with an exception."""
    return [
        f"cell {i} stores an error: {output.ename}"
        for i, cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error"
    ]


def is_at_most_one_megabyte(notebook: NotebookNode, path: Path) -> list[str]:
    """The file loads quickly and can be shown by code hosts."""
    size = path.stat().st_size
    return [f"the file has {size:,} bytes"] if size > LARGEST_FILE else []


def stores_no_widget(notebook: NotebookNode, path: Path) -> list[str]:
    """No widget state (it breaks viewers) and no view of a widget that died with its kernel."""
    state = ["metadata.widgets is there"] if "widgets" in notebook.metadata else []
    return state + [
        f"cell {i} stores the view of a widget"
        for i, cell in code_cells(notebook)
        for output in cell.outputs
        if WIDGET_VIEW in output.get("data", {})
    ]


def stores_the_outputs_that_are_checked(notebook: NotebookNode, path: Path) -> list[str]:
    """nbval compares with what is stored: with nothing stored, it compares nothing."""
    return [
        f"cell {i} is tagged nbval-check-output and stores no output"
        for i, cell in code_cells(notebook)
        if "nbval-check-output" in tags(cell) and not cell.outputs
    ]


def is_dressed(notebook: NotebookNode, path: Path) -> list[str]:
    """What folds a cell's code away follows from its tags, as `tools.notebooks` derives it."""
    dressed = copy.deepcopy(notebook)
    dress(dressed)
    bare = [i for i, cell in enumerate(notebook.cells) if cell != dressed.cells[i]]
    return [f"`python -m tools.notebooks` would dress the cells {bare}"] if bare else []


def names_no_machine(notebook: NotebookNode, path: Path) -> list[str]:
    """No absolute path and no host of the machine that ran the notebook."""
    texts = [(i, cell.source) for i, cell in enumerate(notebook.cells)]
    texts += [(i, output_text(o)) for i, cell in code_cells(notebook) for o in cell.outputs]
    return [f"cell {i} holds {hit.group()!r}" for i, text in texts for hit in MACHINE.finditer(text)]


# ── Code that runs everywhere ────────────────────────────────────────────────────────────────────


def uses_no_magic(notebook: NotebookNode, path: Path) -> list[str]:
    """No %matplotlib and no marker for nbval, which has a tag; pip in the one set-up cell only."""
    setups = [i for i, cell in code_cells(notebook) if "setup" in tags(cell)]
    several = [f"cells {setups} are all tagged setup"] if len(setups) > 1 else []
    return several + [
        f"cell {i} uses {hit.group().strip()}"
        for i, cell in code_cells(notebook)
        for hit in re.finditer(r"(?mi)^\s*(%matplotlib|[!%]\s*pip)\b|#\s*NBVAL_\w+", cell.source)
        if "pip" not in hit.group() or "setup" not in tags(cell)
    ]


def fits_a_projector(notebook: NotebookNode, path: Path) -> list[str]:
    """No line of code that a reader should learn from is wider than 88 columns."""
    return [
        f"cell {i} has a line of {len(line)} columns: {line}"
        for i, cell in code_cells(notebook)
        if not HIDDEN.keys() & set(tags(cell))
        for line in cell.source.splitlines()
        if len(line) > 88
    ]


def has_one_parameters_cell(notebook: NotebookNode, path: Path) -> list[str]:
    """The constants stand in one cell, SEED among them, so that claims can be run over seeds."""
    found = [cell for _, cell in code_cells(notebook) if "parameters" in tags(cell)]
    if len(found) != 1:
        return [f"{len(found)} cells are tagged parameters, not 1"]
    seeded = "SEED" in names_in(found[0].source)[0]
    return [] if seeded else ["the cell tagged parameters does not set SEED"]


def shows_each_figure(notebook: NotebookNode, path: Path) -> list[str]:
    """A cell that stores a figure ends in plt.show(), so that none stays open."""
    return [
        f"cell {i} stores a figure and does not end in plt.show()"
        for i, cell in code_cells(notebook)
        if has_figure(cell) and ast.unparse(python_of(cell.source).body[-1]) != "plt.show()"
    ]


def teaches_the_librarys_code(notebook: NotebookNode, path: Path) -> list[str]:
    """What a cell tagged taught:<name> defines is what course_lib defines under that name."""
    complaints = []
    for i, cell in code_cells(notebook):
        for name in (t.removeprefix("taught:") for t in tags(cell) if t.startswith("taught:")):
            taught = definition(python_of(cell.source), name)
            kept = next(filter(None, (definition(tree, name) for tree in library_trees())), None)
            if taught is None or kept is None:
                where = "the cell" if taught is None else "course_lib"
                complaints.append(f"cell {i} is tagged taught:{name}, and {where} defines no {name}")
            elif difference := difference_between(kept, taught):
                complaints.append(f"cell {i}: {name} is not the library's\n{difference}")
    return complaints


def library_trees() -> Iterator[ast.Module]:
    """The syntax tree of each module of course_lib."""
    for file in sorted(LIBRARY.rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def definition(tree: ast.Module, name: str) -> ast.AST | None:
    """The function or class `name` among the statements of a module."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return next((s for s in tree.body if isinstance(s, kinds) and s.name == name), None)


def difference_between(kept: ast.AST, taught: ast.AST) -> str:
    """How the notebook's definition differs from the library's, "" when they do the same."""
    texts = [ast.unparse(ast.fix_missing_locations(_Bare().visit(d))) for d in (kept, taught)]
    lines = (text.splitlines() for text in texts)
    return "\n".join(difflib.unified_diff(*lines, "course_lib", "notebook", lineterm=""))


class _Bare(ast.NodeTransformer):
    """Removes docstrings, annotations and input checks (_require…, require_…): a chapter leaves them out."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        node.returns = None
        if ast.get_docstring(node) is not None:
            del node.body[0]
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    visit_ClassDef = visit_FunctionDef

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        return node.value and ast.Assign([node.target], node.value)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Call) and re.match("_?require", ast.unparse(node.value.func)):
            return None
        return self.generic_visit(node)


# ── Claims ───────────────────────────────────────────────────────────────────────────────────────


def claims_in(tree: ast.Module) -> list[ast.With]:
    """The blocks `with claim(…):` of a cell."""
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.With))
    return [node for node in blocks if ast.unparse(node.items[0].context_expr).startswith("claim(")]


def claims_are_blocks(notebook: NotebookNode, path: Path) -> list[str]:
    """Cells tagged claim, and no others, hold `with claim("…"):` around asserts and what these need."""
    claimed = any("claim" in tags(cell) for cell in notebook.cells)
    complaints = [] if claimed or path.name.startswith("00_") else ["no cell is tagged claim"]
    for i, cell in code_cells(notebook):
        tree = python_of(cell.source)
        claims = claims_in(tree)
        if bool(claims) != ("claim" in tags(cell)):
            complaints.append(f"cell {i} is tagged {tags(cell)} and holds {len(claims)} claims")
        if not all(any(isinstance(node, ast.Assert) for node in ast.walk(claim)) for claim in claims):
            complaints.append(f"cell {i}: a claim asserts nothing")
        for node in (node for statement in (tree.body if claims else []) for node in ast.walk(statement)):
            if isinstance(node, ast.stmt) and not isinstance(node, IN_CLAIMS):
                complaints.append(f"cell {i}: a claim holds `{ast.unparse(node)}`")
    return complaints


def claims_state_different_things(notebook: NotebookNode, path: Path) -> list[str]:
    """The statement is a plain string, told once in a notebook."""
    claims = [c for _, cell in code_cells(notebook) for c in claims_in(python_of(cell.source))]
    calls = [c.items[0].context_expr for c in claims]
    said = [[getattr(a, "value", None) for a in (*c.args, *c.keywords)] for c in calls]
    return [
        f"not a plain string, or told twice: {ast.unparse(call)}"
        for call, (statement, *more) in zip(calls, said, strict=True)
        if more or not isinstance(statement, str) or said.count([statement]) > 1
    ]


def asserts_make_one_comparison(notebook: NotebookNode, path: Path) -> list[str]:
    """An assert that fails says which part failed: no `and`, `or`, `a < b < c`."""
    return [
        f"cell {i}: several comparisons in `{ast.unparse(node)}`"
        for i, cell in code_cells(notebook)
        for node in ast.walk(python_of(cell.source))
        if isinstance(node, ast.Assert)
        for part in deciding(node.test)
        if isinstance(part, ast.BoolOp) or (isinstance(part, ast.Compare) and len(part.ops) > 1)
    ]


def deciding(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression, but for what a comprehension runs over."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.comprehension):
            yield from deciding(child)


def later_cells_need_no_claim(notebook: NotebookNode, path: Path) -> list[str]:
    """What a claim assigns is used in its own cell only, unless a cell that is no claim assigns it anew."""
    complaints, claimed = [], set()
    for i, cell in code_cells(notebook):
        here = set()
        body = python_of(cell.source).body
        for statement in (s for b in body for s in (b.body if isinstance(b, ast.With) else [b])):
            assigned, needed = names_in(ast.unparse(statement))
            if not isinstance(statement, (ast.Assign, ast.AugAssign)):  # these need their value first
                needed -= assigned
            complaints += [f"cell {i} needs {name} of a claim" for name in sorted(needed & claimed - here)]
            here |= assigned
        claimed = claimed | here if "claim" in tags(cell) else claimed - here
    return complaints


def names_in(source: str) -> tuple[set[str], set[str]]:
    """The names of the notebook that a piece of code assigns, and those that it mentions."""
    tables = [symtable.symtable(source, "cell", "exec")]
    assigned = {s.get_name() for s in tables[0].get_symbols() if s.is_assigned() or s.is_imported()}
    mentioned = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        mentioned |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and s.is_global()}
    return assigned, mentioned


# ── A chapter that can be read ───────────────────────────────────────────────────────────────────


def opens_with_title_and_aims(notebook: NotebookNode, path: Path) -> list[str]:
    """The first cell is prose: one title, and what the reader will be able to do."""
    first = notebook.cells[0]
    if first.cell_type != "markdown":
        return ["the first cell is not Markdown"]
    titles = re.findall(r"^# ", first.source, re.MULTILINE)
    complaints = [f"the first cell has {len(titles)} titles (# …), not 1"] if len(titles) != 1 else []
    if "you will be able to" not in first.source.lower():
        complaints.append("the first cell does not say “You will be able to …”")
    return complaints


def reads_each_figure_in_words(notebook: NotebookNode, path: Path) -> list[str]:
    """The next cell after a figure, claims aside, says in words what to see in it."""
    complaints = []
    for i, cell in code_cells(notebook):
        if has_figure(cell):
            following = (c for c in notebook.cells[i + 1 :] if "claim" not in tags(c))
            reading = next(following, None)
            if reading is None or reading.cell_type != "markdown":
                complaints.append(f"cell {i} stores a figure, and no prose follows it")
            elif not re.search(r"^(?!\s*#)\s*\S", reading.source, re.MULTILINE):
                complaints.append(f"cell {i} stores a figure, and a bare heading follows it")
    return complaints


def keeps_its_promise_of_minutes(notebook: NotebookNode, path: Path) -> list[str]:
    """The opening says how long it takes to read, and that is an evening's chapter at most."""
    limit = 20 if path.parent.name == "appendix" else 15 if path.name.startswith("00_") else 45
    minutes = honest_minutes(notebook)
    too_long = [f"it takes {minutes} minutes to read, more than {limit}"] if minutes > limit else []
    if STATED.findall(notebook.cells[0].source) != [str(minutes)]:
        too_long.append(f"the opening should say “{minutes} minutes to read”: `python -m tools.fill_minutes`")
    return too_long


def bears_out_its_numbers(notebook: NotebookNode, path: Path) -> list[str]:
    """A number in prose is one that an output, the code or a formula of the chapter shows."""
    return unborne(notebook)


def describes_each_figure(notebook: NotebookNode, path: Path) -> list[str]:
    """A cell that stores a figure stores one, and says in its metadata (`alt`) what is to be seen."""
    complaints = []
    for i, cell in code_cells(notebook):
        pictures = sum(bool(PICTURES & set(output.get("data", {}))) for output in cell.outputs)
        if pictures and not cell.metadata.get("alt", "").strip():
            complaints.append(f"cell {i} stores a figure without an alternative text")
        if pictures > 1:
            complaints.append(f"cell {i} stores {pictures} figures, which share an alternative text")
    return complaints


def has_a_recap(notebook: NotebookNode, path: Path) -> list[str]:
    """It closes with its aims."""
    found = re.search(r"^#+ .*\brecap\b", markdown(notebook), re.MULTILINE | re.IGNORECASE)
    return [] if found else ["no heading says “Recap”"]


def asks_three_questions(notebook: NotebookNode, path: Path) -> list[str]:
    """At least three questions have their answers folded away."""
    found = len(re.findall(r"<details\b", markdown(notebook)))
    return [f"{found} <details> blocks, fewer than 3"] if found < 3 else []


def has_at_most_five_references(notebook: NotebookNode, path: Path) -> list[str]:
    """The list under the heading “References” is short enough to be read."""
    section = re.search(
        r"^#+ [^\n]*\breferences\b[^\n]*$(.*?)(?=^#|\Z)",
        markdown(notebook),
        re.MULTILINE | re.IGNORECASE | re.DOTALL,
    )
    items = re.findall(r"^(?:[-*+]|\d+[.)]) ", section[1] if section else "", re.MULTILINE)
    return [f"{len(items)} references, more than 5"] if len(items) > 5 else []


def describes_each_image(notebook: NotebookNode, path: Path) -> list[str]:
    """Images in the prose have an alternative text."""
    images = re.findall(r"!\[\s*\]\([^)]*\)|<img\b[^>]*>", without_code_and_math(markdown(notebook)))
    return [
        f"no alternative text: {image}"
        for image in images
        if not re.search(r"\balt\s*=\s*[\"']\s*[^\s\"']", image)
    ]


def links_to_files_that_exist(notebook: NotebookNode, path: Path) -> list[str]:
    """Relative links in the prose lead somewhere."""
    return [f"broken link: {target}" for target in broken_links(markdown(notebook), path.parent)]


def is_rule(value: object) -> bool:
    """A function of a notebook and its path."""
    return inspect.isfunction(value) and [*inspect.signature(value).parameters] == ["notebook", "path"]


RULES: list[Rule] = [value for value in [*globals().values()] if is_rule(value)]
