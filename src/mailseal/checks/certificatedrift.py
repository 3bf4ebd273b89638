"""Servers of one name that show different things: by address, by SNI, by kind of key.

One of them may be forgotten when certificates are renewed (RFC 8461 §4.2, RFC 7672 §8.1).
"""

from collections.abc import Iterator
from dataclasses import replace

from mailseal.certs import CertificateSyntaxError, covers_name, read_certificate
from mailseal.checks.context import (
    each_session,
    is_verified_by_dane,
    judge_bad_certificate,
    say_loss_by_certificate,
)
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.hostreading import HostReading, SessionReading
from mailseal.checks.reading import Reading
from mailseal.checks.sessionoutlook import Outcome, judge_dane, judge_sts
from mailseal.checks.webpki import judge_chain
from mailseal.dane.match import DaneOutcome

DIFFERENT = Entry(
    code="mx-addresses-differ",
    title="the addresses of an MX host differ",
    about="Servers behind one name should be alike. Where their certificates or TLS versions "
    "differ, one of them has been forgotten.",
    clause="RFC 8461 §4.2",
)
SNI = Entry(
    code="certificate-differs-without-sni",
    title="an MX host shows another certificate to those who name no host",
    about="Senders of MTA-STS and DANE say in the handshake which host they want, many others "
    "do not. Both should get a certificate for the host.",
    clause="RFC 8461 §7.1, RFC 7672 §8.1",
    is_deep=True,
)
OTHER_KEY = Entry(
    code="certificate-other-key-bad",
    title="the second certificate of an MX host is bad",
    about="A server may have one certificate with an RSA key and one with an ECDSA key. Which "
    "one a sender gets depends on what it prefers, so both must be good.",
    clause="RFC 8461 §4.2, RFC 7672 §3.1",
    is_deep=True,
)

ENTRIES = (DIFFERENT, SNI, OTHER_KEY)


def check(reading: Reading) -> Iterator[Finding]:
    """Compare what every host shows."""
    for host in reading.hosts:
        yield from _compare(reading, host)
    yield from each_session(reading, _judge_deep)


def _compare(reading: Reading, host: HostReading) -> Iterator[Finding]:
    seen = [one for one in host.observed if one.session.tls is not None]
    certificates = {one.session.tls.chain[:1] for one in seen if one.session.tls}
    versions = {one.session.tls.version for one in seen if one.session.tls}
    if len(certificates) < 2 and len(versions) < 2:
        return
    outcomes = set[Outcome]()
    if judge_bad_certificate(reading, host) is not Severity.INFO:
        outcomes |= {judge_sts(one).outcome for one in seen}
    if is_verified_by_dane(reading, host):
        outcomes |= {judge_dane(one).outcome for one in seen}
    is_alike = len(versions) == 1 and outcomes == {Outcome.PASSES}
    what = "different certificates" if len(certificates) > 1 else "different versions of TLS"
    shown = "; ".join(f"{one.session.address} {_describe(one)}" for one in seen[:5])
    yield DIFFERENT.found(
        Severity.INFO if is_alike else Severity.WARNING,
        host.name,
        seen=f"The addresses of {host.name} show {what}: {shown}.",
        follows="Mail is treated differently from one attempt to the next."
        if not is_alike
        else "All of them are good now; each has to be renewed, and stand in DNS, by itself.",
        remedy="Give all servers of the name the same certificate and settings.",
    )


def _describe(one: SessionReading) -> str:
    if one.session.tls is None or not one.session.tls.chain:
        return "none at all"
    try:
        leaf = read_certificate(one.session.tls.chain[0])
    except CertificateSyntaxError:
        return "an unreadable one"
    return f"{one.session.tls.version}, until {leaf.not_after:%Y-%m-%d}, key {leaf.spki_sha256[:8]}"


def _judge_deep(reading: Reading, host: HostReading, one: SessionReading) -> Iterator[Finding]:
    tls, deep = one.session.tls, one.session.deep
    if tls is None or deep is None:
        return
    if deep.chain_without_sni and tls.chain and deep.chain_without_sni[0] != tls.chain[0]:
        yield from _judge_without_sni(reading, host, deep.chain_without_sni)
    if deep.other_chain:
        # Whether public authorities vouch for it was not asked; names and dates are told.
        problems = judge_chain(
            replace(tls, chain=deep.other_chain, distrust=""), host.name, reading.now
        )
        for problem in problems:
            yield OTHER_KEY.found(
                judge_bad_certificate(reading, host),
                host.name,
                seen=f"With its other kind of key {host.name} is not believed: {problem.seen}.",
                follows=say_loss_by_certificate(reading, host),
                remedy="Renew both certificates, or keep only one.",
                result=problem.result,
            )
        if _is_refused_by_dane(reading, host, deep.other_chain):
            yield OTHER_KEY.found(
                Severity.ERROR,
                host.name,
                seen=f"With its other kind of key {host.name} matches none of its TLSA records.",
                follows="Senders with DANE that prefer that kind do not deliver there.",
                remedy="Publish a TLSA record for each of the two keys, or keep only one.",
            )


def _judge_without_sni(
    reading: Reading, host: HostReading, chain: tuple[bytes, ...]
) -> Iterator[Finding]:
    try:
        names = read_certificate(chain[0]).names
    except CertificateSyntaxError:
        names = ()
    is_covered = covers_name(names, host.name)
    is_good = is_covered and not _is_refused_by_dane(reading, host, chain)
    shown = ", ".join(names[:3]) or "no name at all"
    yield SNI.found(
        Severity.INFO if is_good else Severity.WARNING,
        host.name,
        seen=f"Whoever names no host in the handshake gets another certificate of {host.name}, "
        f"for {shown}.",
        follows="Senders that do not use SNI cannot verify the host."
        if not is_good
        else "It is good for the host, too.",
        remedy="" if is_good else f"Make the certificate for {host.name} the server's default.",
    )


def _is_refused_by_dane(reading: Reading, host: HostReading, chain: tuple[bytes, ...]) -> bool:
    if not is_verified_by_dane(reading, host):
        return False
    match = reading.matcher.match(host.dane.records, chain, host.reference_names, reading.now)
    return match.outcome is DaneOutcome.REFUSED
