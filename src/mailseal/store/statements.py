"""Every statement of the store, synchronous, on a connection that the caller gives."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, delete, select

from mailseal.mtasts.freshness import CLOCK_SKEW, CachedPolicy
from mailseal.mtasts.policy import MAX_MAX_AGE
from mailseal.names import Domain
from mailseal.ports.policystore import LastVerdict
from mailseal.store import queries, rows
from mailseal.store.errors import StoreFullError
from mailseal.store.schema import policies, purges, verdicts

T = TypeVar("T")

EVICTED_AT_ONCE = 1000  # ours: of expired rows, so that a full store does not evict row by row
CHANNEL = "mailseal_policies"  # of PostgreSQL's NOTIFY; the payload is a domain's name
PURGED = "purged"  # stands before the name, and a blank, where that is what happened
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)  # only what is no date at all lies beyond

log = logging.getLogger(__name__)


class Statements:
    """The statements, with what they remember from one to the next.

    ``corrupt_rows`` counts the rows passed over since the start.
    """

    def __init__(self, *, max_policies: int) -> None:
        self._max_policies = max_policies
        self._counted: dict[str, int] = {}
        self._changed: set[str] = set()
        self.corrupt_rows = 0

    def forget_transaction(self) -> None:
        """Count anew at the next insertion, tell nobody: what was done has been rolled back."""
        self._counted.clear()
        self._changed.clear()

    def announce(self, connection: Connection) -> None:
        """Let other nodes know at the commit which domains were changed; SQLite has none."""
        if self._changed and connection.dialect.name == "postgresql":
            connection.execute(queries.NOTIFY, {"channel": CHANNEL, "names": sorted(self._changed)})
        self._changed.clear()

    # Reading

    def load(self, connection: Connection, domain: Domain) -> CachedPolicy | None:
        """Return a domain's policy."""
        found = self._good(connection, queries.LOAD, {"domain": str(domain)}, rows.to_policy)
        return found[0] if found else None

    def load_many(
        self, connection: Connection, domains: Sequence[Domain]
    ) -> Mapping[Domain, CachedPolicy | None]:
        """Return the policy of each domain, None without one; unreadable ones are left out."""
        found: dict[Domain, CachedPolicy | None] = dict.fromkeys(domains)
        for row in connection.execute(
            queries.LOAD_MANY, {"domains": [str(one) for one in domains]}
        ):
            good = self._read([row], rows.to_policy)
            if good:
                found[good[0].domain] = good[0]
            else:
                found.pop(row.domain, None)
        return found

    def list_page(
        self, connection: Connection, *, after: Domain | None, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Return a page of policies in the order of their names."""
        return self._page(
            connection, queries.LIST, {"after": "" if after is None else str(after)}, limit
        )

    def list_purged(
        self, connection: Connection, since: datetime, *, after: Domain | None, limit: int
    ) -> tuple[Domain, ...]:
        """Return a page of purged domains in the order of their names."""
        values = {
            "since": rows.from_instant(since),
            "after": "" if after is None else str(after),
            "limit": limit,
        }
        return tuple(self._good(connection, queries.LIST_PURGED, values, rows.to_domain))

    def count(self, connection: Connection) -> int:
        """Count the policies, corrupt ones too."""
        return connection.execute(queries.COUNTS[policies.name]).scalar_one()

    def load_verdict(self, connection: Connection, next_hop: str) -> LastVerdict | None:
        """Return a next hop's verdict."""
        found = self._good(
            connection, queries.LOAD_VERDICT, {"next_hop": next_hop}, rows.to_verdict
        )
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
        return self._read(connection.execute(query, values), read)

    def _read(self, found: Iterable[Row[Any]], read: Callable[[Row[Any]], T]) -> list[T]:
        good: list[T] = []
        for row in found:
            try:
                good.append(read(row))
            except rows.CorruptRowError as error:
                self.corrupt_rows += 1
                log.warning(
                    "stored row is corrupt key=%r reason=%r action=ignore", row[0], str(error)
                )
        return good

    # Writing

    def save(self, connection: Connection, cached: CachedPolicy, now: datetime | None) -> bool:
        """Insert or replace a policy, unless the store knows better; tell whether that was done.

        Raises ``StoreFullError`` before anything is changed.
        """
        values = rows.from_policy(cached)
        fetched_at = values["fetched_at"]
        believed = rows.from_instant(_END_OF_TIME if now is None else now + CLOCK_SKEW)
        name = {"domain": values["domain"]}
        dates = {"fetched_at": fetched_at, "believed": believed}
        if connection.execute(queries.PURGED, name | dates).first() is not None:
            return False
        values |= {"claimed_until": None, "believed": believed}
        is_kept = False
        if self._may_be_full(connection, policies):
            is_kept = self._update(connection, policies, values | {"known_fetched_at": fetched_at})
            if not is_kept and connection.execute(queries.LOAD, name).first() is not None:
                return False
            if not is_kept and self._count(connection, policies) >= self._max_policies:
                self._make_room(connection, fetched_at)
        if is_kept or self._insert(connection, policies, values):
            self._changed.add(values["domain"])
            return True
        return False

    def claim_due(
        self, connection: Connection, now: datetime, until: datetime, *, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Claim policies that are to be fetched again and that nobody else is at."""
        claimed: list[CachedPolicy] = []
        while (wanted := limit - len(claimed)) > 0:
            values = _claim(now, until) | {"limit": wanted}
            found = connection.execute(queries.CLAIM_DUE, values).all()
            claimed += self._read(found, rows.to_policy)
            if len(found) < wanted:
                break
        return tuple(sorted(claimed, key=lambda policy: (policy.refetch_at, policy.domain)))

    def claim(self, connection: Connection, domain: Domain, now: datetime, until: datetime) -> bool:
        """Claim one policy likewise; tell whether it was due and free."""
        values = _claim(now, until) | {"claimed_domain": str(domain)}
        return connection.execute(queries.CLAIM, values).rowcount > 0

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

    def remove(self, connection: Connection, domain: Domain, now: datetime | None) -> bool:
        """Forget a domain's policy and the verdicts of every next hop at it.

        With ``now`` it is remembered that nothing fetched before is wanted back.
        """
        self._counted.clear()
        self._changed.add(f"{PURGED} {domain}")
        if now is not None:
            self._remember_purge(connection, domain, now)
        connection.execute(delete(verdicts).where(verdicts.c.domain == str(domain)))
        gone = connection.execute(delete(policies).where(policies.c.domain == str(domain)))
        return gone.rowcount > 0

    def remove_expired(self, connection: Connection, before: datetime) -> int:
        """Forget what expired or was learnt before an instant."""
        self._counted.clear()
        limit = rows.from_instant(before)
        old = connection.execute(delete(policies).where(policies.c.expires_at < limit)).rowcount
        old += connection.execute(delete(verdicts).where(verdicts.c.learnt_at < limit)).rowcount
        # A policy fetched before a purge cannot be in force any more when this long has passed.
        forgotten = rows.from_instant(before - MAX_MAX_AGE)
        connection.execute(delete(purges).where(purges.c.purged_at < forgotten))
        return old

    def _remember_purge(self, connection: Connection, domain: Domain, now: datetime) -> None:
        if connection.dialect.name == "postgresql":
            # A save that has looked for purges ends before this, any other looks after it.
            connection.execute(queries.LOCK_PURGES)
        if self._count(connection, purges) >= self._max_policies:
            oldest = select(purges.c.domain).order_by(purges.c.purged_at)
            self._evict(connection, purges, oldest.limit(self._chunk))
        values = {"domain": str(domain), "purged_at": rows.from_instant(now)}
        self._insert(connection, purges, values)

    def _update(self, connection: Connection, table: Table, values: dict[str, Any]) -> bool:
        """Replace a row that is there; tell whether it was."""
        (key,) = table.primary_key.columns
        known = {f"known_{key.name}": values[key.name]}
        return connection.execute(queries.UPDATES[table.name], values | known).rowcount > 0

    def _insert(self, connection: Connection, table: Table, values: dict[str, Any]) -> bool:
        """Insert or replace a row; tell whether it was let."""
        done = connection.execute(queries.INSERTS[connection.dialect.name, table.name], values)
        self._counted[table.name] += 1
        return done.rowcount > 0

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
        counted: int = connection.execute(queries.COUNTS[table.name]).scalar_one()
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


def _claim(now: datetime, until: datetime) -> dict[str, Any]:
    """Return a claim's dates; one that ends later than any node would ask for is void."""
    return {
        "now": rows.from_instant(now),
        "until": rows.from_instant(until),
        "longest": rows.from_instant(until + CLOCK_SKEW),
    }
