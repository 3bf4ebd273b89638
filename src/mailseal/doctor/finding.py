"""A finding about this machine, and what several come to (the convention of monitoring)."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Status(enum.StrEnum):
    """How bad it is; ``unknown`` is for what could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judgement: what was ``seen``, and the ``remedy`` unless all is well."""

    code: str
    status: Status
    seen: str
    remedy: str = ""


def ok(code: str, seen: str) -> Finding:
    """Make a finding that nothing is wrong."""
    return Finding(code=code, status=Status.OK, seen=seen)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 2 with an error, else 1 with a warning, else 3 with something unknown, else 0."""
    seen = {finding.status for finding in findings}
    for status, code in ((Status.ERROR, 2), (Status.WARNING, 1), (Status.UNKNOWN, 3)):
        if status in seen:
            return code
    return 0
