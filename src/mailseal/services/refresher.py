"""Fetches every stored policy anew before it runs out, asked for or not (RFC 8461 §3.3, §10.2).

An attacker would have to block a policy host for a policy's whole life to get rid of it, and the
operator is told long before that.
"""

import asyncio
from datetime import timedelta

import structlog

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Mode
from mailseal.ports.clock import Clock
from mailseal.ports.policystore import PolicyStore
from mailseal.ports.storeerrors import StoreError
from mailseal.services.discoverer import Discoverer

log = structlog.stdlib.get_logger("mailseal.refresher")

ROUND_INTERVAL = timedelta(seconds=60)
BATCH = 200  # policies a round takes on at most; 200 a minute is 288 000 a day and node
CONCURRENCY = 64  # so that hosts which never answer do not use up the others' time
CLOCK_TRUST = timedelta(hours=1)  # without a jump, before anything is removed for its date
MAX_CLOCK_STEP = timedelta(minutes=5)  # against the monotonic clock: more is a jump
MAX_WARNED = 100_000
_WARN_AT_SHARE_LEFT = (0.5, 0.25, 0.1)  # of a policy's life, each told once on the way down


class Refresher:
    """One loop: what is due is fetched, what has expired is removed, what is unsaved is saved."""

    def __init__(
        self,
        *,
        discoverer: Discoverer,
        store: PolicyStore,
        clock: Clock,
        keep_expired: timedelta,
    ) -> None:
        self._discoverer = discoverer
        self._store = store
        self._clock = clock
        self._keep_expired = keep_expired
        self._warned: dict[str, float] = {}
        self._offset = self._clock_offset()
        self._trusted_since = clock.monotonic()

    async def run(self) -> None:
        """Work for ever; cancel it to end it."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                _tell_failure(error)
            await asyncio.sleep(ROUND_INTERVAL.total_seconds())

    async def round(self) -> int:
        """Do what is due now; return how many policies were tried."""
        now = self._clock.now()
        await self._discoverer.save_unsaved()
        if self._is_clock_trusted():
            await self._store.remove_expired(now - self._keep_expired)
        tried = 0
        turns = asyncio.Semaphore(CONCURRENCY)
        async with asyncio.TaskGroup() as tasks:
            while tried < BATCH:
                await turns.acquire()
                cached = await self._claim_one()
                if cached is None:
                    break
                tasks.create_task(self._refresh(cached, turns))
                tried += 1
        return tried

    def _clock_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _is_clock_trusted(self) -> bool:
        """Tell whether the date has been steady for a while: a wrong one would empty the store."""
        offset = self._clock_offset()
        if abs(offset - self._offset) > MAX_CLOCK_STEP.total_seconds():
            self._trusted_since = self._clock.monotonic()
            log.warning("clock has jumped", by_seconds=round(offset - self._offset))
        self._offset = offset
        steady = self._clock.monotonic() - self._trusted_since
        return steady >= CLOCK_TRUST.total_seconds()

    async def _claim_one(self) -> CachedPolicy | None:
        """Take on what waits longest and no other node is at.

        One by one, when there is time for it: a node that ends leaves few claims behind, and of
        several each does what it can.
        """
        now = self._clock.now()
        try:
            due = await self._store.claim_due(
                now, until=now + self._discoverer.claim_lease, limit=1
            )
        except StoreError as error:
            _tell_failure(error)
            return None
        return due[0] if due else None

    async def _refresh(self, cached: CachedPolicy, turns: asyncio.Semaphore) -> None:
        try:
            view = await self._discoverer.refetch(cached.domain, force=False)
        finally:
            turns.release()
        if view.cached is not None and view.cached.failure is not None:
            self._warn(view.cached)
        else:
            self._warned.pop(cached.domain, None)

    def _warn(self, cached: CachedPolicy) -> None:
        """Tell when a policy that cannot be refreshed comes near its end (RFC 8461 §10.2)."""
        if cached.policy.mode is Mode.NONE or not cached.policy.max_age:
            return
        left = (cached.expires_at - self._clock.now()) / cached.policy.max_age
        passed = [share for share in _WARN_AT_SHARE_LEFT if left <= share]
        if not passed or self._warned.get(cached.domain, 1.0) <= min(passed):
            return
        if len(self._warned) >= MAX_WARNED:
            self._warned.clear()  # at worst somebody is told twice
        self._warned[cached.domain] = min(passed)
        assert cached.failure is not None
        log.warning(
            "policy nears its end unrefreshed",
            domain=cached.domain,
            mode=cached.policy.mode.value,
            expires=cached.expires_at,
            result=cached.failure.result.value,
            reason=cached.failure.reason,
            failures=cached.failure.count,
        )


def _tell_failure(error: StoreError) -> None:
    log.error("refresh round failed", error=str(error), action="try-again-in-60s")
