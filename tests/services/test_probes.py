"""Sessions are shared, and servers are asked gently, whoever wants to know."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.checks.evidence import DeepSmtp, Failure, Trouble
from mailseal.services.probes import ProbeLimits, provider_of_address
from mailseal.testing.evidence import session
from tests.services.probeworld import HERE, HOST, SECOND, World, settle, trouble


async def test_many_who_ask_at_once_share_one_session() -> None:
    """A thousand domains behind one server are one connection."""
    world = World()
    gate = world.smtp.hold(HERE)
    asking = [asyncio.create_task(world.probe()) for _ in range(20)]
    await settle()
    gate.set()

    assert len({id(session) for session in await asyncio.gather(*asking)}) == 1
    assert world.smtp.count(HOST) == 1


async def test_a_session_counts_for_a_while() -> None:
    """Within a quarter of an hour nobody connects again; then somebody does."""
    world = World()
    await world.probe()
    world.clock.advance(timedelta(minutes=14))
    await world.probe()
    assert world.smtp.count(HOST) == 1

    world.clock.advance(timedelta(minutes=2))
    await world.probe()
    assert world.smtp.count(HOST) == 2


async def test_a_failure_is_tried_again_sooner() -> None:
    """A time-out may have been ours."""
    world = World()
    world.smtp.fail(HOST, HERE, Trouble.TIMEOUT)
    await world.probe()
    world.clock.advance(timedelta(minutes=6))
    world.smtp.serve(HOST, HERE)

    assert trouble(await world.probe()) is None


async def test_names_and_ports_at_one_address_are_different_sessions() -> None:
    """The certificate depends on the name that is asked for (SNI)."""
    world = World()
    world.smtp.serve("mx2.example.com", HERE)
    await world.probe()
    other = await world.probe("mx2.example.com")

    assert other.host == "mx2.example.com"
    assert len(world.smtp.probes) == 2


async def test_a_deep_session_serves_those_who_want_less() -> None:
    """But not the other way round."""
    world = World()
    await world.probe(is_deep=True)
    await world.probe()
    assert (len(world.smtp.probes), world.smtp.deep_probes) == (1, 1)

    world = World()
    await world.probe()
    await world.probe(is_deep=True)
    world.clock.advance(SECOND)
    await world.probe()
    assert (len(world.smtp.probes), world.smtp.deep_probes) == (2, 1)


async def test_an_address_rests_between_two_sessions() -> None:
    """One at a time, and a second between them."""
    world = World()
    for number in range(4):
        world.smtp.serve(f"mx{number}.example.com", HERE)
    await asyncio.gather(*(world.probe(f"mx{number}.example.com") for number in range(4)))

    assert world.smtp.most_at_one_address == 1
    assert world.slept == [1.0, 1.0, 1.0]


async def test_a_busy_server_is_left_alone() -> None:
    """421 means come back later: nobody knocks for five minutes, under whatever name."""
    world = World()
    world.smtp.fail(HOST, HERE, Trouble.BUSY, "421 too many connections", code=421)
    world.smtp.serve("mx2.example.com", HERE)
    assert trouble(await world.probe()) is Trouble.BUSY
    assert trouble(await world.probe()) is Trouble.BUSY  # remembered
    other = await world.probe("mx2.example.com")

    assert trouble(other) is Trouble.SKIPPED
    assert other.failure is not None
    assert "busy" in other.failure.reason
    assert other.offers_starttls is None
    assert len(world.smtp.probes) == 1

    world.clock.advance(timedelta(minutes=6))
    assert trouble(await world.probe("mx2.example.com")) is None


async def test_a_server_that_is_busy_at_a_later_connection_is_left_alone_too() -> None:
    """A deep look meets the 421 only behind a good first session."""
    world = World()
    stopped_by = Failure(trouble=Trouble.BUSY, reason="421 too many connections", code=421)
    world.smtp.answer(replace(session(HOST, HERE), deep=DeepSmtp(stopped_by=stopped_by)))
    assert trouble(await world.probe(is_deep=True)) is None

    other = await world.probe("mx2.example.com")

    assert other.failure is not None
    assert "busy" in other.failure.reason
    assert world.smtp.count("mx2.example.com") == 0


async def test_a_later_connection_that_failed_otherwise_is_no_reason_to_stay_away() -> None:
    """A time-out in a deep look says nothing of too many connections."""
    world = World()
    stopped_by = Failure(trouble=Trouble.TIMEOUT, reason="no answer in time")
    world.smtp.answer(replace(session(HOST, HERE), deep=DeepSmtp(stopped_by=stopped_by)))
    world.smtp.serve("mx2.example.com", HERE)
    await world.probe(is_deep=True)

    assert trouble(await world.probe("mx2.example.com", timeout=10 * SECOND)) is None


async def test_what_was_skipped_is_not_remembered() -> None:
    """A bound of ours says nothing about the server."""
    world = World()
    world.smtp.serve("mx2.example.com", HERE)
    await world.probe()
    assert trouble(await world.probe("mx2.example.com", timeout=SECOND / 2)) is Trouble.SKIPPED
    world.clock.advance(SECOND)

    assert trouble(await world.probe("mx2.example.com")) is None


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([(f"mx{n}.example.com", f"192.0.{n}.1") for n in range(6)], 2),  # names that end alike
        ([(f"mx.example{n}.com", f"192.0.2.{n + 1}") for n in range(6)], 2),  # one network
        ([(f"mx.example{n}.com", f"192.0.{n}.1") for n in range(6)], 4),  # strangers: all in all
    ],
    ids=["name", "network", "strangers"],
)
async def test_a_provider_has_few_sessions_at_a_time(
    hosts: list[tuple[str, str]], expected: int
) -> None:
    """Whoever runs a thousand hosts counts our connections to all of them together."""
    world = World(limits=ProbeLimits(max_per_provider=2, max_sessions=4))
    gates = []
    for host, address in hosts:
        world.smtp.serve(host, address)
        gates.append(world.smtp.hold(address))
    asking = [asyncio.create_task(world.probe(host, address)) for host, address in hosts]
    await settle()
    assert world.smtp.in_flight == expected
    for gate in gates:
        gate.set()
    sessions = await asyncio.gather(*asking)

    assert [trouble(session) for session in sessions] == [None] * 6
    assert world.smtp.most_in_flight == expected


async def test_what_is_remembered_is_bounded() -> None:
    """A scan of a million names ends with as much memory as it had after ten thousand."""
    world = World(limits=ProbeLimits(max_remembered=3, max_places=3))
    for number in range(10):
        address = f"198.51.{number}.1"
        world.smtp.serve(HOST, address)
        await world.probe(address=address)

    assert len(world.probes) == 3
    assert world.probes.places == 3
    await world.probe(address="198.51.9.1")
    assert world.smtp.count(HOST, "198.51.9.1") == 1  # the latest is still known
    await world.probe(address="198.51.0.1")
    assert world.smtp.count(HOST, "198.51.0.1") == 2


async def test_what_was_used_last_is_remembered_longest() -> None:
    """A session that many domains share stays, whatever comes once."""
    world = World(limits=ProbeLimits(max_remembered=2))
    for number in (1, 2):
        await world.probe(address=f"198.51.{number}.1")
    await world.probe(address="198.51.1.1")
    await world.probe(address="198.51.3.1")
    await world.probe(address="198.51.1.1")

    assert world.smtp.count(HOST, "198.51.1.1") == 1


async def test_an_address_in_use_is_not_forgotten() -> None:
    """Else a second session could begin beside the first."""
    world = World(limits=ProbeLimits(max_places=1))
    world.smtp.serve("mx2.example.com", HERE)
    gate = world.smtp.hold(HERE)
    first = asyncio.create_task(world.probe())
    await settle()
    await world.probe(address="198.51.100.1")
    second = asyncio.create_task(world.probe("mx2.example.com"))
    await settle()
    assert world.smtp.in_flight == 1
    gate.set()
    await asyncio.gather(first, second)

    assert world.smtp.most_at_one_address == 1


async def test_providers_that_nobody_asks_are_forgotten() -> None:
    """A scan meets hundreds of thousands of them."""
    world = World()
    for number in range(20):
        await world.probe(f"mx.example{number}.com", f"198.51.{number}.1")

    assert world.probes._providers == {}


@pytest.mark.parametrize(
    ("address", "provider"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48")],
)
def test_a_network_is_what_one_operator_has(address: str, provider: str) -> None:
    """The smallest networks that are routed on the Internet."""
    assert provider_of_address(address) == provider
