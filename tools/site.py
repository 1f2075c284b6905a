"""Build the book: `python -m tools.site` writes dist/site, `--serve` shows it too.

The sources are laid out in dist/site-src as in the repository: the notebooks with what only a book needs
(links to exercises and playground, foldable code, alternative texts), the pages of site/, and one for each
module of course_lib that learners import. Sphinx turns them into dist/site, which asks no other host for
anything.
"""

import argparse
import functools
import http.server
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from posixpath import dirname, normpath, relpath

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools.address import BADGE
from tools.make_colab import LINK, bundle, pack
from tools.minutes import honest_minutes
from tools.notebooks import HIDDEN, ROOT, TITLE, as_text, chapters, dress, read, repository, store, tags

SITE, STAGE, DOCTREES, TARGET = (
    ROOT / "site",
    *(ROOT / "dist" / d for d in ("site-src", "site-trees", "site")),
)
PLAYGROUND = SITE / "playground"
Experiments = Mapping[int, list[tuple[str, str]]]
PRESET = re.compile(r'id: "([^"]+)", chapter: (\d+), title: "([^"]+)"')
MODULES = (
    "data", "models", "losses", "training", "anomaly", "gaussians",
    "plotting", "widgets", "claims", "runtime", "doctor", "checks",
)  # fmt: skip
PARTS = ("exercises", "solutions")
ROW = re.compile(r"\| *\[[^]]*\]\(notebooks/(\w+)\.ipynb\) *\| *([^|]*?) *\|(?:.*\|)? *([^|]*?) *\|")
SLIDER = re.compile(r"^widgets\.\w+_explorer\(.*\)$", re.DOTALL)
MARK = re.compile(r"^ *### (BEGIN|END) SOLUTION(\n|\Z)", re.MULTILINE)
MATHJAX = "sphinx-mathjax-offline/static/mathjax/tex-svg.js"  # needs no other file
NO_ALT = "Figure: see the text around it."


