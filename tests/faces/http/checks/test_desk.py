"""The desk: shared flights, rations, bounds, and answers that are kept for a moment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from mailseal.faces.http.checks import desk as desk_module
from mailseal.faces.http.checks.desk import (
    KEEP,
    MAX_KEPT_BYTES,
    MAX_WATCHERS,
    SHARE,
    CheckDesk,
    CheckFailedError,
    DeskLimits,
    Refused,
    Step,
    Watch,
)
from mailseal.names import Domain
from tests.faces.http.checks.fakerunner import FakeRunner

A, B = Domain("a.example"), Domain("b.example")


class Desk:
    """A desk with a clock of its own."""

    def __init__(self, limits: DeskLimits) -> None:
        self.now = 0.0
        self.runner = FakeRunner()
        self.desk = CheckDesk(self.runner, limits, lambda: self.now)

    def watch(self, domain: Domain = A, client: str = "192.0.2.1") -> Watch:
        """Open a watch that is not refused."""
        watch = self.desk.open_watch(domain, client)
        assert isinstance(watch, Watch)
        return watch

    def refusal(self, domain: Domain = A, client: str = "192.0.2.1") -> Refused:
        """Be refused."""
        refused = self.desk.open_watch(domain, client)
        assert isinstance(refused, Refused)
        return refused


LIMITS = DeskLimits(at_once=2, per_client=100, per_domain=100, patience=timedelta(minutes=1))


@pytest.fixture
async def world() -> AsyncIterator[Desk]:
    """Give a desk that is closed behind the test."""
    made = Desk(LIMITS)
    yield made
    await made.desk.aclose()
    assert made.runner.is_closed


async def test_all_who_ask_for_a_domain_share_one_look(world: Desk) -> None:
    """And get the same answer."""
    first, second = world.watch(), world.watch(client="192.0.2.2")
    await world.runner.begun(A)
    world.runner.end(A, b"{}")

    assert await first.answer() == await second.answer() == b"{}"
    assert world.runner.asked == [A]


async def test_an_answer_is_kept_for_a_moment(world: Desk) -> None:
    """Whoever reloads a page gets it again; later it is looked at anew."""
    watch = world.watch()
    await world.runner.begun(A)
    world.runner.end(A, b"{}")
    await watch.answer()

    assert world.desk.kept(A) == b"{}"
    assert world.desk.kept(B) is None
    world.now += KEEP.total_seconds() + 1
    assert world.desk.kept(A) is None


async def test_steps_are_told_until_the_end(world: Desk) -> None:
    """Who is slow sees the last step only, and nothing is queued for anybody."""
    steps = world.watch().steps(pause=10)
    await world.runner.begun(A)
    for number in range(1000):
        world.runner.step(A, number)
    assert await anext(steps) == Step(part="dns", subject="mx.a.example", done=999, total=9)
    world.runner.end(A)
    assert [step async for step in steps] == []


async def test_silence_is_told_too(world: Desk) -> None:
    """So that whoever waits knows that the connection lives."""
    steps = world.watch().steps(pause=0.001)

    assert await anext(steps) is None


async def test_a_client_that_leaves_ends_nothing(world: Desk) -> None:
    """Others watch the same look, and its answer is kept."""
    watch = world.watch()
    waiting = asyncio.create_task(watch.answer())
    await world.runner.begun(A)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    other = world.watch(client="192.0.2.2")
    world.runner.end(A, b"{}")

    assert await other.answer() == b"{}"


async def test_a_failure_is_told_and_not_kept(world: Desk) -> None:
    """The next one who asks has it tried again."""
    watch = world.watch()
    await world.runner.begun(A)
    world.runner.fail(A)
    with pytest.raises(CheckFailedError, match="has ended"):
        await watch.answer()

    assert world.desk.kept(A) is None
    world.watch()
    await world.runner.begun(A)
    world.runner.end(A)


async def test_a_client_has_a_ration() -> None:
    """It is told when it may ask again; others are served."""
    world = Desk(DeskLimits(at_once=9, per_client=2, per_domain=9, patience=timedelta(minutes=1)))
    world.watch(A)
    world.watch(B)
    refused = world.refusal(Domain("c.example"))

    assert refused.code == "client-limit"
    assert refused.retry_after == 1800
    world.watch(Domain("c.example"), "192.0.2.2")
    await world.desk.aclose()


async def test_a_domain_has_a_ration_whoever_asks() -> None:
    """A crowd of clients cannot have one domain's servers asked again and again."""
    world = Desk(DeskLimits(at_once=9, per_client=99, per_domain=1, patience=timedelta(minutes=1)))
    watch = world.watch(A, "192.0.2.1")
    world.watch(A, "192.0.2.2")  # shares the look, and costs the domain nothing
    await world.runner.begun(A)
    world.runner.end(A)
    await watch.answer()
    world.now += KEEP.total_seconds() + 1

    assert world.refusal(A, "192.0.2.3").code == "domain-limit"
    world.watch(B, "192.0.2.3")
    await world.desk.aclose()


