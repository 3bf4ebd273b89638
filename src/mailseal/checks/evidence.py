"""Everything observed about how mail reaches a domain, and nothing concluded from it.

All times are aware UTC. Texts that servers sent are printable ASCII and bounded by whoever
observed them; certificates are DER. A look-up that was not made is None, one that failed says
why: neither is ever an absence.
"""

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailseal.answers import Answer, CaaRecord, DnskeyRecord, DsRecord, MxRecord
from mailseal.dane.tlsa import TlsaRecord

FORMAT = 1  # of saved evidence; a program refuses one that is newer than its own
SMTP_PORT = 25


class Depth(enum.StrEnum):
    """How far an observation goes; each includes the ones before."""

    DNS = "dns"
    POLICY = "policy"
    SMTP = "smtp"


class Trouble(enum.StrEnum):
    """Why no more was learnt from a server.

    Only ``REFUSED``, ``REJECTED``, ``PROTOCOL`` and ``TLS`` say something about the server;
    with the others nobody knows what another sender would meet.
    """

    TIMEOUT = "timeout"
    REFUSED = "refused"  # TCP: nothing listens there
    CLOSED = "closed"  # the connection ended in the middle
    UNREACHABLE = "unreachable"  # no route from here
    BLOCKED = "blocked"  # this machine may not connect to that port anywhere
    NO_FAMILY = "no-family"  # this machine has no IPv6, or no IPv4
    BUSY = "busy"  # 421 or another 4xx: rate limit, greylisting
    REJECTED = "rejected"  # 5xx where success was due
    PROTOCOL = "protocol"  # not the protocol, or beyond its bounds
    TLS = "tls"  # the handshake failed
    SKIPPED = "skipped"  # not tried: a bound of ours, an opt-out, a private address


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What ended an observation early; ``code`` is the server's own, if it gave one.

    ``reason`` is half a sentence for people. Of a mail server that answered it is the answer,
    code and all: "421 4.7.0 Too many connections". ``again_in`` is when to ask a server that was
    not asked now because it is given a rest.
    """

    trouble: Trouble
    reason: str
    code: int | None = None
    again_in: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What a TLS handshake came to, whatever the certificate is worth.

    ``chain`` is as the server sent it, its own certificate first. ``distrust`` is empty where the
    chain leads to a public authority by the observer's trust store (names are not compared),
    else says in one word why not: ``expired``, ``not-yet-valid``, ``self-signed``,
    ``incomplete-chain``, ``unknown-ca``, or OpenSSL's own.
    ``group`` is the key exchange's, empty where the TLS library does not tell.
    """

    version: str
    cipher: str
    chain: tuple[bytes, ...]
    distrust: str
    group: str = ""


