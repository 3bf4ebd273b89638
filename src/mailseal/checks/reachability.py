"""Addresses of MX hosts that could not be tested, and why: never taken for a lack of TLS.

A server that answers 421, is slow or refuses us has shown nothing of what it does for others.
"""

from collections.abc import Iterator

from mailseal.answers import Found
from mailseal.checks.context import each_session, judge_missing_tls
from mailseal.checks.evidence import Failure, SmtpSession, Stage, Trouble
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading
from mailseal.checks.sessionoutlook import Outcome, judge_sts
from mailseal.checks.starttls import is_unavailable
from mailseal.results import ResultType

BLOCKED = Entry(
    code="port-25-blocked",
    title="this machine may not connect to port 25",
    about="Most clouds and homes block connections to port 25. Nothing can be said of MX hosts "
    "then; the check has to be made from a machine that sends mail.",
    clause="RFC 5321 §4.5.4.2",
)
BUSY = Entry(
    code="smtp-busy",
    title="an MX host was busy, or put us off",
    about="A 421 or another 4xx is a rate limit or greylisting. The host may do TLS well: it was "
    "left alone after the first such answer.",
    clause="RFC 5321 §4.2.1",
)
REJECTED = Entry(
    code="smtp-rejected",
    title="an MX host turned us away",
    about="A 5xx before STARTTLS is about who connects, not about TLS: block lists and missing "
    "reverse names are the usual causes.",
    clause="RFC 5321 §3.1",
)
UNREACHABLE = Entry(
    code="smtp-unreachable",
    title="an address of an MX host gives no answer",
    about="The connection was refused, timed out or ended early. Other senders may meet the same, "
    "or only this machine does.",
    clause="RFC 5321 §5.1",
)
GARBLED = Entry(
    code="smtp-garbled",
    title="an address of an MX host does not speak SMTP",
    about="What it sent is not the protocol, or goes beyond its bounds: lines without end, "
    "replies without end.",
    clause="RFC 5321 §4.5.3.1",
)
NO_FAMILY = Entry(
    code="smtp-family-missing",
    title="an address is of a kind that this machine cannot reach",
    about="A machine without IPv6 can say nothing of IPv6 addresses, nor one without IPv4 of the "
    "others. It is unknown only where no other address of the host could be tested.",
    clause="RFC 5321 §5.2",
)
SKIPPED = Entry(
    code="smtp-skipped",
    title="an address was left out",
    about="A private address, one that asked not to be tested, or one beyond our bounds.",
    clause="RFC 5321 §5.1",
)
UNFINISHED = Entry(
    code="smtp-fails-in-tls",
    title="an MX host does TLS and fails behind it",
    about="The handshake succeeded on our side, but the session ended before the EHLO that has to "
    "follow. An alert, an error or anything but SMTP there is the server's own; a connection that "
    "only ends may have been cut by a busy server or on the way.",
    clause="RFC 3207 §4.2, RFC 8446 §4.4.4",
)

ENTRIES = (BLOCKED, BUSY, REJECTED, UNREACHABLE, GARBLED, NO_FAMILY, SKIPPED, UNFINISHED)

_ENTRIES = {
    Trouble.BUSY: BUSY,
    Trouble.REJECTED: REJECTED,
    Trouble.PROTOCOL: GARBLED,
    Trouble.NO_FAMILY: NO_FAMILY,
    Trouble.SKIPPED: SKIPPED,
}

_REMEDIES = {
    BUSY: "Check again in an hour, or from a machine whose address has a reputation.",
    REJECTED: "Check again from a machine that may send mail, with a reverse name.",
    UNREACHABLE: "Make sure that port 25 of every address in DNS answers, or remove the address.",
    GARBLED: "Look at what listens on port 25 of this address.",
    NO_FAMILY: "Check from a machine that has both IPv4 and IPv6.",
    SKIPPED: "",
}

_PERHAPS_OURS = (
    " Perhaps it is this machine that may not connect to port 25, as in most clouds and homes."
)

_PLACES = {
    Stage.NOTHING: "when connecting",
    Stage.CONNECTED: "instead of a greeting",
    Stage.GREETED: "to EHLO",
    Stage.EHLO: "to STARTTLS",
    Stage.STARTTLS: "within the handshake",
    Stage.TLS: "to EHLO within TLS",
}
_STEPS = {
    Stage.NOTHING: "when connecting",
    Stage.CONNECTED: "at the greeting",
    Stage.GREETED: "at EHLO",
    Stage.EHLO: "at STARTTLS",
    Stage.STARTTLS: "within the handshake",
    Stage.TLS: "at EHLO within TLS",
}


