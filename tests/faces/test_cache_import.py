"""``mailseal cache import``: the caches of postfix-mta-sts-resolver, read and reported."""

import contextlib
import json
import socket
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailseal.mtasts.foreign import ForeignPolicy
from mailseal.names import Domain
from mailseal.net.redis import RedisError, RedisPlace, parse_redis_url, read_redis
from tests.faces.world import World
from tests.moving.caches import POLICY, redis_member, write_sqlite

EXAMPLE = Domain("example.com")


def day_old(world: World) -> int:
    """Return the time of an entry that is a day old."""
    return int((world.clock.now() - timedelta(days=1)).timestamp())


def test_an_sqlite_cache_is_taken_over(world: World, tmp_path: Path) -> None:
    """Good policies are stored; the others are listed with the reason."""
    cache = tmp_path / "cache.db"
    entries = [
        ("example.com", day_old(world), "1", POLICY),
        ("expired.test", 1_000_000, "1", POLICY),
        ("strict.test", day_old(world), "1", {**POLICY, "mx": ["mx.example.com a=b"]}),
        ("odd.test", "yesterday", "1", POLICY),  # SQLite keeps any type
        ("empty.test", day_old(world), "1", None),
        ("\x1b[31m.test", day_old(world), "1", POLICY),  # a terminal must not obey it
    ]
    write_sqlite(cache, entries)

    result = world.run("cache", "import", cache)

    assert result.exit_code == 0, result.output
    assert set(world.store.policies) == {EXAMPLE}
    assert world.store.policies[EXAMPLE].refetch_at == world.clock.now()
    assert result.stdout.splitlines()[-1] == (
        "1 policies taken over, 0 left as a later one is stored, 5 not taken over"
    )
    assert "not taken over: 'expired.test': it expired on " in result.stdout
    assert "\x1b" not in result.stdout


def test_damaged_names_end_the_reading_too(world: World, tmp_path: Path) -> None:
    """Bytes that are no text, at the border of a page: each row is read once."""
    cache = tmp_path / "cache.db"
    write_sqlite(cache, [(f"d{n:04}.test", day_old(world), "1", POLICY) for n in range(999)])
    with contextlib.closing(sqlite3.connect(cache)) as connection:
        connection.execute(
            "insert into sts_policy_cache values (cast(x'ff00ff' as text), 1, '1', '{}')"
        )
        connection.execute("insert into sts_policy_cache values (null, null, null, null)")
        connection.commit()

    told = world.run_json("cache", "import", str(cache))

    assert (told["taken"], told["refused"]) == (999, 2)


def test_a_later_policy_of_ours_stays(world: World, tmp_path: Path) -> None:
    """Importing again, or after the service has run, takes nothing back."""
    cache = tmp_path / "cache.db"
    write_sqlite(cache, [("example.com", day_old(world), "1", POLICY)])
    world.run("cache", "refresh", "example.com")

    told = world.run_json("cache", "import", str(cache))

    assert (told["taken"], told["kept"], told["refused"]) == (0, 1, 0)
    assert world.store.policies[EXAMPLE].id == "20260701"


def test_a_large_cache_is_read_page_by_page(world: World, tmp_path: Path) -> None:
    """No row is left out or read twice at the border of two pages."""
    cache = tmp_path / "cache.db"
    write_sqlite(cache, [(f"d{n:04}.test", day_old(world), "1", POLICY) for n in range(2500)])

    assert world.run_json("cache", "import", str(cache))["taken"] == 2500
    assert len(world.store.policies) == 2500


def test_with_a_running_service_nothing_is_imported(world: World, tmp_path: Path) -> None:
    """It would not see what is written behind its back."""
    with world.running():
        result = world.run("cache", "import", tmp_path / "cache.db")

    assert result.exit_code == 3
    assert "stop it first" in result.output


@pytest.mark.parametrize("content", [None, b"", b"no database" * 100])
def test_a_file_that_is_no_such_cache_is_told(
    world: World, tmp_path: Path, content: bytes | None
) -> None:
    """Missing, empty or something else: one sentence, and nothing is made or changed."""
    cache = tmp_path / "cache.db"
    if content is not None:
        cache.write_bytes(content)

    result = world.run("cache", "import", cache)

    assert result.exception is not None
    assert str(cache) in str(result.exception)
    assert (cache.read_bytes() if cache.exists() else None) == content


# -- Redis ----------------------------------------------------------------------------------


