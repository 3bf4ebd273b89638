"""Every statement of the store, synchronous, on a connection that the caller gives."""

import logging
from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Insert,
    Integer,
    Row,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.ports import LastVerdict
from mailseal.store import rows
from mailseal.store.errors import StoreFullError
from mailseal.store.schema import policies, verdicts

T = TypeVar("T")

EVICTED_AT_ONCE = 1000  # ours: of expired rows, so that a full store does not evict row by row

log = logging.getLogger(__name__)

# Built once: SQLAlchemy takes longer to build a statement than the engine to run it.

# The body as the driver gives it: SQLAlchemy's own conversion fails for a whole result when one
# row of a damaged file holds something else.
_POLICIES = select(
    *(
        type_coerce(column, NullType()).label(column.name) if column is policies.c.body else column
        for column in policies.columns
    )
)
_PAGE = {"limit": bindparam("limit", type_=Integer), "offset": bindparam("offset", type_=Integer)}

_LOAD = _POLICIES.where(policies.c.domain == bindparam("domain"))
_LIST = (
    _POLICIES.where(policies.c.domain > bindparam("after"))
    .order_by(policies.c.domain)
    .limit(_PAGE["limit"])
    .offset(_PAGE["offset"])
)
_DUE = (
    _POLICIES.where(policies.c.refetch_at <= bindparam("now"))
    .where(policies.c.expires_at > bindparam("now"))
    .order_by(policies.c.refetch_at, policies.c.domain)
    .limit(_PAGE["limit"])
    .offset(_PAGE["offset"])
)
_LOAD_VERDICT = select(verdicts).where(verdicts.c.next_hop == bindparam("next_hop"))

_COUNTS = {table.name: select(func.count()).select_from(table) for table in (policies, verdicts)}


def _update(table: Table) -> Update:
    (key,) = table.primary_key.columns
    others: dict[str, Any] = {c.name: bindparam(c.name) for c in table.columns if c is not key}
    return update(table).where(key == bindparam(f"known_{key.name}")).values(others)


def _insert(dialect: ModuleType, table: Table) -> Insert:
    (key,) = table.primary_key.columns
    insert = dialect.insert(table)
    others: dict[str, Any] = {
        c.name: insert.excluded[c.name] for c in table.columns if c is not key
    }
    upsert: Insert = insert.on_conflict_do_update(index_elements=[key], set_=others)
    return upsert


_UPDATES = {table.name: _update(table) for table in (policies, verdicts)}
_INSERTS = {
    (name, table.name): _insert(dialect, table)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
    for table in (policies, verdicts)
}


