"""What a learner's server does first, as the learner: limit its memory, bring the course, become the server.

`python start.py COMMAND …`. Only the standard library, for it runs in the hub's environment.
"""

import hashlib
import json
import os
import resource
import shutil
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[2]
PARTS = ("notebooks/**/*.ipynb", "exercises/*.ipynb", "docs/*")  # docs: the glossary that chapters link to
DELIVERED = ".delivered.json"  # in the copy: file → the hash of what was brought last


def main(command: list[str]) -> None:
    """Never returns: the process becomes `command`."""
    limit_memory(int(os.environ.get("MEM_LIMIT", 0)))  # JupyterHub sets it from Spawner.mem_limit
    try:
        for line in sync(COURSE, Path.home() / "autoencoders"):
            print(line, flush=True)
    except OSError as error:  # a full disk, say: what is there already can still be opened
        print(f"The course could not be copied: {error}", file=sys.stderr, flush=True)
    os.execv(command[0], command)


def limit_memory(limit: int) -> None:
    """Let each process have at most `limit` bytes of its own, 0 for any: then it gets a MemoryError."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def sync(course: Path, copy: Path) -> list[str]:
    """Copy what is missing or new, and never over a file that the learner changed; a line for each.

    A file that was deleted or renamed comes anew. So whoever wants a fresh one renames their own.
    """
    copy.mkdir(parents=True, exist_ok=True)
    book = copy / DELIVERED
    delivered = json.loads(book.read_text()) if book.exists() else {}
    lines = []
    for source in sorted(path for part in PARTS for path in course.glob(part) if path.is_file()):
        name = source.relative_to(course).as_posix()
        target, new = copy / name, fingerprint(source)
        if target.exists():
            old = fingerprint(target)
            if old == new:
                delivered[name] = new
                continue
            if old != delivered.get(name):
                lines.append(f"kept {name}, which was changed here")
                continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        delivered[name] = new
        lines.append(f"brought {name}")
    book.write_text(json.dumps(delivered, indent=1))
    return lines


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