def main() -> int:
    """Build what the command line asks for; the exit status of Sphinx."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--serve", action="store_true", help="show the book on http://localhost:8000 afterwards"
    )
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--no-playground", action="store_true", help="leave the playground out")
    options = parser.parse_args()
    playground = not options.no_playground and build_playground()
    shutil.rmtree(TARGET, ignore_errors=True)
    stage(playground)
    if status := build():
        return status
    copy_files(playground)
    size = sum(p.stat().st_size for p in TARGET.rglob("*") if p.is_file()) / 1e6
    print(f"The book is in {TARGET.relative_to(ROOT)} ({size:.0f} MB): open index.html.")
    if options.serve:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=TARGET)
        with http.server.ThreadingHTTPServer(("localhost", options.port), handler) as server:
            print(f"http://localhost:{options.port} shows it, until Ctrl+C.")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print()
    return 0


def build() -> int:
    """Run Sphinx on the staged sources; warnings are errors."""
    from sphinx.cmd.build import main as sphinx

    return sphinx(["-q", "-W", "--keep-going", "-j", "2", "-d", str(DOCTREES), str(STAGE), str(TARGET)])


def build_playground() -> bool:
    """Bundle the playground when its sources are newer than its bundle; whether there is one."""
    built, npm = PLAYGROUND / "dist" / "index.html", shutil.which("npm")
    sources = [p for p in [*PLAYGROUND.glob("*"), *PLAYGROUND.glob("src/**/*")] if p.is_file()]
    if not sources or (built.exists() and built.stat().st_mtime >= max(p.stat().st_mtime for p in sources)):
        return built.exists()
    if npm:
        for command in ("install --no-audit --no-fund", "run build"):
            subprocess.run([npm, *command.split()], cwd=PLAYGROUND, check=True)
    else:
        print("Without Node.js (npm) the playground is not built.", file=sys.stderr)
    return built.exists()


def copy_files(playground: bool) -> None:
    """Put beside the pages what Sphinx does not make: notebooks that run anywhere, and the playground."""
    package, address = pack(), repository()
    for path in notebooks():
        name = path.relative_to(ROOT).as_posix()
        store(bundle(read(path), name, package, address), TARGET / "files" / name)
    if playground:
        shutil.copytree(PLAYGROUND / "dist", TARGET / "playground")


# ── Stage ────────────────────────────────────────────────────────────────────────────────────────


def stage(playground: bool) -> None:
    """Lay out dist/site-src; files that stay the same keep their times, so that Sphinx need not read them."""
    files = sources(playground)
    for path in STAGE.rglob("*"):
        if path.is_file() and path.relative_to(STAGE).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        new, path = content if isinstance(content, bytes) else content.encode(), STAGE / name
        if not path.exists() or path.read_bytes() != new:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(new)


def sources(playground: bool) -> dict[str, str | bytes]:
    """The content of all files that Sphinx reads, by name."""
    pages = {path.relative_to(ROOT).as_posix(): read(path) for path in notebooks()}
    names = [*sorted(ROOT.glob("teaching/**/*.md")), ROOT / "claims/claims.md", ROOT / "docs/glossary.md"]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in names}
    known = {*pages, *texts}
    own = [p for pattern in ("*.*", "_*/*") for p in SITE.glob(pattern) if p.is_file()]
    files: dict[str, str | bytes] = {p.relative_to(SITE).as_posix(): p.read_bytes() for p in own}

    start = '<a class="book-button" href="playground/index.html">Open the playground</a>'
    listed = {
        "Chapters": [name for name in pages if re.match(r"notebooks/\d", name)],
        "Appendix": [name for name in pages if "/appendix/" in name],
        "For teachers": [name for name in texts if name.startswith("teaching/")],
    }
    trees = {caption.split()[-1].lower(): toctree(names, caption) for caption, names in listed.items()}
    files["index.md"] = (
        files["index.md"]
        .decode()
        .format(contents=contents(), playground=start if playground else "", **trees)
    )
    lists = {part: [n for n in pages if n.startswith(part)] for part in PARTS}
    lists["reference"] = [f"reference/{module}.rst" for module in MODULES]
    for part, names in lists.items():
        shown = {name: title(pages[name]).rpartition(":")[0] for name in names if name in pages}
        files[f"{part}/index.md"] = files.pop(f"{part}.md").decode() + toctree(names, titles=shown)
    files["licence.md"] = files["licence.md"].decode() + licences()
    files["_static/tex-svg.js"] = Path(
        distribution("sphinx-mathjax-offline").locate_file(MATHJAX)
    ).read_bytes()
    if not playground:
        files["_templates/playground.html"] = ""
    files |= {f"reference/{module}.rst": reference(f"course_lib.{module}") for module in MODULES}
    files |= {name: relink(text, name, known) for name, text in texts.items()}
    experiments = presets() if playground else {}
    return files | {name: as_text(page(nb, name, known, experiments)) for name, nb in pages.items()}


def notebooks() -> list[Path]:
    """All that the book shows: chapters, appendices, exercises and solutions."""
    return [*chapters(), *(path for part in PARTS for path in sorted((ROOT / part).glob("*.ipynb")))]


def toctree(names: Iterable[str], caption: str = "", titles: Mapping[str, str] | None = None) -> str:
    """A toctree of pages, "" when there is none: with `titles` as a list on its page, else hidden."""
    pages = [f"/{name.rsplit('.', 1)[0]}" for name in names]
    if titles:
        pages = [f"{titles[name]} <{page}>" for name, page in zip(names, pages, strict=True)]
    options = [f":caption: {caption}", ":hidden:"] if caption else []
    return "\n".join(["```{toctree}", ":maxdepth: 1", *options, "", *pages, "```", ""]) if pages else ""


def title(notebook: NotebookNode) -> str:
    """The title of a notebook, without its mark."""
    return BADGE.sub("", notebook.cells[0].source).partition("\n")[0].removeprefix("# ")


def page(notebook: NotebookNode, name: str, known: set[str], experiments: Experiments) -> NotebookNode:
    """A notebook, stored at `name`, as a page of the book; `known` are the names of all pages."""
    dress(notebook)
    heading, _, rest = BADGE.sub("", notebook.cells[0].source).partition("\n")
    notebook.cells[0].source = f"{heading}\n\n{links(notebook, name, known, experiments)}\n{rest}"
    exercise, cells = "", []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells += [slider(cell, name, experiments) if SLIDER.match(cell.source) else foldable(cell)]
            continue
        cell.source = relink(cell.source, name, known)
        heading = re.match(r"## (\d+\.\d+) .*", cell.source)
        if heading and name.startswith("exercises/"):
            cells, exercise = cells + solution(exercise, name), heading[1]
        elif heading and name.startswith("solutions/"):
            cell.source = f"(solution-{heading[1]})=\n{cell.source}"
        cells.append(cell)
    notebook.cells = cells + solution(exercise, name)
    return notebook


def links(notebook: NotebookNode, name: str, known: set[str], experiments: Experiments) -> str:
    """The line below a page's title: minutes, and what belongs to the page."""
    part, file = name.split("/", 1)
    up = "../" * name.count("/")
    line = [] if part in PARTS else [f"{honest_minutes(notebook)} minutes to read"]
    if f"exercises/{file}" in known and part == "notebooks":
        line.append(f"[Exercises]({up}exercises/{file})")
    line.append(f'<a href="{up}files/{name}" download>Notebook to run</a>')
    line += [f"Playground: {link}" for link in play(name, experiments)[:1]]
    return f"{{.book-links}}\n{' · '.join(line)}\n"


