"""The TXT record at ``_mta-sts`` (RFC 8461 §3.1): there, alone, and well-formed."""

from collections.abc import Iterator

from mailseal.answers import LookupFailed
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.reading import Reading

UNKNOWN = Entry(
    code="sts-record-unknown",
    title="the _mta-sts record could not be looked up",
    about="A resolver that fails or stays silent proves no absence: senders that cannot look the "
    "record up go on with the policy they know.",
    clause="RFC 8461 §3.1",
)
ABSENT = Entry(
    code="sts-record-absent",
    title="there is no _mta-sts record",
    about="Without the TXT record senders do not ask for a policy, whatever the policy host has.",
    clause="RFC 8461 §3.1",
)

ENTRIES = (UNKNOWN, ABSENT)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the record, or its absence."""
    name = f"_mta-sts.{reading.domain}"
    answer = reading.evidence.records.sts
    if isinstance(answer, LookupFailed):
        yield UNKNOWN.found(
            Severity.UNKNOWN,
            reading.domain,
            seen=f"TXT at {name} could not be looked up: {answer.reason}.",
            follows="Whether senders find a policy is not known from here.",
            remedy="Check the domain's name servers, then check again.",
        )
    elif not reading.wants_sts:
        yield ABSENT.found(
            Severity.INFO,
            reading.domain,
            seen=f"There is no TXT record at {name}.",
            follows="Senders do not ask for a policy.",
            remedy="Serve the policy first, then publish the record.",
            ready=(Ready(kind=Kind.RECORD, place=name, text='TXT "v=STSv1; id=1"'),),
        )