class Stage(enum.StrEnum):
    """How far an SMTP session came: the last step that was completed."""

    NOTHING = "nothing"
    CONNECTED = "connected"
    GREETED = "greeted"
    EHLO = "ehlo"
    STARTTLS = "starttls"  # 220 to STARTTLS
    TLS = "tls"
    EHLO_AGAIN = "ehlo-again"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepSmtp:
    """What a few more connections to one address showed; None for what could not be found out.

    ``old_versions`` are the obsolete TLS versions that a handshake succeeded with.
    ``chain_without_sni`` is the chain presented to a client that names no host, empty where the
    server does not want to speak to such.
    ``other_chain`` is the chain for the other kind of key (RSA or ECDSA), empty where there is
    none.
    ``runs_injected`` says that a command sent in clear behind STARTTLS was answered within TLS.
    ``stopped_by`` is what ended the look: a server that does not want to be asked any more.
    """

    old_versions: tuple[str, ...] | None = None
    chain_without_sni: tuple[bytes, ...] | None = None
    other_chain: tuple[bytes, ...] | None = None
    runs_injected: bool | None = None
    stopped_by: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSession:
    """One connection to one address of an MX host, up to the EHLO within TLS.

    ``offers_starttls`` is None unless an EHLO was answered: a server that is busy, slow or
    closed has not said that it lacks TLS. ``extensions`` are EHLO's keywords with parameters.
    """

    host: str
    address: str
    port: int = SMTP_PORT
    started_at: datetime
    duration: timedelta
    stage: Stage
    failure: Failure | None = None
    banner: str = ""
    extensions: tuple[str, ...] = ()
    offers_starttls: bool | None = None
    starttls_reply: str = ""
    tls: TlsFacts | None = None
    extensions_in_tls: tuple[str, ...] = ()
    deep: DeepSmtp | None = None

    @classmethod
    def not_held(
        cls, host: str, address: str, failure: Failure, at: datetime, *, port: int = SMTP_PORT
    ) -> "SmtpSession":
        """Return what is written down where nobody connected, and why."""
        return cls(
            host=str(host),
            address=address,
            port=port,
            started_at=at,
            duration=timedelta(0),
            stage=Stage.NOTHING,
            failure=failure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsaLookup:
    """TLSA at one base domain of an MX host (RFC 7672 §2.2.3); ``name`` is the whole name asked.

    ``at_name`` is what a look-up of an address at that same name gave: a server whose denials
    are broken fails it, too.
    """

    base: str
    name: str
    answer: Answer[TlsaRecord]
    at_name: Answer[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvidence:
    """One host that takes the domain's mail: its addresses, its TLSA records, its sessions.

    ``alias`` is the CNAME at the host's own name, asked only where it matters.
    """

    name: str
    a: Answer[str]
    aaaa: Answer[str]
    alias: Answer[str] | None = None
    tlsa: tuple[TlsaLookup, ...] = ()
    caa: Answer[CaaRecord] | None = None
    sessions: tuple[SmtpSession, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFetch:
    """One GET of the policy from one address; headers in their order, names in lower case.

    ``status`` is None where no response began. ``body`` is what came, at most the limit;
    ``is_whole`` says that it is all of it. ``user_agent`` is what we said who we are.
    """

    address: str
    started_at: datetime
    duration: timedelta
    failure: Failure | None = None
    tls: TlsFacts | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_whole: bool = False
    user_agent: str = ""

    def header(self, name: str) -> str | None:
        """Return the value of the first header of a name, given in lower case."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyHostEvidence:
    """``mta-sts.DOMAIN``: where it leads, and what each of its addresses served.

    ``as_browser`` are second fetches with the name of a browser, made only from addresses that
    turned the first one away. ``elsewhere`` are fetches from where people put the file by
    mistake, by path or URL, made only where the right place had none. No sender makes either.
    """

    name: str
    a: Answer[str]
    aaaa: Answer[str]
    alias: Answer[str] | None = None
    fetches: tuple[PolicyFetch, ...] = ()
    as_browser: tuple[PolicyFetch, ...] = ()
    elsewhere: tuple[tuple[str, PolicyFetch], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimLookup:
    """TXT at ``SELECTOR._domainkey.DOMAIN``, for a selector that was asked about."""

    selector: str
    answer: Answer[tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientEvidence:
    """MX of a domain that reports are to be mailed to (RFC 8460 §3)."""

    domain: str
    mx: Answer[MxRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityAnswer:
    """What one authoritative server says of one name, asked directly (deep).

    ``server`` is its name, ``rdtype`` the type asked for. ``texts`` are the records in the order
    of their letters: for TXT the strings of each joined, for SOA the serial number, for TLSA
    ``3 1 1`` and the data in hex; none at all is a denial. Without ``texts`` the ``failure`` says
    in half a sentence why not: it is silent, refuses, or does not serve the name.
    """

    server: str
    address: str
    name: str
    rdtype: str
    texts: tuple[str, ...] | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What the domain's DNSSEC signatures look like (deep): when the first of them ends, and how
    often NSEC3 hashes; None for NSEC or where it is not known."""

    first_expiry: datetime | None = None
    nsec3_iterations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvidence:
    """The domain's own records. ``txt`` are those at the domain, with SPF among them.

    ``unlikely`` is what a name below the domain that nobody has made says to TXT and A: anything
    there is a wildcard. ``legacy`` is TXT at ``_smtp-tlsrpt``, a name of drafts.
    """

    mx: Answer[MxRecord]
    sts: Answer[tuple[bytes, ...]]
    sts_alias: Answer[str] | None = None
    tlsrpt: Answer[tuple[bytes, ...]] | None = None
    tlsrpt_alias: Answer[str] | None = None
    legacy: Answer[tuple[bytes, ...]] | None = None
    txt: Answer[tuple[bytes, ...]] | None = None
    dmarc: Answer[tuple[bytes, ...]] | None = None
    parent_dmarc: Answer[tuple[bytes, ...]] | None = None
    dkim: tuple[DkimLookup, ...] = ()
    caa: Answer[CaaRecord] | None = None
    ds: Answer[DsRecord] | None = None
    dnskey: Answer[DnskeyRecord] | None = None
    unlikely_txt: Answer[tuple[bytes, ...]] | None = None
    unlikely_a: Answer[str] | None = None
    recipients: tuple[RecipientEvidence, ...] = ()
    authorities: tuple[AuthorityAnswer, ...] = ()
    signatures: SignatureFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Who observed: what this machine can reach, and whether its resolver validates.

    ``validates`` is None where that is not known. ``may_use_port_25`` is False where connections
    to port 25 are blocked whatever the address, None where that was not found out.
    ``is_inside`` says that addresses of private networks may be contacted: they are reachable
    then, by the operator's word.
    """

    program: str
    name: str
    has_ipv4: bool = True
    has_ipv6: bool = True
    validates: bool | None = None
    may_use_port_25: bool | None = None
    is_inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was observed of one domain between two instants."""

    domain: str
    started_at: datetime
    finished_at: datetime
    depth: Depth
    observer: Observer
    records: RecordEvidence
    policy_host: PolicyHostEvidence | None = None
    mx_hosts: tuple[HostEvidence, ...] = ()
    is_deep: bool = False
    format: int = field(default=FORMAT)
