"""Three nodes on one real PostgreSQL: what one knows all know, and its absence stops nobody."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from lab.postgres import Server
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreAwayError
from mailseal.store import Store, StoreUnavailableError, open_store
from tests.services.fleet import Fleet
from tests.services.world import DOMAIN

DAY = timedelta(days=1)
TO_ALL_SECONDS = 1.0  # what is promised
BACK_SECONDS = 15.0  # after an outage of a few seconds: the listener's pause, and recovery


async def eventually(holds: Callable[[], bool], within: float) -> float:
    """Wait until something holds; return after how many seconds it did."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not holds():
        assert loop.time() - begun < within, "not in time"
        await asyncio.sleep(0.005)
    return loop.time() - begun


@pytest.fixture
async def fleet(server: Server) -> AsyncIterator[Fleet[Store]]:
    """Start three nodes that all listen."""
    made = Fleet([await open_store(server.url) for _ in range(3)])
    following = [asyncio.create_task(node.follower.run()) for node in made.nodes]
    probe = Domain("probe.example")
    for node in made.nodes:
        # Whoever hears of a domain that is not in memory says that it was changed.
        while probe not in node.changed:
            await made.nodes[0].store.remove(probe)
            await asyncio.sleep(0.02)
    yield made
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    for node in made.nodes:
        await node.discoverer.aclose()
        await node.store.aclose()


async def test_a_policy_is_known_to_all_within_a_second(fleet: Fleet[Store]) -> None:
    """Nodes that remembered its absence hold it, and drop what was answered without it."""
    one, *others = fleet.nodes
    for node in others:
        assert await node.mode() is None
    fleet.publish()

    assert await one.mode() is Mode.ENFORCE
    await eventually(lambda: all(node.held() is Mode.ENFORCE for node in others), TO_ALL_SECONDS)

    assert all(DOMAIN in node.changed for node in others)
    assert fleet.hosts.count(DOMAIN) == 1


async def test_a_purge_reaches_all_within_a_second(fleet: Fleet[Store]) -> None:
    """Memories and tables of answers forget the domain, as does the store."""
    fleet.publish()
    for node in fleet.nodes:
        assert await node.mode() is Mode.ENFORCE
        node.changed.clear()

    assert await fleet.nodes[0].discoverer.forget(DOMAIN)
    # Answers are dropped when the purge is heard of, and once more when its row is seen to be gone.
    await eventually(lambda: not any(node.held() for node in fleet.nodes), TO_ALL_SECONDS)

    assert all(DOMAIN in node.changed for node in fleet.nodes)
    assert await fleet.nodes[0].store.load(DOMAIN) is None


async def test_a_purge_is_told_as_one_whatever_is_written_after_it(fleet: Fleet[Store]) -> None:
    """A node that finds a row already knows that what was learnt before it is to be forgotten."""
    fleet.publish()
    one, other, _ = fleet.nodes
    await one.mode()

    await one.discoverer.forget(DOMAIN)
    await one.mode()

    await eventually(lambda: DOMAIN in other.purged, TO_ALL_SECONDS)


async def test_each_policy_is_refetched_by_one_node(fleet: Fleet[Store]) -> None:
    """Three rounds at the same time share the work, and nobody does it twice."""
    names = [Domain(f"d{number}.example") for number in range(40)]
    for name in names:
        fleet.publish(name)
        for node in fleet.nodes:
            await node.mode(name)
    assert [fleet.hosts.count(name) for name in names] == [1] * 40
    fleet.clock.advance(DAY)

    tried = await asyncio.gather(*(node.refresher.round() for node in fleet.nodes))

    assert [fleet.hosts.count(name) for name in names] == [2] * 40
    assert sum(tried) == 40


async def test_nodes_that_write_the_same_rows_in_another_order_lose_nothing(
    fleet: Fleet[Store],
) -> None:
    """Deadlocks that PostgreSQL breaks up are tried again, one write at a time."""
    names = [Domain(f"d{number}.example") for number in range(150)]
    for name in names:
        fleet.publish(name)
    await asyncio.gather(
        *(one.mode(name) for name in names for one in fleet.nodes[:1]),
        *(other.mode(name) for name in reversed(names) for other in fleet.nodes[1:2]),
    )

    assert await fleet.nodes[2].store.count() == 150
    assert sum([await node.discoverer.save_unsaved() for node in fleet.nodes]) == 0


