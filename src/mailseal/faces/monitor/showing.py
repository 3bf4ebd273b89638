"""Watched domains as text and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from mailseal.checks.changes import Span
from mailseal.checks.finding import Severity
from mailseal.checks.findingjson import to_item
from mailseal.checks.memory import MemorySyntaxError, read_memory
from mailseal.checks.verdict import say_verdict
from mailseal.faces.check.words import PLURALS, SEVERITIES
from mailseal.quoting import printable_only
from mailseal.watch.lines import break_lines
from mailseal.watch.records import Figures, Look, Observation, Watched

COLUMNS = 80  # ours: a terminal's; what is to be copied is never broken

_ORDER = tuple(SEVERITIES)  # the worst first


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is known of one domain; ``resolved`` and ``looks`` only where history was asked for."""

    watched: Watched
    now: datetime
    spans: tuple[Span, ...]
    resolved: tuple[Span, ...] = ()
    looks: tuple[Observation, ...] = ()


def line_of(watched: Watched) -> str:
    """Return one line of a list."""
    figures = watched.figures
    if figures is None:
        return f"{watched.domain:<30} not looked at yet"
    told = ", ".join(_counts(figures)) or "all well"
    return (
        f"{watched.domain:<30} {say_verdict(figures.verdict):<25} {told}, {_day(watched.looked_at)}"
    )


def _counts(figures: Figures) -> Iterator[str]:
    for severity, number in figures.by_severity():
        if number and severity is not Severity.INFO:
            yield f"{number} {PLURALS[severity][number != 1]}"


def json_of(watched: Watched) -> str:
    """Return the same as one line of JSON."""
    return json.dumps(_watched(watched))


def outcome_of(look: Look) -> str:
    """Tell what a look came to, and what of it is news."""
    figures = look.figures
    text = f"{look.before.domain}: {say_verdict(figures.verdict)}\n"
    text += f"  {printable_only(figures.sentence)}"
    if look.notice is None:
        return text
    for word, findings in (
        ("new", look.notice.added),
        ("worse", look.notice.worse),
        ("resolved", look.notice.resolved),
    ):
        for finding in findings:
            text += f"\n  {word}: {finding.code}: {printable_only(finding.subject)}"
    return text


def text_of(story: Story) -> str:
    """Return everything as text."""
    return "\n".join(printable_only(line) for line in _lines(story))


def _lines(story: Story) -> Iterator[str]:
    watched = story.watched
    figures = watched.figures
    yield f"{watched.domain}: {say_verdict(figures.verdict) if figures else 'not looked at yet'}"
    if figures is not None:
        yield from break_lines(figures.sentence, COLUMNS)
    yield from break_lines(
        f"Watched since {_day(watched.added_at)}, last look {_minute(watched.looked_at)}, "
        f"next {_minute(watched.next_look_at)} (all times are UTC).",
        COLUMNS,
    )
    for span in sorted(story.spans, key=lambda one: _ORDER.index(one.finding.severity)):
        yield ""
        yield from _span(span)
    ends = list(_ends(watched))
    if ends:
        yield ""
        yield "Ends:"
    for subject, at in ends:
        yield f"  {_day(at)}  {subject} ({_say_left(at - story.now)})"
    if story.resolved:
        yield ""
        yield "Over:"
    for span in story.resolved:
        finding = span.finding
        yield (
            f"  {_day(span.first_seen)} to {_day(span.resolved_at)}  "
            f"{SEVERITIES[finding.severity]} {finding.code}: {finding.subject}"
        )
    if story.looks:
        yield ""
        yield "Looks:"
    for look in story.looks:
        yield f"  {_minute(look.at)}  {say_verdict(look.verdict)}"


def _span(span: Span) -> Iterator[str]:
    finding = span.finding
    yield f"{SEVERITIES[finding.severity]} {finding.code}: {finding.subject}"
    gone = f", not seen on {_minute(span.missed_at)}" if span.missed_at else ""
    yield f"  since {_minute(span.first_seen)}, last seen {_minute(span.last_seen)}{gone}"
    yield from break_lines(finding.seen, COLUMNS, indent="  ")
    yield from break_lines(finding.follows, COLUMNS, indent="  ")
    if finding.remedy:
        yield from break_lines(f"Do: {finding.remedy}", COLUMNS, indent="  ")
    for ready in finding.ready:
        yield f"  {ready.place}:"
        yield from (f"    {line}" for line in ready.text.splitlines())


def document_of(story: Story) -> dict[str, Any]:
    """Return everything in JSON's own types."""
    return {
        **_watched(story.watched),
        "findings": [_span_document(span) for span in story.spans],
        "ends": [
            {"subject": subject, "at": at.isoformat()} for subject, at in _ends(story.watched)
        ],
        "resolved": [_span_document(span) for span in story.resolved],
        "looks": [
            {"at": look.at.isoformat(), "verdict": look.verdict, "sentence": look.sentence}
            for look in story.looks
        ],
    }


def _watched(watched: Watched) -> dict[str, Any]:
    figures = watched.figures
    return {
        "domain": str(watched.domain),
        "added_at": watched.added_at.isoformat(),
        "next_look_at": watched.next_look_at.isoformat(),
        "looked_at": _iso(watched.looked_at),
        "succeeded_at": _iso(watched.succeeded_at),
        "verdict": figures.verdict if figures else None,
        "sentence": figures.sentence if figures else None,
        "errors": figures.errors if figures else None,
        "warnings": figures.warnings if figures else None,
        "unknown": figures.unknown if figures else None,
    }


def _span_document(span: Span) -> dict[str, Any]:
    return {
        "finding": msgspec.to_builtins(to_item(span.finding)),
        "first_seen": span.first_seen.isoformat(),
        "last_seen": span.last_seen.isoformat(),
        "times_seen": span.times_seen,
        "missed_at": _iso(span.missed_at),
        "resolved_at": _iso(span.resolved_at),
        "told": span.told.value if span.told else None,
    }


def _ends(watched: Watched) -> Iterator[tuple[str, datetime]]:
    """Yield what ends, the next first."""
    found: list[tuple[str, datetime]] = []
    if watched.memory is not None:
        try:
            renewals = read_memory(watched.memory).renewals
        except MemorySyntaxError:
            renewals = ()  # of another version: the next look writes it anew
        found += [(f"certificate of {one.subject}", one.not_after) for one in renewals]
    if watched.figures is not None and watched.figures.signature_end is not None:
        found.append(("DNSSEC signatures", watched.figures.signature_end))
    yield from sorted(found, key=lambda pair: pair[1])


def _say_left(left: timedelta) -> str:
    days = abs(left) // timedelta(days=1)
    text = f"{days} day{'' if days == 1 else 's'}"
    return text if left >= timedelta(0) else f"{text} ago"


def _day(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d}"


def _minute(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
