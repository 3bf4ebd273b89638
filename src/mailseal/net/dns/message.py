"""DNS messages: one question to bytes, and bytes to what a resolver said (RFC 1035 §4, RFC 6891).

No I/O here. Questions are put together by hand, at a tenth of the library's price; answers,
which are hostile, are read by dnspython.
"""

import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TLSA
import dns.rdtypes.ANY.TXT
import dns.rrset

from mailseal.answers import Absent, DnsFailure, Found, LookupFailed, MxRecord, RdType
from mailseal.dane.tlsa import TlsaRecord

T = TypeVar("T")

EDNS_PAYLOAD_BYTES = 1232  # DNS flag day 2020: fits every path without fragments
MAX_RECORDS = 1000  # ours, of a whole message; 65 535 bytes could hold 5 000, at 50 µs each
MAX_CNAME_CHAIN = 8  # ours; BIND follows 16, unbound 11, and real chains have 1 to 4
DEFAULT_NEGATIVE_TTL = timedelta(seconds=60)  # RFC 2308 §5 has no word for a missing SOA
MAX_REASON_BYTES = 200  # of printable ASCII, so that it fits into an MTA's answer

_HEADER = struct.Struct("!6H")
_PLAIN_QUERY = 0x0120  # RD, and AD: "I understand AD in the answer" (RFC 6840 §5.7)
_CHECKING_DISABLED = 0x0010
_OPT = struct.pack("!BHHIH", 0, 41, EDNS_PAYLOAD_BYTES, 0, 0)

# Extended DNS errors by which a validating resolver says that it refuses to believe what it got
# (RFC 8914 §4.6 to §4.13; 25 and 27 from IANA's registry). Indeterminate is handled like bogus
# (RFC 7672 §2.1.1).
_BOGUS_CODES = frozenset({5, 6, 7, 8, 9, 10, 11, 12, 25, 27})
_EMPTY_CODES = frozenset({0, 13})  # "other" and "cached error" name no cause


@dataclass(frozen=True, slots=True)
class Question:
    """A name as in DNS, lower case, and the type asked for; ``wire`` is the question section."""

    name: str
    rdtype: RdType
    wire: bytes


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


def make_question(name: str, rdtype: RdType) -> Question | LookupFailed:
    """Make the question for an absolute name without a final dot; "" is the root."""
    if not name.isascii():
        return _malformed(f"{name!r} is not in A-labels")
    try:
        encoded = dns.name.from_text(name or ".", dns.name.root).canonicalize()
    except dns.exception.DNSException as error:
        return _malformed(f"{name!r} cannot be looked up: {error}")
    return Question(_text(encoded), rdtype, encoded.to_digestable() + struct.pack("!HH", rdtype, 1))


def render_query(
    question: Question, query_id: int, *, has_edns: bool = True, is_checking_disabled: bool = False
) -> bytes:
    """Render a recursive query; AD is set, DO is not, since no signature is wanted here."""
    flags = _PLAIN_QUERY | (_CHECKING_DISABLED if is_checking_disabled else 0)
    header = _HEADER.pack(query_id, flags, 1, 0, 0, 1 if has_edns else 0)
    return header + question.wire + (_OPT if has_edns else b"")


def is_reply(wire: bytes, question: Question, query_id: int) -> bool:
    """Tell whether bytes claim to answer this query; what does not is dropped unread.

    A server that could not even read the query may leave the question out.
    """
    if len(wire) < _HEADER.size:
        return False
    reply_id, flags, questions, *_ = _HEADER.unpack_from(wire)
    if reply_id != query_id or not flags & dns.flags.QR or flags & 0x7800:
        return False
    if questions == 0:
        return flags & 0xF not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    section = wire[_HEADER.size : _HEADER.size + len(question.wire)]
    # Lower-casing a whole name is safe: a length byte is at most 63, "A" is 65.
    name, type_class = section[:-4], section[-4:]
    return questions == 1 and name.lower() + type_class == question.wire


def read_reply(wire: bytes, question: Question, *, is_trusted: bool) -> Reply:
    """Read what ``is_reply`` let in; ``is_trusted``: the AD flag of this server counts."""
    _, flags, _, *counts = _HEADER.unpack_from(wire)
    if flags & dns.flags.TC:
        return Truncated()
    if sum(counts) > MAX_RECORDS:
        return _malformed(f"{sum(counts)} records in one answer, at most {MAX_RECORDS} are read")
    try:
        message = dns.message.from_wire(wire)
        rcode = message.rcode()
        if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return _read_answer(message, question, rcode, is_trusted=is_trusted)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        return _malformed(f"unreadable answer: {type(error).__name__}: {error}")
    return _read_error(message, rcode)


def printable(text: str) -> str:
    """Make a reason fit for an MTA's answer and a log line: printable ASCII, bounded."""
    return "".join(char if " " <= char <= "~" else "?" for char in text[:MAX_REASON_BYTES])


