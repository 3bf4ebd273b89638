"""The policy file as text: every place where it leaves the grammar, or says what nobody means.

The parser and its advice have named the mistakes (RFC 8461 §3.2); here they get the codes of the
catalogue, what follows for mail, and the corrected file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mailseal.checks.correction import draft_policy
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.policymistakes import OF_CODE, OF_MISTAKE, UNREADABLE
from mailseal.checks.publication import policy_host, weigh
from mailseal.checks.reading import Reading
from mailseal.deviations import Deviation
from mailseal.mtasts.advice import advise
from mailseal.mtasts.policy import Mode
from mailseal.quoting import name_some
from mailseal.results import ResultType

MAX_NAMED_LINES = 8  # ours; the corrected file shows them all

ENTRIES = tuple(dict.fromkeys((UNREADABLE, *OF_MISTAKE.values(), *OF_CODE.values())))

# Said elsewhere with what is known of the domain, or of no interest to an owner.
_ELSEWHERE = frozenset({"short-max_age", "no-usable-mx"})


def check(reading: Reading) -> Iterator[Finding]:
    """Judge what is served, whether senders would believe the server or not."""
    if policy_host(reading) is None or reading.body is None or reading.written is None:
        return
    policy = reading.written.policy
    deviations = list(reading.written.deviations)
    if policy is not None:
        deviations += advise(reading.body, policy)
    groups: dict[str, list[Deviation]] = {}
    for one in deviations:
        if one.code not in _ELSEWHERE and not _is_plain_lf(reading.body, one):
            groups.setdefault(_entry(one).code, []).append(one)
    draft = draft_policy(reading, reading.body) if groups else None
    for group in groups.values():
        finding = _judge(reading, group, is_refused=policy is None)
        if draft and finding.severity is not Severity.INFO:
            remedy = "Put the corrected file in its place, then publish a new id."
            if draft.why:
                remedy = "Put the corrected file in its place first, in mode testing, then publish "
                remedy += f"a new id. {draft.why}"
            elif policy is None and draft.policy.mode is Mode.ENFORCE:
                remedy += " No sender enforced it so far: mode testing is the safer beginning."
            finding = replace(finding, remedy=remedy, ready=draft.show(reading))
            draft = None  # the file is shown once, beside the mistake that decided
        yield finding


def _judge(reading: Reading, group: Sequence[Deviation], *, is_refused: bool) -> Finding:
    entry = _entry(group[0])
    severity = group[0].severity
    if severity is Severity.ERROR and (not is_refused or reading.sts_record is None):
        # What mailseal tolerates, others do not: the policy is in danger, not gone.
        severity = Severity.WARNING
    if not is_refused:
        follows = "" if severity is Severity.INFO else _TOLERATED.get(entry.code, _PERHAPS)
    else:
        follows = "Senders refuse the whole policy; those that know an older one go on with that."
    return entry.found(
        weigh(reading) if severity is Severity.ERROR else severity,
        reading.domain,
        seen=_say(group),
        follows=follows,
        remedy="" if severity is Severity.INFO else "Correct the file, then publish a new id.",
        clause=group[0].clause,
        result=ResultType.STS_POLICY_INVALID if is_refused else None,
    )


_PERHAPS = "mailseal reads the policy all the same; some senders refuse it."
_IGNORED = "Senders use the policy without this line."
_TOLERATED = {
    "policy-mx-address": _IGNORED,
    "policy-likely-typo": _IGNORED,
    "policy-duplicate-field": _IGNORED,
    "policy-duplicate-mx": "The policy says no more than without it.",
    "policy-single-label-mx": _IGNORED,
    "policy-placeholder-mx": _IGNORED,
    "policy-broad-wildcard": "Whoever forges DNS answers can send the mail to a host of their own "
    "below that name.",
}


def _entry(deviation: Deviation) -> Entry:
    by_mistake = OF_MISTAKE.get(deviation.cause) if deviation.cause else None
    return by_mistake or OF_CODE.get(deviation.code, UNREADABLE)


def _say(group: Sequence[Deviation]) -> str:
    """Tell the first of several like mistakes in its words, the others by their lines."""
    first = group[0]
    said = f"{'The policy' if first.line is None else f'Policy line {first.line}'}: {first.message}"
    lines = sorted({one.line for one in group if one.line is not None} - {first.line})
    if not lines:
        return said
    named = name_some(lines, MAX_NAMED_LINES)
    return f"{said} The same in line{'s' if len(lines) > 1 else ''} {named}."


def _is_plain_lf(body: bytes, deviation: Deviation) -> bool:
    """Tell whether the advice is about LF throughout, which nobody minds; mixed ends are told."""
    return deviation.code == "lf-line-ends" and b"\r\n" not in body
