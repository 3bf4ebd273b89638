"""A watcher and a herald over fakes: domains that tests change, a clock that they move."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Severity
from mailseal.names import Domain
from mailseal.services.herald import Herald
from mailseal.services.watcher import Gather, Watcher, WatchLimits
from mailseal.testing import FakeAlerts, ManualClock, MemoryHistory
from mailseal.testing.evidence import NOW, domain_evidence, host, session, tls
from mailseal.watch.notice import Channel
from mailseal.watch.rules import WatchRules

DOMAIN, OTHER = Domain("example.com"), Domain("example.net")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def broken() -> Evidence:
    """Return evidence of a domain that enforces and loses mail."""
    one = session(handshake=tls("mx1.example.com", distrust="self-signed"))
    return domain_evidence(host(sessions=(one,)))


class World:
    """One node; ``another_node`` shares its store and its clock."""

    def __init__(self, history: MemoryHistory | None = None, clock: ManualClock | None = None):
        self.history = history or MemoryHistory()
        self.clock = clock or ManualClock(NOW)
        self.evidence: dict[Domain, Evidence] = {}
        self.looks: list[Domain] = []
        self.opened = 0
        self.error: BaseException | None = None
        self.on_open: Callable[[], object] = lambda: None
        self.on_look: Callable[[], object] = lambda: None
        self.under_way = self.most = 0
        self.faults: set[Domain] = set()  # to look at one of these is an error of ours
        self.mail, self.webhook = FakeAlerts(), FakeAlerts(Channel.WEBHOOK)
        self.herald = Herald(
            store=self.history, senders=(self.mail, self.webhook), clock=self.clock
        )
        self.watcher = Watcher(
            store=self.history,
            open_gather=self._open,
            clock=self.clock,
            rules=WatchRules(
                interval=6 * HOUR,
                jitter=0.1,
                confirm_after=15 * MINUTE,
                least=Severity.WARNING,
                channels=self.herald.channels,
            ),
            limits=WatchLimits(at_once=2, lease=10 * MINUTE, keep_history=400 * DAY),
            chance=lambda: 0.0,
        )

    def another_node(self) -> "World":
        """Return a node with the same store."""
        node = World(self.history, self.clock)
        node.evidence = self.evidence
        return node

    async def add(self, *domains: Domain) -> None:
        """Watch domains."""
        for domain in domains:
            await self.history.add(domain, now=self.clock.now(), at_most=100)

    async def go_on(self, by: timedelta = timedelta(0)) -> int:
        """Let time pass, then look and send; return how many domains were looked at."""
        self.clock.advance(by)
        looked = await self.watcher.round()
        await self.herald.round()
        return looked

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Gather]:
        self.opened += 1
        self.on_open()
        if self.error is not None:
            raise self.error
        yield self._gather

    async def _gather(self, domain: Domain) -> Evidence:
        self.looks.append(domain)
        self.on_look()
        if domain in self.faults:
            raise ValueError("a fault")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        for _ in range(20):  # others come as far as they may
            await asyncio.sleep(0)
        self.under_way -= 1
        now = self.clock.now()
        evidence = self.evidence.get(domain) or domain_evidence(domain=domain)
        return replace(evidence, domain=domain, started_at=now, finished_at=now)
