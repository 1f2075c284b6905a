"""The hub: settings that load, copies that spare a learner's work, sizes that agree. `nox -s hub` runs it."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from traitlets.config import PyFileConfigLoader

from tools.grading import intake
from tools.notebooks import ROOT, read

HUB = ROOT / "teaching" / "hub"
NOT_RUN = [
    HUB / "values.yml",
    HUB / "Dockerfile",
    HUB / "Dockerfile.dockerignore",
    HUB / "tljh.md",
    HUB / "autoencoders-hub.service",
    ROOT / "binder" / "environment.yml",
    ROOT / "binder" / "postBuild",
    ROOT / ".devcontainer" / "devcontainer.json",
]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a hub needs Unix users")


def load(name):
    spec = importlib.util.spec_from_file_location(name, HUB / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_STATE", str(tmp_path / "state"))
    for name in ("HUB_PORT", "HUB_IDLE", "HUB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return PyFileConfigLoader("jupyterhub_config.py", path=str(HUB)).load_config()


@pytest.fixture
def values():
    return yaml.safe_load((HUB / "values.yml").read_text(encoding="utf-8"))


def test_nobody_but_root_sees_the_state(settings, tmp_path):
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert str(tmp_path) in settings.JupyterHub.db_url
    assert str(tmp_path) in settings.JupyterHub.cookie_secret_file


def test_the_hub_is_not_open_to_the_network_and_not_to_all(settings):
    assert settings.JupyterHub.bind_url.startswith("http://127.0.0.1:")
    assert settings.ConfigurableHTTPProxy.api_url.startswith("http://127.0.0.1:")
    assert settings.PAMAuthenticator.allowed_groups == {"autoencoders"}
    assert "allow_all" not in settings.PAMAuthenticator | settings.Authenticator


def test_a_learner_is_limited_and_what_is_idle_stops(settings):
    assert settings.Spawner.mem_limit == "2G"
    assert settings.Spawner.cpu_limit == int(settings.Spawner.environment["OMP_NUM_THREADS"]) == 1
    kernels = int(re.search(r"cull_idle_timeout=(\d+)", " ".join(settings.Spawner.args))[1])
    servers = int(re.search(r"--timeout=(\d+)", " ".join(settings.JupyterHub.services[0]["command"]))[1])
    assert 600 < kernels < servers
    assert settings.JupyterHub.load_roles[0]["services"] == [settings.JupyterHub.services[0]["name"]]


def test_every_requirement_is_pinned():
    lines = (HUB / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert len(packages) >= 5
    assert [line for line in packages if not re.fullmatch(r"[\w-]+==[\d.]+", line)] == []
    assert "jupyterhub==6.1.1" in packages


@pytest.mark.parametrize("path", [HUB / "README.md", HUB / "requirements.txt", ROOT / "noxfile.py"])
def test_one_version_of_the_proxy(path):
    said = re.findall(r"configurable-http-proxy[ @](\d[\d.]+\d)", path.read_text(encoding="utf-8"))
    assert set(said) == {"5.3.0"}


@pytest.mark.parametrize("path", NOT_RUN, ids=lambda path: path.name)
def test_what_could_not_be_run_says_so_first(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    first = lines[1] if lines[0].startswith("#!") else lines[0]
    assert re.match(r"(# |// )?Not run by us: ", first)


def test_kubernetes_gives_what_the_server_gives(settings, values):
    learner = values["singleuser"]
    assert learner["memory"]["limit"] == settings.Spawner.mem_limit
    assert learner["cpu"]["limit"] == settings.Spawner.cpu_limit
    assert learner["defaultUrl"] == settings.Spawner.default_url
    threads = {name: value for name, value in settings.Spawner.environment.items() if "THREADS" in name}
    assert learner["extraEnv"] == threads
    spawner = values["hub"]["config"]["Spawner"]
    assert spawner == {"notebook_dir": settings.Spawner.notebook_dir, "args": settings.Spawner.args}
    command = settings.JupyterHub.services[0]["command"]
    assert f"--timeout={values['cull']['timeout']}" in command
    assert f"--cull-every={values['cull']['every']}" in command
    assert learner["cmd"] == json.loads(re.search(r"^CMD (.*)$", (HUB / "Dockerfile").read_text(), re.M)[1])


def test_the_littlest_hub_gives_what_the_server_gives(settings, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (HUB / "tljh.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "course.py").write_text(code, encoding="utf-8")
    given = PyFileConfigLoader("course.py", path=str(tmp_path)).load_config().Spawner
    environment = given.environment.get_value({})
    assert environment.keys() == settings.Spawner.environment.keys()
    threads = {name: value for name, value in environment.items() if "THREADS" in name}
    assert threads.items() <= settings.Spawner.environment.items()
    for name in ("args", "default_url", "notebook_dir"):
        assert given[name] == settings.Spawner[name]


def test_kubernetes_guarantees_what_was_measured(values):
    run = max(load("sizes").load()["runs"], key=lambda run: run["kernel"])
    memory = run["kernel"] + run["server"]
    guaranteed = int(values["singleuser"]["memory"]["guarantee"].removesuffix("G")) * 1024
    assert memory < guaranteed < 2 * memory
    in_five_minutes = run["kernel_seconds"] / 300
    assert in_five_minutes <= values["singleuser"]["cpu"]["guarantee"] < 2 * in_five_minutes


def test_the_same_version_of_jupyterhub_in_image_and_chart():
    said = re.search(r"JupyterHub (\d+\.\d+\.\d+)", (HUB / "values.yml").read_text(encoding="utf-8"))[1]
    assert f"jupyterhub=={said}" in (HUB / "Dockerfile").read_text(encoding="utf-8")


def test_the_tables_of_the_readme_are_those_of_the_measurements():
    sizes = load("sizes")
    text = sizes.README.read_text(encoding="utf-8")
    assert sizes.fill(text, sizes.load()) == text


def test_the_load_was_measured_for_five_and_for_thirty():
    runs = load("sizes").load()["runs"]
    assert {5, 30} <= {run["learners"] for run in runs}
    assert load("sizes").largest({"runs": runs})["chapter"] == "02_vanilla_autoencoder"


def test_the_size_of_a_room():
    run = {"chapter": "02", "learners": 5, "kernel": 700, "server": 100, "hub": 512, "kernel_seconds": 60}
    # 1.5 + 0.5 + 30 · 1.25 · 800 / 1024 = 31.3 GiB; 30 · 60 s in 300 s = 6 cores
    assert load("sizes").room({"runs": [run]}, 30) == (32, 6)
    assert load("sizes").room({"runs": [run]}, 5) == (8, 2)  # 6.9 GiB; one core would do, two are the least


@pytest.fixture
def course(tmp_path):
    course = tmp_path / "course"
    for name in (
        "notebooks/01.ipynb",
        "notebooks/appendix/1a.ipynb",
        "exercises/01.ipynb",
        "docs/glossary.md",
    ):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text("first")
    (course / "solutions").mkdir()
    (course / "solutions" / "01.ipynb").write_text("the answer")
    return course


def test_sync_brings_the_course_without_solutions(course, tmp_path):
    home = tmp_path / "home"
    load("start").sync(course, home)
    found = {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file() and p.name[0] != "."}
    assert found == {
        "notebooks/01.ipynb",
        "notebooks/appendix/1a.ipynb",
        "exercises/01.ipynb",
        "docs/glossary.md",
    }


def test_sync_never_overwrites_what_a_learner_changed(course, tmp_path):
    start, home = load("start"), tmp_path / "home"
    start.sync(course, home)
    (home / "exercises" / "01.ipynb").write_text("mine")
    (course / "exercises" / "01.ipynb").write_text("second")
    (course / "notebooks" / "01.ipynb").write_text("second")
    for _ in range(2):
        start.sync(course, home)
        assert (home / "exercises" / "01.ipynb").read_text() == "mine"
        assert (home / "notebooks" / "01.ipynb").read_text() == "second"


def test_sync_never_overwrites_what_was_there_before(course, tmp_path):
    own = tmp_path / "home" / "notebooks" / "01.ipynb"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert "kept notebooks/01.ipynb, which was changed here" in load("start").sync(course, tmp_path / "home")
    assert own.read_text() == "mine"


def test_sync_brings_a_missing_file_again_and_is_quiet_when_all_is_there(course, tmp_path):
    start, home = load("start"), tmp_path / "home"
    assert len(start.sync(course, home)) == 4
    assert start.sync(course, home) == []
    (home / "notebooks" / "01.ipynb").rename(home / "notebooks" / "01-mine.ipynb")
    assert start.sync(course, home) == ["brought notebooks/01.ipynb"]


def test_the_grader_knows_a_copy_from_the_hub_and_whose_it_is(tmp_path):
    learners, name = load("learners"), "06_kl_divergence"
    copy = ROOT / "exercises" / f"{name}.ipynb"
    for learner in ("ada", "grace"):
        learners.keep(tmp_path / "handed-in", learner, copy.name, copy.read_bytes())
    assert (tmp_path / "handed-in").stat().st_mode & 0o077 == 0
    release = read(copy)
    release.metadata["assignment"] = name
    found, strays = intake.collect(tmp_path / "handed-in", release, tmp_path / "work")
    assert [(one.learner, one.remarks) for one in found] == [("ada", []), ("grace", [])]
    assert all(one.notebook for one in found)
    assert strays == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count otherwise")
def test_the_limit_of_memory_is_a_memory_error():
    code = "import start; start.limit_memory(2**28); bytearray(2**29)"
    done = subprocess.run([sys.executable, "-c", code], cwd=HUB, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "MemoryError"


@pytest.mark.parametrize(
    "line",
    re.findall(r"^(?:python3|\S*/python) (teaching/hub/\S+\.py)", (HUB / "README.md").read_text(), re.M),
)
def test_what_the_readme_calls_is_there(line):
    assert Path(ROOT / line).is_file()
