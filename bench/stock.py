"""A store with many policies in force, as a mailseal that has served for a while leaves it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.questions import domain, policy
from mailseal.mtasts.freshness import Intervals, adopt
from mailseal.mtasts.policy import parse_policy
from mailseal.names import Domain
from mailseal.store.database import Database
from mailseal.store.rows import from_policy
from mailseal.store.schema import policies
from mailseal.store.statements import Statements

BATCH = 10_000


def stock(state_folder: Path, count: int) -> None:
    """Write the policies of the first ``count`` domains into a new store, fetched just now."""
    state_folder.mkdir(mode=0o700)
    url = f"sqlite:///{state_folder.absolute() / 'mailseal.db'}"
    database = Database(url, Statements(max_policies=count))
    database.prepare()
    for first in range(0, count, BATCH):
        with database.writing() as connection:
            connection.execute(policies.insert(), list(_rows(first, min(first + BATCH, count))))
    database.close()


def _rows(first: int, end: int) -> Iterator[dict[str, Any]]:
    for number in range(first, end):
        body = policy(domain(number))
        cached = adopt(
            Domain.parse(domain(number)),
            parse_policy(body),
            body,
            record_id="20261101T000000",
            id_ttl=timedelta(hours=1),
            now=datetime.now(UTC),
            previous=None,
            intervals=Intervals(),
            jitter=0.0,
        )
        yield from_policy(cached)
