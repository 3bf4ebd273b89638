"""The answerer: listens, answers from memory, and keeps a resolver that knows the rest."""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mailseal
from mailseal.faces.logline import Log
from mailseal.faces.policyd import listeners
from mailseal.faces.policyd.child import Spawn
from mailseal.faces.policyd.connections import Connections
from mailseal.faces.policyd.doors import Doors
from mailseal.faces.policyd.resolverlink import ResolverLink
from mailseal.faces.policyd.settings import (
    AnswererConfig,
    Bounds,
    OpenListener,
    TcpListener,
    UnixListener,
    Zone,
)
from mailseal.faces.policyd.supervisor import FIRST_PAUSE_SECONDS, Supervisor
from mailseal.faces.policyd.switchboard import Switchboard, check_zones
from mailseal.wire import link

__all__ = [
    "Answerer",
    "AnswererConfig",
    "Bounds",
    "OpenListener",
    "Plan",
    "TcpListener",
    "UnixListener",
    "Zone",
]

SWEEP_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.5  # ours: for clients that read, the last answers leave in no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One configuration: what the answerer works by, and what its resolver is told first."""

    config: AnswererConfig
    hello: bytes


class Answerer:
    """The service without its process: open it, let it run, reload it, stop it."""

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
        on_reload_wanted: Callable[[], None] = lambda: None,
        on_resolver: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._log = log  # in place of the configuration's
        self._most_connections = max_connections or sys.maxsize
        self._on_reload_wanted = on_reload_wanted
        self._reload_askers: list[ResolverLink] = []
        self.board = Switchboard(config, clock=clock, log=log or config.log)
        self.connections = Connections(
            self.board, max_connections=min(config.bounds.connections, self._most_connections)
        )
        self._doors = Doors(self.board, self.connections)
        self._supervisor = Supervisor(
            self.board,
            spawn=spawn,
            hello=hello,
            on_reload=self._reload_asked,
            on_change=on_resolver,
            first_pause_seconds=first_pause_seconds,
        )
        self._resolver: asyncio.Task[None] | None = None
        self._swept_at = clock()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets, in the order of the configuration."""
        return self._doors.sockets

    @property
    def has_resolver(self) -> bool:
        """Tell whether a resolver has shown that it works, so that any question is answered."""
        return self._supervisor.works

    async def start(self, *, when_open: Callable[[], None] = lambda: None) -> None:
        """Open all listeners and start the resolver; ``ListenError`` leaves nothing open.

        ``when_open`` is called between opening and reading anything from anybody.
        """
        _check(self._config)
        doors = self._doors.open_missing(self._config.listeners)
        try:
            when_open()
        except mailseal.Error:
            for door in doors:
                door.close()
            raise
        await self._doors.change(self._config.listeners, doors)
        self._resolver = asyncio.create_task(self._supervisor.run())

    def tick(self) -> None:
        """Do what is due by the clock; call it every ``TICK_SECONDS``."""
        if self._resolver is not None and self._resolver.done():
            self._resolver.result()  # raises what ended it: without a supervisor we are no service
        now = self._clock()
        if self.board.tick(now):
            self._supervisor.ping()
        self.board.samples.tell(self.board.log)
        self._supervisor.tick()
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            self.connections.sweep(now)

    async def reload(self, plan: Plan) -> None:
        """Work by another configuration, without losing a connection or a pending question.

        Raises ``mailseal.Error`` when a listener cannot be opened or no resolver comes to work
        by it; then nothing has changed.
        """
        _check(plan.config)
        added = self._doors.open_missing(plan.config.listeners)

        def change() -> None:
            self._config = plan.config
            self.board.reconfigure(plan.config, self._log or plan.config.log)
            self.connections.reconfigure(
                max_connections=min(plan.config.bounds.connections, self._most_connections)
            )

        try:
            await self._supervisor.replace(plan.hello, change)
        except mailseal.Error:
            for door in added:
                door.close()
            raise
        await self._doors.change(plan.config.listeners, added)

    def tell_outcome(self, faults: Sequence[str]) -> None:
        """Tell those who asked for a reload what came of it."""
        askers, self._reload_askers = self._reload_askers, []
        for way in askers:
            way.send(link.Reloaded(outcome=json.dumps({"faults": list(faults)}).encode()))

    async def stop(self) -> None:
        """Stop accepting, answer what is pending, end the resolver; bounded in time.

        What cannot be answered in time is answered TEMP; who does not read is dropped.
        """
        self._doors.close()
        await asyncio.sleep(0)  # requests that have arrived are read once more
        self.connections.finish()
        if not await self._drained(self._config.bounds.stop.total_seconds()):
            self.board.give_up()
            if not await self._drained(LAST_WORDS_SECONDS):
                dropped = self.connections.abort()
                self.board.log("connections are dropped at the end", count=dropped)
        self._supervisor.stop()
        if self._resolver is not None:
            await self._resolver

    async def _drained(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.connections.drained.wait()
        except TimeoutError:
            return False
        return True

    def _reload_asked(self, way: ResolverLink) -> None:
        self._reload_askers.append(way)
        self._on_reload_wanted()


def _check(config: AnswererConfig) -> None:
    check_zones(config)
    for listener in config.listeners:
        if listener.line_zone is not None and listener.line_zone not in config.zones:
            raise listeners.ListenError(
                f'a line listener is for zone "{listener.line_zone}", which does not exist'
            )
