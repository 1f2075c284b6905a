"""Start the hub on loopback, let learners in, run a chapter for all at once, and try what must not work.

    python teaching/hub/check_hub.py                           # five learners and chapter 6: ten minutes
    python teaching/hub/check_hub.py --learners 30 --write     # and puts what it measured into README.md

As root, with the Python of the hub's environment. It makes Unix users hubcheck01, … and removes them; two
empty groups stay. The exit status is 1 when something is not as it must be.
"""

import argparse
import asyncio
import json
import os
import pwd
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import aiohttp
import learners
import psutil
import sizes
from hub_client import Learner, Refused

HERE = Path(__file__).resolve().parent
COURSE = HERE.parents[1]
SCRATCH = "autoencoders/exercises/06_kl_divergence.ipynb"
SPARE = 2 * 2**30  # bytes: when less memory is left, the check stops before the machine suffers
# Steps by hand, which need the least memory: for more learners than there is room for with a chapter.
SHORT = """
import torch
from course_lib import data, losses, models
encoder = models.Encoder(models.dense_body((1, 28, 28), hidden=256), (1, 28, 28), latent_dim=1)
autoencoder = models.AutoEncoder(encoder, models.dense_decoder(1, (1, 28, 28), hidden=256))
objective, images = losses.ae_objective(), data.circles().images
for step in range(1000):
    loss = objective(autoencoder, images[torch.randint(len(images), (32,))])["loss"]
    for weights, slope in zip(autoencoder.parameters(), torch.autograd.grad(loss, autoencoder.parameters())):
        weights.data -= 1e-4 * slope
"""
PROGRAMS = {"kernel": "ipykernel_launcher", "server": "jupyterhub-singleuser"}


class Table:
    """What was tried, printed as it goes."""

    def __init__(self) -> None:
        self.failed = 0

    def row(self, what: str, good: bool, detail: object = "") -> None:
        self.failed += not good
        print(f"{'✓' if good else '✗'} {what:64} {detail}", flush=True)

    async def refused(self, what: str, attempt: Awaitable) -> None:
        """The attempt must be answered by 401, 403 or 404."""
        try:
            self.row(what, False, f"answered with {await attempt!r:.60}")
        except Refused as error:
            self.row(what, error.args[0] in (401, 403, 404), f"HTTP {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--learners", type=int, default=5, help="at the same time (default %(default)s)")
    parser.add_argument(
        "--chapter", default="06", help="its number, or short: steps by hand (default %(default)s)"
    )
    parser.add_argument(
        "--write", action="store_true", help="store the figures, and write them into README.md"
    )
    options = parser.parse_args()
    if os.geteuid():
        raise SystemExit("The hub needs root: it becomes each of its learners.")
    title, cells = notebook(options.chapter)
    names = [f"hubcheck{number:02}" for number in range(1, options.learners + 1)]
    table = Table()
    with tempfile.TemporaryDirectory(prefix="hub-") as folder, users(names) as passwords:
        Path(folder).chmod(0o755)  # what is inside protects itself, and that is looked at
        first_can_start(names[0])
        with hub(Path(folder) / "state") as (url, process):
            figures = asyncio.run(guarded(lesson(url, process, passwords, title, cells, Path(folder), table)))
        if not figures:
            return 1
        with hub(Path(folder) / "other", HUB_PASSWORD="on the blackboard", HUB_IDLE="20") as (url, _):
            asyncio.run(guarded(second_hub(url, passwords, table)))
    if options.write and not table.failed:
        sizes.store(figures)
        print(f"Written into {sizes.README.relative_to(COURSE)}.")
    print(f"{table.failed} failed." if table.failed else "All is as it must be.")
    return 1 if table.failed else 0


def notebook(chapter: str) -> tuple[str, list[str]]:
    """The name and the code of a chapter, or of the short steps."""
    if chapter == "short":
        return chapter, [SHORT]
    path = next((COURSE / "notebooks").glob(f"{chapter}_*.ipynb"))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return path.stem, ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@contextmanager
def users(names: list[str]) -> Iterator[dict[str, str]]:
    """Unix users with their passwords, for as long as the check lasts."""
    made = {}
    try:
        for name in names:
            made[name] = learners.add(name)
        yield made
    finally:
        for name in made:
            for process in processes(name):
                process.kill()
        for name in made:
            learners.remove(name)


