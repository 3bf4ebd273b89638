"""All open connections: their number bounded, the idle and the stuck ones closed by a sweep.

No connection has a timer of its own; every few seconds one look at each is enough.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from mailseal.faces.policyd.question import Slot
from mailseal.faces.policyd.switchboard import Switchboard

HARVEST_IDLE_SECONDS = 12.0  # when full; Postfix closes its own connections after 10 s


class Connection(asyncio.Protocol):
    """What the sweep needs to know of a connection, whatever it speaks."""

    __slots__ = (
        "active_at",
        "board",
        "connections",
        "hits",
        "origin",
        "requests",
        "seen",
        "stalled_since",
        "transport",
    )

    def __init__(self, board: Switchboard, connections: "Connections") -> None:
        self.board = board
        self.connections = connections
        self.origin: object = None  # the listener it came by
        self.transport: asyncio.Transport
        self.hits = 0  # answered on the short way
        self.requests = 0  # all others
        self.seen = 0
        self.active_at = 0.0
        self.stalled_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the others, or be turned away."""
        self.transport = cast("asyncio.Transport", transport)
        self.active_at = self.board.clock()
        self.connections.admit(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave the others; nobody waits for an answer here any more."""
        self.release()
        self.connections.dismiss(self)

    def pause_writing(self) -> None:
        """Remember since when the client does not take what it asked for."""
        self.stalled_since = self.board.clock()

    def resume_writing(self) -> None:
        """Forget it: the client reads again."""
        self.stalled_since = None

    def close(self) -> None:
        """End after what was written is sent."""
        if not self.transport.is_closing():
            self.transport.close()

    @property
    @abstractmethod
    def has_pending(self) -> bool:
        """Tell whether the client waits for us, rather than we for it."""

    @abstractmethod
    def take(self, _slot: Slot, reply: bytes) -> None:
        """Take the framed reply for a slot."""

    @abstractmethod
    def finish(self) -> None:
        """End as soon as no answer is owed any more."""

    def refuse(self) -> None:
        """End at once, without having heard anything."""
        self.release()
        self.transport.abort()

    @abstractmethod
    def release(self) -> None:
        """Let go of everything that waits on this connection's behalf."""


class Connections:
    """Admits connections up to a bound, and sweeps out the ones that only cost."""

    def __init__(self, board: Switchboard, *, max_connections: int) -> None:
        self._board = board
        self._max_connections = max_connections
        self._open: set[Connection] = set()
        self._is_stopping = False
        self._harvested_at = float("-inf")
        self.drained = asyncio.Event()  # after ``finish``: the last one has gone
        board.add_stats(self.stats)

    def reconfigure(self, *, max_connections: int) -> None:
        """Admit another number from now on; whoever is there stays."""
        self._max_connections = max_connections

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._open)

    def admit(self, connection: Connection) -> None:
        """Count a connection in; when there are too many, idle ones go or it is refused."""
        now = self._board.clock()
        if len(self._open) >= self._max_connections and now - self._harvested_at >= 1.0:
            self._harvested_at = now
            self.sweep(now, longest=timedelta(seconds=HARVEST_IDLE_SECONDS))
        if len(self._open) >= self._max_connections or self._is_stopping:
            self._board.counters.connections_refused += 1
            connection.refuse()
            if self._board.seldom.allows("refused", now):
                self._board.log(
                    "a connection is refused", open=len(self._open), action="close-at-once"
                )
            return
        self._board.counters.connections_accepted += 1
        self._open.add(connection)

    def dismiss(self, connection: Connection) -> None:
        """Count a connection out, and keep its hits."""
        if connection in self._open:
            self._open.discard(connection)
            self._board.counters.hits_of_closed += connection.hits
            if self._is_stopping and not self._open:
                self.drained.set()

    def sweep(self, now: float, *, longest: timedelta = timedelta.max) -> None:
        """Close those without a request for long, and drop those that do not read."""
        idle_seconds = min(longest, self._board.bounds.idle).total_seconds()
        slow_reader_seconds = self._board.bounds.slow_reader.total_seconds()
        for connection in list(self._open):
            count = connection.hits + connection.requests
            stalled_since = connection.stalled_since
            if stalled_since is not None and now - stalled_since >= slow_reader_seconds:
                self._board.counters.slow_readers_dropped += 1
                connection.transport.abort()
            elif count != connection.seen or connection.has_pending:
                connection.seen = count
                connection.active_at = now
            elif now - connection.active_at >= idle_seconds:
                self._board.counters.idle_closed += 1
                if connection.transport.is_closing():
                    connection.transport.abort()  # it was closed before, but does not read
                else:
                    connection.transport.close()
                    connection.active_at = now

    def finish(self) -> None:
        """Refuse new connections, end the idle ones now and the others with their answers."""
        self._is_stopping = True
        if not self._open:
            self.drained.set()
        for connection in list(self._open):
            connection.finish()

    def finish_from(self, origin: object) -> None:
        """End those that came by one listener: the idle now, the others with their answers."""
        for connection in [one for one in self._open if one.origin is origin]:
            connection.finish()

    def abort(self) -> int:
        """Drop whoever is still there; return how many."""
        remaining = len(self._open)
        for connection in list(self._open):
            connection.transport.abort()
        return remaining

    def stats(self) -> dict[str, int]:
        """Return the number of connections and the hits they all had."""
        hits = self._board.counters.hits_of_closed + sum(c.hits for c in self._open)
        return {"connections_open": len(self._open), "hits": hits}
