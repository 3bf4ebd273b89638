"""The signed list of pinned policies: where it comes from, and where the last good one is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mailseal.names import Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class PinsUnavailable:
    """The list of pins could not be had; ``reason`` is printable ASCII."""

    reason: str


class PinSource(Protocol):
    """Where the signed list of pinned policies comes from; nothing of it is checked yet."""

    @property
    def name(self) -> str:
        """The path or URL."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether it can be read without waiting for a network."""
        ...

    async def read(self, *, timeout: timedelta) -> bytes | PinsUnavailable:
        """Return the list, of bounded size; ends within ``timeout`` in all."""
        ...


class PinShelf(Protocol):
    """Keeps the last good list of pins beyond a restart. All methods may raise ``StoreError``."""

    async def load(self) -> bytes | None:
        """Return the list as it was signed."""
        ...

    async def save(self, envelope: bytes) -> None:
        """Keep a list in place of the last one."""
        ...

    async def load_replaced(self) -> dict[Domain, datetime]:
        """Return the domains whose own policy has replaced their pin, and since when."""
        ...

    async def save_replaced(self, replaced: dict[Domain, datetime]) -> None:
        """Keep these in place of the ones before."""
        ...
