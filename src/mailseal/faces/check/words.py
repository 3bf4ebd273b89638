"""Severities, counts and dates as people read them, the same in a terminal and on a page."""

from datetime import datetime

from mailseal.checks.finding import Finding, Kind, Severity
from mailseal.checks.judge import Judgement
from mailseal.checks.overview import is_statement

KINDS = {
    Kind.RECORD: "Record",
    Kind.POLICY: "Policy file",
    Kind.SETTING: "Setting",
    Kind.COMMAND: "Command",
}
SEVERITIES = {
    Severity.ERROR: "ERROR",
    Severity.WARNING: "WARNING",
    Severity.UNKNOWN: "UNKNOWN",
    Severity.INFO: "NOTE",
}
PLURALS = {
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.UNKNOWN: ("unknown", "unknown"),
    Severity.INFO: ("note", "notes"),
}


def told(judgement: Judgement) -> tuple[Finding, ...]:
    """Return the findings that are told one by one; the others are facts of their areas."""
    return tuple(one for one in judgement.findings if not is_statement(one))


def count(judgement: Judgement) -> str:
    """Say how many findings of each kind there are: "2 errors, 1 note"."""
    found = told(judgement)
    numbers = dict.fromkeys(PLURALS, 0)
    for one in found:
        numbers[one.severity] += 1
    words = [
        f"{number} {PLURALS[severity][number != 1]}"
        for severity, number in numbers.items()
        if number
    ]
    return ", ".join(words) or "nothing to change"


def instant(at: datetime) -> str:
    """Return a time as people write it."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def looked(judgement: Judgement) -> str:
    """Say when and from where a domain was looked at, and how far."""
    evidence = judgement.reading.evidence
    seconds = (evidence.finished_at - evidence.started_at).total_seconds()
    how = ("a deep look, " if evidence.is_deep else "") + {
        "dns": "DNS only",
        "policy": "DNS and policy host only",
        "smtp": "DNS, policy host and mail servers",
    }[evidence.depth.value]
    return (
        f"Looked at {instant(evidence.finished_at)} from {evidence.observer.name} "
        f"in {seconds:.1f} s: {how}."
    )
