"""mailseal under a keeper: the sockets stay open while either of its processes is killed."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.daemon import Daemon
from lab.namespace import Namespace
from lab.service import Service, wait_until


class KeptDaemon(Daemon):
    """A mailseal with socket activation, restarted whenever it ends.

    ``log_to`` is where its standard error goes instead of to its log: a file or a FIFO.
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        *,
        ca_file: Path,
        tables: Mapping[str, Mapping[str, str]] | None = None,
        environment: Mapping[str, str] | None = None,
        log_to: Path | None = None,
    ) -> None:
        super().__init__(namespace, folder, ca_file=ca_file, tables=tables)
        self._pid_file = folder / "pid"
        # For mailseal alone: the keeper must not be led astray by what it is put under.
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        command = ["env", *variables, *self.serve_command]
        if log_to is not None:  # opened for reading as well, so that a FIFO keeps nobody waiting
            redirect = '>>"$0"' if not log_to.is_fifo() else '<>"$0"'
            command = ["sh", "-c", f'exec "$@" 2{redirect}', log_to, *command]
        keeper: list[str | Path] = [sys.executable, "-I", Path(__file__).with_name("keeper.py")]
        self._service = Service(
            namespace,
            "mailseal",
            [*keeper, self._pid_file, self.socketmap, self.line, self.http, "--", *command],
            log=self.log,
            ready=self.has_resolver,
        )

    @property
    def pid(self) -> int:
        """Give the process id of the answerer that runs now."""
        wait_until(self._pid_file.exists)
        return int(self._pid_file.read_text())

    def replace(self) -> None:
        """Restart it in order, and wait until the new one works."""
        before = self.pid
        os.kill(self._service.pid, signal.SIGHUP)
        if not wait_until(lambda: self.pid != before and self.has_resolver()):
            raise TimeoutError(f"no new mailseal; see {self.log}")

    def children(self) -> list[int]:
        """Return the answerer's children that are there now: the resolver, or two in a reload."""
        return [int(pid) for pid in self._children()]

    def kill_one(self, *, answerer: bool) -> None:
        """Kill one of its processes (``kill -9``), if it is there at this moment."""
        try:
            children = self._children()
            victim = self.pid if answerer or not children else int(children[0])
            os.kill(victim, signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            return
