"""The one way in which the tools run a notebook: nbclient in a fresh kernel, made safe for widgets."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from queue import Empty

from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbformat import NotebookNode


def run(notebook: NotebookNode, path: Path, *, allow_errors: bool = False, **environment: str) -> float:
    """Execute `notebook`, stored at `path`, in the folder of that file → seconds, kernel start aside.

    The kernel's environment is ours with the variables in `environment` set.
    """
    with ExitStack() as stack:
        # The kernel's own chatter goes to stderr; what cells print does not pass through it.
        client = _start(stack, notebook, path, allow_errors, {**os.environ, **environment})
        _look_again_every_second(client.kc.shell_channel)
        start = time.perf_counter()
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        return time.perf_counter() - start


def _start(
    stack: ExitStack, notebook: NotebookNode, path: Path, allow_errors: bool, env: dict[str, str]
) -> NotebookClient:
    """A client with a kernel that answers. Kernels that start at once may pick the same port: try again."""
    for attempts_left in (2, 1, 0):
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=None,
            allow_errors=allow_errors,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(path.resolve().parent)}},
        )
        try:
            stack.enter_context(client.setup_kernel(env=env, stderr=subprocess.DEVNULL))
        except RuntimeError:
            if not attempts_left:
                raise
        else:
            return client


def _look_again_every_second(channel: AsyncZMQSocketChannel) -> None:
    """Wait for the kernel's replies in short steps.

    While nbclient waits, it also answers Output widgets on the same socket, which can swallow the signal
    that a reply has come: without a second look it would wait forever.
    """
    get_msg = channel.get_msg

    async def get_msg_in_steps(timeout: float | None = None) -> dict:
        while timeout is None:
            try:
                return await get_msg(timeout=1)
            except Empty:
                continue
        return await get_msg(timeout=timeout)

    channel.get_msg = get_msg_in_steps
