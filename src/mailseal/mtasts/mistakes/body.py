"""Whole files that are no policy: wrong encodings, wrong formats, other files (RFC 8461 §3.2)."""

import re

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FIELD = re.compile(r"^[^\S\n]*(?:version|mode|max_age|mx)\b", re.IGNORECASE | re.MULTILINE)
_VERSION = re.compile(r"^[ \t]*version[ \t]*:", re.IGNORECASE | re.MULTILINE)
_YAML_LIST = re.compile(r"^mx:[ \t\r]*\n[ \t]*-[ \t]", re.MULTILINE)
_PLAIN = 'Serve four plain lines: "version: STSv1", "mode: ...", "mx: ..." and "max_age: ..."'


def recognise(body: bytes) -> tuple[int | None, str] | None:
    """Name the mistake that explains the whole body, with its line if it has one."""
    return _recognise_bytes(body) or _recognise_text(body.decode("utf-8", "replace"))


def _recognise_bytes(body: bytes) -> tuple[int | None, str] | None:
    if body.startswith(b"\xef\xbb\xbf"):
        return 1, (
            "the file begins with a byte order mark, which no sender accepts. "
            "Save it as UTF-8 without BOM"
        )
    if body.startswith(_UTF16_MARKS) or b"\0\0\0\0" in (body[:8:2], body[1:8:2]):
        return 1, "the file is UTF-16, as Windows tools write it. Save it as UTF-8 without BOM"
    if body.startswith(b"\x1f\x8b"):
        return 1, (
            "the file is compressed by gzip. Serve it without Content-Encoding, "
            "since senders do not ask for one"
        )
    if b"\r" in body and b"\n" not in body:
        return 1, "the lines end in CR alone, which ends no line. End them in CR LF"
    return None


def _recognise_text(text: str) -> tuple[int | None, str] | None:
    start = text.lstrip()[:64].lower()
    if start.startswith("<"):
        return 1, (
            "this is an HTML or XML page instead of a policy; many web servers answer so where a "
            "file is missing. Serve the policy at /.well-known/mta-sts.txt as text/plain"
        )
    if start.startswith(("{\\rtf", "\\f0")):
        return 1, f"this is RTF from a word processor. {_PLAIN}, saved as plain text"
    if start.startswith(("{", "[")):
        return 1, f"this is JSON, the form of drafts before RFC 8461. {_PLAIN}"
    if start.startswith("---"):
        return 1, (
            "the file begins with front matter (---), so the site generator has not processed it. "
            "Let the served file begin with the policy itself"
        )
    if start.startswith("```"):
        return 1, "the policy stands in a Markdown fence. Remove the lines of three backticks"
    if "v=stsv1" in text.lower() and not _VERSION.search(text):
        line = text.lower().count("\n", 0, text.lower().index("v=stsv1")) + 1
        return line, (
            "this is the TXT record, which belongs in DNS at _mta-sts.DOMAIN, "
            f"in place of the policy. {_PLAIN}"
        )
    yaml = _YAML_LIST.search(text)
    if yaml:
        return text.count("\n", 0, yaml.start()) + 1, (
            'the mx hosts are written as a YAML list. Write one line "mx: HOST" for each of them'
        )
    lines = [line for line in text.split("\n") if line.strip()]
    if lines and all(line[0] in " \t" for line in lines):
        return 1, (
            "every line begins with a blank, and a field name must stand at the very beginning. "
            "Remove the indentation"
        )
    if not _FIELD.search(text):
        return None, f"nothing in this file is a field of a policy: it is another file. {_PLAIN}"
    return None