def _read_error(message: dns.message.Message, rcode: dns.rcode.Rcode) -> Reply:
    name = dns.rcode.to_text(rcode)
    if rcode in (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS):
        return Unsupported(reason=name)
    errors = [option for option in message.options if isinstance(option, dns.edns.EDEOption)]
    for error in errors:
        name += f" (EDE {int(error.code)}{': ' + error.text if error.text else ''})"
    if rcode == dns.rcode.SERVFAIL:
        codes = {int(error.code) for error in errors}
        if codes <= _EMPTY_CODES:
            return Unexplained(reason=printable(name))
        failure = DnsFailure.BOGUS if codes & _BOGUS_CODES else DnsFailure.SERVFAIL
    elif rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        failure = DnsFailure.REFUSED
    else:
        failure = DnsFailure.MALFORMED
    return LookupFailed(failure=failure, reason=printable(name))


def _read_answer(
    message: dns.message.Message,
    question: Question,
    rcode: dns.rcode.Rcode,
    *,
    is_trusted: bool,
) -> Reply:
    is_secure = is_trusted and bool(message.flags & dns.flags.AD)
    sets = {
        (rrset.name.canonicalize(), rrset.rdtype): rrset
        for rrset in message.answer
        if rrset.rdclass == dns.rdataclass.IN and len(rrset) > 0
    }
    name = dns.name.from_text(question.name or ".", dns.name.root)
    seen, ttl = {name}, timedelta.max
    while True:
        rrset = sets.get((name, dns.rdatatype.RdataType.make(question.rdtype)))
        if rrset is not None:
            return Found(
                records=_RECORDS[question.rdtype](rrset),
                ttl=min(ttl, _ttl(rrset.ttl)),
                is_secure=is_secure,
                canonical=_text(name),
            )
        alias = sets.get((name, dns.rdatatype.CNAME))
        if alias is None:
            break
        ttl = min(ttl, _ttl(alias.ttl))
        name = alias[0].target.canonicalize()
        if name in seen:
            return _malformed(f"CNAME loop at {_text(name)}")
        seen.add(name)
        if len(seen) - 1 > MAX_CNAME_CHAIN:
            return _malformed(f"more than {MAX_CNAME_CHAIN} CNAMEs behind {question.name}")
    return _read_denial(
        message, rcode, is_secure=is_secure, ttl=ttl, name=_text(name), hops=len(seen) - 1
    )


def _read_denial(
    message: dns.message.Message,
    rcode: dns.rcode.Rcode,
    *,
    is_secure: bool,
    ttl: timedelta,
    name: str,
    hops: int,
) -> Reply:
    soa = next((r for r in message.authority if r.rdtype == dns.rdatatype.SOA and len(r)), None)
    if rcode == dns.rcode.NOERROR and soa is None:
        if hops:
            return Alias(target=name, hops=hops, ttl=ttl, is_secure=is_secure)
        # RFC 2308 §2.2: name servers without an SOA are a referral, not a denial, and a
        # resolver that recurses gives none.
        is_referral = any(r.rdtype == dns.rdatatype.NS for r in message.authority)
        if is_referral and not message.flags & (dns.flags.RA | dns.flags.AA):
            return LookupFailed(
                failure=DnsFailure.REFUSED, reason="a referral: this server does not recurse"
            )
    negative = DEFAULT_NEGATIVE_TTL
    if soa is not None:
        minimum = cast("dns.rdtypes.ANY.SOA.SOA", soa[0]).minimum
        negative = min(_ttl(soa.ttl), _ttl(minimum))
    return Absent(
        is_name_known=rcode == dns.rcode.NOERROR, ttl=min(ttl, negative), is_secure=is_secure
    )


def _ttl(seconds: int) -> timedelta:
    # RFC 2181 §8: a TTL with the high bit set counts as 0.
    return timedelta(seconds=0 if seconds >> 31 else seconds)


def _text(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True)


def _malformed(reason: str) -> LookupFailed:
    return LookupFailed(failure=DnsFailure.MALFORMED, reason=printable(reason))


def _read_addresses(rrset: dns.rrset.RRset) -> tuple[object, ...]:
    return tuple(rdata.address for rdata in rrset)


def _read_cname(rrset: dns.rrset.RRset) -> tuple[object, ...]:
    return tuple(_text(rdata.target.canonicalize()) for rdata in rrset)


def _read_mx(rrset: dns.rrset.RRset) -> tuple[object, ...]:
    records = cast("list[dns.rdtypes.ANY.MX.MX]", list(rrset))
    hosts = sorted((mx.preference, _text(mx.exchange.canonicalize())) for mx in records)
    return tuple(MxRecord(preference=preference, host=host) for preference, host in hosts)


def _read_txt(rrset: dns.rrset.RRset) -> tuple[object, ...]:
    return tuple(tuple(rdata.strings) for rdata in rrset)


def _read_tlsa(rrset: dns.rrset.RRset) -> tuple[object, ...]:
    records = cast("list[dns.rdtypes.ANY.TLSA.TLSA]", list(rrset))
    return tuple(
        TlsaRecord(
            usage=tlsa.usage, selector=tlsa.selector, matching_type=tlsa.mtype, data=tlsa.cert
        )
        for tlsa in records
    )


_RECORDS = {
    RdType.A: _read_addresses,
    RdType.AAAA: _read_addresses,
    RdType.CNAME: _read_cname,
    RdType.MX: _read_mx,
    RdType.TXT: _read_txt,
    RdType.TLSA: _read_tlsa,
}
