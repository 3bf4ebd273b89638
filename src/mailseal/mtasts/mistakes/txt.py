"""TXT records that were meant for MTA-STS and are none, and faults inside one (RFC 8461 §3.1)."""

import re

from mailseal.quoting import quote

_RIGHT = 'Publish "v=STSv1; id=..." with a letter-and-digit id'
_MEANT = re.compile(rb"v[ \t]*[=:][ \t]*sts", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # a tab is a blank
_POLICY = re.compile(rb"version[ \t]*:[ \t]*STSv1", re.IGNORECASE)


def explain_discarded(text: bytes) -> str | None:
    """Say why a record that does not begin with ``v=STSv1;`` is none; None if it was not meant."""
    if _POLICY.search(text):
        return (
            "this is the policy, which belongs on the web server at mta-sts.DOMAIN. "
            f"In DNS, {_RIGHT[0].lower()}{_RIGHT[1:]}"
        )
    if not _MEANT.search(text):
        return None
    if text[:1] in (b'"', b"'", b"\\") or text.startswith(("\u201c".encode(), "\u2018".encode())):
        return (
            "the quotes became part of the record. Enter the text without them; the zone file's "
            "own quotes are added by the control panel"
        )
    if text[:1].isspace() or text.startswith(("\u00a0".encode(), "\ufeff".encode())):
        return "a blank stands in front of v=STSv1. Remove it"
    start = text[:7]
    if start.startswith(b"v=STSv1"):
        return _explain_behind_version(text[7:])
    if start.lower().startswith(b"v=stsv1"):
        return "the version is v=STSv1 in exactly these upper- and lower-case letters"
    if re.match(rb"v[ \t]*[=:][ \t]*stsv1", text, re.IGNORECASE):
        return 'the version is written "v=STSv1", with an equals sign and no blanks'
    if re.match(rb"v=STSv?[0-9]", text, re.IGNORECASE):
        return f"the version is not STSv1, the only one that exists. {_RIGHT}"
    return f"v=STSv1 must come first. {_RIGHT}"


def _explain_behind_version(rest: bytes) -> str:
    if rest[:1].isdigit():
        return f"the version is not STSv1, the only one that exists. {_RIGHT}"
    if rest.lstrip(b" \t")[:1] == b",":
        return 'fields are separated by a semicolon, not a comma. Write "v=STSv1; id=..."'
    if rest[:1] == b"\\":
        return "a backslash stands in front of the semicolon. Enter the text without backslashes"
    return 'the semicolon behind v=STSv1 is missing. Write "v=STSv1; id=..."'


def explain_field(field: bytes, *, is_last: bool = False) -> str:
    """Say what keeps one field behind the version from being ``name=value``.

    ``is_last`` says that no semicolon follows the blanks at its end.
    """
    text = field.strip(b" \t")
    if not text:
        return "two semicolons follow each other. Remove one"
    if not text.isascii():
        return f"{quote(text)} is not ASCII, and nothing else is allowed in the record"
    if is_last and b"=" in text and b" " not in text:
        return "blanks stand at the end of the record. Remove them, or write a semicolon first"
    control = _CONTROL.search(text)
    if control:
        return f"{quote(text)} has the control character 0x{control[0][0]:02x}. Remove it"
    name, equals, value = text.partition(b"=")
    if not equals:
        return f'{quote(text)} is no field: a field is a name, "=" and a value'
    if any(blank in value for blank in (b" ", b"\t")):
        if b"=" in value:
            return f"the semicolon between the fields of {quote(text)} is missing"
        return f"{quote(text)} has a blank inside its value, which is not allowed"
    if name.rstrip(b" \t") != name or value[:1].isspace():
        return f"{quote(text)} has a blank beside the equals sign. Remove it"
    if b"=" in value:
        return f"{quote(text)} has a second equals sign, which a value cannot have"
    if not value:
        return f"{quote(text)} has no value. Remove the field"
    return (
        f"{quote(name)} is no field name: those have 1 to 32 letters, digits, dots, hyphens and "
        "underscores, and begin with a letter or digit"
    )


def explain_id(value: bytes) -> str:
    """Say what is wrong with an ``id`` that is not 1 to 32 letters and digits."""
    seen = f"id is {quote(value)}, expected 1 to 32 letters and digits. "
    if not value:
        return seen + 'Write for example "id=20260101T000000"'
    kept = bytes(byte for byte in value if chr(byte).isascii() and chr(byte).isalnum())
    if 0 < len(kept) <= 32 and kept != value:
        return seen + f"Write for example {quote(b'id=' + kept)}"
    return seen + f"It has {len(value)} characters. A date is enough, such as 20260101T000000"
