"""Caches of postfix-mta-sts-resolver in real servers, taken over by ``mailseal cache import``."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.daemon import MAILSEAL, Daemon
from lab.internet import Lab
from lab.postgres import throwaway_postgres
from lab.redis import throwaway_redis
from lab.service import wait_until
from lab.unavailable import Unavailable
from tests.moving.caches import POLICY, POSTGRES_TABLE, redis_member, write_sqlite
from tests.realservers import give_up_on_lab, require_psycopg

from .conftest import QUICK_TABLES, MakeDaemon

pytestmark = pytest.mark.lab

PASSWORD = "ge heim"
WEEK_POLICY = {"mx": ["mx.good.test"], "version": "STSv1", "mode": "enforce", "max_age": 604_800}


def import_into(folder: Path, source: str | Path) -> dict[str, object]:
    """Run the command on a state folder of its own; return what it reports."""
    done = subprocess.run(
        [MAILSEAL, "cache", "import", source, "--state-dir", folder, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


def stored(folder: Path) -> dict[str, dict[str, object]]:
    """Return what the state folder's store holds."""
    done = subprocess.run(
        [MAILSEAL, "cache", "list", "--state-dir", folder, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {one["domain"]: one for one in map(json.loads, done.stdout.splitlines())}


@pytest.fixture
def redis() -> Iterator[Path]:
    """Run a Redis, or skip with the reason."""
    try:
        with throwaway_redis(PASSWORD) as path:
            yield path
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)


def send(connection: socket.socket, *words: bytes) -> None:
    """Send a command to Redis, whose reply must be no error."""
    command = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    connection.sendall(b"*%d\r\n%s" % (len(words), command))
    assert not connection.recv(4096).startswith(b"-")


def test_a_real_redis_is_read_whole(redis: Path, tmp_path: Path) -> None:
    """Two thousand domains, a password with a blank, a database by its number, strange keys."""
    at = str(int(time.time()) - 3600).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(redis))
        send(connection, b"AUTH", PASSWORD.encode())
        send(connection, b"SELECT", b"2")
        for number in range(2000):
            send(connection, b"ZADD", b"d%d.test" % number, at, redis_member("1", POLICY))
        send(connection, b"HSET", b"_metadata", b"proactive_fetch_ts", at)
        send(connection, b"SET", b"else.test", b"a string")

    url = f"unix://:{PASSWORD.replace(' ', '%20')}@{redis}?db=2"
    report = import_into(tmp_path / "state", url)

    assert (report["taken"], report["refused"]) == (2000, 0)
    assert len(stored(tmp_path / "state")) == 2000


def test_a_real_postgresql_is_read_whole(tmp_path: Path) -> None:
    """Its jsonb has lost the order of the fields; more than one page of rows."""
    require_psycopg()
    import psycopg

    try:
        with throwaway_postgres() as url:
            with psycopg.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(POSTGRES_TABLE)
                cursor.executemany(
                    "INSERT INTO sts_policy_cache (domain, ts, pol_id, pol_body)"
                    " VALUES (%s, %s, %s, %s)",
                    [(f"d{n}.test", int(time.time()), "1", json.dumps(POLICY))
                     for n in range(1500)],
                )  # fmt: skip
            report = import_into(tmp_path / "state", url)
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)
    assert (report["taken"], report["refused"]) == (1500, 0)
    assert len(stored(tmp_path / "state")) == 1500


def test_what_was_imported_rules_at_once_and_is_fetched_anew(
    lab: Lab, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """Without its record the imported policy still protects; with it our own fetch replaces it."""
    cache = tmp_path / "cache.db"
    write_sqlite(cache, [("good.test", int(time.time()) - 86_400, "old1", WEEK_POLICY)])
    daemon: Daemon = make_daemon({**QUICK_TABLES, "dane": {"enabled": "false"}})
    assert daemon.command("cache", "import", cache).returncode == 0
    lab.dns.remove("_mta-sts.good.test")
    daemon.start()
    assert daemon.ask("good.test") == "OK secure match=mx.good.test servername=hostname"
    lab.dns.restore()

    daemon.restart()
    daemon.await_answer("good.test", "OK secure ")
    assert daemon.command("cache", "refresh", "good.test").returncode == 0
    assert id_of(daemon) == "1"


def test_what_was_imported_is_fetched_anew_though_nobody_asks(
    lab: Lab, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """As soon as the service runs, by itself, although the policy would be good for a week."""
    cache = tmp_path / "cache.db"
    write_sqlite(cache, [("good.test", int(time.time()) - 60, "old1", WEEK_POLICY)])
    daemon = make_daemon(QUICK_TABLES)
    assert daemon.command("cache", "import", cache).returncode == 0

    daemon.start()

    assert wait_until(lambda: id_of(daemon) == "1")


def id_of(daemon: Daemon) -> object:
    """Return the id of the policy that is stored for good.test."""
    policy = daemon.policy("good.test")
    return policy["id"] if policy else None
