"""Clients that ask as Postfix does: one connection each, and once more when it ends unanswered."""

import random
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from lab.daemon import read_reply

PATIENCE_SECONDS = 100.0  # Postfix's own, ipc_timeout of the socketmap client


class FailedLookupError(Exception):
    """A look-up that Postfix would have given up: two connections ended without an answer."""


class Client:
    """One connection that is opened again when it ends; its look-ups fail as Postfix's do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self.retries = 0

    def ask(self, key: str, zone: str = "postfix") -> str:
        """Ask, once more after an end of file. Raises ``FailedLookupError``."""
        try:
            return self._ask(key, zone)
        except (OSError, EOFError):
            self.close()
            self.retries += 1
        try:
            return self._ask(key, zone)
        except (OSError, EOFError) as error:
            self.close()
            raise FailedLookupError(f"{key}: {error!r}") from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, key: str, zone: str) -> str:
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX)
            self._connection.settimeout(PATIENCE_SECONDS)
            self._connection.connect(str(self._path))
        request = f"{zone} {key}".encode()
        self._connection.sendall(b"%d:%s," % (len(request), request))
        return read_reply(self._connection)


class Load:
    """Threads that ask for known domains until they are told to stop, and judge each answer.

    ``known`` maps each key to the answers that are right for it.
    """

    def __init__(
        self,
        path: Path,
        known: Mapping[str, frozenset[str]],
        *,
        clients: int = 4,
        pause_seconds: float = 0.002,
    ) -> None:
        self._path = path
        self._known = known
        self._pause_seconds = pause_seconds
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        self._lock = threading.Lock()
        self.asked = 0
        self.retried = 0
        self.failed: list[str] = []
        self.wrong: list[str] = []
        self.slowest_seconds = 0.0

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def take_slowest(self) -> float:
        """Return the slowest answer since the last call, in seconds."""
        with self._lock:
            slowest, self.slowest_seconds = self.slowest_seconds, 0.0
        return slowest

    def _run(self, number: int) -> None:
        dice = random.Random(number)
        client = Client(self._path)
        keys = sorted(self._known)
        while not self._stopping.wait(self._pause_seconds):
            key = dice.choice(keys)
            began = time.monotonic()
            try:
                reply = client.ask(key)
            except FailedLookupError as error:
                with self._lock:
                    self.failed.append(str(error))
                continue
            took = time.monotonic() - began
            with self._lock:
                self.asked += 1
                self.slowest_seconds = max(self.slowest_seconds, took)
                if reply not in self._known[key]:
                    self.wrong.append(f"{key}: {reply}")
        with self._lock:
            self.retried += client.retries
        client.close()
