"""The TXT record at ``_mta-sts`` (RFC 8461 §3.1): there, alone, and well-formed."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mailseal.answers import Absent, Found, LookupFailed
from mailseal.checks.correction import lead_to_policy, ready_policy, ready_record
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.checks.servedpolicy import is_like_policy
from mailseal.deviations import Deviation
from mailseal.mtasts.policy import Mode

LONG_TTL = timedelta(days=1)  # ours: senders that ask daily would not see a new id in time

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
    about="Without the TXT record senders do not ask for a policy, whatever the policy host has. "
    "The policy of a parent domain does not count.",
    clause="RFC 8461 §3.1, §3.4",
)
ORPHAN = Entry(
    code="sts-record-orphan",
    title="a policy is served, but no record tells senders of it",
    about="Senders fetch a policy only where the TXT record at _mta-sts says that there is one.",
    clause="RFC 8461 §3.1",
)
SEVERAL = Entry(
    code="sts-record-several",
    title="there is more than one _mta-sts record",
    about="Senders that find two records of MTA-STS use neither of them, even where both say the "
    "same.",
    clause="RFC 8461 §3.1",
)
UNUSABLE = Entry(
    code="sts-record-unusable",
    title="a record at _mta-sts is damaged beyond recognition",
    about='Senders discard every TXT record that does not begin with "v=STSv1;": one with quotes '
    "or blanks in front, in other letters, with a comma, or with the policy inside.",
    clause="RFC 8461 §3.1",
)
SYNTAX = Entry(
    code="sts-record-syntax",
    title="the _mta-sts record has a malformed field",
    about="One field outside the grammar makes the whole record, and so the policy, unavailable.",
    clause="RFC 8461 §3.1",
)
NO_ID = Entry(
    code="sts-record-no-id",
    title="the _mta-sts record has no id",
    about="The id tells senders that the policy has changed; without one there is no policy.",
    clause="RFC 8461 §3.1",
)
BAD_ID = Entry(
    code="sts-record-bad-id",
    title="the id of the _mta-sts record is not allowed",
    about="An id has 1 to 32 letters and digits, and nothing else: no hyphen, no colon, no dot.",
    clause="RFC 8461 §3.1",
)
BLANK = Entry(
    code="sts-record-blank-before-semicolon",
    title="a blank stands before the first semicolon of the _mta-sts record",
    about="The grammar allows it and the text does not, so that some senders discard the record.",
    clause="RFC 8461 §3.1, erratum 6285",
)
DUPLICATE = Entry(
    code="sts-record-duplicate-field",
    title="a field of the _mta-sts record is there twice",
    about="Only the first one counts; whoever changes the second one changes nothing.",
    clause="RFC 8461 §3.2",
)
DAMAGED_BESIDE = Entry(
    code="sts-record-damaged-beside",
    title="a damaged record stands beside the one that counts",
    about="Senders discard it today; once somebody repairs it there are two, and none counts.",
    clause="RFC 8461 §3.1",
)
FOREIGN = Entry(
    code="sts-record-foreign",
    title="a TXT record at _mta-sts has nothing to do with MTA-STS",
    about="Senders ignore it. Most often it comes from a wildcard, or SPF was put at the wrong "
    "name.",
    clause="RFC 8461 §3.1",
)
TTL = Entry(
    code="sts-record-long-ttl",
    title="resolvers remember the _mta-sts record for more than a day",
    about="A new id reaches a sender only when its resolver has forgotten the old one.",
    clause="RFC 8461 §8.1",
)
INSECURE = Entry(
    code="sts-record-insecure",
    title="the _mta-sts record leaves the signed zone",
    about="MTA-STS does not need DNSSEC. Where the zone is signed and this answer is not, an "
    "alias leads out of it, and whoever forges answers can hide the policy from new senders.",
    clause="RFC 8461 §10.2",
)

ENTRIES = (
    UNKNOWN,
    ABSENT,
    ORPHAN,
    SEVERAL,
    UNUSABLE,
    SYNTAX,
    NO_ID,
    BAD_ID,
    BLANK,
    DUPLICATE,
    DAMAGED_BESIDE,
    FOREIGN,
    TTL,
    INSECURE,
)

_DECIDING = {  # deviations that leave no record
    "multiple-records": SEVERAL,
    "no-usable-record": UNUSABLE,
    "syntax": SYNTAX,
    "missing-id": NO_ID,
    "bad-id": BAD_ID,
}
_TOLERATED = {  # and those that a sender may live with
    "blank-before-semicolon": BLANK,
    "duplicate-field": DUPLICATE,
    "discarded-record": DAMAGED_BESIDE,
}


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the record, or its absence."""
    answer = reading.evidence.records.sts
    match answer:
        case LookupFailed():
            yield _judge_failure(reading, answer)
        case Absent():
            yield _judge_absence(reading)
        case Found():
            yield from _judge_records(reading, answer)


def _judge_failure(reading: Reading, answer: LookupFailed) -> Finding:
    return UNKNOWN.found(
        Severity.UNKNOWN,
        reading.domain,
        seen=f"TXT at {_name(reading)} could not be looked up: {answer.reason}.",
        follows="Whether senders find a policy is not known from here.",
        remedy="Check your resolver and the domain's name servers, then check again.",
    )


