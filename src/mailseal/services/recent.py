"""What was found out lately, in bounded memory: each for its own time, the unused goes first."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key; of more than ``max_entries`` the one used least recently goes.

    ``monotonic`` gives seconds that never jump. Nothing is looked up here: where many wait for one
    value, and where it is to be learnt anew ahead of its end, ``ttlcache`` is for that.
    """

    def __init__(self, monotonic: Callable[[], float], *, max_entries: int) -> None:
        self._monotonic = monotonic
        self._max_entries = max_entries
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what is known and not over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until = entry
        if self._monotonic() >= until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def keep(self, key: K, value: V, time: timedelta) -> None:
        """Remember a value for some time from now on; for no time at all it is not remembered."""
        if not time:
            return
        self._entries[key] = (value, self._monotonic() + time.total_seconds())
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
