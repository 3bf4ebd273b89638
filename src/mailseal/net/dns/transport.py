"""One resolver's sockets: datagrams from ever-changing ports, TCP for what is too long (RFC 5452).

A forger who sees nothing has to guess the query's id, its name and the port it came from. So
ids come from the system's random source, sockets are connected (the kernel drops what comes
from elsewhere), several are open at a time and each is given up after a while.
"""

import asyncio
import secrets
import struct
from collections.abc import Callable
from typing import cast

from mailseal.net.dns.address import ResolverAddress
from mailseal.net.dns.question import Question, is_reply, render_query

MAX_SOCKETS = 4  # ours, per resolver: open at a time and taking queries
MAX_QUERIES_PER_SOCKET = 64  # ours: opening a socket costs as much as a look-up
MAX_SOCKET_AGE_SECONDS = 60.0  # ours: a rarely used port does not stay guessable
MAX_PENDING_PER_SOCKET = 1024  # ours: more would make ids easier to guess (RFC 5452 §5)

Deliver = Callable[[bytes | OSError], None]


class Pending:
    """One query on one socket, until an answer or nobody's interest ends it."""

    __slots__ = ("_socket", "deliver", "query_id", "question", "wire")

    def __init__(
        self, socket: "_Socket", question: Question, query_id: int, wire: bytes, deliver: Deliver
    ) -> None:
        self._socket = socket
        self.question = question
        self.query_id = query_id
        self.wire = wire
        self.deliver = deliver

    def send(self) -> None:
        """Send the query, or send it again: the same bytes from the same port."""
        self._socket.transport.sendto(self.wire)

    def forget(self) -> None:
        """Drop whatever still comes for it."""
        self._socket.pending.pop(self.query_id, None)
        self._socket.close_if_done()


class _Socket(asyncio.DatagramProtocol):
    """A connected datagram socket with the queries that are under way on it."""

    def __init__(self, retired_after: float) -> None:
        self.pending: dict[int, Pending] = {}
        self.retired_after = retired_after
        self.queries_left = MAX_QUERIES_PER_SOCKET
        self.is_retired = False
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        pending = self.pending.get(int.from_bytes(data[:2], "big")) if len(data) >= 2 else None
        # What does not answer the question is a forger's guess: the true answer may yet come.
        if pending is not None and is_reply(data, pending.question, pending.query_id):
            pending.deliver(data)

    def error_received(self, exc: Exception) -> None:
        # ICMP said that nothing listens there: that holds for all queries of this socket.
        error = exc if isinstance(exc, OSError) else OSError(str(exc))
        self._fail_all(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_retired = True
        self._fail_all(exc if isinstance(exc, OSError) else ConnectionAbortedError("closed"))

    def is_used_up(self, now: float) -> bool:
        return self.is_retired or self.queries_left <= 0 or self.retired_after <= now

    def retire(self) -> None:
        self.is_retired = True
        self.close_if_done()

    def close_if_done(self) -> None:
        if self.is_retired and not self.pending:
            self.transport.close()

    def _fail_all(self, error: OSError) -> None:
        for pending in list(self.pending.values()):
            pending.deliver(error)


class DatagramPool:
    """The datagram sockets towards one resolver."""

    def __init__(self, address: ResolverAddress) -> None:
        self._address = address
        self._sockets: list[_Socket] = []
        self._opening = 0

    async def register(
        self,
        question: Question,
        deliver: Deliver,
        *,
        has_edns: bool = True,
        is_checking_disabled: bool = False,
    ) -> Pending:
        """Take a socket and an id for a query, to be sent and at last forgotten by the caller.

        Raises ``OSError`` when the resolver is unreachable from here.
        """
        socket = await self._choose()
        query_id = secrets.randbits(16)
        while query_id in socket.pending:
            query_id = secrets.randbits(16)
        wire = render_query(
            question, query_id, has_edns=has_edns, is_checking_disabled=is_checking_disabled
        )
        pending = Pending(socket, question, query_id, wire, deliver)
        socket.pending[query_id] = pending
        socket.queries_left -= 1
        return pending

    def close(self) -> None:
        """Close every socket at once; queries under way fail."""
        for socket in self._sockets:
            socket.transport.abort()
        self._sockets.clear()

    async def _choose(self) -> _Socket:
        loop = asyncio.get_running_loop()
        now = loop.time()
        # Those being opened count: a crowd that comes at once would open one each.
        while self._sockets and len(self._sockets) + self._opening >= MAX_SOCKETS:
            place = secrets.randbelow(len(self._sockets))
            socket = self._sockets[place]
            if not socket.is_used_up(now):
                if len(socket.pending) < MAX_PENDING_PER_SOCKET:
                    return socket
                break  # a crowd beyond all bounds: one more socket for it
            self._sockets[place] = self._sockets[-1]
            self._sockets.pop()
            socket.retire()
        self._opening += 1
        try:
            _, socket = await loop.create_datagram_endpoint(
                lambda: _Socket(now + MAX_SOCKET_AGE_SECONDS),
                remote_addr=(self._address.host, self._address.port),
            )
        finally:
            self._opening -= 1
        self._sockets.append(socket)
        return socket


async def ask_over_tcp(
    address: ResolverAddress,
    question: Question,
    *,
    has_edns: bool = True,
    is_checking_disabled: bool = False,
) -> bytes:
    """Ask one question on a connection of its own (RFC 7766); the caller sets the deadline.

    Raises ``OSError`` when there is no answer to this question.
    """
    query_id = secrets.randbits(16)
    wire = render_query(
        question, query_id, has_edns=has_edns, is_checking_disabled=is_checking_disabled
    )
    reply = await exchange_over_tcp(address, wire)
    if not is_reply(reply, question, query_id):
        raise ConnectionAbortedError("the answer over TCP is to another question")
    return reply


async def exchange_over_tcp(address: ResolverAddress, wire: bytes) -> bytes:
    """Send one message and read one; raise ``OSError`` where none comes."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(struct.pack("!H", len(wire)) + wire)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the connection ended before the answer did") from error
    finally:
        writer.transport.abort()
