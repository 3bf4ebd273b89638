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

    @property
    def words(self) -> str:
        """The verdict as people read it."""
        return _WORDS[self]

    @property
    def is_bad(self) -> bool:
        """Tell whether mail is lost, or would be under an enforced policy."""
        return self in (Verdict.LOSING_MAIL, Verdict.NOT_YET)


_WORDS = {
    Verdict.SAFE_TO_ENFORCE: "safe to enforce",
    Verdict.NOT_YET: "not safe to enforce yet",
    Verdict.HEALTHY: "enforcing and healthy",
    Verdict.LOSING_MAIL: "enforcing and losing mail",
    Verdict.NOT_PUBLISHED: "not published",
    Verdict.CANNOT_TELL: "cannot tell from here",
}


def say_verdict(value: str) -> str:
    """Return a stored verdict as people read it; one of a newer version as it is."""
    return next((verdict.words for verdict in Verdict if verdict.value == value), value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The verdict in one sentence, and the reasons for it, most important first."""

    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...] = ()
