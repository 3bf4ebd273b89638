"""Looks at one domain of a list after another, many at a time, and puts down what each comes to.

What servers are to be spared lies in ``probes``; here is how many domains are under way, and that
none runs away from the slowest: who reads results back needs to remember no more than that. A
domain with a server that was given a rest is put off behind the others.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Protocol

from mailseal.checks.evidence import Evidence
from mailseal.checks.verdict import Verdict
from mailseal.names import Domain
from mailseal.scans.listing import Item
from mailseal.scans.optouts import OptOuts
from mailseal.scans.positions import Positions
from mailseal.scans.result import Result
from mailseal.scans.unexamined import no_name, opted_out

MAX_LOOKS = 6  # ours, for one domain: hundreds of names at one address have their turn by then

Sleep = Callable[[float], Awaitable[None]]


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
    """A domain's result with what it was judged by, if anybody was asked."""

    result: Result
    evidence: Evidence | None = None


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
    verdicts: Counter[Verdict] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """An entry to be looked at, not before ``due`` on the loop's clock; ``looks`` were there."""

    item: Item
    looks: int = 0
    due: float = 0.0


class Scanner:
    """One run over a list.

    ``done`` are the numbers that are not to be looked at again; the scanner adds its own.
    ``sleep`` is for tests.
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
        sleep: Sleep = asyncio.sleep,
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
        self._sleep = sleep
        # By number, in the order in which they were put off; the window bounds them, too.
        self._put_off: dict[int, _Turn] = {}
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
        while (turn := await self._next(source)) is not None:
            await self._wait_until(turn.due)
            examined = await self._look_at(turn.item)
            if not self._puts_off(turn, rest_of(examined)):
                self._count(examined.result)
                await self._sink.put(examined)
                low = self._done.low
                self._done.add(turn.item.number)
                if self._done.low == low:
                    continue
            async with self._moved:
                self._moved.notify_all()

    def _puts_off(self, turn: _Turn, rest: timedelta | None) -> bool:
        """Put an entry behind the others where a server of it is given a rest, but not for ever."""
        looks = turn.looks + 1
        if rest is None or looks >= MAX_LOOKS:
            return False
        due = asyncio.get_running_loop().time() + rest.total_seconds()
        self._put_off[turn.item.number] = _Turn(item=turn.item, looks=looks, due=due)
        return True

    async def _wait_until(self, due: float) -> None:
        left = due - asyncio.get_running_loop().time()
        if left > 0:
            await self._sleep(left)

    async def _next(self, source: Iterator[Item]) -> _Turn | None:
        """Return the next entry to be looked at, once it is not too far ahead; None at the end.

        Those put off come last. One that all others would have to wait for comes at once, and
        for the last time.
        """
        async with self._reading:
            while True:
                if not self._block:
                    # A file may be slow, and whoever writes into a pipe even slower.
                    self._block.extend(await asyncio.to_thread(self._read_block, source))
                    if not self._block:
                        first = next(iter(self._put_off), None)
                        return None if first is None else self._put_off.pop(first)
                item = self._block.popleft()
                if item.number not in self._done:
                    break
                self.counts.spared += 1
                if self._on_known is not None:
                    self._on_known(item)
            async with self._moved:
                await self._moved.wait_for(
                    lambda: self._is_near(item) or self._done.low + 1 in self._put_off
                )
            if self._is_near(item):
                return _Turn(item=item)
            self._block.appendleft(item)
            return replace(self._put_off.pop(self._done.low + 1), looks=MAX_LOOKS - 1, due=0.0)

    def _is_near(self, item: Item) -> bool:
        return item.number <= self._done.low + self._limits.window

    def _read_block(self, source: Iterator[Item]) -> list[Item]:
        return list(islice(source, self._limits.block))

    async def _look_at(self, item: Item) -> Examined:
        if item.domain is None:
            return Examined(result=no_name(item))
        if self._opt_outs.covers(item.domain):
            return Examined(result=opted_out(item.number, item.domain))
        return await self._examine(item.number, item.domain)

    def _count(self, result: Result) -> None:
        self.counts.done += 1
        if result.verdict is None:
            self.counts.faults += 1
        else:
            self.counts.verdicts[result.verdict] += 1


def rest_of(examined: Examined) -> timedelta | None:
    """Return when to look again since some server was given a rest; None where none was."""
    hosts = examined.evidence.mx_hosts if examined.evidence else ()
    failures = (session.failure for host in hosts for session in host.sessions)
    rests = (one.again_in for one in failures if one is not None and one.again_in is not None)
    return max(rests, default=None)
