"""Wrong ``mx`` values: preferences, ports, URLs, lists, placeholders (RFC 8461 §3.2, §4.1)."""

import re

from mailseal.mtasts.quoting import quote
from mailseal.names import MAX_LABEL_BYTES, MAX_NAME_BYTES, Domain, NameSyntaxError

_MAX_CONVERTED_CHARS = 253  # a longer name has no A-label form that fits either
_PREFERENCE = re.compile(r"(?:priority[ \t]*)?[0-9]{1,5}:?[ \t]+(\S+)", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r"([A-Za-z0-9.*-]+):[0-9]{1,5}", re.ASCII)
_PLACEHOLDER = re.compile(r"[<>{}$%]")
_GLUED = re.compile(r"(?:version|mode|mx|max_age)[ \t]*:", re.IGNORECASE)


def explain(value: str) -> str:
    """Say what keeps a value from being a pattern, and what to write instead."""
    return f"mx is {quote(value)}, expected a host name. {_explain(value)}"


def _explain(value: str) -> str:
    if not value:
        return 'Write one line "mx: HOST" for each MX host'
    if value == ".":
        return (
            'The dot is a null MX, which takes no mail. Serve "mode: none" without mx, or no policy'
        )
    if "\\n" in value or _GLUED.search(value):
        return "The next field follows in the same line. Each field needs a line of its own"
    preference = _PREFERENCE.fullmatch(value)
    if preference:
        return f"The preference belongs in DNS only. Write {quote('mx: ' + preference[1].lower())}"
    if "://" in value or "/" in value:
        return "It is no URL. Write the name of the MX host alone, as in the MX record"
    if _PLACEHOLDER.search(value):
        return "A placeholder was left unfilled. Put the name of the MX host there"
    if "," in value or ";" in value:
        return 'Each mx line has one pattern. Write one line "mx: HOST" for each of them'
    if value.startswith("[") or value.count(":") > 1:
        return "An address is no MX host. Write the host's name, as in the MX record"
    port = _PORT.fullmatch(value)
    if port:
        return f"It has no port. Write {quote('mx: ' + port[1])}"
    if "@" in value:
        return "It is no mail address. Write the name of the MX host, as in the MX record"
    if value[0] in "\"'":
        return f"It has no quotes. Write {quote('mx: ' + value.strip(chr(34) + chr(39)))}"
    if "#" in value:
        return "A policy has no comments. Remove everything from the # on"
    if " " in value or "\t" in value:
        return 'Each mx line has one pattern. Write one line "mx: HOST" for each of them'
    if not value.isascii():
        return _explain_u_label(value)
    if value.endswith("\\"):
        return "It ends in a backslash, as RTF lines do. Save the policy as plain text"
    if "*" in value:
        return _explain_wildcard(value)
    if "_" in value:
        return (
            "A pattern cannot have an underscore. Give the MX host a name without, or cover it "
            'by a wildcard such as "mx: *.example.com"'
        )
    return _explain_name(value)


def _explain_u_label(value: str) -> str:
    seen = "Names beyond ASCII are written in A-labels. "
    if len(value) <= _MAX_CONVERTED_CHARS:
        star = "*." if value.startswith("*.") else ""
        try:
            return seen + f"Write {quote(f'mx: {star}{Domain.parse(value[len(star) :])}')}"
        except NameSyntaxError:
            pass
    return seen + "This one has no such form"


def _explain_wildcard(value: str) -> str:
    name = value.lstrip("*.")
    remedy = f" Write {quote('mx: *.' + name)}" if "." in name and "*" not in name else ""
    if not name:
        return "A star alone would allow any host. Name the hosts, or the domain that they are in"
    return f"A star stands only for one whole label, at the beginning.{remedy}"


def _explain_name(value: str) -> str:
    if value.startswith("."):
        return (
            "A leading dot was the wildcard of drafts before RFC 8461. "
            f"Write {quote('mx: *' + value)}"
        )
    if len(value) > MAX_NAME_BYTES:
        return f"It has {len(value)} characters; a name has at most {MAX_NAME_BYTES}"
    for label in value.split("."):
        if not label:
            return "Two dots follow each other. Remove one"
        if len(label) > MAX_LABEL_BYTES:
            return f"A label has at most {MAX_LABEL_BYTES} characters, this one {len(label)}"
        if label[0] == "-" or label[-1] == "-":
            return f"The label {quote(label)} begins or ends with a hyphen, which no name may"
    return "Names have letters, digits, hyphens and dots"
