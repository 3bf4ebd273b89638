"""Several things waited for at a time."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(waits: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    """Wait for all; one alone, which is the rule, needs no task of its own."""
    coroutines = list(waits)
    if len(coroutines) == 1:
        return (await coroutines[0],)
    return tuple(await asyncio.gather(*coroutines))
