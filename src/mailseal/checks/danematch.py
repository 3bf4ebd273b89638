"""TLSA records against what every address of an MX host shows (RFC 7672 §3.1, §3.2)."""

from collections.abc import Iterator

from mailseal.checks.context import each_session, is_verified_by_dane
from mailseal.checks.finding import Entry, Finding, Ready, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading
from mailseal.checks.tlsarecords import propose_for_chain
from mailseal.dane.match import (
    DANE_TA,
    DaneOutcome,
    RecordMatch,
    Standing,
    names_certificate,
)
from mailseal.dane.presented import Presented
from mailseal.results import ResultType

MISMATCH = Entry(
    code="tlsa-mismatch",
    title="an MX host shows a key that its TLSA records do not name",
    about="The certificate or its key was changed and the records were not, or the other way "
    "round. Senders with DANE hold their mail back; those without notice nothing.",
    clause="RFC 7672 §2.2, §3.1.1",
    result=ResultType.TLSA_INVALID,
)
NOT_SENT = Entry(
    code="tlsa-issuer-not-sent",
    title="an MX host does not send the certificate that its TLSA record names",
    about="A record of usage 2 names the certificate of an issuer. Unless it holds that as a "
    "whole, the server has to send it in its chain, even if it is a root.",
    clause="RFC 7672 §3.1.2, RFC 7671 §5.2.2",
    result=ResultType.TLSA_INVALID,
)
REFUSED = Entry(
    code="tlsa-issuer-refused",
    title="the chain below the issuer that a TLSA record names is bad",
    about="For usage 2 the chain has to lead to the issuer with valid dates, and the server's "
    "certificate has to be for the host or the domain.",
    clause="RFC 7672 §3.1.2, §3.2.2",
    result=ResultType.CERTIFICATE_NOT_TRUSTED,
)
SUPERSEDED = Entry(
    code="tlsa-stronger-digest-stale",
    title="a TLSA record with a stronger digest silences the one that is right",
    about="Of several digests of one kind a sender takes only the strongest. A SHA-256 record "
    "for the new key is not looked at while a SHA-512 record for the old one stands beside it.",
    clause="RFC 7671 §9",
    result=ResultType.TLSA_INVALID,
)

UNCHECKED = Entry(
    code="tlsa-unchecked",
    title="not all TLSA records of an MX host could be tried",
    about="An issuer that is given as a whole has to be tried with every certificate, and the "
    "work that one domain may cause is bounded. No record that was tried matches; of the others "
    "nothing is known.",
    clause="RFC 7671 §10.1.2",
)

ENTRIES = (MISMATCH, NOT_SENT, REFUSED, SUPERSEDED, UNCHECKED)

_FOLLOWS = "Senders with DANE do not deliver there; their mail waits, and comes back after days."
_MAY_FOLLOW = (
    "The MX records are not signed, so most senders ignore the records; some verify the host all "
    "the same, Postfix among them (smtp_tls_dane_insecure_mx_policy), and do not deliver there."
)

_REMEDY_FOR_ISSUERS = (
    "Either the certificate is from another issuer now, or the issuer that is named is not sent: "
    "send the whole chain up to it, even if it is a root. The record of the server's own key does "
    "without any issuer."
)


def check(reading: Reading) -> Iterator[Finding]:
    """Match the records of every host with every chain that it shows."""
    yield from each_session(reading, _judge)


def _judge(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    match, tls = one.dane, one.session.tls
    if match is None or tls is None:
        return
    is_binding = is_verified_by_dane(reading, host)
    if match.outcome is DaneOutcome.UNKNOWN and is_binding:
        yield _say_unchecked(host, tls.chain)
    if match.outcome is not DaneOutcome.REFUSED:
        return
    severity = Severity.ERROR if is_binding else Severity.WARNING
    follows = _FOLLOWS if is_binding else _MAY_FOLLOW
    ready = propose_for_chain(host, tls.chain)
    if refused := match.of(Standing.REFUSED):
        yield _say_refused(severity, host, refused[0], follows, ready)
    elif _names_key(match.of(Standing.SUPERSEDED), tls.chain):
        yield SUPERSEDED.found(
            severity,
            host.name,
            seen=f"A TLSA record of {host.name} is right, but one with a stronger digest is not.",
            follows=follows,
            remedy="Remove the records of matching type 2, or correct them.",
            ready=ready,
        )
    elif _are_about_issuers(match.of(Standing.NO_MATCH)) and len(tls.chain) < 2:
        yield NOT_SENT.found(
            severity,
            host.name,
            seen=f"The TLSA records of {host.name} name an issuer, and it sends none: nothing but "
            "its own certificate.",
            follows=follows,
            remedy="Send the whole chain, up to the certificate that the record names; or "
            "publish the record of the server's own key.",
            ready=ready,
        )
    else:
        yield MISMATCH.found(
            severity,
            host.name,
            seen=f"None of the {len(host.dane.records)} TLSA records of {host.name} names what it "
            "shows."
            if len(host.dane.records) > 1
            else f"The TLSA record of {host.name} does not name what it shows.",
            follows=follows,
            remedy=_REMEDY_FOR_ISSUERS
            if _are_about_issuers(match.of(Standing.NO_MATCH))
            else "If the key is the right one, publish its record; else give the server its "
            "old key back. Do the first before the second next time: records are cached.",
            ready=ready,
        )


def _say_unchecked(host: HostReading, chain: tuple[bytes, ...]) -> Finding:
    return UNCHECKED.found(
        Severity.UNKNOWN,
        host.name,
        seen=f"To try all {len(host.dane.records)} TLSA records of {host.name} takes more work "
        "than a check does, and those that were tried do not match.",
        follows="Whether senders with DANE deliver there is not known.",
        remedy="Publish digests (matching type 1) in place of whole certificates and keys; one "
        "3 1 1 record for each key asks for the least work.",
        ready=propose_for_chain(host, chain),
    )


def _say_refused(
    severity: Severity,
    host: HostReading,
    refused: RecordMatch,
    follows: str,
    ready: tuple[Ready, ...],
) -> Finding:
    reason = refused.reason
    result = ResultType.CERTIFICATE_NOT_TRUSTED
    if " expired on " in reason:
        result = ResultType.CERTIFICATE_EXPIRED
    elif ", not for " in reason:
        result = ResultType.CERTIFICATE_HOST_MISMATCH
    return REFUSED.found(
        severity,
        host.name,
        seen=f"{host.name} sends the issuer that its TLSA record names, but {reason}.",
        follows=follows,
        remedy="Renew the certificate for the right name, or publish the record of the server's "
        "own key, for which neither names nor dates count.",
        ready=ready,
        result=result,
    )


def _names_key(matches: tuple[RecordMatch, ...], chain: tuple[bytes, ...]) -> bool:
    shown = [Presented.read(der) for der in chain]
    return any(
        names_certificate(match.record, certificate)
        for match in matches
        for certificate in (shown[1:] if match.record.usage == DANE_TA else shown[:1])
    )


def _are_about_issuers(matches: tuple[RecordMatch, ...]) -> bool:
    return bool(matches) and all(match.record.usage == DANE_TA for match in matches)
