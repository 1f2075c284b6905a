"""What maintainers and continuous integration run; `nox -l` lists it, `nox -s lint` runs one session.

Sessions without a Python of their own use the environment that nox runs in, activated or not, so that nothing
is installed twice. Arguments after `--` go to the command of the session where its line shows some.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests", "notebooks"]  # what `make test` runs
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True

os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
PYTEST = ("python", "-m", "pytest", "-n", "2", "--dist", "loadfile")
NOTEBOOKS = ("--nbval-lax", "--nbval-current-env", "notebooks", "solutions")


@nox.session(python=False)
def lint(session):
    """Check the style, and that imports only go down (ruff, import-linter)."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")


@nox.session(python=False)
def tests(session):
    """Test the library, the tools, and the notebooks as documents (-- tests/library -n 4)."""
    session.run(*PYTEST, *session.posargs)


@nox.session(python=False)
def notebooks(session):
    """Run every notebook, solutions too, and compare the checked outputs (-- -n 4)."""
    session.run(*PYTEST, *NOTEBOOKS, *session.posargs)


@nox.session(python=False)
def experiments(session):
    """Run every chapter at extremes, and each cell twice: only claims may object (-- -k 03_)."""
    session.run(*PYTEST, "--dist", "load", "tests/notebooks/experiments.py", *session.posargs)


@nox.session(python=False)
def offline(session):
    """Run every notebook and solution with the network switched off."""
    closed = {"COURSE_DATA": session.create_tmp(), "PYTHONPATH": str(Path("tools/offline").resolve())}
    session.run(*PYTEST, *NOTEBOOKS, *session.posargs, env=closed)


@nox.session(python="3.10")
def oldest(session):
    """Test what learners run with the lowest versions that pyproject.toml allows."""
    floors = "dist/constraints-oldest.txt"
    session.run(sys.executable, "-m", "tools.write_constraints", "--floors", floors, external=True)
    session.run_install("python", "tools/install.py", "-c", floors, "-e", ".[lab,test]")
    session.run(*PYTEST, "tests/library", "tests/checks", "tests/notebooks")
    session.run(*PYTEST, *NOTEBOOKS)


@nox.session(python="3.13")
def colab(session):
    """Run each bundle of `make colab` alone, with the versions of Google Colab (-- dist/colab/02_….ipynb)."""
    session.run(sys.executable, "-m", "tools.make_colab", external=True)
    session.run_install("python", "tools/install.py", "-r", "constraints-colab.txt")
    session.run("python", "-m", "tools.make_colab", "--run", *session.posargs)


@nox.session(python=False)
def browser(session):
    """Move every slider in a real browser, Chromium (-- notebooks/06_….ipynb)."""
    install_browser(session)
    session.run("python", "-m", "tools.try_widgets", *session.posargs)


def install_browser(session):
    """Playwright, and a Chromium where there is none."""
    session.run("python", "tools/install.py", "-e", ".[browser]")
    if not any(map(shutil.which, ["chromium", "google-chrome"])):
        session.run("python", "-m", "playwright", "install", "chromium")


@nox.session(python=False)
def checks(session):
    """Test the checks of the exercises with many random inputs (ROUNDS=50)."""
    rounds = {"ROUNDS": os.environ.get("ROUNDS", "50")}
    session.run(*PYTEST, "--dist", "load", "tests/checks/test_checks.py", *session.posargs, env=rounds)


@nox.session(python=False)
def guide(session):
    """Run every command of the teachers' guide in a fresh copy of the course."""
    session.run("python", "-m", "pytest", "-x", "tests/teaching/guide_commands.py", *session.posargs)


@nox.session(python=False)
def claims(session):
    """Check the claims of the chapters over seeds (-- --seeds 0-9 --jobs 2 notebooks/03_….ipynb)."""
    session.run("python", "-m", "claims", *session.posargs)


@nox.session(python=False)
def bench(session):
    """Measure speed and memory, and fill in the minutes (-- notebooks --notebooks notebooks/02_….ipynb)."""
    session.run("python", "tools/install.py", "-e", ".[site,exercises]")
    install_browser(session)
    session.run("python", "-m", "benchmarks.speed", *session.posargs)
    session.run("python", "-m", "tools.fill_minutes")


@nox.session(python=False)
def constraints(session):
    """Write constraints.txt from what is installed."""
    session.run("python", "-m", "tools.write_constraints")


@nox.session(python=False)
def site(session):
    """Build the book and test its pages (-- --no-playground)."""
    session.run("python", "tools/install.py", "-e", ".[site]")
    session.run("python", "-m", "tools.site", *session.posargs)
    session.run("python", "-m", "pytest", "tests/site")


@nox.session(python="/usr/bin/python3")
def hub(session):
    """Let learners into JupyterHub on this computer; as root (-- --learners 30 --chapter short --write)."""
    session.install("-r", "teaching/hub/requirements.txt")
    prefix = session.virtualenv.location
    proxy = "configurable-http-proxy@5.3.0"
    session.run("npm", "install", "--global", "--prefix", prefix, proxy, silent=True)
    kernels = os.environ.get(
        "HUB_PYTHON", ".venv/bin/python"
    )  # with the course, and one that learners may run
    session.run(kernels, "-m", "ipykernel", "install", "--prefix", prefix, "--name", "python3", external=True)
    session.run("python", "teaching/hub/check_hub.py", *session.posargs)


@nox.session(python=False)
def slides(session):
    """Build the slides and look at each in a real browser, Chromium."""
    session.run("python", "tools/install.py", "-e", ".[slides]")
    install_browser(session)
    session.run("python", "-m", "tools.slides")
    session.run("python", "-m", "pytest", "tests/teaching/slides_in_browser.py")
