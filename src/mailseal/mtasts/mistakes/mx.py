"""Wrong ``mx`` values: preferences, ports, URLs, lists, placeholders (RFC 8461 §3.2, §4.1)."""

import re

from mailseal.mtasts.mistakes.cause import Cause, Mistake
from mailseal.mtasts.mistakes.value import explain_glued
from mailseal.names import MAX_LABEL_BYTES, MAX_NAME_BYTES, Domain, NameSyntaxError
from mailseal.quoting import quote

_MAX_CONVERTED_CHARS = 253  # a longer name has no A-label form that fits either
_PREFERENCE = re.compile(r"(?:priority[ \t]*)?[0-9]{1,5}:?[ \t]+(\S+)", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r"([A-Za-z0-9.*-]+):[0-9]{1,5}", re.ASCII)
_PLACEHOLDER = re.compile(r"[<>{}$%]")
_EACH_LINE = 'Each mx line has one pattern. Write one line "mx: HOST" for each of them'


def explain(value: str) -> Mistake:
    """Say what keeps a value from being a pattern, and what to write instead."""
    return _explain(value).behind(f"mx is {quote(value)}, expected a host name. ")


def meant_hosts(value: str) -> tuple[str, ...]:
    """Return the host names or patterns that a wrong value holds, as text to be parsed again.

    Only what stands in the value comes out: a preference, a port, quotes, a comment and the
    parts of a URL are taken away, and lists taken apart.
    """
    if _PLACEHOLDER.search(value):
        return ()
    value = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]{0,20}://|^:?//", "", value.strip("\"' \t"))
    found = []
    for part in re.split(r"[,;\s]+", value.partition("#")[0]):
        name = part.strip("\"'").rstrip("\\").partition("/")[0].rpartition("@")[2]
        port = _PORT.fullmatch(name)
        name = port[1] if port else name
        if name.startswith("."):
            name = f"*{name}"
        if "." in name.strip("."):
            found.append(_to_a_labels(name) or "")
    return tuple(name for name in found if name)


def _explain(value: str) -> Mistake:
    return _explain_form(value) or _explain_characters(value)


def _explain_form(value: str) -> Mistake | None:
    if not value:
        return Mistake(Cause.MX_EMPTY, 'Write one line "mx: HOST" for each MX host')
    if value == ".":
        return Mistake(
            Cause.MX_NULL,
            'The dot is a null MX, which takes no mail. Serve "mode: none" without mx, or no '
            "policy",
        )
    glued = explain_glued(value)
    if glued:
        words = "The next field follows in the same line. Each field needs a line of its own"
        return Mistake(glued.cause, words)
    preference = _PREFERENCE.fullmatch(value)
    if preference:
        right = quote("mx: " + preference[1].lower())
        words = f"The preference belongs in DNS only. Write {right}"
        return Mistake(Cause.MX_PREFERENCE, words)
    if "://" in value or "/" in value:
        words = "It is no URL. Write the name of the MX host alone, as in the MX record"
        return Mistake(Cause.MX_URL, words)
    if _PLACEHOLDER.search(value):
        words = "A placeholder was left unfilled. Put the name of the MX host there"
        return Mistake(Cause.MX_PLACEHOLDER, words)
    if "," in value or ";" in value:
        return Mistake(Cause.MX_LIST, _EACH_LINE)
    if value.startswith("[") or value.count(":") > 1:
        words = "An address is no MX host. Write the host's name, as in the MX record"
        return Mistake(Cause.MX_ADDRESS, words)
    port = _PORT.fullmatch(value)
    if port:
        return Mistake(Cause.MX_PORT, f"It has no port. Write {quote('mx: ' + port[1])}")
    if "@" in value:
        words = "It is no mail address. Write the name of the MX host, as in the MX record"
        return Mistake(Cause.MX_MAIL_ADDRESS, words)
    return None


def _explain_characters(value: str) -> Mistake:
    if value[0] in "\"'":
        right = quote("mx: " + value.strip(chr(34) + chr(39)))
        return Mistake(Cause.QUOTES, f"It has no quotes. Write {right}")
    if "#" in value:
        return Mistake(Cause.COMMENT, "A policy has no comments. Remove everything from the # on")
    if " " in value or "\t" in value:
        return Mistake(Cause.MX_LIST, _EACH_LINE)
    if not value.isascii():
        return _explain_u_label(value)
    if value.endswith("\\"):
        words = "It ends in a backslash, as RTF lines do. Save the policy as plain text"
        return Mistake(Cause.RTF, words)
    if "*" in value:
        return _explain_wildcard(value)
    if "_" in value:
        return Mistake(
            Cause.MX_UNDERSCORE,
            "A pattern cannot have an underscore. Give the MX host a name without, or cover it "
            'by a wildcard such as "mx: *.example.com"',
        )
    return _explain_name(value)


def _explain_u_label(value: str) -> Mistake:
    seen = "Names beyond ASCII are written in A-labels. "
    right = _to_a_labels(value)
    words = f"Write {quote(f'mx: {right}')}" if right else "This one has no such form"
    return Mistake(Cause.MX_U_LABEL, seen + words)


def _to_a_labels(value: str) -> str | None:
    if value.isascii():
        return value
    if len(value) <= _MAX_CONVERTED_CHARS:
        star = "*." if value.startswith("*.") else ""
        try:
            return f"{star}{Domain.parse(value[len(star) :])}"
        except NameSyntaxError:
            pass
    return None


def _explain_wildcard(value: str) -> Mistake:
    name = value.lstrip("*.")
    remedy = f" Write {quote('mx: *.' + name)}" if "." in name and "*" not in name else ""
    if not name:
        words = "A star alone would allow any host. Name the hosts, or the domain that they are in"
    else:
        words = f"A star stands only for one whole label, at the beginning.{remedy}"
    return Mistake(Cause.MX_STAR, words)


def _explain_name(value: str) -> Mistake:
    if value.startswith("."):
        return Mistake(
            Cause.MX_LEADING_DOT,
            "A leading dot was the wildcard of drafts before RFC 8461. "
            f"Write {quote('mx: *' + value)}",
        )
    if len(value) > MAX_NAME_BYTES:
        words = f"It has {len(value)} characters; a name has at most {MAX_NAME_BYTES}"
        return Mistake(None, words)
    for label in value.split("."):
        if not label:
            return Mistake(None, "Two dots follow each other. Remove one")
        if len(label) > MAX_LABEL_BYTES:
            words = f"A label has at most {MAX_LABEL_BYTES} characters, this one {len(label)}"
            return Mistake(None, words)
        if label[0] == "-" or label[-1] == "-":
            words = f"The label {quote(label)} begins or ends with a hyphen, which no name may"
            return Mistake(None, words)
    return Mistake(None, "Names have letters, digits, hyphens and dots")
