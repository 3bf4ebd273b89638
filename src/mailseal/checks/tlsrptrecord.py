"""The TXT record at ``_smtp._tls``, which asks senders for reports (RFC 8460 §3)."""

from collections.abc import Iterator

from mailseal.answers import Absent, Found, LookupFailed, MxRecord
from mailseal.checks.evidence import RecipientEvidence
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.reading import Reading
from mailseal.deviations import Deviation
from mailseal.mtasts.policy import Mode
from mailseal.quoting import MAX_SHOWN_CHARS, name_some, quote
from mailseal.tlsrpt.record import TlsrptRecord
from mailseal.txtrecords.reading import RecordReading

_CLAUSE = "RFC 8460 §3"

UNKNOWN = Entry(
    code="tlsrpt-unknown",
    title="the _smtp._tls record could not be looked up",
    about="A resolver that fails or stays silent proves no absence.",
    clause=_CLAUSE,
)
ABSENT = Entry(
    code="tlsrpt-absent",
    title="nobody asks for TLS reports",
    about="Reports are how an owner learns that senders fail to deliver. Without the record at "
    "_smtp._tls nobody sends any, and a fault of MTA-STS or DANE shows in missing mail only.",
    clause=_CLAUSE,
)
PRESENT = Entry(
    code="tlsrpt-present",
    title="TLS reports are asked for",
    about="Senders that take part send a report each day to the addresses in the record.",
    clause=_CLAUSE,
)
SEVERAL = Entry(
    code="tlsrpt-several",
    title="there is more than one record for TLS reports",
    about="Senders that find two records send no reports at all.",
    clause=_CLAUSE,
)
UNUSABLE = Entry(
    code="tlsrpt-unusable",
    title="the record for TLS reports cannot be used",
    about="A record that leaves the grammar, or that names no address at all, counts as none.",
    clause=_CLAUSE,
)
NO_ADDRESS = Entry(
    code="tlsrpt-no-address",
    title="the record for TLS reports names no usable address",
    about="Addresses are URIs that begin with mailto: or https:, with comma, exclamation mark "
    "and semicolon written as %2C, %21 and %3B.",
    clause=_CLAUSE,
)
BAD_ADDRESS = Entry(
    code="tlsrpt-bad-address",
    title="one of the addresses for TLS reports is passed over",
    about="Reports go to the other addresses. Some senders discard the whole record.",
    clause=_CLAUSE,
)
ODD = Entry(
    code="tlsrpt-odd",
    title="something about the record for TLS reports is not as it should be",
    about="Most senders understand it all the same: a field or address twice, a blank before the "
    "first semicolon.",
    clause=_CLAUSE,
)
DAMAGED_BESIDE = Entry(
    code="tlsrpt-damaged-beside",
    title="a damaged record stands beside the one for TLS reports",
    about="Senders discard it today; once somebody repairs it there are two, and none counts.",
    clause=_CLAUSE,
)
FOREIGN = Entry(
    code="tlsrpt-foreign",
    title="a TXT record at _smtp._tls has nothing to do with TLS reports",
    about="Senders ignore it. Most often it comes from a wildcard.",
    clause=_CLAUSE,
)
SEVERAL_ADDRESSES = Entry(
    code="tlsrpt-several-addresses",
    title="TLS reports are asked for at several addresses",
    about="A sender may try all of them or be content with one, so that each address may see a "
    "part of the reports only.",
    clause=_CLAUSE,
)
DANGLING = Entry(
    code="tlsrpt-dangling",
    title="the _smtp._tls alias leads nowhere",
    about="The name is delegated by a CNAME to a name that has no TXT record.",
    clause=_CLAUSE,
)
RECIPIENT_GONE = Entry(
    code="tlsrpt-recipient-gone",
    title="TLS reports are asked for at a domain that takes no mail",
    about="The domain of the mail address does not exist, or says by a null MX that it takes "
    "none. Reports to it are lost.",
    clause="RFC 8460 §3, RFC 7505 §3",
)
RECIPIENT_UNKNOWN = Entry(
    code="tlsrpt-recipient-unknown",
    title="where TLS reports go could not be looked up",
    about="Whether the domain of the mail address takes mail is not known.",
    clause=_CLAUSE,
)
RECIPIENT_WITHIN = Entry(
    code="tlsrpt-recipient-within",
    title="TLS reports come by the way that they are about",
    about="Senders have to deliver reports even where TLS fails, but not all of them do. An "
    "address elsewhere, or https:, works when the domain's own hosts do not.",
    clause="RFC 8460 §3, §5.3.1",
)

