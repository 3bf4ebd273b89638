"""Notices as a mail: plain text at 72 columns, with what to change ready to be copied."""

from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailseal.checks.finding import Finding
from mailseal.checks.verdict import say_verdict
from mailseal.quoting import printable_only
from mailseal.watch.lines import break_lines
from mailseal.watch.notice import Notice, count_news, id_of

WIDTH = 72  # RFC 5322 §2.1.1 recommends 78, and answers quote
RULE = "-" * WIDTH
ENCODING = "quoted-printable"  # clauses have "§", and not every server takes 8 bits (RFC 6152)
MAX_SUBJECT_CHARS = 200  # ours
MAX_FINDINGS = 50  # ours, of each kind; the rest is counted


def render_mail(
    notices: Sequence[Notice], *, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    """Return one message for one or more notices; its Message-ID is the same for the same ones."""
    first = notices[0]
    subject = first.headline
    if len(notices) > 1:
        names = ", ".join(one.domain for one in notices)
        subject = f"{len(notices)} domains: {count_news(notices)} ({names})"
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = f"[mailseal] {printable_only(subject[:MAX_SUBJECT_CHARS])}"
    message["Date"] = format_datetime(max(one.at for one in notices))
    message["Message-ID"] = f"<{id_of(notices)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice comes back
    blocks = ("\n".join(printable_only(line) for line in _lines(one)) for one in notices)
    message.set_content(f"\n\n{RULE}\n\n".join(blocks) + "\n", cte=ENCODING)
    return message


def _lines(notice: Notice) -> Iterator[str]:
    if notice.is_test:
        yield from break_lines(notice.sentence, WIDTH)
        return
    yield notice.headline
    yield ""
    yield from break_lines(notice.sentence, WIDTH)
    if notice.verdict_before and notice.verdict_before != notice.verdict:
        before, now = say_verdict(notice.verdict_before), say_verdict(notice.verdict)
        yield from break_lines(f'The verdict was "{before}" and is "{now}".', WIDTH)
    for title, findings in (
        ("New", notice.added),
        ("Worse than before", notice.worse),
        ("Resolved", notice.resolved),
    ):
        if findings:
            yield ""
            yield f"{title}:"
            yield from _findings(findings, is_over=findings is notice.resolved)
    yield ""
    if notice.still_there:
        yield f"Still there, told before: {notice.still_there}."
    yield f"Seen on {notice.at:%Y-%m-%d %H:%M} UTC. All of it:"
    yield f"  mailseal monitor show {notice.domain}"


def _findings(findings: Sequence[Finding], *, is_over: bool) -> Iterator[str]:
    for finding in findings[:MAX_FINDINGS]:
        yield ""
        yield f"* {finding.severity.value.upper()} {finding.code}: {finding.subject}"
        remedy = finding.remedy and f"Do: {finding.remedy}"
        texts = (finding.seen,) if is_over else (finding.seen, finding.follows, remedy)
        for text in filter(None, texts):
            yield from break_lines(text, WIDTH, indent="  ")
        for ready in () if is_over else finding.ready:
            yield f"  {ready.place}:"
            yield from (f"    {line}" for line in ready.text.splitlines())
        if finding.clause:
            yield f"  ({finding.clause})"
    if len(findings) > MAX_FINDINGS:
        yield ""
        yield f"* and {len(findings) - MAX_FINDINGS} more"
