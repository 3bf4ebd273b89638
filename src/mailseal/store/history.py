"""The history of watched domains as services see it: ``ports.HistoryStore`` over the same thread.

It shares the database and its one thread with the policies: a look is some rows now and then.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from mailseal.checks.changes import Span
from mailseal.names import Domain
from mailseal.store import historystatements, messagestatements
from mailseal.store.worker import LONG_SECONDS, Worker
from mailseal.watch.notice import Channel
from mailseal.watch.records import Look, Message, Observation, Postponed, Settled, Watched

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class History:
    """Watched domains, looks and messages (the ``ports.HistoryStore`` protocol)."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def add(self, domain: Domain, *, now: datetime, at_most: int) -> bool:
        """Watch a domain from now on; tell whether it was not watched before."""
        return await self._write(
            lambda connection: historystatements.add(connection, domain, now, at_most=at_most)
        )

    async def remove(self, domain: Domain) -> bool:
        """Forget a domain with its whole history; tell whether it was watched."""
        return await self._write(lambda connection: historystatements.remove(connection, domain))

    async def list(self) -> tuple[Watched, ...]:
        """Return all that are watched, in the order of their names."""
        return await self._read(historystatements.list_all)

    async def load(self, domain: Domain) -> Watched | None:
        """Return one of them."""
        return await self._read(lambda connection: historystatements.load(connection, domain))

    async def claim_due(
        self, now: datetime, *, until: datetime, longest: timedelta, limit: int
    ) -> tuple[Watched, ...]:
        """Claim domains whose look is due, longest due first."""
        return await self._write(
            lambda connection: historystatements.claim_due(
                connection, now, until, longest=longest, limit=limit
            )
        )

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> Watched | None:
        """Claim one domain, due or not; None where it is not watched or somebody is at it."""
        return await self._write(
            lambda connection: historystatements.claim(connection, domain, now, until)
        )

    async def load_open(self, domain: Domain) -> tuple[Span, ...]:
        """Return the findings that are not over."""
        return await self._read(lambda connection: historystatements.load_open(connection, domain))

    async def load_resolved(self, domain: Domain, *, limit: int) -> tuple[Span, ...]:
        """Return findings that are over, the latest first."""
        return await self._read(
            lambda connection: historystatements.load_resolved(connection, domain, limit=limit)
        )

    async def load_observations(self, domain: Domain, *, limit: int) -> tuple[Observation, ...]:
        """Return looks without their evidence, the latest first."""
        return await self._read(
            lambda connection: historystatements.load_observations(connection, domain, limit=limit)
        )

    async def load_evidence(self, domain: Domain) -> bytes | None:
        """Return what the last look has observed; None where it was not kept."""
        return await self._read(
            lambda connection: historystatements.load_evidence(connection, domain)
        )

    async def record(self, look: Look) -> bool:
        """Store all of a look; tell whether that was done: not where somebody else was faster."""
        return await self._write(lambda connection: historystatements.record(connection, look))

    async def put_off(self, before: Watched, *, until: datetime) -> None:
        """Give a claim back: the look came to nothing, and the next is due at ``until``."""
        await self._write(lambda connection: historystatements.put_off(connection, before, until))

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
        return await self._write(
            lambda connection: messagestatements.claim(
                connection,
                channels,
                now,
                until,
                longest=longest,
                limit=limit,
                is_retry=is_retry,
            )
        )

    async def settle(self, message: Message, outcome: Settled | Postponed) -> None:
        """Note what came of an attempt."""
        await self._write(lambda connection: messagestatements.settle(connection, message, outcome))

    async def count_waiting(self) -> int:
        """Count the messages that are neither delivered nor given up."""
        return await self._read(messagestatements.count_waiting)

    async def give_up(self, before: datetime, outcome: Settled) -> int:
        """Settle what waits since before an instant, by whatever channel; return how many did."""
        return await self._write(
            lambda connection: messagestatements.give_up(connection, before, outcome)
        )

    async def prune(self, before: datetime) -> int:
        """Forget looks, findings that are over and settled messages from before an instant."""
        return await self._write(lambda connection: historystatements.prune(connection, before))

    async def _read(self, run: "Callable[[Connection], T]") -> T:
        return await self._worker.read(
            lambda _db, connection: run(connection), seconds=LONG_SECONDS
        )

    async def _write(self, run: "Callable[[Connection], T]") -> T:
        return await self._worker.write(lambda _db, connection: run(connection))
