"""Answers while resolvers are not known to validate: nothing that was proven gets weaker."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure
from mailseal.dane.exchange import DaneSummary, Exchange
from mailseal.dane.validation import Validation
from mailseal.names import Domain
from mailseal.services.selftest import SelfTest, SelfTestLimits
from mailseal.wire import postfix, sendmail
from tests.services.world import GOOD, SECURE, TLSA, SenderWorld

HOUR = timedelta(hours=1)


@dataclass
class World(SenderWorld):
    """One trusted resolver, which validates; example.com is signed and has TLSA records."""

    dropped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dns.secure()
        self.dns.tlsa(TLSA, GOOD)

    def start(self) -> None:
        """Begin anew with the store alone, as after a restart."""
        super().start()
        self.self_test = SelfTest(
            doors={"127.0.0.1:53": self.dns},
            clock=self.clock,
            limits=SelfTestLimits(),
            on_change=self.change,
        )
        self.start_resolver(self_test=self.self_test)

    def change(self, _aside: frozenset[str]) -> None:
        """Do what ``wiring`` does."""
        self.surveyor.forget_all()
        self.dropped += self.resolver.doubted_domains()

    async def aclose(self) -> None:
        """End all tasks."""
        await self.self_test.aclose()
        await super().aclose()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a world whose tasks are ended behind the test."""
    made = World()
    yield made
    await made.aclose()


async def test_the_first_answer_comes_after_the_first_test(world: World) -> None:
    """Nothing is concluded from a resolver that nobody has tested."""
    assert await world.reply() == "OK dane-only"
    assert world.dns.queries[0][0] == ""
    assert world.dns.count("") == 1


@pytest.mark.parametrize("is_enforced", [True, False])
async def test_a_first_test_that_times_out_weakens_nothing(world: World, is_enforced: bool) -> None:
    """Validated records count, and what is not validated is no absence."""
    if is_enforced:
        world.enforce()
    world.dns.fail("", DnsFailure.TIMEOUT)
    assert await world.reply() == "OK dane-only"
    assert world.self_test.validation is Validation.UNPROVEN

    world.dns.insecure("example.org")
    world.dns.mx("example.org", (10, "mx.example.com"))
    assert await world.reply("example.org") == "OK dane"


@pytest.mark.parametrize(("is_enforced", "reply"), [(True, "OK dane-only"), (False, "OK dane")])
async def test_blocking_tlsa_beside_the_first_test_gains_nothing(
    world: World, is_enforced: bool, reply: str
) -> None:
    """A policy must not stand in for DANE that somebody keeps from view (RFC 8461 §2)."""
    if is_enforced:
        world.enforce()
    world.dns.fail("", DnsFailure.TIMEOUT)
    world.dns.fail(TLSA, DnsFailure.TIMEOUT)

    assert await world.reply() == reply
    assert world.self_test.validation is Validation.UNPROVEN


async def test_a_test_that_times_out_later_changes_no_answer(world: World) -> None:
    """Also not when it goes on for a day."""
    assert await world.reply() == "OK dane-only"
    world.dns.fail("", DnsFailure.TIMEOUT)
    for _ in range(24):
        world.clock.advance(HOUR)
        await world.self_test.round()
        assert await world.reply() == "OK dane-only"


async def test_without_validation_an_unknown_domain_is_left_to_the_mtas_own_dane(
    world: World,
) -> None:
    """NOTFOUND would switch a Postfix that can do DANE off it."""
    world.dns.insecure()

    resolution = await world.resolve()

    assert postfix.render(resolution.delivery, with_tlsrpt=False) == b"OK dane"
    assert sendmail.render(resolution.delivery) == b"NOTFOUND "
    assert resolution.usable_for <= timedelta(minutes=1)


async def test_without_validation_a_policy_is_enforced_by_its_own_names(world: World) -> None:
    """MTA-STS needs no DNSSEC."""
    world.enforce()
    world.dns.insecure()
    assert await world.reply() == SECURE
    world.dns.mx("example.com", (10, "mx.attacker.example"))
    world.clock.advance(HOUR)
    assert (await world.reply()).startswith("TEMP MTA-STS policy of example.com allows none")


@pytest.mark.parametrize("is_restarted", [True, False])
async def test_a_resolver_that_stops_validating_takes_no_dane_away(
    world: World, is_restarted: bool
) -> None:
    """What was proven stays required, and stored, until a validating resolver says else."""
    world.enforce()
    assert await world.reply() == "OK dane-only"
    world.dns.insecure()
    world.clock.advance(HOUR)
    if is_restarted:
        await world.aclose()
        world.start()

    assert await world.reply() == "OK dane-only"
    assert world.self_test.validation is Validation.DISPROVEN
    verdict = await world.store.load_verdict("example.com")
    assert verdict is not None
    assert verdict.state is DaneSummary.ALL_USABLE


