"""The one thread that talks to the database: reads at once, writes committed in groups."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from mailseal.store.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreDiskFullError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mailseal.store.database import Database
    from mailseal.store.statements import Statements

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_WAITING = 20_000  # ours: as many questions as may wait for an answer, by default
MAX_GROUP = 1_000  # ours: writes in one commit, some 30 ms of work
CLOSE_SECONDS = 10.0  # ours: what waits is written by then, or the disk hangs
READ_SECONDS = 3.0  # ours: an MTA's question has 4 to 10 s, and goes on to the network then
LONG_SECONDS = 35.0  # ours: a statement has 30 s in the server itself


@dataclass(slots=True, eq=False)
class _Job:
    """One question and whom to tell; ``run`` is called in the thread, maybe twice."""

    run: "Callable[[Statements, Connection], Any]"
    is_write: bool
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Worker:
    """Runs jobs for one event loop.

    Jobs under way at the same time have no order among them: reads go first. A job whose waiter
    is gone before it starts is dropped.
    """

    def __init__(self, open_database: "Callable[[], Database]") -> None:
        self._open_database = open_database
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._pending: set[_Job] = set()
        self._is_closed = False
        self._is_stuck = False
        self._opened: asyncio.Future[Database] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="mailseal-store", daemon=True)

    async def open(self) -> "Database":
        """Start the thread and wait until the database is ready."""
        self._thread.start()
        try:
            return await asyncio.shield(self._opened)
        except asyncio.CancelledError:
            # Nobody will close what nobody got.
            self._is_closed = True
            self._queue.put(None)
            raise

    async def read(
        self, run: "Callable[[Statements, Connection], T]", *, seconds: float = READ_SECONDS
    ) -> T:
        """Run a job that changes nothing."""
        return await self._post(run, is_write=False, seconds=seconds)

    async def write(self, run: "Callable[[Statements, Connection], T]") -> T:
        """Run a job in a transaction, perhaps with others; return after the commit."""
        return await self._post(run, is_write=True, seconds=LONG_SECONDS)

    async def _post(
        self, run: "Callable[[Statements, Connection], T]", *, is_write: bool, seconds: float
    ) -> T:
        if self._is_closed:
            raise StoreUnavailableError("the store is closed")
        if self._is_stuck:
            # Whoever asks next need not find out for himself.
            raise StoreBusyError("the store still works on an earlier question; try again")
        if len(self._pending) >= MAX_WAITING:
            raise StoreBusyError(f"{MAX_WAITING} questions wait for the store already; try again")
        job = _Job(run=run, is_write=is_write, future=self._loop.create_future())
        self._pending.add(job)
        self._queue.put(job)
        try:
            async with asyncio.timeout(seconds):
                result: T = await job.future
        except TimeoutError as error:
            # A server that hangs, and does not say so: its connection looks alive.
            self._is_stuck = True
            raise StoreBusyError(
                f"the store has not answered within {seconds:.0f} seconds; try again"
            ) from error
        return result

    async def close(self) -> None:
        """Finish what waits and end the thread."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(None)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(self._ended)
        except TimeoutError as error:
            raise StoreUnavailableError(
                f"the store did not close within {CLOSE_SECONDS:.0f} seconds; does its disk or "
                "server hang?"
            ) from error
        self._thread.join()

    def _deliver(self, jobs: Sequence[_Job]) -> None:
        self._is_stuck = False
        for job in jobs:
            self._pending.discard(job)
            if job.future.done():
                continue  # its waiter was cancelled meanwhile
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)

    def _end(self, error: BaseException | None) -> None:
        """Tell everybody that the thread is through; ``error`` when it should not be."""
        self._is_closed = True
        if error is not None:
            if self._opened.done():
                log.error("store thread ended action=refuse-everything", exc_info=error)
            else:
                self._opened.set_exception(error)
                self._opened.exception()  # seen, even when the one who opened has given up
        for job in self._pending:
            job.error = StoreUnavailableError("the store is closed")
        self._deliver(tuple(self._pending))
        if not self._ended.done():
            self._ended.set_result(None)

    # From here on in the thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            database = self._open_database()
            self._tell(self._opened_with, database)
            self._work(database)
        except Exception as caught:  # noqa: BLE001 -- handed to those who wait, as executors do
            error = caught
        self._tell(self._end, error)

    def _opened_with(self, database: "Database") -> None:
        if not self._opened.done():
            self._opened.set_result(database)

    def _work(self, database: "Database") -> None:
        try:
            goes_on = True
            while goes_on:
                jobs, goes_on = self._take()
                reads = [job for job in jobs if not job.is_write]
                writes = [job for job in jobs if job.is_write]
                # Asked for as late as can be: whoever gave up needs no work.
                _read_all(database, [job for job in reads if not job.future.cancelled()])
                self._tell(self._deliver, reads)
                _write_together(database, [job for job in writes if not job.future.cancelled()])
                self._tell(self._deliver, writes)
        finally:
            database.close()  # here, since SQLite's connections belong to their thread

    def _take(self) -> tuple[list[_Job], bool]:
        """Wait for a job, then take what came in with it; False when it is time to end."""
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) >= MAX_GROUP or self._queue.empty():
                return jobs, True
            job = self._queue.get()
        return jobs, False

    def _tell(self, callback: Callable[[T], None], value: T) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, value)
        except RuntimeError:
            pass  # the loop was closed without closing the store: nobody waits any more


def _read_all(database: "Database", jobs: Sequence[_Job]) -> None:
    for position, job in enumerate(jobs):
        try:
            with database.reading() as connection:
                job.result = job.run(database.statements, connection)
        except (StoreUnavailableError, StoreBusyError) as error:
            # Each try may take seconds, and the others would fare no better.
            _refuse(jobs[position:], error)
            return
        except Exception as error:  # noqa: BLE001 -- handed to the one who waits
            job.error = error


def _write_together(database: "Database", jobs: Sequence[_Job]) -> None:
    if not jobs:
        return
    try:
        with database.writing() as connection:
            for job in jobs:
                job.error = None
                try:
                    job.result = job.run(database.statements, connection)
                except StoreFullError as error:
                    job.error = error  # raised before it changed anything: the others go on
    except (
        StoreUnavailableError,
        StoreBusyError,
        StoreDiskFullError,
        StoreCorruptError,
    ) as error:
        _refuse(jobs, error)
    except Exception as error:  # noqa: BLE001 -- handed to the one who waits
        if len(jobs) == 1:
            jobs[0].error = error
            return
        # One of them is at fault, or in another node's way; alone, each succeeds or fails for
        # itself.
        for job in jobs:
            _write_together(database, [job])


def _refuse(jobs: Sequence[_Job], error: StoreError) -> None:
    for job in jobs:
        # A copy each: an exception raised in many places collects all their tracebacks.
        job.error = type(error)(*error.args)
        job.error.__cause__ = error.__cause__
