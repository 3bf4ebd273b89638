"""When a policy that is known is looked at again, and what is known elsewhere does to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.decision import Opportunistic, Unavailable
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.overrides import DaneOverride, Override, Overrides, Scope, StsOverride
from mailseal.ports.storeerrors import StoreError
from mailseal.services.exceptions import Exceptions
from mailseal.services.resolver import ResolverLimits
from tests.services.world import DOMAIN, LONG, SenderWorld, World

RECORD = "_mta-sts.example.com"
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a world in which a policy was learnt, and end its tasks behind the test."""
    made = World()
    made.publish()
    await made.ask()
    yield made
    await made.aclose()


async def test_who_insists_has_a_policy_fetched_that_is_not_due(world: World) -> None:
    """The same id a minute later would else be looked up, and no more."""
    world.clock.advance(MINUTE)

    await world.discoverer.refetch(DOMAIN, force=False)
    assert world.hosts.count(DOMAIN) == 1
    await world.discoverer.refetch(DOMAIN, force=True)
    assert world.hosts.count(DOMAIN) == 2


async def test_who_wants_what_is_fresh_waits_for_it(world: World) -> None:
    """A stale answer is enough for mail, and not for the operator who asks right now."""
    world.publish("testing", record_id="2")
    world.clock.advance(10 * MINUTE)  # beyond the record's TTL, within the hour

    assert await world.mode() is Mode.ENFORCE  # looked up anew behind the answer
    await world.settle()
    world.publish("none", record_id="3")
    world.clock.advance(10 * MINUTE)
    view = await world.ask(wait_for_fresh=True)

    assert view.policy is not None
    assert view.policy.mode is Mode.NONE


async def test_a_refetch_that_fails_late_leaves_the_policy_in_force(world: World) -> None:
    """Whatever record and host do, and for however long, nothing is taken from mail."""
    world.dns.fail(RECORD)
    world.clock.advance(2 * 60 * MINUTE)
    gate = world.hosts.hold(DOMAIN)
    world.hosts.fail(DOMAIN)
    refetch = asyncio.create_task(world.discoverer.refetch(DOMAIN, force=True))
    await world.settle()
    world.clock.advance(2 * 60 * MINUTE)
    gate.set()
    view = await refetch

    assert view.policy is not None
    assert view.policy.mode is Mode.ENFORCE
    assert view.usable_for > timedelta(0)


async def test_a_record_seen_again_during_the_back_off_brings_no_fetch(world: World) -> None:
    """An absence is looked up ahead of its end; the policy host has its five minutes."""
    other = Domain("example.net")
    world.publish(domain=other)
    world.hosts.fail(other)

    async def ask() -> None:
        view = await world.discoverer.policy_for(other, timeout=LONG)
        assert view.policy is None
        await world.settle()

    await ask()
    world.clock.advance(4.5 * MINUTE)
    await ask()
    await ask()
    assert world.hosts.count(other) == 1
    assert world.dns.count(f"_mta-sts.{other}") == 2

    world.publish(domain=other)
    world.clock.advance(MINUTE)
    view = await world.discoverer.policy_for(other, timeout=LONG)
    assert view.policy is not None  # the absence ends when the back-off does, not later
    assert world.hosts.count(other) == 2


async def test_a_daily_fetch_that_hangs_on_one_node_is_left_to_it_for_a_while() -> None:
    """Two nodes need not both fetch, and a dead one stops the other only as long as its claim."""
    one = World()
    one.publish()
    await one.ask()
    other = World(dns=one.dns, hosts=one.hosts, store=one.store.another_node(), clock=one.clock)
    await other.ask()
    one.clock.advance(DAY)
    gate = one.hosts.hold(DOMAIN)
    await one.ask(timedelta(0))
    await one.settle()
    assert one.hosts.count(DOMAIN) == 2

    one.clock.advance(one.discoverer.claim_lease / 2)
    assert await other.mode() is Mode.ENFORCE
    await other.settle()
    assert one.hosts.count(DOMAIN) == 2

    one.clock.advance(one.discoverer.claim_lease + 10 * MINUTE)
    await other.ask(timedelta(0), wait_for_fresh=True)
    await other.settle()
    assert one.hosts.count(DOMAIN) == 3
    gate.set()
    for node in (one, other):
        await node.aclose()


