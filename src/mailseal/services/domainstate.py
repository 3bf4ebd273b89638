"""What is known of a domain's MTA-STS at an instant, and what that is good for."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailseal.answers import Answer, Found
from mailseal.mtasts.freshness import (
    CachedPolicy,
    FetchFailure,
    Intervals,
    Step,
    judge,
    not_from_the_future,
)
from mailseal.mtasts.policy import Policy
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.services.streak import Streak

REFRESH_AHEAD = 0.8  # share of a negative's life after which it is looked up behind its use
_ZERO = timedelta(0)
_STATE_BYTES = 3_000
_STRING_BYTES = 100  # of a character-string, beside its own bytes
_BYTES_PER_BODY_BYTE = 8  # a body of a thousand mx lines: text, lines and patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class StsView:
    """The policy in force for a domain, None without one, and how long that may be relied on.

    ``doubt`` says why the absence of a policy is not certain: the store could not be read and
    the live look-up failed as well. Mail for a domain in doubt must wait.
    """

    policy: Policy | None
    cached: CachedPolicy | None
    fresh_for: timedelta
    usable_for: timedelta
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """A domain without a policy that could be had: since when, until when, and why.

    ``doubt`` is not empty when a stored policy may exist that could not be read.
    """

    since: datetime
    until: datetime
    reason: str
    doubt: str = ""


@dataclass(slots=True, kw_only=True)
class Sighting:
    """What was last seen of a domain, for those who want to know why.

    ``fetched`` is kept without its body, of which only the size remains.
    """

    asked_at: datetime | None = None
    answer: Answer[tuple[bytes, ...]] | None = None
    fetched_at: datetime | None = None
    fetched: PolicyFetched | PolicyFetchFailed | None = None
    body_bytes: int = 0

    @property
    def weight_bytes(self) -> int:
        """About how much memory the record and the certificate take."""
        certificate = self.fetched.certificate if self.fetched else None
        texts = self.answer.records if isinstance(self.answer, Found) else ()
        return len(certificate or b"") + sum(
            _STRING_BYTES + len(string) for record in texts for string in record
        )


@dataclass(slots=True, kw_only=True)
class DomainState:
    """All that memory holds of a domain.

    ``id_failed_at`` is when the record was last asked for in vain, ``failing`` the row of such
    failures. ``given_up`` is the look-up that somebody has waited for long enough.
    ``store_error`` says why this may be less than the store holds.
    """

    cached: CachedPolicy | None = None
    negative: Negative | None = None
    id_failed_at: datetime | None = None
    failing: Streak | None = None
    given_up: asyncio.Task[StsView] | None = None
    failure: FetchFailure | None = None
    is_unsaved: bool = False
    store_error: str = ""
    sighting: Sighting = field(default_factory=Sighting)

    @property
    def weight_bytes(self) -> int:
        """About how much memory this takes; measured with policies of every shape."""
        body = len(self.cached.body) if self.cached else 0
        return _STATE_BYTES + _BYTES_PER_BODY_BYTE * body + self.sighting.weight_bytes

    def mend(self, now: datetime) -> None:
        """Forget or pull back what a clock that was ahead has written."""
        if self.cached is not None:
            self.cached = not_from_the_future(self.cached, now)
        if self.failure is not None and self.failure.at > now:
            self.failure = None
        if self.id_failed_at is not None and self.id_failed_at > now:
            self.id_failed_at = None

    def held(self) -> CachedPolicy | None:
        """Return the policy that is held now, whoever put it there."""
        return self.cached

    def in_force(self, now: datetime) -> CachedPolicy | None:
        """Return the policy that rules at ``now``."""
        if self.cached is not None and self.cached.is_in_force(now):
            return self.cached
        return None


def view_of(state: DomainState, now: datetime, intervals: Intervals) -> StsView:
    """Say what is in force, without asking anybody; not usable at all where one has to ask."""
    standing = judge(state.cached, now, intervals, id_failed_at=state.id_failed_at)
    if standing.step in {Step.USE, Step.USE_AND_REVALIDATE}:
        assert state.cached is not None
        return StsView(
            policy=state.cached.policy,
            cached=state.cached,
            fresh_for=standing.fresh_for,
            usable_for=standing.usable_for,
        )
    negative = state.negative
    if (
        standing.step is Step.FETCH
        and negative is not None
        and negative.since <= now < negative.until
    ):
        life = negative.until - negative.since
        return StsView(
            policy=None,
            cached=None,
            fresh_for=max(_ZERO, negative.since + life * REFRESH_AHEAD - now),
            usable_for=negative.until - now,
            doubt=negative.doubt,
        )
    return StsView(policy=None, cached=None, fresh_for=_ZERO, usable_for=_ZERO)


def overtime_view(state: DomainState, now: datetime, good_for: timedelta) -> StsView:
    """Say what is in force though a look-up that should come first still goes on."""
    cached = state.in_force(now)
    return StsView(
        policy=cached.policy if cached else None,
        cached=cached,
        fresh_for=good_for,
        usable_for=good_for,
        doubt=state.store_error if cached is None else "",
    )
