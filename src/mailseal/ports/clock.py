"""The only clock of services, as a Protocol."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time for services."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump; only differences mean something."""
        ...
