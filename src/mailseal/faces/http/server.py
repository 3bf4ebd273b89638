"""HTTP/1.1 for a few routes, by h11: everything bounded, a deadline on every wait."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import h11
import structlog

from mailseal.faces.http.forwarded import TrustedProxies
from mailseal.faces.http.framing import BadRequestError, read_head, render
from mailseal.faces.http.message import Handler, Request, Response, problem
from mailseal.services.meter import Meter

log = structlog.stdlib.get_logger("mailseal.http")

READ_BYTES = 16 * 1024
LINGER_SECONDS = 1.0  # ours: for a refused request to be read, or a reset would eat the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a crowd, a slow client or a hostile one can make it hold.

    connections
        Further ones take the place of the one that has been without a request for longest, or
        are closed at once.
    head_bytes, target_bytes
        Of a request line with its headers, and of the target in it.
    requests_per_connection
        Then it is closed, so that nobody keeps one for ever.
    idle
        From the end of a response, or the connection's beginning, to a whole request.
    answer, send
        For making a response, and for taking it.
    first, finish
        At the end of the server: for the request of a connection that is there already, then
        for the responses under way. Mail servers may be waiting for the next resolver.
    """

    connections: int = 64
    head_bytes: int = 8 * 1024
    target_bytes: int = 4 * 1024
    requests_per_connection: int = 1000
    idle: timedelta = timedelta(seconds=30)
    answer: timedelta = timedelta(seconds=30)
    send: timedelta = timedelta(seconds=10)
    first: timedelta = timedelta(milliseconds=100)
    finish: timedelta = timedelta(seconds=1)


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class HttpServer:
    """Serves one handler on sockets that listen already.

    Over TCP it answers to IP addresses, localhost and ``names`` alone. ``trusted`` web servers
    say who asks them. ``patience`` tells how long an answer may take where that is not what the
    limits say.
    """

    def __init__(
        self,
        handler: Handler,
        meter: Meter,
        limits: Limits | None = None,
        *,
        names: frozenset[str] = frozenset(),
        trusted: TrustedProxies | None = None,
        patience: Callable[[Request], timedelta | None] = lambda _: None,
    ) -> None:
        self._handler = handler
        self._patience = patience
        self._meter = meter
        self._limits = limits or Limits()
        self._names = names
        self._trusted = trusted or TrustedProxies()
        self._is_ending = False
        self._open: set[asyncio.Task[None]] = set()
        # Those without a request, the one that waits longest first; true once one was answered.
        self._idle: dict[asyncio.StreamWriter, bool] = {}

    @contextlib.asynccontextmanager
    async def serving(self, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Accept connections while the block runs; then answer what was asked, and end.

        The sockets stay open: they belong to whoever opened them, and whoever connects from now
        on waits there for the next to serve them.
        """
        servers = []
        for listening in sockets:
            own = listening.dup()
            servers.append(await _start(own, self._connected))
        try:
            yield
        finally:
            self._is_ending = True
            for server in servers:
                server.close()
            await self._finish()

    async def _finish(self) -> None:
        """Answer what was asked, and end all connections."""
        for _ in range(2):  # what was accepted a moment ago is a task by then
            await asyncio.sleep(0)
        # Whoever keeps a connection for later finds it closed, and makes another one.
        self._abort(writer for writer, was_answered in self._idle.items() if was_answered)
        await self._wait_for_open(self._limits.first)
        self._abort(self._idle)
        await self._wait_for_open(self._limits.finish)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _abort(self, writers: Iterable[asyncio.StreamWriter]) -> None:
        for writer in list(writers):
            writer.transport.abort()

    async def _wait_for_open(self, longest: timedelta) -> None:
        if self._open:
            await asyncio.wait(self._open, timeout=longest.total_seconds())

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= self._limits.connections:
            self._meter.http_refused += 1
            if not self._idle:
                writer.transport.abort()
                return
            victim = next(iter(self._idle))
            del self._idle[victim]  # or the next one would choose it again
            victim.transport.abort()
        self._open.add(task)
        writer.transport.set_write_buffer_limits(high=0)  # so that drain() waits for all of it
        try:
            await self._converse(reader, writer)
        except OSError:  # TimeoutError is one
            writer.transport.abort()  # gone, or too slow: nothing more is owed
        except asyncio.CancelledError:
            pass  # the service ends; a stream's task has nobody to tell
        except Exception:
            # A fault of ours: this connection ends, no other.
            log.exception("HTTP connection failed")
        finally:
            self._open.discard(task)
            self._idle.pop(writer, None)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limits = self._limits
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        own = writer.get_extra_info("socket")
        names = None if own.family == socket.AF_UNIX else self._names  # no page gets to a path
        peer = "" if names is None else str(writer.get_extra_info("peername")[0])
        for number in range(1, limits.requests_per_connection + 1):
            is_last = number == limits.requests_per_connection
            is_head = False
            try:
                self._idle[writer] = number > 1
                async with asyncio.timeout(limits.idle.total_seconds()):
                    head = await _next_request(connection, reader)
                self._idle.pop(writer, None)
                if head is None:
                    return
                is_head = head.method == b"HEAD"
                request = read_head(
                    head,
                    names,
                    peer=peer,
                    trusted=self._trusted,
                    target_bytes=limits.target_bytes,
                )
                response = await self._respond(request)
                is_last |= self._is_ending
            except BadRequestError as error:
                response, is_last = error.response, True
            except h11.RemoteProtocolError as error:
                status = HTTPStatus(error.error_status_hint)
                response, is_last = problem(status, "malformed", "this is no HTTP request"), True
            self._meter.http.add(response.route, str(response.status.value))
            try:
                data = render(connection, response, is_head=is_head, is_last=is_last)
                if response.stream is not None and not is_head:
                    await self._send(writer, data)
                    data = b""
                    async for part in response.stream:
                        await self._send(writer, connection.send(h11.Data(data=part)) or b"")
                # With a length the end has no bytes of its own, and all goes in one write.
                await self._send(writer, data + (connection.send(h11.EndOfMessage()) or b""))
            finally:
                if response.on_end is not None:
                    response.on_end()
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                await _linger(reader, writer)
                return
            connection.start_next_cycle()

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        async with asyncio.timeout(self._limits.send.total_seconds()):
            writer.write(data)
            await writer.drain()

    async def _respond(self, request: Request) -> Response:
        patience = self._patience(request) or self._limits.answer
        try:
            async with asyncio.timeout(patience.total_seconds()):
                return await self._handler(request)
        except TimeoutError:
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "too-slow", "no answer was found in time; try again"
            )
        except Exception:
            # A fault of ours: the client gets an answer all the same.
            log.exception("HTTP request failed")
            return problem(
                HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault in mailseal, see its log"
            )


async def _next_request(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> h11.Request | None:
    """Return the head of the next request, its empty body passed; None at the end."""
    head: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            raise BadRequestError(
                problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body", "a request has no body here")
            )
        elif isinstance(event, h11.EndOfMessage):
            return head
        else:
            return None


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that nothing more comes, and read for a moment what was still being sent."""
    writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(READ_BYTES):
                pass


async def _start(own: socket.socket, connected: Connected) -> asyncio.Server:
    if own.family != socket.AF_UNIX:
        return await asyncio.start_server(connected, sock=own)
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 13) and type(loop).__module__.startswith("asyncio"):
        # It would take the socket's file away, which belongs to whoever opened it.
        return await asyncio.start_unix_server(connected, sock=own, cleanup_socket=False)
    return await asyncio.start_unix_server(connected, sock=own)
