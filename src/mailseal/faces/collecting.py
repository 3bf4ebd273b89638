"""How often a program that has loaded everything looks for garbage in circles."""

import gc

THRESHOLDS = 20_000, 20, 50  # ours; with Python's 700, 10, 10 a tenth of a scan goes into it


def spare_collector() -> None:
    """Leave what is loaded by now out of every search: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
