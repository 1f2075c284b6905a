"""Write constraints.txt: the installed version of each direct dependency, those of the extras too."""

import sys
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def project_table() -> dict:
    """[project] of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def direct_requirements() -> list[Requirement]:
    """What pyproject.toml asks for by name, in every extra."""
    project = project_table()
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def constraints() -> str:
    """The text of constraints.txt for the running environment."""
    needed = {r.name for r in direct_requirements() if not r.marker or r.marker.evaluate()}
    lines = [
        "# The direct dependencies as the last green run had them. Written by `make constraints`;",
        f"# use with `make install CONSTRAINTS=constraints.txt`. Python {sys.version_info[0]}."
        f"{sys.version_info[1]}, {sys.platform}.",
        *(f"{name}=={Version(version(name)).public}" for name in sorted(needed)),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = ROOT / "constraints.txt"
    target.write_text(constraints(), encoding="utf-8", newline="\n")
    print(f"Wrote {target.name} from what is installed here.")
