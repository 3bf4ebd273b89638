"""``mailseal scan run``: one scan on this machine, gone on with after every interruption."""

import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.faces.configured import config_option, load_config_or_defaults
from mailseal.faces.scan.lists import (
    column_option,
    contact_option,
    level_option,
    opt_out_option,
    read_opt_out_file,
    require_contact,
    with_contact,
)
from mailseal.faces.scan.pipe import Pipe

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.faces.scan.output import ResultFile
    from mailseal.faces.scan.progress import ProgressLine
    from mailseal.scans.listing import Lines, Listing
    from mailseal.scans.optouts import OptOuts
    from mailseal.services.scanner import Scanner

INTERRUPTED = 130  # as shells have it for SIGINT
TICK_SECONDS = 0.5  # ours: results are written that often at the least
TICKS_PER_SYNC = 20  # ours: what a power failure may cost, ten seconds' work


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says."""

    file: str
    output: Path
    level: str
    column: str
    evidence: Path | None
    is_complete: bool
    is_quiet: bool
    at_once: int


@click.command(
    short_help="Look at every domain of a list.",
    epilog="Example: mailseal scan domains.txt --output results.jsonl --level policy\n\n"
    "Exit codes: 0 every domain of the list is in the output; 130 interrupted, and the same "
    "command goes on; 1 the list or the output cannot be used; 2 wrong usage.",
)
@click.argument("file", metavar="FILE")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where the results go, a line of JSON for each domain. What is there is gone on with.",
)
@level_option
@column_option
@click.option("--overwrite", is_flag=True, help="Begin anew, whatever the output holds.")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Keep what was observed, a file for each domain, for check --from-evidence.",
)
@click.option(
    "--complete",
    is_flag=True,
    help="Ask everything that check asks, SPF, DMARC and CAA as well: twice the questions.",
)
@opt_out_option
@contact_option
@click.option(
    "--at-once",
    type=click.IntRange(1, 10_000),
    default=300,
    show_default=True,
    help="The most domains under way at a time.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say only how it ended.")
@config_option
@click.pass_obj
def run(
    wiring: Any,
    file: str,
    output: Path,
    level: str,
    column: str,
    overwrite: bool,
    evidence: Path | None,
    complete: bool,
    opt_out: Path | None,
    contact: str | None,
    at_once: int,
    quiet: bool,
    config_file: Path | None,
) -> None:
    """Look at every domain of FILE, "-" for standard input; write what each comes to.

    FILE has a name to a line, comments behind "#". A scan that was interrupted, however roughly,
    goes on where it was when the same command is run again.
    """
    from mailseal.config import LogLevel
    from mailseal.faces.scan.output import OutputError, ResultFile

    config = with_contact(load_config_or_defaults(config_file), contact)
    opt_outs = read_opt_out_file(opt_out)
    wishes = Wishes(
        file=file,
        output=output,
        level=level,
        column=column,
        evidence=evidence,
        is_complete=complete,
        is_quiet=quiet,
        at_once=at_once,
    )
    wiring.set_up_logging(replace(config.log, level=LogLevel.ERROR))
    with contextlib.ExitStack() as stack:
        try:
            lines, total = _open_list(stack, wishes)
            require_contact(config, level, total)
            if evidence is not None:
                evidence.mkdir(parents=True, exist_ok=True)
            results = stack.enter_context(ResultFile(output, is_fresh=overwrite))
        except OSError as error:
            raise click.ClickException(
                f"cannot use {error.filename}: {error.strerror}; see to it, or name another"
            ) from error
        if results.depth is not None and results.depth.value != level:
            raise OutputError(
                f"{output} was made with --level {results.depth.value}; use that, name another "
                "file, or --overwrite"
            )
        if total is not None:
            results.check_length(total)
        names = stack.enter_context(wiring.open_names())
        try:
            code = _run(wiring, config, wishes, opt_outs, lines, total, names, results)
        except OSError as error:
            # The network's are translated where they happen: this is a disk's.
            place = error.filename or output
            raise click.ClickException(
                f"cannot write {place}: {error.strerror}; see to it, and run the same command "
                "again to go on"
            ) from error
    raise SystemExit(code)


def _open_list(stack: contextlib.ExitStack, wishes: Wishes) -> "tuple[Lines, int | None]":
    """Open the list and count its entries; those of a pipe cannot be counted."""
    from mailseal.faces.scan.listfile import is_pipe, open_list
    from mailseal.scans.listing import count_entries

    if wishes.file == "-":
        pipe = Pipe(sys.stdin.fileno())
        stack.callback(pipe.stop)
        return pipe, None
    lines = stack.enter_context(open_list(Path(wishes.file)))
    if is_pipe(lines):
        pipe = Pipe(lines.fileno())
        stack.callback(pipe.stop)
        return pipe, None
    total = count_entries(lines, column=wishes.column)
    lines.seek(0)
    return lines, total


def _run(
    wiring: Any,
    config: "Config",
    wishes: Wishes,
    opt_outs: "OptOuts",
    lines: "Lines",
    total: int | None,
    names: Any,
    results: "ResultFile",
) -> int:
    from mailseal.checks.evidence import Depth
    from mailseal.faces.collecting import SOON, spare_collector
    from mailseal.faces.policyd.eventloop import new_event_loop
    from mailseal.faces.scan.examination import Examination
    from mailseal.faces.scan.progress import ProgressLine
    from mailseal.faces.scan.sink import FileSink
    from mailseal.scans.listing import Listing
    from mailseal.services.scanner import ScanLimits, Scanner

    listing = Listing(lines, names, column=wishes.column)
    progress = ProgressLine(is_quiet=wishes.is_quiet)
    limits = ScanLimits(at_once=wishes.at_once)
    if isinstance(lines, Pipe):
        limits = replace(limits, block=1)

    async def scan() -> int:
        async with wiring.open_checker(config, opt_outs=opt_outs, is_scan=True) as checker:
            sink = FileSink(results, wishes.evidence, checker.controls)
            scanner = Scanner(
                examine=Examination(
                    checker, depth=Depth(wishes.level), is_complete=wishes.is_complete
                ),
                sink=sink,
                done=results.done,
                limits=limits,
                opt_outs=opt_outs,
                on_known=results.check,
            )
            spare_collector(SOON)
            try:
                is_whole = await _until_done(scanner, listing, results, progress, total)
            finally:
                if isinstance(lines, Pipe):
                    lines.stop()  # or the thread that reads would keep the program
            if is_whole:
                sink.release()
                results.check_length(listing.numbered)
        progress.end(_last_word(scanner, wishes, is_whole=is_whole))
        return 0 if is_whole else INTERRUPTED

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(scan())


async def _until_done(
    scanner: "Scanner",
    listing: "Listing",
    results: "ResultFile",
    progress: "ProgressLine",
    total: int | None,
) -> bool:
    """Run the scan, writing and telling now and then; False when a signal has ended it."""
    from mailseal.faces.scan.progress import Standing

    loop = asyncio.get_running_loop()
    work = loop.create_task(scanner.run(listing))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    ticks = 0
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=TICK_SECONDS)
            ticks += 1
            results.flush()
            if ticks % TICKS_PER_SYNC == 0:
                await asyncio.to_thread(results.sync)
            standing = Standing(counts=scanner.counts, duplicates=listing.duplicates, total=total)
            progress.show(standing, loop.time())
        if work.cancelled():
            return False
        work.result()
        return True
    finally:
        work.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _last_word(scanner: "Scanner", wishes: Wishes, *, is_whole: bool) -> str:
    counts = scanner.counts
    examined = counts.done - counts.faults
    done = f"{examined:,} domain{'' if examined == 1 else 's'} looked at"
    if counts.faults:
        done += f', {counts.faults:,} not examined (their "fault" says why)'
    if counts.spared:
        done += f", {counts.spared:,} {'was' if counts.spared == 1 else 'were'} there before"
    if is_whole:
        return f"{done}; {wishes.output} is complete"
    return f"{done}; interrupted: run the same command again to go on"
