"""Starts what is measured, and reads its CPU time and memory from the kernel."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


class Server:
    """A running server process with a TCP port and a UNIX socket."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, path: str) -> None:
        self.process = process
        self.addresses = {"tcp": f"127.0.0.1:{port}", "unix": path}

    def cpu_ns(self) -> int:
        """Return the time that all its threads were on a CPU; exact, not by the clock tick."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def resident_mb(self) -> float:
        """Return its resident memory in megabytes of 10^6 bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(module: str, *arguments: str, cpu: int | None = None) -> Iterator[Server]:
    """Run ``python -m module PORT PATH arguments`` until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mailseal-bench-") as folder:
        port, path = free_port(), f"{folder}/s"
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(port), path, *arguments],
            stderr=subprocess.DEVNULL,
        )
        try:
            _pin(process.pid, cpu)
            _wait_until_it_answers(process, path)
            yield Server(process, port, path)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def load(
    address: str,
    *,
    connections: int,
    requests: int,
    first: int = 0,
    count: int = 1000,
    cpu: int | None = None,
) -> dict[str, float]:
    """Run the load generator to its end and return what it measured."""
    values = (address, connections, requests, first, count)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load", *map(str, values)], stdout=subprocess.PIPE
    )
    _pin(process.pid, cpu)
    output, _ = process.communicate(timeout=120)
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    figures: dict[str, float] = json.loads(output)
    return figures


def _pin(pid: int, cpu: int | None) -> None:
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
