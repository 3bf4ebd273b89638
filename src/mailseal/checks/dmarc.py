"""DMARC of the domain or of its parent, for presence and syntax (RFC 7489): a neighbour."""

from collections.abc import Iterator

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.reading import Reading
from mailseal.mailauth.dmarc import DmarcSyntaxError, parse_record, select_records

UNKNOWN = Entry(
    code="dmarc-unknown",
    title="DMARC could not be looked up",
    about="A resolver that fails or stays silent proves no absence.",
    clause="RFC 7489 §6.6.3",
)
ABSENT = Entry(
    code="dmarc-absent",
    title="there is no DMARC record",
    about="DMARC says what receivers should do with mail in the domain's name that nobody "
    "vouches for. It has no bearing on how mail reaches the domain.",
    clause="RFC 7489 §6.1",
)
PRESENT = Entry(
    code="dmarc-present",
    title="DMARC is published",
    about="The record is well-formed. A domain without one of its own is under that of the "
    "domain above.",
    clause="RFC 7489 §6.1, §6.6.3",
)
SEVERAL = Entry(
    code="dmarc-several",
    title="there is more than one DMARC record",
    about="Receivers that find two use neither of them.",
    clause="RFC 7489 §6.6.3",
)
SYNTAX = Entry(
    code="dmarc-syntax",
    title="the DMARC record is malformed",
    about="Receivers ignore a record that they cannot read, or read something else than was meant.",
    clause="RFC 7489 §6.3, §6.4",
)

ENTRIES = (UNKNOWN, ABSENT, PRESENT, SEVERAL, SYNTAX)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the domain's own record, or else the parent's."""
    records = reading.evidence.records
    if records.dmarc is None:
        return
    own = f"_dmarc.{reading.domain}"
    if isinstance(records.dmarc, LookupFailed) or _select(records.dmarc):
        yield from _judge(reading, own, records.dmarc, is_own=True)
    elif records.parent_dmarc is None or isinstance(records.parent_dmarc, Absent):
        yield _say_absent(reading, own)
    else:
        above = records.parent_dmarc
        name = above.canonical if isinstance(above, Found) else "the domain above"
        yield from _judge(reading, name, above, is_own=False)


def _select(answer: Answer[tuple[bytes, ...]]) -> tuple[bytes, ...]:
    return select_records(answer.records) if isinstance(answer, Found) else ()


def _judge(
    reading: Reading, name: str, answer: Answer[tuple[bytes, ...]], *, is_own: bool
) -> Iterator[Finding]:
    if isinstance(answer, LookupFailed):
        yield UNKNOWN.found(
            Severity.UNKNOWN,
            reading.domain,
            seen=f"The DMARC record at {name} could not be looked up: {answer.reason}.",
            follows="Whether there is one is not known.",
            remedy="Check your resolver and the domain's name servers, then check again.",
        )
        return
    texts = _select(answer)
    if not texts:
        yield _say_absent(reading, f"_dmarc.{reading.domain}")
    elif len(texts) > 1:
        yield SEVERAL.found(
            Severity.WARNING,
            reading.domain,
            seen=f"There are {len(texts)} DMARC records at {name}.",
            follows="Receivers use none of them.",
            remedy="Leave exactly one.",
        )
    else:
        yield _judge_record(reading, name, texts[0], is_own=is_own)


def _judge_record(reading: Reading, name: str, text: bytes, *, is_own: bool) -> Finding:
    try:
        record = parse_record(text)
    except DmarcSyntaxError as error:
        return SYNTAX.found(
            Severity.WARNING,
            reading.domain,
            seen=f"The DMARC record at {name} is malformed: {error}.",
            follows="Receivers ignore it, or do something else than was meant.",
            remedy=f"Correct the TXT record at {name}.",
        )
    if is_own:
        seen = f"DMARC is published with the policy {record.policy}."
    else:
        seen = f"The DMARC record at {name} asks for {record.subdomain_policy} here."
    return PRESENT.found(Severity.INFO, reading.domain, seen=seen)


def _say_absent(reading: Reading, name: str) -> Finding:
    text = f'TXT "v=DMARC1; p=none; rua=mailto:dmarc-reports@{reading.domain}"'
    return ABSENT.found(
        Severity.INFO,
        reading.domain,
        seen=f"There is no DMARC record for {reading.domain}.",
        follows="Receivers decide by themselves what to do with mail that fakes its sender.",
        remedy="Publish one with the policy none, and read its reports before choosing another.",
        ready=(Ready(kind=Kind.RECORD, place=name, text=text),),
    )