def check(reading: Reading) -> Iterator[Finding]:
    """Name what could not be tested; once for all if port 25 is closed to this machine."""
    if reading.evidence.observer.may_use_port_25 is False:
        yield BLOCKED.found(
            Severity.UNKNOWN,
            reading.domain,
            seen="Connections from this machine to port 25 are blocked, whatever the address.",
            follows="Nothing is known of TLS on the MX hosts.",
            remedy="Check from a machine that sends mail, or have the provider open port 25.",
        )
    yield from each_session(reading, _judge)
    yield from _judge_left_out(reading)


def _judge_left_out(reading: Reading) -> Iterator[Finding]:
    """Tell hosts and addresses beyond the bounds of those that are looked at."""
    seen = {host.name for host in reading.hosts}
    hosts = reading.mx.hosts if reading.mx is not None and seen else ()
    left_out = [host.name for host in hosts if host.name not in seen]
    if left_out:
        yield SKIPPED.found(
            Severity.UNKNOWN,
            reading.domain,
            seen=f"{len(left_out)} of {len(hosts)} MX hosts were not looked at, "
            f"{left_out[0]} among them: there are more than a check asks about.",
            follows="Whether mail is delivered there within TLS is not known.",
            remedy="Publish fewer MX records; one name may have several addresses.",
        )
    for host in reading.hosts:
        answers = (host.evidence.a, host.evidence.aaaa)
        addresses = [one for each in answers if isinstance(each, Found) for one in each.records]
        tried = {session.address for session in host.sessions}
        rest = [address for address in addresses if address not in tried]
        if tried and rest:
            yield SKIPPED.found(
                Severity.INFO,
                host.name,
                seen=f"{len(rest)} of {len(addresses)} addresses of {host.name} were not looked "
                "at: there are more than a check connects to.",
                follows="Whether they do TLS, and with which certificate, is not known.",
            )


def _judge(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    failure = one.session.failure
    if failure is None or is_unavailable(one.session):
        return
    if one.session.stage is Stage.TLS and failure.trouble is not Trouble.BUSY:
        yield _judge_unfinished(reading, host, failure)
        return
    if one.session.tls is None and judge_sts(one).outcome is not Outcome.UNKNOWN:
        return  # STARTTLS itself fails: said elsewhere
    if failure.trouble is Trouble.BLOCKED:
        if reading.evidence.observer.may_use_port_25 is not False:
            yield _say(UNREACHABLE, Severity.UNKNOWN, host, one.session, failure)
        return
    entry = _ENTRIES.get(failure.trouble, UNREACHABLE)
    is_ours = entry in (NO_FAMILY, SKIPPED)
    is_host_seen = any(judge_sts(each).outcome is not Outcome.UNKNOWN for each in host.observed)
    severity = Severity.INFO if is_ours and is_host_seen else Severity.UNKNOWN
    is_perhaps_ours = (
        one.session.stage is Stage.NOTHING
        and failure.trouble in (Trouble.TIMEOUT, Trouble.REFUSED)
        and reading.evidence.observer.may_use_port_25 is None
    )
    yield _say(entry, severity, host, one.session, failure, more=is_perhaps_ours * _PERHAPS_OURS)


def _say(
    entry: Entry,
    severity: Severity,
    host: HostReading,
    session: SmtpSession,
    failure: Failure,
    *,
    more: str = "",
) -> Finding:
    place = _PLACES.get(session.stage, "")
    code = f" with code {failure.code}" if failure.code else ""
    match entry.code:
        case BUSY.code | REJECTED.code:
            what = "put us off" if entry is BUSY else "turned us away"
            seen = f"{host.name} {what}{code} {place}: {failure.reason}."
        case NO_FAMILY.code | SKIPPED.code:
            seen = f"An address of {host.name} was not tested: {failure.reason}."
        case _:
            step = _STEPS.get(session.stage, "")
            seen = f"{host.name} could not be tested {step}: {failure.reason}."
    return entry.found(
        severity,
        host.name,
        seen=seen,
        follows="Whether mail is delivered there within TLS is not known."
        if session.tls is not None
        else "Whether it does TLS, and with which certificate, is not known.",
        remedy=_REMEDIES[entry] + more,
    )


def _judge_unfinished(reading: Reading, host: HostReading, failure: Failure) -> Finding:
    """Judge the end of a session behind the handshake, whatever the certificate is worth."""
    is_proven = failure.trouble in (Trouble.TLS, Trouble.REJECTED, Trouble.PROTOCOL)
    return UNFINISHED.found(
        judge_missing_tls(reading, host) if is_proven else Severity.UNKNOWN,
        host.name,
        seen=f"{host.name} does TLS, but then the session failed: {failure.reason}.",
        follows="Senders that need TLS cannot deliver there."
        if is_proven
        else "Senders that need TLS cannot deliver where this happens to them, too.",
        remedy="Look for the connection in the server's log. A server that asks every client for "
        "a certificate ends it so: senders of mail have none.",
        result=ResultType.VALIDATION_FAILURE if failure.trouble is Trouble.TLS else None,
    )
