"""A watchman for one process: it ends when the one who asked for it is gone.

Run as ``python -I guard.py FOLDER COMMAND…``. The command runs in a session of
its own until standard input closes, be it on purpose or because the test
process crashed; then it is asked to stop, made to after a while, and the
folder is removed. A pipe is used rather than PR_SET_PDEATHSIG, which fires
when the *thread* that started a process ends.
"""

import os
import shutil
import signal
import subprocess
import sys

STOP_SECONDS = 5.0  # ours: PostgreSQL needs 0.1 s to stop


def main(folder: str, command: list[str]) -> None:
    """Run the command until standard input ends, then clean up."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            while os.read(0, 1024):
                pass
        finally:
            _stop(child)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    child.send_signal(signal.SIGINT)  # PostgreSQL: fast shutdown
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
