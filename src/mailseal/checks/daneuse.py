"""Whether DANE is in use at all, and for which hosts (RFC 7672 §2.2, §3.1)."""

from collections.abc import Iterator

from mailseal.answers import Absent, DnsFailure, Found, LookupFailed
from mailseal.checks.context import asks_for_dane
from mailseal.checks.evidence import TlsaLookup
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.hostreading import HostReading
from mailseal.checks.reading import Reading
from mailseal.checks.sessionoutlook import Outcome, judge_dane, judge_sts
from mailseal.checks.tlsarecords import propose_record
from mailseal.dane.host import TlsaState
from mailseal.dane.match import is_usable
from mailseal.mtasts.policy import Mode
from mailseal.results import ResultType

INSECURE_MX = Entry(
    code="dane-mx-insecure",
    title="TLSA records are of no use behind MX records that are not signed",
    about="Whoever can forge the MX records of an unsigned zone names a host of his own. Senders "
    "therefore do not verify anybody then, whatever TLSA records the real host has.",
    clause="RFC 7672 §2.2.1",
)
INSECURE_ADDRESS = Entry(
    code="dane-address-insecure",
    title="TLSA records are of no use for a host whose addresses are not signed",
    about="Senders look for TLSA records only where the addresses of the host are secure.",
    clause="RFC 7672 §2.2.2",
)
INSECURE = Entry(
    code="tlsa-insecure",
    title="TLSA records are not signed",
    about="The zone that holds them, or an alias on the way, has no chain of trust. Senders "
    "ignore such records.",
    clause="RFC 7672 §2.2",
    result=ResultType.DNSSEC_INVALID,
)
FAILED = Entry(
    code="tlsa-lookup-failed",
    title="TLSA records cannot be looked up",
    about="A sender that cannot learn whether there are TLSA records must not deliver to the "
    "host: a broken signature holds mail back as surely as a wrong key.",
    clause="RFC 7672 §2.1.2, §2.2",
    result=ResultType.DNSSEC_INVALID,
)
UNKNOWN = Entry(
    code="tlsa-unknown",
    title="whether there are TLSA records is not known",
    about="The resolver used here got no answer in time, or none that it could read. That proves "
    "nothing about what other senders get.",
    clause="RFC 7672 §2.1.1",
)
DENIAL = Entry(
    code="tlsa-denial-broken",
    title="a name server cannot prove that a name does not exist",
    about="Look-ups at the name of the TLSA records fail whatever the type. Often an old name "
    "server, a wildcard or an NSEC3 chain that was not rebuilt is the cause.",
    clause="RFC 7672 §2.1.3, RFC 4035 §3.1.3",
    result=ResultType.DNSSEC_INVALID,
)
UNUSABLE = Entry(
    code="tlsa-unusable",
    title="a TLSA record cannot be used for SMTP",
    about="Only usages 2 and 3 count, with selector 0 or 1, matching type 0, 1 or 2, and data "
    "of the right length. Senders skip all others.",
    clause="RFC 7672 §3.1, RFC 6698 §4.1",
    result=ResultType.TLSA_INVALID,
)
NONE_USABLE = Entry(
    code="tlsa-none-usable",
    title="none of a host's TLSA records can be used for SMTP",
    about="Senders with DANE then insist on TLS, but verify nobody.",
    clause="RFC 7672 §2.2, §3.1.3",
    result=ResultType.TLSA_INVALID,
)
PARTIAL = Entry(
    code="dane-partial",
    title="some MX hosts have TLSA records and others have none",
    about="An attacker who blocks the protected hosts gets the mail sent to the others. MX "
    "preference stands above security.",
    clause="RFC 7672 §2.2.1",
)
CONTRADICTION = Entry(
    code="dane-sts-contradict",
    title="MTA-STS and DANE say different things of an MX host",
    about="Senders that know only one of them deliver, senders that know only the other do not. "
    "A sender that knows both goes by DANE.",
    clause="RFC 8461 §2",
)

ENTRIES = (
    INSECURE_MX,
    INSECURE_ADDRESS,
    INSECURE,
    FAILED,
    UNKNOWN,
    DENIAL,
    UNUSABLE,
    NONE_USABLE,
    PARTIAL,
    CONTRADICTION,
)

