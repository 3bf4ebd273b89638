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


class Manner(Enum):
    """How an MX host talks: honestly, by Postfix, or as ``lab/odd_mx.py`` plays it."""

    HONEST = "honest"
    # It says that it has no time, or none for us.
    BUSY_GREETING = "busy-greeting"  # 421 in place of a greeting
    BUSY_EHLO = "busy-ehlo"
    BUSY_STARTTLS = "busy-starttls"
    LATER_STARTTLS = "later-starttls"  # 454: TLS not available for the moment
    GREYLISTING = "greylisting"  # 451 to EHLO
    REJECTING = "rejecting"  # 554 in place of a greeting
    TARPIT = "tarpit"  # no greeting within anybody's patience
    CLOSING = "closing"  # hangs up at once
    # It never comes to an end.
    ENDLESS_GREETING = "endless-greeting"
    LONG_LINES = "long-lines"  # of 64 KiB, and on
    DRIP = "drip"  # a byte now and then
    ENDLESS_IN_TLS = "endless-in-tls"
    # It is something else.
    WEB_SERVER = "web-server"
    NO_ESMTP = "no-esmtp"  # knows HELO alone
    MASKED = "masked"  # a firewall has written XXXXXXXA over STARTTLS
    # It offers STARTTLS, and then.
    REFUSING_STARTTLS = "refusing-starttls"  # 502
    CLOSING_HANDSHAKE = "closing-handshake"
    CLEAR_HANDSHAKE = "clear-handshake"  # goes on in clear
    CLOSING_IN_TLS = "closing-in-tls"
    # It does TLS, in its own way.
    PLAYED = "played"  # well
    TLS_1_0 = "tls-1.0"  # and nothing newer
    TLS_1_0_TOO = "tls-1.0-too"
    WEAK_CIPHER = "weak-cipher"
    OTHER_WITHOUT_SNI = "other-without-sni"  # self-signed to whoever names no host
    INJECTABLE = "injectable"  # runs within TLS what came in clear behind STARTTLS


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
    NO_ROBOTS = auto()  # 403 to whoever is no browser
    MISPLACED = auto()  # 404, and the policy one folder up
    ABANDONED = auto()  # the page of a hosting service where nobody claims the name
    COMPRESSED = auto()  # gzip, whatever was asked for
    NO_TYPE = auto()  # no Content-Type
    # Played by lab/odd_https.py.
    CLOSING = "closing"  # hangs up at once
    CLEAR = "clear"  # speaks HTTP in place of TLS
    TLS_1_0 = "tls-1.0"  # and nothing newer
    NOT_HTTP = "not-http"  # within TLS
    ENDLESS_HEAD = "endless-head"
    LONG_HEADER = "long-header"  # one line, and on
    ENDLESS_BODY = "endless-body"
    CUT = "cut"  # ends in the middle of the body

    @property
    def is_played(self) -> bool:
        """Whether nginx cannot do it."""
        return isinstance(self.value, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Another address of an MX host, where things may be different."""

    manner: Manner = Manner.PLAYED
    flaw: Flaw = Flaw.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class MxHost:
    """An SMTP server; ``certificate_names`` is empty for its own name.

    It listens at all ``ports`` alike; TLSA records are those of port 25. One with another
    ``manner`` than HONEST has no mailbox.
    """

    name: str
    preference: int = 10
    flaw: Flaw = Flaw.NONE
    certificate_names: tuple[str, ...] = ()
    starttls: StartTls = StartTls.OFFERED
    tlsa: Tlsa = Tlsa.NONE
    ports: tuple[int, ...] = (25,)
    manner: Manner = Manner.HONEST
    second: Place | None = None


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
    record sets of a signed zone whose signature is broken. With
    ``has_neighbours`` it has the records beside that a well-kept domain has.
    ``finds`` is what ``mailseal check`` has to find, with ``--deep`` if
    ``is_deep``: severity and code, such as "error mx-host-gone". It is exactly
    that, but for mere information: of that there may be more.
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
    has_neighbours: bool = True
    finds: tuple[str, ...] = ()
    is_deep: bool = False


STS_RECORD = "v=STSv1; id=1;"


def policy_host(label: str, mode: str = "enforce") -> PolicyHost:
    """Declare the policy host of ``LABEL.test``, which has one MX host ``mx.LABEL.test``."""
    return PolicyHost(body=policy_text(mode, f"mx.{label}.test"))


def policy_text(mode: str, *mx: str, max_age: int = 604_800) -> str:
    """Render a policy as its owner would write it (RFC 8461 §3.2), with CRLF."""
    patterns = (f"mx: {pattern}" for pattern in mx)
    lines = ("version: STSv1", f"mode: {mode}", *patterns, f"max_age: {max_age}")
    return "".join(f"{line}\r\n" for line in lines)
