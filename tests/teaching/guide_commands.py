"""`nox -s guide`: every command of teaching/guide.md, in its order, in a fresh copy of the course.

Installs the course anew, so it needs a network, and minutes.
"""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.teaching import guide
from tools.notebooks import ROOT

LONGEST = 40 * 60  # seconds for one command, an installation on a slow line among them


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A copy of all files that git knows."""
    folder = tmp_path_factory.mktemp("course")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("command", guide.commands())
def test_the_command_does_what_the_guide_says(fresh, command):
    hidden = {"VIRTUAL_ENV", "PYTHONPATH", "COURSE_STRICT"}  # a teacher has none of them
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {"PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    if command == "make lab":
        command += " LAB_ARGS=--no-browser"
        assert guide.SAYS["make lab"] in until_it_serves(command, fresh, env)
        return
    done = subprocess.run(command, shell=True, cwd=fresh, env=env, text=True, timeout=LONGEST,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert guide.SAYS[command] in done.stdout, done.stdout


def until_it_serves(command, folder, env):
    """What a server says until it gives its address; then it is stopped."""
    server = subprocess.Popen(command, shell=True, cwd=folder, env=env, text=True, start_new_session=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    said = ""
    try:
        for line in server.stdout:
            said += line
            if "http://" in line and "token=" in line:
                break
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return said
