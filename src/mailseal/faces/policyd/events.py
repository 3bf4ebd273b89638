"""The answerer's log: rare events as one line each on standard error, never one per request.

A logging library would take longer to load than the rest of the process.
"""

import re
import sys
from collections.abc import Callable

Log = Callable[..., None]

_PLAIN = re.compile(r'[^\s"=\\]+')
MAX_VALUE_CHARACTERS = 300  # ours: a hostile name cannot fill the log


def log(event: str, **fields: object) -> None:
    """Write ``event key=value ...``; values with blanks or odd characters are quoted."""
    words = [event, *(f"{key}={_quote(str(value))}" for key, value in fields.items())]
    print(" ".join(words), file=sys.stderr, flush=True)


def _quote(value: str) -> str:
    value = value[:MAX_VALUE_CHARACTERS]
    if value.isascii() and value.isprintable() and _PLAIN.fullmatch(value):
        return value
    escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'


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
