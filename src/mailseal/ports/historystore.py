"""Where watched domains, what was seen of them, and news on their way outlive the process."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from mailseal.checks.changes import Span
from mailseal.names import Domain
from mailseal.watch.notice import Channel
from mailseal.watch.records import Look, Message, Observation, Postponed, Settled, Watched


class HistoryStore(Protocol):
    """Keeps the domains that are watched, what was seen of them, and news on their way.

    Several nodes may share one. A method that writes returns when the change would survive
    ``kill -9``. All may raise ``StoreError``; then what was stored before still is.
    """

    async def add(self, domain: Domain, *, now: datetime, at_most: int) -> bool:
        """Watch a domain from now on; tell whether it was not watched before.

        Raises ``StoreFullError`` where ``at_most`` are watched already.
        """
        ...

    async def remove(self, domain: Domain) -> bool:
        """Forget a domain with its whole history; tell whether it was watched."""
        ...

    async def list(self) -> tuple[Watched, ...]:
        """Return all that are watched, in the order of their names."""
        ...

    async def load(self, domain: Domain) -> Watched | None:
        """Return one of them."""
        ...

    async def claim_due(
        self, now: datetime, *, until: datetime, longest: timedelta, limit: int
    ) -> tuple[Watched, ...]:
        """Claim domains whose look is due, longest due first.

        One that would be due later than ``longest`` from now is due, too: a wrong clock or a
        longer interval has put it there. Nobody else is given one until its look has been
        recorded, or until ``until``.
        """
        ...

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> Watched | None:
        """Claim one domain, due or not; None where it is not watched or somebody is at it."""
        ...

    async def load_open(self, domain: Domain) -> tuple[Span, ...]:
        """Return the findings that are not over."""
        ...

    async def load_resolved(self, domain: Domain, *, limit: int) -> tuple[Span, ...]:
        """Return findings that are over, the latest first."""
        ...

    async def load_observations(self, domain: Domain, *, limit: int) -> tuple[Observation, ...]:
        """Return looks without their evidence, the latest first."""
        ...

    async def load_evidence(self, domain: Domain) -> bytes | None:
        """Return what the last look has observed, as it was stored; None where it was not kept."""
        ...

    async def record(self, look: Look) -> bool:
        """Store all of a look; tell whether that was done: not where somebody else was faster."""
        ...

    async def put_off(self, before: Watched, *, until: datetime) -> None:
        """Give a claim back: the look came to nothing, and the next is due at ``until``."""
        ...

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
        """Claim messages whose time has come, the oldest first; nobody else gets them meanwhile.

        The time has come, too, where it is further away than ``longest``. ``is_retry`` is for
        those of which an attempt has failed; without it they are left out.
        """
        ...

    async def settle(self, message: Message, outcome: Settled | Postponed) -> None:
        """Note what came of an attempt."""
        ...

    async def count_waiting(self) -> int:
        """Count the messages that are neither delivered nor given up."""
        ...

    async def give_up(self, before: datetime, outcome: Settled) -> int:
        """Settle what waits since before an instant, by whatever channel; return how many did."""
        ...

    async def prune(self, before: datetime) -> int:
        """Forget looks, findings that are over and settled messages from before an instant."""
        ...
