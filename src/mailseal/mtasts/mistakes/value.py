"""Wrong values of ``version``, ``mode`` and ``max_age``, and what was meant (RFC 8461 §3.2)."""

import re

from mailseal.mtasts.quoting import quote

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


def explain_version(value: str) -> str:
    """Say what is wrong with a ``version`` that is not STSv1."""
    return f"version is {quote(value)}, expected STSv1. " + (
        _explain_glued(value) or 'Write "version: STSv1"'
    )


def explain_mode(value: str) -> str:
    """Say what is wrong with a ``mode`` that does not exist, and which one was meant."""
    seen = f"mode is {quote(value)}, expected enforce, testing or none. "
    glued = _explain_glued(value)
    if glued:
        return seen + glued
    word = re.split(r"[ \t#;,\\]", value.strip("\"'").lower(), maxsplit=1)[0]
    meant = word if word in ("enforce", "testing", "none") else _MEANT_BY.get(word)
    if word == "report":
        return seen + '"report" was the word of drafts before RFC 8461. Write "mode: testing"'
    if meant:
        return seen + f'Write "mode: {meant}", in lower case and with nothing behind it'
    return seen + 'Write "mode: testing" until reports show that every MX host passes'


def explain_max_age(value: str, *, most_seconds: int) -> str:
    """Say what is wrong with a ``max_age`` that is not 1 to 10 digits."""
    seen = f"max_age is {quote(value)}, expected 1 to 10 digits. "
    glued = _explain_glued(value)
    if glued:
        return seen + glued
    duration = _DURATION.fullmatch(value)
    if duration:
        unit = next(group for group in duration.groups()[1:] if group)
        seconds = min(int(duration[1]) * _UNIT_SECONDS[unit.lower()], most_seconds)
        return seen + f'It has no unit but seconds. Write "max_age: {seconds}"'
    return seen + 'Write seconds without sign, unit or separator, such as "max_age: 604800"'


def _explain_glued(value: str) -> str | None:
    if "\\n" in value or "\\r" in value:
        return r'It holds "\n" as two characters. Each field needs a line of its own'
    if _GLUED.search(value):
        return "The next field follows in the same line. Each field needs a line of its own"
    return None
