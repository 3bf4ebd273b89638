"""Answers of DNS kept for as long as DNS says, refreshed ahead, looked up once for all callers."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from mailseal.ports.clock import Clock
from mailseal.services.flights import Flights, wait_at_most

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed(Generic[V]):
    """A value with how long it needs no new look-up, and how long it may be used meanwhile.

    Both count from when it was learnt.
    """

    value: V
    fresh_for: timedelta
    usable_for: timedelta


class TtlCache(Generic[K, V]):
    """A bounded table of what ``look_up`` brought, each entry no longer than it says.

    The least recently learnt entry goes first when the table is full; ``evictions`` counts those
    that could still have been used.
    """

    def __init__(
        self,
        look_up: Callable[[K], Coroutine[Any, Any, Timed[V]]],
        *,
        clock: Clock,
        max_entries: int,
        max_flights: int,
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._max_entries = max_entries
        self._flights: Flights[tuple[K, int], Timed[V]] = Flights(max_flights)
        self._entries: dict[K, tuple[Timed[V], float]] = {}
        self._generation = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._entries)

    async def get(
        self, key: K, *, timeout: timedelta, wait_for_fresh: bool = False
    ) -> Timed[V] | None:
        """Return what is known, with the time it has left; None when it took too long to learn.

        A stale but usable value is returned at once and looked up anew behind the caller,
        unless the caller wants to ``wait_for_fresh``.
        """
        known = self._remaining(key)
        if known is not None and known.fresh_for:
            return known
        flight = self._flights.join((key, self._generation), lambda: self._learn(key))
        if known is not None and not wait_for_fresh:
            return known
        if await wait_at_most(flight, timeout):
            return flight.result()
        return known

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def forget(self, key: K) -> V | None:
        """Drop and return what is known of a key; a look-up under way still stores its answer."""
        entry = self._entries.pop(key, None)
        return entry[0].value if entry else None

    def forget_all(self) -> None:
        """Drop everything; what look-ups under way bring is for their callers alone."""
        self._entries.clear()
        self._generation += 1

    async def aclose(self) -> None:
        """Cancel the look-ups under way."""
        await self._flights.aclose()

    async def _learn(self, key: K) -> Timed[V]:
        generation = self._generation
        timed = await self._look_up(key)
        if generation != self._generation:
            return timed
        self._entries.pop(key, None)
        if timed.usable_for:
            while len(self._entries) >= self._max_entries:
                oldest = next(iter(self._entries))
                self.evictions += self._remaining(oldest) is not None
                del self._entries[oldest]
            self._entries[key] = (timed, self._clock.monotonic())
        return timed

    def _remaining(self, key: K) -> Timed[V] | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        timed, learnt_at = entry
        age = timedelta(seconds=self._clock.monotonic() - learnt_at)
        if age >= timed.usable_for:
            return None
        return Timed(
            value=timed.value,
            fresh_for=max(timedelta(0), timed.fresh_for - age),
            usable_for=timed.usable_for - age,
        )
