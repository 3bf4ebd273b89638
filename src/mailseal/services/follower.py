"""Keeps memory in step with a store that other nodes write to as well.

What is told is a hint with a name; the row is read anew, and the newer of both is held. That it
was a purge is told too, since another node may have fetched and stored again before we look.
After the store was away all that memory holds is compared with it, once what was fetched meanwhile
is saved, and what was purged meanwhile is looked up anew.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from mailseal.names import Domain
from mailseal.ports.policystore import PolicyStore, StoreChanges
from mailseal.ports.storeerrors import StoreError
from mailseal.services.discoverer import Discoverer

log = structlog.stdlib.get_logger("mailseal.follower")

PAGE = 500  # domains read at a time, so that questions get their turn in between
RETRY = timedelta(seconds=1)  # the store has just been heard of again, or is about to be


class Follower:
    """One loop: what others changed is read, and handed to the one who keeps the policies."""

    def __init__(self, *, discoverer: Discoverer, store: PolicyStore) -> None:
        self._discoverer = discoverer
        self._store = store
        self._is_behind = False

    async def run(self) -> None:
        """Work for ever; cancel it to end it."""
        while True:
            await self.follow(await self._store.wait_for_changes())
            while self._is_behind:
                await asyncio.sleep(RETRY.total_seconds())
                await self.follow(StoreChanges(is_anything=True))

    async def follow(self, changes: StoreChanges) -> None:
        """Take over what was changed; where the store cannot be read, all of it the next time."""
        was_behind = self._is_behind
        try:
            for domain in changes.purged:
                self._discoverer.learn_purge(domain)
            await self._read(changes.domains, was_told=True)
            if changes.is_anything or was_behind:
                await self._discoverer.save_unsaved()
                await self._read(self._discoverer.held(), was_told=False)
                await self._discoverer.learn_purges()
        except StoreError as error:
            self._is_behind = True
            if not was_behind:
                log.warning(
                    "changes of other nodes cannot be read",
                    error=str(error),
                    action="read-all-of-it-later",
                )
        else:
            self._is_behind = False

    async def _read(self, domains: Sequence[Domain], *, was_told: bool) -> None:
        for start in range(0, len(domains), PAGE):
            stored = await self._store.load_many(domains[start : start + PAGE])
            for domain, policy in stored.items():
                self._discoverer.learn(domain, policy, was_told=was_told)
