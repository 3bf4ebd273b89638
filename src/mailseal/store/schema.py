"""The tables, as the newest migration leaves them."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

# Every revision in order, the newest last. A database that names another one is not ours to touch.
REVISIONS: Final = ("0001", "0002", "0003")
VERSION_TABLE: Final = "mailseal_schema"  # Alembic's, under a name that says whose it is

# PostgreSQL sorts by the language of the machine otherwise; paging needs one order everywhere.
NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

# Instants are microseconds since 1970 in UTC, durations microseconds: exact in both engines.
policies = Table(
    "sts_policies",
    metadata,
    Column("domain", NAME, primary_key=True),
    Column("record_id", Text, nullable=False),
    Column("mode", Text, nullable=False),  # also in the body; here for the choice of what to evict
    Column("body", LargeBinary, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("id_checked_at", BigInteger, nullable=False),
    Column("id_ttl", BigInteger, nullable=False),
    Column("refetch_at", BigInteger, nullable=False),
    Column("failure_id", Text),
    Column("failure_at", BigInteger),
    Column("failure_count", Integer),
    Column("failure_result", Text),
    Column("failure_reason", Text),
    Column("claimed_until", BigInteger),  # a node fetches it anew, and nobody else until then
    Index("sts_policies_refetch_at", "refetch_at"),
    Index("sts_policies_mode_expires_at", "mode", "expires_at"),
    Index("sts_policies_expires_at", "expires_at"),
)

verdicts = Table(
    "dane_verdicts",
    metadata,
    Column("next_hop", NAME, primary_key=True),
    Column("domain", NAME, nullable=False),
    Column("state", Text, nullable=False),
    Column("learnt_at", BigInteger, nullable=False),
    Index("dane_verdicts_domain", "domain"),
    Index("dane_verdicts_learnt_at", "learnt_at"),
)

# What a node that was cut off fetched before this must not come back when it returns.
purges = Table(
    "sts_purges",
    metadata,
    Column("domain", NAME, primary_key=True),
    Column("purged_at", BigInteger, nullable=False),
    Index("sts_purges_purged_at", "purged_at"),
)
