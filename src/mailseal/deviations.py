"""A place where a text leaves its standard's grammar, told for people and for programs."""

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """How bad a deviation or finding is; ``unknown`` means it could not be judged."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One finding of a parser: a stable ``code``, and where and why.

    ``line`` counts from 1; None where the text as a whole is meant.
    ``message`` says what was seen, what follows and what to do; ``clause`` cites the RFC.
    ``cause`` names the mistake that was made, where it is a known one.
    """

    code: str
    severity: Severity
    line: int | None
    message: str
    clause: str
    cause: str = ""
