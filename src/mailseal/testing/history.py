"""A history of watched domains that lives in memory, can be shared by nodes and made to fail."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailseal.checks.changes import Span
from mailseal.mtasts.freshness import CLOCK_SKEW
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreFullError
from mailseal.watch.notice import Channel
from mailseal.watch.records import Look, Message, Observation, Postponed, Settled, Watched


@dataclass
class _Waiting:
    """A message and what is known of its way."""

    message: Message
    next_try_at: datetime
    claimed_until: datetime | None = None
    settled: Settled | None = None


@dataclass
class MemoryHistory:
    """Watched domains, looks and messages in memory (the ``ports.HistoryStore`` protocol).

    Set ``error`` to an exception, usually a ``StoreError``, to have every method raise it.
    Nodes that share a history share the object.
    """

    error: Exception | None = None
    watched: dict[Domain, Watched] = field(default_factory=dict)
    claims: dict[Domain, datetime] = field(default_factory=dict)
    observations: dict[Domain, list[Observation]] = field(default_factory=dict)
    spans: dict[Domain, list[Span]] = field(default_factory=dict)
    messages: dict[str, _Waiting] = field(default_factory=dict)

    async def add(self, domain: Domain, *, now: datetime, at_most: int) -> bool:
        """Watch a domain from now on; tell whether it was not watched before."""
        self._check()
        if domain in self.watched:
            return False
        if len(self.watched) >= at_most:
            raise StoreFullError(f"{at_most} domains are watched already")
        self.watched[domain] = Watched(domain=domain, added_at=now, next_look_at=now)
        return True

    async def remove(self, domain: Domain) -> bool:
        """Forget a domain with its whole history; tell whether it was watched."""
        self._check()
        self.observations.pop(domain, None)
        self.spans.pop(domain, None)
        for key in [k for k, one in self.messages.items() if one.message.notice.domain == domain]:
            del self.messages[key]
        return self.watched.pop(domain, None) is not None

    async def list(self) -> tuple[Watched, ...]:
        """Return all that are watched, in the order of their names."""
        self._check()
        return tuple(self.watched[name] for name in sorted(self.watched))

    async def load(self, domain: Domain) -> Watched | None:
        """Return one of them."""
        self._check()
        return self.watched.get(domain)

    async def claim_due(
        self, now: datetime, *, until: datetime, longest: timedelta, limit: int
    ) -> tuple[Watched, ...]:
        """Claim domains whose look is due, longest due first."""
        self._check()
        due = [
            one
            for one in self.watched.values()
            if _is_due(one.next_look_at, now, longest)
            and _is_free(self.claims.get(one.domain), now, until)
        ]
        taken = sorted(due, key=lambda one: (one.next_look_at, one.domain))[:limit]
        self.claims.update((one.domain, until) for one in taken)
        return tuple(taken)

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> Watched | None:
        """Claim one domain, due or not; None where it is not watched or somebody is at it."""
        self._check()
        if domain not in self.watched or not _is_free(self.claims.get(domain), now, until):
            return None
        self.claims[domain] = until
        return self.watched[domain]

    async def load_open(self, domain: Domain) -> tuple[Span, ...]:
        """Return the findings that are not over."""
        self._check()
        return tuple(one for one in self.spans.get(domain, []) if one.resolved_at is None)

    async def load_resolved(self, domain: Domain, *, limit: int) -> tuple[Span, ...]:
        """Return findings that are over, the latest first."""
        self._check()
        over = [(one.resolved_at, one) for one in self.spans.get(domain, []) if one.resolved_at]
        over.sort(key=lambda pair: pair[0], reverse=True)
        return tuple(one for _, one in over[:limit])

    async def load_observations(self, domain: Domain, *, limit: int) -> tuple[Observation, ...]:
        """Return looks without their evidence, the latest first."""
        self._check()
        seen = self.observations.get(domain, [])
        return tuple(replace(one, evidence=None) for one in reversed(seen))[:limit]

    async def load_evidence(self, domain: Domain) -> bytes | None:
        """Return what the last look has observed; None where it was not kept."""
        self._check()
        seen = self.observations.get(domain, [])
        return seen[-1].evidence if seen else None

    async def record(self, look: Look) -> bool:
        """Store all of a look; tell whether that was done: not where somebody else was faster."""
        self._check()
        domain, at = look.before.domain, look.observation.at
        known = self.watched.get(domain)
        if known is None or known.looked_at != look.before.looked_at:
            return False
        self.watched[domain] = replace(
            known,
            next_look_at=look.next_look_at,
            looked_at=at,
            succeeded_at=at if look.is_success else known.succeeded_at,
            figures=look.figures,
            memory=look.memory,
        )
        self.claims.pop(domain, None)
        seen = self.observations.setdefault(domain, [])
        if seen and not seen[-1].is_change:
            seen[-1] = replace(seen[-1], evidence=None)
        seen.append(look.observation)
        over = [one for one in self.spans.get(domain, []) if one.resolved_at is not None]
        self.spans[domain] = [*over, *look.spans]
        if look.notice is not None:
            for channel in look.channels:
                message = Message(
                    id=f"{look.notice.id}-{channel.value}",
                    channel=channel,
                    notice=look.notice,
                    created_at=at,
                )
                self.messages[message.id] = _Waiting(message, at)
        return True

    async def put_off(self, before: Watched, *, until: datetime) -> None:
        """Give a claim back: the look came to nothing, and the next is due at ``until``."""
        self._check()
        known = self.watched.get(before.domain)
        if known is not None and known.looked_at == before.looked_at:
            self.watched[before.domain] = replace(known, next_look_at=until)
            self.claims.pop(before.domain, None)

    async def claim_messages(
        self,
        channels: Sequence[Channel],
        now: datetime,
        *,
        until: datetime,
        longest: timedelta,
        limit: int,
        is_retry: bool,
    ) -> tuple[Message, ...]:
        """Claim messages whose time has come, the oldest first."""
        self._check()
        due = [
            one
            for one in self.messages.values()
            if one.settled is None
            and one.message.channel in channels
            and (one.message.attempts > 0) is is_retry
            and _is_due(one.next_try_at, now, longest)
            and _is_free(one.claimed_until, now, until)
        ][:limit]
        for one in due:
            one.claimed_until = until
        return tuple(one.message for one in due)

    async def settle(self, message: Message, outcome: Settled | Postponed) -> None:
        """Note what came of an attempt."""
        self._check()
        waiting = self.messages.get(message.id)
        if waiting is None:
            return
        waiting.message = replace(message, attempts=message.attempts + 1)
        waiting.claimed_until = None
        match outcome:
            case Settled():
                waiting.settled = outcome
            case Postponed():
                waiting.next_try_at = outcome.until

    async def count_waiting(self) -> int:
        """Count the messages that are neither delivered nor given up."""
        self._check()
        return sum(one.settled is None for one in self.messages.values())

    async def give_up(self, before: datetime, outcome: Settled) -> int:
        """Settle what waits since before an instant, by whatever channel; return how many did."""
        self._check()
        old = [
            one
            for one in self.messages.values()
            if one.settled is None and one.message.created_at < before
        ]
        for one in old:
            one.settled = outcome
        return len(old)

    async def prune(self, before: datetime) -> int:
        """Forget looks, findings that are over and settled messages from before an instant."""
        self._check()
        number = 0
        for name, seen in self.observations.items():
            self.observations[name] = [one for one in seen if one.at >= before]
            number += len(seen) - len(self.observations[name])
        for name, found in self.spans.items():
            kept = [one for one in found if not one.resolved_at or one.resolved_at >= before]
            number += len(found) - len(kept)
            self.spans[name] = kept
        old = [key for key, one in self.messages.items() if one.settled and one.settled.at < before]
        for key in old:
            del self.messages[key]
        return number + len(old)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def _is_due(at: datetime, now: datetime, longest: timedelta) -> bool:
    return at <= now or at > now + longest + CLOCK_SKEW


def _is_free(claimed: datetime | None, now: datetime, until: datetime) -> bool:
    return claimed is None or claimed <= now or claimed > until + CLOCK_SKEW
