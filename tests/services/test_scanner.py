"""Thousands of domains, many at a time, each once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.checks.evidence import Failure, Trouble
from mailseal.names import Domain
from mailseal.scans.listing import Item, ListError
from mailseal.scans.optouts import OptOuts
from mailseal.scans.positions import Positions
from mailseal.scans.result import Result
from mailseal.services.scanner import MAX_LOOKS, Examined, ScanLimits, Scanner
from mailseal.testing.evidence import domain_evidence, host, session


def items(count: int) -> Iterator[Item]:
    for number in range(1, count + 1):
        name = f"d{number}.example"
        yield Item(number=number, text=name, domain=Domain(name))


class Sink(list[int]):
    """Keeps numbers; ``is_full`` is set with the ninth."""

    def __init__(self) -> None:
        self.is_full = asyncio.Event()

    async def put(self, examined: Examined) -> None:
        self.append(examined.result.number)
        if len(self) == 9:
            self.is_full.set()


class Examiner:
    """Ends each look a few turns of the loop later; those that are held when they are let go."""

    def __init__(self, *held: int) -> None:
        self.held = {number: asyncio.Event() for number in held}
        self.under_way = 0
        self.most = 0
        self.latest = 0
        self.reached: dict[int, asyncio.Event] = {}

    async def __call__(self, number: int, domain: Domain) -> Examined:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.latest = max(self.latest, number)
        if number in self.reached:
            self.reached[number].set()
        if number in self.held:
            await self.held[number].wait()
        for _ in range(100 + number % 4):
            await asyncio.sleep(0)
        self.under_way -= 1
        return Examined(result=Result(number=number, domain=domain), evidence=None)


def scanner(examine: Examiner, sink: Sink, **more: object) -> Scanner:
    options: dict[str, object] = {"done": Positions(), "limits": ScanLimits(at_once=50), **more}
    return Scanner(examine=examine, sink=sink, **options)  # type: ignore[arg-type]


async def test_every_domain_is_looked_at_once_and_no_more_than_allowed_at_a_time() -> None:
    """Three thousand domains by fifty."""
    examine, sink = Examiner(), Sink()

    await scanner(examine, sink).run(items(3000))

    assert sorted(sink) == list(range(1, 3001))
    assert examine.most == 50


async def test_what_is_done_is_spared_and_shown() -> None:
    """A scan that goes on looks at the rest alone, and lets its caller compare the list."""
    done, sink, known = Positions(), Sink(), list[str]()
    for number in (1, 2, 3, 5):
        done.add(number)

    one = scanner(Examiner(), sink, done=done, on_known=lambda item: known.append(item.text))
    await one.run(items(7))

    assert sorted(sink) == [4, 6, 7]
    assert known == ["d1.example", "d2.example", "d3.example", "d5.example"]
    assert (one.counts.done, one.counts.spared) == (3, 4)


async def test_none_runs_far_ahead_of_the_slowest() -> None:
    """What is remembered above the low-water mark is bounded by the window."""
    examine, sink = Examiner(3), Sink()
    reached = examine.reached[102] = asyncio.Event()
    limits = ScanLimits(at_once=10, window=100)
    task = asyncio.create_task(scanner(examine, sink, limits=limits).run(items(1000)))
    await reached.wait()
    for _ in range(500):
        await asyncio.sleep(0)

    assert examine.latest == 102
    examine.held[3].set()
    await task
    assert sorted(sink) == list(range(1, 1001))


async def test_who_has_opted_out_is_not_looked_at() -> None:
    """The domain stands in the results all the same, with the reason."""
    examine, results = Examiner(), list[Result]()

    class Keeper:
        async def put(self, examined: Examined) -> None:
            results.append(examined.result)

    one = Scanner(
        examine=examine,
        sink=Keeper(),
        done=Positions(),
        limits=ScanLimits(at_once=1),
        opt_outs=OptOuts(frozenset({"d1.example"})),
    )
    await one.run([*items(2), Item(number=3, text="!", domain=None, fault="empty label")])

    assert [result.fault for result in results] == ["opted out", "", "no domain name: empty label"]
    assert examine.latest == 2
    assert (one.counts.done, one.counts.faults) == (3, 3)  # no look of these came to a verdict


async def test_a_list_that_cannot_be_read_ends_the_scan_with_its_own_error() -> None:
    """Not with a group of as many errors as there are workers."""

    def broken() -> Iterator[Item]:
        yield from items(3)
        raise ListError("cut short")

    with pytest.raises(ListError, match="cut short"):
        await scanner(Examiner(), Sink()).run(broken())


async def test_a_scan_that_is_called_off_ends_at_once() -> None:
    """What is under way is left; nothing of it is in the results."""
    examine, sink = Examiner(1), Sink()
    task = asyncio.create_task(scanner(examine, sink).run(items(10)))
    await sink.is_full.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert 1 not in sink


class Crowd:
    """Gives servers a rest: ``rests`` says how often for which number; ``looks`` are in order."""

    def __init__(self, rests: dict[int, int], *, again_in: timedelta = timedelta(0)) -> None:
        self.rests = dict(rests)
        self.again_in = again_in
        self.looks: list[int] = []

    async def __call__(self, number: int, domain: Domain) -> Examined:
        self.looks.append(number)
        await asyncio.sleep(0)
        evidence = domain_evidence()
        if self.rests.get(number, 0):
            self.rests[number] -= 1
            failure = Failure(trouble=Trouble.SKIPPED, reason="a rest", again_in=self.again_in)
            evidence = domain_evidence(host(sessions=(replace(session(), failure=failure),)))
        return Examined(result=Result(number=number, domain=str(domain)), evidence=evidence)


async def run_crowd(crowd: Crowd, count: int, **more: object) -> Sink:
    sink = Sink()
    options: dict[str, object] = {"limits": ScanLimits(at_once=2), **more}
    await Scanner(examine=crowd, sink=sink, done=Positions(), **options).run(  # type: ignore[arg-type]
        items(count)
    )
    return sink


async def test_a_domain_whose_server_is_given_a_rest_comes_behind_the_others() -> None:
    """That its turn did not come says nothing about it, and is no result."""
    crowd = Crowd({2: 3, 4: 1})

    sink = await run_crowd(crowd, 9)

    assert sorted(sink) == list(range(1, 10))
    assert set(sink[-2:]) == {2, 4}
    assert (crowd.looks.count(2), crowd.looks.count(4)) == (4, 2)


async def test_nobody_is_put_off_for_ever() -> None:
    """A server that is busy all the time leaves its domains unknown."""
    crowd = Crowd({2: 1000})

    sink = await run_crowd(crowd, 9)

    assert sorted(sink) == list(range(1, 10))
    assert crowd.looks.count(2) == MAX_LOOKS


async def test_the_rest_is_waited_for() -> None:
    """Once nothing else is left to be done."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    sink = await run_crowd(Crowd({1: 1}, again_in=timedelta(minutes=5)), 3, sleep=sleep)

    assert sorted(sink) == [1, 2, 3]
    assert [round(seconds) for seconds in slept] == [300]


async def test_those_put_off_do_not_hold_up_a_long_list() -> None:
    """Where the window ends at one of them it has its last look, without a rest."""

    async def sleep(seconds: float) -> None:
        raise AssertionError("nobody waits")

    limits = ScanLimits(at_once=3, window=20)
    crowd = Crowd({3: 1000, 7: 1}, again_in=timedelta(minutes=5))

    sink = await run_crowd(crowd, 200, limits=limits, sleep=sleep)

    assert sorted(sink) == list(range(1, 201))
    assert (crowd.looks.count(3), crowd.looks.count(7)) == (2, 2)
