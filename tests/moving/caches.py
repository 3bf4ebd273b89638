"""The caches of postfix-mta-sts-resolver 1.5.1, as it lays them out."""

import json
import sqlite3
import uuid
from collections.abc import Iterable
from pathlib import Path

POLICY = {
    "mx": ["mx.example.com", "*.example.net"],
    "version": "STSv1",
    "mode": "enforce",
    "max_age": 604_800,
}
Entry = tuple[str, object, str, object]  # domain, time, id, policy

SQLITE_TABLES = (
    "create table proactive_fetch_ts (id integer primary key, last_fetch_ts integer)",
    "create table sts_policy_cache (domain text, ts integer, pol_id text, pol_body text)",
    "create unique index sts_policy_domain on sts_policy_cache (domain)",
    "create index sts_policy_domain_ts on sts_policy_cache (domain, ts)",
)
POSTGRES_TABLE = """\
CREATE TABLE sts_policy_cache
    (id serial primary key, domain text, ts integer, pol_id text, pol_body jsonb)
"""


def write_sqlite(path: Path, entries: Iterable[Entry]) -> None:
    """Write a cache file; a policy that is text already stands as it is."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    for statement in SQLITE_TABLES:
        connection.execute(statement)
    connection.executemany(
        "insert into sts_policy_cache (domain, ts, pol_id, pol_body) values (?, ?, ?, ?)",
        [
            (domain, at, identifier, body if isinstance(body, str | None) else json.dumps(body))
            for domain, at, identifier, body in entries
        ],
    )
    connection.commit()
    connection.close()


def redis_member(identifier: str, body: object) -> bytes:
    """Pack what a domain's sorted set holds."""
    return uuid.uuid4().bytes + json.dumps([identifier, body]).encode()