async def test_without_its_store_a_node_fetches_daily_all_the_same(world: World) -> None:
    """Whose turn it is cannot be asked; a policy must not run out for that."""
    world.store.error = StoreError("the database is away")
    world.clock.advance(DAY)

    await world.ask()
    await world.settle()

    assert world.hosts.count(DOMAIN) == 2


async def test_a_view_of_a_domain_that_is_forgotten_holds_no_more(world: World) -> None:
    """An answer made of it a moment ago is not kept."""
    view = await world.ask()
    assert world.discoverer.still_holds(DOMAIN, view)

    await world.discoverer.forget(DOMAIN)

    assert not world.discoverer.still_holds(DOMAIN, view)


async def test_without_its_record_a_policy_is_fetched_by_the_daily_round_alone(
    world: World,
) -> None:
    """Deliveries go on with what is in force; whoever blocks the record starves nothing."""
    world.dns.remove(RECORD)
    world.clock.advance(2 * DAY)

    assert await world.mode() is Mode.ENFORCE
    await world.settle()
    assert world.hosts.count(DOMAIN) == 1
    await world.discoverer.refetch(DOMAIN, force=False)
    assert world.hosts.count(DOMAIN) == 2


async def test_a_policy_that_the_store_does_not_hold_is_fetched_daily_all_the_same() -> None:
    """Nobody else knows of it, so that nobody has to be asked whose turn it is."""
    world = World()
    world.publish()
    world.store.error = StoreError("the database is away")
    await world.ask()
    world.clock.advance(DAY)
    world.store.error = None
    await world.store.claim(DOMAIN, world.clock.now(), until=world.clock.now() + DAY)

    await world.ask()
    await world.settle()

    assert world.hosts.count(DOMAIN) == 2
    await world.aclose()


async def test_an_older_policy_of_the_store_leaves_a_newer_one_to_be_stored(world: World) -> None:
    """Else the newer one would be forgotten with the memory that holds it."""
    older = world.store.policies[DOMAIN]
    world.clock.advance(MINUTE)
    world.publish("testing", record_id="2")
    world.store.error = StoreError("the database is away")
    await world.discoverer.refetch(DOMAIN, force=True)
    world.store.error = None

    world.discoverer.learn(DOMAIN, older, was_told=True)

    assert world.discoverer.unsaved == 1
    assert await world.discoverer.save_unsaved() == 0
    assert world.store.policies[DOMAIN].policy.mode is Mode.TESTING


async def test_what_another_node_stored_is_a_change_and_no_purge(world: World) -> None:
    """What was learnt of the hosts besides holds on; without a row it goes."""
    purged: list[Domain] = []
    world.discoverer._on_purged = purged.append
    stored = world.store.policies[DOMAIN]
    newer = replace(stored, fetched_at=stored.fetched_at + MINUTE, id="2")
    world.clock.advance(MINUTE)
    world.changed.clear()

    world.discoverer.learn(DOMAIN, newer, was_told=True)
    assert (world.changed, purged) == ([DOMAIN], [])
    world.discoverer.learn(DOMAIN, None, was_told=False)
    assert purged == []
    world.discoverer.learn(DOMAIN, None, was_told=True)
    assert purged == [DOMAIN]


@pytest.mark.parametrize(("length", "is_asked"), [(253, True), (254, False)])
async def test_a_record_whose_name_is_too_long_for_dns_is_not_asked_for(
    world: World, length: int, is_asked: bool
) -> None:
    """253 bytes is as long as a name can be (RFC 1035 §2.3.4)."""
    labels = ".".join(["a" * 60] * 3)
    rest = length - len("_mta-sts.") - len(labels) - len("..test")
    domain = Domain(f"{'b' * rest}.{labels}.test")

    await world.discoverer.policy_for(domain, timeout=LONG)

    assert (world.dns.count(f"_mta-sts.{domain}") == 1) is is_asked


