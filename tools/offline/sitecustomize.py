"""On PYTHONPATH, this closes the network to Python: only this computer itself can be reached.

Python imports it at its start, in kernels too. What is not Python, as the sockets between Jupyter and its
kernels, is left alone.
"""

import errno
import sys

CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}  # events about (socket, address)
LOOKING_UP = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}  # about (host, …)


def refuse(event: str, args: tuple) -> None:
    """Raise OSError for any host but this one; called by Python before it does what `event` says."""
    if event in LOOKING_UP:
        host = args[0]
    elif event in CONNECTING and isinstance(args[1], tuple):  # a str is a file: a Unix socket
        host = args[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "::1", "0.0.0.0", "::") and not host.startswith("127."):
        raise OSError(errno.ENETUNREACH, f"the network is switched off: no way to {host}")


sys.addaudithook(refuse)