ENTRIES = (
    UNKNOWN,
    ABSENT,
    PRESENT,
    SEVERAL,
    UNUSABLE,
    NO_ADDRESS,
    BAD_ADDRESS,
    ODD,
    DAMAGED_BESIDE,
    FOREIGN,
    SEVERAL_ADDRESSES,
    DANGLING,
    RECIPIENT_GONE,
    RECIPIENT_UNKNOWN,
    RECIPIENT_WITHIN,
)

_DECIDING = {
    "multiple-records": SEVERAL,
    "no-usable-record": UNUSABLE,
    "syntax": UNUSABLE,
    "missing-rua": NO_ADDRESS,
    "no-usable-uri": NO_ADDRESS,
}
_TOLERATED = {
    "bad-uri": BAD_ADDRESS,
    "unknown-scheme": BAD_ADDRESS,
    "too-many-uris": BAD_ADDRESS,
    "duplicate-uri": ODD,
    "duplicate-field": ODD,
    "blank-before-semicolon": ODD,
    "discarded-record": DAMAGED_BESIDE,
}


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the record, or its absence."""
    match reading.evidence.records.tlsrpt:
        case LookupFailed(reason=reason):
            yield UNKNOWN.found(
                Severity.UNKNOWN,
                reading.domain,
                seen=f"TXT at {_name(reading)} could not be looked up: {reason}.",
                follows="Whether senders report how TLS goes is not known.",
                remedy="Check your resolver and the domain's name servers, then check again.",
            )
        case Found() | Absent() if (read := reading.tlsrpt) is not None:
            if read.record is not None:
                yield from _judge_record(reading, read.record)
            elif read.is_meant:
                yield _say_deciding(reading, read.deviations[0])
            else:
                yield from _judge_absence(reading)
            yield from _judge_others(reading, read)


def _name(reading: Reading) -> str:
    return f"_smtp._tls.{reading.domain}"


def _ready(reading: Reading) -> tuple[Ready, ...]:
    text = f'TXT "v=TLSRPTv1; rua=mailto:tls-reports@{reading.domain}"'
    return (Ready(kind=Kind.RECORD, place=_name(reading), text=text),)


def _severity(reading: Reading) -> Severity:
    """Say how bad it is to learn nothing: nobody misses reports where nothing is enforced."""
    return Severity.WARNING if _is_protected(reading) else Severity.INFO


def _is_protected(reading: Reading) -> bool:
    return reading.mode in (Mode.ENFORCE, Mode.TESTING) or reading.has_dane


def _judge_absence(reading: Reading) -> Iterator[Finding]:
    alias = reading.evidence.records.tlsrpt_alias
    if isinstance(alias, Found) and isinstance(reading.evidence.records.tlsrpt, Absent):
        yield DANGLING.found(
            Severity.WARNING,
            reading.domain,
            seen=f"{_name(reading)} is an alias of {alias.records[0]}, which has no TXT record.",
            follows="Nobody sends reports.",
            remedy="Have the record published at the alias's target, or put your own in its place.",
            ready=_ready(reading),
        )
        return
    if reading.mode is Mode.TESTING:
        return  # the mode is of no use then, which is said by the check of the policy
    if reading.takes_no_mail:
        return
    follows = (
        "Nobody reports failed deliveries; the first to notice are those who wait for mail."
        if _is_protected(reading)
        else "Nothing is enforced, so that nothing is missed yet."
    )
    yield ABSENT.found(
        _severity(reading),
        reading.domain,
        seen=f"There is no record for TLS reports at {_name(reading)}.",
        follows=follows,
        remedy="Publish one, with an address that somebody or some program reads.",
        ready=_ready(reading),
    )


def _say_deciding(reading: Reading, deviation: Deviation) -> Finding:
    return _DECIDING[deviation.code].found(
        # An owner who publishes a record expects reports: that none come is a fault.
        Severity.ERROR if _is_protected(reading) else Severity.WARNING,
        reading.domain,
        seen=_say(reading, deviation),
        follows="Nobody sends reports.",
        remedy=f"Correct the TXT record at {_name(reading)}.",
        ready=() if deviation.code == "multiple-records" else _ready(reading),
    )


def _judge_others(reading: Reading, read: RecordReading[TlsrptRecord]) -> Iterator[Finding]:
    rest = read.deviations if read.record is not None else read.deviations[1:]
    for deviation in rest:
        if deviation.code == "other-record":
            yield FOREIGN.found(
                Severity.INFO,
                reading.domain,
                seen=_say(reading, deviation),
                remedy=f"Remove it from {_name(reading)}, or the wildcard that it comes from.",
            )
        elif deviation.code in _TOLERATED:
            yield _TOLERATED[deviation.code].found(
                Severity.WARNING,
                reading.domain,
                seen=_say(reading, deviation),
                follows="Some senders may send no reports.",
                remedy=f"Correct the TXT record at {_name(reading)}.",
            )


def _judge_record(reading: Reading, record: TlsrptRecord) -> Iterator[Finding]:
    shown = name_some(
        [one.text if len(one.text) <= MAX_SHOWN_CHARS else quote(one.text) for one in record.rua], 5
    )
    yield PRESENT.found(
        Severity.INFO, reading.domain, seen=f"TLS reports are asked for at {shown}."
    )
    if len(record.rua) > 1:
        yield SEVERAL_ADDRESSES.found(
            Severity.INFO,
            reading.domain,
            seen=f"The record for TLS reports names {len(record.rua)} addresses.",
            follows="Some senders use the first one only, others all of them.",
            remedy="Be ready for reports that come twice; one address is enough.",
        )
    known = {one.domain: one for one in reading.evidence.records.recipients}
    for domain in dict.fromkeys(uri.domain for uri in record.rua if uri.scheme == "mailto"):
        if domain in known:
            yield from _judge_recipient(reading, known[domain])
    yield from _judge_way(reading, record)


def _judge_recipient(reading: Reading, recipient: RecipientEvidence) -> Iterator[Finding]:
    why = _why_no_mail(recipient.mx)
    if why:
        yield RECIPIENT_GONE.found(
            _severity(reading),
            reading.domain,
            seen=f"TLS reports are asked for at {recipient.domain}, which {why}.",
            follows="Reports by mail are lost.",
            remedy="Name an address that takes mail.",
            ready=_ready(reading) if recipient.domain != reading.domain else (),
        )
    elif isinstance(recipient.mx, LookupFailed):
        yield RECIPIENT_UNKNOWN.found(
            Severity.UNKNOWN,
            reading.domain,
            seen=f"MX of {recipient.domain}, where TLS reports are asked for, could not be "
            f"looked up: {recipient.mx.reason}.",
            follows="Whether reports arrive is not known.",
            remedy="Check again later.",
        )


def _why_no_mail(answer: Found[MxRecord] | Absent | LookupFailed) -> str:
    match answer:
        case Absent(is_name_known=False):
            return "does not exist"
        case Found(records=records) if all(record.host in {"", "."} for record in records):
            return "takes no mail (null MX)"
        case _:
            return ""


def _judge_way(reading: Reading, record: TlsrptRecord) -> Iterator[Finding]:
    """Tell where all reports come by the very hosts whose faults they would tell."""
    if not _is_protected(reading) or any(uri.scheme == "https" for uri in record.rua):
        return
    own = {host.name for host in reading.mx.hosts} if reading.mx else set()
    others = {one.domain: one.mx for one in reading.evidence.records.recipients}
    for uri in record.rua:
        if uri.domain == reading.domain:
            continue
        answer = others.get(uri.domain)
        if not isinstance(answer, Found) or not {mx.host for mx in answer.records} & own:
            return
    yield RECIPIENT_WITHIN.found(
        Severity.INFO,
        reading.domain,
        seen="All TLS reports go to the MX hosts that they are about.",
        follows="Where a host fails altogether, reports of it wait or are lost.",
        remedy="Add an https: address, or a mail address at another provider, if reports matter "
        "to you most when nothing else works.",
    )


def _say(reading: Reading, deviation: Deviation) -> str:
    where = "" if deviation.line is None else f", TXT record {deviation.line}"
    return f"At {_name(reading)}{where}: {deviation.message}"
