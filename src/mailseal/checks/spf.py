"""SPF of the domain, for presence and syntax (RFC 7208): a neighbour, a warning at most."""

from collections.abc import Iterator

from mailseal.answers import Found, LookupFailed
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.reading import Reading
from mailseal.mailauth.spf import (
    MAX_LOOKUPS,
    SpfRecord,
    SpfSyntaxError,
    parse_record,
    select_records,
)
from mailseal.quoting import quote

UNKNOWN = Entry(
    code="spf-unknown",
    title="SPF could not be looked up",
    about="A resolver that fails or stays silent proves no absence.",
    clause="RFC 7208 §4.4",
)
ABSENT = Entry(
    code="spf-absent",
    title="there is no SPF record",
    about="SPF lists who may send mail in the domain's name. It has no bearing on how mail "
    "reaches the domain.",
    clause="RFC 7208 §3",
)
PRESENT = Entry(
    code="spf-present",
    title="SPF is published",
    about="The record is well-formed. Whether it lists the right senders is not judged here.",
    clause="RFC 7208 §3",
)
SEVERAL = Entry(
    code="spf-several",
    title="there is more than one SPF record",
    about="Receivers that find two treat SPF as broken, even where both say the same.",
    clause="RFC 7208 §3.2, §4.5",
)
SYNTAX = Entry(
    code="spf-syntax",
    title="the SPF record is malformed",
    about="One term outside the grammar makes receivers treat the whole record as broken.",
    clause="RFC 7208 §4.6",
)
OPEN = Entry(
    code="spf-open",
    title="SPF lets everybody send in the domain's name",
    about="A record that ends in +all says that every machine in the world may send for it.",
    clause="RFC 7208 §5.1",
)
LOOKUPS = Entry(
    code="spf-lookups",
    title="SPF asks receivers for too many look-ups",
    about="Receivers make ten look-ups at most, those of included records with them. Only the "
    "terms of the record itself are counted here.",
    clause="RFC 7208 §4.6.4",
)

ENTRIES = (UNKNOWN, ABSENT, PRESENT, SEVERAL, SYNTAX, OPEN, LOOKUPS)

_DEFAULTS = {
    "pass": "passes",
    "fail": "fails",
    "softfail": "fails softly",
    "neutral": "is left undecided",
}


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the records among the domain's TXT records."""
    answer = reading.evidence.records.txt
    if answer is None:
        return
    if isinstance(answer, LookupFailed):
        yield UNKNOWN.found(
            Severity.UNKNOWN,
            reading.domain,
            seen=f"TXT of {reading.domain} could not be looked up: {answer.reason}.",
            follows="Whether there is an SPF record is not known.",
            remedy="Check your resolver and the domain's name servers, then check again.",
        )
        return
    texts = select_records(answer.records) if isinstance(answer, Found) else ()
    if not texts:
        yield _say_absent(reading)
    elif len(texts) > 1:
        yield SEVERAL.found(
            Severity.WARNING,
            reading.domain,
            seen=f"{reading.domain} has {len(texts)} SPF records.",
            follows="Receivers treat SPF as broken for all mail from this domain.",
            remedy="Put everything into one record.",
        )
    else:
        yield from _judge_record(reading, texts[0])


def _say_absent(reading: Reading) -> Finding:
    text = 'TXT "v=spf1 -all"' if reading.takes_no_mail else 'TXT "v=spf1 mx -all"'
    return ABSENT.found(
        Severity.INFO,
        reading.domain,
        seen=f"There is no SPF record at {reading.domain}.",
        follows="Receivers have no list of who may send in its name.",
        remedy="Publish one that names everybody who sends for the domain.",
        ready=(Ready(kind=Kind.RECORD, place=reading.domain, text=text),),
    )


def _judge_record(reading: Reading, text: bytes) -> Iterator[Finding]:
    try:
        record = parse_record(text)
    except SpfSyntaxError as error:
        yield SYNTAX.found(
            Severity.WARNING,
            reading.domain,
            seen=f"The SPF record of {reading.domain} is malformed: {error}.",
            follows="Receivers treat SPF as broken for all mail from this domain.",
            remedy=f"Correct the TXT record that begins with v=spf1 at {reading.domain}.",
        )
        return
    yield PRESENT.found(Severity.INFO, reading.domain, seen=_say_present(record))
    if record.default == "pass":
        yield OPEN.found(
            Severity.WARNING,
            reading.domain,
            seen='The SPF record ends in "all" with the result pass.',
            follows="Anybody may send mail in the domain's name.",
            remedy='Write "-all" or "~all" instead.',
        )
    if record.lookups > MAX_LOOKUPS:
        yield LOOKUPS.found(
            Severity.WARNING,
            reading.domain,
            seen=f"The SPF record has {record.lookups} terms that make receivers ask DNS, and "
            f"{MAX_LOOKUPS} are allowed.",
            follows="Receivers treat SPF as broken for all mail from this domain.",
            remedy="Write networks as ip4: and ip6:, or send from fewer places.",
        )


def _say_present(record: SpfRecord) -> str:
    if record.redirect:
        return f"SPF is published, and leads on to the record of {quote(record.redirect)}."
    return f"SPF is published; mail from elsewhere {_DEFAULTS[record.default]}."
