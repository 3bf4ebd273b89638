"""Nodes that share a store know what each of them knows, and none undoes what another did."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

import pytest

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.policystore import StoreChanges
from mailseal.ports.storeerrors import StoreError
from mailseal.testing import MemoryStore
from tests.services.fleet import Fleet
from tests.services.world import DOMAIN, LONG

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
AWAY = StoreError("the database is away")


class MemoryFleet(Fleet[MemoryStore]):
    """Three nodes over one store in memory."""

    def __init__(self) -> None:
        store = MemoryStore()
        super().__init__([store, store.another_node(), store.another_node()])
        self.policies = store.policies

    def fetches(self) -> int:
        """Return how often the policy host was asked, by whomever."""
        return self.hosts.count("example.com")

    async def settle(self) -> None:
        """Let what was told arrive everywhere."""
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
async def fleet() -> AsyncIterator[MemoryFleet]:
    """Give a fleet whose followers run, and end its tasks behind the test."""
    made = MemoryFleet()
    following = [asyncio.create_task(node.follower.run()) for node in made.nodes]
    yield made
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    for node in made.nodes:
        node.store.error = None
        await node.discoverer.aclose()


async def test_a_policy_fetched_by_one_is_known_to_all(fleet: MemoryFleet) -> None:
    """Whoever had found no policy holds the new one, and drops the answers made without it."""
    one, other, _ = fleet.nodes
    assert await other.mode() is None  # remembered for up to an hour
    fleet.publish()

    assert await one.mode() is Mode.ENFORCE
    await fleet.settle()

    assert await other.mode() is Mode.ENFORCE
    assert other.changed == [DOMAIN]
    assert fleet.fetches() == 1


async def test_an_answer_that_outlived_its_domain_in_memory_is_dropped_too(
    fleet: MemoryFleet,
) -> None:
    """The answerer may hold what the resolver has no room for any more."""
    one, other, _ = fleet.nodes
    fleet.publish()
    await one.mode()
    await fleet.settle()

    assert other.changed == [DOMAIN]


async def test_a_refetch_that_brings_nothing_new_drops_no_answer(fleet: MemoryFleet) -> None:
    """Dates alone change no answer."""
    one, other, _ = fleet.nodes
    fleet.publish()
    await one.mode()
    await other.mode()
    await fleet.settle()
    other.changed.clear()

    fleet.clock.advance(DAY)
    await one.refresher.round()
    await fleet.settle()

    assert other.changed == []
    state = await other.discoverer.state_of(DOMAIN)
    assert state.cached is not None
    assert state.cached.fetched_at == fleet.clock.now()


async def test_a_purge_reaches_all(fleet: MemoryFleet) -> None:
    """Policies and remembered absences go from every memory, and from every table of answers."""
    fleet.publish()
    for node in fleet.nodes:
        assert await node.mode() is Mode.ENFORCE
    fleet.publish(mode="none")  # under the old id, which only a purge makes anybody look at
    for node in fleet.nodes:
        node.changed.clear()

    assert await fleet.nodes[0].discoverer.forget(DOMAIN)
    await fleet.settle()

    assert all(DOMAIN in node.changed for node in fleet.nodes)
    assert {await node.mode() for node in fleet.nodes} == {Mode.NONE}
    assert fleet.fetches() == 2


async def test_the_daily_refetch_runs_on_one_node(fleet: MemoryFleet) -> None:
    """Three rounds at once fetch each policy once, and so do three questions at once."""
    fleet.publish()
    for node in fleet.nodes:
        await node.mode()
    fleet.clock.advance(DAY)
    await asyncio.gather(*(node.refresher.round() for node in fleet.nodes))
    assert fleet.fetches() == 2
    await fleet.settle()

    fleet.clock.advance(DAY)
    await asyncio.gather(*(node.mode() for node in fleet.nodes))
    await fleet.settle()
    assert fleet.fetches() == 3


async def test_a_node_that_dies_gives_its_claim_back(fleet: MemoryFleet) -> None:
    """Nobody fetches while the lease lasts, the first who looks does so after it."""
    one, other, _ = fleet.nodes
    fleet.publish()
    await one.mode()
    fleet.clock.advance(DAY)
    now = fleet.clock.now()
    claimed = await one.store.claim_due(now, until=now + one.discoverer.claim_lease, limit=1)
    assert [policy.domain for policy in claimed] == [DOMAIN]

    assert await other.refresher.round() == 0
    fleet.clock.advance(one.discoverer.claim_lease)
    assert await other.refresher.round() == 1
    assert fleet.fetches() == 2


async def test_a_refetch_is_not_lost_to_a_question_that_found_it_claimed(
    fleet: MemoryFleet,
) -> None:
    """The refresher's own claim turns a question's fetch away, and the refresher then fetches."""
    one = fleet.nodes[0]
    fleet.publish()
    await one.mode()
    fleet.clock.advance(DAY)

    question = asyncio.create_task(one.mode())
    await one.refresher.round()
    await question

    assert fleet.fetches() == 2


async def test_an_older_policy_never_replaces_a_newer_one(fleet: MemoryFleet) -> None:
    """Whoever fetched first and stores last takes over what was fetched after."""
    one, other, _ = fleet.nodes
    fleet.publish()
    one.store.cut_off(AWAY)
    assert await one.mode() is Mode.ENFORCE  # of now, and not stored
    fleet.clock.advance(MINUTE)
    fleet.publish(mode="testing", record_id="2")
    assert await other.mode() is Mode.TESTING

    one.store.reconnect()
    await fleet.settle()

    assert await one.mode() is Mode.TESTING
    assert fleet.policies[DOMAIN].policy.mode is Mode.TESTING
    assert one.changed[-1] == DOMAIN


async def test_a_node_without_its_database_goes_on_and_catches_up(fleet: MemoryFleet) -> None:
    """Answers come from memory; afterwards its fetches are stored and those of others known."""
    one, other, _ = fleet.nodes
    fleet.publish()
    assert await one.mode() is Mode.ENFORCE
    one.store.cut_off(AWAY)
    assert await one.mode() is Mode.ENFORCE
    fleet.clock.advance(MINUTE)
    fleet.publish(mode="testing", record_id="2")
    await other.discoverer.refetch(DOMAIN, force=True)
    fleet.publish("example.net", mode="none")
    await one.discoverer.policy_for(Domain("example.net"), timeout=LONG)
    assert Domain("example.net") not in fleet.policies

    one.store.reconnect()
    await fleet.settle()

    assert fleet.policies[Domain("example.net")].policy.mode is Mode.NONE
    state = await one.discoverer.state_of(DOMAIN)
    assert state.cached is not None
    assert state.cached.policy.mode is Mode.TESTING


async def test_a_purge_during_an_outage_is_learnt_after_it(fleet: MemoryFleet) -> None:
    """Neither memory nor a failure still to be stored brings a purged policy back."""
    one, other, _ = fleet.nodes
    fleet.publish()
    assert await one.mode() is Mode.ENFORCE
    await other.mode()
    one.store.cut_off(AWAY)
    fleet.hosts.fail("example.com")
    await one.discoverer.refetch(DOMAIN, force=True)  # its failure cannot be stored
    fleet.clock.advance(MINUTE)
    await other.discoverer.forget(DOMAIN)

    one.store.reconnect()
    await fleet.settle()

    assert DOMAIN not in fleet.policies
    assert await one.mode() is None


async def test_a_policy_fetched_after_a_purge_is_kept(fleet: MemoryFleet) -> None:
    """Only what is older than the purge is unwanted."""
    one, other, _ = fleet.nodes
    one.store.cut_off(AWAY)
    await other.discoverer.forget(DOMAIN)
    fleet.clock.advance(MINUTE)
    fleet.publish()
    assert await one.mode() is Mode.ENFORCE

    one.store.reconnect()
    await fleet.settle()

    assert fleet.policies[DOMAIN].policy.mode is Mode.ENFORCE
    assert await other.mode() is Mode.ENFORCE
    assert fleet.fetches() == 1


async def test_a_date_of_a_wrong_clock_stands_in_nobodys_way(fleet: MemoryFleet) -> None:
    """A node a day ahead stored a policy; those with the right time can still replace it."""
    one, other, _ = fleet.nodes
    fleet.publish()
    fleet.clock.step(DAY)
    await one.mode()
    fleet.clock.step(-DAY)
    await fleet.settle()
    fleet.publish(mode="testing", record_id="2")

    await other.discoverer.refetch(DOMAIN, force=True)
    await fleet.settle()

    assert fleet.policies[DOMAIN].policy.mode is Mode.TESTING
    assert fleet.policies[DOMAIN].fetched_at == fleet.clock.now()


async def test_clocks_that_differ_by_seconds_cause_no_look_up(fleet: MemoryFleet) -> None:
    """What another node fetched a moment ahead of our time is as fresh as our own."""
    one, other, _ = fleet.nodes
    fleet.publish()
    fleet.clock.step(timedelta(seconds=5))
    await one.mode()
    fleet.clock.step(-timedelta(seconds=5))
    await fleet.settle()

    looked_up = fleet.dns.count("_mta-sts.example.com")
    assert await other.mode() is Mode.ENFORCE
    await fleet.settle()
    assert fleet.fetches() == 1
    assert fleet.dns.count("_mta-sts.example.com") == looked_up


async def test_a_change_that_cannot_be_read_is_not_forgotten(fleet: MemoryFleet) -> None:
    """When the store fails between the telling and the reading, all is read the next time."""
    one, other, _ = fleet.nodes
    assert await one.mode() is None
    one.store.cut_off(AWAY)
    fleet.publish()
    await other.mode()
    await one.follower.follow(StoreChanges(domains=(DOMAIN,)))
    assert await one.mode() is None

    one.store.error = None
    await one.follower.follow(StoreChanges())

    assert await one.mode() is Mode.ENFORCE
    assert fleet.fetches() == 1


async def test_what_was_read_anew_once_is_not_read_again_and_again(fleet: MemoryFleet) -> None:
    """After a failure everything is compared with the store, until that has been done once."""
    one = fleet.nodes[0]
    fleet.publish()
    await one.mode()
    reads, load_many = [], one.store.load_many

    async def count(domains: Sequence[Domain]) -> Mapping[Domain, CachedPolicy | None]:
        reads.append(domains)
        return await load_many(domains)

    one.store.load_many = count  # type: ignore[method-assign] # counted
    one.store.error = AWAY
    await one.follower.follow(StoreChanges(domains=(DOMAIN,)))
    one.store.error = None
    for _ in range(3):
        await one.follower.follow(StoreChanges())

    assert reads == [(DOMAIN,), (DOMAIN,)]  # in vain, and of what memory holds


async def test_an_absence_learnt_while_cut_off_ends_with_a_purge(fleet: MemoryFleet) -> None:
    """Who purges a domain wants it looked up anew everywhere, also where that was not heard."""
    one, other, _ = fleet.nodes
    one.store.cut_off(AWAY)
    assert await one.mode() is None  # remembered for up to an hour
    fleet.clock.advance(MINUTE)
    fleet.publish()
    await other.discoverer.forget(DOMAIN)

    one.store.reconnect()
    await fleet.settle()

    assert one.changed == [DOMAIN]
    assert await one.mode() is Mode.ENFORCE


async def test_an_absence_that_nobody_purged_outlives_an_outage(fleet: MemoryFleet) -> None:
    """Else every outage would be followed by a look-up of all that is remembered."""
    one, other, _ = fleet.nodes
    assert await one.mode() is None
    one.store.cut_off(AWAY)
    await other.discoverer.forget(Domain("example.net"))
    looked_up = fleet.dns.count("_mta-sts.example.com")

    one.store.reconnect()
    await fleet.settle()

    assert await one.mode() is None
    assert fleet.dns.count("_mta-sts.example.com") == looked_up
    assert one.changed == [Domain("example.net")]  # an answer may be there without a memory


async def test_a_purge_is_missed_once(fleet: MemoryFleet) -> None:
    """What was made up for after one outage is old news after the next."""
    one, other, _ = fleet.nodes
    one.store.cut_off(AWAY)
    await other.discoverer.forget(DOMAIN)
    fleet.clock.advance(10 * MINUTE)
    one.store.reconnect()
    await fleet.settle()
    assert one.changed == [DOMAIN]

    one.store.cut_off(AWAY)
    one.store.reconnect()
    await fleet.settle()

    assert one.changed == [DOMAIN]


@pytest.mark.parametrize("step", [DAY, -DAY])
async def test_a_clock_that_jumps_hides_no_purge(fleet: MemoryFleet, step: timedelta) -> None:
    """How long ago a node last knew all is measured by the clock that never jumps."""
    one, other, _ = fleet.nodes
    fleet.clock.step(-step)
    one.store.reconnect()
    await fleet.settle()
    fleet.clock.step(step)
    one.store.cut_off(AWAY)
    fleet.clock.advance(MINUTE)
    await other.discoverer.forget(DOMAIN)

    one.store.reconnect()
    await fleet.settle()

    assert one.changed == [DOMAIN]


async def test_many_purges_are_read_in_pages(fleet: MemoryFleet) -> None:
    """However many there were, a page at a time is held."""
    one, other, _ = fleet.nodes
    names = [Domain(f"d{number:04}.example") for number in range(1_201)]
    one.store.cut_off(AWAY)
    for name in names:
        await other.discoverer.forget(name)

    one.store.reconnect()
    await fleet.settle()

    assert one.changed == names
