"""The answerer's numbers, asked for over the link: rarely, whoever wants them."""

import asyncio
import json
from collections.abc import Callable

from mailseal.wire import link

WAIT_SECONDS = 2.0  # ours: the answerer answers between two requests, in some milliseconds
KEEP_SECONDS = 1.0  # ours: so that no number of scrapes takes its time


class AnswererStats:
    """Asks at most once in ``KEEP_SECONDS``; all who ask meanwhile get the same numbers."""

    def __init__(self, send: Callable[[link.Message], None]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._known: dict[str, int] = {}
        self._known_at = float("-inf")
        self._waiting: asyncio.Future[None] | None = None

    def take(self, message: link.Stats) -> None:
        """Take what the answerer told."""
        self._known = json.loads(message.counters)
        self._known_at = self._loop.time()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def get(self) -> dict[str, int] | None:
        """Return its numbers; None when it does not tell them."""
        if self._loop.time() - self._known_at < KEEP_SECONDS:
            return self._known
        if self._waiting is None or self._waiting.done():
            self._waiting = self._loop.create_future()
            self._send(link.StatsRequest())
        await asyncio.wait({self._waiting}, timeout=WAIT_SECONDS)
        # One that never came is asked for anew by the next who wants it.
        if not self._waiting.done():
            self._waiting.cancel()
        return self._known if self._loop.time() - self._known_at < WAIT_SECONDS else None
