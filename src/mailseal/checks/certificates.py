"""Certificates of MX hosts, as senders of MTA-STS look at them (RFC 8461 §4.2)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from mailseal.certs import CertificateSyntaxError, read_certificate
from mailseal.checks.context import (
    each_session,
    is_verified_by_dane,
    judge_bad_certificate,
    say_loss_by_certificate,
)
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading
from mailseal.checks.webpki import Flaw, Problem
from mailseal.dane.match import DANE_TA, Standing
from mailseal.mtasts.policy import Mode
from mailseal.results import ResultType

SOON = timedelta(days=14)  # ours: automatic renewal has failed for two weeks by then

_DANE_TOO = "Senders with DANE look at it only where a TLSA record has usage 2."


def _entry(flaw: Flaw, title: str, about: str, result: ResultType) -> Entry:
    return Entry(
        code=f"certificate-{flaw}",
        title=title,
        about=about,
        clause="RFC 8461 §4.2",
        result=result,
    )


_FLAWS = {
    Flaw.NO_CERTIFICATE: _entry(
        Flaw.NO_CERTIFICATE,
        "an MX host shows no certificate",
        "TLS with an anonymous cipher hides mail from listeners, and proves nothing.",
        ResultType.CERTIFICATE_NOT_TRUSTED,
    ),
    Flaw.UNREADABLE: _entry(
        Flaw.UNREADABLE,
        "the certificate of an MX host cannot be read",
        "It is damaged, or of a kind that no sender knows.",
        ResultType.VALIDATION_FAILURE,
    ),
    Flaw.EXPIRED: _entry(
        Flaw.EXPIRED,
        "the certificate of an MX host has expired",
        f"Senders of MTA-STS do not believe it any more. {_DANE_TOO}",
        ResultType.CERTIFICATE_EXPIRED,
    ),
    Flaw.NOT_YET_VALID: _entry(
        Flaw.NOT_YET_VALID,
        "the certificate of an MX host is not valid yet",
        f"It was put to use before its time, or a clock is wrong. {_DANE_TOO}",
        ResultType.VALIDATION_FAILURE,
    ),
    Flaw.WRONG_NAME: _entry(
        Flaw.WRONG_NAME,
        "the certificate is not for the name of the MX host",
        "It has to hold the name that stands in the MX record, not that of the domain, as a "
        "DNS name; a star stands for exactly one label, and the common name does not count.",
        ResultType.CERTIFICATE_HOST_MISMATCH,
    ),
    Flaw.SELF_SIGNED: _entry(
        Flaw.SELF_SIGNED,
        "the certificate of an MX host is self-signed",
        "No public authority vouches for it. For DANE that is good enough, for MTA-STS not.",
        ResultType.CERTIFICATE_NOT_TRUSTED,
    ),
    Flaw.INCOMPLETE_CHAIN: _entry(
        Flaw.INCOMPLETE_CHAIN,
        "an MX host does not send its whole chain",
        "The intermediate certificate is missing. Web browsers fetch it by themselves, mail "
        "servers do not.",
        ResultType.CERTIFICATE_NOT_TRUSTED,
    ),
    Flaw.UNKNOWN_CA: _entry(
        Flaw.UNKNOWN_CA,
        "the certificate of an MX host is from an authority that nobody knows",
        "It does not lead to a public authority of the trust store that the check uses.",
        ResultType.CERTIFICATE_NOT_TRUSTED,
    ),
    Flaw.DISTRUSTED: _entry(
        Flaw.DISTRUSTED,
        "the chain of an MX host is refused",
        "A certificate above the server's own has expired, is no authority, or is refused by "
        "the TLS library for another reason.",
        ResultType.CERTIFICATE_NOT_TRUSTED,
    ),
}
SOON_EXPIRED = Entry(
    code="certificate-expires-soon",
    title="a certificate of an MX host ends soon",
    about="Authorities of today renew weeks before the end: a certificate with two weeks to go "
    "is one whose renewal has failed.",
    clause="RFC 8461 §4.2",
)

ENTRIES = (*_FLAWS.values(), SOON_EXPIRED)

_REMEDIES = {
    Flaw.NO_CERTIFICATE: "Give the server a certificate for its name in the MX record.",
    Flaw.UNREADABLE: "Replace the certificate.",
    Flaw.EXPIRED: "Renew the certificate, and reload the mail server: it keeps the old one.",
    Flaw.NOT_YET_VALID: "Correct the clock, or put the certificate to use when its time has come.",
    Flaw.WRONG_NAME: "Get a certificate that holds {host} among its DNS names.",
    Flaw.SELF_SIGNED: "Get a certificate for {host} from a public authority; any free one will do.",
    Flaw.INCOMPLETE_CHAIN: "Send the certificate together with the intermediate one.",
    Flaw.UNKNOWN_CA: "Get a certificate for {host} from a public authority; any free one will do.",
    Flaw.DISTRUSTED: "Replace the chain by the one that the authority gives out now.",
}
_LOSS_BY_DANE = (
    "Senders with DANE do not deliver there, since below the issuer that the TLSA record names "
    "dates count."
)
_FULL_CHAIN = "smtpd_tls_chain_files = /etc/ssl/private/{host}.key, /etc/ssl/{host}.fullchain.pem"


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the certificate of every address."""
    yield from each_session(reading, _judge)


