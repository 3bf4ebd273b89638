"""The time that one observation may take in all, shared out as it goes."""

from datetime import timedelta

from mailseal.ports.clock import Clock

TIME_IS_UP = "the time for the whole check was up"


class Budget:
    """What is left until one deadline; every wait of an observation takes its time from here."""

    def __init__(self, clock: Clock, total: timedelta) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + total.total_seconds()

    @property
    def is_spent(self) -> bool:
        """Tell whether the deadline has come."""
        return self._clock.monotonic() >= self._ends_at

    def at_most(self, wanted: timedelta) -> timedelta:
        """Return so much time, or what is left if that is less."""
        left = max(self._ends_at - self._clock.monotonic(), 0.0)
        return min(wanted, timedelta(seconds=left))
