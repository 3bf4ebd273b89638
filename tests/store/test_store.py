"""What a store keeps and forgets, the same in SQLite and PostgreSQL."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailseal.dane.exchange import DaneSummary
from mailseal.mtasts.freshness import CachedPolicy, FetchFailure
from mailseal.mtasts.policy import parse_policy
from mailseal.names import Domain
from mailseal.ports.policystore import LastVerdict, PolicyStore
from mailseal.results import ResultType
from mailseal.store import Store, StoreFullError, StoreUnavailableError, open_store
from tests.store.samples import DAY, FAILURE, HOUR, NOW, body, cached

EXAMPLE = Domain("example.com")


def verdict(next_hop: str, *, age: timedelta = HOUR) -> LastVerdict:
    """Return a DANE verdict learnt a while ago."""
    return LastVerdict(next_hop=next_hop, state=DaneSummary.MIXED, learnt_at=NOW - age)


async def names(store: Store) -> list[str]:
    """Return what is stored, in the store's order."""
    return [str(policy.domain) for policy in await store.list()]


async def test_a_store_is_what_services_ask_for(store: Store) -> None:
    """The store fits the port, method by method; mypy checks this line."""
    port: PolicyStore = store
    assert await port.count() == 0


async def test_an_unknown_domain_has_no_policy(store: Store) -> None:
    """Nothing stored is None, not an error."""
    assert await store.load(EXAMPLE) is None
    assert await store.load_verdict("example.com") is None


@pytest.mark.parametrize("failure", [None, FAILURE])
async def test_a_saved_policy_comes_back_whole(store: Store, failure: FetchFailure | None) -> None:
    """Every date, the bytes as served and the last failure survive."""
    saved = cached("example.com", failure=failure)
    await store.save(saved)
    assert await store.load(EXAMPLE) == saved


async def test_a_policy_survives_a_restart(url: str) -> None:
    """Another process, later, finds what was saved (RFC 8461 §3.3)."""
    async with await open_store(url) as before:
        await before.save(cached("example.com", failure=FAILURE))
    async with await open_store(url) as after:
        assert await after.load(EXAMPLE) == cached("example.com", failure=FAILURE)
        assert await after.count() == 1


async def test_a_second_save_replaces_the_first(store: Store) -> None:
    """There is one policy for a domain, and a failure that is over is gone."""
    await store.save(cached("example.com", failure=FAILURE))
    await store.save(cached("example.com", mode="none", record_id="2"))
    assert await store.load(EXAMPLE) == cached("example.com", mode="none", record_id="2")
    assert await store.count() == 1


async def test_the_list_is_sorted_by_bytes_and_paged(store: Store) -> None:
    """Pages follow each other without gap or repetition, whatever the machine's language."""
    # A language's order puts "a-b" after "ab" and passes over dots and hyphens.
    wanted = ["a-b.example", "a.example", "ab.example", "b.example", "xn--a.example"]
    for name in reversed(wanted):
        await store.save(cached(name))
    assert await names(store) == wanted
    first = await store.list(limit=2)
    rest = await store.list(after=first[-1].domain, limit=10)
    assert [str(policy.domain) for policy in (*first, *rest)] == wanted


async def test_policies_are_due_in_the_order_of_their_dates(store: Store) -> None:
    """Whatever waits longest is fetched first; later ones and expired ones are left alone."""
    await store.save(cached("late.example", refetch_in=-3 * HOUR))
    await store.save(cached("now.example", refetch_in=timedelta(0)))
    await store.save(cached("later.example", refetch_in=timedelta(microseconds=1)))
    await store.save(cached("expired.example", refetch_in=-5 * HOUR, expires_in=timedelta(0)))
    first = await store.claim_due(NOW, until=NOW, limit=1)
    assert [str(policy.domain) for policy in first] == ["late.example"]
    due = await store.claim_due(NOW, until=NOW + HOUR, limit=10)
    assert [str(policy.domain) for policy in due] == ["late.example", "now.example"]


async def test_removing_a_domain_forgets_its_verdicts_too(store: Store) -> None:
    """A purge leaves nothing of a domain, and nothing of others is lost."""
    await store.save(cached("example.com"))
    for next_hop in ("example.com", "[example.com]:587", "example.com.example.net"):
        await store.save_verdict(verdict(next_hop))
    assert await store.remove(EXAMPLE) is True
    assert await store.remove(EXAMPLE) is False
    assert await store.load(EXAMPLE) is None
    assert await store.load_verdict("example.com") is None
    assert await store.load_verdict("[example.com]:587") is None
    kept = "example.com.example.net"
    assert await store.load_verdict(kept) == verdict(kept)