class Statements:
    """The statements, with what they remember from one to the next.

    ``corrupt_rows`` counts the rows passed over since the start.
    """

    def __init__(self, *, max_policies: int) -> None:
        self._max_policies = max_policies
        self._counted: dict[str, int] = {}
        self.corrupt_rows = 0

    def forget_counts(self) -> None:
        """Count anew at the next insertion: what was counted has been rolled back."""
        self._counted.clear()

    # Reading

    def load(self, connection: Connection, domain: Domain) -> CachedPolicy | None:
        """Return a domain's policy."""
        found = self._good(connection, _LOAD, {"domain": str(domain)}, rows.to_policy)
        return found[0] if found else None

    def list_page(
        self, connection: Connection, *, after: Domain | None, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Return a page of policies in the order of their names."""
        return self._page(connection, _LIST, {"after": "" if after is None else str(after)}, limit)

    def due(self, connection: Connection, now: datetime, *, limit: int) -> tuple[CachedPolicy, ...]:
        """Return the policies in force that are to be fetched again, the longest due first."""
        return self._page(connection, _DUE, {"now": rows.from_instant(now)}, limit)

    def count(self, connection: Connection) -> int:
        """Count the policies, corrupt ones too."""
        return connection.execute(_COUNTS[policies.name]).scalar_one()

    def load_verdict(self, connection: Connection, next_hop: str) -> LastVerdict | None:
        """Return a next hop's verdict."""
        found = self._good(connection, _LOAD_VERDICT, {"next_hop": next_hop}, rows.to_verdict)
        return found[0] if found else None

    def _page(
        self, connection: Connection, query: Select[Any], values: dict[str, Any], limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Return up to ``limit`` good rows: corrupt ones in front must not hide the others."""
        page: list[CachedPolicy] = []
        offset = 0
        while len(page) < limit:
            wanted = limit - len(page)
            seen = self.corrupt_rows
            bounds = {"limit": wanted, "offset": offset}
            good = self._good(connection, query, values | bounds, rows.to_policy)
            page += good
            if len(good) + self.corrupt_rows - seen < wanted:
                break
            offset += wanted
        return tuple(page)

    def _good(
        self,
        connection: Connection,
        query: Select[Any],
        values: dict[str, Any],
        read: Callable[[Row[Any]], T],
    ) -> list[T]:
        good: list[T] = []
        for row in connection.execute(query, values):
            try:
                good.append(read(row))
            except rows.CorruptRowError as error:
                self.corrupt_rows += 1
                log.warning(
                    "stored row is corrupt key=%r reason=%r action=ignore", row[0], str(error)
                )
        return good

    # Writing

    def save(self, connection: Connection, cached: CachedPolicy) -> None:
        """Insert or replace a policy; raises ``StoreFullError`` before anything is changed."""
        values = rows.from_policy(cached)
        if self._may_be_full(connection, policies):
            if self._update(connection, policies, values):
                return
            if self._count(connection, policies) >= self._max_policies:
                self._make_room(connection, values["fetched_at"])
        self._insert(connection, policies, values)

    def save_verdict(self, connection: Connection, verdict: LastVerdict) -> None:
        """Insert or replace a verdict; when full, the oldest make room."""
        values = rows.from_verdict(verdict)
        if self._may_be_full(connection, verdicts):
            if self._update(connection, verdicts, values):
                return
            if self._count(connection, verdicts) >= self._max_policies:
                oldest = select(verdicts.c.next_hop).order_by(verdicts.c.learnt_at)
                self._evict(connection, verdicts, oldest.limit(self._chunk))
        self._insert(connection, verdicts, values)

    def remove(self, connection: Connection, domain: Domain) -> bool:
        """Forget a domain's policy and the verdicts of every next hop at it."""
        self._counted.clear()
        connection.execute(delete(verdicts).where(verdicts.c.domain == str(domain)))
        gone = connection.execute(delete(policies).where(policies.c.domain == str(domain)))
        return gone.rowcount > 0

    def remove_expired(self, connection: Connection, before: datetime) -> int:
        """Forget what expired or was learnt before an instant."""
        self._counted.clear()
        limit = rows.from_instant(before)
        old = connection.execute(delete(policies).where(policies.c.expires_at < limit)).rowcount
        old += connection.execute(delete(verdicts).where(verdicts.c.learnt_at < limit)).rowcount
        return old

    def _update(self, connection: Connection, table: Table, values: dict[str, Any]) -> bool:
        """Replace a row that is there; tell whether it was."""
        (key,) = table.primary_key.columns
        known = {f"known_{key.name}": values[key.name]}
        return connection.execute(_UPDATES[table.name], values | known).rowcount > 0

    def _insert(self, connection: Connection, table: Table, values: dict[str, Any]) -> None:
        """Insert or replace a row."""
        connection.execute(_INSERTS[connection.dialect.name, table.name], values)
        self._counted[table.name] += 1

    def _may_be_full(self, connection: Connection, table: Table) -> bool:
        """Tell whether there may be no room for another row, by our own count.

        It takes every row that we wrote for a new one, and knows nothing of other writers; so it
        is a reason to count.
        """
        counted = self._counted.get(table.name)
        if counted is None:
            counted = self._count(connection, table)
        return counted >= self._max_policies

    def _count(self, connection: Connection, table: Table) -> int:
        counted: int = connection.execute(_COUNTS[table.name]).scalar_one()
        self._counted[table.name] = counted
        return counted

    def _make_room(self, connection: Connection, now: int) -> None:
        """Drop expired policies, or the none or testing one that expires first.

        ``now`` is when the policy to be saved was fetched, so that no clock is read here.
        """
        names = select(policies.c.domain).order_by(policies.c.expires_at)
        expired = names.where(policies.c.expires_at <= now).limit(self._chunk)
        harmless = names.where(policies.c.mode.in_(("none", "testing"))).limit(1)
        if not (
            self._evict(connection, policies, expired)
            or self._evict(connection, policies, harmless)
        ):
            raise StoreFullError(
                f"the store holds {self._max_policies} policies, all of them enforced and in "
                "force; raise [store] max_policies"
            )

    def _evict(self, connection: Connection, table: Table, chosen: Select[Any]) -> int:
        (key,) = table.primary_key.columns
        gone = connection.execute(delete(table).where(key.in_(chosen))).rowcount
        self._counted[table.name] -= gone
        if gone:
            log.info("store is full table=%s evicted=%d", table.name, gone)
        return gone

    @property
    def _chunk(self) -> int:
        return max(1, min(EVICTED_AT_ONCE, self._max_policies // 100))
