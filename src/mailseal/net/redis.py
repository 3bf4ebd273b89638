"""Reads the cache that postfix-mta-sts-resolver keeps in Redis: each domain a sorted set.

The best member of ``DOMAIN`` is 16 random bytes and a JSON list of id and policy; its score is
the time. Four commands of the protocol (RESP2) are all that is needed, so that no library is;
nothing is ever written.
"""

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import mailseal
from mailseal.mtasts.foreign import MAX_FIELDS_BYTES, ForeignPolicy

PORT = 6379  # Redis's own
WAIT_SECONDS = 10.0  # ours: every command here is answered within milliseconds
SCAN_COUNT = 500  # ours: keys that Redis looks at for one answer
MAX_KEY_BYTES = 300  # ours: a domain has at most 253
MAX_BULK_BYTES = MAX_FIELDS_BYTES + 128  # the policy with its seed and id
MAX_LINE_BYTES = 1024  # ours: an error message, or a number
MAX_ITEMS = 1_000_000  # ours: Redis answers SCAN with about as many keys as were asked for
SEED_BYTES = 16
_METADATA = b"_metadata"  # the time of its last round of fetches, not a domain

Reply = bytes | int | list["Reply"] | None


class RedisError(mailseal.Error):
    """The cache cannot be read; the text never holds a password."""


class _RefusedError(RedisError):
    """Redis answered a command with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPlace:
    """Where a Redis is; ``path`` is a UNIX socket's and then counts alone."""

    host: str = "127.0.0.1"
    port: int = PORT
    path: str = ""
    is_tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0

    def __str__(self) -> str:
        return f"redis at {self.path or f'{self.host}:{self.port}'}"


def parse_redis_url(url: str) -> RedisPlace:
    """Read ``redis://``, ``rediss://`` or ``unix://``; raises ``RedisError``."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
        query = parse_qs(parts.query)
        is_unix = parts.scheme == "unix"
        number = "" if is_unix else parts.path.strip("/")
        database = int(query.get("db", [number or "0"])[0])
        if parts.scheme not in {"redis", "rediss", "unix"} or database < 0:
            raise ValueError
    except ValueError:
        raise RedisError(
            'the URL cannot be read, expected "redis://USER:PASSWORD@HOST:PORT/NUMBER", '
            '"rediss://..." or "unix:///PATH?db=NUMBER"'
        ) from None
    return RedisPlace(
        host=parts.hostname or "127.0.0.1",
        port=port,
        path=parts.path if is_unix else "",
        is_tls=parts.scheme == "rediss",
        user=unquote(parts.username or query.get("username", [""])[0]),
        password=unquote(parts.password or query.get("password", [""])[0]),
        database=database,
    )


def read_redis(place: RedisPlace) -> Iterator[list[ForeignPolicy]]:
    """Yield the entries of a cache, some hundred at a time; raises ``RedisError``."""
    try:
        with _connect(place) as connection, connection.makefile("rwb") as stream:
            yield from _pages(_Conversation(stream), place)
    except (OSError, EOFError) as error:
        raise RedisError(f"{place}: {error}") from error


def _connect(place: RedisPlace) -> socket.socket:
    if not place.path:
        connection = socket.create_connection((place.host, place.port), timeout=WAIT_SECONDS)
        if not place.is_tls:
            return connection
        # It closes the plain socket when the handshake fails.
        return ssl.create_default_context().wrap_socket(connection, server_hostname=place.host)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(WAIT_SECONDS)
        connection.connect(place.path)
    except OSError:
        connection.close()
        raise
    return connection


def _pages(redis: "_Conversation", place: RedisPlace) -> Iterator[list[ForeignPolicy]]:
    if place.password:
        redis.call(b"AUTH", *(word.encode() for word in (place.user, place.password) if word))
    if place.database:
        redis.call(b"SELECT", b"%d" % place.database)
    cursor = b"0"
    seen: set[bytes] = set()  # a key may come twice while Redis grows its table
    while True:
        reply = redis.call(b"SCAN", cursor, b"COUNT", b"%d" % SCAN_COUNT)
        if not (isinstance(reply, list) and len(reply) == 2 and isinstance(reply[1], list)):
            raise RedisError(f"{place}: an answer to SCAN that cannot be")
        keys = [key for key in reply[1] if isinstance(key, bytes) and key not in seen]
        seen.update(keys)
        yield [entry for key in keys if (entry := _read_entry(redis, key)) is not None]
        if not isinstance(reply[0], bytes) or (cursor := reply[0]) == b"0":
            return


def _read_entry(redis: "_Conversation", key: bytes) -> ForeignPolicy | None:
    """Return a domain's entry; None for a key of somebody else's in the same database."""
    if key == _METADATA or len(key) > MAX_KEY_BYTES:
        return None
    try:
        reply = redis.call(b"ZREVRANGE", key, b"0", b"0", b"WITHSCORES")
    except _RefusedError:
        return None  # not a sorted set
    if not isinstance(reply, list) or len(reply) != 2:
        return None
    member, score = reply
    if not isinstance(member, bytes) or not isinstance(score, bytes):
        return None
    identifier, fields = _unpack(member[SEED_BYTES:])
    try:
        at = float(score)
    except ValueError:
        at = 0.0
    return ForeignPolicy(domain=key.decode("utf-8", "replace"), id=identifier, fields=fields, at=at)


def _unpack(packed: bytes) -> tuple[str, str]:
    """Return id and fields; what is no such list becomes an entry that is refused by name."""
    try:
        identifier, fields = json.loads(packed)
    except (ValueError, TypeError, RecursionError):
        return "", ""
    return str(identifier), json.dumps(fields)


class _Stream(Protocol):
    def readline(self, size: int, /) -> bytes: ...
    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _Conversation:
    """Commands and replies over one connection, each reply bounded."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def call(self, *words: bytes) -> Reply:
        """Send a command and return its reply; raises ``RedisError``, OSError, EOFError."""
        command = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self._stream.write(b"*%d\r\n%s" % (len(words), command))
        self._stream.flush()
        return self._read(depth=0)

    def _read(self, depth: int) -> Reply:
        line = self._stream.readline(MAX_LINE_BYTES)
        if not line:
            raise EOFError("the connection was closed")
        kind, rest = line[:1], line[1:].strip()
        match kind:
            case b"+":
                return rest
            case b"-":
                raise _RefusedError(f"redis: {rest.decode('ascii', 'replace')[:200]}")
            case b":":
                return self._number(rest, MAX_BULK_BYTES)
            case b"$":
                return self._read_bulk(self._number(rest, MAX_BULK_BYTES))
            case b"*" if depth < 3:
                count = self._number(rest, MAX_ITEMS)
                return [self._read(depth + 1) for _ in range(count)] if count >= 0 else None
            case _:
                raise RedisError("what answers there is no Redis")

    def _read_bulk(self, length: int) -> bytes | None:
        if length < 0:
            return None
        data = self._stream.read(length + 2)
        if len(data) < length + 2:
            raise EOFError("the connection was closed")
        return data[:-2]

    @staticmethod
    def _number(text: bytes, most: int) -> int:
        try:
            number = int(text[:20])
        except ValueError:
            raise RedisError("what answers there is no Redis") from None
        if number > most:
            raise RedisError(f"redis: a reply of {number} parts or bytes, at most {most} are read")
        return number
