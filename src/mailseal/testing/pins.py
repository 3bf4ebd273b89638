"""A source of pin lists that serves what a test gives it, and a shelf that keeps the last one."""

from datetime import datetime, timedelta

from mailseal.names import Domain
from mailseal.ports.pins import PinsUnavailable
from mailseal.ports.storeerrors import StoreError


class FakePins:
    """Serves one list (the ``ports.PinSource`` protocol); nothing until ``serve``."""

    def __init__(self, *, is_local: bool = True) -> None:
        self.name = "fake"
        self.is_local = is_local
        self.reads = 0
        self._outcome: bytes | PinsUnavailable = PinsUnavailable(reason="no list")

    def serve(self, envelope: bytes) -> None:
        """Serve this list."""
        self._outcome = envelope

    def fail(self, reason: str = "connection-refused") -> None:
        """Let it be out of reach, until ``serve``."""
        self._outcome = PinsUnavailable(reason=reason)

    async def read(self, *, timeout: timedelta) -> bytes | PinsUnavailable:
        """Return what the test said."""
        self.reads += 1
        return self._outcome


class MemoryShelf:
    """Keeps the last good list in memory (the ``ports.PinShelf`` protocol).

    Set ``error`` to a ``StoreError`` to have every method raise it.
    """

    def __init__(self) -> None:
        self.error: StoreError | None = None
        self.envelope: bytes | None = None
        self.replaced: dict[Domain, datetime] = {}

    async def load(self) -> bytes | None:
        """Return the list as it was signed."""
        self._check()
        return self.envelope

    async def save(self, envelope: bytes) -> None:
        """Keep a list in place of the last one."""
        self._check()
        self.envelope = envelope

    async def load_replaced(self) -> dict[Domain, datetime]:
        """Return the domains whose own policy has replaced their pin, and since when."""
        self._check()
        return dict(self.replaced)

    async def save_replaced(self, replaced: dict[Domain, datetime]) -> None:
        """Keep these in place of the ones before."""
        self._check()
        self.replaced = dict(replaced)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
