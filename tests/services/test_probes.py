"""Sessions are shared, and servers are asked gently, whoever wants to know."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from mailseal.checks.evidence import DeepSmtp, Failure, SmtpSession, Stage, Trouble
from mailseal.names import Domain
from mailseal.services.probes import (
    ProbeLimits,
    SharedProbes,
    provider_of_address,
)
from mailseal.testing import FakeSmtp, ManualClock
from mailseal.testing.evidence import session

HOST = Domain("mx1.example.com")
HERE = "192.0.2.1"
LONG = timedelta(seconds=100)
SECOND = timedelta(seconds=1)


@dataclass
class World:
    """Shared probes over fake mail servers; sleeping moves the clock."""

    limits: ProbeLimits = field(default_factory=ProbeLimits)
    clock: ManualClock = field(default_factory=ManualClock)
    slept: list[float] = field(default_factory=list)
    smtp: FakeSmtp = field(init=False)
    probes: SharedProbes = field(init=False)

    def __post_init__(self) -> None:
        self.smtp = FakeSmtp(clock=self.clock)
        self.smtp.serve(HOST, HERE)
        self.probes = SharedProbes(
            self.smtp, clock=self.clock, limits=self.limits, sleep=self._sleep
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    async def probe(
        self,
        host: str = HOST,
        address: str = HERE,
        *,
        timeout: timedelta = LONG,
        port: int = 25,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Probe one address."""
        return await self.probes.probe(
            Domain(host), address, timeout=timeout, port=port, is_deep=is_deep
        )


async def settle() -> None:
    """Let every task come to where it waits."""
    for _ in range(30):
        await asyncio.sleep(0)


def trouble(session: SmtpSession) -> Trouble | None:
    """Return what was in the way."""
    return session.failure.trouble if session.failure else None


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


async def test_who_cannot_wait_gets_an_honest_answer() -> None:
    """The session goes on for the next one, and has no more than a session's time."""
    world = World()
    world.smtp.hold(HERE)
    session = await world.probe(timeout=timedelta(milliseconds=10))

    assert trouble(session) is Trouble.SKIPPED
    assert session.stage is Stage.NOTHING
    await world.probes.aclose()
    assert world.smtp.in_flight == 0


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


async def test_the_line_at_an_address_moves_as_fast_as_its_server() -> None:
    """Who would wait for ten slow sessions in vain is told when to come again."""
    world = World()
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


@pytest.mark.parametrize(
    ("address", "provider"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48")],
)
def test_a_network_is_what_one_operator_has(address: str, provider: str) -> None:
    """The smallest networks that are routed on the Internet."""
    assert provider_of_address(address) == provider
