"""Keeps a resolver running: starts it, talks to it, and starts it again when it dies."""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from mailseal.faces.logline import Log
from mailseal.faces.policyd.switchboard import Switchboard
from mailseal.wire import link, netstring

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0  # one that lived that long is started again without delay
EXIT_SECONDS = 3.0  # how long one may take to end after its link was closed
POLL_SECONDS = 0.02


class Child(Protocol):
    """A started resolver, as ``subprocess.Popen`` shows it."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


Spawn = Callable[[socket.socket], Child]


def command_spawner(command: Sequence[str]) -> Spawn:
    """Return what starts ``command`` with the number of its end of the link as last argument.

    It gets a process group of its own, so that a Ctrl-C at a terminal reaches it as the end of
    its link, after ours are served; it makes itself nice, since only it knows what it is.
    """

    def spawn(theirs: socket.socket) -> Child:
        descriptor = theirs.fileno()
        return subprocess.Popen(
            [*command, str(descriptor)],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    return spawn


class LinkConnection(asyncio.Protocol):
    """Our end of the socket pair; ``lost`` is done when the other end is gone."""

    def __init__(self, board: Switchboard, hello: bytes) -> None:
        self._board = board
        self._hello = hello
        self._reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
        self._transport: asyncio.Transport
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves and ask what is still open."""
        self._transport = cast("asyncio.Transport", transport)
        self.send(link.Hello(config=self._hello))
        self._board.connect(self)

    def data_received(self, data: bytes) -> None:
        """Hand on whole messages; at the first broken one the link ends."""
        self._reader.feed(data)
        try:
            while (payload := self._reader.next_payload()) is not None:
                self._board.receive(link.decode(payload))
        except (netstring.NetstringError, link.LinkError) as error:
            self._board.log("the resolver speaks nonsense", reason=error, action="restart-it")
            self._transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell that the resolver is gone."""
        self._board.disconnect()
        if not self.lost.done():
            self.lost.set_result(None)

    def send(self, message: link.Message) -> None:
        """Send a message."""
        self._transport.write(netstring.encode(link.encode(message)))

    def unsent_bytes(self) -> int:
        """How much the resolver has not read yet."""
        return self._transport.get_write_buffer_size()

    def close(self) -> None:
        """End the link, which tells the resolver to end."""
        self._transport.close()


class Supervisor:
    """Owns the resolver: one at a time, for as long as ``run`` runs."""

    def __init__(
        self,
        board: Switchboard,
        *,
        spawn: Spawn,
        hello: bytes,
        log: Log,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._board = board
        self._spawn = spawn
        self._hello = hello
        self._log = log
        self._first_pause_seconds = first_pause_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Keep a resolver running until ``stop``; returns when the last one has ended."""
        pause_seconds = self._first_pause_seconds
        clock = self._board.clock
        while not self._stopping.is_set():
            started = clock()
            await self._run_once()
            if self._stopping.is_set():
                return
            if clock() - started >= STEADY_SECONDS:
                pause_seconds = self._first_pause_seconds
            try:
                async with asyncio.timeout(pause_seconds):
                    await self._stopping.wait()
            except TimeoutError:
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Make ``run`` end its resolver and return."""
        self._stopping.set()

    async def _run_once(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = self._spawn(theirs)
            except OSError as error:
                ours.close()
                self._log("the resolver cannot be started", reason=error, action="try-again")
                return
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        _, way = await loop.create_unix_connection(
            lambda: LinkConnection(self._board, self._hello), sock=ours
        )
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((way.lost, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            way.close()
        status = await self._end(child)
        if not self._stopping.is_set():
            self._log("the resolver has ended", pid=child.pid, status=status, action="restart-it")

    async def _end(self, child: Child) -> int | None:
        status = await _wait_for(child)
        if status is None:
            child.terminate()
            status = await _wait_for(child)
        if status is None:
            child.kill()
            status = await _wait_for(child)
        return status


async def _wait_for(child: Child) -> int | None:
    # Polled, since a child may be started by whatever the loop knows nothing of.
    for _ in range(int(EXIT_SECONDS / POLL_SECONDS)):
        if (status := child.poll()) is not None:
            return status
        await asyncio.sleep(POLL_SECONDS)
    return None
