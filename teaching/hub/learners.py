"""The learners of the hub as Unix users: add them, remove them, collect what they did. As root.

python teaching/hub/learners.py add ada grace > ~/passwords.txt
python teaching/hub/learners.py add --teacher euler >> ~/passwords.txt
python teaching/hub/learners.py collect 02 handed-in
python teaching/hub/learners.py remove ada grace
"""

import argparse
import grp
import pwd
import secrets
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[2]
LEARNERS, TEACHERS = "autoencoders", "autoencoders-teachers"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
MOST = 20 * 2**20  # bytes of a notebook


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("add", help="make users, and print a line with name and password for each")
    command.add_argument("names", nargs="+")
    command.add_argument("--teacher", action="store_true", help="who may open every learner's server, too")
    command = commands.add_parser("remove", help="delete users with all their files")
    command.add_argument("names", nargs="+")
    command = commands.add_parser("collect", help="copy everyone's exercises of a chapter into a folder")
    command.add_argument("chapter", help="its number, such as 02")
    command.add_argument("folder", type=Path)
    command.add_argument("--group", default=LEARNERS, help="whose members they are (default %(default)s)")
    options = parser.parse_args()
    if options.command == "add":
        for name in options.names:
            print(name, add(name, options.teacher), flush=True)
    elif options.command == "remove":
        for name in options.names:
            remove(name)
    else:
        return 0 if collect(options.chapter, options.folder, options.group) else 1
    return 0


def add(name: str, teacher: bool = False) -> str:
    """Make a user with a home that nobody else may enter; their password."""
    groups = [LEARNERS, TEACHERS] if teacher else [LEARNERS]
    for group in (LEARNERS, TEACHERS):
        subprocess.run(["groupadd", "--force", group], check=True)
    subprocess.run(
        ["useradd", "--create-home", "--shell", "/bin/bash", "--groups", ",".join(groups), "--", name],
        check=True,
    )
    Path(pwd.getpwnam(name).pw_dir).chmod(0o700)
    password = "".join(secrets.choice(LETTERS) for _ in range(10))
    subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)
    return password


def remove(name: str) -> None:
    """Delete a learner or teacher with their home; nobody else."""
    if name not in grp.getgrnam(LEARNERS).gr_mem:
        raise SystemExit(f"{name} is no learner: nothing was removed.")
    done = subprocess.run(["userdel", "--remove", "--", name], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} was not removed: {done.stderr.strip()}")


def collect(chapter: str, folder: Path, group: str = LEARNERS) -> int:
    """Copy everyone's exercises of a chapter to `folder`/name, for `make grade`; how many notebooks.

    Files are read with the learner's rights: a link to something that they may not read brings nothing.
    """
    found = 0
    for name in sorted(grp.getgrnam(group).gr_mem):
        user = pwd.getpwnam(name)
        place = Path(user.pw_dir) / "autoencoders" / "exercises"
        notebooks = sorted(place.glob(f"{chapter}_*.ipynb"))
        for path in notebooks:
            content = as_user(user, "head", f"--bytes={MOST}", "--", str(path))
            if content:
                keep(folder, name, path.name, content)
                found += 1
            else:
                print(f"{name}: {path.name} cannot be read", file=sys.stderr)
        if not notebooks:
            print(f"{name}: nothing for chapter {chapter}", file=sys.stderr)
    print(f"{found} notebooks in {folder}. Then: make grade NB={chapter} FROM={folder}")
    return found


def keep(folder: Path, learner: str, name: str, content: bytes) -> None:
    """Put a notebook where the grader sees whose it is, and no other learner sees it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / learner).mkdir(parents=True, exist_ok=True)
    (folder / learner / name).write_bytes(content)


def as_user(user: pwd.struct_passwd, *command: str) -> bytes:
    """What a command prints that runs as a user; nothing when it fails or takes ten seconds."""
    try:
        return subprocess.run(
            command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/",
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10, check=True,
        ).stdout  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return b""


if __name__ == "__main__":
    sys.exit(main())
