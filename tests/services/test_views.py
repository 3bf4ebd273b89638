"""Two views of DNS: each decides by what its own resolvers see, and policies are shared."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from mailseal.answers import DnsFailure
from mailseal.dane.validation import Validation
from mailseal.decision import Rules
from mailseal.names import Domain, NextHop
from mailseal.services.resolver import Resolver, ResolverLimits
from mailseal.services.selftest import SelfTest, SelfTestLimits
from mailseal.services.surveyor import SurveyLimits, Surveyor
from mailseal.services.verdicts import Verdicts
from mailseal.services.views import View, Views
from mailseal.testing import FakeDns
from mailseal.wire import postfix
from tests.services.world import DOMAIN, GOOD, LONG, SECURE, TLSA, World

HOUR = timedelta(hours=1)
OWN = ("192.0.2.53:53", "192.0.2.54:53")


class TwoViews(World):
    """Inside, example.com is signed and its host has TLSA records; outside it is not signed.

    Both have a policy of the same name to find, in the one DNS or the other.
    """

    def __post_init__(self) -> None:
        self.inside = FakeDns()
        for dns in (self.dns, self.inside):
            dns.mx("example.com", (10, "mx.example.com"))
            dns.a("mx.example.com", "192.0.2.25")
            dns.secure()
        self.dns.insecure("example.com")
        self.inside.tlsa(TLSA, GOOD)
        super().__post_init__()

    def start(self) -> None:
        """Begin anew with the store alone, as after a restart."""
        super().start()
        default = self._view(self.dns, "127.0.0.1:53")
        self.views = Views(default, [self._view(self.inside, *OWN, zones=("inside",))])

    def _view(self, dns: FakeDns, *addresses: str, zones: tuple[str, ...] = ()) -> View:
        resolvers = addresses if zones else ()
        surveyor = Surveyor(dns, self.clock, SurveyLimits())

        def change(_aside: frozenset[str]) -> None:
            """Do what ``wiring`` does."""
            surveyor.forget_all()
            self.changed.extend(resolver.doubted_domains())

        self_test = SelfTest(
            doors=dict.fromkeys(addresses, dns),
            clock=self.clock,
            limits=SelfTestLimits(),
            on_change=change,
            resolvers=resolvers,
        )
        resolver = Resolver(
            discoverer=self.discoverer,
            surveyor=surveyor,
            store=self.store,
            clock=self.clock,
            rules=Rules(),
            limits=ResolverLimits(),
            self_test=self_test,
            resolvers=resolvers,
        )
        return View(
            resolver=resolver,
            surveyor=surveyor,
            self_test=self_test,
            resolvers=resolvers,
            zones=zones,
        )

    async def reply(self, zone: str) -> str:
        """Return what a Postfix that asks for a zone is told."""
        resolver = self.views.of(zone).resolver
        resolution = await resolver.resolve(NextHop(domain=DOMAIN), timeout=LONG)
        return postfix.render(resolution.delivery, with_tlsrpt=False).decode()

    async def replies(self) -> tuple[str, str]:
        """Return what is told outside and inside."""
        return await self.reply("postfix"), await self.reply("inside")

    async def test(self) -> None:
        """Test the resolvers of both."""
        for view in self.views:
            assert view.self_test is not None
            await view.self_test.round()

    async def aclose(self) -> None:
        """End all tasks."""
        for view in self.views:
            assert view.self_test is not None
            await view.self_test.aclose()
            await view.surveyor.aclose()
        await super().aclose()


@pytest.fixture
async def world() -> AsyncIterator[TwoViews]:
    """Give a world whose tasks are ended behind the test."""
    made = TwoViews()
    yield made
    await made.aclose()


async def test_each_zone_is_answered_by_what_its_own_resolvers_see(world: TwoViews) -> None:
    """Outside nothing is signed, inside DANE decides."""
    assert await world.replies() == ("NOTFOUND ", "OK dane-only")


async def test_policies_are_shared_and_found_by_the_services_own_resolvers(
    world: TwoViews,
) -> None:
    """One look-up and one fetch serve both; the other resolvers are never asked for a record."""
    world.publish()
    assert await world.replies() == (SECURE, "OK dane-only")
    world.inside.remove(TLSA)
    world.clock.advance(HOUR)

    assert await world.replies() == (SECURE, SECURE)
    assert world.inside.count(f"_mta-sts.{DOMAIN}") == 0
    assert len(world.store.policies) == 1


async def test_a_view_that_stops_validating_leaves_the_other_alone(world: TwoViews) -> None:
    """DANE is off for its own zones; the warning and the counters say where."""
    world.dns.secure("example.com")
    world.dns.tlsa(TLSA, GOOD)
    await world.test()
    assert await world.replies() == ("OK dane-only", "OK dane-only")
    counters = world.views.counters()
    assert (counters["dane_is_on"], counters["mx_sets"], counters["hosts"]) == (1, 2, 2)
    world.inside.insecure()
    world.inside.insecure("example.com")
    with capture_logs() as logs:
        await world.test()
    world.clock.advance(HOUR)

    assert await world.replies() == ("OK dane-only", "OK dane")
    (warning,) = [line for line in logs if line["event"] == "DANE is off"]
    assert warning["resolvers"] == ",".join(OWN)
    assert world.changed == [DOMAIN]  # whose answers may be wrong
    counters = world.views.counters()
    assert counters["dane_is_on"] == 0
    assert counters["resolver_validates 127.0.0.1:53"] == 1
    assert counters[f"resolver_validates {OWN[0]}"] == 0


async def test_a_view_with_resolvers_that_nobody_trusts_has_no_dane(world: TwoViews) -> None:
    """Its zones get no verdict, rather than one of the others."""
    view = world._view(world.inside, zones=("inside",))
    world.views = Views(world.views.default, [view])

    assert await world.replies() == ("NOTFOUND ", "OK dane")
    assert view.self_test is not None
    assert view.self_test.validation is Validation.DISPROVEN


@pytest.mark.parametrize("is_restarted", [True, False])
async def test_last_verdicts_are_those_of_the_view(world: TwoViews, is_restarted: bool) -> None:
    """What was proven inside stays required there, and is nothing to go by outside."""
    world.publish()
    assert await world.reply("inside") == "OK dane-only"
    if is_restarted:
        await world.aclose()
        world.start()
    world.clock.advance(HOUR)
    for dns in (world.dns, world.inside):
        dns.fail("example.com", DnsFailure.SERVFAIL)

    outside, inside = await world.replies()

    assert inside == "OK dane-only"
    assert outside.startswith("TEMP ")  # never learnt there
    assert len(world.store.verdicts) == 1


async def test_a_verdict_of_one_view_takes_back_none_of_the_other(world: TwoViews) -> None:
    """Outside nothing is proven, after DANE was proven inside."""
    world.publish()
    assert await world.reply("inside") == "OK dane-only"
    assert await world.reply("postfix") == SECURE
    world.clock.advance(HOUR)
    world.inside.fail("example.com", DnsFailure.SERVFAIL)

    assert await world.reply("inside") == "OK dane-only"
    assert len(world.store.verdicts) == 2


async def test_a_purge_forgets_a_domain_in_every_view(world: TwoViews) -> None:
    """In memory and in the store, whoever has proven what."""
    world.publish()
    await world.replies()

    world.views.forget(DOMAIN)
    await world.store.remove(DOMAIN)

    assert world.store.verdicts == {}
    world.inside.fail("example.com", DnsFailure.SERVFAIL)
    assert (await world.reply("inside")).startswith("TEMP ")


async def test_the_log_names_the_resolvers_of_a_zones_own(world: TwoViews) -> None:
    """A decision by those of the whole service has no such field."""
    with capture_logs() as logs:
        await world.replies()

    made = [line for line in logs if line["event"] == "decision made"]
    assert [line.get("resolvers") for line in made] == [None, ",".join(OWN)]


@pytest.mark.parametrize(("others", "is_same"), [
    (tuple(reversed(OWN)), True),          # the order is a preference, not another world
    (OWN[:1], False),
    ((), False),
])  # fmt: skip
async def test_verdicts_belong_to_a_set_of_resolvers(
    world: TwoViews, others: tuple[str, ...], is_same: bool
) -> None:
    """Nodes of a fleet share them, and a reload keeps them, when they name the same ones."""
    world.publish()
    await world.reply("inside")
    known = Verdicts(store=world.store, clock=world.clock, resolvers=others)

    assert (await known.last(NextHop(domain=Domain("example.com"))) is not None) is is_same


def test_what_is_no_zone_of_a_view_has_the_default_one(world: TwoViews) -> None:
    """Such as a question over HTTP that names none."""
    assert world.views.of("anything") is world.views.default
    assert [view.zones for view in world.views] == [(), ("inside",)]
