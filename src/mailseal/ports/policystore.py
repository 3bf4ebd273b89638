"""Where policies and DANE verdicts outlive the process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailseal.dane.exchange import DaneSummary
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class LastVerdict:
    """What DNS last proved about DANE at a next hop, for the day it proves nothing.

    ``next_hop`` is ``str(NextHop)``, with a blank and a mark behind it where it was proven by
    resolvers of a zone's own.
    """

    next_hop: str
    state: DaneSummary
    learnt_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChanges:
    """What nodes that share a store have changed in it, this one too.

    ``domains`` were written or purged since they were last told, ``purged`` are those of them that
    were purged, whatever was written since. With ``is_anything`` more may have changed than can be
    told: the store was away, or too much changed at once.
    """

    domains: tuple[Domain, ...] = ()
    purged: tuple[Domain, ...] = ()
    is_anything: bool = False


class PolicyStore(Protocol):
    """Keeps policies with all their dates, and the last DANE verdicts, beyond a restart.

    Several nodes may share one. A method that writes returns when the change would survive
    ``kill -9``. All may raise ``StoreError``; then what was stored before still is.
    """

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Return what is stored for a domain, expired or not."""
        ...

    async def load_many(self, domains: Sequence[Domain]) -> Mapping[Domain, CachedPolicy | None]:
        """Return what is stored for each of some domains, None for nothing.

        A domain whose row cannot be read is left out: that is no proof of anything.
        """
        ...

    async def save(self, policy: CachedPolicy, *, now: datetime | None = None) -> bool:
        """Insert or replace a domain's policy and dates, all together; tell whether that was done.

        It is not where the store holds one that was fetched later, or was purged of this one
        since. Dates beyond ``now`` are those of a wrong clock and stand in nobody's way.
        """
        ...

    async def remove(self, domain: Domain, *, now: datetime | None = None) -> bool:
        """Forget a domain's policy and verdicts; tell whether there was a policy.

        With ``now`` no node can store again what was fetched before.
        """
        ...

    async def list(
        self, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[CachedPolicy, ...]:
        """Return stored policies in the order of their names, from behind ``after``."""
        ...

    async def list_purged(
        self, since: datetime, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[Domain, ...]:
        """Return domains last purged at or after an instant, in the order of their names.

        An empty page is the end.
        """
        ...

    async def claim_due(
        self, now: datetime, *, until: datetime, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Claim policies in force at ``now`` whose ``refetch_at`` has come, longest due first.

        Nobody else is given one until it has been saved, or until ``until``.
        """
        ...

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> bool:
        """Claim one domain's policy likewise; False when it is not due or is claimed already."""
        ...

    async def wait_for_changes(self) -> StoreChanges:
        """Wait until something has changed since the last call; for one caller at a time.

        A store that nobody else writes to never returns.
        """
        ...

    async def remove_expired(self, before: datetime) -> int:
        """Forget policies that expired, and verdicts learnt, before an instant; return how many."""
        ...

    async def count(self) -> int:
        """Return how many policies are stored."""
        ...

    async def load_verdict(self, next_hop: str) -> LastVerdict | None:
        """Return the last DANE verdict of a next hop."""
        ...

    async def save_verdict(self, verdict: LastVerdict) -> None:
        """Insert or replace a next hop's DANE verdict."""
        ...
