"""Holds listening sockets and keeps one program running on them, as systemd would.

Run as ``python -I keeper.py PID-FILE SOCKET... -- COMMAND...``: it opens each UNIX socket, starts
the command with them as sd_listen_fds(3) says, and starts it again whenever it ends. SIGHUP ends
the command in order (SIGTERM), so that it is restarted; SIGTERM ends both. It stands alone, since
it runs inside a namespace with nothing but Python.
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

BACKLOG = 4096
PAUSE_SECONDS = 0.05  # ours; systemd's own is RestartSec, 100 ms
FIRST_DESCRIPTOR = 3


def main(arguments: list[str]) -> None:
    """Keep the command running until SIGTERM."""
    cut = arguments.index("--")
    pid_file, *paths = arguments[:cut]
    command = arguments[cut + 1 :]
    sockets = [_open(path) for path in paths]
    ending: list[int] = []
    child = 0

    def end(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            ending.append(number)
        if child:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    while not ending:
        child = os.fork()
        if child == 0:
            _become(command, sockets)
        new = Path(f"{pid_file}.new")
        new.write_text(str(child))
        new.rename(pid_file)
        os.waitpid(child, 0)
        child = 0
        time.sleep(PAUSE_SECONDS)


def _open(path: str) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    opened.bind(path)
    Path(path).chmod(0o666)
    opened.listen(BACKLOG)
    return opened


def _become(command: list[str], sockets: list[socket.socket]) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # From above the last descriptor down, so that none is overwritten before it is copied.
    spare = [os.dup(opened.fileno()) for opened in sockets]
    high = [os.dup2(one, 100 + place) for place, one in enumerate(spare)]
    for place, one in enumerate(high):
        os.dup2(one, FIRST_DESCRIPTOR + place, inheritable=True)
        os.set_inheritable(one, False)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(sockets))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
