"""What DNS said, as values: an answer, a proven absence, or a failure to ask (RFC 7672 §2.1).

"There is none" and "could not find out" are never the same value here: the first may be
remembered and acted upon, the second proves nothing.
"""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class RdType(enum.IntEnum):
    """The record types that mailseal asks for (IANA DNS parameters)."""

    A = 1
    CNAME = 5
    MX = 15
    TXT = 16
    AAAA = 28
    TLSA = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[T_co]):
    """At least one record of the type asked for.

    ``canonical`` is the name that the records stand at, after CNAMEs, without a final dot.
    ``is_secure`` says that a resolver trusted for it has validated the whole answer, every
    alias on the way included. ``ttl`` is the smallest of the answer's.
    """

    records: tuple[T_co, ...]
    ttl: timedelta
    is_secure: bool
    canonical: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupFailed:
    """No resolver gave an answer: what the last one did, in ``reason`` (printable ASCII)."""

    failure: DnsFailure
    reason: str


Answer = Found[T_co] | Absent | LookupFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class MxRecord:
    """One MX record; ``host`` as in DNS, lower case, without a final dot, "" for a null MX."""

    preference: int
    host: str
