"""A purge: all that was learnt of a domain goes, on every node, whoever asks meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.ports.policystore import LastVerdict, StoreChanges
from mailseal.ports.storeerrors import StoreError
from mailseal.services.follower import Follower
from mailseal.testing import FakeDns, FakePolicyHosts, ManualClock, MemoryStore
from tests.services.world import DOMAIN, GOOD, TLSA, SenderWorld

MINUTE = timedelta(minutes=1)
MOVED = "OK secure match=new.example.com servername=hostname"


class Sender(SenderWorld):
    """A node that decides, and follows what others do."""

    def start(self) -> None:
        """Begin anew with the store alone, as after a restart."""
        super().start()
        self.follower = Follower(discoverer=self.discoverer, store=self.store)

    async def follow(self) -> None:
        """Take up what was told."""
        await self.follower.follow(await self.store.wait_for_changes())

    def sign(self) -> None:
        """Let DANE hold for the one host that there is, beside an enforce policy."""
        self.dns.tlsa(TLSA, GOOD)
        self.dns.secure()
        self.enforce()

    def move(self) -> None:
        """Let mail go to another host, which has no TLSA records."""
        self.dns.mx("example.com", (10, "new.example.com"))
        self.dns.a("new.example.com", "192.0.2.26")
        self.enforce("new.example.com", record_id="2")


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Sender, Sender]]:
    """Give two nodes over one store, and end their tasks behind the test."""
    store, dns, hosts, clock = MemoryStore(), FakeDns(), FakePolicyHosts(), ManualClock()
    made = [
        Sender(dns=dns, hosts=hosts, store=one, clock=clock)
        for one in (store, store.another_node())
    ]
    made[0].sign()
    for node in made:
        assert await node.reply() == "OK dane-only"
        await node.follow()
        node.changed.clear()
    yield made[0], made[1]
    for node in made:
        await node.aclose()


async def test_a_purge_takes_what_dane_said_from_every_node(nodes: tuple[Sender, Sender]) -> None:
    """The set of hosts and the last verdict go with the policy, wherever they were remembered."""
    one, other = nodes
    one.move()

    await one.discoverer.forget(DOMAIN)
    await other.follow()

    assert await one.reply() == MOVED
    assert await other.reply() == MOVED


async def test_a_purge_that_is_followed_by_a_fetch_at_once_is_no_less_one(
    nodes: tuple[Sender, Sender],
) -> None:
    """Who hears of both together finds a policy stored, and forgets what DANE said all the same."""
    one, other = nodes
    one.clock.advance(MINUTE)
    one.move()

    await one.discoverer.forget(DOMAIN)
    assert await one.reply() == MOVED
    await other.follow()

    assert DOMAIN in other.changed
    assert await other.reply() == MOVED


async def test_a_purge_that_was_not_heard_takes_what_dane_said_as_well(
    nodes: tuple[Sender, Sender],
) -> None:
    """A node that was cut off finds a newer policy afterwards, and the purge before it."""
    one, other = nodes
    other.store.cut_off(StoreError("the database is away"))
    one.clock.advance(MINUTE)
    one.move()
    await one.discoverer.forget(DOMAIN)
    assert await one.reply() == MOVED

    other.store.reconnect()
    await other.follow()

    assert DOMAIN in other.changed
    assert await other.reply() == MOVED


async def test_a_row_that_is_gone_was_purged_whoever_says_so(nodes: tuple[Sender, Sender]) -> None:
    """Nothing else takes a policy in force out of the store."""
    one, other = nodes
    one.move()
    await one.discoverer.forget(DOMAIN)

    await other.follower.follow(StoreChanges(domains=(DOMAIN,)))

    assert await other.reply() == MOVED


async def test_a_question_during_a_purge_keeps_no_verdict_of_before(
    nodes: tuple[Sender, Sender],
) -> None:
    """It may find the verdict in the store still; after the purge nobody answers by it."""
    one, _ = nodes
    one.start()  # the verdict is in the store alone
    one.dns.fail("example.com")  # and it is all that there is to answer by
    one.enforce()
    asked = asyncio.create_task(one.reply())
    remove = one.store.remove

    async def answer_first(domain: Domain, *, now: datetime | None = None) -> bool:
        """Let the question be answered before anything is removed."""
        assert await asked == "OK dane-only"
        return await remove(domain, now=now)

    one.store.remove = answer_first  # type: ignore[method-assign] # a slow database

    await one.discoverer.forget(DOMAIN)

    assert one.store.verdicts == {}
    assert (await one.reply()).startswith("TEMP ")


async def test_a_verdict_read_before_a_purge_and_had_after_it_is_not_kept(
    nodes: tuple[Sender, Sender],
) -> None:
    """The read overlaps the purge, so what it brings may be gone."""
    one, _ = nodes
    one.start()
    one.dns.fail("example.com")
    has_read, may_go_on = asyncio.Event(), asyncio.Event()
    load = one.store.load_verdict

    async def load_slowly(next_hop: str) -> LastVerdict | None:
        """Answer with what there was at first."""
        found = await load(next_hop)
        has_read.set()
        await may_go_on.wait()
        return found

    one.store.load_verdict = load_slowly  # type: ignore[method-assign] # a slow database
    asked = asyncio.create_task(one.resolve())
    await has_read.wait()
    await one.discoverer.forget(DOMAIN)
    may_go_on.set()
    await asked

    assert (await one.reply()).startswith("TEMP ")


async def test_an_answer_made_of_hosts_from_before_a_purge_is_not_kept(
    nodes: tuple[Sender, Sender],
) -> None:
    """Neither is the verdict: the hosts may be others by now, which is why somebody purged."""
    one, _ = nodes
    one.start()
    may_go_on = asyncio.Event()
    load = one.store.load

    async def load_slowly(domain: Domain) -> CachedPolicy | None:
        """Answer with what there is at last."""
        await may_go_on.wait()
        return await load(domain)

    one.store.load = load_slowly  # type: ignore[method-assign] # a slow database
    asked = asyncio.create_task(one.resolve())
    await one.settle()  # the hosts are known by now, the policy is not
    one.move()
    await one.discoverer.forget(DOMAIN)
    may_go_on.set()
    resolution = await asked

    assert resolution.usable_for == timedelta(0)
    assert one.store.verdicts == {}
    assert await one.reply() == MOVED


async def test_an_absence_that_another_node_purges_is_looked_up_anew(
    nodes: tuple[Sender, Sender],
) -> None:
    """Who purges a domain that has just published wants it found everywhere."""
    one, other = nodes
    hop = Domain("example.net")
    assert (await other.discoverer.policy_for(hop, timeout=MINUTE)).policy is None
    other.enforce(domain=hop)

    assert not await one.discoverer.forget(hop)
    await other.follow()

    assert (await other.discoverer.policy_for(hop, timeout=MINUTE)).policy is not None


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_purge_tells_whether_there_was_a_policy(
    nodes: tuple[Sender, Sender], *, is_stored: bool
) -> None:
    """In memory alone is enough; a remembered absence is none."""
    one, _ = nodes
    if not is_stored:
        one.store.policies.clear()
    assert await one.discoverer.forget(DOMAIN)
    one.dns.remove("_mta-sts.example.com")
    assert (await one.discoverer.policy_for(DOMAIN, timeout=MINUTE)).policy is None
    assert not await one.discoverer.forget(DOMAIN)


async def test_a_purge_of_what_only_the_store_holds_is_one(nodes: tuple[Sender, Sender]) -> None:
    """Behind a restart memory knows nothing of it yet."""
    one, _ = nodes
    one.start()

    assert await one.discoverer.forget(DOMAIN)


async def test_a_policy_fetched_anew_elsewhere_costs_no_look_up_of_hosts(
    nodes: tuple[Sender, Sender],
) -> None:
    """Only a purge says that what DNS and DANE told is unwanted."""
    one, other = nodes
    asked = one.dns.count("example.com")
    one.clock.advance(timedelta(seconds=1))

    await one.discoverer.refetch(DOMAIN, force=True)
    await other.follow()

    assert await other.reply() == "OK dane-only"
    assert one.dns.count("example.com") == asked


class SlowReader(MemoryStore):
    """A store whose answer to one read is on its way for as long as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read, self.may_answer = asyncio.Event(), asyncio.Event()

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Read at once, and answer when the gate is open."""
        found = await super().load(domain)
        self.has_read.set()
        await self.may_answer.wait()
        return found


async def test_what_was_read_before_a_purge_and_arrives_after_it_is_read_again() -> None:
    """The answer of a slow database brings no purged policy back."""
    store = SlowReader()
    store.may_answer.set()
    world = Sender(store=store)
    world.enforce()
    await world.reply()
    world.start()  # all that is known is in the store
    world.dns.remove("_mta-sts.example.com")
    store.may_answer.clear()
    store.has_read.clear()

    question = asyncio.create_task(world.discoverer.policy_for(DOMAIN, timeout=MINUTE))
    await store.has_read.wait()
    await world.discoverer.forget(DOMAIN)
    store.may_answer.set()

    assert (await question).policy is None
    assert await world.reply() == "NOTFOUND "
    await world.aclose()


class PurgedMeanwhile(MemoryStore):
    """A store in which another node purges whatever is about to be saved."""

    async def save(self, policy: CachedPolicy, *, now: datetime | None = None) -> bool:
        """Let the other node be faster by a moment."""
        self.purges[policy.domain] = policy.fetched_at + timedelta(seconds=1)
        return await super().save(policy, now=now)


async def test_a_policy_purged_as_it_came_counts_for_this_mail_alone() -> None:
    """It was fetched a moment ago and is good; whoever purged wants it fetched again."""
    world = Sender(store=PurgedMeanwhile())
    world.enforce()

    view = await world.ask()

    assert view.policy is not None
    assert view.usable_for == timedelta(0)
    assert await world.store.count() == 0
    await world.ask()
    assert world.hosts.count("example.com") == 2
    await world.aclose()