async def test_expired_policies_and_old_verdicts_are_removed_together(store: Store) -> None:
    """Only what ended before the instant goes."""
    await store.save(cached("gone.example", expires_in=-DAY))
    await store.save(cached("edge.example", expires_in=timedelta(0)))
    await store.save(cached("kept.example"))
    await store.save_verdict(verdict("old.example", age=2 * DAY))
    await store.save_verdict(verdict("new.example"))
    assert await store.remove_expired(NOW - HOUR) == 2
    assert await names(store) == ["edge.example", "kept.example"]
    assert await store.load_verdict("new.example") is not None


async def test_a_verdict_comes_back_and_is_replaced(store: Store) -> None:
    """There is one verdict for a next hop, the last."""
    await store.save_verdict(verdict("example.com", age=DAY))
    await store.save_verdict(verdict("example.com"))
    assert await store.load_verdict("example.com") == verdict("example.com")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", "'not a policy'"),  # no longer what was served
        ("body", "''"),  # cut off by a crash of the disk
        ("domain", "'a name with blanks'"),  # a name that nobody can have asked for
        ("fetched_at", "9000000000000000000"),  # beyond the calendar
    ],
)
async def test_a_corrupt_row_is_absent_and_counted(
    store: Store, run_sql: Callable[[str], None], column: str, value: str
) -> None:
    """A damaged row costs its own domain a fetch, and neither a crash nor the rows around it."""
    await store.save(cached("a.example", refetch_in=-DAY))
    await store.save(cached("b.example", refetch_in=-HOUR))
    # Both constants are of this file.
    run_sql(f"UPDATE sts_policies SET {column} = {value} WHERE domain = 'a.example'")
    assert await store.load(Domain("a.example")) is None
    assert [str(policy.domain) for policy in await store.list(limit=1)] == ["b.example"]
    due = await store.claim_due(NOW, until=NOW + HOUR, limit=1)
    assert [str(policy.domain) for policy in due] == ["b.example"]
    assert store.corrupt_rows >= 2
    await store.save(cached("a.example"))
    assert await store.load(Domain("a.example")) == cached("a.example")


async def test_corrupt_rows_take_no_place_on_a_page(
    store: Store, run_sql: Callable[[str], None]
) -> None:
    """However many stand in front: a page is full while there are good ones, and never fuller."""
    for name in "abcdefgh":
        await store.save(cached(f"{name}.example"))
    run_sql("UPDATE sts_policies SET body = 'x' WHERE domain < 'd' OR domain = 'f.example'")

    pages = {limit: await store.list(limit=limit) for limit in (1, 2, 3, 9)}

    good = ["d.example", "e.example", "g.example", "h.example"]
    for limit, page in pages.items():
        assert [str(policy.domain) for policy in page] == good[:limit]


@pytest.mark.parametrize(
    ("column", "value"), [("state", "'word-of-2030'"), ("learnt_at", "9000000000000000000")]
)
async def test_a_corrupt_verdict_is_none(
    store: Store, run_sql: Callable[[str], None], column: str, value: str
) -> None:
    """Nothing is concluded from what cannot be read; the next one takes its place."""
    await store.save_verdict(verdict("example.com"))
    run_sql(f"UPDATE dane_verdicts SET {column} = {value}")
    assert await store.load_verdict("example.com") is None
    assert store.corrupt_rows == 1
    await store.save_verdict(verdict("example.com"))
    assert await store.load_verdict("example.com") == verdict("example.com")


async def test_a_corrupt_purge_hides_no_other(store: Store, run_sql: Callable[[str], None]) -> None:
    """Those that can be read are learnt by every node."""
    for name in ("a.example", "b.example"):
        await store.remove(Domain(name), now=NOW)
    run_sql("UPDATE sts_purges SET domain = 'a name' WHERE domain = 'a.example'")
    assert await store.list_purged(NOW) == (Domain("b.example"),)


async def test_a_failure_word_of_a_newer_version_does_not_cost_the_policy(
    store: Store, run_sql: Callable[[str], None]
) -> None:
    """An unknown result type is dropped; the policy beside it stays in force."""
    await store.save(cached("example.com", failure=FAILURE))
    run_sql("UPDATE sts_policies SET failure_result = 'word-of-2030'")
    assert await store.load(EXAMPLE) == cached("example.com")


async def test_a_full_store_drops_expired_policies_first(url: str) -> None:
    """What is of no use makes room before anything that still is."""
    async with await open_store(url, max_policies=3) as store:
        await store.save(cached("none.example", mode="none", expires_in=HOUR))
        await store.save(cached("expired.example", expires_in=-HOUR))
        await store.save(cached("enforce.example"))
        await store.save(cached("new.example"))
        assert await names(store) == ["enforce.example", "new.example", "none.example"]


