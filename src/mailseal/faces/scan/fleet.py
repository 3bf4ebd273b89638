"""``mailseal scan submit``, ``status`` and ``export``: a scan that many machines share."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mailseal.faces.configured import config_option, format_option, load_config
from mailseal.faces.scan.lists import column_option, level_option
from mailseal.faces.scan.progress import render_time

if TYPE_CHECKING:
    from mailseal.scans.fleet import ScanStatus
    from mailseal.scans.listing import Listing

LOST_AFTER = timedelta(seconds=30)
BATCHES_AT_ONCE = 20  # ours: jobs that are made in one go
MAX_TITLE = 200


@click.command(
    short_help="Put a list where workers find it.",
    epilog="Example: mailseal scan submit domains.txt --level policy",
)
@click.argument("file", metavar="FILE")
@level_option
@column_option
@click.option(
    "--complete", is_flag=True, help="Ask everything that check asks: twice the questions."
)
@click.option(
    "--batch",
    type=click.IntRange(1, 5000),
    default=300,
    show_default=True,
    help="The domains that a worker takes at a time.",
)
@config_option
@click.pass_obj
def submit(
    wiring: Any,
    file: str,
    level: str,
    column: str,
    complete: bool,
    batch: int,
    config_file: Path | None,
) -> None:
    """Put a list of domains where workers find it; print the number of the scan.

    The database is that of [store], which must be PostgreSQL. Each machine that runs "mailseal
    worker" with the same database takes part.
    """
    from mailseal.scans.fleet import ScanOrder
    from mailseal.scans.listing import Listing

    config = load_config(config_file)
    order = ScanOrder(title=file[:MAX_TITLE], level=level, is_complete=complete)

    async def run(listing: "Listing") -> tuple[int, int]:
        async with wiring.open_scan_board(config) as board:
            scan = await board.submit(order)
            await _add_all(board, scan, listing, batch)
            await board.complete(scan, listing.numbered)
        return scan, listing.numbered

    with _opened(file) as lines, wiring.open_names() as names:
        scan, total = asyncio.run(run(Listing(lines, names, column=column)))
    click.echo(f"scan {scan}: {total:,} entries; mailseal scan status {scan} tells how far it is")


async def _add_all(board: Any, scan: int, listing: "Listing", size: int) -> None:
    """Add domains in batches; what is no domain has its result at once."""
    from mailseal.scans.result import Result
    from mailseal.scans.unexamined import no_name

    domains: list[tuple[int, str]] = []
    faults: list[Result] = []

    async def hand_over() -> None:
        batches = [domains[start : start + size] for start in range(0, len(domains), size)]
        if batches:
            await board.add_batches(scan, batches)
        if faults:
            await board.save(scan, faults)
        domains.clear()
        faults.clear()

    for item in listing:
        if item.domain is None:
            faults.append(no_name(item))
        else:
            domains.append((item.number, str(item.domain)))
        if len(domains) + len(faults) >= size * BATCHES_AT_ONCE:
            await hand_over()
    await hand_over()


@click.command(
    short_help="Tell how far a submitted scan is.",
    epilog="Example: mailseal scan status 7 --format json",
)
@click.argument("number", type=int, required=False)
@format_option
@config_option
@click.pass_obj
def status(wiring: Any, number: int | None, form: str, config_file: Path | None) -> None:
    """Tell how far a submitted scan is, or all of them."""
    config = load_config(config_file)

    async def run() -> "Sequence[ScanStatus]":
        async with wiring.open_scan_board(config) as board:
            if number is not None:
                await board.load_order(number)
            statuses: Sequence[ScanStatus] = await board.statuses(number, lost_after=LOST_AFTER)
            return statuses

    statuses = asyncio.run(run())
    if not statuses and form == "text":
        click.echo('no scan was submitted; run "mailseal scan submit FILE"')
    for one in statuses:
        click.echo(json.dumps(asdict(one), default=str) if form == "json" else render_status(one))


def render_status(one: "ScanStatus") -> str:
    """Return how far a scan is, in two lines."""
    rate = one.done_lately / 60
    if one.total is None:
        far = f"{one.done:,} done, still being submitted"
    elif one.done >= one.total:
        far = f"{one.done:,} done, complete"
    else:
        far = f"{one.done:,}/{one.total:,} ({one.done / one.total:.1%})  {rate:.0f}/s"
        if rate and one.workers:
            far += f"  {render_time((one.total - one.done) / rate)} left"
    return (
        f"scan {one.scan}: {one.title}, level {one.level}, "
        f"submitted {one.submitted_at:%Y-%m-%d %H:%M}\n"
        f"  {far}; batches: {one.running_batches:,} under way, {one.waiting_batches:,} waiting; "
        f"{one.workers:,} worker{'' if one.workers == 1 else 's'}"
        + (': run "mailseal worker"' if one.waiting_batches and not one.workers else "")
    )


@click.command(
    short_help="Write the results of a submitted scan.",
    epilog="Example: mailseal scan export 7 > results.jsonl",
)
@click.argument("number", type=int)
@config_option
@click.pass_obj
def export(wiring: Any, number: int, config_file: Path | None) -> None:
    """Write the results of a submitted scan, in the order of its list.

    They are as those of "mailseal scan run", and summed up likewise. Those of a scan that is not
    complete are what there is until now.
    """
    config = load_config(config_file)

    async def run() -> None:
        async with wiring.open_scan_board(config) as board:
            async for line in board.export(number):
                click.echo(line)

    asyncio.run(run())


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    from mailseal.faces.scan.listfile import open_list

    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with open_list(Path(file)) as lines:
            yield lines
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from error
