"""Lists of ``tag=value`` as the records of DKIM and DMARC are (RFC 6376 §3.2)."""

import re

import mailseal
from mailseal.quoting import quote

MAX_TAGS = 100  # ours: the standards have a dozen

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]*(?:[ \t]+[\x21-\x3a\x3c-\x7e]+)*")


class TagSyntaxError(mailseal.Error):
    """A text is no list of tags; half a sentence says why."""


def read_tags(text: bytes) -> dict[str, str]:
    """Return the tags in their order, blanks round names and values removed.

    Raises ``TagSyntaxError`` for what is no list, and for a tag that is there twice.
    """
    if not text.isascii():
        raise TagSyntaxError(f"{quote(text)} is not ASCII")
    parts = text.decode("ascii").split(";")
    if len(parts) > 1 and not parts[-1].strip(" \t"):
        parts.pop()  # a semicolon may end the list
    if len(parts) > MAX_TAGS:
        raise TagSyntaxError(f"there are {len(parts)} tags")
    tags: dict[str, str] = {}
    for part in parts:
        name, equals, value = (each.strip(" \t") for each in part.partition("="))
        if not part.strip(" \t"):
            raise TagSyntaxError("two semicolons follow each other")
        if not equals:
            raise TagSyntaxError(f'{quote(part)} is no tag: a tag is a name, "=" and a value')
        if not _NAME.fullmatch(name):
            raise TagSyntaxError(f"{quote(name)} is no name of a tag")
        if not _VALUE.fullmatch(value):
            raise TagSyntaxError(f"the value of {name} has a character that is not allowed")
        if name in tags:
            raise TagSyntaxError(f"{name} is there twice")
        tags[name] = value
    return tags
