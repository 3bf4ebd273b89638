"""The surveyor by itself: what is late, what has failed, and what is forgotten with what."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from mailseal.answers import RdType
from mailseal.dane.exchange import Exchange, ExchangeUnknown, MxSet
from mailseal.dane.host import HostState, TlsaState
from mailseal.names import Domain, NextHop, parse_next_hop
from mailseal.services.surveyor import Survey, SurveyLimits, Surveyor
from mailseal.testing import FakeDns, ManualClock
from tests.services.world import GOOD, LONG

MX, MX2 = "mx.example.com", "mx2.example.com"
NOW = timedelta(0)
MINUTE = timedelta(minutes=1)


@dataclass
class Place:
    """A signed world with two hosts, of which the first has a record for DANE."""

    dns: FakeDns = field(default_factory=FakeDns)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.dns.secure()
        self.dns.mx("example.com", (10, MX), (20, MX2), ttl=timedelta(days=1))
        for host in (MX, MX2):
            self.dns.a(host, "192.0.2.25", ttl=timedelta(days=1))
        self.dns.tlsa(f"_25._tcp.{MX}", GOOD, ttl=timedelta(days=1))
        self.surveyor = Surveyor(self.dns, self.clock, SurveyLimits())

    async def mx(self, domain: str = "example.com", *, timeout: timedelta = LONG) -> MxSet:
        """Return the MX set, which is known."""
        value = await self.ask(domain, timeout=timeout)
        assert isinstance(value, MxSet)
        return value

    async def ask(
        self, domain: str = "example.com", *, timeout: timedelta = LONG
    ) -> MxSet | ExchangeUnknown:
        """Return the MX set, or why it is not known."""
        hop = NextHop(domain=Domain(domain))
        return (await self.surveyor.survey_mx(hop, timeout=timeout)).value

    async def hosts(self, port: str | None = None, *, timeout: timedelta = LONG) -> Survey:
        """Return what there is to be known of both hosts."""
        return await self.surveyor.survey_hosts(await self.mx(), port, timeout=timeout)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Give a world, and end its look-ups behind the test."""
    made = Place()
    yield made
    await made.surveyor.aclose()


def states(survey: Survey) -> list[HostState]:
    """Return the states of the hosts, in the order of their preference."""
    assert isinstance(survey.exchange, Exchange)
    return [state for _, state in survey.exchange.states]


async def test_a_host_that_is_late_counts_as_failed_and_is_not_remembered(place: Place) -> None:
    """The others are known all the same; the next question finds what has come meanwhile."""
    await place.hosts()
    place.surveyor.forget(Domain(MX2))
    gate = place.dns.hold(MX2)

    survey = await place.hosts(timeout=NOW)

    first, second = states(survey)
    assert first.state is TlsaState.USABLE
    assert (second.state, second.reason) == (
        TlsaState.FAILED,
        "mx2.example.com: look-up: no answer in time",
    )
    assert (survey.fresh_for, survey.usable_for) == (NOW, NOW)

    gate.set()
    survey = await place.hosts()
    assert [state.state for state in states(survey)] == [TlsaState.USABLE, TlsaState.NONE]
    assert survey.usable_for > NOW


async def test_an_mx_set_that_is_late_is_unknown_and_not_remembered(place: Place) -> None:
    """Nothing is said about how long it has failed: it has not."""
    gate = place.dns.hold("example.com")

    hop = NextHop(domain=Domain("example.com"))
    timed = await place.surveyor.survey_mx(hop, timeout=NOW)

    assert isinstance(timed.value, ExchangeUnknown)
    assert timed.value.reason == "example.com: MX look-up: no answer in time"
    assert timed.value.failing_for == NOW
    assert (timed.fresh_for, timed.usable_for) == (NOW, NOW)
    gate.set()
    assert len((await place.mx()).hosts) == 2


async def test_a_failed_host_is_asked_again_after_a_while_not_at_each_question(
    place: Place,
) -> None:
    """A resolver in trouble must not be asked for each mail."""
    limits = SurveyLimits()
    place.dns.fail(MX2)
    survey = await place.hosts()
    assert [state.state for state in states(survey)] == [TlsaState.USABLE, TlsaState.FAILED]
    assert (survey.fresh_for, survey.usable_for) == (limits.failed_fresh, limits.failed_usable)

    place.dns.recover(MX2)
    place.clock.advance(limits.failed_fresh / 2)
    await place.hosts()
    assert place.dns.count(MX2, RdType.A) == 1

    place.clock.advance(limits.failed_fresh)
    await place.hosts()
    for _ in range(20):  # it is asked behind the answer
        await asyncio.sleep(0)
    survey = await place.hosts()
    assert [state.state for state in states(survey)] == [TlsaState.USABLE, TlsaState.NONE]


