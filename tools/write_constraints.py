"""Write constraints.txt: the installed version of each direct dependency, those of the extras too.

With `--floors FILE`, write the lowest versions that pyproject.toml allows instead.
"""

import argparse
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("lab", "test", "exercises")  # what `make install` installs


def project_table() -> dict:
    """[project] of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def direct_requirements(extras: Iterable[str] = EXTRAS) -> list[Requirement]:
    """What pyproject.toml asks for by name, for itself and for these extras."""
    project = project_table()
    groups = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for group in groups for line in group]


def constraints() -> str:
    """The text of constraints.txt for the running environment."""
    needed = {r.name for r in direct_requirements() if not r.marker or r.marker.evaluate()}
    lines = [
        "# The direct dependencies as the last green run had them. Written by `nox -s constraints`;",
        f"# use with `make install CONSTRAINTS=constraints.txt`. Python {sys.version_info[0]}."
        f"{sys.version_info[1]}, {sys.platform}.",
        *(f"{name}=={Version(version(name)).public}" for name in sorted(needed)),
    ]
    return "\n".join(lines) + "\n"


def floors() -> str:
    """The lowest versions allowed, as constraints for pip; nbgrader would ask for higher ones."""
    lines = {str(r).replace(">=", "==", 1) for r in direct_requirements(("lab", "test"))}
    return "\n".join(sorted(lines)) + "\n"


def main() -> None:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floors", type=Path, metavar="FILE", help="write the lowest versions to FILE")
    target = parser.parse_args().floors
    text = floors() if target else constraints()
    target = target or ROOT / "constraints.txt"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")
    print(f"Wrote {target.name}.")


if __name__ == "__main__":
    main()
