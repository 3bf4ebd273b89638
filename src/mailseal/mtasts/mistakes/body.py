"""Whole files that are no policy: wrong encodings, wrong formats, other files (RFC 8461 §3.2)."""

import re

from mailseal.mtasts.mistakes.cause import Cause, Mistake

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FIELD = re.compile(r"^[^\S\n]*(?:version|mode|max_age|mx)\b", re.IGNORECASE | re.MULTILINE)
_VERSION = re.compile(r"^[ \t]*version[ \t]*:", re.IGNORECASE | re.MULTILINE)
_YAML_LIST = re.compile(r"^mx:[ \t\r]*\n[ \t]*-[ \t]", re.MULTILINE)
# A key of GitHub's and GitLab's own at the very beginning of a line.
_WORKFLOW = re.compile(r"^(?:on|jobs|steps|stages|script|image|workflow):[ \t\r]*$", re.MULTILINE)
_PLAIN = 'Serve four plain lines: "version: STSv1", "mode: ...", "mx: ..." and "max_age: ..."'


def recognise(body: bytes) -> Mistake | None:
    """Name the mistake that explains the whole body, with its line if it has one."""
    return _recognise_bytes(body) or _recognise_text(body.decode("utf-8", "replace"))


def _recognise_bytes(body: bytes) -> Mistake | None:
    if body.startswith(b"\xef\xbb\xbf"):
        return Mistake(
            Cause.BYTE_ORDER_MARK,
            "the file begins with a byte order mark, which no sender accepts. "
            "Save it as UTF-8 without BOM",
            1,
        )
    if body.startswith(_UTF16_MARKS) or b"\0\0\0\0" in (body[:8:2], body[1:8:2]):
        words = "the file is UTF-16, as Windows tools write it. Save it as UTF-8 without BOM"
        return Mistake(Cause.UTF_16, words, 1)
    if body.startswith(b"\x1f\x8b"):
        return Mistake(
            Cause.COMPRESSED,
            "the file is compressed by gzip. Serve it without Content-Encoding, "
            "since senders do not ask for one",
            1,
        )
    if b"\r" in body and b"\n" not in body:
        words = "the lines end in CR alone, which ends no line. End them in CR LF"
        return Mistake(Cause.BARE_CR, words, 1)
    return None


def _recognise_text(text: str) -> Mistake | None:
    return _recognise_start(text.lstrip()[:64].lower()) or _recognise_content(text)


def _recognise_start(start: str) -> Mistake | None:
    if start.startswith("<"):
        return Mistake(
            Cause.WEB_PAGE,
            "this is an HTML or XML page instead of a policy; many web servers answer so where a "
            "file is missing. Serve the policy at /.well-known/mta-sts.txt as text/plain",
            1,
        )
    if start.startswith(("{\\rtf", "\\f0")):
        words = f"this is RTF from a word processor. {_PLAIN}, saved as plain text"
        return Mistake(Cause.RTF, words, 1)
    if start.startswith(("{", "[")):
        return Mistake(Cause.JSON, f"this is JSON, the form of drafts before RFC 8461. {_PLAIN}", 1)
    if start.startswith("---"):
        return Mistake(
            Cause.FRONT_MATTER,
            "the file begins with front matter (---), so the site generator has not processed it. "
            "Let the served file begin with the policy itself",
            1,
        )
    if start.startswith("```"):
        words = "the policy stands in a Markdown fence. Remove the lines of three backticks"
        return Mistake(Cause.MARKDOWN_FENCE, words, 1)
    return None


def _recognise_content(text: str) -> Mistake | None:
    if "v=stsv1" in text.lower() and not _VERSION.search(text):
        return Mistake(
            Cause.TXT_RECORD,
            "this is the TXT record, which belongs in DNS at _mta-sts.DOMAIN, "
            f"in place of the policy. {_PLAIN}",
            text.lower().count("\n", 0, text.lower().index("v=stsv1")) + 1,
        )
    yaml = _YAML_LIST.search(text)
    if yaml:
        return Mistake(
            Cause.YAML_LIST,
            'the mx hosts are written as a YAML list. Write one line "mx: HOST" for each of them',
            text.count("\n", 0, yaml.start()) + 1,
        )
    lines = [line for line in text.split("\n") if line.strip()]
    if lines and all(line[0] in " \t" for line in lines):
        return Mistake(
            Cause.INDENTED,
            "every line begins with a blank, and a field name must stand at the very beginning. "
            "Remove the indentation",
            1,
        )
    if _FIELD.search(text):
        return None
    seen = "nothing in this file is a field of a policy: it is another file"
    if _WORKFLOW.search(text):
        return Mistake(Cause.WORKFLOW, f"{seen}, a workflow that builds or deploys. {_PLAIN}")
    if _is_prose(lines):
        return Mistake(Cause.PROSE, f"{seen}, and reads as prose. {_PLAIN}")
    return Mistake(Cause.OTHER_FILE, f"{seen}. {_PLAIN}")


def _is_prose(lines: list[str]) -> bool:
    """Tell whether some line is a sentence: four words and a mark at the end."""
    return any(
        len(line.split()) >= 4 and line.rstrip()[-1] in ".!?" and "=" not in line for line in lines
    )
