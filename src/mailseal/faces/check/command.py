"""The command: domains or a file in, judgements out, and the exit code of a monitoring plug-in.

**Security**: servers on the Internet learn that this machine asks; what they send is bounded and
shown as printable ASCII only. **Limits**: port 25 must be open from here, or nothing is known of
the mail servers.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import mailseal
from mailseal.faces.check.exitcode import worst
from mailseal.faces.configured import (
    UnusableConfigError,
    config_option,
    load_config_or_defaults,
)
from mailseal.faces.monitoringcommand import CannotTellError, MonitoringCommand, WrongUsageError

if TYPE_CHECKING:
    from mailseal.checks.evidence import Evidence
    from mailseal.checks.judge import Judgement
    from mailseal.config import Config
    from mailseal.faces.check.page import Look
    from mailseal.names import Domain

MAX_AT_ONCE = 8  # ours: each has some forty questions and a few sessions under way
FORMS = ("text", "json", "html", "junit", "nagios")


@click.command(
    cls=MonitoringCommand,
    epilog="Example: mailseal check example.com\n\n"
    "Exit codes: 0 all is well; 1 warnings; 2 errors; 3 something could not be found out, or "
    "wrong usage. Of several domains the worst counts, in the order 2, 3, 1, 0.",
)
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option(
    "--depth",
    type=click.Choice(["dns", "policy", "smtp"]),
    default="smtp",
    show_default=True,
    help="Whom to ask: resolvers alone, the policy host as well, or mail servers too.",
)
@click.option(
    "--deep", is_flag=True, help="Make a few more connections to each server, one after another."
)
@click.option(
    "--dkim", "selectors", multiple=True, metavar="SELECTOR", help="Look at this DKIM key as well."
)
@click.option(
    "--save-evidence",
    "save_to",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Keep what was observed: in a file, a line for each domain, or in an existing folder.",
)
@click.option(
    "--from-evidence",
    "read_from",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Judge what --save-evidence has kept, and ask nobody.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="text",
    show_default=True,
    help="For people, programs, a browser or printer, a build's page, or a monitoring system.",
)
@click.option(
    "--include-evidence",
    "has_evidence",
    is_flag=True,
    help="With --format json: add all that was observed to each object.",
)
@config_option
@click.pass_obj
def check(
    wiring: Any,
    domains: tuple[str, ...],
    depth: str,
    deep: bool,
    selectors: tuple[str, ...],
    save_to: Path | None,
    read_from: Path | None,
    form: str,
    has_evidence: bool,
    config_file: Path | None,
) -> None:
    """Tell how securely mail reaches DOMAIN, what follows from it, and what to change.

    Of one domain everything is told, of several a few lines each; --format html and json tell
    everything of each.
    """
    if domains and read_from:
        raise WrongUsageError(
            "--from-evidence judges what is in the file: name no domain beside it"
        )
    if not domains and not read_from:
        raise WrongUsageError("name domains to look at, or a file with --from-evidence")
    if has_evidence and form != "json":
        raise WrongUsageError("--include-evidence goes with --format json alone")
    if read_from is not None:
        evidences = _read(read_from, save_to)
    else:
        names = _parse(domains)
        _check_selectors(selectors)
        _check_place(save_to)
        try:
            config = load_config_or_defaults(config_file)
        except UnusableConfigError as error:
            raise WrongUsageError(error.message) from error
        evidences = _gather(wiring, config, names, depth=depth, deep=deep, selectors=selectors)
    fault = _save(save_to, evidences) if save_to is not None else ""
    judgements = _judge(evidences)
    click.echo(_render(form, judgements, has_evidence=has_evidence), nl=False)
    if fault:
        raise CannotTellError(fault)
    raise SystemExit(worst(judgements))


def _render(form: str, judgements: "Sequence[Judgement]", *, has_evidence: bool) -> bytes:
    """Return what is to be written: UTF-8, but text in what the terminal can show."""
    match form:  # each imports its own libraries, and no other one's
        case "json":
            from mailseal.faces.check import jsonform

            return jsonform.render(judgements, has_evidence=has_evidence).encode()
        case "html":
            from mailseal.faces.check import htmlform

            return htmlform.render(judgements).encode()
        case "junit":
            from mailseal.faces.check import junitform

            return junitform.render(judgements).encode()
        case "nagios":
            from mailseal.faces.check import nagiosform

            return nagiosform.render(judgements).encode()
        case _:
            from mailseal.faces.check import text

            encoding = sys.stdout.encoding or "ascii"
            return text.render(judgements, look_of_stdout(encoding)).encode(encoding, "replace")


def look_of_stdout(encoding: str) -> "Look":
    """Return what standard output can show."""
    from mailseal.faces.check.page import Look

    is_terminal = sys.stdout.isatty()
    try:
        "✓✗·─".encode(encoding)
        has_unicode = True
    except UnicodeEncodeError:
        has_unicode = False
    return Look(
        columns=shutil.get_terminal_size().columns if is_terminal else 80,
        # https://no-color.org: whatever it is set to, but not the empty string
        has_colours=is_terminal
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb",
        has_unicode=has_unicode,
    )


def _parse(domains: tuple[str, ...]) -> "list[Domain]":
    from mailseal.names import Domain, NameSyntaxError

    names: dict[Domain, None] = {}
    for text in domains:
        try:
            names[Domain.parse(text)] = None
        except NameSyntaxError as error:
            raise WrongUsageError(f"{text[:100]!r} is no domain: {error}{_guess(text)}") from error
    return list(names)


def _guess(text: str) -> str:
    """Return what was meant by a mail address or a URL, as the end of a sentence."""
    from mailseal.names import Domain, NameSyntaxError

    meant = text.rpartition("@")[2].rpartition("://")[2].partition("/")[0].partition(":")[0]
    if meant == text:
        return ""
    try:
        return f"; did you mean {Domain.parse(meant)}?"
    except NameSyntaxError:
        return ""


def _check_selectors(selectors: tuple[str, ...]) -> None:
    from mailseal.names import Domain, NameSyntaxError

    for selector in selectors:
        try:
            Domain.parse(f"{selector}._domainkey.example")
        except NameSyntaxError as error:
            raise WrongUsageError(f"--dkim {selector[:100]!r} is no selector: {error}") from error


def _gather(
    wiring: Any,
    config: "Config",
    names: "Sequence[Domain]",
    *,
    depth: str,
    deep: bool,
    selectors: tuple[str, ...],
) -> "list[Evidence]":
    from rich.console import Console

    from mailseal.checks.evidence import Depth
    from mailseal.config import LogLevel
    from mailseal.faces.check.progress import shown

    wiring.set_up_logging(replace(config.log, level=LogLevel.ERROR))

    async def run() -> "list[Evidence]":
        turns = asyncio.Semaphore(MAX_AT_ONCE)
        async with wiring.open_checker(config) as checker:
            with shown(Console(stderr=True), len(names)) as (on_step, on_done):

                async def gather(name: "Domain") -> "Evidence":
                    async with turns:
                        evidence: Evidence = await checker.gather(
                            name,
                            depth=Depth(depth),
                            is_deep=deep,
                            dkim_selectors=selectors,
                            on_progress=on_step,
                        )
                        on_done()
                        return evidence

                return await asyncio.gather(*(gather(name) for name in names))

    try:
        return asyncio.run(run())
    except KeyboardInterrupt as error:  # 1 would say that there are warnings
        kept = "; a scan keeps what it has, a check does not" if len(names) > 1 else ""
        raise CannotTellError(f"interrupted before all was looked at{kept}") from error
    except mailseal.Error as error:  # no resolver, no authorities: nothing was looked at
        raise CannotTellError(str(error)) from error


def _read(path: Path, save_to: Path | None) -> "list[Evidence]":
    from mailseal.checks.saved import SavedEvidenceError
    from mailseal.faces.check.files import read_files

    if save_to is not None:
        raise WrongUsageError("--save-evidence keeps what is observed, not what was read")
    try:
        evidences = read_files(path)
    except OSError as error:
        raise WrongUsageError(
            f"cannot read {path}: {error.strerror}; --save-evidence makes such files"
        ) from error
    except SavedEvidenceError as error:
        raise WrongUsageError(f"{error}; make it anew with --save-evidence") from error
    if not evidences:
        raise WrongUsageError(f"{path} holds no evidence; make some with --save-evidence")
    return evidences


def _check_place(path: Path | None) -> None:
    """Refuse a place where nothing can be kept, before anybody is asked."""
    if path is not None and not path.is_dir() and not path.parent.is_dir():
        raise WrongUsageError(f"there is no folder {path.parent}; make it, or name another place")


def _save(path: Path, evidences: "Sequence[Evidence]") -> str:
    """Keep evidence; return why it could not be kept, since the report is worth telling anyway."""
    from mailseal.faces.check.files import write_files

    try:
        write_files(path, evidences)
    except OSError as error:
        return (
            f"the evidence was not kept: cannot write {path}: {error.strerror}; "
            "name another place and look again"
        )
    return ""


def _judge(evidences: "Iterable[Evidence]") -> "list[Judgement]":
    from mailseal.checks.judge import judge

    return [judge(evidence) for evidence in evidences]
