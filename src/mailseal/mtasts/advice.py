"""What is allowed in a policy and yet unwise: advice for whoever publishes it (RFC 8461 §3.2).

A sender does not need this; the linter and the checks ask for it beside the parser's deviations.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from mailseal.deviations import Deviation, Severity
from mailseal.mtasts.mistakes import typo
from mailseal.mtasts.pattern import MxPattern, PatternSyntaxError
from mailseal.mtasts.policy import MAX_DEVIATIONS, Mode, Policy
from mailseal.quoting import quote

LEAST_MAX_AGE = timedelta(days=7)  # RFC 8461 §3.2 expects weeks or more
LEAST_MAX_AGE_WHILE_TESTING = timedelta(days=1)  # ours: senders refetch about daily

_CLAUSE = "RFC 8461 §3.2"
_KNOWN = ("version", "mode", "max_age", "mx")
# Not the public suffix list, which is large and changes: only what catches the eye.
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "gob", "gv", "ne", "net", "or", "org"})
_PLACEHOLDER = re.compile(
    r"(?:^|\.)(?:your-?(?:domain|company|org|tenant|host|mx)|my-?domain|changeme)(?:\.|$)"
)


def advise(body: bytes, policy: Policy) -> tuple[Deviation, ...]:
    """Return what to improve in a policy that could be read from ``body``, in order of lines."""
    found = [
        *_advise_on_max_age(policy),
        *_advise_on_mx(policy),
        *_advise_on_unknown_fields(policy),
        *_advise_on_trailing_blanks(policy),
        *_advise_on_line_ends(body),
    ]
    found.sort(key=lambda one: (one.line is None, one.line or 0))
    return tuple(found[:MAX_DEVIATIONS])


def is_placeholder(pattern: MxPattern) -> bool:
    """Tell whether a name is that of some instructions, which nobody has filled in."""
    return _PLACEHOLDER.search(pattern.text) is not None


def is_broad(pattern: MxPattern) -> bool:
    """Tell whether a wildcard stands right below a name that everybody registers under."""
    return pattern.is_wildcard and _is_like_public_suffix(pattern.text[2:])


def _advise_on_max_age(policy: Policy) -> Iterator[Deviation]:
    line = next((n for n, name, _ in _fields(policy) if name == "max_age"), None)
    seen = f"max_age is {int(policy.max_age.total_seconds())} seconds"
    if policy.mode is Mode.ENFORCE and policy.max_age < LEAST_MAX_AGE:
        lifetime = "a day" if policy.max_age < timedelta(days=1) else "a week"
        yield _found(
            "short-max_age",
            Severity.WARNING,
            line,
            f"{seen}, less than {lifetime}: who blocks DNS or the policy host that long gets rid "
            'of the policy. Write "max_age: 604800" or more, unless a removal is under way',
            "RFC 8461 §10.2",
        )
    elif policy.mode is Mode.TESTING and policy.max_age < LEAST_MAX_AGE_WHILE_TESTING:
        yield _found(
            "short-max_age",
            Severity.INFO,
            line,
            f"{seen}, less than a day, so that few senders will keep the policy long enough to "
            'report on it. Write "max_age: 86400" or more',
        )


def _advise_on_mx(policy: Policy) -> Iterator[Deviation]:
    first: dict[MxPattern, int] = {}
    for line, name, value in _fields(policy):
        if name != "mx":
            continue
        try:
            pattern = MxPattern.parse(value)
        except PatternSyntaxError:
            continue  # the parser has told
        if pattern in first:
            yield _found(
                "duplicate-mx",
                Severity.WARNING,
                line,
                f"mx {quote(pattern.text)} is already in line {first[pattern]}. Remove one, or "
                "put the host there that is missing",
            )
            continue
        first[pattern] = line
        yield from _advise_on_pattern(pattern, line)
    if policy.mode is not Mode.NONE and not policy.usable_patterns:
        yield _found(
            "no-usable-mx",
            Severity.WARNING,
            None,
            "no mx line names a host that mail could be delivered to, so that in mode enforce "
            'all mail would wait. Add one line "mx: HOST" for each MX host',
        )


def _advise_on_pattern(pattern: MxPattern, line: int) -> Iterator[Deviation]:
    if not pattern.is_usable:
        yield _found(
            "single-label-mx",
            Severity.WARNING,
            line,
            f"mx is {quote(pattern.text)}, a name of one label, which no MX host on the Internet "
            "has; it covers none. Write the whole name",
        )
    elif is_placeholder(pattern):
        yield _found(
            "placeholder-mx",
            Severity.WARNING,
            line,
            f"mx {quote(pattern.text)} looks like a placeholder. Put the name of the MX host there",
        )
    elif is_broad(pattern):
        yield _found(
            "broad-wildcard",
            Severity.WARNING,
            line,
            f"mx {quote(pattern.text)} allows every domain below {quote(pattern.text[2:])} to "
            "receive the mail. Name the hosts, or a domain of your own or of your provider",
            "RFC 8461 §10.4",
        )


def _is_like_public_suffix(name: str) -> bool:
    labels = name.split(".")
    if len(labels) == 2:
        return labels[0] in _SECOND_LEVEL and len(labels[1]) == 2
    return len(labels) == 1


def _advise_on_unknown_fields(policy: Policy) -> Iterator[Deviation]:
    for line, name, _ in _fields(policy):
        if name not in _KNOWN and not typo.meant_by(name):  # the parser has told of typos
            why = "belongs in the TXT record" if name == "id" else "is not registered"
            yield _found(
                "unknown-field",
                Severity.INFO,
                line,
                f"the field {quote(name)} {why}; here senders ignore it",
            )


def _advise_on_trailing_blanks(policy: Policy) -> Iterator[Deviation]:
    lines = [n for n, line in enumerate(policy.lines, 1) if line.strip() and line[-1] in " \t"]
    if lines:
        others = f", as {len(lines) - 1} more do" if len(lines) > 1 else ""
        yield _found(
            "trailing-blank",
            Severity.INFO,
            lines[0],
            f"the line ends in blanks{others}, which is allowed and which not every sender removes",
        )


def _advise_on_line_ends(body: bytes) -> Iterator[Deviation]:
    line_feeds = body.count(b"\n")
    if line_feeds > body.count(b"\r\n"):
        yield _found(
            "lf-line-ends",
            Severity.INFO,
            None,
            "lines end in LF alone, which every sender accepts; the text of RFC 8461 asks for "
            "CR LF, its grammar allows both",
        )
    if not body.endswith(b"\n"):
        yield _found(
            "no-final-newline",
            Severity.INFO,
            None,
            "the last line has no line end, which is allowed; whatever is ever appended would "
            "become part of that line",
        )


def _fields(policy: Policy) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(policy.lines, 1):
        name, colon, value = line.partition(":")
        if colon:
            yield number, name, value.strip(" \t")


def _found(
    code: str, severity: Severity, line: int | None, message: str, clause: str = _CLAUSE
) -> Deviation:
    return Deviation(code=code, severity=severity, line=line, message=f"{message}.", clause=clause)
