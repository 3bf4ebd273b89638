"""Starts the servers that are measured and the load generators that ask them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# Wraps a command so that it runs elsewhere, such as in a network namespace, under the same id.
Wrap = Callable[[Sequence[str | Path]], Sequence[str | Path]]


def _as_it_is(command: Sequence[str | Path]) -> Sequence[str | Path]:
    return command


class Server:
    """A running server process with a TCP port and a UNIX socket."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, path: str) -> None:
        self.process = process
        self.addresses = {"tcp": f"127.0.0.1:{port}", "unix": path}

    def resident_mb(self) -> float:
        """Return its resident memory in megabytes of 10^6 bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    module: str, *arguments: str, cpu: int | None = None, wrap: Wrap = _as_it_is
) -> Iterator[Server]:
    """Run ``python -m module PORT PATH arguments`` until the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="mailseal-bench-") as folder,
        tempfile.TemporaryFile() as log,
    ):
        port, path = free_port(), f"{folder}/s"
        process = subprocess.Popen(
            wrap([sys.executable, "-m", module, str(port), path, *arguments]),
            stderr=log,
        )
        try:
            pin(process.pid, cpu)
            try:
                _wait_until_it_answers(process, path)
            except RuntimeError as error:
                log.seek(0)
                raise RuntimeError(f"{module}: {error}: {log.read()[-2000:]!r}") from error
            yield Server(process, port, path)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Load:
    """A running load generator, connected and waiting for ``ask``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, requests: int) -> dict[str, float]:
        """Have it ask so many questions; return what it measured (see ``bench.load``)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{requests}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {self._process.wait()}")
        figures: dict[str, float] = json.loads(line)
        return figures


@contextlib.contextmanager
def load(
    server: Server,
    way: str,
    *,
    connections: int,
    first: int = 0,
    count: int = 1000,
    cpu: int | None = None,
    wrap: Wrap = _as_it_is,
) -> Iterator[Load]:
    """Run a load generator against a server until the block ends."""
    values = (server.addresses[way], connections, first, count, server.process.pid)
    process = subprocess.Popen(
        wrap([sys.executable, "-m", "bench.load", *map(str, values)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        pin(process.pid, cpu)
        yield Load(process)


def pin(pid: int, cpu: int | None) -> None:
    """Keep a process, and what it starts from now on, on one CPU; with None or one CPU, not."""
    cpus = sorted(os.sched_getaffinity(0))
    if cpu is not None and len(cpus) > 1:
        os.sched_setaffinity(pid, {cpus[cpu % len(cpus)]})


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", path: str) -> None:
    for _ in range(2000):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
            return
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode}")
        time.sleep(0.005)
    raise RuntimeError("a server does not listen")
