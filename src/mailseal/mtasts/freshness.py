"""What a cached policy is still good for, and what to ask next (RFC 8461 §3.3, §5.1, §10.2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailseal.mtasts.policy import Policy
from mailseal.names import Domain
from mailseal.results import ResultType


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
