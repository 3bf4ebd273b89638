"""A notice as a mail: plain text at 72 columns, with what to change ready to be copied."""

import textwrap
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailseal.checks.finding import Finding
from mailseal.watch.notice import Notice

WIDTH = 72  # RFC 5322 §2.1.1 recommends 78, and answers quote
MAX_FINDINGS = 50  # ours, of each kind; the rest is counted


def render_mail(notice: Notice, *, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Return the message; its Message-ID is the same whenever it is rendered."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = f"[mailseal] {_printable(notice.headline)}"
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice comes back
    message.set_content("\n".join(_printable(line) for line in _lines(notice)) + "\n")
    return message


def _lines(notice: Notice) -> Iterator[str]:
    yield from textwrap.wrap(notice.sentence, WIDTH)
    if notice.is_test:
        return
    if notice.verdict_before and notice.verdict_before != notice.verdict:
        yield from textwrap.wrap(
            f"The verdict was {notice.verdict_before} and is {notice.verdict}.", WIDTH
        )
    for title, findings in (
        ("New", notice.added),
        ("Worse than before", notice.worse),
        ("Resolved", notice.resolved),
    ):
        if findings:
            yield ""
            yield f"{title}:"
            yield from _findings(findings, is_over=title == "Resolved")
    yield ""
    if notice.still_there:
        yield f"Still there, told before: {notice.still_there}."
    yield f"Seen on {notice.at:%Y-%m-%d %H:%M} UTC. All of it:"
    yield f"  mailseal monitor show {notice.domain}"


def _findings(findings: Sequence[Finding], *, is_over: bool) -> Iterator[str]:
    for finding in findings[:MAX_FINDINGS]:
        yield ""
        yield f"* {finding.severity.value.upper()} {finding.code}: {finding.subject}"
        texts = (finding.seen,) if is_over else (finding.seen, finding.follows, finding.remedy)
        for text in filter(None, texts):
            yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
        for ready in () if is_over else finding.ready:
            yield f"  {ready.place}:"
            yield from (f"    {line}" for line in ready.text.splitlines())
        if finding.clause:
            yield f"  ({finding.clause})"
    if len(findings) > MAX_FINDINGS:
        yield ""
        yield f"* and {len(findings) - MAX_FINDINGS} more"


def _printable(text: str) -> str:
    """Keep what a server has said from becoming a header or moving a cursor."""
    return "".join(char if char.isprintable() else "?" for char in text)
