"""What has changed between two looks at a domain, and what of it is worth telling somebody.

A finding is known by its code and its subject. It is told when it was seen twice, so that what
flaps is quiet, but at once where mail is being lost; it is over when two looks that could have
seen it did not. What could not be looked at is neither there nor gone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mailseal.checks.finding import Finding, Severity, is_worse

CONFIRMATIONS = 2  # ours: the second look comes soon after the first

Key = tuple[str, str]


def key_of(finding: Finding) -> Key:
    """Return what a finding is known by from one look to the next."""
    return finding.code, finding.subject


def is_at_least(severity: Severity, least: Severity) -> bool:
    """Tell whether a severity is another or worse; what is unknown is worse than information."""
    return not is_worse(least, severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A finding over time: ``first_seen`` and ``last_seen`` are looks that found it.

    ``missed_at`` is the first look since that could have found it and did not; ``resolved_at``
    is that same instant once another has said so, too. ``told`` is the severity that somebody
    was told of, None while nobody was.
    """

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    times_seen: int = 1
    missed_at: datetime | None = None
    resolved_at: datetime | None = None
    told: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The difference of two looks; ``unseen`` are findings that this look could not judge."""

    added: tuple[Finding, ...] = ()
    still_there: tuple[Finding, ...] = ()
    resolved: tuple[Finding, ...] = ()
    unseen: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told now, each of it once."""

    added: tuple[Finding, ...] = ()
    worse: tuple[Finding, ...] = ()
    resolved: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.worse or self.resolved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """All spans after a look, those that it has ended included, and the news.

    ``is_unsettled`` says that another look is wanted soon: this one was the first to see
    something, or to miss it.
    """

    spans: tuple[Span, ...]
    news: News
    is_unsettled: bool


def compare(
    before: Iterable[Finding], now: Iterable[Finding], could_see: Callable[[Finding], bool]
) -> Changes:
    """Compare two judgements; what ``could_see`` denies is neither there nor resolved."""
    known = _by_key(before)
    found = _by_key(now)
    gone = [one for key, one in known.items() if key not in found]
    return Changes(
        added=tuple(one for key, one in found.items() if key not in known),
        still_there=tuple(one for key, one in found.items() if key in known),
        resolved=tuple(one for one in gone if could_see(one)),
        unseen=tuple(one for one in gone if not could_see(one)),
    )


def advance(
    spans: Iterable[Span],
    now: Iterable[Finding],
    could_see: Callable[[Finding], bool],
    *,
    at: datetime,
    least: Severity,
    is_losing: bool,
    has_listeners: bool = True,
) -> Advance:
    """Carry open spans over a look at ``at``.

    Findings below ``least`` are kept in mind and never told. ``is_losing`` says that mail is
    being lost: errors are told without waiting for a second look. Without ``has_listeners``
    nothing is news, and what is found stays untold until somebody can be told.
    """
    known = {key_of(one.finding): one for one in spans}
    changes = compare((one.finding for one in known.values()), now, could_see)
    after: list[Span] = [Span(finding=one, first_seen=at, last_seen=at) for one in changes.added]
    after += [_see(known[key_of(one)], one, at) for one in changes.still_there]
    after += [known[key_of(one)] for one in changes.unseen]
    after += [_miss(known[key_of(one)], at) for one in changes.resolved]
    heard = after if has_listeners else []
    added = [one for one in heard if _is_due(one, least=least, is_losing=is_losing)]
    worse = [one for one in heard if _has_worsened(one, least)]
    resolved = [one.finding for one in heard if one.resolved_at and one.told]
    told = {key_of(one.finding) for one in (*added, *worse)}
    after = [
        replace(one, told=one.finding.severity) if key_of(one.finding) in told else one
        for one in after
    ]
    return Advance(
        spans=tuple(after),
        news=News(
            added=tuple(one.finding for one in added),
            worse=tuple(one.finding for one in worse),
            resolved=tuple(resolved),
        ),
        is_unsettled=any(_is_unsettled(one, least, at) for one in after),
    )


def _by_key(findings: Iterable[Finding]) -> dict[Key, Finding]:
    """Keep the first of several with one key: judgements stand with the worst first."""
    kept: dict[Key, Finding] = {}
    for finding in findings:
        kept.setdefault(key_of(finding), finding)
    return kept


def _see(span: Span, finding: Finding, at: datetime) -> Span:
    return replace(
        span, finding=finding, last_seen=at, times_seen=span.times_seen + 1, missed_at=None
    )


def _miss(span: Span, at: datetime) -> Span:
    if span.missed_at is not None:
        return replace(span, resolved_at=span.missed_at)
    if span.told is None and span.times_seen < CONFIRMATIONS:
        return replace(span, missed_at=at, resolved_at=at)  # it came and went, and nobody heard
    return replace(span, missed_at=at)


def _is_due(span: Span, *, least: Severity, is_losing: bool) -> bool:
    if span.told is not None or span.resolved_at is not None or span.missed_at is not None:
        return False
    if not is_at_least(span.finding.severity, least):
        return False
    return span.times_seen >= CONFIRMATIONS or (
        is_losing and span.finding.severity is Severity.ERROR
    )


def _has_worsened(span: Span, least: Severity) -> bool:
    severity = span.finding.severity
    return (
        span.told is not None
        and span.resolved_at is None
        and is_at_least(severity, least)
        and is_worse(severity, span.told)
    )


def _is_unsettled(span: Span, least: Severity, at: datetime) -> bool:
    """Tell whether this very look has begun something that the next one should confirm.

    Not an earlier one: a server that is busy from then on must not be asked again and again.
    """
    if span.resolved_at is not None or not is_at_least(span.finding.severity, least):
        return False
    return span.missed_at == at or (span.told is None and span.first_seen == at)
