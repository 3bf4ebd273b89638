"""The answerer's tests run on both event loops that it may run on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop

from tests.faces.policyd.scripted import Running


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on uvloop, as in service, and on asyncio's own loop, as where there is no uvloop."""
    if item.path.name.startswith("test_answerer"):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    """Start answerers with ``Running``'s arguments; all are stopped in the end."""
    started: list[Running] = []

    async def start_one(**arguments: Any) -> Running:
        running = Running(**arguments)
        started.append(running)
        await running.start()
        return running

    yield start_one
    for running in started:
        await running.stop()
