"""A judgement as a report shows it: for each area what is there, what is right and what is wrong.

Nothing is judged here. Marks come from the findings, so that no face has to know a rule.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailseal.checks.areas import Area
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.verdict import Verdict


class Mark(enum.StrEnum):
    """How something stands; ``none`` is what is not there and need not be.

    A ``note`` is worth reading and nothing that is wrong.
    """

    GOOD = "good"
    NONE = "none"
    NOTE = "note"
    WARNING = "warning"
    UNKNOWN = "unknown"
    ERROR = "error"


_BY_SEVERITY = {
    Severity.ERROR: Mark.ERROR,
    Severity.UNKNOWN: Mark.UNKNOWN,
    Severity.WARNING: Mark.WARNING,
}
_BY_VERDICT = {
    Verdict.SAFE_TO_ENFORCE: Mark.GOOD,
    Verdict.NOT_YET: Mark.WARNING,
    Verdict.HEALTHY: Mark.GOOD,
    Verdict.LOSING_MAIL: Mark.ERROR,
    Verdict.NOT_PUBLISHED: Mark.NONE,
    Verdict.CANNOT_TELL: Mark.UNKNOWN,
}
_GRAVITY = tuple(Mark)  # the worst last


def mark_of(severity: Severity) -> Mark:
    """Return the mark of a finding; what is only told is good."""
    return _BY_SEVERITY.get(severity, Mark.GOOD)


def mark_of_verdict(verdict: Verdict) -> Mark:
    """Return the mark of a verdict."""
    return _BY_VERDICT[verdict]


def mark_of_told(finding: Finding) -> Mark:
    """Return the mark of a finding that is told by itself: what is no fault is a note."""
    return _BY_SEVERITY.get(finding.severity, Mark.NOTE)


def worst(marks: Iterable[Mark]) -> Mark:
    """Return the worst mark; good if there is none."""
    return max(marks, key=_GRAVITY.index, default=Mark.GOOD)


def is_statement(finding: Finding) -> bool:
    """Tell whether a finding only states what is there: nobody need read on because of it."""
    return finding.severity is Severity.INFO and not finding.remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A few words and how they stand."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of an area: ``label`` is a name in DNS or a word, ``text`` what is there."""

    label: str
    text: str
    mark: Mark = Mark.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAddress:
    """One address of the policy host; ``answer`` is what came of the request."""

    address: str
    tls: Cell
    certificate: Cell
    answer: Cell
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MxAddress:
    """One address of an MX host; ``note`` says in half a sentence what ended the session early."""

    address: str
    starttls: Cell
    tls: Cell
    certificate: Cell
    dane: Cell
    not_after: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MxView:
    """One MX host; ``covered`` is about the policy, ``dane`` about its TLSA records."""

    name: str
    preference: int
    mark: Mark
    covered: Cell
    dane: Cell
    addresses: tuple[MxAddress, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """One area with its findings, the worst first."""

    area: Area
    mark: Mark
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All areas, and the addresses of both kinds of hosts."""

    areas: tuple[AreaView, ...]
    policy_addresses: tuple[PolicyAddress, ...]
    mx_hosts: tuple[MxView, ...]
