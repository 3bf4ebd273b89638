"""What a value of evidence can be: evidence that was read from a file may hold anything.

Whoever observes makes nothing else, so that the checks rely on it: times are in UTC, numbers fit
their fields on the wire, addresses are such, and an answer that was found has records.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta

from mailseal.answers import Found
from mailseal.checks.evidence import Evidence
from mailseal.names import Domain, NameSyntaxError

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)  # ours; signatures end in 2106 at the latest
MAX_DURATION = timedelta(seconds=2**31)  # a TTL (RFC 2181 §8); nothing that we wait for is longer
MAX_NUMBER = 2**32 - 1  # of fields that are not named below
_BYTE, _TWO_BYTES = 255, 65_535
_MAX_NUMBERS = {
    "algorithm": _BYTE,
    "digest_type": _BYTE,
    "usage": _BYTE,
    "selector": _BYTE,
    "matching_type": _BYTE,
    "flags": _TWO_BYTES,
    "key_tag": _TWO_BYTES,
    "port": _TWO_BYTES,
    "preference": _TWO_BYTES,
}
_OF_ADDRESSES = ("a", "aaaa", "unlikely_a", "at_name")  # look-ups of A and AAAA


def find_fault(evidence: Evidence) -> str | None:
    """Return the first place of a value that nobody can have observed, and what is due there."""
    try:
        is_domain = Domain.parse(evidence.domain) == evidence.domain
    except NameSyntaxError:
        is_domain = False
    if not is_domain:
        return "$.domain: it is no domain name in lower-case A-labels"
    return next(_find_faults(evidence, "$", ""), None)


def _find_faults(value: object, place: str, name: str) -> Iterator[str]:
    """Give faults in the order of the file; ``name`` is the field that a value stands in."""
    if isinstance(value, Found):
        yield from _judge_answer(value, place, name)
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            inner = f"{place}.{each.name}"
            yield from _find_faults(getattr(value, each.name), inner, each.name)
        return
    struct_fields: tuple[str, ...] = getattr(value, "__struct_fields__", ())
    for field in struct_fields:
        yield from _find_faults(getattr(value, field), f"{place}.{field}", field)
    if isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _find_faults(each, f"{place}[{number}]", name)
        return
    wrong = _judge_value(value, name)
    if wrong:
        yield f"{place}: {wrong}"


def _judge_answer(answer: Found[object], place: str, name: str) -> Iterator[str]:
    if not answer.records:
        yield f"{place}.records: it was found, and there is none"
    if name in _OF_ADDRESSES:
        for number, record in enumerate(answer.records):
            if not _is_address(record):
                yield f"{place}.records[{number}]: it is no address"


def _judge_value(value: object, name: str) -> str:
    match value:
        case datetime():
            if value.utcoffset() != timedelta():
                return "the time is not in UTC"
            if not EARLIEST <= value <= LATEST:
                return f"the time is not between {EARLIEST.year} and {LATEST.year}"
        case timedelta():
            if not timedelta() <= value <= MAX_DURATION:
                seconds = int(MAX_DURATION.total_seconds())
                return f"the duration is not between 0 and {seconds} seconds"
        case int() if not isinstance(value, bool):
            limit = _MAX_NUMBERS.get(name, MAX_NUMBER)
            if not 0 <= value <= limit:
                return f"the number is not between 0 and {limit}"
        case str() if name == "address" and not _is_address(value):
            return "it is no address"
    return ""


def _is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True
