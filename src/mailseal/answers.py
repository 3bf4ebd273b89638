"""What DNS said, as values: an answer, a proven absence, or a failure to ask (RFC 7672 §2.1).

"There is none" and "could not find out" are never the same value here: the first may be
remembered and acted upon, the second proves nothing. The three are tagged structs, so that an
answer can be written down and read again as what it was.
"""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import msgspec

T_co = TypeVar("T_co", covariant=True)


class RdType(enum.IntEnum):
    """The record types that mailseal asks for (IANA DNS parameters)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    MX = 15
    TXT = 16
    AAAA = 28
    DS = 43
    DNSKEY = 48
    NSEC3PARAM = 51
    TLSA = 52
    CAA = 257


class Found(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True, tag="found"):
    """At least one record of the type asked for.

    ``canonical`` is the name that the records stand at, after CNAMEs, without a final dot.
    ``is_secure`` says that a resolver trusted for it has validated the whole answer, every
    alias on the way included. ``ttl`` is the smallest of the answer's.
    """

    records: tuple[T_co, ...]
    ttl: timedelta
    is_secure: bool
    canonical: str


class Absent(msgspec.Struct, frozen=True, kw_only=True, tag="absent"):
    """No such record: NODATA when ``is_name_known``, else NXDOMAIN.

    ``ttl`` is how long that may be remembered (RFC 2308: the SOA's minimum and TTL).
    ``is_secure`` says the denial was validated.
    """

    is_name_known: bool
    ttl: timedelta
    is_secure: bool


class DnsFailure(enum.StrEnum):
    """Why nothing was learnt."""

    SERVFAIL = "servfail"
    BOGUS = "bogus"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    MALFORMED = "malformed"


class LookupFailed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """No resolver gave an answer: what the last one did, in ``reason`` (printable ASCII)."""

    failure: DnsFailure
    reason: str


Answer = Found[T_co] | Absent | LookupFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class MxRecord:
    """One MX record; ``host`` as in DNS, lower case, without a final dot, "" for a null MX."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaaRecord:
    """One CAA record (RFC 8659 §4); ``tag`` is in lower case."""

    flags: int
    tag: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DsRecord:
    """One DS record (RFC 4034 §5): which key of the child its parent vouches for."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DnskeyRecord:
    """One DNSKEY record (RFC 4034 §2); ``key`` is the algorithm's own form."""

    flags: int
    algorithm: int
    key: bytes


def all_addresses(a: Answer[str], aaaa: Answer[str]) -> tuple[str, ...]:
    """Return every address of a host once, IPv6 and IPv4 in turns.

    So a broken family costs little (RFC 8305 §4), and a bound cuts both.
    """
    v6 = aaaa.records if isinstance(aaaa, Found) else ()
    v4 = a.records if isinstance(a, Found) else ()
    mixed = [one for pair in zip(v6, v4, strict=False) for one in pair]
    return tuple(dict.fromkeys([*mixed, *v6, *v4]))
