"""Scans shared by many machines: batches of domains wait as jobs, results come back into a table.

procrastinate hands each batch to one worker at a time, and again to another when the first is
lost; a result is kept once, by scan and number, however often a batch is done.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, LiteralString

import procrastinate
import psycopg
import psycopg_pool
from procrastinate import exceptions

import mailseal
from mailseal.scans.fleet import ScanBatch, ScanOrder, ScanStatus, ScanUnknownError
from mailseal.scans.result import Result, write_result
from mailseal.store.engine import open_engine
from mailseal.store.errors import StoreUnavailableError
from mailseal.store.scanschema import SCHEMA, set_up

QUEUE = "mailseal-scan"
TASK = "mailseal-scan-batch"
REAP_LOCK = 0x6D73_7265_6170  # "msreap"; the key of an advisory lock
MAX_CONNECTIONS = 4  # of one worker: fetching, listening, results, heartbeat
CONNECT_SECONDS = 10.0
GRACE_SECONDS = 2.0  # ours: what is under way is called off soon and done again elsewhere
EXPORT_ROWS = 1000  # ours: results fetched at a time

log = logging.getLogger(__name__)

_STATUS: LiteralString = """
SELECT s.id, s.title, s.level, s.total, s.submitted_at,
    (SELECT count(*) FROM results r WHERE r.scan = s.id) AS done,
    (SELECT count(*) FROM results r
        WHERE r.scan = s.id AND r.saved_at > now() - interval '1 minute') AS lately,
    (SELECT count(*) FROM procrastinate_jobs j WHERE j.args @> jsonb_build_object('scan', s.id)
        AND j.status = 'todo') AS waiting,
    (SELECT count(*) FROM procrastinate_jobs j WHERE j.args @> jsonb_build_object('scan', s.id)
        AND j.status = 'doing') AS running,
    (SELECT count(*) FROM procrastinate_workers w
        WHERE w.last_heartbeat > now() - make_interval(secs => %s)) AS workers
