"""Watched domains, findings over time and messages as rows and back."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row

from mailseal.checks.changes import Span
from mailseal.checks.finding import Finding, Severity
from mailseal.names import Domain, NameSyntaxError
from mailseal.store.rows import CorruptRowError, from_instant, to_instant
from mailseal.watch.notice import Channel, NoticeSyntaxError, read_notice
from mailseal.watch.records import Figures, Message, Observation, Watched

T = TypeVar("T")

log = logging.getLogger(__name__)

_UNREADABLE = (
    msgspec.DecodeError,
    NoticeSyntaxError,
    NameSyntaxError,
    RecursionError,
    OverflowError,
    TypeError,
    ValueError,
    AttributeError,
)


def from_optional(instant: datetime | None) -> int | None:
    """Return an instant's column; None stays what it is."""
    return None if instant is None else from_instant(instant)


def to_optional(microseconds: int | None) -> datetime | None:
    """Read an instant's column; None stays what it is."""
    return None if microseconds is None else to_instant(microseconds)


def to_json(value: object) -> bytes:
    """Write a value of ours; a ``Domain`` as the text that it is."""
    return msgspec.json.encode(value, enc_hook=str)


def to_watched(row: Row[Any]) -> Watched:
    """Read a watched domain; figures that cannot be read are as good as none."""
    try:
        return Watched(
            domain=Domain.parse(row.domain),
            added_at=to_instant(row.added_at),
            next_look_at=to_instant(row.next_look_at),
            looked_at=to_optional(row.looked_at),
            succeeded_at=to_optional(row.succeeded_at),
            figures=_read_figures(row.figures),
            memory=None if row.memory is None else bytes(row.memory),
        )
    except _UNREADABLE as error:
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error


def _read_figures(text: bytes | None) -> Figures | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Figures)
    except (msgspec.DecodeError, TypeError):
        return None  # a newer node's: the next look writes ours


def from_span(domain: Domain, span: Span) -> dict[str, Any]:
    """Return a span's columns."""
    return {
        "domain": str(domain),
        "code": span.finding.code,
        "subject": str(span.finding.subject),
        "first_seen": from_instant(span.first_seen),
        "last_seen": from_instant(span.last_seen),
        "times_seen": span.times_seen,
        "missed_at": from_optional(span.missed_at),
        "resolved_at": from_optional(span.resolved_at),
        "told": span.told.value if span.told else None,
        "finding": to_json(span.finding),
    }


def to_span(row: Row[Any]) -> Span:
    """Read a span's columns; raises ``CorruptRowError``."""
    try:
        return Span(
            finding=msgspec.json.decode(row.finding, type=Finding),
            first_seen=to_instant(row.first_seen),
            last_seen=to_instant(row.last_seen),
            times_seen=row.times_seen,
            missed_at=to_optional(row.missed_at),
            resolved_at=to_optional(row.resolved_at),
            told=Severity(row.told) if row.told is not None else None,
        )
    except _UNREADABLE as error:
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error


def to_observation(row: Row[Any]) -> Observation:
    """Read a look's columns, evidence left out."""
    try:
        return Observation(
            at=to_instant(row.at),
            verdict=row.verdict,
            sentence=row.sentence,
            is_change=row.is_change,
        )
    except _UNREADABLE as error:
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error


def to_message(row: Row[Any]) -> Message:
    """Read a message's columns; raises ``CorruptRowError``."""
    try:
        return Message(
            id=row.id,
            channel=Channel(row.channel),
            notice=read_notice(row.notice),
            created_at=to_instant(row.created_at),
            attempts=row.attempts,
        )
    except _UNREADABLE as error:
        raise CorruptRowError(f"{type(error).__name__}: {error}") from error


def read_good(found: Iterable[Row[Any]], read: Callable[[Row[Any]], T]) -> tuple[T, ...]:
    """Return what ``read`` makes of rows; a corrupt one is told in the log and left out."""
    good: list[T] = []
    for row in found:
        try:
            good.append(read(row))
        except CorruptRowError as error:
            log.warning("stored row is corrupt key=%r reason=%r action=ignore", row[0], str(error))
    return tuple(good)
