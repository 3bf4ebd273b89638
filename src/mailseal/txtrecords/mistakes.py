"""What people get wrong in a TXT record that begins with a version, in their own words.

The readers find out *that* a record leaves the grammar; they ask here afterwards *why*.
"""

import re

from mailseal.quoting import quote
from mailseal.txtrecords.form import RecordForm

BLANK_AT_END = (
    "blanks stand at the end of the record. Remove them, or write a semicolon in front of them"
)

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # a tab is a blank
_CURLY_QUOTES = ("\u201c".encode(), "\u2018".encode())
_INVISIBLE_BLANKS = ("\u00a0".encode(), "\ufeff".encode())


def explain_record(form: RecordForm, text: bytes) -> str | None:
    """Say why a record without the version in front is none; None if it was not meant."""
    for known in form.known_records:
        if known.looks_like.search(text):
            return known.message
    if not form.meant.search(text):
        return None
    version, start = form.version, form.start
    if text[:1] in (b'"', b"'", b"\\") or text.startswith(_CURLY_QUOTES):
        return (
            "the quotes became part of the record. Enter the text without them; the zone file's "
            "own quotes are added by the control panel"
        )
    if text[:1].isspace() or text.startswith(_INVISIBLE_BLANKS):
        return f"a blank stands in front of v={version}. Remove it"
    if text.startswith(start):
        return _explain_behind_version(form, text[len(start) :])
    if text[: len(start)].lower() == start.lower():
        return f"the version is v={version} in exactly these upper- and lower-case letters"
    if re.match(rb"v[ \t]*[=:][ \t]*" + re.escape(version.encode("ascii")), text, re.IGNORECASE):
        return f'the version is written "v={version}", with an equals sign and no blanks'
    if form.other_version.match(text):
        return f"the version is not {version}, the only one that exists. {form.right}"
    return f"v={version} must come first. {form.right}"


def _explain_behind_version(form: RecordForm, rest: bytes) -> str:
    if rest[:1].isdigit():
        return f"the version is not {form.version}, the only one that exists. {form.right}"
    if rest.lstrip(b" \t")[:1] == b",":
        return f'fields are separated by a semicolon, not a comma. Write "{form.example}"'
    if rest[:1] == b"\\":
        return "a backslash stands in front of the semicolon. Enter the text without backslashes"
    return f'the semicolon behind v={form.version} is missing. Write "{form.example}"'


def explain_field(form: RecordForm, text: bytes) -> str:
    """Say what keeps a field, without the blanks round it, from being ``name=value``."""
    if not text:
        return "two semicolons follow each other. Remove one"
    if not text.isascii():
        return f"{quote(text)} is not ASCII, and nothing else is allowed in the record"
    control = _CONTROL.search(text)
    if control:
        return f"{quote(text)} has the control character 0x{control[0][0]:02x}. Remove it"
    for known in form.known_fields:
        if known.looks_like.search(text):
            return f"{quote(text)} {known.message}"
    name, equals, value = text.partition(b"=")
    if not equals:
        return f'{quote(text)} is no field: a field is a name, "=" and a value'
    if name.rstrip(b" \t") != name or value[:1] in (b" ", b"\t"):
        return f"{quote(text)} has a blank beside the equals sign. Remove it"
    if b" " in value or b"\t" in value:
        if b"=" in value:
            return f"the semicolon between the fields of {quote(text)} is missing"
        return f"{quote(text)} has a blank inside its value, which is not allowed"
    if b"=" in value:
        return f"{quote(text)} has a second equals sign, which a value cannot have"
    if not value:
        return f"{quote(text)} has no value. Remove the field"
    return (
        f"{quote(name)} is no field name: those have 1 to 32 letters, digits, dots, hyphens and "
        "underscores, and begin with a letter or digit"
    )
