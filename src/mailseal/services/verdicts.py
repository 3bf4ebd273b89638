"""Remembers what DANE proved about a next hop, for the day that DNS proves nothing."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import structlog

from mailseal.dane.exchange import DaneSummary, Exchange, ExchangeUnknown
from mailseal.names import Domain, NextHop
from mailseal.ports.clock import Clock
from mailseal.ports.policystore import LastVerdict, PolicyStore
from mailseal.ports.storeerrors import StoreError

log = structlog.stdlib.get_logger("mailseal.verdicts")

MAX_VERDICTS = 200_000
REWRITE = timedelta(days=1)  # a verdict that stays the same is stored again after this


class Verdicts:
    """The last verdict of each next hop that has an enforce policy, in memory and store.

    What resolvers of a zone's own have proven is stored apart from what others have: the two may
    well see different hosts, and none of them takes back what it never saw.
    """

    def __init__(
        self, *, store: PolicyStore, clock: Clock, resolvers: tuple[str, ...] = ()
    ) -> None:
        self._store = store
        self._clock = clock
        self._mark = _mark_of(resolvers)
        self._held: dict[str, LastVerdict] = {}
        self._purges = 0

    async def remembered(
        self, next_hop: NextHop, exchange: Exchange | ExchangeUnknown
    ) -> Exchange | ExchangeUnknown:
        """Keep what an exchange proves, or add to one that is unknown what was proven before."""
        if isinstance(exchange, ExchangeUnknown):
            return ExchangeUnknown(
                reason=exchange.reason,
                last=await self.last(next_hop),
                failing_for=exchange.failing_for,
            )
        summary = exchange.summary
        if summary is not None:
            await self._keep(self._key(next_hop), summary)
        return exchange

    async def last(self, next_hop: NextHop) -> DaneSummary | None:
        """Return what was last proven, None where nothing ever was."""
        key = self._key(next_hop)
        known = self._held.get(key)
        if known is None:
            purges = self._purges
            try:
                known = await self._store.load_verdict(key)
            except StoreError as error:
                log.error("DANE verdict cannot be read", next_hop=key, error=str(error))
            if known is not None and purges == self._purges:  # else it may be gone by now
                self._hold(known)
        return known.state if known else None

    def forget(self, domain: Domain) -> None:
        """Drop what memory holds of a domain, in all forms of its next hop."""
        self._purges += 1
        for key in [key for key in self._held if _domain_of(key) == domain]:
            del self._held[key]

    def _key(self, next_hop: NextHop) -> str:
        return f"{next_hop}{self._mark}"

    async def _keep(self, key: str, summary: DaneSummary) -> None:
        known = self._held.get(key)
        now = self._clock.now()
        if known and known.state is summary and now - known.learnt_at < REWRITE:
            return
        verdict = LastVerdict(next_hop=key, state=summary, learnt_at=now)
        self._hold(verdict)
        try:
            await self._store.save_verdict(verdict)
        except StoreError as error:
            log.error("DANE verdict cannot be stored", next_hop=key, error=str(error))
            self._hold(replace(verdict, learnt_at=now - REWRITE))  # to be tried again

    def _hold(self, verdict: LastVerdict) -> None:
        if len(self._held) >= MAX_VERDICTS:
            del self._held[next(iter(self._held))]
        self._held[verdict.next_hop] = verdict


def _mark_of(resolvers: tuple[str, ...]) -> str:
    """Return what stands behind a next hop in the store: the same for every order of them."""
    if not resolvers:
        return ""
    return " " + hashlib.sha256(",".join(sorted(resolvers)).encode()).hexdigest()[:16]


def _domain_of(key: str) -> str:
    return key.partition(" ")[0].removeprefix("[").partition("]")[0].partition(":")[0]
