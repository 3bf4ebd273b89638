"""A million names in one scan: what memory it takes beyond that of a short list."""

from collections.abc import Callable

from bench.scan import LONGEST_GROWTH_MB, SHORT_LIST, world

NAMES = 1_000_000
TARGETS = {"scan_million_growth_mb": LONGEST_GROWTH_MB}


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Scan them at --level dns, which takes about a quarter of an hour."""
    with world(say) as servers:
        short = servers.scan(SHORT_LIST, "--level", "dns")
        say(f"{short.peak_mb:.1f} MB after {SHORT_LIST} names")
        long = servers.scan(NAMES, "--level", "dns")
    say(f"{long.peak_mb:.1f} MB after {NAMES}, at {long.rate:.0f} a second")
    return {"scan_million_growth_mb": round(long.peak_mb - short.peak_mb, 2)}
