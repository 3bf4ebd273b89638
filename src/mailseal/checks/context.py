"""How bad a fault of an MX host is: that depends on who enforces what (RFC 8461 §5, RFC 7672 §2.2).

The same certificate loses mail under a policy in mode enforce, is reported in mode testing, and
is nobody's business where only DANE-EE is looked at.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from mailseal.checks.finding import Finding, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.publication import explain_unseen
from mailseal.checks.reading import Reading
from mailseal.dane.host import TlsaState
from mailseal.mtasts.policy import Mode


def asks_for_dane(reading: Reading, host: HostReading) -> bool:
    """Tell whether senders with DNSSEC insist on TLS with this host."""
    return _is_mx_secure(reading) and host.dane.state in (TlsaState.USABLE, TlsaState.UNUSABLE)


def is_verified_by_dane(reading: Reading, host: HostReading) -> bool:
    """Tell whether senders with DNSSEC verify this host by its TLSA records."""
    return _is_mx_secure(reading) and host.dane.state is TlsaState.USABLE


def judge_missing_tls(reading: Reading, host: HostReading) -> Severity:
    """Say how bad it is that a host does no TLS: an error for whoever enforces."""
    if reading.mode is Mode.ENFORCE or asks_for_dane(reading, host):
        return Severity.ERROR
    return Severity.WARNING


def judge_bad_certificate(reading: Reading, host: HostReading) -> Severity:
    """Say how bad a certificate is that public authorities do not vouch for."""
    if reading.mode is Mode.ENFORCE:
        return Severity.ERROR
    if reading.mode is not Mode.TESTING and is_verified_by_dane(reading, host):
        return Severity.INFO
    return Severity.WARNING


def say_loss_without_tls(reading: Reading, host: HostReading) -> str:
    """Say what follows for mail where there is no TLS."""
    if reading.mode is Mode.ENFORCE and asks_for_dane(reading, host):
        return "Senders that enforce MTA-STS or DANE do not deliver there."
    if reading.mode is Mode.ENFORCE:
        return "Senders that enforce the policy do not deliver there, all others do so in clear."
    if asks_for_dane(reading, host):
        return "Its TLSA records promise TLS, so senders with DANE do not deliver there."
    if reading.mode is Mode.TESTING:
        return "Mail is delivered in clear, and reported; with mode enforce it would be refused."
    if _may_be_enforced(reading):
        return "Senders that know an enforced policy do not deliver there, all others in clear."
    return "Mail is delivered in clear, for everybody on the way to read."


def say_loss_by_certificate(reading: Reading, host: HostReading) -> str:
    """Say what follows for mail from a certificate that cannot be believed."""
    if reading.mode is Mode.ENFORCE:
        if is_verified_by_dane(reading, host):
            return "Senders that enforce the policy and do not know DANE do not deliver there."
        return "Senders that enforce the policy do not deliver there."
    if reading.mode is Mode.TESTING:
        return "Senders report it; once the policy is enforced, they do not deliver there."
    if _may_be_enforced(reading):
        return "Senders that know an enforced policy do not deliver there."
    if is_verified_by_dane(reading, host):
        return "Senders with DANE go by the TLSA records; no policy could be enforced, though."
    return "Mail is delivered all the same, but to whom is not proven; no policy could be enforced."


def say_loss_by_old_tls(reading: Reading, host: HostReading) -> str:
    """Say what follows from TLS 1.0 or 1.1, which no policy allows and ever fewer senders speak."""
    if asks_for_dane(reading, host):
        seldom = "Many senders no longer speak it; those with DANE then do not deliver there."
    else:
        seldom = "Many senders no longer speak it, and deliver in clear."
    is_policy = reading.mode in (Mode.ENFORCE, Mode.TESTING) or _may_be_enforced(reading)
    return f"{say_loss_by_certificate(reading, host)} {seldom}" if is_policy else seldom


def each_session(
    reading: Reading,
    judge: Callable[[Reading, HostReading, SessionReading], Iterable[Finding]],
) -> Iterator[Finding]:
    """Judge every session of every host; what all addresses of a host share is said once.

    ``judge`` makes findings about the host and names no address in their texts.
    """
    for host in reading.hosts:
        found: dict[Finding, list[str]] = {}
        for session in host.observed:
            for finding in judge(reading, host, session):
                found.setdefault(finding, []).append(session.session.address)
        for finding, addresses in found.items():
            yield from _address(finding, host, addresses)


def _address(finding: Finding, host: HostReading, addresses: Sequence[str]) -> Iterator[Finding]:
    if len(addresses) == len(host.observed):
        yield finding
        return
    # The name where it stands by itself: others may end in it.
    name = re.compile(rf"(?<![\w.-]){re.escape(host.name)}(?![\w-]|\.\w)")
    for address in addresses:
        subject = f"{host.name} [{address}]"
        yield replace(finding, subject=subject, seen=name.sub(subject, finding.seen, count=1))


def _may_be_enforced(reading: Reading) -> bool:
    """Tell whether there is a record, and nobody could see what policy belongs to it."""
    return (
        reading.sts_record is not None and reading.policy is None and bool(explain_unseen(reading))
    )


def _is_mx_secure(reading: Reading) -> bool:
    return reading.mx is not None and reading.mx.is_secure
