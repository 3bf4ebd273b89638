"""What a resolver said: an answer's bytes to one of a few values (RFC 1035 §4, RFC 2308).

No I/O here. What goes on after an alias, a truncation or a failure is the exchange's business.
"""

import ipaddress
import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from mailseal.answers import (
    Absent,
    CaaRecord,
    DnsFailure,
    DnskeyRecord,
    DsRecord,
    Found,
    LookupFailed,
    MxRecord,
    RdType,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.net.dns.question import (
    CLASS_IN,
    HEADER,
    TYPE_OPT,
    Question,
    Rcode,
    malformed,
    printable,
)
from mailseal.net.dns.wire import (
    Record,
    WireError,
    read_records,
    read_soa_minimum,
    read_strings,
    read_whole_name,
    ttl_seconds,
)

MAX_RECORDS = 1000  # ours, of a whole message; 65 535 bytes could hold 5 000
MAX_CNAME_CHAIN = 8  # ours; BIND follows 16, unbound 11, and real chains have 1 to 4
DEFAULT_NEGATIVE_TTL_SECONDS = 60  # ours; RFC 2308 §5 has no word for a missing SOA

_AA, _TC, _RA, _AD = 0x0400, 0x0200, 0x0080, 0x0020
_SOA = 6
_EDE_OPTION = 15  # RFC 8914 §2

# Extended DNS errors by which a validating resolver says that it refuses to believe what it got
# (RFC 8914 §4.6 to §4.13; 25 and 27 from IANA's registry). Indeterminate is handled like bogus
# (RFC 7672 §2.1.1).
_BOGUS_CODES = frozenset({5, 6, 7, 8, 9, 10, 11, 12, 25, 27})
_EMPTY_CODES = frozenset({0, 13})  # "other" and "cached error" name no cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The answer ends in an alias: the look-up goes on at ``target``."""

    target: str
    hops: int
    ttl: timedelta
    is_secure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated:
    """The answer did not fit: ask again over TCP (RFC 7766 §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """The server knows no EDNS: ask again without it (RFC 6891 §7)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """SERVFAIL without a cause: either the zone is broken or its signatures are."""

    reason: str


Final = Found[object] | Absent | Alias | LookupFailed
Reply = Final | Truncated | Unsupported | Unexplained


class _Error(NamedTuple):
    """An extended DNS error: why a resolver failed, in its own words."""

    code: int
    text: str


class _Message(NamedTuple):
    """A message taken apart, its records not looked into yet."""

    wire: bytes
    flags: int
    rcode: int
    answer: list[Record]
    authority: list[Record]
    errors: list[_Error]


class _RecordSet(NamedTuple):
    """The records of one type at one name."""

    ttl: int
    records: list[Record]


def read_reply(wire: bytes, question: Question, *, is_trusted: bool) -> Reply:
    """Read what ``is_reply`` let in; ``is_trusted``: the AD flag of this server counts."""
    _, flags, _, *counts = HEADER.unpack_from(wire)
    if flags & _TC:
        return Truncated()
    if sum(counts) > MAX_RECORDS:
        return malformed(f"{sum(counts)} records in one answer, at most {MAX_RECORDS} are read")
    try:
        message = _take_apart(wire, question)
        if message.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return _read_answer(message, question, is_trusted=is_trusted)
    except WireError as error:
        return malformed(f"unreadable answer: {error}")
    return _read_error(message)


def _take_apart(wire: bytes, question: Question) -> _Message:
    _, flags, questions, answers, authorities, additional = HEADER.unpack_from(wire)
    at = HEADER.size + (len(question.wire) if questions else 0)
    answer, at = read_records(wire, at, answers)
    authority, at = read_records(wire, at, authorities)
    extra, at = read_records(wire, at, additional)
    if at != len(wire):
        raise WireError("something behind the last record")
    rcode, errors = flags & 0xF, []
    for record in extra:
        if record.rdtype == TYPE_OPT:
            rcode |= record.ttl >> 24 << 4  # RFC 6891 §6.1.3
            errors = _read_errors(wire[record.start : record.end])
    return _Message(wire, flags, rcode, answer, authority, errors)


def _read_errors(options: bytes) -> list[_Error]:
    errors, at = [], 0
    while at + 4 <= len(options):
        option, length = struct.unpack_from("!HH", options, at)
        data = options[at + 4 : at + 4 + length]
        at += 4 + length
        if option == _EDE_OPTION and len(data) >= 2:
            text = data[2:].decode("utf-8", "replace").rstrip("\0")
            errors.append(_Error(int.from_bytes(data[:2], "big"), text))
    if at != len(options):
        raise WireError("an EDNS option that does not end")
    return errors


def _read_error(message: _Message) -> Reply:
    rcode = message.rcode
    name = Rcode(rcode).name if rcode in Rcode._value2member_map_ else f"RCODE {rcode}"
    if rcode in (Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS):
        return Unsupported(reason=name)
    for error in message.errors:
        name += f" (EDE {error.code}{': ' + error.text if error.text else ''})"
    if rcode == Rcode.SERVFAIL:
        codes = {error.code for error in message.errors}
        if codes <= _EMPTY_CODES:
            return Unexplained(reason=printable(name))
        failure = DnsFailure.BOGUS if codes & _BOGUS_CODES else DnsFailure.SERVFAIL
    elif rcode in (Rcode.REFUSED, Rcode.NOTAUTH):
        failure = DnsFailure.REFUSED
    else:
        failure = DnsFailure.MALFORMED
    return LookupFailed(failure=failure, reason=printable(name))


def _read_answer(message: _Message, question: Question, *, is_trusted: bool) -> Reply:
    is_secure = is_trusted and bool(message.flags & _AD)
    sets = _group(message.answer)
    name, ttl, seen = question.name, None, {question.name}
    while True:
        wanted = sets.get((name, question.rdtype))
        if wanted is not None:
            values = [
                _read_data(message.wire, record, question.rdtype) for record in wanted.records
            ]
            seconds = wanted.ttl if ttl is None else min(ttl, wanted.ttl)
            return Found(
                records=_in_order(values, question.rdtype),
                ttl=timedelta(seconds=seconds),
                is_secure=is_secure,
                canonical=name,
            )
        alias = sets.get((name, RdType.CNAME))
        if alias is None:
            return _read_denial(message, name, hops=len(seen) - 1, ttl=ttl, is_secure=is_secure)
        targets = {read_whole_name(message.wire, r.start, r.end) for r in alias.records}
        if len(targets) > 1:
            return malformed(f"{name} has {len(targets)} CNAME records")
        ttl = alias.ttl if ttl is None else min(ttl, alias.ttl)
        name = targets.pop()
        if name in seen:
            return malformed(f"CNAME loop at {name}")
        seen.add(name)
        if len(seen) - 1 > MAX_CNAME_CHAIN:
            return malformed(f"more than {MAX_CNAME_CHAIN} CNAMEs behind {question.name}")


def _group(records: list[Record]) -> dict[tuple[str, int], _RecordSet]:
    sets: dict[tuple[str, int], _RecordSet] = {}
    for record in records:
        if record.rdclass == CLASS_IN:
            ttl = ttl_seconds(record.ttl)
            key = (record.name, record.rdtype)
            known = sets.get(key)
            if known is None:
                sets[key] = _RecordSet(ttl, [record])
            else:
                known.records.append(record)
                sets[key] = _RecordSet(min(known.ttl, ttl), known.records)
    return sets


def _read_denial(
    message: _Message, name: str, *, hops: int, ttl: int | None, is_secure: bool
) -> Reply:
    soa = next((r for r in message.authority if r.rdtype == _SOA and r.rdclass == CLASS_IN), None)
    if message.rcode == Rcode.NOERROR and soa is None:
        if hops:
            lifetime = timedelta(seconds=ttl or 0)
            return Alias(target=name, hops=hops, ttl=lifetime, is_secure=is_secure)
        # RFC 2308 §2.2: name servers without an SOA are a referral, not a denial, and a
        # resolver that recurses gives none.
        is_referral = any(record.rdtype == RdType.NS for record in message.authority)
        if is_referral and not message.flags & (_RA | _AA):
            return LookupFailed(
                failure=DnsFailure.REFUSED, reason="a referral: this server does not recurse"
            )
    seconds = DEFAULT_NEGATIVE_TTL_SECONDS
    if soa is not None:
        minimum = read_soa_minimum(message.wire, soa.start, soa.end)
        seconds = min(ttl_seconds(soa.ttl), ttl_seconds(minimum))
    return Absent(
        is_name_known=message.rcode == Rcode.NOERROR,
        ttl=timedelta(seconds=seconds if ttl is None else min(ttl, seconds)),
        is_secure=is_secure,
    )


def _read_data(wire: bytes, record: Record, rdtype: RdType) -> object:
    """Read the data of a record of the type asked for."""
    start, end = record.start, record.end
    length = end - start
    match rdtype:
        case RdType.TXT:
            return read_strings(wire, start, end)
        case RdType.A if length == 4:
            return ".".join(map(str, wire[start:end]))
        case RdType.AAAA if length == 16:
            return str(ipaddress.IPv6Address(wire[start:end]))
        case RdType.CNAME | RdType.NS:
            return read_whole_name(wire, start, end)
        case RdType.MX if length >= 3:
            host = read_whole_name(wire, start + 2, end)
            preference = int.from_bytes(wire[start : start + 2], "big")
            return MxRecord(preference=preference, host=host)
        case RdType.TLSA if length >= 3:
            usage, selector, matching_type = wire[start : start + 3]
            return TlsaRecord(
                usage=usage,
                selector=selector,
                matching_type=matching_type,
                data=wire[start + 3 : end],
            )
        case RdType.CAA if length >= 2:
            return _read_caa(wire[start:end])
        case RdType.DS if length >= 4:
            key_tag, algorithm, digest_type = struct.unpack_from("!HBB", wire, start)
            return DsRecord(
                key_tag=key_tag,
                algorithm=algorithm,
                digest_type=digest_type,
                digest=wire[start + 4 : end],
            )
        case RdType.DNSKEY if length >= 4:
            flags, _, algorithm = struct.unpack_from("!HBB", wire, start)
            return DnskeyRecord(flags=flags, algorithm=algorithm, key=wire[start + 4 : end])
        case _:
            raise WireError(f"a record of type {rdtype.name} has {length} bytes")


def _read_caa(data: bytes) -> CaaRecord:
    """Read flags, a tag with its length before it, and the rest, which is the value."""
    tag = data[2 : 2 + data[1]]
    if len(tag) != data[1] or not (tag.isalnum() and tag.isascii()):  # RFC 8659 §4.1
        raise WireError("a CAA record whose tag is none")
    return CaaRecord(flags=data[0], tag=tag.decode("ascii").lower(), value=data[2 + data[1] :])


def _in_order(values: list[object], rdtype: RdType) -> tuple[object, ...]:
    unique = dict.fromkeys(values)
    if rdtype is RdType.MX:
        hosts = [value for value in unique if isinstance(value, MxRecord)]
        return tuple(sorted(hosts, key=lambda mx: (mx.preference, mx.host)))
    return tuple(unique)
