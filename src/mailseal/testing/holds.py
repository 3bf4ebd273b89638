"""Gates that keep a fake's answers waiting until the test opens them."""

import asyncio
from datetime import timedelta

from mailseal.testing.clock import ManualClock


class Holds:
    """Names whose answers wait for the test, each until its gate opens or the time is up."""

    def __init__(self, clock: ManualClock | None) -> None:
        self._clock = clock
        self._gates: dict[str, asyncio.Event] = {}

    def hold(self, name: str) -> asyncio.Event:
        """Return the gate of a name; its answers wait from now on."""
        return self._gates.setdefault(name, asyncio.Event())

    async def pass_by(self, name: str, timeout: timedelta) -> bool:
        """Wait at the name's gate, if it has one; tell whether it opened in time."""
        gate = self._gates.get(name)
        if gate is None or gate.is_set():
            return True
        if self._clock is None:
            return await gate.wait()
        opened = asyncio.ensure_future(gate.wait())
        ran_out = asyncio.ensure_future(self._clock.sleep(timeout))
        try:
            await asyncio.wait({opened, ran_out}, return_when=asyncio.FIRST_COMPLETED)
            return gate.is_set()
        finally:
            opened.cancel()
            ran_out.cancel()
