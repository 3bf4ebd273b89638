"""What a cached policy is good for at an instant, and what a look-up leads to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailseal.mtasts.freshness import (
    CachedPolicy,
    FetchFailure,
    Intervals,
    Step,
    adopt,
    checked,
    judge,
    next_failure,
    not_from_the_future,
    postponed,
    retry_at,
    wants_fetch,
)
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.results import ResultType

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
INTERVALS = Intervals()
SECOND = timedelta(seconds=1)


def policy(mode: Mode = Mode.ENFORCE, max_age: timedelta = timedelta(days=7)) -> Policy:
    """Return a policy for one host."""
    return Policy(mode=mode, max_age=max_age, mx=(MxPattern.parse("mx.example.com"),))


def fetched(
    mode: Mode = Mode.ENFORCE,
    max_age: timedelta = timedelta(days=7),
    *,
    at: datetime = NOW,
    record_id: str = "1",
    previous: CachedPolicy | None = None,
    jitter: float = 0.0,
) -> CachedPolicy:
    """Return the entry that a fetch leaves."""
    return adopt(
        Domain("example.com"),
        policy(mode, max_age),
        b"body",
        record_id=record_id,
        id_ttl=timedelta(minutes=5),
        now=at,
        previous=previous,
        intervals=INTERVALS,
        jitter=jitter,
    )


@pytest.mark.parametrize(
    ("mode", "age", "step"),
    [
        (Mode.ENFORCE, timedelta(0), Step.USE),
        (Mode.ENFORCE, timedelta(minutes=5) - SECOND, Step.USE),
        (Mode.ENFORCE, timedelta(minutes=5), Step.USE_AND_REVALIDATE),  # the record's TTL is over
        (Mode.ENFORCE, timedelta(hours=1) - SECOND, Step.USE_AND_REVALIDATE),
        (Mode.ENFORCE, timedelta(hours=1), Step.CHECK_ID),  # or the last attempt could be lost
        (Mode.ENFORCE, timedelta(days=7) - SECOND, Step.CHECK_ID),
        (Mode.ENFORCE, timedelta(days=7), Step.FETCH),  # expired at the very second
        (Mode.TESTING, timedelta(hours=1), Step.USE_AND_REVALIDATE),  # holds no mail back
        (Mode.NONE, timedelta(days=6), Step.USE_AND_REVALIDATE),
        (Mode.NONE, timedelta(days=7), Step.FETCH),
    ],
)
def test_the_age_of_the_id_check_says_what_comes_before_the_answer(
    mode: Mode, age: timedelta, step: Step
) -> None:
    """A young check is used, an old one is repeated behind or, for enforce, before the answer."""
    assert judge(fetched(mode), NOW + age, INTERVALS).step is step


@pytest.mark.parametrize(
    ("ttl", "fresh_for"),
    [
        (timedelta(0), timedelta(seconds=60)),  # a TTL of 0 must not cost a look-up per mail
        (timedelta(minutes=10), timedelta(minutes=10)),
        (timedelta(days=2), timedelta(hours=1)),  # a long one must not hide a change for days
    ],
)
def test_the_records_ttl_counts_within_bounds(ttl: timedelta, fresh_for: timedelta) -> None:
    """What the record's TTL says is kept between a minute and an hour."""
    entry = checked(fetched(Mode.TESTING), id_ttl=ttl, now=NOW)

    assert judge(entry, NOW, INTERVALS).fresh_for == fresh_for


def test_nothing_known_has_to_be_fetched() -> None:
    """A domain never heard of is not usable for a second."""
    standing = judge(None, NOW, INTERVALS)

    assert (standing.step, standing.usable_for) == (Step.FETCH, timedelta(0))


def test_an_answer_never_outlives_the_policy() -> None:
    """Whatever the intervals say, at expiry it is over (RFC 8461 §3.2)."""
    entry = fetched(max_age=timedelta(minutes=3))

    standing = judge(entry, NOW + timedelta(minutes=1), INTERVALS)

    assert standing.fresh_for == standing.usable_for == timedelta(minutes=2)


def test_a_policy_of_max_age_zero_is_over_at_once() -> None:
    """It serves the delivery it was fetched for and is discovered anew for the next."""
    entry = fetched(max_age=timedelta(0))

    assert judge(entry, NOW, INTERVALS).step is Step.FETCH


def test_an_unreachable_dns_is_waited_for_once_per_back_off_window() -> None:
    """After a failed check the policy is used from memory, asked for behind, then waited for."""
    entry = fetched()
    failed_at = NOW + timedelta(hours=3)

    def step(after: timedelta) -> Step:
        return judge(entry, failed_at + after, INTERVALS, id_failed_at=failed_at).step

    assert step(timedelta(0)) is Step.USE
    assert step(INTERVALS.id_retry) is Step.USE_AND_REVALIDATE
    assert step(INTERVALS.id_backoff) is Step.CHECK_ID


def test_a_check_that_succeeded_since_makes_an_old_failure_count_no_more() -> None:
    """Only a failure younger than the last answer of DNS says anything."""
    entry = checked(fetched(), id_ttl=timedelta(minutes=5), now=NOW + timedelta(hours=2))

    standing = judge(
        entry, NOW + timedelta(hours=2), INTERVALS, id_failed_at=NOW + timedelta(hours=1)
    )

    assert standing.fresh_for == timedelta(minutes=5)