def _judge(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    for problem in one.problems:
        if problem.flaw in _FLAWS:  # an obsolete version is said by its own check
            yield _say(reading, host, problem)
    yield from _judge_future(reading, host, one)


def _say(reading: Reading, host: HostReading, problem: Problem) -> Finding:
    entry = _FLAWS[problem.flaw]
    ready: tuple[Ready, ...] = ()
    if problem.flaw is Flaw.INCOMPLETE_CHAIN:
        text = _FULL_CHAIN.format(host=host.name)
        ready = (Ready(kind=Kind.SETTING, place="Postfix (3.4 or later): main.cf", text=text),)
    return entry.found(
        judge_bad_certificate(reading, host),
        host.name,
        seen=f"Senders do not believe {host.name}: {problem.seen}.",
        follows=say_loss_by_certificate(reading, host),
        remedy=_REMEDIES[problem.flaw].format(host=host.name),
        ready=ready,
    )


def _judge_future(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    """Warn of the first certificate of a chain to end, unless the server's own has ended already.

    One above it that has ended is refused where it counts; where the chain is believed, nobody
    needs it, and it says nothing of the others.
    """
    ends: dict[int, datetime] = {}
    for depth, der in enumerate(one.session.tls.chain if one.session.tls else ()):
        try:
            ends[depth] = read_certificate(der).not_after
        except CertificateSyntaxError:
            continue
    ahead = [(end, depth) for depth, end in ends.items() if end >= reading.now]
    if not ahead or ends.get(0, reading.now) < reading.now:
        return
    end, depth = min(ahead)
    if end > reading.now + SOON:
        return
    is_held_to = _is_dated_by_dane(reading, host, one, depth)
    is_ignored = judge_bad_certificate(reading, host) is Severity.INFO and not is_held_to
    days = (end - reading.now).days
    whose = "The certificate" if depth == 0 else "A certificate in the chain"
    yield SOON_EXPIRED.found(
        Severity.INFO if is_ignored else Severity.WARNING,
        host.name,
        seen=f"{whose} of {host.name} ends on {end:%Y-%m-%d}, in {days} days.",
        follows=f"From then on: {_say_loss_ahead(reading, host, is_held_to=is_held_to)}",
        remedy="Renew it now, and find out why that has not happened by itself.",
    )


def _say_loss_ahead(reading: Reading, host: HostReading, *, is_held_to: bool) -> str:
    loss = say_loss_by_certificate(reading, host)
    if not is_held_to:
        return loss
    is_policy = reading.mode in (Mode.ENFORCE, Mode.TESTING)
    return f"{_LOSS_BY_DANE} {loss}" if is_policy else _LOSS_BY_DANE


def _is_dated_by_dane(reading: Reading, host: HostReading, one: SessionReading, depth: int) -> bool:
    """Tell whether senders of DANE believe the chain by nothing but an issuer's TLSA record.

    Below such an issuer dates count (RFC 7672 §3.1.2).
    """
    if one.dane is None or not is_verified_by_dane(reading, host):
        return False
    matches = one.dane.of(Standing.MATCHES)
    return bool(matches) and all(
        match.record.usage == DANE_TA and (match.depth is None or depth <= match.depth)
        for match in matches
    )