def _judge_absence(reading: Reading) -> Finding:
    if reading.body is not None and is_like_policy(reading.body):
        return _judge_orphan(reading)
    seen = f"There is no TXT record at {_name(reading)}."
    if reading.takes_no_mail:
        follows = "The domain takes no mail (null MX), so that none is needed."
        return ABSENT.found(Severity.INFO, reading.domain, seen=seen, follows=follows)
    return ABSENT.found(
        Severity.INFO,
        reading.domain,
        seen=seen,
        follows="Senders do not ask for a policy. That of a parent domain does not count.",
        remedy="Serve a policy in mode testing first, then publish the record.",
        ready=ready_policy(reading, b""),
    )


def _judge_orphan(reading: Reading) -> Finding:
    policy = reading.written.policy if reading.written else None
    seen = f"mta-sts.{reading.domain} serves a policy, but there is no TXT record at "
    seen += f"{_name(reading)}."
    if policy is not None and policy.mode is Mode.NONE:
        return ORPHAN.found(
            Severity.INFO,
            reading.domain,
            seen=f"{seen} Its mode is none, as at the end of a removal.",
            follows="Senders that refetch the policy they know learn that it is gone.",
            remedy="Leave it until the longest max_age that was ever served is over.",
        )
    remedy, ready = lead_to_policy(reading, "publish the record")
    return ORPHAN.found(
        Severity.WARNING,
        reading.domain,
        seen=seen,
        follows="New senders never ask for the policy; those that know it forget it in time.",
        remedy=f"{remedy} To retire MTA-STS instead, serve mode none until the longest max_age is "
        "over.",
        ready=ready,
    )


def _judge_records(reading: Reading, answer: Found[tuple[bytes, ...]]) -> Iterator[Finding]:
    deviations = reading.record.deviations if reading.record else ()
    if reading.record is not None and reading.sts_record is None:
        if reading.record.is_meant:
            yield _judge_deciding(reading, _DECIDING[deviations[0].code], deviations[0])
        else:
            yield _judge_absence(reading)
    for code, entry in _TOLERATED.items():
        found = [one for one in deviations if one.code == code]
        if found:
            yield _judge_tolerated(reading, entry, found)
    yield from _judge_foreign(reading, [one for one in deviations if one.code == "other-record"])
    if reading.sts_record is not None:
        yield from _judge_answer(reading, answer)


def _judge_deciding(reading: Reading, entry: Entry, deviation: Deviation) -> Finding:
    remedy, ready = lead_to_policy(reading, "publish exactly one record in this form")
    return entry.found(
        Severity.ERROR,
        reading.domain,
        seen=_say(reading, deviation),
        follows="Senders treat the domain as one without a policy; those that know an older one "
        "go on with that.",
        remedy=remedy,
        ready=ready,
    )


def _judge_tolerated(reading: Reading, entry: Entry, found: Sequence[Deviation]) -> Finding:
    follows = {
        BLANK.code: "Senders that discard the record see no policy.",
        DUPLICATE.code: "Whoever changes the other one changes nothing.",
    }.get(entry.code, "It has no effect, and would take the policy away once it is repaired.")
    remedy = "Publish exactly one record in this form."
    if entry is DAMAGED_BESIDE:
        remedy = "Remove the damaged record."
    return entry.found(
        Severity.WARNING,
        reading.domain,
        seen=" ".join(_say(reading, one) for one in found[:3]),
        follows=follows,
        remedy=remedy,
        ready=() if entry is DAMAGED_BESIDE else (ready_record(reading),),
    )


def _judge_foreign(reading: Reading, found: Sequence[Deviation]) -> Iterator[Finding]:
    if not found:
        return
    wildcard = reading.evidence.records.unlikely_txt
    is_wildcard = isinstance(wildcard, Found)
    seen = " ".join(_say(reading, one) for one in found[:3])
    if is_wildcard:
        seen += f" It comes from the wildcard *.{reading.domain}, which any name gets."
    yield FOREIGN.found(
        Severity.WARNING if reading.wants_sts else Severity.INFO,
        reading.domain,
        seen=seen,
        follows="Senders ignore it; people take it for a record of MTA-STS.",
        remedy="Give the record the names that it is for, instead of a wildcard."
        if is_wildcard
        else "Remove it from this name.",
    )


def _judge_answer(reading: Reading, answer: Found[tuple[bytes, ...]]) -> Iterator[Finding]:
    if answer.ttl > LONG_TTL:
        yield TTL.found(
            Severity.INFO,
            reading.domain,
            seen=f"The TTL of {_name(reading)} is {int(answer.ttl.total_seconds())} seconds.",
            follows="After a change of the policy some senders use the old one for that long.",
            remedy="Set the TTL to a day or less; an hour is usual.",
        )
    mx = reading.evidence.records.mx
    if isinstance(mx, Found) and mx.is_secure and not answer.is_secure:
        yield INSECURE.found(
            Severity.INFO,
            reading.domain,
            seen=f"The MX records are signed, but the answer for {_name(reading)} is not: it "
            f"stands at {answer.canonical}.",
            follows="Who forges DNS answers can keep new senders from asking for the policy.",
            remedy="Have the zone signed that the alias leads to, or publish the record itself.",
        )


def _say(reading: Reading, deviation: Deviation) -> str:
    where = "" if deviation.line is None else f", TXT record {deviation.line}"
    return f"At {_name(reading)}{where}: {deviation.message}"


def _name(reading: Reading) -> str:
    return f"_mta-sts.{reading.domain}"