@pytest.fixture
async def sender() -> AsyncIterator[SenderWorld]:
    """Give a world that decides, and end its tasks behind the test."""
    made = SenderWorld()
    yield made
    await made.aclose()


async def test_an_answer_overtaken_by_a_new_policy_is_not_kept(sender: SenderWorld) -> None:
    """It was made of the old one, while the hosts were still looked up."""
    sender.enforce()
    sender.dns.secure()
    gate = sender.dns.hold("mx.example.com")
    asking = asyncio.create_task(sender.resolve())
    await sender.settle()
    assert sender.dns.count("mx.example.com")
    sender.publish("testing", record_id="2")
    await sender.discoverer.refetch(DOMAIN, force=True)
    gate.set()

    assert (await asking).usable_for == timedelta(0)
    assert (await sender.resolve()).usable_for > timedelta(0)


@pytest.mark.parametrize("sts", [StsOverride.OFF, StsOverride.ENFORCE])
async def test_what_the_operator_has_settled_is_answered_without_the_record(
    sender: SenderWorld, sts: StsOverride
) -> None:
    """Not even a policy that allows no host is a reason to look, and the answer is kept."""
    mx = (MxPattern("old.example.com"),) if sts is StsOverride.ENFORCE else ()
    override = Override(domains=(Scope("example.com"),), sts=sts, mx=mx)
    exceptions = Exceptions(clock=sender.clock, overrides=Overrides([override]))
    sender.start_resolver(exceptions=exceptions)
    sender.enforce()

    resolution = await sender.resolve()

    assert isinstance(resolution.delivery, Unavailable if mx else Opportunistic)
    assert resolution.usable_for > timedelta(0)
    assert sender.dns.count(RECORD) == 0


async def test_a_policy_that_allows_no_host_is_looked_at_once_more_and_others_are_not(
    sender: SenderWorld,
) -> None:
    """Before mail waits for it, and never on the way to an answer that lets mail go (§5)."""
    sender.enforce()
    await sender.resolve()
    sender.clock.advance(2 * MINUTE)
    await sender.resolve()
    assert sender.dns.count(RECORD) == 1

    sender.dns.mx("example.com", (10, "mx.example.net"))
    sender.surveyor.forget(DOMAIN)
    assert (await sender.reply()).startswith("TEMP ")
    assert sender.dns.count(RECORD) == 2


async def test_mail_that_waits_is_answered_anew_soon_and_the_id_is_not_asked_for_each_time(
    sender: SenderWorld,
) -> None:
    """The owner may have mended the policy; a queue that knocks must not cost a look-up each."""
    limits = ResolverLimits()
    sender.enforce()
    await sender.resolve()
    sender.clock.advance(2 * MINUTE)
    sender.dns.mx("example.com", (10, "mx.example.net"))
    sender.surveyor.forget(DOMAIN)

    for seconds in (0, 20, 20):
        sender.clock.advance(timedelta(seconds=seconds))
        resolution = await sender.resolve()
        assert isinstance(resolution.delivery, Unavailable)
        assert resolution.fresh_for <= limits.temp_fresh
        assert resolution.usable_for <= limits.temp_usable
    assert sender.dns.count(RECORD) == 2

    sender.clock.advance(limits.recheck_before_temp)
    await sender.resolve()
    assert sender.dns.count(RECORD) == 3


async def test_an_answer_overtaken_by_an_end_of_an_override_is_not_kept(
    sender: SenderWorld,
) -> None:
    """It was asked for while the operator's word counted, and comes when it does no more."""
    ends = sender.clock.now() + MINUTE
    off = Override(domains=(Scope("example.com"),), dane=DaneOverride.OFF, expires=ends)
    sender.start_resolver(exceptions=Exceptions(clock=sender.clock, overrides=Overrides((off,))))
    sender.enforce()
    gate = sender.dns.hold("example.com")
    asking = asyncio.create_task(sender.resolve())
    await sender.settle()
    sender.clock.advance(2 * MINUTE)
    gate.set()

    assert (await asking).usable_for == timedelta(0)