@contextmanager
def hub(state: Path, **environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """A running hub: its address and its process. What it says is in `state`.log."""
    port = free_port()
    environment |= {"HUB_PORT": str(port), "HUB_STATE": str(state)}
    command = [f"{sys.prefix}/bin/jupyterhub", "-f", str(HERE / "jupyterhub_config.py")]
    log = state.with_suffix(".log")
    with log.open("w") as file:
        process = subprocess.Popen(  # should memory run out after all, these go first
            ["choom", "-n", "900", "--", *command],
            cwd="/",
            env=os.environ | environment,
            stdout=file,
            stderr=file,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            asyncio.run(answers(f"{url}/hub/health", process))
            yield url, psutil.Process(process.pid)
        except BaseException:
            print("".join(log.read_text().splitlines(keepends=True)[-30:]), file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()


async def answers(address: str, process: subprocess.Popen) -> None:
    """Wait until a page can be had, for two minutes at most."""
    async with aiohttp.ClientSession() as browser:
        for _ in range(240):
            if process.poll() is not None:
                raise SystemExit("The hub has stopped.")
            try:
                async with browser.get(address) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise SystemExit("The hub does not answer.")


async def guarded(work: Awaitable) -> object:
    """The result of `work`, which is stopped as soon as the machine has too little memory left."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait([task], timeout=0.5)
        if psutil.virtual_memory().available < SPARE:
            task.cancel()
            raise SystemExit("Too little memory is left: take fewer learners.")
    return task.result()


async def lesson(
    url: str,
    hub: psutil.Process,
    passwords: dict[str, str],
    title: str,
    cells: list[str],
    folder: Path,
    table: Table,
) -> dict:
    """What one hub with many learners must do and must refuse; the figures of the load."""
    names = list(passwords)
    await wrong_passwords(url, passwords, table)
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(Learner(url, name, password))
            for name, password in passwords.items()
        ]
        figures = await load(people, hub, title, cells, table)
        await asyncio.gather(*[person.stop_server() for person in people[2:]])  # gives their memory back
        await reach(people[0], people[1], folder / "state", table)
        await limits(people[0], table)
        await copies(people[0], folder, table)
        await asyncio.gather(*[person.stop_server() for person in people[:2]])
        left = [process for name in names for process in processes(name)]
        table.row("no process is left when servers have stopped", not left, f"{len(left)} left")
    return figures


async def wrong_passwords(url: str, passwords: dict[str, str], table: Table) -> None:
    ada, grace = list(passwords)[:2]
    tries = {
        "a wrong password": (ada, "wrong"),
        "no password": (ada, ""),
        "the password of another learner": (ada, passwords[grace]),
        "a name that nobody has": ("hubchecknobody", passwords[ada]),
        "root": ("root", passwords[ada]),
    }
    for what, (name, password) in tries.items():
        async with Learner(url, name, password) as stranger:
            await table.refused(f"refused: {what}", stranger.log_in())


async def load(
    people: list[Learner], hub: psutil.Process, title: str, cells: list[str], table: Table
) -> dict:
    """All log in, start a kernel and run the cells at the same time; what that took."""

    async def come(person: Learner) -> float:
        begin = time.perf_counter()
        await person.log_in()
        await person.start_server()
        return time.perf_counter() - begin

    async def work(person: Learner, kernel: str, cells: list[str]) -> tuple[float, list[str]]:
        begin = time.perf_counter()
        _, errors = await person.run(kernel, cells)
        return time.perf_counter() - begin, errors

    ready = await asyncio.gather(*map(come, people))
    many = f"{len(people)} learners at once"
    table.row(f"{many}: from the log-in to a running server", True, span(ready))
    kernels = await asyncio.gather(*[person.start_kernel() for person in people])
    pairs = list(zip(people, kernels, strict=True))
    before = await asyncio.gather(*[work(*pair, ["import torch, course_lib"]) for pair in pairs])
    imported = memory(people, "kernel")
    table.row("a kernel that has imported torch", not any(e for _, e in before), mebibytes(imported))
    done = await asyncio.gather(*[work(*pair, cells) for pair in pairs])
    errors = [error for _, found in done for error in found]
    table.row(f"{many}: {title}", not errors, errors[0] if errors else span([s for s, _ in done]))
    kernel, server = memory(people, "kernel"), memory(people, "server")
    table.row("a kernel afterwards", len(kernel) == len(people), mebibytes(kernel))
    table.row("a learner's server", len(server) == len(people), mebibytes(server))
    own = [hub, *[p for p in hub.children(recursive=True) if p.uids().real == 0]]
    seconds = [sum(p.cpu_times()[:2]) for p in of(people, "kernel")]
    starting = [sum(p.cpu_times()[:2]) for p in of(people, "server")]
    return {
        "learners": len(people),
        "chapter": title,
        "ready": [statistics.median(ready), max(ready)],
        "run": [statistics.median(s for s, _ in done), max(s for s, _ in done)],
        "imported": statistics.mean(imported),
        "kernel": statistics.mean(kernel),
        "server": statistics.mean(server),
        "hub": sum(p.memory_full_info().pss for p in own) / 2**20,
        "kernel_seconds": statistics.mean(seconds),
        "server_seconds": statistics.mean(starting),
    }


async def reach(ada: Learner, grace: Learner, state: Path, table: Table) -> None:
    """What Ada must not reach: Grace's files, the course, the hub's secrets."""
    other = grace.name
    path = "contents/exercises"
    await table.refused("refused: the files of another learner, over HTTP", ada.server("GET", path, other))
    await table.refused("refused: a kernel of another learner", ada.server("POST", "kernels", other))
    await table.refused("refused: a terminal of another learner", ada.server("POST", "terminals", other))
    await table.refused("refused: to stop the server of another", ada.api("DELETE", f"users/{other}/server"))
    await table.refused("refused: a token of another", ada.api("POST", f"users/{other}/tokens"))
    await table.refused("refused: the list of learners", ada.api("GET", "users"))
    status = await ada.page(f"/user/{other}/lab")
    table.row(
        "refused: the page of another learner, with one's cookies", status in (403, 404), f"HTTP {status}"
    )
    status = await ada.page(f"/user/{ada.name}/lab")
    table.row("let in: one's own page, with the same cookies", status == 200, f"HTTP {status}")
    home, theirs = Path(pwd.getpwnam(ada.name).pw_dir), Path(pwd.getpwnam(other).pw_dir)
    attempts = {
        "to read a file in the home of another": f"open('{theirs / SCRATCH}').read()",
        "to list the home of another": f"import os; os.listdir('{theirs}')",
        "to write into the course": f"open('{COURSE / 'notebooks' / 'mine'}', 'w')",
        "to change what others import": f"open('{COURSE / 'course_lib' / 'losses.py'}', 'a')",
        "to read the hub's secret": f"open('{state / 'cookie_secret'}').read()",
    }
    kernel = await ada.start_kernel()
    for what, code in attempts.items():
        _, errors = await ada.run(kernel, [code])
        table.row(f"refused: {what}, in a kernel", "PermissionError" in "".join(errors), *errors[:1])
    _, errors = await ada.run(kernel, [f"open('{home / SCRATCH}').read()"])
    table.row("let in: one's own file, in the same kernel", not errors, *errors)
    for command in (["cat", str(theirs / SCRATCH)], ["touch", str(theirs / "here")], ["ls", str(state)]):
        refused = as_user(ada.name, *command) != 0
        table.row(f"refused as the Unix user: {command[0]} …/{Path(command[1]).name}", refused)
    table.row(
        "let in as the Unix user: cat of one's own file", as_user(ada.name, "cat", str(home / SCRATCH)) == 0
    )


async def limits(ada: Learner, table: Table) -> None:
    kernel = await ada.start_kernel()
    printed, _ = await ada.run(kernel, ["import torch; print(torch.get_num_threads())"])
    table.row("one thread in a kernel", printed.strip() == "1", printed.strip())
    _, errors = await ada.run(kernel, ["big = bytearray(3 * 2**30)"])
    table.row("3 GiB are more than a learner gets", bool(errors), *errors[:1])


async def copies(ada: Learner, folder: Path, table: Table) -> None:
    """A learner's change stays when the server starts anew, what is missing comes, all can be collected."""
    home = Path(pwd.getpwnam(ada.name).pw_dir)
    changed, missing = home / SCRATCH, home / "autoencoders/exercises/04_variational_autoencoder.ipynb"
    document = await ada.server("GET", f"contents/exercises/{changed.name}")
    document["content"]["cells"][0]["source"] += "\n\nAda was here."
    await ada.server("PUT", f"contents/exercises/{changed.name}", json=document)
    await ada.server("DELETE", f"contents/exercises/{missing.name}")
    await ada.stop_server()
    await ada.start_server()
    table.row(
        "a changed file stays as it was when the server starts anew", "Ada was here" in changed.read_text()
    )
    table.row("a deleted one comes back", missing.exists())
    steal = home / "autoencoders/exercises/06_secret.ipynb"
    steal.symlink_to("/etc/shadow")
    with redirect_stdout(None), redirect_stderr(None):
        learners.collect("06", folder / "handed-in")
    found = sorted((folder / "handed-in" / ada.name).iterdir())
    good = [path.name for path in found] == [changed.name] and "Ada was here" in found[0].read_text()
    table.row("collected: the exercises, and no link to what one may not read", good)


async def second_hub(url: str, passwords: dict[str, str], table: Table) -> None:
    """The hub with one password for all, which stops after twenty seconds what nobody uses."""
    name = next(iter(passwords))
    async with Learner(url, name, passwords[name]) as person:
        await table.refused("refused: another than the shared password", person.log_in())
    async with Learner(url, "root", "on the blackboard") as stranger:
        await table.refused("refused: the shared password for one who is no learner", stranger.log_in())
    async with Learner(url, name, "on the blackboard") as person:
        await person.log_in()
        await person.start_server()
        await person.start_kernel()
        table.row("let in: the shared password", True)
        begin = time.perf_counter()
        gone = {}
        while len(gone) < len(PROGRAMS) and time.perf_counter() - begin < 120:
            await asyncio.sleep(1)
            for program in PROGRAMS:
                if not of([person], program):
                    gone.setdefault(program, time.perf_counter() - begin)
        stopped = ", ".join(f"{program} {seconds:.0f} s" for program, seconds in gone.items())
        table.row(
            "what nobody uses stops: first the kernel, then the server", [*gone] == [*PROGRAMS], stopped
        )


def first_can_start(name: str) -> None:
    """Stop with advice when a learner cannot use the Python of the kernels."""
    python = json.loads(Path(f"{sys.prefix}/share/jupyter/kernels/python3/kernel.json").read_text())["argv"][
        0
    ]
    if as_user(name, python, "-c", "import course_lib"):
        raise SystemExit(
            f"A learner cannot run {python}, or it has no course_lib. Build .venv with a Python that all may "
            "run, in a folder that all may enter: make install PYTHON=/usr/bin/python3"
        )


def as_user(name: str, *command: str) -> int:
    """The exit status of a command that runs as a Unix user."""
    user = pwd.getpwnam(name)
    return subprocess.run(
        command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", capture_output=True,
        env={"HOME": user.pw_dir, "PATH": os.defpath},
    ).returncode  # fmt: skip


def processes(name: str) -> list[psutil.Process]:
    """All that run as a Unix user."""
    number = pwd.getpwnam(name).pw_uid
    found = []
    for process in psutil.process_iter():
        try:
            if process.uids().real == number and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            pass
    return found


def of(people: list[Learner], program: str) -> list[psutil.Process]:
    """The kernels, or the servers, of learners."""
    return [
        process
        for person in people
        for process in processes(person.name)
        if PROGRAMS[program] in " ".join(process.cmdline())
    ]


def memory(people: list[Learner], program: str) -> list[float]:
    """The proportional set sizes in MiB: what a page shared by several processes counts for, divided."""
    return [process.memory_full_info().pss / 2**20 for process in of(people, program)]


def free_port() -> int:
    """The first of three ports in a row that are free."""
    for port in range(18000, 19000, 10):
        try:
            for number in range(port, port + 3):
                with socket.socket() as found:
                    found.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port
    raise SystemExit("No port is free.")


def span(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.0f} s, the slowest {max(seconds):.0f} s"


def mebibytes(sizes: list[float]) -> str:
    return f"{statistics.mean(sizes):.0f} MiB PSS, the largest {max(sizes):.0f}"


if __name__ == "__main__":
    sys.exit(main())
