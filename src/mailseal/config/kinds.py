"""The kinds of values that a configuration key can have: read from TOML, checked, written back."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=enum.StrEnum)


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w)", re.ASCII)
_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)
_DNS_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_WORD = re.compile(r"[!-~]{1,64}", re.ASCII)


class RefusedValueError(Exception):
    """A value that a kind does not take; the reader turns it into a message with its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """How a key's value is read, and written so that it reads back the same.

    ``expected`` completes "expected …" in a message and "Form:" in the reference.
    ``read`` raises ``RefusedValueError``, with a text of its own or none to have ``expected`` said.
    What is refused is repeated in the message, unless ``is_secret``.
    """

    expected: str
    read: Callable[[object], T]
    write: Callable[[T], object]
    is_secret: bool = False


def render_duration(value: timedelta) -> str:
    """Write a duration with the largest unit that divides it: ``24h``, ``90s``, ``1500ms``."""
    milliseconds = round(value.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        size = _UNITS[unit] * 1000
        # A day reads as 24h in every standard's prose, so days begin at two.
        if milliseconds and milliseconds % size == 0 and (unit != "d" or milliseconds >= 2 * size):
            return f"{milliseconds // int(size)}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def duration(low: str, high: str) -> Kind[timedelta]:
    """Take durations from ``low`` to ``high``; a bare integer is seconds."""
    least, most = _to_duration(low), _to_duration(high)

    def read(raw: object) -> timedelta:
        value = _to_duration(raw)
        if not least <= value <= most:
            raise RefusedValueError
        return value

    return Kind(expected=f'a duration from "{low}" to "{high}"', read=read, write=render_duration)


def _to_duration(raw: object) -> timedelta:
    if isinstance(raw, bool):
        raise RefusedValueError
    if isinstance(raw, int) and 0 <= raw <= 10**9:
        return timedelta(seconds=raw)
    if isinstance(raw, str) and (match := _DURATION.fullmatch(raw)):
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    raise RefusedValueError


def count(low: int, high: int) -> Kind[int]:
    """Take whole numbers."""

    def read(raw: object) -> int:
        if isinstance(raw, int) and not isinstance(raw, bool) and low <= raw <= high:
            return raw
        raise RefusedValueError

    return Kind(expected=f"a whole number from {low} to {high}", read=read, write=lambda v: v)


def fraction(low: float, high: float) -> Kind[float]:
    """Take numbers between two bounds."""

    def read(raw: object) -> float:
        if isinstance(raw, int | float) and not isinstance(raw, bool) and low <= raw <= high:
            return float(raw)
        raise RefusedValueError

    return Kind(expected=f"a number from {low} to {high}", read=read, write=lambda v: v)


def flag() -> Kind[bool]:
    """Take true and false."""

    def read(raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        raise RefusedValueError

    return Kind(expected="true or false", read=read, write=lambda v: v)


def choice(words: type[E]) -> Kind[E]:
    """Take one of an enum's words."""

    def read(raw: object) -> E:
        for word in words:
            if raw == word.value:
                return word
        raise RefusedValueError

    expected = " or ".join(f'"{word.value}"' for word in words)
    return Kind(expected=expected, read=read, write=lambda v: v.value)


def path() -> Kind[Path]:
    """Take an absolute path."""

    def read(raw: object) -> Path:
        if isinstance(raw, str) and raw.startswith("/") and "\0" not in raw:
            return Path(raw)
        raise RefusedValueError

    return Kind(expected="an absolute path", read=read, write=str)


def word(expected: str) -> Kind[str]:
    """Take a short text of printable ASCII without blanks: a user, a group, a zone."""

    def read(raw: object) -> str:
        if isinstance(raw, str) and _WORD.fullmatch(raw):
            return raw
        raise RefusedValueError

    return Kind(expected=expected, read=read, write=str)


def dns_name() -> Kind[str]:
    """Take any name that DNS can be asked for, kept without its final dot; "" is the root."""

    def read(raw: object) -> str:
        if raw == ".":
            return ""
        name = raw.removesuffix(".").lower() if isinstance(raw, str) else ""
        if not _DNS_NAME.fullmatch(name):
            raise RefusedValueError
        return name

    return Kind(
        expected='a domain name in ASCII, "." for the root',
        read=read,
        write=lambda name: name or ".",
    )


def file_mode() -> Kind[int]:
    """Take the permission bits of a file as octal text; a number would be read as decimal."""

    def read(raw: object) -> int:
        if isinstance(raw, str) and _MODE.fullmatch(raw):
            return int(raw, 8)
        raise RefusedValueError

    return Kind(
        expected='three octal digits as text, such as "0660"',
        read=read,
        write=lambda v: f"0{v:03o}",
    )


def several(kind: Kind[T], *, at_most: int) -> Kind[tuple[T, ...]]:
    """Take a list of another kind's values, none of them twice."""

    def read(raw: object) -> tuple[T, ...]:
        if not isinstance(raw, list) or len(raw) > at_most:
            raise RefusedValueError
        values = tuple(kind.read(item) for item in raw)
        if len(set(values)) != len(values):
            raise RefusedValueError("each value once")
        return values

    return Kind(
        expected=f"a list of at most {at_most}, each {kind.expected}",
        read=read,
        write=lambda values: [kind.write(value) for value in values],
    )


def optional(kind: Kind[T], *, unset: str) -> Kind[T | None]:
    """Take another kind's value, or ``unset`` for none: TOML has no null."""
    return Kind(
        expected=f'{kind.expected}, or "{unset}"',
        read=lambda raw: None if raw == unset else kind.read(raw),
        write=lambda value: unset if value is None else kind.write(value),
        is_secret=kind.is_secret,
    )