def failure(record_id: str = "1", count: int = 1) -> FetchFailure:
    """Return a failure at NOW."""
    return FetchFailure(
        id=record_id,
        at=NOW,
        count=count,
        result=ResultType.STS_POLICY_FETCH_ERROR,
        reason="connection-refused",
    )


@pytest.mark.parametrize(
    ("record_id", "last", "after", "wanted"),
    [
        ("1", None, timedelta(0), False),  # same id, nothing due (RFC 8461 §3)
        ("1", None, timedelta(hours=24), True),  # due though the id stays (RFC 8461 §10.2)
        ("2", None, timedelta(0), True),
        ("0", None, timedelta(0), True),  # ids have no order
        ("A", None, timedelta(0), True),
        ("2", failure("2"), timedelta(minutes=5) - SECOND, False),  # §3.3: five minutes
        ("2", failure("2"), timedelta(minutes=5), True),
        ("3", failure("2"), timedelta(0), True),  # but a new id is tried at once
    ],
)
def test_a_record_calls_for_a_fetch(
    record_id: str, last: FetchFailure | None, after: timedelta, wanted: bool
) -> None:
    """A new id, or a fetch that is due, unless the same id failed a moment ago."""
    assert wants_fetch(fetched(), last, record_id, NOW + after, INTERVALS) is wanted


def test_an_expired_policy_of_the_same_id_is_fetched_again() -> None:
    """An id that stays the same never extends a policy; only a fetch does."""
    assert wants_fetch(fetched(), None, "1", NOW + timedelta(days=7), INTERVALS)


@pytest.mark.parametrize(
    ("count", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (10_000, 60)]
)
def test_back_off_doubles_up_to_an_hour(count: int, minutes: int) -> None:
    """A dead policy host is asked ever more rarely, but at least once an hour."""
    assert retry_at(failure(count=count), INTERVALS) == NOW + timedelta(minutes=minutes)


def test_failures_are_counted_per_id() -> None:
    """A new id starts its own count."""
    second = next_failure(
        failure(count=4),
        record_id="1",
        at=NOW,
        result=ResultType.STS_WEBPKI_INVALID,
        reason="expired",
    )
    other = next_failure(
        failure(count=4), record_id="2", at=NOW, result=ResultType.STS_POLICY_INVALID, reason=""
    )

    assert (second.count, other.count) == (5, 1)


def test_a_failed_fetch_leaves_the_policy_in_force() -> None:
    """What was fetched rules until it expires (RFC 8461 §3.3); only the next try moves."""
    entry = fetched()

    later = postponed(entry, failure(), INTERVALS)

    assert later.is_in_force(NOW + timedelta(days=7) - SECOND)
    assert later.expires_at == entry.expires_at
    assert later.failure == failure()


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
@pytest.mark.parametrize(
    ("max_age", "latest"),
    [
        (timedelta(days=30), timedelta(hours=24)),
        (timedelta(hours=10), timedelta(hours=5)),  # half of max_age where that is sooner
        (timedelta(0), timedelta(minutes=5)),  # never more often than failed fetches
    ],
)
def test_a_refetch_comes_within_a_day_and_jitter_only_brings_it_forward(
    max_age: timedelta, latest: timedelta, jitter: float
) -> None:
    """The next fetch is due at three quarters of the interval at the earliest."""
    due_in = fetched(max_age=max_age, jitter=jitter).refetch_at - NOW

    assert latest * 0.75 <= due_in <= latest


def test_a_new_id_with_the_old_body_is_looked_at_again_soon() -> None:
    """A publisher may have changed the record before the policy (RFC 8461 §8.1)."""
    entry = fetched(record_id="2", previous=fetched(record_id="1"))

    assert entry.id == "2"
    assert entry.refetch_at == NOW + timedelta(minutes=5)


def test_an_entry_from_the_future_cannot_last_for_ever() -> None:
    """A policy stored while the clock was a century ahead expires max_age from now."""
    entry = fetched(at=NOW + timedelta(days=36_500))

    mended = not_from_the_future(entry, NOW)

    assert mended.expires_at == NOW + timedelta(days=7)
    assert judge(mended, NOW, INTERVALS).step is Step.CHECK_ID
    assert wants_fetch(mended, None, "1", NOW, INTERVALS)
    assert not_from_the_future(mended, NOW) == mended


def test_a_failure_noted_in_the_future_makes_an_entry_due_at_once() -> None:
    """A restart with the right clock looks at id and policy, whatever was written before."""
    ahead = NOW + timedelta(days=100)
    entry = postponed(fetched(), replace(failure(), at=ahead), INTERVALS)
    entry = checked(entry, id_ttl=timedelta(minutes=5), now=ahead)

    mended = not_from_the_future(entry, NOW)

    assert mended.expires_at == entry.expires_at
    assert judge(mended, NOW, INTERVALS).step is Step.CHECK_ID
    assert mended.failure is None
    assert wants_fetch(mended, mended.failure, "1", NOW, INTERVALS)
