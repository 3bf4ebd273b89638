"""``mailseal worker``: takes part in submitted scans until it is told to stop.

**Security**: as ``scan``; whoever may write to the database decides what is looked at from here.
**Limits**: how gently servers are asked holds for each worker; many workers ask many times as
often.
"""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailseal.faces.configured import config_option, load_config
from mailseal.faces.scan.lists import (
    contact_option,
    opt_out_option,
    read_opt_out_file,
    with_contact,
)

if TYPE_CHECKING:
    from mailseal.scans.fleet import ScanOrder
    from mailseal.services.scanner import Examiner


@click.command(
    epilog="Example: mailseal worker --contact https://example.com/about-our-scan\n\n"
    "Exit codes: 0 told to stop, or nothing left with --once; 1 the database is away: run it "
    "under a service manager that starts it again; 2 wrong usage."
)
@click.option(
    "--batches",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="Batches at a time; a second one fills the time in which the first waits for its last.",
)
@click.option(
    "--lost-after",
    type=click.IntRange(2, 3600),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Do again what a worker was doing that is silent for so long; the same for all workers.",
)
@click.option("--once", is_flag=True, help="End when no batch is left.")
@opt_out_option
@contact_option
@config_option
@click.pass_obj
def worker(
    wiring: Any,
    batches: int,
    lost_after: int,
    once: bool,
    opt_out: Path | None,
    contact: str | None,
    config_file: Path | None,
) -> None:
    """Take part in the scans that "mailseal scan submit" has put into the database."""
    config = with_contact(load_config(config_file), contact)
    if not config.check.contact:
        raise click.UsageError(
            "a worker needs --contact (or contact in [check]): say where those who are asked can "
            "ask back"
        )
    opt_outs = read_opt_out_file(opt_out)
    wiring.set_up_logging(config.log)

    async def run() -> None:
        from mailseal.checks.evidence import Depth
        from mailseal.faces.scan.examination import Examination
        from mailseal.services.batchworker import BatchWorker

        async with (
            wiring.open_checker(config, opt_outs=opt_outs, is_scan=True) as checker,
            wiring.open_scan_board(config) as board,
        ):

            def examiner_for(order: "ScanOrder") -> "Examiner":
                return Examination(checker, depth=Depth(order.level), is_complete=order.is_complete)

            hands = BatchWorker(
                board=board,
                examiner_for=examiner_for,
                control=checker.controls,
                opt_outs=opt_outs,
            )
            await board.work(
                hands.do,
                batches=batches,
                lost_after=timedelta(seconds=lost_after),
                is_once=once,
            )

    from mailseal.faces.policyd.eventloop import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run())
