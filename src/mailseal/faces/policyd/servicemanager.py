"""Tells a service manager how things are: the protocol of sd_notify(3), without its library."""

import socket
import time
from collections.abc import Callable

MAX_STATUS_CHARACTERS = 200  # ours: it is shown in one line


class Notifier:
    """Sends states to the socket that the service manager named; to nobody without one.

    ``watchdog_seconds`` is how long it waits for a sign of life before it restarts us.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        watchdog_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = _socket_address(address) if address else None
        self._clock = clock
        # Half of it, as sd_watchdog_enabled(3) recommends.
        self._alive_every = watchdog_seconds / 2 if watchdog_seconds else float("inf")
        self._alive_at = float("-inf")
        self._status = ""

    def ready(self, status: str) -> None:
        """Tell that questions are answered, at the start or after a reload."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Tell that the configuration is being read anew; ``ready`` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock() * 1_000_000)}")

    def stopping(self) -> None:
        """Tell that the end has begun."""
        self._send("STOPPING=1", "STATUS=answering what is pending")

    def status(self, text: str) -> None:
        """Show a line beside the service's name, unless it is there already."""
        if text != self._status:
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Give a sign of life when one is due; call it from what must not stop."""
        now = self._clock()
        if now - self._alive_at >= self._alive_every:
            self._alive_at = now
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        for line in lines:
            if line.startswith("STATUS="):
                self._status = line.removeprefix("STATUS=")
        if self._address is None:
            return
        text = "\n".join(line[: MAX_STATUS_CHARACTERS + 7] for line in lines)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as way:
            try:
                way.sendto(text.encode("utf-8", "replace"), self._address)
            except OSError:
                # A service manager that does not listen must not keep mail from being answered.
                return


def _socket_address(name: str) -> bytes:
    """Return where to send to; "@" stands for an abstract socket's first byte (unix(7))."""
    raw = name.encode("utf-8", "surrogateescape")
    return b"\0" + raw[1:] if raw.startswith(b"@") else raw
