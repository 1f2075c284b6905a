"""Sphinx's settings of the book, for the sources that `python -m tools.site` lays out in dist/site-src."""

import re
import sys
from pathlib import Path

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())
sys.path.insert(0, str(ROOT))

from tools.notebooks import repository  # noqa: E402

project = "Autoencoders by hand"
author = "the authors of the course"
html_title = project
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_templates"]
templates_path = ["_templates"]

nb_execution_mode = "off"  # the stored outputs are shown
nb_merge_streams = True
nb_code_prompt_hide = "Fold it away"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_inherit_docstrings = False  # PyTorch's own words on forward are not ours
python_use_unqualified_type_names = True
add_module_names = False
default_role = "literal"

mathjax_path = "tex-svg.js"  # one file, which needs no fonts: those cannot be loaded from a file's address
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would load more files

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {
    "**": ["navbar-logo.html", "search-button-field.html", "playground.html", "sbt-sidebar-nav.html"]
}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_persistent": [],  # the sidebar has the search
    "use_download_button": False,
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "footer_content_items": "extra-footer.html",
    "extra_footer": "<p>Text and figures CC BY 4.0, code MIT.</p>",
}
if address := repository():
    html_theme_options |= {
        "repository_url": address,
        "repository_branch": "main",
        "use_repository_button": True,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }


def in_restructured_text(app, what, name, thing, options, lines):
    """Docstrings are plain text with `code`: what reStructuredText would read as markup is escaped."""
    text = "\n".join(lines)
    parts = re.split(r"(``[^`]+``|`[^`]+`|(?<!\S)\*\w+\*(?!\w))", text)
    parts[::2] = [re.sub(r"([*|\\])|(?<=\w)(_)(?!\w)", r"\\\1\2", part) for part in parts[::2]]
    parts[1::2] = [part if part[0] == "*" else f"``{part.strip('`')}``" for part in parts[1::2]]
    lines[:] = "".join(parts).splitlines()


def setup(app):
    app.connect("autodoc-process-docstring", in_restructured_text)
