"""`teaching/misconceptions/*.yml` → misconceptions.md: with what the checks say."""

import re
from dataclasses import dataclass

from course_lib import checks
from tools.teaching.chapters import link, title, written

INTRODUCTION = """\
# Misconceptions

What learners write, chosen from the mistakes that the checks of the exercises know: what you hear, what the
check says, what to ask, and what to show. A question does more than the answer, so ask first. In brackets
stand the learner's function and the mistake's name. What to show is a section of the chapter.

Written by `python -m tools.teaching` from `teaching/misconceptions/`.
"""


@dataclass(frozen=True)
class Misconception:
    """A mistake that a check knows, `function.name`, and what a teacher does about it."""

    mistake: str
    hear: str
    ask: str
    show: str

    @property
    def message(self) -> str:
        """What the check says; the facts that it fills in are left out."""
        function, name = self.mistake.split(".")
        message = getattr(checks, f"check_{function}").mistakes[name].message
        return re.sub(r"\{[^}]*\}", "…", message)


def misconceptions() -> dict[str, list[Misconception]]:
    """The misconceptions of each chapter, by the name of its notebook."""
    found = written("misconceptions")
    return {chapter: [Misconception(**entry) for entry in entries] for chapter, entries in found.items()}


def page() -> str:
    """All misconceptions as Markdown."""
    parts = [INTRODUCTION]
    for chapter, found in misconceptions().items():
        number = int(chapter[:2])
        parts.append(f"## [{title(number)}]({link(number)})\n")
        for m in found:
            parts.append(
                f"### {m.hear}\n\n- **The check says** (`{m.mistake}`): {m.message}\n- **Ask:** {m.ask}\n"
                f"- **Show:** “{m.show}”\n"
            )
    return "\n".join(parts)
