"""`python tools/install.py …` is `pip install …` with the build of PyTorch that suits this computer.

For Linux, the default index has PyTorch with GPU libraries (5 GB). Without an NVIDIA GPU, PyTorch's own index
is asked for the CPU build (0.2 GB). Needs Python and pip alone.
"""

import shutil
import subprocess
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path

CPU_BUILDS = "https://download.pytorch.org/whl/cpu"


def main() -> int:
    """Run pip with what the command line says and the options for PyTorch; its exit status."""
    options, why = choose()
    print(f"PyTorch: {why}.", flush=True)
    return subprocess.run([sys.executable, "-m", "pip", "install", *options, *sys.argv[1:]]).returncode


def choose() -> tuple[list[str], str]:
    """Options for pip, and why. Of equal versions pip takes the one with a label, as in 2.9+cpu (PEP 440)."""
    if sys.platform != "linux":
        return [], "the default build, which has no GPU libraries on this system"
    if has_nvidia_gpu():
        return [], "the default build with GPU libraries (5 GB), as there is an NVIDIA GPU"
    if not answers(f"{CPU_BUILDS}/torch/"):
        return [], f"the default build with GPU libraries (5 GB), as {CPU_BUILDS} does not answer"
    return ["--extra-index-url", CPU_BUILDS], "the CPU build (0.2 GB), as there is no NVIDIA GPU"


def has_nvidia_gpu() -> bool:
    """Whether the driver is there, or its program (under Windows' Linux, only that)."""
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None


def answers(address: str, seconds: float = 5) -> bool:
    """Whether a page can be had, through a proxy if the environment names one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=seconds):
            return True
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(main())