async def test_what_strangers_notify_is_passed_over(fleet: Fleet[Store], server: Server) -> None:
    """Whoever may connect may notify: names that are none, and those that nobody stores."""
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as connection:
        for payload in ("", "not a name", "..", "x" * 7000, "unknown.example"):
            connection.execute("SELECT pg_notify('mailseal_policies', %s)", [payload])

    unknown = Domain("unknown.example")
    await eventually(lambda: unknown in fleet.nodes[0].changed, TO_ALL_SECONDS)
    assert set(fleet.nodes[0].changed) == {unknown, Domain("probe.example")}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_an_outage_stops_nobody_and_is_made_up_for(
    fleet: Fleet[Store], server: Server, how: signal.Signals
) -> None:
    """Known domains and new ones are answered; later all is stored, and known to all."""
    one, other, third = fleet.nodes
    before, during, changed = Domain("before.example"), Domain("new.example"), DOMAIN
    for name in (before, changed):
        fleet.publish(name)
        for node in fleet.nodes:
            assert await node.mode(name) is Mode.ENFORCE
    await other.mode(during)  # not there yet, and remembered as that

    await asyncio.to_thread(server.stop, how)
    for node in fleet.nodes:
        assert await node.mode(before) is Mode.ENFORCE
    fleet.publish(during)
    assert await one.mode(during) is Mode.ENFORCE
    fleet.clock.advance(timedelta(minutes=1))
    fleet.publish(changed, record_id="2", mode="testing")
    await third.discoverer.refetch(changed, force=True)
    assert third.held(changed) is Mode.TESTING
    assert other.held(changed) is Mode.ENFORCE
    await asyncio.to_thread(server.start)

    await eventually(
        lambda: (
            all(node.held(changed) is Mode.TESTING for node in fleet.nodes)
            and other.held(during) is Mode.ENFORCE
        ),
        BACK_SECONDS,
    )
    for name in (before, during, changed):
        stored = await third.store.load(name)
        assert stored is not None
        assert stored.policy.mode is (Mode.TESTING if name is changed else Mode.ENFORCE)
    assert fleet.hosts.count(during) == 1
    # And changes are told one by one again.
    assert await one.discoverer.forget(before)
    await eventually(lambda: other.held(before) is None, TO_ALL_SECONDS)


async def test_a_node_that_starts_without_the_database_comes_to_it(server: Server) -> None:
    """It asks each time anew, makes the tables when it can, and hears of changes from then on."""
    await asyncio.to_thread(server.stop)
    try:
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            await open_store(server.url)
        store = await open_store(server.url, may_be_away=True)
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            await store.load(DOMAIN)
    finally:
        await asyncio.to_thread(server.start)
    async with store:
        assert await store.load(DOMAIN) is None
        assert (await store.wait_for_changes()).is_anything


async def test_a_database_that_hangs_holds_up_nobody(fleet: Fleet[Store], server: Server) -> None:
    """Connections stay open and say nothing: memory answers at once, new domains go on without."""
    loop = asyncio.get_running_loop()
    one = fleet.nodes[0]
    at_once = 1.0  # less than the three seconds that somebody who waits for the database takes
    new = [Domain("first.example"), Domain("second.example")]
    for name in (DOMAIN, *new):
        fleet.publish(name)
    assert await one.mode() is Mode.ENFORCE

    server.freeze()
    try:
        first = asyncio.create_task(one.discoverer._store.load(new[0]))
        begun = loop.time()
        assert await one.mode() is Mode.ENFORCE
        assert loop.time() - begun < at_once
        with pytest.raises(Exception, match="has not answered within 3 seconds"):
            await first
        begun = loop.time()
        with pytest.raises(Exception, match="still works on an earlier question"):
            await one.store.load(new[1])
        assert loop.time() - begun < at_once
    finally:
        server.thaw()

    await works_again(one.store)
    assert await one.mode(new[1]) is Mode.ENFORCE
    assert await one.store.load(new[1]) is not None


async def works_again(store: Store) -> None:
    """Wait until the question that nobody waits for any more has been answered."""
    async with asyncio.timeout(BACK_SECONDS):
        while True:
            try:
                await store.count()
            except StoreAwayError:
                await asyncio.sleep(0.02)
            else:
                return
