"""What the answerer needs for 100 000 policies asked through one profile, above the empty one."""

from collections.abc import Callable

from bench.processes import load, running

POLICIES = 100_000
TARGETS = {"memory_100k_mb": 60.0}


def measure(say: Callable[[str], None]) -> dict[str, float]:
    with running("bench.serve") as ours:
        # As many connections before as after, so that only policies make the difference.
        with load(ours, "unix", connections=64, count=POLICIES) as crowd:
            crowd.ask(64)
            empty = ours.resident_mb()
            crowd.ask(POLICIES)
            full = ours.resident_mb()
    say(f"{empty:.1f} MB empty, {full:.1f} MB with {POLICIES} policies")
    return {"memory_100k_mb": round(full - empty, 1)}