async def test_between_two_tests_a_weaker_answer_is_not_given_without_one(world: World) -> None:
    """The resolver lost its validation a moment ago, and the next test is minutes away."""
    assert await world.reply() == "OK dane-only"
    world.clock.advance(HOUR)
    await world.self_test.round()
    world.clock.advance(timedelta(minutes=1))
    world.dns.insecure()

    assert await world.reply() == "OK dane"
    assert world.self_test.validation is Validation.DISPROVEN


async def test_an_owner_who_takes_dane_back_is_believed(world: World) -> None:
    """Proven absence replaces what was proven before."""
    world.enforce()
    assert await world.reply() == "OK dane-only"
    world.dns.remove(TLSA)
    world.clock.advance(HOUR)

    assert await world.reply() == SECURE
    assert world.self_test.validation is Validation.PROVEN


async def test_what_was_answered_since_the_last_good_test_is_forgotten(world: World) -> None:
    """The resolver may have lost its validation right behind that test."""
    await world.self_test.round()
    world.dns.insecure()
    assert await world.reply() == "NOTFOUND "
    await world.self_test.round()

    assert world.dropped == ["example.com"]
    assert await world.reply() == "OK dane"


async def test_when_validation_is_back_nothing_is_left_of_the_time_without(world: World) -> None:
    """An MX set that was not validated then must not pass for an unsigned one now."""
    world.enforce()
    world.dns.insecure()
    assert await world.reply() == SECURE
    world.dns.secure()
    await world.self_test.round()

    assert await world.reply() == "OK dane-only"


@pytest.mark.parametrize("failure", [DnsFailure.TIMEOUT, DnsFailure.SERVFAIL, DnsFailure.BOGUS])
@pytest.mark.parametrize("is_enforced", [True, False])
async def test_an_attacker_who_blocks_only_tlsa_gains_nothing(
    world: World, failure: DnsFailure, is_enforced: bool
) -> None:
    """The host is left out until its records can be had; nothing weaker is answered."""
    if is_enforced:
        world.enforce()
    world.dns.fail(TLSA, failure)

    assert await world.reply() == ("OK dane-only" if is_enforced else "OK dane")


@pytest.mark.parametrize("key", ["example.com", "[example.com]", "example.com:587"])
async def test_a_purged_domain_has_no_last_verdict(world: World, key: str) -> None:
    """Whoever purges a domain wants it judged anew, in every form of its next hop."""
    world.enforce("example.com", "mx.example.com")
    world.dns.a("example.com", "192.0.2.26")
    for name in ("example.com", "mx.example.com"):
        for port in ("25", "587"):
            world.dns.tlsa(f"_{port}._tcp.{name}", GOOD)
    assert await world.reply(key) == "OK dane-only"
    world.dns.insecure()
    await world.self_test.round()
    assert await world.reply(key) == "OK dane-only"

    world.resolver.forget(Domain("example.com"))
    await world.store.remove(Domain("example.com"))

    assert (await world.reply(key)).startswith("OK secure ")


@pytest.mark.parametrize("is_tested", [True, False])
async def test_an_absence_counts_as_proven_only_behind_a_test_that_was_passed(
    world: World, *, is_tested: bool
) -> None:
    """A signed MX set proves nothing of TLSA records that whoever forges has left out."""
    world.dns.remove(TLSA)
    if not is_tested:
        world.dns.fail("", DnsFailure.TIMEOUT)

    resolution = await world.resolve()

    reply = postfix.render(resolution.delivery, with_tlsrpt=False)
    assert reply == (b"NOTFOUND " if is_tested else b"OK dane")
    assert (resolution.usable_for > timedelta(minutes=1)) is is_tested
    assert isinstance(resolution.exchange, Exchange)
    assert bool(resolution.exchange.unvalidated) is not is_tested


async def test_why_an_answer_was_not_validated_is_told(world: World) -> None:
    """The reason is that of the test, for who asks to have the answer explained."""
    world.dns.insecure()

    resolution = await world.resolve()

    assert isinstance(resolution.exchange, Exchange)
    assert resolution.exchange.unvalidated == world.self_test.reason
    assert resolution.exchange.unvalidated


async def test_what_was_answered_before_the_last_good_test_stays(world: World) -> None:
    """The resolver has been found good since, so that those answers are beyond doubt."""
    world.dns.mx("example.org", (10, "mx.example.com"))
    await world.self_test.round()
    await world.reply()
    await world.self_test.round()
    await world.reply("example.org")
    world.dns.insecure()
    await world.self_test.round()

    assert world.dropped == ["example.org"]


async def test_dane_that_only_the_store_remembers_is_not_given_up_without_a_test(
    world: World,
) -> None:
    """Behind a restart the last verdict is all there is; the test of before may be out of date."""
    world.enforce()
    assert await world.reply() == "OK dane-only"
    await world.aclose()
    world.start()
    await world.self_test.round()
    world.clock.advance(timedelta(minutes=1))  # a test counts for a moment
    world.dns.insecure()

    assert await world.reply() == "OK dane-only"
    assert world.self_test.validation is Validation.DISPROVEN
