"""What a cached policy is still good for, and what to ask next (RFC 8461 §3.3, §5.1, §10.2).

An attacker who controls DNS can hide or change the record but never the policy, so a policy
once fetched rules until it expires, and only another fetch moves that date. The owner of a
domain, on the other hand, may change a policy at any time and announces it by a new id: whoever
is about to hold mail back has to have looked at the id lately.
"""

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.results import ResultType

CLOCK_SKEW = timedelta(minutes=1)  # ours: machines with NTP differ by milliseconds
_ZERO = timedelta(0)
_EARLIEST_REFETCH_SHARE = 0.75  # jitter only ever brings a refetch forward, by a quarter at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often what is asked again; the defaults are explained in docs/explain/freshness.md."""

    id_check_max_age: timedelta = timedelta(hours=1)
    id_ttl_min: timedelta = timedelta(seconds=60)
    id_ttl_max: timedelta = timedelta(hours=1)
    id_retry: timedelta = timedelta(seconds=15)
    id_backoff: timedelta = timedelta(minutes=5)
    refetch: timedelta = timedelta(hours=24)
    fetch_backoff_min: timedelta = timedelta(minutes=5)
    fetch_backoff_max: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailure:
    """The last fetch that brought nothing: for which id, when, the how-manieth in a row."""

    id: str
    at: datetime
    count: int
    result: ResultType
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPolicy:
    """A policy with every date that decides about it; what the store keeps.

    ``id`` is the record's id at the last successful fetch; ``body`` the bytes as served.
    Only a fetch sets ``fetched_at`` and ``expires_at``: an id that stays the same is no proof,
    since DNS is not authenticated. ``id_checked_at`` is when DNS last answered for the record,
    whatever it said, and ``id_ttl`` how long that answer may be trusted to stand.
    ``refetch_at`` is when the next fetch is due though nothing seems to have changed.
    """

    domain: Domain
    id: str
    policy: Policy
    body: bytes
    fetched_at: datetime
    expires_at: datetime
    id_checked_at: datetime
    id_ttl: timedelta
    refetch_at: datetime
    failure: FetchFailure | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether the policy still rules; at ``expires_at`` itself it no longer does."""
        return now < self.expires_at


class Step(enum.Enum):
    """What to do before, or behind, the answer."""

    USE = "use"
    USE_AND_REVALIDATE = "use and revalidate behind the answer"
    CHECK_ID = "check the id first"
    FETCH = "discover and fetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a cached policy stands: the next step, and how long answers made of it may live.

    For ``fresh_for`` nothing need be asked; for ``usable_for`` an answer may be given at once
    while it is being asked. Neither is negative.
    """

    step: Step
    fresh_for: timedelta
    usable_for: timedelta


def judge(
    cached: CachedPolicy | None,
    now: datetime,
    intervals: Intervals,
    *,
    id_failed_at: datetime | None = None,
) -> Standing:
    """Say what a cached policy is good for at ``now``.

    ``id_failed_at`` is when the record was last asked for in vain, so that an unreachable DNS
    is waited for once per back-off window and no more often.
    """
    if cached is None or not cached.is_in_force(now):
        return Standing(step=Step.FETCH, fresh_for=_ZERO, usable_for=_ZERO)
    ttl = max(intervals.id_ttl_min, min(cached.id_ttl, intervals.id_ttl_max))
    fresh_until = cached.id_checked_at + ttl
    usable_until = cached.expires_at
    if cached.policy.mode is Mode.ENFORCE:
        usable_until = cached.id_checked_at + intervals.id_check_max_age
    if id_failed_at is not None and id_failed_at > cached.id_checked_at:
        fresh_until = id_failed_at + intervals.id_retry
        usable_until = max(usable_until, id_failed_at + intervals.id_backoff)
    usable_for = max(_ZERO, min(usable_until, cached.expires_at) - now)
    fresh_for = max(_ZERO, min(fresh_until - now, usable_for))
    if not usable_for:
        return Standing(step=Step.CHECK_ID, fresh_for=_ZERO, usable_for=_ZERO)
    step = Step.USE if fresh_for else Step.USE_AND_REVALIDATE
    return Standing(step=step, fresh_for=fresh_for, usable_for=usable_for)


