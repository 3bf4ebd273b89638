"""The answer to an owner's question: is it safe to enforce, and if enforced, does mail flow?"""

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """What all findings together come to."""

    SAFE_TO_ENFORCE = "safe-to-enforce"
    NOT_YET = "not-yet"
    HEALTHY = "enforcing-and-healthy"
    LOSING_MAIL = "enforcing-and-losing-mail"
    NOT_PUBLISHED = "not-published"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The verdict in one sentence, and the reasons for it, most important first."""

    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...] = ()