FROM scans s
"""


class ScanBoard:
    """The scans of one database; make one with ``open_scan_board``.

    Every method may raise ``StoreUnavailableError``.
    """

    def __init__(
        self, app: procrastinate.App, pool: "psycopg_pool.AsyncConnectionPool[Any]", place: str
    ) -> None:
        self._app = app
        self._pool = pool
        self._place = place

    async def submit(self, order: ScanOrder) -> int:
        """Begin a scan; return its number. It has no domains yet."""
        rows = await self._fetch(
            "INSERT INTO scans (title, level, is_complete) VALUES (%s, %s, %s) RETURNING id",
            [order.title, order.level, order.is_complete],
        )
        number: int = rows[0][0]
        return number

    async def add_batches(self, scan: int, batches: Sequence[Sequence[tuple[int, str]]]) -> None:
        """Add numbered domains to a scan, a job for each batch."""
        jobs: list[dict[str, Any]] = [
            {"scan": scan, "domains": [list(one) for one in batch]} for batch in batches
        ]
        with self._translated():
            await self._app.configure_task(TASK, queue=QUEUE).batch_defer_async(*jobs)

    async def complete(self, scan: int, total: int) -> None:
        """Say that all domains are in, and how many entries the list has."""
        await self._fetch("UPDATE scans SET total = %s WHERE id = %s RETURNING id", [total, scan])

    async def load_order(self, scan: int) -> ScanOrder:
        """Return what a scan is to do; raise ``ScanUnknownError``."""
        rows = await self._fetch(
            "SELECT title, level, is_complete FROM scans WHERE id = %s", [scan]
        )
        if not rows:
            raise ScanUnknownError(f"there is no scan {scan}; mailseal scan status lists them")
        title, level, is_complete = rows[0]
        return ScanOrder(title=title, level=level, is_complete=is_complete)

    async def load_done(self, scan: int, numbers: Sequence[int]) -> frozenset[int]:
        """Return which of some numbers have a result."""
        rows = await self._fetch(
            "SELECT number FROM results WHERE scan = %s AND number = ANY(%s)", [scan, list(numbers)]
        )
        return frozenset(row[0] for row in rows)

    async def save(self, scan: int, results: Sequence[Result]) -> None:
        """Keep results; of a number that has one the first stays."""
        lines = [write_result(one).decode().rstrip("\n") for one in results]
        await self._fetch(
            "INSERT INTO results (scan, number, line) "
            "SELECT %s, * FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING RETURNING 1",
            [scan, [one.number for one in results], lines],
        )

    async def statuses(self, scan: int | None = None, *, lost_after: timedelta) -> list[ScanStatus]:
        """Return how far each scan is, or one of them, the latest last."""
        where: LiteralString = "" if scan is None else "WHERE s.id = %s "
        rows = await self._fetch(
            _STATUS + where + "ORDER BY s.id",
            [lost_after.total_seconds(), *([] if scan is None else [scan])],
        )
        return [
            ScanStatus(
                scan=row[0],
                title=row[1],
                level=row[2],
                total=row[3],
                submitted_at=row[4],
                done=row[5],
                done_lately=row[6],
                waiting_batches=row[7],
                running_batches=row[8],
                workers=row[9],
            )
            for row in rows
        ]

    async def export(self, scan: int) -> AsyncIterator[str]:
        """Yield the results of a scan as lines of JSON, in the order of the list."""
        await self.load_order(scan)
        after, rows = 0, [("", 0)]
        while rows:
            rows = await self._fetch(
                "SELECT line, number FROM results WHERE scan = %s AND number > %s "
                "ORDER BY number LIMIT %s",
                [scan, after, EXPORT_ROWS],
            )
            for line, number in rows:
                after = number
                yield line

    async def work(
        self,
        do: Callable[[ScanBatch], Awaitable[None]],
        *,
        batches: int,
        lost_after: timedelta,
        is_once: bool = False,
    ) -> None:
        """Do batches until a signal, or with ``is_once`` until none is left.

        What a worker was doing that has not been heard of for ``lost_after`` is done again. A
        batch that ends in an error is tried again a little later, too.
        """

        async def run(scan: int, domains: list[list[Any]]) -> None:
            numbered = tuple((int(number), str(name)) for number, name in domains)
            try:
                await do(ScanBatch(scan=scan, domains=numbered))
            except mailseal.Error as error:
                first = numbered[0][0]
                log.warning("batch is tried again scan=%d first=%d reason=%s", scan, first, error)
                raise

        # It tells every step with all domains of a batch; what matters is told here.
        logging.getLogger("procrastinate").setLevel(logging.ERROR)

        retry = procrastinate.RetryStrategy(wait=2)
        self._app.task(name=TASK, queue=QUEUE, retry=retry)(run)
        seconds = lost_after.total_seconds()
        reaper = asyncio.create_task(self._reap(seconds))
        try:
            with self._translated():
                await self._app.run_worker_async(
                    queues=[QUEUE],
                    name="mailseal",
                    concurrency=batches,
                    wait=not is_once,
                    shutdown_graceful_timeout=GRACE_SECONDS,
                    update_heartbeat_interval=seconds / 3,
                    stalled_worker_timeout=seconds,
                    delete_jobs="successful",
                )
        finally:
            reaper.cancel()
            await asyncio.gather(reaper, return_exceptions=True)

    async def _reap(self, seconds: float) -> None:
        """Give back what lost workers were doing, again and again."""
        while True:
            try:
                with self._translated():
                    await self._give_back(seconds)
            except StoreUnavailableError as error:
                log.warning("batches of lost workers cannot be looked for reason=%s", error)
            await asyncio.sleep(seconds / 2)

    async def _give_back(self, seconds: float) -> None:
        manager = self._app.job_manager
        async with self._pool.connection() as connection, connection.transaction():
            # One at a time: what another worker has taken meanwhile must not be given back again.
            cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [REAP_LOCK])
            row = await cursor.fetchone()
            if row is None or not row[0]:
                return
            for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=seconds):
                log.info("batch of a lost worker is done again job=%s", job.id)
                await manager.retry_job(job)

    async def _fetch(self, query: LiteralString, values: Sequence[object]) -> list[Any]:
        with self._translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(query, values)
                rows: list[Any] = await cursor.fetchall()
                return rows

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self._place):
            yield


@contextlib.asynccontextmanager
async def open_scan_board(url: str) -> AsyncIterator[ScanBoard]:
    """Open the scans in a PostgreSQL database, making their tables where there are none."""
    opened = open_engine(url)
    if opened.engine.dialect.name != "postgresql":
        raise StoreUnavailableError(
            "scans on many machines need PostgreSQL: set url in [store] to postgresql://…"
        )
    arguments = opened.driver_arguments
    arguments["options"] = f"{arguments.get('options', '')} -c search_path={SCHEMA}"
    connector = procrastinate.PsycopgConnector(
        kwargs=arguments, min_size=1, max_size=MAX_CONNECTIONS, timeout=CONNECT_SECONDS
    )
    app = procrastinate.App(connector=connector)
    with translated(opened.place):
        async with await psycopg.AsyncConnection.connect(**arguments) as connection:
            await set_up(connection, app)
        async with app.open_async():
            yield ScanBoard(app, connector.pool, opened.place)


@contextlib.contextmanager
def translated(place: str) -> Iterator[None]:
    """Tell the errors of the libraries as our own."""
    try:
        yield
    except (psycopg.Error, psycopg_pool.PoolTimeout, exceptions.ConnectorException) as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise StoreUnavailableError(f"{place}: {reason}") from error
