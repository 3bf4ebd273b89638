"""The answerer: listens, answers from memory, and keeps a resolver that knows the rest."""

import asyncio
import gc
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import mailseal
from mailseal.faces.logline import Log
from mailseal.faces.policyd import listeners
from mailseal.faces.policyd.connection import SocketmapConnection
from mailseal.faces.policyd.connections import Connections
from mailseal.faces.policyd.eventloop import new_event_loop
from mailseal.faces.policyd.line_connection import LineConnection
from mailseal.faces.policyd.settings import (
    AnswererConfig,
    Bounds,
    Listener,
    OpenListener,
    TcpListener,
    UnixListener,
    Zone,
)
from mailseal.faces.policyd.supervisor import (
    FIRST_PAUSE_SECONDS,
    Spawn,
    Supervisor,
    command_spawner,
)
from mailseal.faces.policyd.switchboard import Switchboard

__all__ = [
    "Answerer",
    "AnswererConfig",
    "Bounds",
    "OpenListener",
    "TcpListener",
    "UnixListener",
    "Zone",
    "run",
]

TICK_SECONDS = 0.5  # how exactly deadlines are kept
SWEEP_SECONDS = 5.0
OTHER_FILES = 64  # descriptors that are no connections: listeners, the link, standard ones


@dataclass(slots=True)
class _Open:
    listener: Listener
    socket: socket.socket
    server: asyncio.AbstractServer


class Answerer:
    """The service without its process: open it, let it run, stop it."""

    def __init__(
        self,
        config: AnswererConfig,
        *,
        spawn: Spawn,
        hello: bytes,
        clock: Callable[[], float] = time.monotonic,
        log: Log | None = None,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        max_connections: int | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._log = log = log or config.log
        self.board = Switchboard(config, clock=clock, log=log)
        self.connections = Connections(
            self.board, max_connections=max_connections or config.bounds.connections
        )
        self._supervisor = Supervisor(
            self.board, spawn=spawn, hello=hello, log=log, first_pause_seconds=first_pause_seconds
        )
        self._open: list[_Open] = []
        self._resolver: asyncio.Task[None] | None = None
        self._swept_at = clock()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets, in the order of the configuration."""
        return tuple(opened.socket for opened in self._open)

    async def start(self) -> None:
        """Open all listeners and start the resolver; ``ListenError`` leaves nothing open."""
        for listener in self._config.listeners:
            if listener.line_zone is not None and listener.line_zone not in self._config.zones:
                await self._close_listeners()
                raise listeners.ListenError(
                    f'a line listener is for zone "{listener.line_zone}", which does not exist'
                )
            try:
                for opened in listeners.open_listener(listener):
                    server = await _serve(opened, self._factory(listener))
                    self._open.append(_Open(listener, opened, server))
            except listeners.ListenError:
                await self._close_listeners()
                raise
        self._resolver = asyncio.create_task(self._supervisor.run())

    def tick(self) -> None:
        """Do what is due by the clock; call it every ``TICK_SECONDS``."""
        now = self._clock()
        self.board.tick(now)
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            self.connections.sweep(now)

    async def stop(self) -> None:
        """Stop accepting, answer what is pending, end the resolver; bounded in time."""
        await self._close_listeners()
        await asyncio.sleep(0)  # requests that have arrived are read once more
        self.connections.finish()
        try:
            async with asyncio.timeout(self._config.bounds.stop.total_seconds()):
                await self.connections.drained.wait()
        except TimeoutError:
            self._log("connections are dropped at the end", count=self.connections.abort())
        self._supervisor.stop()
        if self._resolver is not None:
            await self._resolver

    def _factory(self, listener: Listener) -> Callable[[], asyncio.Protocol]:
        if listener.line_zone is None:
            return partial(SocketmapConnection, self.board, self.connections)
        return partial(LineConnection, self.board, self.connections, listener.line_zone)

    async def _close_listeners(self) -> None:
        for opened in self._open:
            opened.server.close()
            if isinstance(opened.listener, UnixListener):
                listeners.remove_unix(opened.listener, opened.socket)
        self._open.clear()


async def _serve(
    opened: socket.socket, factory: Callable[[], asyncio.Protocol]
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    if opened.family == socket.AF_UNIX:
        if sys.version_info >= (3, 13) and type(loop).__module__.startswith("asyncio"):
            # It would look for the path that the socket was made under.
            return await loop.create_unix_server(factory, sock=opened, cleanup_socket=False)
        return await loop.create_unix_server(factory, sock=opened, backlog=listeners.BACKLOG)
    return await loop.create_server(factory, sock=opened, backlog=listeners.BACKLOG)


def run(config: AnswererConfig, resolver_command: Sequence[str], hello: bytes) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    ``resolver_command`` is started with one more argument, the number of its end of the link,
    and gets ``hello`` as the first message. SIGHUP is ignored; it is kept for reloading.
    """
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_run(config, resolver_command, hello))
    except mailseal.Error as error:
        config.log("mailseal cannot start", level="error", reason=error)
        return 1


async def _run(config: AnswererConfig, resolver_command: Sequence[str], hello: bytes) -> int:
    answerer = Answerer(
        config,
        spawn=command_spawner(resolver_command),
        hello=hello,
        max_connections=min(config.bounds.connections, _raise_file_limit() - OTHER_FILES),
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    await answerer.start()
    # What is loaded by now stays until the end; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    config.log(
        "mailseal answers",
        level="info",
        listeners=len(answerer.sockets),
        zones=len(config.zones),
    )
    while not stopping.is_set():
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await stopping.wait()
        except TimeoutError:
            answerer.tick()
    await answerer.stop()
    config.log("mailseal has ended", level="info")
    return 0


def _raise_file_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize
