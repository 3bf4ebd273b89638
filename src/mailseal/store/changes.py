"""Changes that were heard of and not taken up yet: each domain once, and a bound to them all."""

import asyncio
from collections.abc import Iterable

from mailseal.names import Domain
from mailseal.ports.policystore import StoreChanges

MAX_PENDING = 10_000  # ours: beyond it, reading anew all that memory holds is less work


class PendingChanges:
    """A mailbox between the one who hears and the one who acts, on one event loop."""

    def __init__(self) -> None:
        self._domains: set[Domain] = set()
        self._purged: set[Domain] = set()
        self._is_anything = False
        self._is_filled = asyncio.Event()

    def note(self, domains: Iterable[Domain]) -> None:
        """Put domains in that were changed."""
        self._domains.update(domains)
        if len(self._domains) > MAX_PENDING:
            self._is_anything = True
            self._domains.clear()
            self._purged.clear()
        self._is_filled.set()

    def note_purge(self, domain: Domain) -> None:
        """Put a domain in that was purged, which is a change as well."""
        self._purged.add(domain)
        self.note([domain])

    def note_anything(self) -> None:
        """Say that more may have changed than was heard."""
        self._is_anything = True
        self._is_filled.set()

    async def wait(self) -> StoreChanges:
        """Wait until there is something, and take it all."""
        await self._is_filled.wait()
        self._is_filled.clear()
        taken = StoreChanges(
            domains=tuple(sorted(self._domains)),
            purged=tuple(sorted(self._purged)),
            is_anything=self._is_anything,
        )
        self._domains.clear()
        self._purged.clear()
        self._is_anything = False
        return taken
