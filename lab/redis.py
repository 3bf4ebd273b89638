"""A throw-away Redis on a UNIX socket, from Debian's package, not installed; needs no root."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.packages import REDIS, fetch
from lab.service import wait_until
from lab.unavailable import Unavailable


@contextmanager
def throwaway_redis(password: str) -> Iterator[Path]:
    """Run an empty server and yield its socket; all of it is gone at the end.

    Takes 0.2 s. Raises ``Unavailable``.
    """
    tree = fetch(REDIS)
    with tempfile.TemporaryDirectory(prefix="mailseal-redis-") as folder:
        path = Path(folder) / "redis.sock"
        process = subprocess.Popen(
            [tree.file("usr/bin/redis-server"), "--port", "0", "--unixsocket", path, "--save", "",
             "--dir", folder, "--requirepass", password],
            env={**os.environ, "LD_LIBRARY_PATH": tree.library_path()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if not wait_until(lambda: _is_listening(path) or process.poll() is not None):
                raise Unavailable("redis-server does not answer", "try its package by hand")
            if process.poll() is not None:
                raise Unavailable(
                    f"redis-server ended with {process.returncode}", "try its package by hand"
                )
            yield path
        finally:
            process.terminate()
            process.wait()


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0
