"""Answers from memory, as in ``warm``, while the resolver looks up fifty new domains a second.

The 99th percentile of the answers' times, over UNIX sockets with 64 connections, against the bare
server of ``warm`` that is left alone. Both processes of mailseal are the real ones and share one
CPU; the other one is the load generator's. The small Internet, which is elsewhere in life, is on
the first one too, at the resolver's low priority.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.processes import Load, load, running
from bench.scrape import scraping
from bench.stock import stock
from bench.surroundings import ask, internet, mailseal
from bench.trickle import RATE

ROUNDS = 40
CONNECTIONS = 64
POLICIES = 10_000
REQUESTS = 60_000  # in a run, which takes half a second and has some 25 look-ups beside it
NEW = 500_000  # the first of the domains that nothing is known of
TARGETS = {"warm_beside_cold_p99_ratio": 1.6}


def measure(say: Callable[[str], None]) -> dict[str, float]:
    bare_p99, our_p99, looked_up, seconds = [], [], 0, 0.0
    with internet() as surroundings, tempfile.TemporaryDirectory() as name:
        surroundings.give_way(cpu=0)
        folder = Path(name)
        stock(folder / "state", POLICIES)
        with (
            running("bench.bare", str(POLICIES), cpu=0) as bare,
            mailseal(surroundings, folder, cpu=0) as ours,
        ):
            with ours.connect() as client:
                ask(client, 0)
            with (
                load(bare, "unix", connections=CONNECTIONS, count=POLICIES, cpu=1) as for_bare,
                load(ours, "unix", connections=CONNECTIONS, count=POLICIES, cpu=1) as for_ours,
                _trickle(ours.path) as beside,
                scraping(ours.http) as metrics,
            ):
                for_ours.ask(POLICIES + CONNECTIONS)
                for _ in range(ROUNDS):
                    bare_p99.append(for_bare.ask(REQUESTS)["p99_us"])
                    result, answered = _beside(for_ours, beside)
                    our_p99.append(result["p99_us"])
                    looked_up += answered
                    seconds += result["seconds"]
                if not metrics.value("mailseal_dane_on"):
                    raise RuntimeError(f"DANE is off: {surroundings.log()}")
    say(
        f"p99 {min(bare_p99):.0f} us bare, {min(our_p99):.0f} us beside"
        f" {looked_up / seconds:.0f} look-ups a second"
    )
    if looked_up / seconds < RATE * 0.8:
        raise RuntimeError("the look-ups did not keep up; the machine is too busy to measure")
    return {"warm_beside_cold_p99_ratio": round(min(our_p99) / min(bare_p99), 3)}


def _beside(crowd: Load, beside: "subprocess.Popen[str]") -> tuple[dict[str, float], int]:
    """Ask what is known while the trickle goes; return figures and how many were new."""
    assert beside.stdin is not None
    assert beside.stdout is not None
    print("go", file=beside.stdin, flush=True)
    result = crowd.ask(REQUESTS)
    print("stop", file=beside.stdin, flush=True)
    line = beside.stdout.readline()
    if not line:
        raise RuntimeError(f"the look-ups beside ended with {beside.wait()}")
    return result, int(line)


@contextlib.contextmanager
def _trickle(path: str) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [sys.executable, "-m", "bench.trickle", path, str(NEW)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
