"""Lines that are no field: indented, commented, without a colon and the like (RFC 8461 §3.2)."""

import re

from mailseal.mtasts.mistakes.cause import Cause, Mistake
from mailseal.quoting import quote

_KNOWN = ("version", "mode", "max_age", "mx")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_NAME_CHARS = 32  # RFC 8461 §3.2, sts-policy-ext-name


def explain(line: str) -> Mistake:
    """Say what keeps a line, without its end, from being ``name: value``."""
    if line.lstrip(" \t").startswith(("#", "//", ";")):
        words = f"{quote(line)} is meant as a comment, and a policy has none. Remove the line"
        return Mistake(Cause.COMMENT, words)
    if line[0].isspace():
        return Mistake(
            Cause.INDENTED,
            f"{quote(line)} begins with a blank, and a field name must stand at the very "
            "beginning. Remove the indentation",
        )
    name, colon, value = line.partition(":")
    if not colon:
        return _explain_without_colon(line)
    control = _CONTROL.search(value)
    if control and name and name.isascii():
        return _explain_control(line, control[0])
    return _explain_name(line, name, value)


def _explain_name(line: str, name: str, value: str) -> Mistake:
    if not name:
        return Mistake(None, f"{quote(line)} has no field name in front of the colon")
    if name.rstrip() != name:
        return Mistake(
            Cause.BLANK_BEFORE_COLON,
            f"{quote(line)} has a blank between the field name and the colon. "
            f"Write {quote(name.rstrip() + ':' + value)}",
        )
    if name[0] in "\"'":
        words = f"{quote(line)} has quotes, which a policy has nowhere. Remove them"
        return Mistake(Cause.QUOTES, words)
    if name[0] == "-":
        return Mistake(Cause.YAML_LIST, f"{quote(line)} is a list item of YAML. Remove the hyphen")
    if len(name) > _MAX_NAME_CHARS:
        words = f"{quote(name)} is {len(name)} characters long; a field name has 1 to 32"
        return Mistake(None, words)
    return Mistake(
        None,
        f"{quote(name)} is no field name: those have letters, digits, dots, hyphens and "
        "underscores, and begin with a letter or digit",
    )


def explain_empty(name: str) -> Mistake:
    """Say that a field nobody registered has no value."""
    return Mistake(None, f"{quote(name + ':')} has no value behind the colon. Remove the line")


def _explain_without_colon(line: str) -> Mistake:
    for name in _KNOWN:
        if line[: len(name)].lower() != name:
            continue
        value = line[len(name) :].strip(" \t=")
        words = f"{quote(line)} has no colon. Write {quote(f'{name}: {value}')}"
        return Mistake(Cause.NO_COLON, words)
    words = f"{quote(line)} is no field: a line is a name, a colon and a value"
    return Mistake(Cause.NO_COLON, words)


def _explain_control(line: str, control: str) -> Mistake:
    if control == "\r":
        words = f"{quote(line)} has a stray CR, which ends no line. End lines in CR LF"
        return Mistake(Cause.BARE_CR, words)
    if control == "\t":
        words = f"{quote(line)} has a tab inside its value. Use spaces"
    else:
        words = f"{quote(line)} has the control character 0x{ord(control):02x}. Remove it"
    return Mistake(Cause.CONTROL_CHARACTER, words)
