"""How often a program that has loaded everything looks for garbage in circles."""

import gc

# Ours: how many new objects, rounds of the young and rounds of the old it takes. What answers is
# to be disturbed as rarely as can be; what scans makes circles all the time, and they need memory.
RARELY = 20_000, 20, 50
SOON = 10_000, 5, 5  # a tenth of a scan goes into it with Python's 700, 10, 10


def spare_collector(thresholds: tuple[int, int, int]) -> None:
    """Leave what is loaded by now out of every search: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)