async def test_how_long_an_mx_set_has_failed_counts_from_its_last_success(place: Place) -> None:
    """Mail waits four hours at most for a set that was never learnt: each trouble by itself."""
    lengths = []
    for is_well in (False, False, True, False, False):
        if is_well:
            place.dns.recover("example.com")
        else:
            place.dns.fail("example.com")
        place.surveyor.forget(Domain("example.com"))
        value = await place.ask()
        lengths.append(value.failing_for if isinstance(value, ExchangeUnknown) else None)
        place.clock.advance(10 * MINUTE)

    assert lengths == [NOW, 10 * MINUTE, None, NOW, 10 * MINUTE]


async def test_a_domain_is_forgotten_with_its_hosts_and_no_others(place: Place) -> None:
    """A purge costs look-ups; those of other domains' hosts are spared."""
    place.dns.mx("example.net", (10, "mx.example.net"))
    place.dns.a("mx.example.net", "192.0.2.26")
    other = await place.mx("example.net")

    async def survey_all() -> None:
        await place.hosts()
        await place.surveyor.survey_hosts(other, None, timeout=LONG)

    await survey_all()
    place.surveyor.forget(Domain("example.com"))
    await survey_all()

    assert place.dns.count("example.com", RdType.MX) == 2
    assert [place.dns.count(host, RdType.A) for host in (MX, MX2)] == [2, 2]
    assert place.dns.count("mx.example.net", RdType.A) == 1


async def test_everything_is_looked_up_anew_when_all_is_forgotten(place: Place) -> None:
    """Other resolvers may say otherwise, of hosts as well."""
    await place.hosts()
    place.surveyor.forget_all()
    assert place.surveyor.sizes == (0, 0)
    await place.hosts()

    assert place.dns.count("example.com", RdType.MX) == 2
    assert place.dns.count(MX, RdType.A) == 2


@pytest.mark.parametrize(
    ("port", "number"),
    [
        (None, 25),
        ("smtp", 25),
        ("submission", 587),
        ("submissions", 465),
        ("2525", 2525),
        ("odd", 4242),
    ],
)
async def test_services_are_known_by_name_whatever_the_machine_knows(
    place: Place, port: str | None, number: int
) -> None:
    """A machine without /etc/services knows the usual ones all the same."""
    services = {"odd": 4242}
    place.surveyor = Surveyor(place.dns, place.clock, SurveyLimits(), port_of=services.get)

    await place.hosts(port)

    assert place.dns.count(f"_{number}._tcp.{MX}", RdType.TLSA) == 1


async def test_a_port_that_nobody_can_name_is_asked_about_again_soon(place: Place) -> None:
    """Its records are unknown, not absent."""
    survey = await place.hosts("nonsense")

    assert [(one.state, one.reason) for one in states(survey)] == [
        (TlsaState.FAILED, f'{host}: look-up: no service is called "nonsense" on this machine')
        for host in (MX, MX2)
    ]
    assert survey.usable_for == SurveyLimits().failed_usable


async def test_closing_ends_every_look_up_under_way(place: Place) -> None:
    """Of MX sets and of hosts; nothing is left behind to warn about."""
    before = asyncio.all_tasks()
    known = await place.mx()
    for name in ("example.net", MX):
        place.dns.hold(name)
    await place.ask("example.net", timeout=NOW)
    await place.surveyor.survey_hosts(known, None, timeout=NOW)
    assert asyncio.all_tasks() > before

    await place.surveyor.aclose()

    assert asyncio.all_tasks() == before


async def test_a_host_itself_has_no_mx_set_to_look_up(place: Place) -> None:
    """``[host]`` names it, for as long as anything is remembered."""
    hop = parse_next_hop(f"[{MX}]")
    assert isinstance(hop, NextHop)

    timed = await place.surveyor.survey_mx(hop, timeout=LONG)

    assert isinstance(timed.value, MxSet)
    assert [one.name for one in timed.value.hosts] == [MX]
    assert timed.usable_for == SurveyLimits().max_ttl
    assert place.dns.queries == []
