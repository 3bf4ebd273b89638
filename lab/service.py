"""A server of the lab: started, awaited, stopped, frozen and thawed."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.namespace import Namespace
from lab.unavailable import Unavailable

READY_SECONDS = 20.0  # ours: every server here needs under 1 s on an idle machine
STOP_SECONDS = 5.0
POLL_SECONDS = 0.01


def wait_until(claim: Callable[[], bool], seconds: float = READY_SECONDS) -> bool:
    """Wait for a claim to become true; tell whether it did in time."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


class Service:
    """One process inside the namespace, with its log and its sign of being ready."""

    def __init__(
        self,
        namespace: Namespace,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._namespace = namespace
        self._arguments = arguments
        self._ready = ready
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Give the process id; the service must be running."""
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process without waiting for it; nothing if it runs."""
        if self.is_running():
            return
        with self.log.open("ab") as log:
            self._process = self._namespace.spawn(
                self._arguments, environment=self._environment, stdout=log, stderr=log
            )

    def await_ready(self) -> None:
        """Wait until it serves. Raises ``Unavailable`` with the last line of its log."""
        process = self._process
        assert process is not None
        wait_until(lambda: self._ready() or process.poll() is not None)
        if process.poll() is not None or not self._ready():
            lines = self.log.read_text(errors="replace").strip().splitlines() or ["no message"]
            raise Unavailable(f"{self.name} did not start: {lines[-1]}", f"read its log {self.log}")

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.launch()
        self.await_ready()

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL when that is not enough. Nothing if it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Let it accept and never answer: what a silent network looks like."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} is not running"
        self._process.send_signal(number)