def wants_fetch(
    cached: CachedPolicy | None,
    failure: FetchFailure | None,
    record_id: str,
    now: datetime,
    intervals: Intervals,
) -> bool:
    """Tell whether a valid record with this id calls for a fetch now (RFC 8461 §3.3).

    A failed fetch is repeated after five minutes at the earliest, but that counts per id: a new
    one is tried at once, so that a broken or planted policy can be healed (§10.3).
    """
    if failure is not None and failure.id == record_id and now < retry_at(failure, intervals):
        return False
    if cached is None or not cached.is_in_force(now):
        return True
    # spec: 8461 §3.1 does not say how ids are compared; its grammar has both cases, so that "a" and
    # "A" are two.
    return cached.id != record_id or now >= cached.refetch_at


def retry_at(failure: FetchFailure, intervals: Intervals) -> datetime:
    """Say when the same id may be fetched again: twice as late each time, up to a bound."""
    doublings = min(failure.count - 1, 16)
    delay = min(intervals.fetch_backoff_min * (1 << doublings), intervals.fetch_backoff_max)
    return failure.at + delay


def next_failure(
    previous: FetchFailure | None, *, record_id: str, at: datetime, result: ResultType, reason: str
) -> FetchFailure:
    """Count a failed fetch; another id starts a count of its own."""
    in_a_row = previous.count if previous is not None and previous.id == record_id else 0
    return FetchFailure(id=record_id, at=at, count=in_a_row + 1, result=result, reason=reason)


def adopt(
    domain: Domain,
    policy: Policy,
    body: bytes,
    *,
    record_id: str,
    id_ttl: timedelta,
    now: datetime,
    previous: CachedPolicy | None,
    intervals: Intervals,
    jitter: float,
) -> CachedPolicy:
    """Make the entry that a successful fetch leaves, policy and id together.

    ``jitter`` in [0, 1) spreads the next fetch, only ever towards an earlier one. A new id with
    the old body may be a publisher caught between the two edits (§8.1): that one is fetched
    again after five minutes.
    """
    interval = max(min(intervals.refetch, policy.max_age / 2), intervals.fetch_backoff_min)
    delay = interval * (1 - (1 - _EARLIEST_REFETCH_SHARE) * jitter)
    if previous is not None and previous.id != record_id and previous.body == body:
        delay = min(delay, intervals.fetch_backoff_min)
    return CachedPolicy(
        domain=domain,
        id=record_id,
        policy=policy,
        body=body,
        fetched_at=now,
        expires_at=now + policy.max_age,
        id_checked_at=now,
        id_ttl=id_ttl,
        refetch_at=now + delay,
    )


def postponed(cached: CachedPolicy, failure: FetchFailure, intervals: Intervals) -> CachedPolicy:
    """Note a failed fetch beside a policy, which stays in force (RFC 8461 §3.3)."""
    again = retry_at(failure, intervals)
    return replace(cached, failure=failure, refetch_at=max(again, cached.refetch_at))


def checked(cached: CachedPolicy, *, id_ttl: timedelta, now: datetime) -> CachedPolicy:
    """Note that DNS has answered for the record and gave no reason to fetch."""
    # spec: 8461 §3.2 leaves open whether an id that stays the same renews the policy. DNS is not
    # authenticated, so that it does not: ``expires_at`` stays.
    return replace(cached, id_checked_at=now, id_ttl=id_ttl)


def newer_of(known: CachedPolicy | None, stored: CachedPolicy) -> CachedPolicy:
    """Choose between what memory knows and what the store holds: the later fetch, then attempt.

    An id check counts for either where the id is the same: DNS was asked once for both.
    """
    if known is None:
        return stored
    if _latest_attempt(known) >= _latest_attempt(stored):
        return known
    if known.id == stored.id and known.id_checked_at > stored.id_checked_at:
        return replace(stored, id_checked_at=known.id_checked_at, id_ttl=known.id_ttl)
    return stored


def _latest_attempt(cached: CachedPolicy) -> tuple[datetime, datetime]:
    return cached.fetched_at, cached.failure.at if cached.failure else cached.fetched_at


def not_from_the_future(cached: CachedPolicy, now: datetime) -> CachedPolicy:
    """Mend the dates of an entry that a wrong clock wrote, so that it cannot last for ever.

    It stays in force for ``max_age`` from now at most, and is asked about and fetched at once.
    """
    failure = cached.failure
    written = max(cached.fetched_at, cached.id_checked_at, failure.at if failure else now)
    if written <= now + CLOCK_SKEW:  # another node's, whose clock is a little ahead
        return cached
    return replace(
        cached,
        fetched_at=min(cached.fetched_at, now),
        expires_at=min(cached.expires_at, now + cached.policy.max_age),
        id_checked_at=min(cached.id_checked_at, now - timedelta(days=1)),
        refetch_at=now,
        failure=None,
    )
