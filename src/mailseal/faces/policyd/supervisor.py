"""Keeps a resolver running: starts it, replaces it, and starts it again when it dies or is stuck.

Whether one works or is stuck its ``ResolverLink`` says.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

import mailseal
from mailseal.faces.policyd.child import Child, Spawn, end
from mailseal.faces.policyd.resolverlink import ResolverLink
from mailseal.faces.policyd.switchboard import Switchboard

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0  # one that lived that long is started again without delay
SUCCESSOR_SECONDS = 60.0  # ours: a new resolver works within a second, or something is wrong


class ReplacementError(mailseal.Error):
    """A new resolver did not come to work; the old one stays."""


@dataclass(slots=True)
class _Life:
    """One resolver: its process and the way to it."""

    child: Child
    way: ResolverLink


class Supervisor:
    """Owns the resolver: one at a time, for as long as ``run`` runs, two during ``replace``."""

    def __init__(
        self,
        board: Switchboard,
        *,
        spawn: Spawn,
        hello: bytes,
        on_reload: Callable[[ResolverLink], None],
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
        status = await end(life.child)
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
            lambda: ResolverLink(self._board, hello, self._on_reload), sock=ours
        )
        return _Life(child, way)

    def _end_behind(self, life: _Life) -> None:
        life.way.close()
        task = asyncio.create_task(_end_and_forget(life.child))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _end_and_forget(child: Child) -> None:
    await end(child)
