"""A clock that tests move by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

DEFAULT_START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until it is told to move (the ``ports.Clock`` protocol)."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._now = start
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that the clock was advanced by since it was made."""
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Move both clocks on; whoever sleeps until then wakes at the loop's next turn."""
        if by < timedelta(0):
            raise ValueError("monotonic time never goes back; use step for the wall clock")
        self._now += by
        self._monotonic += by.total_seconds()
        for until, sleeper in self._sleepers:
            if until <= self._monotonic and not sleeper.done():
                sleeper.set_result(None)
        self._sleepers = [entry for entry in self._sleepers if not entry[1].done()]

    def step(self, by: timedelta) -> None:
        """Move the wall clock alone, back or forth, as an administrator or NTP may."""
        self._now += by

    async def sleep(self, duration: timedelta) -> None:
        """Wait until the clock was advanced by ``duration``; returns at once for none."""
        if duration <= timedelta(0):
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic + duration.total_seconds(), sleeper))
        await sleeper
