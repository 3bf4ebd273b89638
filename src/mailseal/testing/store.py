"""A store of policies that lives in memory and can be made to fail."""

from datetime import datetime

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain, NextHop, parse_next_hop
from mailseal.ports import LastVerdict


class MemoryStore:
    """Policies and verdicts in memory (the ``ports.PolicyStore`` protocol), gone with it.

    Set ``error`` to an exception, usually a ``StoreError``, to have every method raise it.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.policies: dict[Domain, CachedPolicy] = {}
        self.verdicts: dict[str, LastVerdict] = {}

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Return what is stored for a domain, expired or not."""
        self._check()
        return self.policies.get(domain)

    async def save(self, policy: CachedPolicy) -> None:
        """Insert or replace a domain's policy and dates, all together."""
        self._check()
        self.policies[policy.domain] = policy

    async def remove(self, domain: Domain) -> bool:
        """Forget a domain's policy and verdicts; tell whether there was a policy."""
        self._check()
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

    async def due(self, now: datetime, *, limit: int) -> tuple[CachedPolicy, ...]:
        """Return policies in force at ``now`` whose ``refetch_at`` has come, longest due first."""
        self._check()
        due = [
            policy
            for policy in self.policies.values()
            if policy.refetch_at <= now and policy.is_in_force(now)
        ]
        return tuple(sorted(due, key=lambda policy: policy.refetch_at)[:limit])

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

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def _is_at(next_hop: str, domain: Domain) -> bool:
    parsed = parse_next_hop(next_hop)
    return isinstance(parsed, NextHop) and parsed.domain == domain
