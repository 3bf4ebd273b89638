"""Thousands of domains, many at a time, each once."""

import asyncio
from collections.abc import Iterator

import pytest

from mailseal.names import Domain
from mailseal.scans.listing import Item, ListError
from mailseal.scans.optouts import OptOuts
from mailseal.scans.positions import Positions
from mailseal.scans.result import Result
from mailseal.services.scanner import Examined, ScanLimits, Scanner


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
    assert one.counts.done == 3


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
