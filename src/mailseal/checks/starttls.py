"""STARTTLS of MX hosts: offered, accepted, done, and nothing smuggled in (RFC 3207)."""

import re
from collections.abc import Iterator

from mailseal.checks.context import each_session, judge_missing_tls, say_loss_without_tls
from mailseal.checks.evidence import SmtpSession, Stage, Trouble
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading
from mailseal.results import ResultType

MISSING = Entry(
    code="starttls-missing",
    title="an MX host offers no STARTTLS",
    about="The host answered EHLO, and STARTTLS is not among its extensions. Mail goes there in "
    "clear or, from senders that enforce MTA-STS or DANE, not at all.",
    clause="RFC 8461 §4, RFC 7672 §2.2",
    result=ResultType.STARTTLS_NOT_SUPPORTED,
)
REFUSED = Entry(
    code="starttls-refused",
    title="an MX host offers STARTTLS and then refuses it",
    about="STARTTLS stands in the answer to EHLO, but the command gets an error.",
    clause="RFC 3207 §4",
    result=ResultType.STARTTLS_NOT_SUPPORTED,
)
UNAVAILABLE = Entry(
    code="starttls-unavailable",
    title="an MX host offers STARTTLS and says that it cannot do it now",
    about='The command gets 454, "TLS not available due to temporary reason". It is the usual '
    "answer of servers that cannot read their certificate or key, and may pass.",
    clause="RFC 3207 §4",
    result=ResultType.STARTTLS_NOT_SUPPORTED,
)
HANDSHAKE = Entry(
    code="tls-handshake-failed",
    title="TLS with an MX host fails",
    about="The host accepted STARTTLS, but no TLS session came about: no version or cipher in "
    "common, a certificate that it could not load, or something else than TLS.",
    clause="RFC 3207 §4.1",
    result=ResultType.VALIDATION_FAILURE,
)
STRIPPED = Entry(
    code="starttls-stripped",
    title="something on the way seems to take STARTTLS away",
    about="A firewall that overwrites the word STARTTLS, or that does so on the way to one "
    "address of a host and not to another, looks exactly like an attacker.",
    clause="RFC 3207 §6",
)
INJECTION = Entry(
    code="starttls-injection",
    title="a command sent in clear is run within TLS",
    about="The host keeps what was sent together with STARTTLS and answers it after the "
    "handshake, so that an attacker on the way can put commands in front of a client's own.",
    clause="RFC 3207 §4.2",
    is_deep=True,
)
REQUIRETLS = Entry(
    code="requiretls-offered",
    title="an MX host honours REQUIRETLS",
    about="Senders may ask it to pass a message on by verified TLS only (RFC 8689).",
    clause="RFC 8689 §2",
)

ENTRIES = (MISSING, REFUSED, UNAVAILABLE, HANDSHAKE, STRIPPED, INJECTION, REQUIRETLS)

# What a firewall makes of the word: Cisco's "SMTP fixup" leaves XXXXXXXA.
_MASKED = re.compile(r"X{4,}[A-Z]?|STARTTL[A-RT-Z]", re.ASCII)

_NOT_AVAILABLE = 454  # RFC 3207 §4: "TLS not available due to temporary reason"

_POSTFIX = "smtpd_tls_security_level = may"


def check(reading: Reading) -> Iterator[Finding]:
    """Judge STARTTLS at every address."""
    yield from each_session(reading, _judge)
    for host in reading.hosts:
        yield from _compare(host)


def is_unavailable(session: SmtpSession) -> bool:
    """Tell whether a server said of itself that it cannot do TLS now.

    Other 4xx to STARTTLS are about who asks, and how often.
    """
    failure = session.failure
    is_asked = session.stage is Stage.EHLO and session.offers_starttls is True
    return is_asked and failure is not None and failure.code == _NOT_AVAILABLE


def _judge(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    session = one.session
    if session.offers_starttls is False:
        yield MISSING.found(
            judge_missing_tls(reading, host),
            host.name,
            seen=f"{host.name} offers no STARTTLS.",
            follows=say_loss_without_tls(reading, host),
            remedy="Give the server a certificate and switch STARTTLS on.",
            ready=(Ready(kind=Kind.SETTING, place="Postfix: main.cf", text=_POSTFIX),),
        )
        if masked := _find_mask(session):
            yield STRIPPED.found(
                Severity.WARNING,
                host.name,
                seen=f'In place of STARTTLS {host.name} offers "{masked}".',
                follows="A firewall in between overwrites it, and mail goes in clear.",
                remedy="Switch off the inspection of SMTP on that firewall "
                '(on Cisco ASA: "no inspect esmtp").',
            )
    elif session.tls is None and session.failure is not None:
        yield from _judge_failure(reading, host, session)
    if session.deep is not None and session.deep.runs_injected:
        yield INJECTION.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} ran a command within TLS that was sent in clear behind STARTTLS.",
            follows="An attacker on the way can put commands in front of a sender's own.",
            remedy="Update the server's software: it must forget what came before the handshake.",
        )
    offered = [word.split()[0].upper() for word in session.extensions_in_tls if word.strip()]
    if "REQUIRETLS" in offered:
        yield REQUIRETLS.found(
            Severity.INFO, host.name, seen=f"{host.name} offers REQUIRETLS within TLS."
        )


def _judge_failure(reading: Reading, host: HostReading, session: SmtpSession) -> Iterator[Finding]:
    failure = session.failure
    if failure is None or session.offers_starttls is not True:
        return
    if is_unavailable(session):
        yield UNAVAILABLE.found(
            judge_missing_tls(reading, host),
            host.name,
            seen=f"{host.name} offers STARTTLS and says that it cannot do it now: "
            f"{failure.reason}.",
            follows=f"{say_loss_without_tls(reading, host)} So it is for as long as this lasts.",
            remedy="Look at the server's log, and whether it can read its certificate and key.",
        )
    elif session.stage is Stage.STARTTLS and failure.trouble in (Trouble.TLS, Trouble.PROTOCOL):
        yield HANDSHAKE.found(
            judge_missing_tls(reading, host),
            host.name,
            seen=f"{host.name} accepts STARTTLS, but no TLS session comes about: {failure.reason}.",
            follows=say_loss_without_tls(reading, host),
            remedy="Look for the handshake in the server's log: certificate and key must fit, "
            "and TLS 1.2 or 1.3 must be on.",
        )
    elif session.stage in (Stage.EHLO, Stage.STARTTLS) and failure.trouble in (
        Trouble.REJECTED,
        Trouble.PROTOCOL,
        Trouble.TLS,
    ):
        yield REFUSED.found(
            judge_missing_tls(reading, host),
            host.name,
            seen=f"{host.name} offers STARTTLS, but answers the command with: {failure.reason}.",
            follows=say_loss_without_tls(reading, host),
            remedy="Look at the server's log: most often it cannot read its certificate or key.",
        )


def _compare(host: HostReading) -> Iterator[Finding]:
    """Find hosts that offer STARTTLS at some of their addresses only."""
    with_it = [one.address for one in host.sessions if one.offers_starttls]
    without = [one.address for one in host.sessions if one.offers_starttls is False]
    if with_it and without:
        yield STRIPPED.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} offers STARTTLS at {', '.join(with_it[:5])}, "
            f"but not at {', '.join(without[:5])}.",
            follows="Either the servers differ, or something on the way takes STARTTLS away.",
            remedy="Connect to each address from inside and outside your network and compare.",
        )


def _find_mask(session: SmtpSession) -> str:
    words = (word.split()[0].upper() for word in session.extensions if word.strip())
    return next((word for word in words if _MASKED.fullmatch(word)), "")
