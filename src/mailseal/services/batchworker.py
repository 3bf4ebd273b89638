"""Does batches of a shared scan: whatever of a batch has no result yet is looked at.

A worker may be lost at any moment, and its batch is then given to another. So results are saved
every second, and who begins with a batch asks first what is left of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from mailseal.names import Domain
from mailseal.scans.fleet import ScanBatch, ScanOrder
from mailseal.scans.optouts import OptOuts
from mailseal.scans.result import Result
from mailseal.scans.unexamined import opted_out
from mailseal.services.doubt import Control, Doubt
from mailseal.services.scanner import MAX_LOOKS, Examiner, Sleep, rest_of

SAVE_SECONDS = 1.0  # ours: what a lost worker may cost


class Board(Protocol):
    """Where results of shared scans are kept. All methods may raise ``StoreError``."""

    async def load_order(self, scan: int) -> ScanOrder:
        """Return what a scan is to do."""
        ...

    async def load_done(self, scan: int, numbers: Sequence[int]) -> frozenset[int]:
        """Return which of some numbers have a result."""
        ...

    async def save(self, scan: int, results: Sequence[Result]) -> None:
        """Keep results; of a number that has one the first stays."""
        ...


class BatchWorker:
    """Looks at the domains of one batch all at the same time, and may have several batches.

    ``examiner_for`` gives what looks at a domain as a scan wants it; ``sleep`` is for tests.
    """

    def __init__(
        self,
        *,
        board: Board,
        examiner_for: Callable[[ScanOrder], Examiner],
        control: Control,
        opt_outs: OptOuts | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._board = board
        self._examiner_for = examiner_for
        self._control = control
        self._sleep = sleep
        self._opt_outs = opt_outs or OptOuts()
        self._examiners: dict[int, Examiner] = {}

    async def do(self, batch: ScanBatch) -> None:
        """Do what is left of a batch; when it is called off, what was found out is kept.

        Raises ``StoreError``, and ``CannotSeeError`` when nothing can be found out from here: then
        the batch is for another, or for later.
        """
        examine = await self._examiner(batch.scan)
        done = await self._board.load_done(batch.scan, [number for number, _ in batch.domains])
        waiting: list[Result] = []
        doubt = Doubt(self._control)

        async def look_at(number: int, domain: Domain) -> None:
            if self._opt_outs.covers(domain):
                waiting.append(opted_out(number, domain))
                return
            examined = await examine(number, domain)
            for _ in range(1, MAX_LOOKS):
                rest = rest_of(examined)
                if rest is None:
                    break
                await self._sleep(rest.total_seconds())
                examined = await examine(number, domain)
            waiting.extend(one.result for one in await doubt.weigh(examined))

        async def look_at_all() -> None:
            async with asyncio.TaskGroup() as group:
                for number, name in batch.domains:
                    if number not in done:
                        group.create_task(look_at(number, Domain(name)))

        work = asyncio.create_task(look_at_all())
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=SAVE_SECONDS)
                await self._save(batch.scan, waiting)
            await work
            waiting.extend(one.result for one in doubt.release())
        except BaseExceptionGroup as failed:
            # What one cannot find out, the others cannot either: they were called off.
            raise failed.exceptions[0] from None
        finally:
            work.cancel()
            await self._save(batch.scan, waiting)

    async def _save(self, scan: int, waiting: list[Result]) -> None:
        if waiting:
            some = waiting[:]
            waiting.clear()
            await self._board.save(scan, some)

    async def _examiner(self, scan: int) -> Examiner:
        known = self._examiners.get(scan)
        if known is None:
            order = await self._board.load_order(scan)
            known = self._examiners[scan] = self._examiner_for(order)
        return known
