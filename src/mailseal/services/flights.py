"""Work that many callers wait for is done once."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Flights(Generic[K, V]):
    """Tasks under way by key; whoever asks for a key in the air gets the task that flies.

    A flight goes on when its callers have given up waiting: what it learns is kept for the next.
    With a ``limit`` no more than that run at once, the others wait their turn.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._turns = None if limit is None else asyncio.Semaphore(limit)
        self._in_air: dict[K, asyncio.Task[V]] = {}

    def __len__(self) -> int:
        return len(self._in_air)

    def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> asyncio.Task[V]:
        """Return the task that works on ``key``, starting it if there is none."""
        task = self._in_air.get(key)
        if task is None:
            task = asyncio.create_task(work() if self._turns is None else self._fly(work))
            self._in_air[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        return task

    def in_air(self, key: K) -> asyncio.Task[V] | None:
        """Return the task that works on ``key``, if there is one."""
        return self._in_air.get(key)

    async def aclose(self) -> None:
        """Cancel what is in the air and wait until it has ended."""
        tasks = list(self._in_air.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fly(self, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        assert self._turns is not None
        async with self._turns:
            return await work()

    def _land(self, key: K, task: asyncio.Task[V]) -> None:
        del self._in_air[key]
        if not task.cancelled():
            task.exception()  # seen here, so that a flight nobody waits for ends without a word


async def wait_at_most(task: asyncio.Task[V], timeout: timedelta) -> bool:
    """Wait for a task that goes on regardless; tell whether it has ended well or badly in time."""
    if not task.done():
        await asyncio.wait({task}, timeout=max(0.0, timeout.total_seconds()))
    return task.done()
