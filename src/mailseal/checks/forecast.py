"""When what protects a domain will run out: certificates of its servers, signatures of its zone."""

import enum
from dataclasses import dataclass
from datetime import datetime

from mailseal.certs import CertificateSyntaxError, read_certificate
from mailseal.checks.evidence import TlsFacts
from mailseal.checks.reading import Reading


class EndKind(enum.StrEnum):
    """What it is that ends."""

    MX_CERTIFICATE = "mx-certificate"
    POLICY_CERTIFICATE = "policy-certificate"
    SIGNATURE = "dnssec-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One thing with its last instant; ``subject`` is the server's name, or the domain."""

    kind: EndKind
    subject: str
    at: datetime

    @property
    def is_certificate(self) -> bool:
        """Tell whether a certificate ends."""
        return self.kind is not EndKind.SIGNATURE


def foresee_ends(reading: Reading) -> tuple[End, ...]:
    """Return the first end of each server's own certificate, and of the signatures; next first."""
    ends: dict[tuple[EndKind, str], datetime] = {}

    def note(kind: EndKind, subject: str, at: datetime | None) -> None:
        if at is not None:
            ends[kind, subject] = min(at, ends.get((kind, subject), at))

    for host in reading.hosts:
        for session in host.sessions:
            note(EndKind.MX_CERTIFICATE, host.name, end_of(session.tls))
    policy_host = reading.evidence.policy_host
    if policy_host is not None:
        for fetch in policy_host.fetches:
            note(EndKind.POLICY_CERTIFICATE, policy_host.name, end_of(fetch.tls))
    signatures = reading.evidence.records.signatures
    if signatures is not None:
        note(EndKind.SIGNATURE, reading.domain, signatures.first_expiry)
    found = (End(kind=kind, subject=str(subject), at=at) for (kind, subject), at in ends.items())
    return tuple(sorted(found, key=lambda end: (end.at, end.kind, end.subject)))


def end_of(tls: TlsFacts | None) -> datetime | None:
    """Return when a server's own certificate ends; None without one that can be read."""
    if tls is None or not tls.chain:
        return None
    try:
        return read_certificate(tls.chain[0]).not_after
    except CertificateSyntaxError:
        return None
