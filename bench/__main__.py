"""Runs the families, prints a table and, as the last line, one JSON object of all figures.

``python -m bench [--strict] [FAMILY ...]``. Exit status: 0 when every figure that was asked for
could be measured, whatever it is; 1 when one could not, as where a namespace is wanted and nobody
is root; with ``--strict`` also 1 when a figure is larger than its target.
"""

import importlib
import json
import sys
import time

from lab.unavailable import Unavailable

# The order of the table.
FAMILIES = ("warm", "memory", "beside", "cold", "start", "flight", "scan")
LONG = ("scan_million",)  # only when asked for by name

KEYS = (
    *(
        f"warm_{way}_{connections}_{what}_ratio"
        for way in ("tcp", "unix")
        for connections in (1, 64, 256)
        for what in ("cpu", "p99")
    ),
    "warm_beside_cold_p99_ratio",
    "cold_cpu_ratio",
    "memory_100k_mb",
    "start_empty_s",
    "start_100k_s",
    "single_flight_fetches",
    "scan_time_percent",
    "scan_published_time_percent",
    "scan_delayed_time_percent",
    "scan_slow_ms_per_domain",
    "scan_memory_growth_mb",
    "scan_million_growth_mb",
)


def say(text: str) -> None:
    """Print what is being done; the figures come at the end."""
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> int:
    arguments = sys.argv[1:]
    is_strict = "--strict" in arguments
    asked = [word for word in arguments if word != "--strict"] or FAMILIES
    known = (*FAMILIES, *LONG)
    if unknown := set(asked) - set(known):
        raise SystemExit(f"no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    figures: dict[str, float | None] = dict.fromkeys(KEYS)
    targets: dict[str, float] = {}
    for name in (name for name in known if name in asked):
        family = importlib.import_module(f"bench.{name}")
        began = time.monotonic()
        say(f"{name}: {str(family.__doc__).splitlines()[0]}")
        targets |= family.TARGETS
        try:
            figures |= family.measure(say)
        except (Unavailable, RuntimeError) as error:
            # The other families still have something to tell.
            say(f"{name}: not measured: {error}")
        say(f"{name}: {time.monotonic() - began:.0f} s")
    verdicts = {key: _verdict(figures[key], target) for key, target in targets.items()}
    print(f"{'figure':34} {'measured':>10} {'at most':>10}")
    for key, verdict in verdicts.items():
        value = figures[key]
        measured = "" if value is None else f"{value:.2f}"
        print(f"{key:34} {measured:>10} {targets[key]:10.2f} {verdict}")
    print(json.dumps(figures))
    is_bad = {"NOT MEASURED", "MISSED"} if is_strict else {"NOT MEASURED"}
    return 1 if is_bad & set(verdicts.values()) else 0


def _verdict(value: float | None, target: float) -> str:
    if value is None:
        return "NOT MEASURED"
    return "MISSED" if value > target else "ok"


if __name__ == "__main__":
    sys.exit(main())
