"""An MX host for tests that does at each stage what it is told, well or badly."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

EHLO = b"250-mx1.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n"
EHLO_IN_TLS = b"250-mx1.example.com\r\n250-PIPELINING\r\n250 REQUIRETLS\r\n"


@dataclass(frozen=True)
class Close:
    """Hang up, having said this."""

    last: bytes = b""


@dataclass(frozen=True)
class Silent:
    """Say nothing any more, having said this, and keep the connection."""

    last: bytes = b""


@dataclass(frozen=True)
class Endless:
    """Say this over and over, for as long as the other side takes it."""

    piece: bytes


@dataclass(frozen=True)
class Drip:
    """Say this one byte at a time, again and again, each a moment after the last."""

    piece: bytes


Act = bytes | Close | Silent | Endless | Drip


class _Hangup(Exception):  # noqa: N818 -- no error, an end
    """The connection is over."""


@dataclass
class MxHost:
    """Answers as its fields say; ``commands`` is what it was told, ``connections`` how often.

    ``tls`` is a context, or bytes that come in place of a handshake. ``acts`` are answers to
    other commands by their first word. ``runs_injected``: what came in clear behind STARTTLS is
    answered within TLS. ``worse``: what the connections behind the first are greeted with.
    """

    tls: ssl.SSLContext | Act | None = None
    greeting: Act = b"220 mx1.example.com ESMTP\r\n"
    ehlo: Act = EHLO
    starttls: Act = b"220 2.0.0 Ready\r\n"
    ehlo_in_tls: Act = EHLO_IN_TLS
    acts: dict[bytes, Act] = field(default_factory=dict)
    runs_injected: bool = False
    worse: Act | None = None
    commands: list[bytes] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    _open: int = 0

    @property
    def keeps_waiting(self) -> bool:
        """Tell whether an answer never comes, or only in a very long time."""
        stages = (self.tls, self.greeting, self.ehlo, self.starttls, self.ehlo_in_tls, self.worse)
        return any(isinstance(act, Silent | Drip) for act in (*stages, *self.acts.values()))

    async def is_left(self) -> None:
        """Wait until nobody is connected."""
        while self._open:  # noqa: ASYNC110 -- there is no event to wait for
            await asyncio.sleep(0.001)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Listen on loopback for the block, and give the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in [one for one in asyncio.all_tasks() if one.get_name() == "mxhost"]:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("mxhost")
        self.connections += 1
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            await self._talk(reader, writer)
        except (_Hangup, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_worse = self.worse is not None and self.connections > 1
        await self._act(writer, self.worse if is_worse and self.worse else self.greeting)
        is_secure = False
        while line := await reader.readline():
            command = line.strip()
            self.commands.append(command)
            verb = command.split(b" ")[0]
            if verb in self.acts:
                await self._act(writer, self.acts[verb])
            elif verb == b"EHLO":
                await self._act(writer, self.ehlo_in_tls if is_secure else self.ehlo)
            elif verb == b"STARTTLS":
                smuggled = b"NOOP" in bytes(reader._buffer)  # type: ignore[attr-defined]
                await self._act(writer, self.starttls)
                reader._buffer.clear()  # type: ignore[attr-defined]
                if not isinstance(self.tls, ssl.SSLContext):
                    await reader.read(1)  # theirs is the first word in TLS
                    await self._act(writer, self.tls if self.tls is not None else Close())
                    raise _Hangup
                await writer.start_tls(self.tls)
                is_secure = True
                if smuggled and self.runs_injected:
                    await self._act(writer, b"250 2.0.0 Ok\r\n")
            elif verb == b"QUIT":
                await self._act(writer, Close(b"221 2.0.0 Bye\r\n"))
            else:
                await self._act(writer, b"250 2.0.0 Ok\r\n")

    async def _act(self, writer: asyncio.StreamWriter, act: Act) -> None:
        match act:
            case bytes():
                writer.write(act)
                await writer.drain()
            case Close(last=last):
                writer.write(last)
                await writer.drain()
                writer.close()
                raise _Hangup
            case Silent(last=last):
                writer.write(last)
                await asyncio.Event().wait()
            case Endless(piece=piece):
                while True:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            case Drip(piece=piece):
                while True:
                    for byte in piece:
                        writer.write(bytes([byte]))
                        await asyncio.sleep(0.02)
