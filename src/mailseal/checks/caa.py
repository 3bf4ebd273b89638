"""CAA: which authorities may issue certificates for the domain and its MX hosts (RFC 8659)."""

import re
from collections.abc import Iterator, Sequence

from mailseal.answers import Absent, Answer, CaaRecord, Found, LookupFailed
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.quoting import name_some, quote

UNKNOWN = Entry(
    code="caa-unknown",
    title="CAA could not be looked up",
    about="Authorities that cannot look CAA up issue no certificate: what fails here may fail "
    "for them, too.",
    clause="RFC 8659 §3",
)
ABSENT = Entry(
    code="caa-absent",
    title="any authority may issue certificates for the domain",
    about="A CAA record names the authorities that may. It narrows the way in which somebody "
    "else could get a certificate for an MX host or for the policy host.",
    clause="RFC 8659 §3",
)
PRESENT = Entry(
    code="caa-present",
    title="CAA says who may issue certificates",
    about="The records count for the name that they stand at and for all names below it without "
    "CAA records of their own.",
    clause="RFC 8659 §3, §4.2",
)
FORBIDS = Entry(
    code="caa-forbids",
    title="CAA lets nobody issue certificates",
    about="Certificates that exist stay valid, but none can be renewed. MTA-STS needs one for "
    "the policy host and one for each MX host.",
    clause="RFC 8659 §4.2",
)
MALFORMED = Entry(
    code="caa-malformed",
    title="a CAA record is malformed",
    about="Authorities read a malformed issue record as one that names nobody, and refuse to "
    "issue where they do not know a record that is marked as critical.",
    clause="RFC 8659 §4.1, §4.2",
)

ENTRIES = (UNKNOWN, ABSENT, PRESENT, FORBIDS, MALFORMED)

MAX_NAMED = 5

_CRITICAL = 0x80  # RFC 8659 §4.1.1
_KNOWN = frozenset({"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail"})
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ISSUE = re.compile(rf"[ \t]*(?P<name>(?:{_LABEL}(?:\.{_LABEL})*)?)[ \t]*(?:;(?P<rest>.*))?")
_PARAMETER = re.compile(r"[ \t]*[A-Za-z0-9-]+[ \t]*=[ \t]*[\x21-\x3a\x3c-\x7e]*[ \t]*")


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the domain's records, and those that an MX host has of its own."""
    own = reading.evidence.records.caa
    if own is not None:
        yield from _judge(reading, reading.domain, own)
    for host in reading.hosts:
        answer = host.evidence.caa
        # Without records of its own a host is under those of a name above it.
        if host.name != reading.domain and isinstance(answer, Found):
            yield from _judge(reading, host.name, answer)


def _judge(reading: Reading, name: str, answer: Answer[CaaRecord]) -> Iterator[Finding]:
    match answer:
        case LookupFailed(reason=reason):
            yield UNKNOWN.found(
                Severity.UNKNOWN,
                name,
                seen=f"CAA of {name} could not be looked up: {reason}.",
                follows="An authority that meets the same renews no certificate.",
                remedy="Check your resolver and the domain's name servers, then check again.",
            )
        case Absent():
            yield ABSENT.found(
                Severity.INFO,
                name,
                seen=f"There is no CAA record at {name}.",
                follows="Unless a domain above has one, any authority may issue certificates.",
                remedy="Publish one that names the authority in use, if you want to narrow it.",
            )
        case Found(records=records):
            yield from _judge_records(reading, name, records)


def _judge_records(reading: Reading, name: str, records: Sequence[CaaRecord]) -> Iterator[Finding]:
    faults = [fault for record in records if (fault := _find_fault(record))]
    for fault in dict.fromkeys(faults[:MAX_NAMED]):
        yield MALFORMED.found(
            Severity.WARNING,
            name,
            seen=f"A CAA record at {name} is malformed: {fault}.",
            follows="Authorities may refuse to renew certificates.",
            remedy="Correct the record.",
        )
    issuers = [_read_issuer(record) for record in records if record.tag == "issue"]
    named = list(dict.fromkeys(issuer for issuer in issuers if issuer))
    if issuers and not named:
        needs = reading.wants_sts or bool(reading.has_dane)
        yield FORBIDS.found(
            Severity.WARNING if needs else Severity.INFO,
            name,
            seen=f"CAA at {name} lets no authority issue certificates.",
            follows="Certificates for it, and for names below it, cannot be renewed.",
            remedy="Name the authority whose certificates are in use.",
        )
    elif named:
        yield PRESENT.found(
            Severity.INFO,
            name,
            seen=f"Certificates for {name} may be issued by {name_some(named, MAX_NAMED)} only.",
        )


def _read_issuer(record: CaaRecord) -> str:
    """Return the authority's name; "" for nobody, which a malformed value stands for, too."""
    if _find_fault(record):
        return ""
    found = _ISSUE.fullmatch(record.value.decode("ascii", "replace"))
    return found["name"].lower() if found else ""


def _find_fault(record: CaaRecord) -> str:
    if record.tag not in _KNOWN:
        if record.flags & _CRITICAL:
            return f"{quote(record.tag)} is unknown and marked as critical"
        return ""
    if record.tag not in {"issue", "issuewild"}:
        return ""
    text = record.value.decode("ascii", "replace")
    found = _ISSUE.fullmatch(text)
    rest = (found["rest"] or "").strip(" \t") if found else ""
    if found is None or (rest and not all(map(_PARAMETER.fullmatch, rest.split(";")))):
        return f"{quote(record.value)} names no authority"
    return ""
