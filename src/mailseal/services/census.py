"""Counts the stored policies now and then: by mode, by trouble, by how near their end is.

Whoever exports the figures reads the last count, so that no number of readers costs more than
one: a scrape asks nobody.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.policystore import PolicyStore
from mailseal.ports.storeerrors import StoreError

log = structlog.stdlib.get_logger("mailseal.census")

INTERVAL = timedelta(seconds=60)
PAGE = 500  # rows at a time: some milliseconds, then somebody else has a turn
REST_SHARE = 20  # a count that takes a second is followed by twenty without one
NEAR_END_SHARE = 0.25  # of a policy's life, as the second warning in the log has it

# How long ago a failing policy was last fetched; a healthy one is fetched daily.
AGES = (
    ("under-2d", timedelta(days=2)),
    ("2d-to-4d", timedelta(days=4)),
    ("4d-to-8d", timedelta(days=8)),
)
OLDEST = "over-8d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One count, complete or none.

    ``modes`` has the policies in force, ``failing`` those of them whose last fetch failed by
    how long the last good one is ago, and ``near_end`` those in mode enforce or testing whose
    last fetch failed and whose life is nearly over.
    """

    counted_at: datetime
    modes: dict[str, int]
    failing: dict[str, int]
    near_end: dict[str, int]
    expired: int


class Census:
    """Goes through the store page by page; ``latest`` is None before the first count."""

    def __init__(self, store: PolicyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.latest: Figures | None = None

    async def run(self) -> None:
        """Work for ever; cancel it to end it."""
        while True:
            began = self._clock.monotonic()
            try:
                await self.count()
            except StoreError as error:
                log.error("policies cannot be counted", error=str(error), action="try-again")
            took = self._clock.monotonic() - began
            await asyncio.sleep(max(INTERVAL.total_seconds(), took * REST_SHARE))

    async def count(self) -> Figures:
        """Count all policies; raises ``StoreError``, and ``latest`` stays what it was."""
        now = self._clock.now()
        modes: Counter[str] = Counter({mode.value: 0 for mode in Mode})
        failing: Counter[str] = Counter({**{word: 0 for word, _ in AGES}, OLDEST: 0})
        near_end: Counter[str] = Counter({Mode.ENFORCE.value: 0, Mode.TESTING.value: 0})
        expired = 0
        after: Domain | None = None
        while True:
            page = await self._store.list(after=after, limit=PAGE)
            for cached in page:
                mode = cached.policy.mode
                if not cached.is_in_force(now):
                    expired += 1
                    continue
                modes[mode.value] += 1
                if cached.failure is not None:
                    failing[age_of(now - cached.fetched_at)] += 1
                    if mode is not Mode.NONE and is_near_end(cached, now):
                        near_end[mode.value] += 1
            if len(page) < PAGE:
                break
            after = page[-1].domain
        self.latest = Figures(
            counted_at=now,
            modes=dict(modes),
            failing=dict(failing),
            near_end=dict(near_end),
            expired=expired,
        )
        return self.latest


def age_of(age: timedelta) -> str:
    """Name the class of an age."""
    for word, limit in AGES:
        if age < limit:
            return word
    return OLDEST


def is_near_end(cached: CachedPolicy, now: datetime) -> bool:
    """Tell whether a policy has less than a quarter of its life left."""
    return cached.expires_at - now <= cached.policy.max_age * NEAR_END_SHARE
