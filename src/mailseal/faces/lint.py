"""``mailseal lint``: would a sender use this policy or record, and what is to be improved?

Exit codes: 0 mailseal as a sender would use it, 1 it would not, 2 wrong usage or unreadable
input.  With ``--batch``, 0 says that every line was read, and 2 that at least one was not
understood.

**Security**: what is read may come from anybody; it is bounded, and shown only as printable ASCII.
"""

import contextlib
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import click

from mailseal.deviations import Severity
from mailseal.faces.lint_json import Verdict, answer_lines, judge_policy, judge_records, to_object
from mailseal.mtasts.policy import MAX_BODY_BYTES, Policy
from mailseal.mtasts.record import StsRecord
from mailseal.quoting import quote

EXIT_NOT_USED = 1
EXIT_NOT_UNDERSTOOD = 2


class UnreadableError(click.ClickException):
    """The input cannot be opened or read."""

    exit_code = EXIT_NOT_UNDERSTOOD

    def __init__(self, file: str, error: OSError) -> None:
        super().__init__(f"cannot read {click.format_filename(file)}: {error.strerror or error}")


_UNIT = {"policy": "line", "record": "record"}  # what a finding's number counts

_format = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_batch = click.option(
    "--batch",
    is_flag=True,
    help="Read JSON lines from FILE or standard input, and answer each with one.",
)


@click.group(epilog="Example: mailseal lint policy mta-sts.txt")
def lint() -> None:
    """Judge an MTA-STS policy or record as a sender would.

    Exits 0 when mailseal would use it, 1 when not, 2 on wrong usage.
    """


@lint.command("policy", epilog="Example: mailseal lint policy mta-sts.txt --mx mx1.example.com")
@click.argument("file", required=False)
@click.option(
    "--mx",
    "mx_hosts",
    metavar="HOST",
    multiple=True,
    help="Also tell whether the policy covers this MX host; may be repeated.",
)
@_format
@_batch
@click.pass_context
def lint_policy(
    ctx: click.Context, file: str | None, mx_hosts: tuple[str, ...], form: str, batch: bool
) -> None:
    """Judge the policy in FILE, or in standard input for "-".

    It is the file that the policy host serves at /.well-known/mta-sts.txt.

    Exits 0 when mailseal as a sender would use it, 1 when not, 2 on wrong usage.

    With --batch, each line is a JSON object: {"body": TEXT} or {"body_b64": BASE64}, optionally
    with "mx_hosts": [HOST, ...]; or {"records": [[STRING, ...], ...]}. Each is answered by the
    object of --format json, or by {"error": REASON} when it is not understood; exits 0 when every
    line was read, else 2.
    """
    if batch:
        if mx_hosts:
            raise click.UsageError('--mx does not go with --batch; put "mx_hosts" into the lines')
        _run_batch(ctx, file)
        return
    if file is None:
        raise click.UsageError('name the FILE with the policy, or "-" for standard input')
    verdict = judge_policy(_read(file))
    if form == "json":
        _print_json(to_object(verdict, mx_hosts or None))
    else:
        _print_text("policy", verdict)
        for host in mx_hosts:
            click.echo(f"covers {quote(host)}: {'yes' if verdict.covers(host) else 'no'}")
    ctx.exit(0 if verdict.subject else EXIT_NOT_USED)


@lint.command("record", epilog="Example: mailseal lint record 'v=STSv1; id=20260701;'")
@click.argument("records", metavar="RR...", nargs=-1)
@_format
@_batch
@click.pass_context
def lint_record(ctx: click.Context, records: tuple[str, ...], form: str, batch: bool) -> None:
    """Judge the TXT records at _mta-sts.DOMAIN, one argument each.

    Exits 0 when mailseal as a sender would use them, 1 when not, 2 on wrong usage.

    With --batch, the only argument is the FILE to read; see "lint policy".
    """
    if batch:
        if len(records) > 1:
            raise click.UsageError("--batch reads one FILE")
        _run_batch(ctx, records[0] if records else None)
        return
    if not records:
        raise click.UsageError("give the text of each TXT record as one argument")
    verdict = judge_records([[record] for record in records])
    if form == "json":
        _print_json(to_object(verdict))
    else:
        _print_text("record", verdict)
    ctx.exit(0 if verdict.subject else EXIT_NOT_USED)


def _run_batch(ctx: click.Context, file: str | None) -> None:
    file = file or "-"
    understood = True
    with _open(file) as stream:
        answers = answer_lines(stream)
        while True:
            try:
                answer = next(answers, None)
            except OSError as error:
                raise UnreadableError(file, error) from error
            if answer is None:
                break
            understood = understood and "error" not in answer
            _print_json(answer)
    ctx.exit(0 if understood else EXIT_NOT_UNDERSTOOD)


def _open(file: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if file == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise UnreadableError(file, error) from error
    except ValueError as error:  # a null byte in the name
        raise UnreadableError(file, OSError("not a file name")) from error


def _read(file: str) -> bytes:
    with _open(file) as stream:
        try:
            return stream.read(MAX_BODY_BYTES + 1)  # one more tells that it is too large
        except OSError as error:
            raise UnreadableError(file, error) from error


def _print_json(answer: dict[str, object]) -> None:
    click.echo(json.dumps(answer))  # in ASCII, and flushed


def _print_text(what: str, verdict: Verdict) -> None:
    errors = any(finding.severity is Severity.ERROR for finding in verdict.findings)
    if verdict.subject is None:
        click.echo(f"mailseal would not use this {what}.")
    elif errors:
        click.echo(f"mailseal would use this {what}, but some other senders refuse it.")
    else:
        click.echo(f"mailseal would use this {what}.")
    match verdict.subject:
        case Policy() as policy:
            click.echo(f"  mode     {policy.mode}")
            click.echo(f"  max_age  {_in_words(policy.max_age)}")
            for label, pattern in zip(("mx", *[""] * len(policy.mx)), policy.mx, strict=False):
                click.echo(f"  {label:<8} {pattern}")
        case StsRecord() as record:
            click.echo(f"  id       {record.id}")
    for finding in verdict.findings:
        where = "" if finding.line is None else f"{_UNIT[what]} {finding.line}: "
        click.echo(
            f"{finding.severity} {finding.code}: {where}{finding.message} ({finding.clause})"
        )


def _in_words(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    days, rest = divmod(seconds, 86_400)
    if not days or rest:
        return f"{seconds} seconds"
    return f"{seconds} seconds ({days} day{'' if days == 1 else 's'})"
