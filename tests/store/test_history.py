"""Watched domains in both engines and in the fake: looks are stored whole, claims are kept."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, create_engine, text

from mailseal.checks.finding import Severity
from mailseal.names import Domain
from mailseal.ports.historystore import HistoryStore
from mailseal.ports.storeerrors import StoreFullError
from mailseal.store import historystatements, open_store
from mailseal.watch.notice import Channel
from mailseal.watch.records import Watched
from tests.store.looks import DOMAIN, FIGURES, OTHER, look, notice, span, watch
from tests.store.samples import DAY, HOUR, NOW


async def test_domains_are_added_once_and_removed_whole(history: HistoryStore) -> None:
    """What is new is due at once; what is removed leaves nothing behind."""
    assert await history.add(DOMAIN, now=NOW, at_most=2)
    assert not await history.add(DOMAIN, now=NOW + HOUR, at_most=2)
    assert await history.add(OTHER, now=NOW, at_most=2)
    with pytest.raises(StoreFullError):
        await history.add(Domain("third.example"), now=NOW, at_most=2)
    assert [one.domain for one in await history.list()] == [DOMAIN, OTHER]
    assert await history.load(DOMAIN) == Watched(domain=DOMAIN, added_at=NOW, next_look_at=NOW)

    claimed = await history.claim(DOMAIN, NOW, until=NOW + HOUR)
    assert claimed is not None
    assert await history.record(look(claimed, NOW, span(), notice=notice()))
    assert await history.remove(DOMAIN)
    assert not await history.remove(DOMAIN)
    assert await history.load(DOMAIN) is None
    assert await history.load_open(DOMAIN) == ()
    assert await history.load_observations(DOMAIN, limit=9) == ()
    assert await history.count_waiting() == 0


async def test_a_look_is_stored_with_all_that_it_brought(history: HistoryStore) -> None:
    """Figures, memory, findings and the look itself, to the microsecond."""
    before = await watch(history)
    assert await history.record(look(before, NOW + HOUR, span(NOW + HOUR)))

    stored = await history.load(DOMAIN)
    assert stored == replace(
        before,
        next_look_at=NOW + 7 * HOUR,
        looked_at=NOW + HOUR,
        succeeded_at=NOW + HOUR,
        figures=FIGURES,
        memory=b"{}",
    )
    assert await history.load_open(DOMAIN) == (span(NOW + HOUR),)
    (seen,) = await history.load_observations(DOMAIN, limit=9)
    assert (seen.at, seen.verdict, seen.evidence) == (NOW + HOUR, FIGURES.verdict, None)
    assert await history.load_evidence(DOMAIN) == b"evidence"
    assert await history.load_evidence(OTHER) is None


async def test_of_two_looks_at_a_time_the_later_is_void(history: HistoryStore) -> None:
    """Whoever was slower has compared with what is no longer so."""
    before = await watch(history)
    assert await history.record(look(before, NOW + HOUR, span()))
    assert not await history.record(look(before, NOW + 2 * HOUR))
    assert await history.load_open(DOMAIN) == (span(),)


async def test_evidence_is_kept_of_changes_and_of_the_last_look(history: HistoryStore) -> None:
    """A year of looks at a domain that is well takes no room."""
    known = await watch(history)
    evidence = []
    for number, is_change in enumerate((True, False, False)):
        one = look(known, NOW + number * HOUR)
        seen = replace(one.observation, is_change=is_change, evidence=b"%d" % number)
        assert await history.record(replace(one, observation=seen))
        evidence.append(await history.load_evidence(DOMAIN))
        again = await history.load(DOMAIN)
        assert again is not None
        known = again
    assert evidence == [b"0", b"1", b"2"]
    assert [one.is_change for one in await history.load_observations(DOMAIN, limit=9)] == [
        False,
        False,
        True,
    ]


async def test_findings_that_are_over_are_kept_apart(history: HistoryStore) -> None:
    """The same finding may come again: each time is a span of its own."""
    before = await watch(history)
    await history.record(look(before, NOW, span()))
    known = await history.load(DOMAIN)
    assert known is not None
    over = replace(span(), resolved_at=NOW + HOUR, missed_at=NOW + HOUR, told=Severity.ERROR)
    await history.record(look(known, NOW + 2 * HOUR, over))
    known = await history.load(DOMAIN)
    assert known is not None
    await history.record(look(known, NOW + 3 * HOUR, span(NOW + 3 * HOUR)))

    assert await history.load_open(DOMAIN) == (span(NOW + 3 * HOUR),)
    assert await history.load_resolved(DOMAIN, limit=9) == (over,)


async def test_a_domain_is_given_to_one_at_a_time(history: HistoryStore) -> None:
    """Claims last until the look is recorded, or their time is over."""
    for name in (DOMAIN, OTHER):
        await history.add(name, now=NOW, at_most=10)
    claims = await asyncio.gather(
        *(history.claim_due(NOW, until=NOW + HOUR, longest=DAY, limit=1) for _ in range(4))
    )
    assert sorted(one.domain for claim in claims for one in claim) == [DOMAIN, OTHER]
    assert await history.claim(DOMAIN, NOW, until=NOW + HOUR) is None

    (again,) = await history.claim_due(NOW + HOUR, until=NOW + 2 * HOUR, longest=DAY, limit=1)
    await history.record(look(again, NOW + HOUR))
    assert await history.claim(again.domain, NOW + HOUR, until=NOW + 2 * HOUR) is not None
    due = await history.claim_due(NOW + 2 * HOUR, until=NOW + 3 * HOUR, longest=DAY, limit=9)
    assert [one.domain for one in due] == [OTHER]


async def test_a_look_that_came_to_nothing_is_put_off(history: HistoryStore) -> None:
    """Until then nobody gets it, and then whoever asks; not where somebody else has looked."""
    before = await watch(history)
    await history.put_off(before, until=NOW + HOUR)
    assert await history.claim_due(NOW, until=NOW + HOUR, longest=DAY, limit=9) == ()
    assert await history.load(DOMAIN) == replace(before, next_look_at=NOW + HOUR)

    (again,) = await history.claim_due(NOW + HOUR, until=NOW + 2 * HOUR, longest=DAY, limit=9)
    await history.record(look(again, NOW + HOUR))
    await history.put_off(again, until=NOW + 2 * HOUR)
    known = await history.load(DOMAIN)
    assert known is not None
    assert known.next_look_at == NOW + 7 * HOUR


async def test_what_is_due_later_than_anybody_waits_is_due(history: HistoryStore) -> None:
    """A clock that was ahead has put it there; one that is a little ahead has not."""
    before = await watch(history)
    await history.record(look(before, NOW + 365 * DAY, notice=notice()))
    for longest, number in ((365 * DAY + 6 * HOUR, 0), (6 * HOUR, 1)):
        due = await history.claim_due(NOW, until=NOW + HOUR, longest=longest, limit=9)
        assert len(due) == number
    for longest, number in ((365 * DAY, 0), (HOUR, 1)):
        messages = await history.claim_messages(
            (Channel.MAIL,), NOW, until=NOW + HOUR, longest=longest, limit=9, is_retry=False
        )
        assert len(messages) == number


async def test_nodes_on_one_server_share_the_looks(postgres_url: str) -> None:
    """Of thirty domains that are due each is given out once, however many ask."""
    stores = [await open_store(postgres_url) for _ in range(3)]
    try:
        names = [Domain(f"d{number}.example") for number in range(30)]
        for name in names:
            await stores[0].history.add(name, now=NOW, at_most=100)
        claims = await asyncio.gather(
            *(
                store.history.claim_due(NOW, until=NOW + HOUR, longest=DAY, limit=1)
                for _ in range(12)
                for store in stores
            )
        )
        assert sorted(one.domain for claim in claims for one in claim) == sorted(names)
    finally:
        for store in stores:
            await store.aclose()


async def test_a_domain_removed_during_a_look_leaves_nothing_behind(postgres_url: str) -> None:
    """Removing waits for a look that is being stored, and takes all of it along."""
    async with await open_store(postgres_url) as store:
        before = await watch(store.history)
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as storing, ThreadPoolExecutor(1) as pool:
        with storing.begin():
            found = look(before, NOW, span(), notice=notice())
            assert historystatements.record(storing, found)
            removing = pool.submit(_remove, engine)
            with engine.connect() as watching:
                while not watching.execute(text(WAITING)).scalar_one():
                    assert not removing.done()
                    watching.execute(text("SELECT pg_sleep(0.01)"))
                    watching.rollback()
        assert removing.result(timeout=10)
        for name in ("watched_domains", "watch_observations", "watch_findings", "watch_messages"):
            assert storing.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0
    engine.dispose()


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def _remove(engine: Engine) -> bool:
    with engine.begin() as connection:
        return historystatements.remove(connection, DOMAIN)


async def test_a_look_at_a_domain_that_is_gone_is_void(history: HistoryStore) -> None:
    """Nothing of it is stored, and nobody is told."""
    before = await watch(history)
    assert await history.remove(DOMAIN)
    assert not await history.record(look(before, NOW, span(), notice=notice()))
    await history.put_off(before, until=NOW)
    assert await history.load_open(DOMAIN) == ()
    assert await history.load_observations(DOMAIN, limit=9) == ()
    assert await history.count_waiting() == 0


async def test_old_things_are_pruned_and_open_ones_kept(history: HistoryStore) -> None:
    """What is still there, or still on its way, is never too old."""
    before = await watch(history)
    await history.record(look(before, NOW, span(), notice=notice()))
    assert await history.prune(NOW + 400 * DAY) == 1
    assert await history.load_observations(DOMAIN, limit=9) == ()
    assert await history.load_open(DOMAIN) == (span(),)
    assert await history.count_waiting() == 2


async def test_findings_that_are_over_are_pruned_when_that_is_long_ago(
    history: HistoryStore,
) -> None:
    """Counted from their end, however long ago they began."""
    known = await watch(history)
    for hours in (1, 3):
        over = replace(span(), first_seen=NOW + hours * HOUR, resolved_at=NOW + (hours + 1) * HOUR)
        assert await history.record(look(known, NOW + hours * HOUR, over))
        again = await history.load(DOMAIN)
        assert again is not None
        known = again
    ends = [one.resolved_at for one in await history.load_resolved(DOMAIN, limit=9)]
    assert ends == [NOW + 4 * HOUR, NOW + 2 * HOUR]

    assert await history.prune(NOW + 3 * HOUR) == 2  # the first finding, and the look at it
    (left,) = await history.load_resolved(DOMAIN, limit=9)
    assert left.resolved_at == NOW + 4 * HOUR


async def test_what_is_dropped_is_really_gone(url: str, count_rows: Callable[[str], int]) -> None:
    """Evidence of a look that changed nothing leaves the database with the next one."""
    async with await open_store(url) as store:
        known = await watch(store.history)
        for number in range(3):
            await store.history.record(look(known, NOW + number * HOUR))
            again = await store.history.load(DOMAIN)
            assert again is not None
            known = again
    assert count_rows("SELECT count(*) FROM watch_observations") == 3
    assert count_rows("SELECT count(evidence) FROM watch_observations") == 1


async def test_rows_that_cannot_be_read_are_passed_over(
    url: str, run_sql: Callable[[str], None]
) -> None:
    """A damaged finding is found anew; damaged figures are none."""
    async with await open_store(url) as store:
        before = await watch(store.history)
        await store.history.record(look(before, NOW, span()))
    broken = "x'7b'" if url.startswith("sqlite") else "'{'"
    run_sql(f"UPDATE watch_findings SET finding = {broken}")
    run_sql(f"UPDATE watched_domains SET figures = {broken}")
    async with await open_store(url) as store:
        assert await store.history.load_open(DOMAIN) == ()
        known = await store.history.load(DOMAIN)
        assert known is not None
        assert known.figures is None
