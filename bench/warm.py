"""Answers from memory with DANE, metrics and logging on, against a bare server of one dictionary.

CPU per request of the server process, and the 99th percentile of the answers' times; the same
load generator asks both in turns, one question at a time per connection.
Ours is ``mailseal serve`` as it is by default: its resolver has asked DNS about DANE for every
answer and goes on testing itself, the log goes to a file, and the metrics are read every second.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.processes import Server, Wrap, load, running
from bench.scrape import INTERVAL_SECONDS, scraping
from bench.stock import stock
from bench.surroundings import ask, internet, mailseal

# Many short runs: some of them are left alone by whatever else the machine does.
ROUNDS = 101
POLICIES = 10_000
REQUESTS = {1: 2_500, 64: 8_000, 256: 10_000}

TARGETS = {
    f"warm_{way}_{connections}_{what}_ratio": target
    for way in ("tcp", "unix")
    for connections in REQUESTS
    for what, target in (("cpu", 1.4 if connections == 1 else 1.25), ("p99", 1.3))
}


def measure(say: Callable[[str], None]) -> dict[str, float]:
    figures: dict[str, float] = {}
    with internet() as surroundings, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stock(folder / "state", POLICIES)
        with (
            running("bench.bare", str(POLICIES), cpu=0, wrap=surroundings.wrap) as bare,
            mailseal(surroundings, folder, cpu=0) as ours,
        ):
            with ours.connect() as client:
                ask(client, 0)
            with load(ours, "unix", connections=64, count=POLICIES, cpu=1) as crowd:
                crowd.ask(POLICIES + 64)
            with scraping(ours.http) as metrics:
                if not metrics.value("mailseal_dane_on"):
                    raise RuntimeError(f"DANE is off: {surroundings.log()}")
                for way in ("tcp", "unix"):
                    for connections in REQUESTS:
                        figures |= _compare(bare, ours, way, connections, surroundings.wrap, say)
            looked_up = metrics.value("mailseal_dns_lookups_total")
            say(
                f"mailseal serve: DANE on, {looked_up:.0f} DNS look-ups for {POLICIES} domains;"
                f" /metrics read every {INTERVAL_SECONDS:.0f} s, {metrics.count} times;"
                " log of level info into a file"
            )
    return figures


def _compare(
    bare: Server,
    ours: Server,
    way: str,
    connections: int,
    wrap: Wrap,
    say: Callable[[str], None],
) -> dict[str, float]:
    smallest: dict[tuple[str, str], float] = {}
    with (
        load(bare, way, connections=connections, count=POLICIES, cpu=1, wrap=wrap) as for_bare,
        load(ours, way, connections=connections, count=POLICIES, cpu=1, wrap=wrap) as for_ours,
    ):
        crowds = [("bare", for_bare), ("ours", for_ours)]
        for turn in range(ROUNDS):
            for name, crowd in crowds if turn % 2 else reversed(crowds):
                result = crowd.ask(REQUESTS[connections])
                for what, value in (("cpu", result["cpu_us"]), ("p99", result["p99_us"])):
                    smallest[name, what] = min(value, smallest.get((name, what), value))
    say(
        f"{way} {connections:3}: CPU {smallest['bare', 'cpu']:.2f} and"
        f" {smallest['ours', 'cpu']:.2f} us a request,"
        f" p99 {smallest['bare', 'p99']:.0f} and {smallest['ours', 'p99']:.0f} us"
    )
    return {
        f"warm_{way}_{connections}_{what}_ratio": round(
            smallest["ours", what] / smallest["bare", what], 3
        )
        for what in ("cpu", "p99")
    }
