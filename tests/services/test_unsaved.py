"""Policies that the store has refused: kept in memory, and stored together once it works again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreAwayError, StoreError, StoreFullError
from mailseal.services.keeper import MAX_SAVES
from mailseal.testing import FakeDns, FakePolicyHosts, ManualClock, MemoryStore
from tests.services.world import LONG, new_discoverer, publish

AWAY = StoreAwayError("the database is away")


class GroupingStore(MemoryStore):
    """Commits together what is asked for together, as the real one does, and counts.

    ``refuse`` gives the error with which a policy is refused, None for none. Policies with the id
    ``slow_id`` are stored once ``slow_may_end`` is set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[int] = []
        self.tried: list[Domain] = []
        self.refuse: Callable[[CachedPolicy], StoreError | None] = lambda _policy: None
        self.slow_id = ""
        self.slow_has_begun, self.slow_may_end = asyncio.Event(), asyncio.Event()
        self._commit: asyncio.Task[None] | None = None

    async def save(self, policy: CachedPolicy, *, now: datetime | None = None) -> bool:
        """Wait for the commit that this goes into."""
        self.tried.append(policy.domain)
        if self._commit is None:
            self._commit = asyncio.create_task(self._end_commit())
            self.commits.append(0)
        self.commits[-1] += 1
        await asyncio.shield(self._commit)
        if policy.id == self.slow_id:
            self.slow_has_begun.set()
            await self.slow_may_end.wait()
        if (error := self.refuse(policy)) is not None:
            raise error
        return await super().save(policy, now=now)

    async def _end_commit(self) -> None:
        await asyncio.sleep(0)
        self._commit = None


class World:
    """A discoverer whose store can be away, with fakes behind every other door."""

    def __init__(self) -> None:
        self.dns = FakeDns()
        self.hosts = FakePolicyHosts()
        self.store = GroupingStore()
        self.clock = ManualClock()
        self.discoverer = new_discoverer(
            dns=self.dns,
            fetcher=self.hosts,
            store=self.store,
            clock=self.clock,
            on_change=lambda _domain: None,
        )

    async def learn(self, domain: Domain) -> None:
        """Let a domain take part and be asked about."""
        publish(self.dns, self.hosts, domain, "enforce", ("mx.example.com",), record_id="1")
        await self.discoverer.policy_for(domain, timeout=LONG)

    async def learn_while_away(self, count: int) -> list[Domain]:
        """Learn of domains while the store refuses all."""
        names = [Domain(f"d{number:04}.example") for number in range(count)]
        self.store.error = AWAY
        for name in reversed(names):
            await self.learn(name)
        self.store.error = None
        self.store.commits.clear()
        self.store.tried.clear()
        return names


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a world whose tasks are ended behind the test."""
    made = World()
    yield made
    made.store.refuse = lambda _policy: None
    await made.discoverer.aclose()


async def test_what_an_outage_left_is_stored_in_few_commits(world: World) -> None:
    """One to see that the store works, then many together, and never more than a bound."""
    names = await world.learn_while_away(2 * MAX_SAVES)

    assert await world.discoverer.save_unsaved() == 0

    assert set(world.store.policies) == set(names)
    assert world.store.commits == [1, MAX_SAVES, MAX_SAVES - 1]


async def test_all_nodes_store_in_the_same_order(world: World) -> None:
    """By name, so that two which come back together do not wait for each other's rows."""
    names = await world.learn_while_away(20)

    await world.discoverer.save_unsaved()

    assert world.store.tried == names


@pytest.mark.parametrize("place", [0, 40])
@pytest.mark.parametrize(
    "error", [StoreFullError("the store is full"), StoreError("a rule of its own forbids the row")]
)
async def test_one_that_is_refused_holds_up_no_other(
    world: World, error: StoreError, place: int
) -> None:
    """Those that came with it and behind it are stored, itself it stays and is tried again."""
    names = await world.learn_while_away(MAX_SAVES + 50)
    bad = names[place]
    world.store.refuse = lambda policy: error if policy.domain == bad else None

    assert await world.discoverer.save_unsaved() == 1
    assert set(world.store.policies) == set(names) - {bad}

    world.store.refuse = lambda _policy: None
    assert await world.discoverer.save_unsaved() == 0
    assert bad in world.store.policies


async def test_a_store_that_fails_in_between_loses_nothing(world: World) -> None:
    """What it had taken stays stored, the rest waits, and nobody goes on asking it."""
    names = await world.learn_while_away(3 * MAX_SAVES)
    taken = set(names[: MAX_SAVES // 2])
    world.store.refuse = lambda policy: None if policy.domain in taken else AWAY

    assert await world.discoverer.save_unsaved() == len(names) - len(taken)
    assert set(world.store.policies) == taken
    assert len(world.store.tried) == 1 + MAX_SAVES

    world.store.refuse = lambda _policy: None
    assert await world.discoverer.save_unsaved() == 0
    assert set(world.store.policies) == set(names)


async def test_a_store_that_still_refuses_all_is_asked_once(world: World) -> None:
    """Every further try would be one more line in the log."""
    await world.learn_while_away(100)
    world.store.refuse = lambda _policy: AWAY

    assert await world.discoverer.save_unsaved() == 100
    assert len(world.store.tried) == 1


async def test_an_older_policy_that_is_stored_says_nothing_of_a_newer_one(world: World) -> None:
    """A new id is fetched while the old policy is being stored, and is refused: it still waits."""
    [domain] = await world.learn_while_away(1)
    world.store.refuse = lambda policy: AWAY if policy.id == "2" else None
    world.clock.advance(timedelta(hours=2))
    world.dns.txt(f"_mta-sts.{domain}", "v=STSv1; id=2;")

    world.store.slow_id = "1"
    saving = asyncio.create_task(world.discoverer.save_unsaved())
    await world.store.slow_has_begun.wait()

    await world.discoverer.refetch(domain, force=True)
    world.store.slow_may_end.set()
    await saving
    assert world.discoverer.unsaved == 1

    world.store.refuse = lambda _policy: None
    assert await world.discoverer.save_unsaved() == 0
    assert world.store.policies[domain].id == "2"
