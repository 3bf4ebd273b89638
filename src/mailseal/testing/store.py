"""A store of policies that lives in memory, can be shared by nodes and made to fail."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from mailseal.mtasts.freshness import CLOCK_SKEW, CachedPolicy
from mailseal.names import Domain, NextHop, parse_next_hop
from mailseal.ports.policystore import LastVerdict, StoreChanges


class MemoryStore:
    """Policies and verdicts in memory (the ``ports.PolicyStore`` protocol), gone with it.

    Set ``error`` to an exception, usually a ``StoreError``, to have every method raise it;
    ``cut_off`` and ``reconnect`` do that for a node's database. ``another_node`` gives a store
    over the same policies.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.policies: dict[Domain, CachedPolicy] = {}
        self.verdicts: dict[str, LastVerdict] = {}
        self.claims: dict[Domain, datetime] = {}
        self.purges: dict[Domain, datetime] = {}
        self._changed: dict[Domain, None] = {}
        self._purged: dict[Domain, None] = {}
        self._is_behind = False
        self._has_changes = asyncio.Event()
        self._nodes = [self]

    def another_node(self) -> "MemoryStore":
        """Return a store that holds the same and hears of every change, as on another machine."""
        node = MemoryStore()
        node.policies, node.verdicts = self.policies, self.verdicts
        node.claims, node.purges = self.claims, self.purges
        self._nodes.append(node)
        node._nodes = self._nodes
        return node

    def cut_off(self, error: Exception) -> None:
        """Raise ``error`` from now on, and hear nothing."""
        self.error = error

    def reconnect(self) -> None:
        """Work again; what was changed meanwhile is not told one by one."""
        self.error = None
        self._is_behind = True
        self._has_changes.set()

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Return what is stored for a domain, expired or not."""
        self._check()
        return self.policies.get(domain)

    async def load_many(self, domains: Sequence[Domain]) -> Mapping[Domain, CachedPolicy | None]:
        """Return what is stored for each of some domains, None for nothing."""
        self._check()
        return {domain: self.policies.get(domain) for domain in domains}

    async def save(self, policy: CachedPolicy, *, now: datetime | None = None) -> bool:
        """Insert or replace a policy unless a later or purged one is known; tell whether it was."""
        self._check()
        domain, fetched_at = policy.domain, policy.fetched_at
        stored = self.policies.get(domain)
        for at in (self.purges.get(domain), stored.fetched_at if stored else None):
            if at is not None and at > fetched_at and (now is None or at <= now + CLOCK_SKEW):
                return False
        self.policies[domain] = policy
        self.claims.pop(domain, None)
        self._tell(domain)
        return True

    async def remove(self, domain: Domain, *, now: datetime | None = None) -> bool:
        """Forget a domain's policy and verdicts; tell whether there was a policy."""
        self._check()
        self._tell(domain, is_purge=True)
        if now is not None:
            self.purges[domain] = now
        for next_hop in [key for key in self.verdicts if _is_at(key, domain)]:
            del self.verdicts[next_hop]
        return self.policies.pop(domain, None) is not None

    async def list(
        self, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[CachedPolicy, ...]:
        """Return stored policies in the order of their names, from behind ``after``."""
        self._check()
        names = sorted(name for name in self.policies if after is None or name > after)
        return tuple(self.policies[name] for name in names[:limit])

    async def list_purged(
        self, since: datetime, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[Domain, ...]:
        """Return domains last purged at or after an instant, in the order of their names."""
        self._check()
        found = [name for name, at in self.purges.items() if at >= since]
        return tuple(sorted(name for name in found if after is None or name > after)[:limit])

    async def claim_due(
        self, now: datetime, *, until: datetime, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Claim policies in force at ``now`` whose ``refetch_at`` has come, longest due first."""
        self._check()
        free = [
            policy
            for policy in self.policies.values()
            if policy.is_in_force(now) and self._is_free(policy.domain, now)
        ]
        claimed = sorted(free, key=lambda policy: policy.refetch_at)[:limit]
        self.claims.update((policy.domain, until) for policy in claimed)
        return tuple(claimed)

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> bool:
        """Claim one domain's policy likewise; False when it is not due or is claimed already."""
        self._check()
        is_free = self._is_free(domain, now)
        if is_free:
            self.claims[domain] = until
        return is_free

    async def wait_for_changes(self) -> StoreChanges:
        """Wait until a node has changed something since the last call."""
        await self._has_changes.wait()
        self._has_changes.clear()
        changes = StoreChanges(
            domains=tuple(self._changed),
            purged=tuple(self._purged),
            is_anything=self._is_behind,
        )
        self._changed.clear()
        self._purged.clear()
        self._is_behind = False
        return changes

    async def remove_expired(self, before: datetime) -> int:
        """Forget policies that expired, and verdicts learnt, before an instant; return how many."""
        self._check()
        policies = [p.domain for p in self.policies.values() if p.expires_at < before]
        verdicts = [v.next_hop for v in self.verdicts.values() if v.learnt_at < before]
        for domain in policies:
            del self.policies[domain]
        for next_hop in verdicts:
            del self.verdicts[next_hop]
        return len(policies) + len(verdicts)

    async def count(self) -> int:
        """Return how many policies are stored."""
        self._check()
        return len(self.policies)

    async def load_verdict(self, next_hop: str) -> LastVerdict | None:
        """Return the last DANE verdict of a next hop."""
        self._check()
        return self.verdicts.get(next_hop)

    async def save_verdict(self, verdict: LastVerdict) -> None:
        """Insert or replace a next hop's DANE verdict."""
        self._check()
        self.verdicts[verdict.next_hop] = verdict

    def _is_free(self, domain: Domain, now: datetime) -> bool:
        policy, claimed_until = self.policies.get(domain), self.claims.get(domain)
        is_due = policy is not None and policy.refetch_at <= now
        return is_due and (claimed_until is None or claimed_until <= now)

    def _tell(self, domain: Domain, *, is_purge: bool = False) -> None:
        for node in self._nodes:
            node._hear(domain, is_purge=is_purge)  # noqa: SLF001 -- one of us

    def _hear(self, domain: Domain, *, is_purge: bool) -> None:
        if self.error is None:
            self._changed[domain] = None
            if is_purge:
                self._purged[domain] = None
            self._has_changes.set()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def _is_at(next_hop: str, domain: Domain) -> bool:
    parsed = parse_next_hop(next_hop.partition(" ")[0])
    return isinstance(parsed, NextHop) and parsed.domain == domain
