"""A finding: what was seen, what follows for mail, and what to change, under a stable code."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from mailseal.deviations import Severity
from mailseal.results import ResultType

__all__ = ["Entry", "Finding", "Kind", "Ready", "Severity", "exit_code", "is_worse"]

_GRAVITY = (Severity.INFO, Severity.UNKNOWN, Severity.WARNING, Severity.ERROR)
# As monitoring plug-ins say it; of several the first counts.
_EXIT_CODES = ((Severity.ERROR, 2), (Severity.UNKNOWN, 3), (Severity.WARNING, 1))


class Kind(enum.StrEnum):
    """What a ready-made text is."""

    RECORD = "record"  # a line of a zone file
    POLICY = "policy"  # the policy file
    SETTING = "setting"  # a line of a server's configuration
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A text to be used as it is; ``place`` says where: a name in DNS, a URL, a file."""

    kind: Kind
    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judgement about one subject.

    ``subject`` is a domain, an MX host or ``host [address]``. ``seen``, ``follows`` and ``remedy``
    are whole sentences; there is nothing to ``follow`` and no ``remedy`` where all is well.
    ``clause`` cites the RFC; ``result`` is the word that senders' TLS reports have for it.
    """

    code: str
    severity: Severity
    subject: str
    seen: str
    follows: str = ""
    remedy: str = ""
    ready: tuple[Ready, ...] = ()
    clause: str = ""
    result: ResultType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the catalogue says of a code: the only way to make a finding of it.

    ``title`` is half a sentence; ``about`` explains the check to a mail admin in one to three
    sentences. ``is_deep`` marks what only ``--deep`` can find, ``needs_history`` what only a
    comparison with an earlier observation can.
    """

    code: str
    title: str
    about: str
    clause: str
    result: ResultType | None = None
    is_deep: bool = False
    needs_history: bool = False

    def found(
        self,
        severity: Severity,
        subject: str,
        *,
        seen: str,
        follows: str = "",
        remedy: str = "",
        ready: tuple[Ready, ...] = (),
        clause: str = "",
        result: ResultType | None = None,
    ) -> Finding:
        """Make a finding; ``clause`` and ``result`` are the entry's unless given."""
        return Finding(
            code=self.code,
            severity=severity,
            subject=subject,
            seen=seen,
            follows=follows,
            remedy=remedy,
            ready=ready,
            clause=clause or self.clause,
            result=result or self.result,
        )


def is_worse(one: Severity, other: Severity) -> bool:
    """Tell whether a severity is graver; what is unknown is worse than information."""
    return _GRAVITY.index(one) > _GRAVITY.index(other)


def exit_code(severities: Iterable[Severity]) -> int:
    """Return what a monitoring plug-in exits with: 2 error, 3 unknown, 1 warning, else 0."""
    seen = set(severities)
    return next((code for severity, code in _EXIT_CODES if severity in seen), 0)
