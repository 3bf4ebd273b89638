"""The border where MX names become part of an MTA's configuration: nothing odd passes it.

Whoever publishes a policy chooses these words, and a line like ``mx: a.example.com
servername=x`` would try to choose more than that. Parsers refuse it long before; here it is
refused once more, since what leaves here is believed by the MTA.
"""

import re
from collections.abc import Iterable

from mailseal.names import MAX_NAME_BYTES

_NAME = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*"
    r"(?![0-9]+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
    re.ASCII,
)


def is_host(text: str) -> bool:
    """Tell whether a text is a plain host name of two labels or more, lower-case A-labels.

    A single label is none: ``hostname`` and ``nexthop`` are words of Postfix' own in ``match=``.
    """
    return "." in text and _is_name(text)


def is_pattern(text: str) -> bool:
    """Tell whether a text is a host name, or ``*.`` before a name of any length."""
    return "." in text and _is_name(text.removeprefix("*."))


def usable(texts: Iterable[str]) -> tuple[str, ...]:
    """Keep the patterns that may be shown to an MTA, each once, in their order."""
    return tuple(dict.fromkeys(text for text in texts if is_pattern(text)))


def match_words(patterns: Iterable[str]) -> str:
    """Render patterns for Postfix' ``match=``, where ``.example.net`` stands for a wildcard."""
    return ":".join(dict.fromkeys(pattern.removeprefix("*") for pattern in patterns))


def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME_BYTES and _NAME.fullmatch(text) is not None
