"""The computer that something was measured on, in words."""

import platform
from pathlib import Path

import torch
from packaging.version import Version

from course_lib.runtime import available_cores, threads_at_the_start


def machine(device: str = "cpu") -> str:
    """This computer in words that fit any other of its kind."""
    return ", ".join(
        [
            processor(),
            f"{available_cores():g} cores",
            *([torch.cuda.get_device_name()] if device == "cuda" else []),
            platform.system(),
            f"Python {platform.python_version()}",
            f"torch {Version(torch.__version__).public}",
            "one thread" if threads_at_the_start == 1 else f"{threads_at_the_start} threads",
        ]
    )


def processor() -> str:
    """The model of the processor, as it calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
