"""The count of stored policies: by mode, by trouble, by how near their end is."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mailseal.mtasts.freshness import CachedPolicy, FetchFailure
from mailseal.mtasts.policy import parse_policy
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.results import ResultType
from mailseal.services import census
from mailseal.services.census import Census, age_of
from mailseal.testing import ManualClock, MemoryStore

DAY = timedelta(days=1)


def cached(domain: str, fetched_at: datetime, *, mode: str = "enforce") -> CachedPolicy:
    """Make a policy of ten days that is fetched daily."""
    body = f"version: STSv1\nmode: {mode}\nmx: mx.example.com\nmax_age: 864000\n".encode()
    return CachedPolicy(
        domain=Domain(domain),
        id="1",
        policy=parse_policy(body),
        body=body,
        fetched_at=fetched_at,
        expires_at=fetched_at + 10 * DAY,
        id_checked_at=fetched_at,
        id_ttl=timedelta(hours=1),
        refetch_at=fetched_at + DAY,
    )


def failing(policy: CachedPolicy) -> CachedPolicy:
    """Let its last fetch have failed."""
    failure = FetchFailure(
        id="1",
        at=policy.fetched_at + DAY,
        count=1,
        result=ResultType.STS_POLICY_FETCH_ERROR,
        reason="connection-refused",
    )
    return replace(policy, failure=failure)


async def test_policies_are_counted_by_mode_age_and_end() -> None:
    """Only what is in force counts; only what fails can be in trouble."""
    clock, store = ManualClock(), MemoryStore()
    now = clock.now()
    for policy in (
        cached("good.example", now - 9 * DAY),              # late, but nothing failed
        cached("testing.example", now, mode="testing"),
        failing(cached("young.example", now - DAY)),
        failing(cached("week.example", now - 7 * DAY)),
        failing(cached("ending.example", now - 9 * DAY)),
        failing(cached("leaving.example", now - 9 * DAY, mode="none")),  # on its way out
        failing(cached("over.example", now - 11 * DAY)),
    ):  # fmt: skip
        await store.save(policy)

    figures = await Census(store, clock).count()

    assert figures.modes == {"enforce": 4, "testing": 1, "none": 1}
    assert figures.failing == {"under-2d": 1, "2d-to-4d": 0, "4d-to-8d": 1, "over-8d": 2}
    assert figures.near_end == {"enforce": 1, "testing": 0}
    assert figures.expired == 1
    assert figures.counted_at == now


async def test_a_large_store_is_counted_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every policy once, whether the last page is full or not."""
    monkeypatch.setattr(census, "PAGE", 3)
    clock, store = ManualClock(), MemoryStore()
    for number in range(6):
        await store.save(cached(f"d{number}.example", clock.now()))
        figures = await Census(store, clock).count()

        assert figures.modes["enforce"] == number + 1


async def test_a_store_that_fails_leaves_the_last_count() -> None:
    """An old figure with its date says more than none."""
    clock, store = ManualClock(), MemoryStore()
    counting = Census(store, clock)
    assert counting.latest is None
    first = await counting.count()

    store.error = StoreError("away")
    with pytest.raises(StoreError):
        await counting.count()

    assert counting.latest is first


@pytest.mark.parametrize(("age", "word"), [
    (timedelta(0), "under-2d"),
    (timedelta(days=2), "2d-to-4d"),
    (timedelta(days=7, hours=23), "4d-to-8d"),
    (timedelta(days=8), "over-8d"),
])  # fmt: skip
def test_ages_have_bounds_that_belong_to_the_older_class(age: timedelta, word: str) -> None:
    """The classes leave no gap."""
    assert age_of(age) == word