async def test_only_so_many_at_a_time_and_so_many_in_the_queue(world: Desk) -> None:
    """Two are looked at, six wait, and the next one is told to come again."""
    names = [Domain(f"d{number}.example") for number in range(9)]
    for number, name in enumerate(names[:8]):
        world.watch(name, f"192.0.2.{number}")
    await world.runner.begun(names[1])

    assert world.runner.asked == names[:2]
    assert world.refusal(names[8]).code == "busy"
    world.runner.end(names[0])
    await world.runner.begun(names[2])


async def test_watchers_are_bounded(world: Desk) -> None:
    """They may not take all connections from whoever scrapes metrics."""
    watches = [world.watch(client=f"192.0.2.{number}") for number in range(MAX_WATCHERS)]
    assert world.refusal().code == "busy"
    world.desk.close_watch(watches[0])
    world.watch()


async def test_a_client_cannot_keep_others_from_watching(world: Desk) -> None:
    """It holds half of the places, however many it may ask for, and gives each back."""
    watches = [world.watch(client="2001:db8::1") for _ in range(MAX_WATCHERS // SHARE)]
    assert world.refusal(client="2001:db8::2").code == "client-limit"
    world.watch(client="192.0.2.2")
    world.desk.close_watch(watches[0])
    world.watch(client="2001:db8::2")


async def test_a_client_cannot_keep_others_from_their_turn(world: Desk) -> None:
    """It has half of the queue, whether it waits for what it has begun or has left."""
    names = [Domain(f"d{number}.example") for number in range(6)]
    for name in names[:4]:
        world.desk.close_watch(world.watch(name))
    await world.runner.begun(names[1])

    assert world.refusal(names[4]).code == "client-limit"
    world.watch(names[0])  # which somebody looks at already
    world.watch(names[4], "192.0.2.2")
    world.runner.end(names[0])
    await world.runner.begun(names[2])
    world.watch(names[5])


async def test_a_turn_that_never_comes_is_an_end() -> None:
    """Nobody waits for ever, whatever the runner does."""
    limits = DeskLimits(at_once=1, per_client=9, per_domain=9, patience=timedelta(milliseconds=5))
    world = Desk(limits)
    with pytest.raises(CheckFailedError, match="turn"):
        await world.watch().answer()
    await world.desk.aclose()


async def test_kept_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of domains leaves no more than so many answers in memory."""
    monkeypatch.setattr(desk_module, "MAX_KEPT", 3)
    world = Desk(LIMITS)
    for number in range(10):
        name = Domain(f"d{number}.example")
        watch = world.watch(name)
        await world.runner.begun(name)
        world.runner.end(name)
        await watch.answer()

    kept = [n for n in range(10) if world.desk.kept(Domain(f"d{n}.example")) is not None]
    assert kept == [7, 8, 9]
    await world.desk.aclose()


@pytest.mark.parametrize(("size", "is_kept"), [(MAX_KEPT_BYTES, True), (MAX_KEPT_BYTES + 1, False)])
async def test_an_answer_that_is_too_long_is_given_and_not_kept(
    world: Desk, size: int, is_kept: bool
) -> None:
    """A domain that makes it long fills no memory."""
    watch = world.watch()
    await world.runner.begun(A)
    world.runner.end(A, b"x" * size)

    assert len(await watch.answer()) == size
    assert (world.desk.kept(A) is not None) is is_kept


async def test_the_end_of_the_service_is_told(world: Desk) -> None:
    """Whoever waits is not left without a word."""
    watch = world.watch()
    await world.runner.begun(A)
    await world.desk.aclose()

    with pytest.raises(CheckFailedError, match="service ends"):
        await watch.answer()
