"""Keeps a resolver running: starts it, replaces it, and starts it again when it dies or is stuck.

A resolver works when it has answered the ``StatsRequest`` that follows its ``Hello``: it has
opened its store by then. It is asked again now and then, and one that says nothing is killed.
Time is counted in ticks here, since a stop of the whole machine makes nobody stuck.
"""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import mailseal
from mailseal.faces.policyd.switchboard import Switchboard
from mailseal.wire import link, netstring

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0  # one that lived that long is started again without delay
EXIT_SECONDS = 3.0  # how long one may take to end after its link was closed
FIRST_POLL_SECONDS = 0.001  # doubled each time, so that a quick end is noticed quickly
POLL_SECONDS = 0.02

TICK_SECONDS = 0.5  # the answerer's
PING_TICKS = 60  # ours: half a minute; without a ping a stuck one would be found out by misses
STUCK_TICKS = 40  # ours: 20 s; at low priority on a busy machine some seconds mean nothing
START_TICKS = 600  # ours: 5 minutes, in which a migration of a large store has room
SUCCESSOR_SECONDS = 60.0  # ours: a new resolver works within a second, or something is wrong


class ReplacementError(mailseal.Error):
    """A new resolver did not come to work; the old one stays."""


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


def command_spawner(
    command: Sequence[str], inherited: Callable[[], Sequence[socket.socket]] = tuple
) -> Spawn:
    """Return what starts ``command`` with the number of its end of the link as last argument.

    Before it come the numbers of the sockets that it inherits, as they are at that moment.
    It gets a process group of its own, so that a Ctrl-C at a terminal reaches it as the end of
    its link, after ours are served; it makes itself nice, since only it knows what it is.
    """

    def spawn(theirs: socket.socket) -> Child:
        descriptors = [opened.fileno() for opened in (*inherited(), theirs)]
        return subprocess.Popen(
            [*command, *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    return spawn


class LinkConnection(asyncio.Protocol):
    """Our end of the socket pair; ``lost`` is done when the other end is gone.

    Only the link that the board uses brings answers; what another says is dropped.
    ``works`` is done when the resolver has shown that it does.
    """

    def __init__(
        self, board: Switchboard, hello: bytes, on_reload: Callable[["LinkConnection"], None]
    ) -> None:
        self._board = board
        self._hello = hello
        self._on_reload = on_reload
        self._reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
        self._transport: asyncio.Transport
        self._silent_ticks = 0  # since it was asked for a sign of life
        self._is_asked = True
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.works: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves, and ask for a sign of life."""
        self._transport = cast("asyncio.Transport", transport)
        self.send(link.Hello(config=self._hello))
        self.send(link.StatsRequest())

    def data_received(self, data: bytes) -> None:
        """Hand on whole messages; at the first broken one the link ends."""
        self._is_asked = False
        self._silent_ticks = 0
        self._reader.feed(data)
        try:
            while (payload := self._reader.next_payload()) is not None:
                self._receive(link.decode(payload))
        except (netstring.NetstringError, link.LinkError) as error:
            self._board.log("the resolver speaks nonsense", reason=error, action="restart-it")
            self._transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell that the resolver is gone."""
        self._board.disconnect(self)
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

    def abort(self) -> None:
        """End the link though the other end reads nothing."""
        self._transport.abort()

    def tick(self) -> bool:
        """Count the time; tell whether the resolver is stuck."""
        self._silent_ticks += 1
        if self._is_asked:
            return self._silent_ticks >= (STUCK_TICKS if self.works.done() else START_TICKS)
        if self._silent_ticks >= PING_TICKS:
            self.ping()
        return False

    def ping(self) -> None:
        """Ask for a sign of life, unless that is done already."""
        if not self._is_asked:
            self._is_asked = True
            self._silent_ticks = 0
            self.send(link.StatsRequest())

    def _receive(self, message: link.Message) -> None:
        match message:
            case link.Stats():
                if not self.works.done():
                    self.works.set_result(None)
            case link.ReloadRequest():
                self._on_reload(self)
            case _:
                self._board.receive(message, self)


@dataclass(slots=True)
class _Life:
    """One resolver: its process and the way to it."""

    child: Child
    way: LinkConnection


class Supervisor:
    """Owns the resolver: one at a time, for as long as ``run`` runs, two during ``replace``."""

    def __init__(
        self,
        board: Switchboard,
        *,
        spawn: Spawn,
        hello: bytes,
        on_reload: Callable[[LinkConnection], None],
        on_change: Callable[[], None],
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._board = board
        self._spawn = spawn
        self._hello = hello
        self._on_reload = on_reload
        self._on_change = on_change
        self._first_pause_seconds = first_pause_seconds
        self._current: _Life | None = None
        self._successor: _Life | None = None
        self._is_stopping = False
        self._woken = asyncio.Event()  # there is a successor, or an end
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def works(self) -> bool:
        """Tell whether there is a resolver that has shown that it works."""
        return self._current is not None and self._current.way.works.done()

    async def run(self) -> None:
        """Keep a resolver running until ``stop``; returns when the last one has ended."""
        pause_seconds = self._first_pause_seconds
        clock = self._board.clock
        while not self._is_stopping:
            started = clock()
            await self._run_once()
            if self._is_stopping:
                break
            if self._successor is not None:
                continue
            if clock() - started >= STEADY_SECONDS:
                pause_seconds = self._first_pause_seconds
            try:
                async with asyncio.timeout(pause_seconds):
                    await self._woken.wait()
            except TimeoutError:
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        await asyncio.gather(*self._ending)

    def stop(self) -> None:
        """Make ``run`` end its resolver and return."""
        self._is_stopping = True
        self._woken.set()

    def tick(self) -> None:
        """End a resolver that is stuck; ``run`` then starts another."""
        life = self._current
        if life is not None and life.way.tick():
            self._board.log("the resolver is stuck", pid=life.child.pid, action="restart-it")
            life.child.kill()
            life.way.abort()

    def ping(self) -> None:
        """Find out whether the resolver still works, since it owes an answer."""
        if self._current is not None:
            self._current.way.ping()

    async def replace(self, hello: bytes, change: Callable[[], None]) -> None:
        """Start another resolver with a new ``hello``, and use it instead as soon as it works.

        ``change`` is called between the last answer of the old one and the first of the new.
        Raises ``ReplacementError``, and then nothing has changed.
        """
        try:
            life = await self._begin(hello)
        except OSError as error:
            raise ReplacementError(f"a new resolver cannot be started: {error}") from error
        is_usable = False
        try:
            await asyncio.wait(
                (life.way.works, life.way.lost),
                timeout=SUCCESSOR_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            works = life.way.works.done() and not life.way.lost.done()
            is_usable = works and not self._is_stopping
        finally:
            if not is_usable:
                self._end_behind(life)
        if not is_usable:
            raise ReplacementError("a new resolver did not come to work, see the log above")
        self._hello = hello
        change()
        self._board.connect(life.way)
        if self._successor is not None:
            self._end_behind(self._successor)
        self._successor = life
        self._woken.set()

    async def _run_once(self) -> None:
        try:
            life = self._successor or await self._begin(self._hello)
        except OSError as error:
            self._board.log("the resolver cannot be started", reason=error, action="try-again")
            return
        if self._successor is None:
            self._board.connect(life.way)
        elif life is not self._successor:  # which came while this one was started
            self._end_behind(life)
            return
        self._successor = None
        self._current = life
        self._woken.clear()
        life.way.works.add_done_callback(lambda _: self._on_change())
        if not self._is_stopping:
            waking = asyncio.ensure_future(self._woken.wait())
            try:
                await asyncio.wait((life.way.lost, waking), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waking.cancel()
        self._current = None
        if self._successor is not None:
            self._end_behind(life)
            return
        if not self._is_stopping:
            self._on_change()
        life.way.close()
        status = await _end(life.child)
        if not self._is_stopping:
            self._board.log(
                "the resolver has ended", pid=life.child.pid, status=status, action="restart-it"
            )

    async def _begin(self, hello: bytes) -> _Life:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = self._spawn(theirs)
            except OSError:
                ours.close()
                raise
        self._board.counters.resolver_starts += 1
        ours.setblocking(False)
        _, way = await asyncio.get_running_loop().create_unix_connection(
            lambda: LinkConnection(self._board, hello, self._on_reload), sock=ours
        )
        return _Life(child, way)

    def _end_behind(self, life: _Life) -> None:
        life.way.close()
        task = asyncio.create_task(_end_and_forget(life.child))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _end_and_forget(child: Child) -> None:
    await _end(child)


async def _end(child: Child) -> int | None:
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
    waited, pause = 0.0, FIRST_POLL_SECONDS
    while waited < EXIT_SECONDS:
        if (status := child.poll()) is not None:
            return status
        await asyncio.sleep(pause)
        waited += pause
        pause = min(pause * 2, POLL_SECONDS)
    return None
