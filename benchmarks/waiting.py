"""How long notebooks keep a learner waiting, alone and in company, and how much memory their kernels take.

Everything goes into notebooks.json: kind (notebooks or solutions) → stem of the file → what was measured.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.v4 import new_code_cell

from benchmarks.machine import machine
from course_lib.runtime import pick_device
from tools.notebooks import ROOT, chapters, measure, read, run, tags

Measured = dict[str, float]

WATCH = """
import json as _json
import threading as _threading
import psutil as _psutil

def _memory():  # MiB: what no other process shares, and with its part of what several do
    info = _psutil.Process().memory_full_info()
    return {"private": info.uss / 2**20, "PSS": getattr(info, "pss", info.uss) / 2**20}

def _watch():
    while not _over.wait(0.2):
        _seen.append(_memory()["private"])

_seen, _over = [0], _threading.Event()
_threading.Thread(target=_watch, daemon=True).start()
import course_lib
print(_json.dumps(_memory()))
"""
LOOK = "print(_json.dumps(_memory()))"
PEAK = """
_over.set()
print(_json.dumps({"private": max(_seen)}))
"""


def solutions() -> list[Path]:
    return sorted((ROOT / "solutions").glob("*.ipynb"))


def alone(path: Path) -> Measured:
    """Seconds and the peak of the resident memory (MB) of a notebook in a fresh kernel."""
    seconds, memory = measure(read(path), path)
    found = {"seconds": round(seconds, 1)}
    return found | ({"MB": int(memory.removesuffix(" MB"))} if memory.endswith(" MB") else {})


def in_company(path: Path) -> Measured:
    """Seconds of a notebook alone, beside a process that is always busy, and of the slower of two at once."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        one = pool.submit(seconds_of, path).result()
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            beside = pool.submit(seconds_of, path).result()
        finally:
            busy.kill()
            busy.wait()
        both = [pool.submit(seconds_of, path) for _ in range(2)]
        found = {"alone": one, "busy": beside, "two": max(future.result() for future in both)}
    return {name: round(seconds, 1) for name, seconds in found.items()}


def seconds_of(path: Path) -> float:
    return run(read(path), path)


def memory(path: Path) -> Measured:
    """MiB of a kernel, private and PSS: after the import, the set-up cell and the last cell; the peak."""
    notebook = read(path)
    set_up = 1 + next(i for i, cell in enumerate(notebook.cells) if "setup" in tags(cell))
    looks = {name: new_code_cell(LOOK) for name in ("set-up", "end")}
    looks = {"import": new_code_cell(WATCH), **looks, "peak": new_code_cell(PEAK)}
    notebook.cells[set_up:set_up] = [looks["set-up"]]
    notebook.cells = [looks["import"], *notebook.cells, looks["end"], looks["peak"]]
    run(notebook, path)
    return {
        f"{kind}, {when}": round(number)
        for when, cell in looks.items()
        for kind, number in json.loads(cell.outputs[-1].text).items()
    }


WAYS: dict[str, tuple[str, Callable[[], list[Path]], Callable[[Path], Measured]]] = {
    "notebooks": ("notebooks", chapters, alone),
    "solutions": ("solutions", solutions, alone),
    "company": ("notebooks", chapters, in_company),
    "memory": ("notebooks", chapters, memory),
}


def measure_notebooks(folder: Path, way: str, chosen: list[Path] | None, report: Callable) -> list[str]:
    """Measure notebooks in one of WAYS, and keep each as soon as it is there → those that stopped."""
    file = folder / "notebooks.json"
    kind, all_paths, measure_one = WAYS[way]
    stopped = []
    for path in chosen or all_paths():
        try:
            found = measure_one(path)
        except (CellExecutionError, DeadKernelError) as error:
            print(f"  {path.stem} stopped; its old numbers stay.\n{error}", file=sys.stderr)
            stopped.append(path.stem)
            continue
        print(f"  {path.stem:32} {'   '.join(f'{name} {n:g}' for name, n in found.items())}", flush=True)
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        known = stored.get(kind, {})
        known[path.stem] = known.get(path.stem, {}) | found
        there = {p.stem for p in all_paths()} | {path.stem}
        stored[kind] = {name: known[name] for name in sorted(known) if name in there}
        stored["machine"] = machine(pick_device().type)
        text = json.dumps(stored, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        file.write_text(text, encoding="utf-8", newline="\n")
        report(folder)
    return stopped
