"""A policy host for tests that says exactly the bytes it was given, over TLS on loopback."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.net.conversations import serving

BODY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

Handler = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One connection to the host, with the request already read."""

    def __init__(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    def cut(self) -> None:
        """End the TCP connection without a word of TLS, as anybody on the way can."""
        connection = self.writer.get_extra_info("socket")
        connection.shutdown(socket.SHUT_WR)


class PolicyHost:
    """What the server saw."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[bytes] = []
        self.server_names: list[str] = []
        self.connections = 0


@asynccontextmanager
async def policy_host(
    context: ssl.SSLContext | None,
    answer: bytes | Handler,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[PolicyHost]:
    """Serve: bytes are said once after the request, then TLS and the connection are closed."""
    host = PolicyHost()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.connections += 1
        request = await reader.readuntil(b"\r\n\r\n")
        host.requests.append(request)
        visit = Visit(request, reader, writer)
        if isinstance(answer, bytes):
            await visit.say(answer)
        else:
            await answer(visit)
        writer.close()
        await writer.wait_closed()

    def note_name(_: object, name: str | None, __: object) -> None:
        host.server_names.append(name or "")

    if context is not None:
        context.sni_callback = note_name
    async with serving(converse, address=address, port=port, context=context) as host.port:
        yield host


def response(body: bytes = BODY, *, head: bytes = HEAD) -> bytes:
    """Render a response with a Content-Length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
