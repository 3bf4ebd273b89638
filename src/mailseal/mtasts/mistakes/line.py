"""Lines that are no field: indented, commented, without a colon and the like (RFC 8461 §3.2)."""

import re

from mailseal.mtasts.quoting import quote

_KNOWN = ("version", "mode", "max_age", "mx")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_NAME_CHARS = 32  # RFC 8461 §3.2, sts-policy-ext-name


def explain(line: str) -> str:
    """Say what keeps a line, without its end, from being ``name: value``."""
    if line.lstrip(" \t").startswith(("#", "//", ";")):
        return f"{quote(line)} is meant as a comment, and a policy has none. Remove the line"
    if line[0].isspace():
        return (
            f"{quote(line)} begins with a blank, and a field name must stand at the very "
            "beginning. Remove the indentation"
        )
    name, colon, value = line.partition(":")
    if not colon:
        return _explain_without_colon(line)
    control = _CONTROL.search(value)
    if control and name and name.isascii():
        return _explain_control(line, control[0])
    if not name:
        return f"{quote(line)} has no field name in front of the colon"
    if name.rstrip() != name:
        return (
            f"{quote(line)} has a blank between the field name and the colon. "
            f"Write {quote(name.rstrip() + ':' + value)}"
        )
    if name[0] in "\"'":
        return f"{quote(line)} has quotes, which a policy has nowhere. Remove them"
    if name[0] == "-":
        return f"{quote(line)} is a list item of YAML. Remove the hyphen"
    if len(name) > _MAX_NAME_CHARS:
        return f"{quote(name)} is {len(name)} characters long; a field name has 1 to 32"
    return (
        f"{quote(name)} is no field name: those have letters, digits, dots, hyphens and "
        "underscores, and begin with a letter or digit"
    )


def explain_empty(name: str) -> str:
    """Say that a field nobody registered has no value."""
    return f"{quote(name + ':')} has no value behind the colon. Remove the line"


def _explain_without_colon(line: str) -> str:
    for name in _KNOWN:
        if line[: len(name)].lower() != name:
            continue
        value = line[len(name) :].strip(" \t=")
        return f"{quote(line)} has no colon. Write {quote(f'{name}: {value}')}"
    return f"{quote(line)} is no field: a line is a name, a colon and a value"


def _explain_control(line: str, control: str) -> str:
    if control == "\r":
        return f"{quote(line)} has a stray CR, which ends no line. End lines in CR LF"
    if control == "\t":
        return f"{quote(line)} has a tab inside its value. Use spaces"
    return f"{quote(line)} has the control character 0x{ord(control):02x}. Remove it"
