"""An answerer in the test's own process, its resolver played by the test, its clock too."""

import asyncio
import socket
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from mailseal.faces.policyd.answerer import Answerer, AnswererConfig, Bounds, TcpListener, Zone
from mailseal.faces.policyd.settings import Listener
from mailseal.wire import link, netstring

GUARD_SECONDS = 10.0  # only reached by a test that would hang otherwise
EXAMPLE = b"19:postfix example.com,"
EXAMPLE_REPLY = b"OK secure match=mx.example.com servername=hostname"


class HandClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Resolver(asyncio.Protocol):
    """One life of the resolver: keeps what it is told, says what the test wants."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[link.Message] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.pid = 4711
        self.is_mute = False  # says nothing about itself
        self._reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (payload := self._reader.next_payload()) is not None:
            message = link.decode(payload)
            if isinstance(message, link.StatsRequest) and not self.is_mute:
                self.say(link.Stats(counters=b"{}"))
            elif not isinstance(message, link.StatsRequest):
                self.messages.put_nowait(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()

    def poll(self) -> int | None:
        """Be a child: ended when the link is."""
        return 0 if self.ended.is_set() else None

    def terminate(self) -> None:
        self.die()

    def kill(self) -> None:
        self.die()

    def die(self) -> None:
        """End as a crash would, without a word."""
        self._transport.abort()

    def say_raw(self, data: bytes) -> None:
        self._transport.write(data)

    def say(self, *messages: link.Message) -> None:
        self.say_raw(b"".join(netstring.encode(link.encode(message)) for message in messages))

    def put(
        self,
        next_hop: str = "example.com",
        reply: bytes = EXAMPLE_REPLY,
        *,
        zone: str = "postfix",
        fresh: float = 60.0,
        usable: float = 3600.0,
    ) -> None:
        self.say(
            link.Put(
                zone=zone,
                next_hop=next_hop,
                fresh_for_ms=int(fresh * 1000),
                usable_for_ms=int(usable * 1000),
                reply=reply,
            )
        )

    async def hear(self) -> link.Message:
        """Return the next message."""
        async with asyncio.timeout(GUARD_SECONDS):
            return await self.messages.get()


class Client:
    """A mail server's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def pause(self) -> None:
        """Read nothing more, so that what is sent to us piles up."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    def resume(self) -> None:
        cast("asyncio.Transport", self.writer.transport).resume_reading()

    async def receive(self) -> bytes:
        """Return the payload of the next reply."""
        async with asyncio.timeout(GUARD_SECONDS):
            length = await self.reader.readuntil(b":")
            framed = await self.reader.readexactly(int(length[:-1]) + 1)
        assert framed.endswith(b",")
        return framed[:-1]

    async def ask(self, data: bytes) -> bytes:
        self.send(data)
        return await self.receive()

    async def rest(self) -> bytes:
        """Return everything until the other side ends; a reset is an end too."""
        async with asyncio.timeout(GUARD_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    def reset(self) -> None:
        """End as a crashed machine's kernel would: nothing is sent or read any more."""
        if self.writer.transport.is_closing():
            return
        own = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


class Running:
    """An answerer that listens on a loopback port, and everything a test plays with."""

    def __init__(
        self,
        *,
        zones: tuple[str, ...] = ("postfix", "sendmail"),
        default_zone: str | None = None,
        listeners: tuple[Listener, ...] = (TcpListener(host="127.0.0.1", port=0),),
        bounds: Bounds | None = None,
        max_connections: int | None = None,
        sample_hits: int = 0,
    ) -> None:
        self.clock = HandClock()
        self.events: list[tuple[str, dict[str, object]]] = []
        self.resolvers: asyncio.Queue[Resolver] = asyncio.Queue()
        self.answerer = Answerer(
            AnswererConfig(
                listeners=listeners,
                zones={name: Zone(profile=name, deadline=timedelta(seconds=11)) for name in zones},
                default_zone=default_zone,
                bounds=bounds or Bounds(),
                sample_hits=sample_hits,
            ),
            spawn=self._spawn,
            hello=b'{"state": "./var"}',
            clock=self.clock,
            log=self._log,
            first_pause_seconds=0.001,
            max_connections=max_connections,
            on_reload_wanted=self._count_reload,
        )
        self.resolver: Resolver
        self.failing_starts = 0
        self.is_next_mute = False
        self.reloads_wanted = 0
        self._clients: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopped = False

    async def start(self) -> None:
        await self.answerer.start()
        self.resolver = await self.next_resolver()

    async def stop(self) -> None:
        if not self._is_stopped:
            self._is_stopped = True
            for client in self._clients:
                client.reset()
            await self.answerer.stop()

    async def next_resolver(self) -> Resolver:
        """Return the resolver started next, after its Hello."""
        async with asyncio.timeout(GUARD_SECONDS):
            resolver = await self.resolvers.get()
        assert await resolver.hear() == link.Hello(config=b'{"state": "./var"}')
        return resolver

    async def connect(self, listener: int = 0) -> Client:
        """Connect to a listener by its place."""
        address = self.answerer.sockets[listener].getsockname()
        client = Client(*await asyncio.open_connection(address[0], address[1]))
        self._clients.append(client)
        return client

    async def connect_unix(self, path: str) -> Client:
        client = Client(*await asyncio.open_unix_connection(path))
        self._clients.append(client)
        return client

    async def know(self, client: Client, *, fresh: float = 60.0, usable: float = 3600.0) -> None:
        """Bring example.com into the table."""
        client.send(EXAMPLE)
        assert isinstance(await self.resolver.hear(), link.Ask)
        self.resolver.put(fresh=fresh, usable=usable)
        assert await client.receive() == EXAMPLE_REPLY

    async def settled(self, client: Client) -> None:
        """Return when the answerer has done all that was sent before on both ways."""
        self.resolver.say(link.StatsRequest())
        assert isinstance(await self.resolver.hear(), link.Stats)
        assert await client.ask(b"9:postfix ., ".strip()) == b"NOTFOUND "

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when a condition has come true, by no more than the loop going round."""
        async with asyncio.timeout(GUARD_SECONDS):
            while not condition():  # noqa: ASYNC110 -- there is no event to wait for
                await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.answerer.tick()

    @property
    def stats(self) -> dict[str, int]:
        return self.answerer.board.stats()

    def _count_reload(self) -> None:
        self.reloads_wanted += 1

    def _log(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def _spawn(self, theirs: socket.socket) -> Resolver:
        if self.failing_starts:
            self.failing_starts -= 1
            raise FileNotFoundError("no such command")
        own = theirs.dup()
        own.setblocking(False)
        resolver = Resolver()
        resolver.is_mute = self.is_next_mute
        self._tasks.append(asyncio.ensure_future(self._open(resolver, own)))
        return resolver

    async def _open(self, resolver: Resolver, own: socket.socket) -> None:
        await asyncio.get_running_loop().create_unix_connection(lambda: resolver, sock=own)
        self.resolvers.put_nowait(resolver)
