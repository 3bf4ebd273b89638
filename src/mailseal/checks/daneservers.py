"""TLSA records as each authoritative server of the domain gives them (deep; RFC 7672 §2.1.3).

A resolver asks any of them: one that fails on the type, or has an old zone, holds back the mail
of whoever happens to ask it.
"""

from collections.abc import Iterator

from mailseal.checks.evidence import AuthorityAnswer
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.results import ResultType

DIFFERENT = Entry(
    code="tlsa-servers-differ",
    title="name servers of the domain disagree about TLSA records",
    about="Each authoritative server is asked for the TLSA records of MX hosts within the domain. "
    "Some give others, or fail where others answer: some senders verify by old records, or "
    "cannot look them up.",
    clause="RFC 7672 §2.1.3, RFC 7671 §8.1",
    result=ResultType.DNSSEC_INVALID,
    is_deep=True,
)

ENTRIES = (DIFFERENT,)


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the servers, name by name; what none of them serves is in another zone."""
    authorities = reading.evidence.records.authorities
    # A server that fails on everything is told as that (zone-server-fails).
    dead = {one.address for one in authorities if one.rdtype == "SOA" and one.texts is None}
    by_name: dict[str, list[AuthorityAnswer]] = {}
    for answer in authorities:
        if answer.rdtype == "TLSA" and answer.address not in dead:
            by_name.setdefault(answer.name, []).append(answer)
    for name, answers in by_name.items():
        yield from _compare(name, answers)


def _compare(name: str, answers: list[AuthorityAnswer]) -> Iterator[Finding]:
    told = [answer for answer in answers if answer.texts is not None]
    if not told:
        return
    host = name.split(".", 2)[-1]
    failing = [answer for answer in answers if answer.texts is None]
    if failing:
        shown = "; ".join(f"{each.server} [{each.address}] {each.failure}" for each in failing[:4])
        yield DIFFERENT.found(
            Severity.WARNING,
            host,
            seen=f"Some name servers do not answer for TLSA at {name}: {shown}.",
            follows="Senders with DANE whose resolvers ask them hold their mail back.",
            remedy="Repair these servers, or take them out of the zone's NS records.",
        )
    if len({answer.texts for answer in told}) > 1:
        shown = "; ".join(f"{each.server} has {_say(each.texts)}" for each in told[:4])
        yield DIFFERENT.found(
            Severity.WARNING,
            host,
            seen=f"The name servers give different TLSA records at {name}: {shown}.",
            follows="What a sender verifies by depends on which server its resolver asks.",
            remedy="Make sure that every server has the newest zone, then check again.",
        )


def _say(texts: tuple[str, ...] | None) -> str:
    if not texts:
        return "none"
    return ", ".join(text if len(text) <= 20 else f"{text[:18]}…" for text in texts[:3])
