"""The real clock, read nowhere else."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clocks (the ``ports.Clock`` protocol)."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()


clock = SystemClock()
