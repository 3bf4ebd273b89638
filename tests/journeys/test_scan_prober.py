"""The process that looks at policy hosts for a scan, as a whole process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailseal.checks.evidence import Trouble
from mailseal.config import parse
from mailseal.names import Domain
from mailseal.net.https.apart.prober import NEAR, ApartPolicyProber
from mailseal.testing import FakePolicyProber
from mailseal.wiring.prober import open_apart
from tests.net.pki import Authority

HOST = Domain("mta-sts.example.com")
ADDRESS = "127.0.0.1"  # which is not contacted: it is no public one
LONG = timedelta(seconds=60)  # never reached: a failing test ends all the same


class World:
    """A prober with a process, and who looks where there is none."""

    def __init__(self, folder: Path) -> None:
        authority = Authority("Test CA", folder)
        config = parse(f'[https]\nca_file = "{authority.ca_path}"\n')
        self.near = FakePolicyProber()
        self.prober: ApartPolicyProber = open_apart(config, self.near, "mailseal/test")

    async def bring_up(self) -> None:
        """Look at so many at a time that a process is worth it; wait for it however long it takes.

        Those in front of it are kept under way until the last one has begun.
        """
        go_on = self.near.hold(HOST)
        looks = [asyncio.create_task(self.look()) for _ in range(NEAR + 1)]
        await asyncio.sleep(0)
        go_on.set()
        async with asyncio.timeout(LONG.total_seconds()):
            await asyncio.gather(*looks)
            while await self.look() is not Trouble.SKIPPED:  # by the rule about addresses
                pass

    async def look(self) -> Trouble | None:
        """Return what keeps a look from its end: it tells who has looked."""
        fetch = await self.prober.probe(HOST, ADDRESS, timeout=LONG)
        return fetch.failure.trouble if fetch.failure else None

    def children(self) -> list[int]:
        """Return the processes that this one has started and not waited for."""
        words = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return [int(word) for word in words]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Run one until the test ends."""
    made = World(tmp_path)
    try:
        yield made
    finally:
        await made.prober.aclose()


async def test_a_process_of_its_own_looks_at_policy_hosts(world: World) -> None:
    """It comes up by itself, has the settings of the scan, and is gone behind it."""
    before = world.children()
    await world.bring_up()
    started = set(world.children()) - set(before)
    await world.prober.aclose()

    assert len(started) == 1
    assert not started & set(world.children())


async def test_a_scan_whose_process_is_killed_goes_on(world: World) -> None:
    """kill -9 costs the second processor and no result."""
    before = world.children()
    await world.bring_up()
    (pid,) = set(world.children()) - set(before)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(LONG.total_seconds()):
        while await world.look() is not Trouble.REFUSED:  # as the fake says
            pass
