"""Runs the families, prints a table and, as the last line, one JSON object of all figures."""

import importlib
import importlib.util
import json
import sys
import time

# The order of the table; a family that a checkout does not have leaves its figures null.
FAMILIES = ("warm", "memory", "beside", "cold", "start", "flight")

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
)


def say(text: str) -> None:
    """Print what is being done; the figures come at the end."""
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> int:
    asked = sys.argv[1:] or FAMILIES
    figures: dict[str, float | None] = dict.fromkeys(KEYS)
    targets: dict[str, float] = {}
    for name in FAMILIES:
        if name not in asked or importlib.util.find_spec(f"bench.{name}") is None:
            continue
        family = importlib.import_module(f"bench.{name}")
        began = time.monotonic()
        say(f"{name}: {str(family.__doc__).splitlines()[0]}")
        targets |= family.TARGETS
        figures |= family.measure(say)
        say(f"{name}: {time.monotonic() - began:.0f} s")
    print(f"{'figure':34} {'measured':>10} {'at most':>10}")
    missed = 0
    for key, value in figures.items():
        if value is None:
            continue
        target = targets.get(key)
        is_missed = target is not None and value > target
        missed += is_missed
        limit = "" if target is None else f"{target:10.2f}"
        print(f"{key:34} {value:10.2f} {limit:>10} {'MISSED' if is_missed else ''}".rstrip())
    print(json.dumps(figures))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