async def test_a_full_store_then_drops_the_harmless_one_that_expires_first(url: str) -> None:
    """Modes none and testing cost nothing but a fetch when they are forgotten."""
    async with await open_store(url, max_policies=3) as store:
        await store.save(cached("later.example", mode="none", expires_in=2 * HOUR))
        await store.save(cached("sooner.example", mode="testing", expires_in=HOUR))
        await store.save(cached("enforce.example", expires_in=HOUR / 2))
        await store.save(cached("new.example"))
        assert await names(store) == ["enforce.example", "later.example", "new.example"]


async def test_a_full_store_never_drops_an_enforce_policy_in_force(url: str) -> None:
    """A new domain is refused, a known one can still be replaced, also beside the refused one."""
    async with await open_store(url, max_policies=2) as store:
        await store.save(cached("a.example"))
        await store.save(cached("b.example", expires_in=timedelta(microseconds=1)))
        refused, replaced = await asyncio.gather(
            store.save(cached("new.example")),
            store.save(cached("a.example", record_id="2")),
            return_exceptions=True,
        )
        assert isinstance(refused, StoreFullError)
        assert replaced is True
        assert await names(store) == ["a.example", "b.example"]
        assert await store.load(Domain("a.example")) == cached("a.example", record_id="2")
        await store.remove(Domain("b.example"))
        await store.save(cached("new.example"))
        assert await names(store) == ["a.example", "new.example"]


async def test_a_policy_saved_again_and_again_takes_one_place(url: str) -> None:
    """Refreshing what is stored never drops what is stored, however often it happens."""
    async with await open_store(url, max_policies=3) as store:
        await store.save(cached("none.example", mode="none"))
        for number in range(9):
            await store.save(cached("often.example", record_id=str(number)))
        await store.save(cached("third.example"))
        assert await names(store) == ["none.example", "often.example", "third.example"]


async def test_a_store_that_is_full_of_verdicts_drops_the_oldest(url: str) -> None:
    """Verdicts are bounded as policies are."""
    async with await open_store(url, max_policies=2) as store:
        for days in (3, 2, 1):
            await store.save_verdict(verdict(f"d{days}.example", age=days * DAY))
        assert await store.load_verdict("d3.example") is None
        assert await store.load_verdict("d1.example") is not None


async def test_a_closed_store_says_so(url: str) -> None:
    """Closing twice is harmless; asking afterwards is an error of ours."""
    store = await open_store(url)
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await store.load(EXAMPLE)


async def test_closing_finishes_what_waits(url: str) -> None:
    """Writes under way when the service stops are committed."""
    store = await open_store(url)
    saves = [asyncio.create_task(store.save(cached(f"d{n}.example"))) for n in range(50)]
    await asyncio.sleep(0)  # each has been posted
    await store.aclose()
    await asyncio.gather(*saves)
    async with await open_store(url) as again:
        assert await again.count() == 50


def test_importing_the_store_does_not_import_sqlalchemy(tmp_path: Path) -> None:
    """Commands that store nothing do not pay for it."""
    import subprocess

    check = "import sys, mailseal.store; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=tmp_path)


INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 -- hypothesis adds the time zone
    timezones=st.just(UTC),
)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
LABEL = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
POLICIES = st.builds(
    CachedPolicy,
    domain=st.builds(lambda one, two: Domain.parse(f"{one}.{two}.example"), LABEL, LABEL),
    id=st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True),
    policy=st.just(parse_policy(body("testing"))),
    body=st.just(body("testing")),
    fetched_at=INSTANTS,
    expires_at=INSTANTS,
    id_checked_at=INSTANTS,
    id_ttl=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=24855)),
    refetch_at=INSTANTS,
    failure=st.none()
    | st.builds(
        FetchFailure,
        id=st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True),
        at=INSTANTS,
        count=st.integers(1, 2**31 - 1),
        result=st.sampled_from(ResultType),
        reason=PRINTABLE,
    ),
)


def test_whatever_is_saved_comes_back_equal(url: str) -> None:
    """Save and load are the identity, to the microsecond, for every policy there can be."""

    async def round_trip(policies: list[CachedPolicy]) -> None:
        for known in await store.list():  # of another example, perhaps fetched later
            await store.remove(known.domain)
        await asyncio.gather(*(store.save(policy) for policy in policies))
        for policy in policies:
            assert await store.load(policy.domain) == policy

    @settings(max_examples=40)
    @given(policies=st.lists(POLICIES, max_size=5, unique_by=lambda policy: policy.domain))
    def check(policies: list[CachedPolicy]) -> None:
        runner.run(round_trip(policies))

    with asyncio.Runner() as runner:
        store = runner.run(open_store(url))
        try:
            check()
        finally:
            runner.run(store.aclose())
