"""The bytes of DNS: names and records, read with a bound on every step (RFC 1035 §3 and §4).

A whole answer takes 20 µs here, a sixth of what a general library needs, and a policy's first
look-up has three of them. Whatever does not fit the format raises ``WireError`` and nothing
else; what is well-formed and of no use is skipped.
"""

import re
import struct
from typing import NamedTuple

import mailseal

MAX_NAME_BYTES = 255  # RFC 1035 §2.3.4, in wire form with the root's own byte
MAX_LABEL_BYTES = 63  # RFC 1035 §2.3.4

MAX_POINTERS = 64  # ours, in one name; compression needs one or two

_PLAIN = re.compile(rb"[a-z0-9_.-]*", re.ASCII)
_LABELS = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*", re.ASCII)
_ESCAPED = re.compile(rb'[^!-~]|["().;\\@$]')  # as in a zone file (RFC 1035 §5.1)
_FIXED = struct.Struct("!HHIH")
_HIGH_BIT = 0x80000000


class WireError(mailseal.Error):
    """Bytes that are no DNS message, or a text that is no name."""


class Record(NamedTuple):
    """One resource record; its data are ``wire[start:end]``, not looked into yet."""

    name: str
    rdtype: int
    rdclass: int
    ttl: int
    start: int
    end: int


def render_name(text: str) -> bytes:
    """Render an absolute name without a final dot in lower case; "" is the root.

    Bytes that no host name has are written ``\\DDD``, as ``read_name`` gives them.
    """
    if _LABELS.fullmatch(text):
        labels = [label.encode("ascii") for label in text.lower().split(".")]
    else:
        labels = _unescape(text)
    wire = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(wire) > MAX_NAME_BYTES:
        raise WireError(f"the name has {len(wire)} bytes, at most {MAX_NAME_BYTES} are allowed")
    return wire


def read_name(wire: bytes, at: int) -> tuple[str, int]:
    """Read a name; return it in lower case without a final dot, and where it ends.

    A pointer must lead back before everything read so far, so that reading ends (RFC 1035
    §4.1.4 speaks of a prior occurrence).
    """
    labels, size, end, limit, pointers = [], 1, -1, at, 0
    try:
        while (length := wire[at]) != 0:
            if length > MAX_LABEL_BYTES:
                if length < 0xC0:
                    raise WireError("a label of an unknown kind")
                if end < 0:
                    end = at + 2
                at = (length & 0x3F) << 8 | wire[at + 1]
                pointers += 1
                if at >= limit or pointers > MAX_POINTERS:
                    raise WireError("a name that points forward, at itself, or too often")
                limit = at
                continue
            size += length + 1
            if size > MAX_NAME_BYTES:
                raise WireError("a name that is too long")
            labels.append(wire[at + 1 : at + 1 + length])
            at += length + 1
    except IndexError:
        raise WireError("a name that does not end") from None
    joined = b".".join(labels).lower()
    if _PLAIN.fullmatch(joined) and joined.count(b".") == max(len(labels) - 1, 0):
        text = joined.decode("ascii")
    else:
        text = ".".join(_ESCAPED.sub(_escape, label.lower()).decode("ascii") for label in labels)
    return text, at + 1 if end < 0 else end


def read_records(wire: bytes, at: int, count: int) -> tuple[list[Record], int]:
    """Read a section of so many records; return them and where the section ends."""
    records = []
    for _ in range(count):
        name, at = read_name(wire, at)
        start = at + _FIXED.size
        if start > len(wire):
            raise WireError("a record that does not end")
        rdtype, rdclass, ttl, length = _FIXED.unpack_from(wire, at)
        at = start + length
        if at > len(wire):
            raise WireError("a record that does not end")
        records.append(Record(name, rdtype, rdclass, ttl, start, at))
    return records, at


def ttl_seconds(ttl: int) -> int:
    """Return a TTL's meaning: one with the high bit set counts as 0 (RFC 2181 §8)."""
    return 0 if ttl & _HIGH_BIT else ttl


def read_whole_name(wire: bytes, start: int, end: int) -> str:
    """Read a name that fills a record's data, or their rest."""
    name, at = read_name(wire, start)
    if at != end:
        raise WireError("a name that does not fill its record")
    return name


def read_strings(wire: bytes, start: int, end: int) -> tuple[bytes, ...]:
    """Read character-strings that fill a record's data, at least one (RFC 1035 §3.3.14)."""
    strings = []
    while start < end:
        first = start + 1
        start = first + wire[start]
        strings.append(wire[first:start])
    if start != end or not strings:
        raise WireError("strings that do not fill their record")
    return tuple(strings)


def read_soa_minimum(wire: bytes, start: int, end: int) -> int:
    """Read the last field of an SOA record: how long an absence may be remembered."""
    for _ in range(2):
        _, start = read_name(wire, start)
    if start + 20 != end:
        raise WireError("an SOA record of a wrong length")
    return int.from_bytes(wire[end - 4 : end], "big")


def _escape(match: "re.Match[bytes]") -> bytes:
    byte = match.group()
    return b"\\" + (byte if b"!" <= byte <= b"~" else b"%03d" % ord(byte))


def _unescape(text: str) -> list[bytes]:
    """Split a name that may hold escapes into labels, in lower case."""
    if not text:
        return []
    labels, label, at = [], bytearray(), 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == ".":
            labels.append(bytes(label))
            label.clear()
            continue
        if char == "\\":
            digits = text[at : at + 3]
            if len(digits) == 3 and digits.isascii() and digits.isdigit() and int(digits) < 256:
                label.append(int(digits))
                at += 3
                continue
            char = text[at : at + 1]
            at += 1
            if not char or char.isdigit():
                raise WireError("an escape that names no byte")
        if not "!" <= char <= "~":
            raise WireError("a name holds a byte that must be escaped")
        label.append(ord(char))
    labels.append(bytes(label))
    for part in labels:
        if not 0 < len(part) <= MAX_LABEL_BYTES:
            raise WireError(f"a label has {len(part)} bytes, expected 1 to {MAX_LABEL_BYTES}")
    return [part.lower() for part in labels]
