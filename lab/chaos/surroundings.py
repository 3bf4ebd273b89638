"""Misfortunes that need a mailseal of their own: its clock, its log, its database."""

import os
import time

from lab.chaos.disk import fill
from lab.chaos.figures import Figures, Scale
from lab.chaos.phases import Chaos
from lab.chaos.world import TABLES, running
from lab.internet import Lab
from lab.packages import LIBFAKETIME, fetch
from lab.postgres import throwaway_server
from lab.service import wait_until

LOST_LINES = b" lines of the log were lost "


def jump_clock(lab: Lab, scale: Scale, figures: list[Figures]) -> None:
    """Run another mailseal whose clock jumps a day ahead and two back."""
    tree = fetch(LIBFAKETIME)
    library = max(tree.path.glob("usr/lib/*/faketime/libfaketime.so.1"))
    stamp = lab.folder / "clock"
    stamp.write_text("+0d")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running(lab, "skewed", environment=environment) as daemon:
        chaos = Chaos(lab, daemon, scale)
        chaos.await_known()
        for offset, name in (("+1d", "a day ahead"), ("-1d", "a day back")):
            with chaos.phase(f"the clock jumps {name}"):
                stamp.write_text(offset)
                time.sleep(2 + scale.fault_seconds)
                daemon.kill_one(answerer=False)
                time.sleep(2)
        figures += chaos.figures


def lose_log(lab: Lab, scale: Scale, figures: list[Figures]) -> None:
    """Run two more that log every hit, one onto a disk that fills up, one for a stalled reader."""
    tables = {**TABLES, "log": {"sample_hits": "1"}}
    log = lab.folder / "unlogged" / "state" / "log"
    with running(lab, "unlogged", tables=tables, log_to=log) as daemon:
        chaos = Chaos(lab, daemon, scale)
        chaos.await_known()
        with chaos.phase("the disk under the log is full") as unlogged:
            ballast = daemon.inside(daemon.state) / "ballast"
            fill(ballast)
            time.sleep(scale.fault_seconds)
            daemon.kill_one(answerer=True)
            time.sleep(scale.fault_seconds)
            ballast.unlink()
            if not wait_until(lambda: LOST_LINES in daemon.inside(log).read_bytes(), 10):
                unlogged.wrong.append("the log does not tell that it lacks lines")
        figures += chaos.figures
    fifo = lab.folder / "unread"
    os.mkfifo(fifo)
    with running(lab, "stalled", tables=tables, log_to=fifo) as daemon:
        chaos = Chaos(lab, daemon, scale)
        chaos.await_known()
        with chaos.phase("nobody reads the log"):
            time.sleep(scale.fault_seconds * 2)
            daemon.kill_one(answerer=False)
            time.sleep(scale.fault_seconds * 2)
        figures += chaos.figures


def lose_database(lab: Lab, scale: Scale, figures: list[Figures]) -> None:
    """Run another mailseal on PostgreSQL, and take that away for a while."""
    with throwaway_server() as server:
        tables = {**TABLES, "store": {"url": f'"{server.url}"'}}
        with running(lab, "shared", tables=tables) as daemon:
            chaos = Chaos(lab, daemon, scale)
            chaos.await_known()
            with chaos.phase("PostgreSQL away, then back"):
                server.stop()
                time.sleep(scale.database_seconds)
                server.start()
                time.sleep(scale.database_seconds)
            figures += chaos.figures
