"""Keeps events that clients can cause from filling the log."""


class Seldom:
    """Tells whether an event may be logged: once in ``interval_seconds`` for each key.

    Only ``max_keys`` are remembered; while that many are young, further keys get a no.
    """

    __slots__ = ("_interval_seconds", "_last", "_max_keys")

    def __init__(self, interval_seconds: float = 60.0, max_keys: int = 256) -> None:
        self._interval_seconds = interval_seconds
        self._max_keys = max_keys
        self._last: dict[str, float] = {}

    def allows(self, key: str, now: float) -> bool:
        """Tell whether to log ``key`` now, and remember that it was."""
        last = self._last.get(key)
        if last is not None and now - last < self._interval_seconds:
            return False
        if len(self._last) >= self._max_keys:
            self._last = {k: t for k, t in self._last.items() if now - t < self._interval_seconds}
            if len(self._last) >= self._max_keys:
                return False
        self._last[key] = now
        return True
