"""A policy and a verdict as rows and back, to the microsecond."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

import mailseal
from mailseal.dane.exchange import DaneSummary
from mailseal.mtasts.freshness import CachedPolicy, FetchFailure
from mailseal.mtasts.policy import PolicySyntaxError, parse_policy
from mailseal.names import Domain, NameSyntaxError, NextHop, parse_next_hop
from mailseal.ports.policystore import LastVerdict
from mailseal.results import ResultType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class CorruptRowError(mailseal.Error):
    """A row that cannot be what was written; it is passed over, and fetched anew."""


def from_instant(instant: datetime) -> int:
    """Count the microseconds from 1970; exact, unlike ``timestamp()``."""
    return (instant - EPOCH) // MICROSECOND


def to_instant(microseconds: int) -> datetime:
    """Return the instant, aware, in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def from_policy(cached: CachedPolicy) -> dict[str, Any]:
    """Return a policy's columns."""
    failure = cached.failure
    return {
        "domain": str(cached.domain),
        "record_id": cached.id,
        "mode": cached.policy.mode.value,
        "body": cached.body,
        "fetched_at": from_instant(cached.fetched_at),
        "expires_at": from_instant(cached.expires_at),
        "id_checked_at": from_instant(cached.id_checked_at),
        "id_ttl": cached.id_ttl // MICROSECOND,
        "refetch_at": from_instant(cached.refetch_at),
        "failure_id": failure.id if failure else None,
        "failure_at": from_instant(failure.at) if failure else None,
        "failure_count": failure.count if failure else None,
        "failure_result": failure.result.value if failure else None,
        "failure_reason": failure.reason if failure else None,
    }


def to_domain(row: Row[Any]) -> Domain:
    """Read a name; raises ``CorruptRowError``."""
    try:
        return Domain.parse(row.domain)
    except (NameSyntaxError, TypeError, AttributeError) as error:
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error


def to_policy(row: Row[Any]) -> CachedPolicy:
    """Read a policy's columns; raises ``CorruptRowError`` when body, name or dates are no good."""
    try:
        return CachedPolicy(
            domain=Domain.parse(row.domain),
            id=row.record_id,
            policy=parse_policy(row.body),
            body=row.body,
            fetched_at=to_instant(row.fetched_at),
            expires_at=to_instant(row.expires_at),
            id_checked_at=to_instant(row.id_checked_at),
            id_ttl=timedelta(microseconds=row.id_ttl),
            refetch_at=to_instant(row.refetch_at),
            failure=_to_failure(row),
        )
    except (PolicySyntaxError, NameSyntaxError, OverflowError, TypeError, AttributeError) as error:
        # SQLite keeps whatever type a hand has written into a column.
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error


def _to_failure(row: Row[Any]) -> FetchFailure | None:
    if row.failure_at is None:
        return None
    try:
        result = ResultType(row.failure_result)
    except ValueError:
        # A newer node's word: a policy in force is not given up for it.
        return None
    return FetchFailure(
        id=row.failure_id,
        at=to_instant(row.failure_at),
        count=row.failure_count,
        result=result,
        reason=row.failure_reason,
    )


def from_verdict(verdict: LastVerdict) -> dict[str, Any]:
    """Return a verdict's columns; its domain is kept beside it, to be forgotten with it."""
    hop = parse_next_hop(verdict.next_hop.partition(" ")[0])
    return {
        "next_hop": verdict.next_hop,
        "domain": str(hop.domain) if isinstance(hop, NextHop) else verdict.next_hop,
        "state": verdict.state.value,
        "learnt_at": from_instant(verdict.learnt_at),
    }


def to_verdict(row: Row[Any]) -> LastVerdict:
    """Read a verdict's columns; raises ``CorruptRowError``."""
    try:
        return LastVerdict(
            next_hop=row.next_hop,
            state=DaneSummary(row.state),
            learnt_at=to_instant(row.learnt_at),
        )
    except (ValueError, OverflowError, TypeError) as error:
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error
