"""Looks at one domain of a list after another, many at a time, and puts down what each comes to.

What servers are to be spared lies in ``probes``; here is how many domains are under way, and that
none runs away from the slowest: who reads results back needs to remember no more than that.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from mailseal.checks.evidence import Evidence
from mailseal.checks.verdict import Verdict
from mailseal.names import Domain
from mailseal.scans.listing import Item
from mailseal.scans.optouts import OptOuts
from mailseal.scans.positions import Positions
from mailseal.scans.result import Result

NO_NAME = "no domain name"
OPTED_OUT = "opted out"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """How many domains are under way, and how far the first may be ahead of the last.

    ``block`` entries are read at a time: one by one where they come slowly.
    """

    at_once: int = 400
    block: int = 200  # ours: a few milliseconds of reading
    window: int = 20_000  # ours: at 200 a second more than the longest time for one domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A domain's result with what it was judged by."""

    result: Result
    evidence: Evidence | None


class Examiner(Protocol):
    """Observes and judges one domain."""

    def __call__(self, number: int, domain: Domain) -> Awaitable[Examined]:
        """Return what there is to say; never raises for what the network does."""
        ...


class Sink(Protocol):
    """Where results go."""

    async def put(self, examined: Examined) -> None:
        """Keep one, now or a little later; all that were put in one order are kept in it."""
        ...


@dataclass(slots=True)
class ScanCounts:
    """How far a scan has come: ``done`` of this run, ``spared`` of runs before it."""

    done: int = 0
    spared: int = 0
    faults: int = 0
    under_way: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)


class Scanner:
    """One run over a list.

    ``done`` are the numbers that are not to be looked at again; the scanner adds its own.
    """

    def __init__(
        self,
        *,
        examine: Examiner,
        sink: Sink,
        done: Positions,
        limits: ScanLimits,
        opt_outs: OptOuts | None = None,
        on_known: Callable[[Item], None] | None = None,
    ) -> None:
        self._examine = examine
        self._sink = sink
        self._done = done
        self._limits = limits
        self._opt_outs = opt_outs or OptOuts()
        self._on_known = on_known
        self._reading = asyncio.Lock()
        self._block: deque[Item] = deque()
        self._moved = asyncio.Condition()
        self.counts = ScanCounts()

    async def run(self, items: Iterable[Item]) -> None:
        """Look at every entry that is not done; raises what reading the list raises."""
        source = iter(items)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._limits.at_once):
                    group.create_task(self._work(source))
        except BaseExceptionGroup as failed:
            # Every worker fails for the same reason: the list cannot be read on.
            raise failed.exceptions[0] from None

    async def _work(self, source: Iterator[Item]) -> None:
        while (item := await self._next(source)) is not None:
            self.counts.under_way += 1
            try:
                examined = await self._look_at(item)
            finally:
                self.counts.under_way -= 1
            self._count(examined.result)
            await self._sink.put(examined)
            low = self._done.low
            self._done.add(item.number)
            if self._done.low > low:
                async with self._moved:
                    self._moved.notify_all()

    async def _next(self, source: Iterator[Item]) -> Item | None:
        """Return the next entry to be looked at, once it is not too far ahead; None at the end."""
        async with self._reading:
            while True:
                if not self._block:
                    # A file may be slow, and whoever writes into a pipe even slower.
                    self._block.extend(await asyncio.to_thread(self._read_block, source))
                    if not self._block:
                        return None
                item = self._block.popleft()
                if item.number not in self._done:
                    break
                self.counts.spared += 1
                if self._on_known is not None:
                    self._on_known(item)
            async with self._moved:
                await self._moved.wait_for(
                    lambda: item.number <= self._done.low + self._limits.window
                )
            return item

    def _read_block(self, source: Iterator[Item]) -> list[Item]:
        return list(islice(source, self._limits.block))

    async def _look_at(self, item: Item) -> Examined:
        if item.domain is None:
            return without_look(item, f"{NO_NAME}: {item.fault}")
        if self._opt_outs.covers(item.domain):
            return without_look(item, OPTED_OUT)
        return await self._examine(item.number, item.domain)

    def _count(self, result: Result) -> None:
        self.counts.done += 1
        if result.verdict is None:
            self.counts.faults += 1
        else:
            self.counts.verdicts[result.verdict] += 1


def without_look(item: Item, fault: str) -> Examined:
    """Return the result of an entry that nobody was asked about."""
    result = Result(number=item.number, domain=str(item.domain or item.text), fault=fault)
    return Examined(result=result, evidence=None)
