"""Looks at every watched domain when its time has come, and keeps what has changed.

It works in the background of the resolver process, a few domains at a time. Where several nodes
share a store, one of them takes each look.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

import mailseal
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.historystore import HistoryStore
from mailseal.ports.storeerrors import StoreError
from mailseal.services.herald import GIVE_UP_AFTER
from mailseal.watch.records import Look, Settled, Watched
from mailseal.watch.rules import WatchRules

if TYPE_CHECKING:
    # Every check comes with the first look: a service that watches nothing loads none.
    from mailseal.checks.changes import Span
    from mailseal.checks.evidence import Evidence
    from mailseal.checks.finding import Finding

log = structlog.stdlib.get_logger("mailseal.watcher")

ROUND_INTERVAL = timedelta(seconds=5)  # so that a domain that was added is soon looked at
FIGURES_INTERVAL = timedelta(seconds=60)  # between two readings of what metrics show
PRUNE_INTERVAL = timedelta(hours=1)
LONGEST_ROUND = timedelta(minutes=5)  # ours: what one has observed is soon of no use to others
NOBODY_SENDS = GIVE_UP_AFTER + timedelta(days=1)  # no herald has them: their channel is gone

Gather = Callable[[Domain], "Awaitable[Evidence]"]
OpenGather = Callable[[], AbstractAsyncContextManager[Gather]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    """The bounds of watching: ``lease`` is longer than a look can take."""

    at_once: int
    lease: timedelta
    keep_history: timedelta


class Watcher:
    """One loop. ``open_gather`` gives what observes, for as long as there is something due.

    It is opened anew each round, and no round takes new domains for longer than a second look at
    one is put off: what an earlier look has seen must not count as seen again.
    ``latest`` is what the store last held of all watched domains, None until it was read.
    """

    def __init__(
        self,
        *,
        store: HistoryStore,
        open_gather: OpenGather,
        clock: Clock,
        rules: WatchRules,
        limits: WatchLimits,
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._open_gather = open_gather
        self._clock = clock
        self._rules = rules
        self._limits = limits
        self._chance = chance
        self._figures_at: float | None = None
        self._pruned_at = clock.monotonic()
        self.latest: tuple[Watched, ...] | None = None

    async def run(self) -> None:
        """Work for ever; cancel it to end it."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                log.warning("watch is without its store", error=str(error), action="try-again")
            except mailseal.Error as error:
                log.warning("watch cannot look", error=str(error), action="try-again-later")
            await asyncio.sleep(ROUND_INTERVAL.total_seconds())

    async def round(self) -> int:
        """Look at what is due now; return how many domains were."""
        looked = 0
        first = await self._claim()
        if first is not None:
            looked = await self._look_at_due(first)
        await self._keep_house(has_news=looked > 0)
        return looked

    async def _look_at_due(self, first: Watched) -> int:
        looked = 0
        longest = min(self._rules.confirm_after, LONGEST_ROUND)
        end = self._clock.monotonic() + longest.total_seconds()
        turns = asyncio.Semaphore(self._limits.at_once)
        due: Watched | None = first
        async with self._open_gather() as gather, asyncio.TaskGroup() as tasks:
            await turns.acquire()
            while due is not None:
                tasks.create_task(self._take_turn(due, gather, turns))
                looked += 1
                # One by one, when there is time for it: other nodes take the others.
                await turns.acquire()
                due = await self._go_on() if self._clock.monotonic() < end else None
        return looked

    async def look_now(self, domains: tuple[Domain, ...]) -> tuple[Look | Domain, ...]:
        """Look at these domains, due or not; a name stands for one that somebody else is at.

        Or for one that is not watched.
        """
        turns = asyncio.Semaphore(self._limits.at_once)
        async with self._open_gather() as gather:

            async def look(domain: Domain) -> Look | Domain:
                async with turns:
                    now = self._clock.now()
                    until = now + self._limits.lease
                    before = await self._store.claim(domain, now, until=until)
                    found = None if before is None else await self._look(before, gather)
                    return domain if found is None else found

            return tuple(await asyncio.gather(*map(look, domains)))

    async def _claim(self) -> Watched | None:
        now = self._clock.now()
        due = await self._store.claim_due(
            now, until=now + self._limits.lease, longest=self._rules.interval, limit=1
        )
        return due[0] if due else None

    async def _go_on(self) -> Watched | None:
        try:
            await self._keep_house()
            return await self._claim()
        except StoreError as error:
            # Those who are at it go on, and each does what it can.
            log.warning("watch is without its store", error=str(error), action="try-again")
            return None

    async def _take_turn(self, before: Watched, gather: Gather, turns: asyncio.Semaphore) -> None:
        try:
            await self._look_or_put_off(before, gather)
        except StoreError as error:
            log.warning("watch is without its store", error=str(error), action="try-again")
        finally:
            turns.release()

    async def _look_or_put_off(self, before: Watched, gather: Gather) -> None:
        try:
            await self._look(before, gather)
        except StoreError:
            raise
        except Exception:
            # A fault of ours: one domain that brings it out must not keep others from being seen.
            pause = self._rules.confirm_after
            log.exception(
                "watched domain could not be looked at",
                domain=before.domain,
                action=f"again-in-{pause.total_seconds():.0f}s",
            )
            await self._store.put_off(before, until=self._clock.now() + pause)

    async def _look(self, before: Watched, gather: Gather) -> Look | None:
        """Look and store; None where somebody else has looked meanwhile."""
        spans = await self._store.load_open(before.domain)
        evidence = await gather(before.domain)
        # In a thread: certificates of many hosts take tens of milliseconds to judge.
        look = await asyncio.to_thread(
            _judge_look, before, spans, evidence, self._rules, chance=self._chance()
        )
        if not await self._store.record(look):
            return None
        _tell(look)
        return look

    async def _keep_house(self, *, has_news: bool = False) -> None:
        now, read_at = self._clock.monotonic(), self._figures_at
        if has_news or read_at is None or now - read_at >= FIGURES_INTERVAL.total_seconds():
            self.latest = await self._store.list()
            self._figures_at = now
        if now - self._pruned_at >= PRUNE_INTERVAL.total_seconds():
            self._pruned_at = now
            await self._prune(self._clock.now())

    async def _prune(self, now: datetime) -> None:
        outcome = Settled(at=now, failure="nobody has sent it in time")
        if number := await self._store.give_up(now - NOBODY_SENDS, outcome):
            log.warning("alerts were never sent", number=number, action="given-up")
        await self._store.prune(now - self._limits.keep_history)


def _judge_look(
    before: Watched,
    spans: "Sequence[Span]",
    evidence: "Evidence",
    rules: WatchRules,
    *,
    chance: float,
) -> Look:
    """Do what ``judge_look`` does, loading every check at first; in a thread, both can wait."""
    from mailseal.watch.judging import judge_look

    return judge_look(before, spans, evidence, rules, chance=chance)


def _tell(look: Look) -> None:
    domain, verdict = look.before.domain, look.figures.verdict
    log.info(
        "watched domain looked at",
        domain=domain,
        verdict=verdict,
        errors=look.figures.errors,
        warnings=look.figures.warnings,
        unknown=look.figures.unknown,
        next=look.next_look_at,
    )
    if look.notice is not None:
        log.warning(
            "watched domain has changed",
            domain=domain,
            verdict=verdict,
            added=_codes(look.notice.added),
            worse=_codes(look.notice.worse),
            resolved=_codes(look.notice.resolved),
            by=",".join(look.channels),
        )


def _codes(findings: "tuple[Finding, ...]") -> str:
    return ",".join(dict.fromkeys(finding.code for finding in findings))
