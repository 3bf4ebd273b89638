"""When a policy that is known is fetched again, and what another node's knowledge does to it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from tests.services.world import DOMAIN, LONG, World

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
