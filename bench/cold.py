"""A cold look-up, record to stored policy, against a bare connection with its TLS handshake.

CPU of the process that does both in turns, all threads counted: TXT, A and AAAA, GET, parse and
store with a log line, over the real parts that the resolver process is made of. The servers run
in processes of their own.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.surroundings import Internet, internet

ROUNDS = 15
LOOKUPS = 200  # a round
TARGETS = {"cold_cpu_ratio": 3.0}


def measure(say: Callable[[str], None]) -> dict[str, float]:
    with internet() as surroundings, tempfile.TemporaryDirectory() as folder:
        process = surroundings.spawn(
            [
                sys.executable,
                "-m",
                "bench.cold_worker",
                surroundings.configuration(Path(folder)),
                surroundings.ca_file,
            ],
            is_talking=True,
        )
        smallest: dict[str, int] = {}
        for turn in range(-1, ROUNDS):  # the first one warms everything up
            first = (turn + 1) * LOOKUPS
            # Until it has a host's certificate the small Internet is slow, which costs us too.
            _ask(surroundings, process, f"bare {first} {LOOKUPS}")
            works = ("cold", "bare") if turn % 2 else ("bare", "cold")
            for work in (*works, "survey"):
                taken = _ask(surroundings, process, f"{work} {first} {LOOKUPS}")
                if turn >= 0:
                    smallest[work] = min(taken, smallest.get(work, taken))
        process.terminate()
    microseconds = {work: taken / 1000 / LOOKUPS for work, taken in smallest.items()}
    say(
        f"{microseconds['cold']:.0f} us a cold look-up, {microseconds['bare']:.0f} us to connect"
        f" with TLS; MX and the decision cost {microseconds['survey']:.0f} us more"
    )
    return {"cold_cpu_ratio": round(microseconds["cold"] / microseconds["bare"], 3)}


def _ask(surroundings: Internet, process: "subprocess.Popen[bytes]", words: str) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(words.encode() + b"\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"the look-ups ended with {process.wait()}: {surroundings.log()}")
    return int(answer)
