"""What a domain of the lab is made of: declared as values, started elsewhere."""

from dataclasses import dataclass
from enum import Enum, auto

from lab.ca import Flaw


class ZoneState(Enum):
    """How the DNS of a domain behaves."""

    UNSIGNED = auto()
    SIGNED = auto()
    BOGUS = auto()  # signed, and every signature is broken
    FAILING = auto()  # delegated to a server that answers SERVFAIL
    SILENT = auto()  # delegated to an address that never answers
    A_ONLY = auto()  # delegated to a server that answers SERVFAIL to whatever is not type A
    ABSENT = auto()  # not delegated: NXDOMAIN


class StartTls(Enum):
    """What an MX host says about STARTTLS."""

    OFFERED = auto()
    MISSING = auto()  # the server has no TLS
    STRIPPED = auto()  # the server offers it, somebody on the way takes it out


class Tlsa(Enum):
    """The TLSA records of an MX host (port 25)."""

    NONE = auto()
    MATCHING = auto()  # 3 1 1 of the certificate it presents
    MISMATCHING = auto()  # 3 1 1 of another key
    ISSUER = auto()  # 2 0 1 of the CA that issued its certificate
    UNUSABLE = auto()  # 1 1 1: PKIX usages do not count in SMTP, RFC 7672 §3.1.3
    BOGUS = auto()  # as MATCHING, with a broken signature


class Answer(Enum):
    """What a policy host does when it is asked for the policy."""

    POLICY = auto()
    NOT_FOUND = auto()  # 404
    ERROR = auto()  # 500
    REDIRECT = auto()  # 301 to a good policy elsewhere
    HTML = auto()  # the policy as text/html
    HANG = auto()  # accepts, shakes hands, never answers
    DRIBBLE = auto()  # sends the body byte by byte
    REFUSE = auto()  # nothing listens


@dataclass(frozen=True, slots=True, kw_only=True)
class MxHost:
    """An SMTP server; ``certificate_names`` is empty for its own name.

    It listens at all ``ports`` alike; TLSA records are those of port 25.
    """

    name: str
    preference: int = 10
    flaw: Flaw = Flaw.NONE
    certificate_names: tuple[str, ...] = ()
    starttls: StartTls = StartTls.OFFERED
    tlsa: Tlsa = Tlsa.NONE
    ports: tuple[int, ...] = (25,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyHost:
    """An HTTPS server that is asked for one policy; ``body`` has CRLF line ends.

    Its certificate is for the policy host of its domain, and of those in ``also``.
    """

    body: str
    answer: Answer = Answer.POLICY
    flaw: Flaw = Flaw.NONE
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A DNS record; ``name`` is absolute without the last dot, ``data`` as in a zone file."""

    name: str
    rdtype: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDomain:
    """A mail domain of the lab, and in ``shows`` what it is there for.

    ``sts_records`` are the TXT records at ``_mta-sts``, ``more`` are records
    beyond those that MX hosts and the policy host bring; ``bogus`` names the
    record sets of a signed zone whose signature is broken.
    """

    name: str
    shows: str
    zone: ZoneState = ZoneState.UNSIGNED
    mx: tuple[MxHost, ...] = ()
    sts_records: tuple[str, ...] = ()
    policy_host: PolicyHost | None = None
    more: tuple[Record, ...] = ()
    bogus: tuple[tuple[str, str], ...] = ()
    announces_mx: bool = True  # else the MX hosts exist without MX records


def policy_text(mode: str, *mx: str, max_age: int = 604_800) -> str:
    """Render a policy as its owner would write it (RFC 8461 §3.2), with CRLF."""
    patterns = (f"mx: {pattern}" for pattern in mx)
    lines = ("version: STSv1", f"mode: {mode}", *patterns, f"max_age: {max_age}")
    return "".join(f"{line}\r\n" for line in lines)
