"""Write the pages of teaching/ that are made from its .yml files: `python -m tools.teaching`."""

import sys
from pathlib import Path

from tools.notebooks import ROOT
from tools.teaching import mistakes, plans, pre_and_post, questions
from tools.teaching.chapters import TEACHING


def main() -> int:
    """Write every page."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"Wrote {path.relative_to(ROOT)}.")
    return 0


def pages() -> dict[Path, str]:
    """The text of every page that is made, by its file."""
    return {
        TEACHING / "plans.md": plans.page(),
        TEACHING / "concept_tests.md": questions.page(),
        TEACHING / "concept_tests_sheets.md": questions.sheets(),
        TEACHING / "pre_test.md": pre_and_post.paper("pre"),
        TEACHING / "post_test.md": pre_and_post.paper("post"),
        TEACHING / "keys.md": pre_and_post.keys(),
        TEACHING / "misconceptions.md": mistakes.page(),
    }


if __name__ == "__main__":
    sys.exit(main())
