"""The loops of the watch: what fails in one round is told, and the next one is made as ever."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

import mailseal
from mailseal.ports.storeerrors import StoreError
from mailseal.services import herald as herald_module
from mailseal.services import watcher as watcher_module

from .watchworld import DOMAIN, MINUTE, World, broken

GUARD_SECONDS = 10.0  # only reached by a test that would hang otherwise
AWAY = StoreError("the database is away")


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one round follow another."""
    for module in (herald_module, watcher_module):
        monkeypatch.setattr(module, "ROUND_INTERVAL", timedelta(0))


@asynccontextmanager
async def running(loop: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run a loop for the block; nothing but its end may end it."""
    task = asyncio.create_task(loop)
    try:
        async with asyncio.timeout(GUARD_SECONDS):
            yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told(logs: list[EventDict], event: str) -> None:
    """Wait until something was told twice: the loop has come round."""
    while [one["event"] for one in logs].count(event) < 2:  # noqa: ASYNC110 -- a log wakes nobody
        await asyncio.sleep(0)


async def test_the_watcher_goes_on_after_what_fails() -> None:
    """A store that is away, and a machine that cannot look, cost the rounds in which they are."""
    world = World()
    await world.add(DOMAIN)
    has_looked = asyncio.Event()
    world.on_look = has_looked.set
    world.history.error = AWAY
    with capture_logs() as logs:
        async with running(world.watcher.run()):
            await told(logs, "watch is without its store")
            world.error = mailseal.Error("no certificate authorities")
            world.history.error = None
            world.on_open = lambda: world.clock.advance(10 * MINUTE)  # what was claimed is due anew
            await told(logs, "watch cannot look")
            world.error = None
            await has_looked.wait()


async def test_the_herald_goes_on_after_what_fails() -> None:
    """News wait until the store is back, and are sent then."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.watcher.round()
    world.history.error = AWAY
    with capture_logs() as logs:
        async with running(world.herald.run()):
            await told(logs, "alerts are without their store")
            world.history.error = None
            while not world.webhook.sent:  # noqa: ASYNC110 -- a fake wakes nobody
                await asyncio.sleep(0)

    assert len(world.mail.sent) == len(world.webhook.sent) == 1
