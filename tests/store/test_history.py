"""Watched domains in both engines and in the fake: looks are stored whole, claims are kept."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from mailseal.checks.changes import Span
from mailseal.checks.finding import Finding, Severity
from mailseal.names import Domain
from mailseal.ports.historystore import HistoryStore
from mailseal.ports.storeerrors import StoreFullError
from mailseal.store import historystatements, open_store
from mailseal.testing import MemoryHistory
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.records import (
    Figures,
    Look,
    Observation,
    Postponed,
    Settled,
    Watched,
)
from tests.store.conftest import ENGINES
from tests.store.samples import DAY, HOUR, NOW

DOMAIN, OTHER = Domain("example.com"), Domain("example.net")
FINDING = Finding(
    code="certificate-expired", severity=Severity.ERROR, subject="mx1.example.com", seen="It is."
)
FIGURES = Figures(
    verdict="enforcing-and-losing-mail",
    sentence="Mail is lost.",
    errors=1,
    certificate_end=NOW + DAY,
)


@pytest.fixture(params=["memory", *ENGINES])
def place(request: pytest.FixtureRequest, sqlite_path: Path) -> str:
    """Return the URL of an empty database of each engine; "" for the fake."""
    match request.param:
        case "memory":
            return ""
        case "sqlite":
            sqlite_path.parent.mkdir(mode=0o700)
            shutil.copy(request.getfixturevalue("sqlite_tables"), sqlite_path)
            return f"sqlite:///{sqlite_path}"
        case _:
            return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def history(place: str) -> AsyncIterator[HistoryStore]:
    """Give a history: the fake, and an empty one in each engine."""
    if not place:
        yield MemoryHistory()
        return
    async with await open_store(place) as store:
        yield store.history


def look(before: Watched, at: datetime, *spans: Span, notice: Notice | None = None) -> Look:
    """Return a look that found these."""
    return Look(
        before=before,
        observation=Observation(
            at=at, verdict=FIGURES.verdict, sentence=FIGURES.sentence, evidence=b"evidence"
        ),
        is_success=True,
        next_look_at=at + 6 * HOUR,
        figures=FIGURES,
        memory=b"{}",
        spans=spans,
        notice=notice,
        channels=(Channel.MAIL, Channel.WEBHOOK),
    )


def notice(at: datetime = NOW) -> Notice:
    """Return news."""
    return Notice(
        domain=DOMAIN, at=at, verdict=FIGURES.verdict, sentence="Mail is lost.", added=(FINDING,)
    )


def span(first_seen: datetime = NOW) -> Span:
    """Return an open finding."""
    return Span(finding=FINDING, first_seen=first_seen, last_seen=first_seen)


async def watch(history: HistoryStore, domain: Domain = DOMAIN) -> Watched:
    """Watch a domain and claim it."""
    await history.add(domain, now=NOW, at_most=10)
    claimed = await history.claim(domain, NOW, until=NOW + HOUR)
    assert claimed is not None
    return claimed


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


async def test_messages_that_have_failed_are_claimed_apart(history: HistoryStore) -> None:
    """What goes out together must not be held up by what was refused."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    for channel, is_retry in ((Channel.MAIL, True), (Channel.WEBHOOK, False)):
        (message,) = await history.claim_messages(
            (channel,), NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
        )
        if is_retry:
            await history.settle(message, Postponed(until=NOW + HOUR, failure="too large"))
        due = [
            await history.claim_messages(
                (channel,),
                NOW + HOUR,
                until=NOW + 2 * HOUR,
                longest=DAY,
                limit=9,
                is_retry=one,
            )
            for one in (True, False)
        ]
        assert [len(one) for one in due] == ([1, 0] if is_retry else [0, 1])


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


async def test_messages_are_claimed_and_settled(history: HistoryStore) -> None:
    """Each channel has its own; what failed is tried again later, what is settled is not."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    both = (Channel.MAIL, Channel.WEBHOOK)
    assert await history.count_waiting() == 2

    (mail,) = await history.claim_messages(
        (Channel.MAIL,), NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
    )
    assert mail.notice == notice()
    assert mail.attempts == 0
    (webhook,) = await history.claim_messages(
        both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
    )
    assert webhook.channel is Channel.WEBHOOK
    await history.settle(mail, Settled(at=NOW))
    await history.settle(webhook, Postponed(until=NOW + HOUR, failure="timeout"))

    assert (
        await history.claim_messages(
            both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=True
        )
        == ()
    )
    later = NOW + HOUR
    (again,) = await history.claim_messages(
        both, later, until=later + HOUR, longest=DAY, limit=9, is_retry=True
    )
    assert (again.id, again.attempts) == (webhook.id, 1)
    await history.settle(again, Settled(at=later, failure="given up"))
    assert await history.count_waiting() == 0


async def test_a_claimed_message_comes_back_when_its_claim_is_over(history: HistoryStore) -> None:
    """A node that died on the way to it loses nothing."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    both = (Channel.MAIL, Channel.WEBHOOK)
    assert (
        len(
            await history.claim_messages(
                both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
            )
        )
        == 2
    )
    assert (
        await history.claim_messages(
            both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
        )
        == ()
    )
    later = NOW + HOUR
    assert (
        len(
            await history.claim_messages(
                both, later, until=later + HOUR, longest=DAY, limit=9, is_retry=False
            )
        )
        == 2
    )


async def test_old_messages_are_given_up_whoever_was_to_send_them(history: HistoryStore) -> None:
    """Those that are settled already keep what came of them."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    (mail,) = await history.claim_messages(
        (Channel.MAIL,), NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
    )
    await history.settle(mail, Settled(at=NOW))
    assert await history.give_up(NOW, Settled(at=NOW + DAY, failure="too old")) == 0
    assert await history.give_up(NOW + HOUR, Settled(at=NOW + DAY, failure="too old")) == 1
    assert await history.count_waiting() == 0
    assert await history.prune(NOW + HOUR) == 2  # the mail, and the look
    assert await history.prune(NOW + 2 * DAY) == 1


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