def presets() -> dict[int, list[tuple[str, str]]]:
    """The experiments of the playground, (name, title), by chapter."""
    found: dict[int, list[tuple[str, str]]] = {}
    for name, chapter, words in PRESET.findall((PLAYGROUND / "src" / "presets.js").read_text("utf-8")):
        found.setdefault(int(chapter), []).append((name, words))
    return found


def play(name: str, experiments: Experiments) -> list[str]:
    """Links to the playground's experiments for the chapter stored at `name`."""
    number = re.match(r"notebooks/(\d+)", name)
    address = f"{'../' * name.count('/')}playground/index.html#preset="
    chosen = experiments.get(int(number[1]), []) if number else []
    return [f'<a href="{address}{preset}">{words}</a>' for preset, words in chosen]


def slider(cell: NotebookNode, name: str, experiments: Experiments) -> NotebookNode:
    """What stands in place of sliders, which need a running kernel."""
    links = ", ".join(play(name, experiments))
    text = f"A slider stands here when the notebook runs (`{cell.source.split('(')[0]}`)."
    text += f" In the playground you can turn more than that: {links}." if links else ""
    return new_markdown_cell(f"{{.book-slider}}\n{text}", id=cell.id)


def foldable(cell: NotebookNode) -> NotebookNode:
    """A code cell with the title of its fold and the alternative text of its figures for myst-nb."""
    book = {"image": {"alt": cell.metadata.get("alt", NO_ALT)}}
    for title in (HIDDEN[tag] for tag in tags(cell) if tag in HIDDEN):
        cell.source, book["code_prompt_show"] = TITLE.sub("", cell.source, count=1), title
    cell.source = MARK.sub("", cell.source).rstrip()
    cell.metadata["mystnb"] = book
    return cell


def solution(exercise: str, name: str) -> list[NotebookNode]:
    """The cell that leads from an exercise to its solution."""
    text = f"{{.book-solution}}\n[Solution of {exercise}](#solution-{exercise})"
    return [new_markdown_cell(text, id=f"solution-{exercise.replace('.', '-')}")] if exercise else []


def relink(text: str, name: str, known: set[str]) -> str:
    """The text of the page `name` with links that hold in the book: to its pages or the repository.

    What the book has no page for becomes plain words, unless the repository's address is known.
    """

    def replace(match: re.Match) -> str:
        words, file, anchor = match[1], normpath(f"{dirname(name)}/{match[2]}"), match[3] or ""
        module = re.match(r"course_lib/(\w+)", file)
        if file in known:
            return match[0]
        if file in PARTS:
            return f"[{words}]({relpath(f'{file}/index.md', dirname(name))})"
        if module and module[1] in MODULES:
            return f"[{words}]({relpath(f'reference/{module[1]}.rst', dirname(name))})"
        return f"[{words}]({repository()}/blob/main/{file}{anchor})" if repository() else words

    return LINK.sub(replace, text)


def contents() -> str:
    """The list of chapters for the first page: title, minutes and, from the README, question and seconds."""
    rows = map(ROW.fullmatch, (ROOT / "README.md").read_text("utf-8").splitlines())
    said = {row[1]: (row[2], row[3]) for row in rows if row}
    items = []
    for path in (p for p in chapters() if p.parent.name == "notebooks"):
        notebook = read(path)
        question, seconds = said.get(path.stem, ("", ""))
        times = f"{honest_minutes(notebook)} min to read" + (f", {seconds} to run" if seconds else "")
        items.append(f"- **[{title(notebook)}](notebooks/{path.name})** {question} *{times}*\n")
    return "".join(items)


def licences() -> str:
    """Both licences, as they are."""
    return "".join(
        f"\n## {title}\n\n```text\n{(ROOT / file).read_text('utf-8')}```\n"
        for title, file in {"Texts and figures: CC BY 4.0": "LICENSE-content", "Code: MIT": "LICENSE"}.items()
    )


def reference(module: str) -> str:
    """The page of a module: its public functions and classes, wherever they are defined."""
    lines = [module, "=" * len(module), "", f".. automodule:: {module}", ""]
    for public, thing in vars(importlib.import_module(module)).items():
        if not public.startswith("_") and getattr(thing, "__module__", "").startswith(module):
            if inspect.isclass(thing):
                lines += [f".. autoclass:: {module}.{public}", "   :members:", ""]
            elif inspect.isfunction(thing):
                lines += [f".. autofunction:: {module}.{public}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