class ScriptedRedis(socketserver.ThreadingUnixStreamServer):
    """Answers commands from a table of raw replies; what is not in it is an error."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.replies: dict[bytes, bytes] = {}
        self.asked: list[bytes] = []
        super().__init__(str(path), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, ScriptedRedis)
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                words.append(self.rfile.read(int(self.rfile.readline()[1:])))
                self.rfile.readline()
            command = b" ".join(words)
            server.asked.append(command)
            reply = server.replies.get(command, b"-WRONGTYPE Operation against a key\r\n")
            self.wfile.write(reply)
            if not reply:
                return


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[ScriptedRedis]:
    """Run a scripted Redis."""
    with ScriptedRedis(tmp_path / "redis.sock") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def bulk(*words: bytes) -> bytes:
    """Render an array of strings."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def scan(cursor: bytes, *keys: bytes) -> bytes:
    """Render an answer to SCAN."""
    return b"*2\r\n$%d\r\n%s\r\n" % (len(cursor), cursor) + bulk(*keys)


def entries(tmp_path: Path) -> list[ForeignPolicy]:
    """Read all of the scripted Redis."""
    pages = read_redis(RedisPlace(path=str(tmp_path / "redis.sock")))
    return [entry for page in pages for entry in page]


def test_a_redis_cache_is_taken_over(world: World, tmp_path: Path, redis: ScriptedRedis) -> None:
    """Both pages of keys; what is not a domain's entry is passed over, what is odd refused."""
    redis.replies = {
        b"AUTH geheim": b"+OK\r\n",
        b"SELECT 3": b"+OK\r\n",
        b"SCAN 0 COUNT 500": scan(b"7", b"example.com", b"_metadata", b"session"),
        b"SCAN 7 COUNT 500": scan(b"0", b"example.com", b"odd.test"),
        b"ZREVRANGE example.com 0 0 WITHSCORES": bulk(
            redis_member("1", POLICY), str(float(day_old(world))).encode()
        ),
        b"ZREVRANGE odd.test 0 0 WITHSCORES": bulk(b"x" * 20, b"1e9"),
    }
    url = f"unix://:geheim@{tmp_path}/redis.sock?db=3"

    told = world.run_json("cache", "import", url)

    assert (told["taken"], told["refused"]) == (1, 1)
    assert told["reasons"][0]["domain"] == "odd.test"
    assert set(world.store.policies) == {EXAMPLE}
    assert sum(command.startswith(b"ZREVRANGE example") for command in redis.asked) == 1


@pytest.mark.parametrize(("reply", "words"), [
    (b"", "closed"),
    (b"HTTP/1.1 400 Bad Request\r\n", "no Redis"),
    (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
    (b"*2000000\r\n", "at most"),
    (b"$99999999\r\n", "at most"),
    (b"*1\r\n" * 9, "no Redis"),
    (b"*x\r\n", "no Redis"),
    (b":1\r\n", "cannot be"),
])  # fmt: skip
def test_a_redis_that_answers_nonsense_is_told(
    tmp_path: Path, redis: ScriptedRedis, reply: bytes, words: str
) -> None:
    """Whatever it sends: our own error, before anything large is read."""
    redis.replies = {b"SCAN 0 COUNT 500": reply}

    with pytest.raises(RedisError, match=words):
        entries(tmp_path)


def test_no_redis_at_all_is_told(tmp_path: Path) -> None:
    """Nothing listens there."""
    with pytest.raises(RedisError, match="redis at "):
        entries(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(RedisError, match="redis at 127"):
        list(read_redis(RedisPlace(port=port)))


@pytest.mark.parametrize(("url", "place"), [
    ("redis://", RedisPlace()),
    ("redis://cache.example.com:6380/2",
     RedisPlace(host="cache.example.com", port=6380, database=2)),
    ("rediss://u:p%40@h", RedisPlace(host="h", is_tls=True, user="u", password="p@")),
    ("redis://h?db=4", RedisPlace(host="h", database=4)),
    ("unix:///run/redis.sock?db=1", RedisPlace(path="/run/redis.sock", database=1)),
])  # fmt: skip
def test_redis_urls_are_read_as_its_own_library_reads_them(url: str, place: RedisPlace) -> None:
    """The URL of the other daemon's file can be used as it stands."""
    assert parse_redis_url(url) == place
    assert "p@" not in repr(place)


@pytest.mark.parametrize("url", ["http://h", "redis://h:x", "redis://h/x", "redis://h/-1"])
def test_other_urls_are_refused(url: str) -> None:
    """In a sentence that shows the forms and not the URL, which may hold a password."""
    with pytest.raises(RedisError, match="expected"):
        parse_redis_url(url)


def test_the_report_is_bounded_json(world: World, tmp_path: Path) -> None:
    """One object, for a script."""
    cache = tmp_path / "cache.db"
    write_sqlite(cache, [])

    result = world.run("cache", "import", cache, "--format", "json")

    assert json.loads(result.stdout) == {"taken": 0, "kept": 0, "refused": 0, "reasons": []}