_PROVEN = (DnsFailure.BOGUS, DnsFailure.SERVFAIL)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the TLSA records of every host, and what they need to be of use."""
    if reading.mx is None:
        return
    for host in reading.hosts:
        yield from _judge_lookups(reading, host)
        if not reading.mx.is_secure:
            yield from _judge_insecure_mx(reading, host)
            continue
        yield from _judge_records(host)
        yield from _judge_contradiction(reading, host)
    yield from _judge_partial(reading)


def _judge_lookups(reading: Reading, host: HostReading) -> Iterator[Finding]:
    if reading.mx is None or not reading.mx.is_secure:
        return  # no sender asks
    yield from _judge_alias(host)
    for lookup in host.evidence.tlsa:
        match lookup.answer:
            case LookupFailed() if host.dane.state is TlsaState.FAILED:
                yield _say_failure(host, lookup, lookup.answer)
            case Absent() if isinstance(lookup.at_name, LookupFailed) and _is_asked(host):
                yield _say_denial(Severity.WARNING, host, lookup, lookup.at_name)
            case Found() if reading.evidence.observer.validates:
                yield from _judge_unused(host, lookup, is_secure=lookup.answer.is_secure)
            case _:
                continue


def _judge_alias(host: HostReading) -> Iterator[Finding]:
    """Find a host whose own CNAME is asked for before TLSA, and fails; a bogus one is said there.

    Without it nobody knows where TLSA records stand (RFC 7672 §2.2.2).
    """
    alias = host.evidence.alias
    is_to_blame = host.dane.state is TlsaState.FAILED and not host.evidence.tlsa
    if not is_to_blame or not isinstance(alias, LookupFailed):
        return
    if alias.failure is DnsFailure.BOGUS:
        return  # dnssec-bogus
    is_proven = alias.failure in _PROVEN
    yield (FAILED if is_proven else UNKNOWN).found(
        Severity.ERROR if is_proven else Severity.UNKNOWN,
        host.name,
        seen=f"CNAME of {host.name} could not be looked up: {alias.reason}. It says where TLSA "
        "records would stand.",
        follows="Senders with DANE must not deliver to this host; their mail waits."
        if is_proven
        else "Whether senders with DANE deliver to the host is not known.",
        remedy="Check the name servers of its zone, then check again.",
    )


def _is_asked(host: HostReading) -> bool:
    """Tell whether senders ask for TLSA at all: only where the addresses are secure."""
    addresses = [each for each in (host.evidence.a, host.evidence.aaaa) if isinstance(each, Found)]
    return bool(addresses) and all(answer.is_secure for answer in addresses)


def _say_failure(host: HostReading, lookup: TlsaLookup, answer: LookupFailed) -> Finding:
    if answer.failure not in _PROVEN:
        return UNKNOWN.found(
            Severity.UNKNOWN,
            host.name,
            seen=f"TLSA at {lookup.name} could not be looked up: {answer.reason}.",
            follows="Whether senders with DANE deliver to the host is not known.",
            remedy="Check the name servers of its zone, then check again.",
        )
    if isinstance(lookup.at_name, LookupFailed) and answer.failure is not DnsFailure.BOGUS:
        return _say_denial(Severity.ERROR, host, lookup, lookup.at_name)
    return FAILED.found(
        Severity.ERROR,
        host.name,
        seen=f"TLSA at {lookup.name} cannot be looked up: {answer.reason}.",
        follows="Senders with DANE must not deliver to this host; their mail waits.",
        remedy="Sign the zone anew, and make sure that every name server has the new signatures.",
    )


def _say_denial(
    severity: Severity, host: HostReading, lookup: TlsaLookup, answer: LookupFailed
) -> Finding:
    return DENIAL.found(
        severity,
        host.name,
        seen=f"Any look-up at {lookup.name} fails: {answer.reason}.",
        follows="Senders with DANE must not deliver to this host; their mail waits."
        if severity is Severity.ERROR
        else "TLSA itself is answered, but other resolvers may fail where this one did not.",
        remedy="Have the zone's denial of existence repaired (NSEC or NSEC3): sign it anew, or "
        "update the name server.",
    )


def _judge_unused(host: HostReading, lookup: TlsaLookup, *, is_secure: bool) -> Iterator[Finding]:
    """Find records that nobody looks at, unless others are looked at."""
    if host.dane.state is not TlsaState.NONE:
        return
    if not _is_asked(host):
        yield INSECURE_ADDRESS.found(
            Severity.ERROR,
            host.name,
            seen=f"{host.name} has TLSA records, but its addresses are not signed.",
            follows="Senders ignore the records: DANE is off for this host.",
            remedy="Sign the zone of the host, and have its DS record published.",
        )
    elif not is_secure:
        yield INSECURE.found(
            Severity.ERROR,
            host.name,
            seen=f"The TLSA records at {lookup.name} are not signed.",
            follows="Senders ignore them: DANE is off for this host.",
            remedy="Sign the zone that holds them, and have its DS record published.",
        )


def _judge_insecure_mx(reading: Reading, host: HostReading) -> Iterator[Finding]:
    records = host.dane.records
    if not records and reading.evidence.observer.validates:
        # Nothing is secure here; that records were published all the same is worth knowing.
        found = (one.answer for one in host.evidence.tlsa if isinstance(one.answer, Found))
        records = tuple(record for answer in found for record in answer.records)
    if not any(is_usable(record) for record in records):
        return
    is_own = host.name == reading.domain or host.name.endswith(f".{reading.domain}")
    yield INSECURE_MX.found(
        Severity.ERROR if is_own else Severity.WARNING,
        host.name,
        seen=f"{host.name} has TLSA records, but the MX records of {reading.domain} are not "
        "signed.",
        follows="DANE does not protect mail to this domain: the MX records can be forged.",
        remedy=f"Sign the zone of {reading.domain} with DNSSEC.",
    )


def _judge_records(host: HostReading) -> Iterator[Finding]:
    bad = [record for record in host.dane.records if not is_usable(record)]
    if not bad:
        return
    shown = ", ".join(_shorten(str(record)) for record in bad[:5])
    if len(bad) < len(host.dane.records):
        yield UNUSABLE.found(
            Severity.WARNING,
            host.name,
            seen=f"Senders skip these TLSA records of {host.name}: {shown}.",
            follows="They protect nothing; the other records do.",
            remedy="Remove them.",
        )
        return
    yield NONE_USABLE.found(
        Severity.ERROR,
        host.name,
        seen=f"No TLSA record of {host.name} can be used for SMTP: {shown}.",
        follows="Senders with DANE insist on TLS with this host, but accept any certificate.",
        remedy="Publish a 3 1 1 record for the key that the host shows.",
        ready=propose_record(host),
    )


def _judge_contradiction(reading: Reading, host: HostReading) -> Iterator[Finding]:
    if not asks_for_dane(reading, host) or reading.mode not in (Mode.ENFORCE, Mode.TESTING):
        return
    sts = {judge_sts(one).outcome for one in host.observed} - {Outcome.UNKNOWN}
    dane = {judge_dane(one).outcome for one in host.observed} - {Outcome.UNKNOWN}
    if host.is_covered is False:
        sts = {Outcome.FAILS}
    if len(sts) != 1 or len(dane) != 1 or sts == dane:
        return
    good, bad = ("DANE", "the policy") if Outcome.PASSES in dane else ("the policy", "DANE")
    yield CONTRADICTION.found(
        Severity.WARNING,
        host.name,
        seen=f"{host.name} is good by {good}, and not by {bad}.",
        follows=f"Senders that know only {bad} do not deliver there once it is enforced."
        if good == "DANE"
        else "Senders with DANE do not deliver there, whatever the policy says.",
        remedy="Give the host a certificate of a public authority for its name, and a line in "
        "the policy."
        if good == "DANE"
        else "Correct the TLSA records.",
    )


def _judge_partial(reading: Reading) -> Iterator[Finding]:
    if reading.mx is None or not reading.mx.is_secure:
        return
    hosts = [host for host in reading.hosts if host.dane.has_address]
    bare = [host for host in hosts if host.dane.state is TlsaState.NONE]
    if not bare or not any(host.dane.state is TlsaState.USABLE for host in hosts):
        return
    for host in bare:
        yield PARTIAL.found(
            Severity.WARNING,
            host.name,
            seen=f"{host.name} has no TLSA records, while other MX hosts have some.",
            follows="Mail is protected at the others only, and an attacker can block those.",
            remedy="Publish TLSA records for this host, too.",
            ready=propose_record(host),
        )


def _shorten(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}…"
