"""TXT records that were meant for TLS reporting and are none, and faults inside one."""

import re

from mailseal.quoting import quote

BLANK_AT_END = (
    "blanks stand at the end of the record. Remove them, or write a semicolon in front of them"
)

_RIGHT = 'Publish "v=TLSRPTv1; rua=mailto:..."'
_MEANT = re.compile(rb"v[ \t]*[=:][ \t]*tls[ -]?rpt", re.IGNORECASE)
_CURLY_QUOTES = ("\u201c".encode(), "\u2018".encode())
_INVISIBLE_BLANKS = ("\u00a0".encode(), "\ufeff".encode())


def explain_discarded(text: bytes) -> str | None:
    """Say why a record without ``v=TLSRPTv1;`` in front is none; None if it was not meant."""
    if not _MEANT.search(text):
        return None
    if text[:1] in (b'"', b"'", b"\\") or text.startswith(_CURLY_QUOTES):
        return (
            "the quotes became part of the record. Enter the text without them; the zone file's "
            "own quotes are added by the control panel"
        )
    if text[:1].isspace() or text.startswith(_INVISIBLE_BLANKS):
        return "a blank stands in front of v=TLSRPTv1. Remove it"
    if text.startswith(b"v=TLSRPTv1"):
        return _explain_behind_version(text[len(b"v=TLSRPTv1") :])
    if text.lower().startswith(b"v=tlsrptv1"):
        return "the version is v=TLSRPTv1 in exactly these upper- and lower-case letters"
    if re.match(rb"v[ \t]*[=:][ \t]*tlsrptv1", text, re.IGNORECASE):
        return 'the version is written "v=TLSRPTv1", with an equals sign and no blanks'
    if re.match(rb"v=tls-?rpt", text, re.IGNORECASE):
        return f"the version is not TLSRPTv1, the only one that exists. {_RIGHT}"
    return f"v=TLSRPTv1 must come first. {_RIGHT}"


def _explain_behind_version(rest: bytes) -> str:
    if rest[:1].isdigit():
        return f"the version is not TLSRPTv1, the only one that exists. {_RIGHT}"
    if rest.lstrip(b" \t")[:1] == b",":
        return f"fields are separated by a semicolon, not a comma. {_RIGHT}"
    if rest[:1] == b"\\":
        return "a backslash stands in front of the semicolon. Enter the text without backslashes"
    return f"the semicolon behind v=TLSRPTv1 is missing. {_RIGHT}"


def explain_field(field: bytes) -> str:
    """Say what keeps one field behind the version from being ``name=value``."""
    text = field.strip(b" \t")
    if not text:
        return "two semicolons follow each other. Remove one"
    if not text.isascii():
        return f"{quote(text)} is not ASCII, and nothing else is allowed in the record"
    name, equals, value = text.partition(b"=")
    if not equals:
        if re.match(rb"(mailto|https?):", text, re.IGNORECASE):
            return f"{quote(text)} stands behind a semicolon. Separate addresses by commas"
        return f'{quote(text)} is no field: a field is a name, "=" and a value'
    if name.rstrip(b" \t") != name or value[:1] in (b" ", b"\t"):
        return f"{quote(text)} has a blank beside the equals sign. Remove it"
    if not value:
        return f"{quote(text)} has no value. Remove the field"
    if b" " in value or b"\t" in value:
        return f"{quote(text)} has a blank inside its value, which is not allowed"
    if b"=" in value:
        return f"{quote(text)} has a second equals sign, which a value cannot have"
    return f"{quote(text)} is no field: its name or value has characters that are not allowed"
