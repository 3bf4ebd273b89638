"""The tables, as the newest migration leaves them."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

# Every revision in order, the newest last. A database that names another one is not ours to touch.
REVISIONS: Final = ("0001", "0002", "0003", "0004")
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

# Domains that are watched, and what was seen of them. JSON is of types of ours, read strictly.
watched = Table(
    "watched_domains",
    metadata,
    Column("domain", NAME, primary_key=True),
    Column("added_at", BigInteger, nullable=False),
    Column("next_look_at", BigInteger, nullable=False),
    Column("looked_at", BigInteger),
    Column("succeeded_at", BigInteger),
    Column("figures", LargeBinary),  # JSON
    Column("memory", LargeBinary),  # JSON
    Column("claimed_until", BigInteger),  # a node looks at it, and nobody else until then
    Index("watched_domains_next_look_at", "next_look_at"),
)

observations = Table(
    "watch_observations",
    metadata,
    Column("domain", NAME, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("is_change", Boolean, nullable=False),
    Column("evidence", LargeBinary),  # JSON, compressed by zlib; of changes and the last look
    Index("watch_observations_at", "at"),
)

spans = Table(
    "watch_findings",
    metadata,
    Column("domain", NAME, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("first_seen", BigInteger, primary_key=True),
    Column("last_seen", BigInteger, nullable=False),
    Column("times_seen", Integer, nullable=False),
    Column("missed_at", BigInteger),
    Column("resolved_at", BigInteger),
    Column("told", Text),
    Column("finding", LargeBinary, nullable=False),  # JSON
    Index("watch_findings_resolved_at", "resolved_at"),
)

messages = Table(
    "watch_messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("domain", NAME, nullable=False),
    Column("channel", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("notice", LargeBinary, nullable=False),  # JSON
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("claimed_until", BigInteger),
    Column("settled_at", BigInteger),
    Column("failure", Text),
    Index("watch_messages_next_try_at", "next_try_at"),
    Index("watch_messages_settled_at", "settled_at"),
)
