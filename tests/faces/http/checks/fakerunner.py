"""A runner of checks that does what a test says, when it says so."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from mailseal.faces.http.checks.desk import CheckFailedError, Step
from mailseal.names import Domain

GUARD_SECONDS = 10.0  # only reached by a test that would hang otherwise


class FakeRunner:
    """Holds each check until it is told how it ends."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_closed = False
        self._steps: dict[str, Callable[[Step], None]] = {}
        self._ends: dict[str, asyncio.Future[bytes]] = {}
        self._begun: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def run(self, domain: Domain, on_step: Callable[[Step], None]) -> bytes:
        """Wait for the test."""
        self.asked.append(str(domain))
        self._steps[str(domain)] = on_step
        self._ends[str(domain)] = asyncio.get_running_loop().create_future()
        self._begun[str(domain)].set()
        return await self._ends[str(domain)]

    async def aclose(self) -> None:
        """Remember that it was ended."""
        self.is_closed = True

    async def begun(self, domain: str) -> None:
        """Wait until a check is under way."""
        async with asyncio.timeout(GUARD_SECONDS):
            await self._begun[domain].wait()

    def step(self, domain: str, done: int) -> None:
        """Tell of progress."""
        self._steps[domain](Step(part="dns", subject=f"mx.{domain}", done=done, total=9))

    def end(self, domain: str, answer: bytes = b'{"domain":"x"}') -> None:
        """End a check well."""
        self._take(domain).set_result(answer)

    def fail(self, domain: str) -> None:
        """End a check without an answer."""
        self._take(domain).set_exception(CheckFailedError("the checking process has ended"))

    def _take(self, domain: str) -> asyncio.Future[bytes]:
        self._begun[domain].clear()
        return self._ends.pop(domain)
