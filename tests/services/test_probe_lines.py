"""Waiting for a turn at an address: for how long, who is sent away, and when he may come again."""

import asyncio
from datetime import timedelta

from mailseal.checks.evidence import Stage, Trouble
from mailseal.services.probes import ProbeLimits
from tests.services.probeworld import HERE, LONG, SECOND, World, settle, trouble


async def test_who_could_not_have_his_turn_in_time_is_told_so_at_once() -> None:
    """And when to come again: three hundred names at one address do not all wait in vain."""
    world = World()
    world.smtp.hold(HERE)
    asking = [
        asyncio.create_task(world.probe(f"mx{n}.example.com", timeout=10 * SECOND))
        for n in range(30)
    ]
    await settle()

    refused = [task.result() for task in asking if task.done()]
    for task in asking:
        task.cancel()
    await world.probes.aclose()

    assert len(refused) == 30 - 11  # one at work, ten in line
    failures = [one.failure for one in refused if one.failure]
    assert {one.trouble for one in failures} == {Trouble.SKIPPED}
    assert {one.again_in for one in failures} == {11 * SECOND}


async def test_who_cannot_wait_gets_an_honest_answer() -> None:
    """The session goes on for the next one, and has no more than a session's time."""
    world = World()
    world.smtp.hold(HERE)
    session = await world.probe(timeout=timedelta(milliseconds=10))

    assert trouble(session) is Trouble.SKIPPED
    assert session.stage is Stage.NOTHING
    await world.probes.aclose()
    assert world.smtp.in_flight == 0


async def test_a_rest_is_told_by_its_reason() -> None:
    """A server that said nothing of being busy is not said to be."""
    world = World()
    world.smtp.serve("mx2.example.com", HERE)
    await world.probe()
    other = await world.probe("mx2.example.com", timeout=SECOND / 2)

    assert other.failure is not None
    assert other.failure.reason == "it is given a rest, since it was asked"
    assert other.failure.again_in == SECOND
    assert world.smtp.count("mx2.example.com") == 0


async def test_the_rest_that_is_left_is_what_is_told() -> None:
    """Who comes again then finds the address at rest no more."""
    world = World()
    world.smtp.serve("mx2.example.com", HERE)
    await world.probe()
    world.clock.advance(SECOND * 0.25)
    other = await world.probe("mx2.example.com", timeout=SECOND / 2)

    assert other.failure is not None
    assert other.failure.again_in == SECOND * 0.75
    world.clock.advance(SECOND * 0.75)
    assert trouble(await world.probe("mx2.example.com", timeout=SECOND / 2)) is None


async def test_who_has_waited_all_his_time_has_none_left_for_a_session() -> None:
    """A connection that would be cut at once is not begun."""
    world = World()
    world.smtp.serve("mx2.example.com", HERE)
    await world.probe()
    other = await world.probe("mx2.example.com", timeout=SECOND)

    assert trouble(other) is Trouble.SKIPPED
    assert world.smtp.count("mx2.example.com") == 0


async def test_closing_leaves_nobody_in_a_line() -> None:
    """Neither at an address nor with a provider, and no turn is given back that nobody had."""
    world = World(limits=ProbeLimits(max_per_provider=1))
    for number in range(4):
        world.smtp.hold(f"192.0.2.{number + 1}")
    asking = [
        asyncio.create_task(world.probe(f"mx{number}.example.com", f"192.0.2.{number + 1}"))
        for number in range(4)
    ]
    await settle()
    assert world.smtp.in_flight == 1

    await world.probes.aclose()
    await asyncio.gather(*asking, return_exceptions=True)

    assert world.smtp.most_in_flight == 1
    assert world.probes._providers == {}
    assert all(place.users == 0 for place in world.probes._places.values())


async def test_the_line_at_an_address_moves_as_fast_as_its_server() -> None:
    """Who would wait for ten slow sessions in vain is told when to come again."""
    world = World()
    world.clock.advance(LONG)
    for number in range(4):
        world.smtp.serve(f"mx{number}.example.com", HERE)
    gate = world.smtp.hold(HERE)
    first = asyncio.create_task(world.probe("mx0.example.com"))
    await settle()
    world.clock.advance(9 * SECOND)
    gate.set()
    await first
    gate.clear()
    second = asyncio.create_task(world.probe("mx1.example.com"))
    await settle()
    third = await world.probe("mx2.example.com", timeout=9 * SECOND)

    assert third.failure is not None
    assert third.failure.again_in == 10 * SECOND  # nine of a session, and one of rest
    gate.set()
    await second


async def test_the_fastest_session_says_how_fast_a_line_can_move() -> None:
    """One that was slow for a reason of its own must not send everybody away."""
    world = World()
    gates = [world.smtp.hold(HERE)]
    for number, seconds in enumerate((9, 2, 30)):
        world.smtp.serve(f"mx{number}.example.com", HERE)
        gates[0].clear()
        asking = asyncio.create_task(world.probe(f"mx{number}.example.com"))
        await settle()
        world.clock.advance(seconds * SECOND)
        gates[0].set()
        await asking
    gates[0].clear()
    asking = asyncio.create_task(world.probe("mx3.example.com"))
    await settle()
    last = await world.probe("mx4.example.com", timeout=2 * SECOND)

    assert last.failure is not None
    assert last.failure.again_in == 3 * SECOND  # two of a session, and one of rest
    gates[0].set()
    await asking
