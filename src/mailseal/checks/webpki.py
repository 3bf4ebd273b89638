"""What public authorities' certificates are worth for one host name (RFC 8461 §3.3, §4.2)."""

import enum
from dataclasses import dataclass
from datetime import datetime

from mailseal.certs import CertificateFacts, CertificateSyntaxError, covers_name, read_certificate
from mailseal.checks.evidence import TlsFacts
from mailseal.quoting import name_some
from mailseal.results import ResultType

GOOD_VERSIONS = frozenset({"TLSv1.2", "TLSv1.3"})  # RFC 8461 §7.2, RFC 8996


class Flaw(enum.StrEnum):
    """What keeps a sender from believing a TLS session."""

    OLD_TLS = "old-tls"
    NO_CERTIFICATE = "no-certificate"
    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_NAME = "wrong-name"
    SELF_SIGNED = "self-signed"
    INCOMPLETE_CHAIN = "incomplete-chain"
    UNKNOWN_CA = "unknown-ca"
    DISTRUSTED = "distrusted"  # anything else that the TLS library objects to


_RESULTS = {
    Flaw.OLD_TLS: ResultType.VALIDATION_FAILURE,
    Flaw.EXPIRED: ResultType.CERTIFICATE_EXPIRED,
    Flaw.WRONG_NAME: ResultType.CERTIFICATE_HOST_MISMATCH,
    Flaw.SELF_SIGNED: ResultType.CERTIFICATE_NOT_TRUSTED,
    Flaw.INCOMPLETE_CHAIN: ResultType.CERTIFICATE_NOT_TRUSTED,
    Flaw.UNKNOWN_CA: ResultType.CERTIFICATE_NOT_TRUSTED,
    Flaw.DISTRUSTED: ResultType.CERTIFICATE_NOT_TRUSTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One flaw; ``seen`` is half a sentence that names dates and names."""

    flaw: Flaw
    seen: str

    @property
    def result(self) -> ResultType:
        """TLSRPT's word for it on an MX host; on a policy host it is ``sts-webpki-invalid``."""
        return _RESULTS.get(self.flaw, ResultType.VALIDATION_FAILURE)


def judge_chain(tls: TlsFacts, host: str, now: datetime) -> tuple[Problem, ...]:
    """Return everything that keeps a sender from believing this session to be with ``host``.

    Dates are judged at ``now``, the rest of the chain as the observer's trust store saw it.
    """
    problems = []
    if tls.version not in GOOD_VERSIONS:
        seen = f"it speaks {tls.version} at best, and TLS 1.2 is the least"
        problems.append(Problem(flaw=Flaw.OLD_TLS, seen=seen))
    if not tls.chain:
        return (*problems, Problem(flaw=Flaw.NO_CERTIFICATE, seen="it shows no certificate"))
    try:
        leaf = read_certificate(tls.chain[0])
    except CertificateSyntaxError as error:
        return (*problems, Problem(flaw=Flaw.UNREADABLE, seen=str(error)))
    dates = _judge_dates(leaf, now)
    problems += dates
    if not covers_name(leaf.names, host):
        problems.append(Problem(flaw=Flaw.WRONG_NAME, seen=_say_names(leaf.names)))
    problems += _judge_trust(tls, leaf, is_dated=bool(dates))
    return tuple(problems)


def _judge_dates(leaf: CertificateFacts, now: datetime) -> list[Problem]:
    if now > leaf.not_after:
        seen = f"the certificate expired on {leaf.not_after:%Y-%m-%d}"
        return [Problem(flaw=Flaw.EXPIRED, seen=seen)]
    if now < leaf.not_before:
        seen = f"the certificate is not valid before {leaf.not_before:%Y-%m-%d %H:%M} UTC"
        return [Problem(flaw=Flaw.NOT_YET_VALID, seen=seen)]
    return []


def _judge_trust(tls: TlsFacts, leaf: CertificateFacts, *, is_dated: bool) -> list[Problem]:
    match tls.distrust:
        case "":
            return []
        case "expired" | "not-yet-valid":
            if is_dated:
                return []
            seen = f"a certificate above the server's own is {tls.distrust.replace('-', ' ')}"
            return [Problem(flaw=Flaw.DISTRUSTED, seen=seen)]
        case "self-signed":
            return [Problem(flaw=Flaw.SELF_SIGNED, seen="the certificate is self-signed")]
        case "incomplete-chain":
            seen = "the intermediate certificate is missing from what the server sends"
            return [Problem(flaw=Flaw.INCOMPLETE_CHAIN, seen=seen)]
        case "unknown-ca":
            seen = f"no public authority vouches for the certificate; its issuer is {leaf.issuer}"
            return [Problem(flaw=Flaw.UNKNOWN_CA, seen=seen)]
        case other:
            return [Problem(flaw=Flaw.DISTRUSTED, seen=f"the chain is refused: {other}")]


def _say_names(names: tuple[str, ...]) -> str:
    if not names:
        return "the certificate holds no DNS name (the common name does not count)"
    return f"the certificate is for {name_some(names, 5)}"
