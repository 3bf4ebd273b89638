"""Statements, built once: SQLAlchemy takes longer to build one than the engine to run it."""

from types import ModuleType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Insert,
    Integer,
    Table,
    Update,
    bindparam,
    func,
    or_,
    select,
    text,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from mailseal.store.schema import policies, purges, verdicts

# The body as the driver gives it: SQLAlchemy's own conversion fails for a whole result when one
# row of a damaged file holds something else.
_POLICIES = select(
    *(
        type_coerce(column, NullType()).label(column.name) if column is policies.c.body else column
        for column in policies.columns
    )
)
_PAGE = {"limit": bindparam("limit", type_=Integer), "offset": bindparam("offset", type_=Integer)}

LOAD = _POLICIES.where(policies.c.domain == bindparam("domain"))
LIST = (
    _POLICIES.where(policies.c.domain > bindparam("after"))
    .order_by(policies.c.domain)
    .limit(_PAGE["limit"])
    .offset(_PAGE["offset"])
)
LOAD_MANY = _POLICIES.where(policies.c.domain.in_(bindparam("domains", expanding=True)))
_IS_FREE = or_(
    policies.c.claimed_until.is_(None),
    policies.c.claimed_until <= bindparam("now", type_=BigInteger),
    policies.c.claimed_until > bindparam("longest", type_=BigInteger),  # a wrong clock's
)
# A CTE, since PostgreSQL may run a locking subquery more than once.
_FREE = (
    select(policies.c.domain)
    .where(policies.c.refetch_at <= bindparam("now", type_=BigInteger))
    .where(policies.c.expires_at > bindparam("now", type_=BigInteger))
    .where(_IS_FREE)
    .order_by(policies.c.refetch_at, policies.c.domain)
    .limit(_PAGE["limit"])
    .with_for_update(skip_locked=True)
    .cte("free")
)
CLAIM_DUE = (
    update(policies)
    .where(policies.c.domain.in_(select(_FREE.c.domain)))
    .values(claimed_until=bindparam("until", type_=BigInteger))
    .returning(*_POLICIES.selected_columns)
)
CLAIM = (
    update(policies)
    .where(policies.c.domain == bindparam("claimed_domain"))
    .where(policies.c.refetch_at <= bindparam("now", type_=BigInteger))
    .where(_IS_FREE)
    .values(claimed_until=bindparam("until", type_=BigInteger))
)
LOAD_VERDICT = select(verdicts).where(verdicts.c.next_hop == bindparam("next_hop"))

# Locked against a purge until the transaction ends: FOR SHARE holds the table's ROW SHARE.
PURGED = (
    select(true())
    .where(purges.c.domain == bindparam("domain"))
    .where(purges.c.purged_at > bindparam("fetched_at", type_=BigInteger))
    .where(purges.c.purged_at <= bindparam("believed", type_=BigInteger))
    .with_for_update(read=True)
)
LIST_PURGED = (
    select(purges.c.domain)
    .where(purges.c.purged_at >= bindparam("since", type_=BigInteger))
    .where(purges.c.domain > bindparam("after"))
    .order_by(purges.c.domain)
    .limit(_PAGE["limit"])
)
LOCK_PURGES = text(f"LOCK TABLE {purges.name} IN EXCLUSIVE MODE")
NOTIFY = text("SELECT pg_notify(:channel, name) FROM unnest(CAST(:names AS text[])) AS name")

COUNTS = {
    table.name: select(func.count()).select_from(table) for table in (policies, verdicts, purges)
}


def _update(table: Table) -> Update:
    (key,) = table.primary_key.columns
    others: dict[str, Any] = {c.name: bindparam(c.name) for c in table.columns if c is not key}
    found = update(table).where(key == bindparam(f"known_{key.name}"))
    if table is policies:
        found = found.where(_may_replace(bindparam("known_fetched_at", type_=BigInteger)))
    return found.values(others)


def _may_replace(fetched_at: Any) -> Any:
    """Hold for rows that are no newer than what was fetched then, or dated by a wrong clock."""
    stored = policies.c.fetched_at
    return or_(stored <= fetched_at, stored > bindparam("believed", type_=BigInteger))


def _insert(dialect: ModuleType, table: Table) -> Insert:
    (key,) = table.primary_key.columns
    insert = dialect.insert(table)
    others: dict[str, Any] = {
        c.name: insert.excluded[c.name] for c in table.columns if c is not key
    }
    condition = _may_replace(insert.excluded.fetched_at) if table is policies else None
    upsert: Insert = insert.on_conflict_do_update(
        index_elements=[key], set_=others, where=condition
    )
    # Whether a row was written is asked for, and not kept for INSERT otherwise.
    return upsert.execution_options(preserve_rowcount=True)


UPDATES = {table.name: _update(table) for table in (policies, verdicts)}
INSERTS = {
    (name, table.name): _insert(dialect, table)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
    for table in (policies, verdicts, purges)
}
