"""Wrong values of ``version``, ``mode`` and ``max_age``, and what was meant (RFC 8461 §3.2)."""

import re

from mailseal.mtasts.mistakes.cause import Cause, Mistake
from mailseal.quoting import quote

_GLUED = re.compile(r"(?:version|mode|mx|max_age)[ \t]*:", re.IGNORECASE)
_DURATION = re.compile(
    r"([0-9]{1,8})[ \t]*"
    r"(?:(s)(?:ec|ecs|econds?)?|(m)(?:in|ins|inutes?)?|(h)(?:ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?"
    r"|(y)(?:ears?)?)",
    re.IGNORECASE | re.ASCII,
)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_MEANT_BY = {
    "enforced": "enforce",
    "enforcing": "enforce",
    "enforcement": "enforce",
    "strict": "enforce",
    "live": "enforce",
    "production": "enforce",
    "report": "testing",
    "report-only": "testing",
    "test": "testing",
    "monitor": "testing",
    "off": "none",
    "disabled": "none",
}


def explain_version(value: str) -> Mistake:
    """Say what is wrong with a ``version`` that is not STSv1."""
    seen = f"version is {quote(value)}, expected STSv1. "
    glued = explain_glued(value)
    return glued.behind(seen) if glued else Mistake(None, seen + 'Write "version: STSv1"')


def explain_mode(value: str) -> Mistake:
    """Say what is wrong with a ``mode`` that does not exist, and which one was meant."""
    seen = f"mode is {quote(value)}, expected enforce, testing or none. "
    glued = explain_glued(value)
    if glued:
        return glued.behind(seen)
    if value.endswith("\\"):
        words = "It ends in a backslash, as RTF lines do. Save the policy as plain text"
        return Mistake(Cause.RTF, seen + words)
    word, meant = _read_mode(value)
    if word == "report":
        words = '"report" was the word of drafts before RFC 8461. Write "mode: testing"'
    elif meant:
        words = f'Write "mode: {meant}", in lower case and with nothing behind it'
    else:
        words = 'Write "mode: testing" until reports show that every MX host passes'
    return Mistake(Cause.MODE_WORD if value else None, seen + words)


def meant_mode(value: str) -> str | None:
    """Return the mode that a value spells or was meant to be, if that can be told."""
    return _read_mode(value)[1]


def _read_mode(value: str) -> tuple[str, str | None]:
    word = re.split(r"[ \t#;,\\]", value.strip("\"'").lower(), maxsplit=1)[0]
    return word, word if word in ("enforce", "testing", "none") else _MEANT_BY.get(word)


def explain_max_age(value: str, *, most_seconds: int) -> Mistake:
    """Say what is wrong with a ``max_age`` that is not 1 to 10 digits."""
    seen = f"max_age is {quote(value)}, expected 1 to 10 digits. "
    glued = explain_glued(value)
    if glued:
        return glued.behind(seen)
    seconds = meant_max_age(value, most_seconds=most_seconds)
    if seconds is None:
        words = 'Write seconds without sign, unit or separator, such as "max_age: 604800"'
        return Mistake(None, seen + words)
    return Mistake(
        Cause.MAX_AGE_UNIT, seen + f'It has no unit but seconds. Write "max_age: {seconds}"'
    )


def meant_max_age(value: str, *, most_seconds: int) -> int | None:
    """Return the seconds that a duration with a unit stands for; None for anything else."""
    duration = _DURATION.fullmatch(value)
    if duration is None:
        return None
    unit = next(group for group in duration.groups()[1:] if group)
    return min(int(duration[1]) * _UNIT_SECONDS[unit.lower()], most_seconds)


def explain_glued(value: str) -> Mistake | None:
    """Say that another field stands behind a value in the same line, if one does."""
    if "\\n" in value or "\\r" in value:
        words = r'It holds "\n" as two characters. Each field needs a line of its own'
        return Mistake(Cause.LITERAL_NEWLINE, words)
    if _GLUED.search(value):
        words = "The next field follows in the same line. Each field needs a line of its own"
        return Mistake(Cause.GLUED_LINES, words)
    return None
