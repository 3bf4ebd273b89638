"""The policy store as services see it: ``ports.PolicyStore`` over the thread that owns SQL."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.ports.policystore import LastVerdict, StoreChanges
from mailseal.store.changes import PendingChanges
from mailseal.store.errors import StoreDiskFullError, StoreUnavailableError
from mailseal.store.worker import LONG_SECONDS, Worker

if TYPE_CHECKING:
    from mailseal.store.database import Database
    from mailseal.store.history import History

log = logging.getLogger(__name__)

DEFAULT_MAX_POLICIES = 1_000_000  # ours: some 600 MB; the largest senders know as many domains
MAX_PAGE = 10_000  # ours: rows held in memory for one answer


async def open_store(
    url: str, *, max_policies: int = DEFAULT_MAX_POLICIES, may_be_away: bool = False
) -> "Store":
    """Open the database of a URL, made or migrated when need be; raises ``StoreError``.

    ``sqlite:////var/lib/mailseal/mailseal.db`` (folder and file are made for the user alone) or
    ``postgresql://user@host/database``. With ``may_be_away`` a server that cannot be reached, or a
    disk without room, is no error yet: each question tries anew.
    """

    def open_database() -> "Database":
        # SQLAlchemy takes 0.2 s to import: in the thread, and only for those who use a store.
        from mailseal.store.database import Database
        from mailseal.store.statements import Statements

        database = Database(url, Statements(max_policies=max_policies))
        try:
            database.prepare()
        except (StoreUnavailableError, StoreDiskFullError) as error:
            is_passing = database.is_shared or isinstance(error, StoreDiskFullError)
            if not (may_be_away and is_passing):
                raise
            log.warning("store cannot be reached error=%r action=start-without-it", str(error))
        return database

    worker = Worker(open_database)
    return Store(worker, await worker.open())


class Store:
    """Policies and verdicts, kept beyond a restart; made by ``open_store``.

    Calls under way together have no order among them. A cancelled write may have happened.
    All may raise ``StoreError``; then what was stored before still is.
    """

    def __init__(self, worker: Worker, database: "Database") -> None:
        self._worker = worker
        self._database = database
        self._changes = PendingChanges()
        self._listener: asyncio.Task[None] | None = None

    @property
    def corrupt_rows(self) -> int:
        """Count the rows passed over since the start because they could not be read."""
        return self._database.statements.corrupt_rows

    @property
    def history(self) -> "History":
        """The watched domains in the same database."""
        # Loads SQLAlchemy, as the thread has done already.
        from mailseal.store.history import History

        return History(self._worker)

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Return what is stored for a domain, expired or not."""
        return await self._worker.read(lambda db, connection: db.load(connection, domain))

    async def load_many(self, domains: Sequence[Domain]) -> Mapping[Domain, CachedPolicy | None]:
        """Return what is stored for each of some domains, None for nothing.

        A domain whose row cannot be read is left out. At most ``MAX_PAGE`` at a time.
        """
        if len(domains) > MAX_PAGE:
            raise ValueError(f"{len(domains)} domains, at most {MAX_PAGE} can be loaded at a time")
        return await self._worker.read(
            lambda db, connection: db.load_many(connection, domains), seconds=LONG_SECONDS
        )

    async def save(self, policy: CachedPolicy, *, now: datetime | None = None) -> bool:
        """Insert or replace a domain's policy and dates, all together; tell whether that was done.

        It is not where one is stored that was fetched later, or was purged of this one since;
        dates beyond ``now`` do not count. Raises ``StoreFullError`` for a new domain when all
        ``max_policies`` are in force.
        """
        return await self._worker.write(lambda db, connection: db.save(connection, policy, now))

    async def remove(self, domain: Domain, *, now: datetime | None = None) -> bool:
        """Forget a domain's policy and verdicts; tell whether there was a policy.

        With ``now`` no node can store again what was fetched before.
        """
        return await self._worker.write(lambda db, connection: db.remove(connection, domain, now))

    async def list(
        self, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[CachedPolicy, ...]:
        """Return stored policies in the order of their names, from behind ``after``.

        At most ``MAX_PAGE`` at a time; fewer than asked for only at the end.
        """
        most = min(limit, MAX_PAGE)
        return await self._worker.read(
            lambda db, connection: db.list_page(connection, after=after, limit=most),
            seconds=LONG_SECONDS,
        )

    async def list_purged(
        self, since: datetime, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[Domain, ...]:
        """Return domains last purged at or after an instant, in the order of their names.

        At most ``MAX_PAGE`` at a time; an empty page is the end.
        """
        most = min(limit, MAX_PAGE)
        return await self._worker.read(
            lambda db, connection: db.list_purged(connection, since, after=after, limit=most),
            seconds=LONG_SECONDS,
        )

    async def claim_due(
        self, now: datetime, *, until: datetime, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Claim policies in force at ``now`` whose ``refetch_at`` has come, longest due first.

        Nobody else is given one until it has been saved, or until ``until``.
        """
        most = min(limit, MAX_PAGE)
        return await self._worker.write(
            lambda db, connection: db.claim_due(connection, now, until, limit=most)
        )

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> bool:
        """Claim one domain's policy likewise; False when it is not due or is claimed already."""
        return await self._worker.write(
            lambda db, connection: db.claim(connection, domain, now, until)
        )

    async def wait_for_changes(self) -> StoreChanges:
        """Wait until something has changed since the last call; with SQLite for ever."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._database.listen(self._changes))
        changes = asyncio.ensure_future(self._changes.wait())
        try:
            await asyncio.wait({changes, self._listener}, return_when=asyncio.FIRST_COMPLETED)
            if not changes.done():
                self._listener.result()  # a fault of ours must not look like silence
            return await changes
        finally:
            changes.cancel()

    async def remove_expired(self, before: datetime) -> int:
        """Forget policies that expired, and verdicts learnt, before an instant."""
        return await self._worker.write(
            lambda db, connection: db.remove_expired(connection, before)
        )

    async def count(self) -> int:
        """Return how many policies are stored."""
        return await self._worker.read(
            lambda db, connection: db.count(connection), seconds=LONG_SECONDS
        )

    async def load_verdict(self, next_hop: str) -> LastVerdict | None:
        """Return the last DANE verdict of a next hop."""
        return await self._worker.read(lambda db, connection: db.load_verdict(connection, next_hop))

    async def save_verdict(self, verdict: LastVerdict) -> None:
        """Insert or replace a next hop's DANE verdict."""
        await self._worker.write(lambda db, connection: db.save_verdict(connection, verdict))

    async def aclose(self) -> None:
        """Write what waits, then let go of the database."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self._worker.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
