"""The child that makes checks: started when somebody asks, ended when nobody does.

It is a process of its own, so that certificates and sessions of strangers take no time from the
questions of mail servers, and a crash in one of them ends nothing but the checks under way.
"""

import asyncio
import json
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from mailseal.config import Config, StoreSettings, to_document
from mailseal.config.watching import MonitorSettings
from mailseal.faces.http.checks import link
from mailseal.faces.http.checks.desk import CheckFailedError, Step
from mailseal.names import Domain

log = structlog.stdlib.get_logger("mailseal.http")

GRACE = timedelta(seconds=20)  # ours: to start, which takes a second, and to judge, when busy
IDLE_SECONDS = 300.0  # ours: its memory, 50 MB and more, is not kept for nothing
MAX_AGE_SECONDS = 3600.0  # ours: it has tested its resolvers and addresses at the start only
EXIT_SECONDS = 3.0

OnStep = Callable[[Step], None]
Spawn = Callable[[socket.socket], "subprocess.Popen[bytes]"]


def command_spawner(command: Sequence[str]) -> Spawn:
    """Return what starts ``command`` with the number of its socket as last argument."""

    def spawn(theirs: socket.socket) -> "subprocess.Popen[bytes]":
        number = theirs.fileno()
        return subprocess.Popen(
            [*command, str(number)],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    return spawn


class _Child:
    """A running child and what is expected of it."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        born_at: float,
    ) -> None:
        self.process = process
        self.writer = writer
        self.born_at = born_at
        self.is_over = False
        self.waiting: dict[int, tuple[asyncio.Future[bytes], OnStep]] = {}
        self._next = 0
        self._reader = reader
        self.listener = asyncio.create_task(self._listen())

    def ask(self, domain: Domain, on_step: OnStep) -> tuple[int, asyncio.Future[bytes]]:
        """Ask for a check; the number is for ``forget``."""
        self._next += 1
        line = link.encode(link.Ask(number=self._next, domain=str(domain)))
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting[self._next] = (answer, on_step)
        self.writer.write(line)
        return self._next, answer

    def forget(self, number: int) -> None:
        """Expect no answer any more."""
        self.waiting.pop(number, None)

    async def finish(self) -> None:
        """Wait until nothing is expected of it any more."""
        if self.waiting:
            await asyncio.wait([answer for answer, _ in self.waiting.values()])

    async def end(self) -> None:
        """Close the link, which tells it to end, and wait for that."""
        self.writer.close()
        self.listener.cancel()
        await asyncio.gather(self.listener, return_exceptions=True)
        self._fail("the checking process was ended")
        await asyncio.to_thread(self._reap)

    def _reap(self) -> None:
        try:
            self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    async def _listen(self) -> None:
        """Hand on what it says, until the link ends."""
        reason = "the checking process has ended"
        try:
            while line := await self._reader.readline():
                self._take(link.read_child(line))
        except OSError:
            pass
        except ValueError as error:  # a line that is too long, or none of ours
            reason = f"the checking process speaks nonsense: {error}"
        self.is_over = True
        self.writer.close()
        self._fail(reason)
        await asyncio.to_thread(self._reap)
        log.warning(
            "the checking process has ended",
            status=self.process.returncode,
            action="started-when-needed",
        )

    def _take(self, message: link.FromChild) -> None:
        if isinstance(message, link.Failed) and message.number is None:
            self._fail(message.reason)
            return
        entry = self.waiting.get(message.number if message.number is not None else -1)
        if entry is None:
            return
        answer, on_step = entry
        match message:
            case link.Stepped(step=step):
                on_step(step)
            case link.Answered(answer=text) if not answer.done():
                answer.set_result(bytes(text))
            case link.Failed(reason=reason) if not answer.done():
                answer.set_exception(CheckFailedError(reason))
            case _:
                pass

    def _fail(self, reason: str) -> None:
        for answer, _ in self.waiting.values():
            if not answer.done():
                answer.set_exception(CheckFailedError(reason))
        self.waiting.clear()


class CheckProcess:
    """Makes checks in a child (the ``desk.Runner`` protocol)."""

    def __init__(self, spawn: Spawn, config: Config) -> None:
        self._spawn = spawn
        # It meets strangers, and needs neither the store's password nor the webhook's address.
        told = replace(config, store=StoreSettings(), monitor=MonitorSettings())
        self._hello = json.dumps(to_document(told)).encode() + b"\n"
        self._patience = config.check.timeout + GRACE
        self._child: _Child | None = None
        self._starting = asyncio.Lock()
        self._end_timer: asyncio.TimerHandle | None = None
        self._leaving: set[_Child] = set()  # they finish their work, for one patience at most
        self._ending: set[asyncio.Task[None]] = set()  # children that are on their way out

    @property
    def patience(self) -> timedelta:
        """The longest time for a check that need not wait for its turn."""
        return self._patience

    async def run(self, domain: Domain, on_step: OnStep) -> bytes:
        """Return the answer's JSON; raise ``CheckFailedError``."""
        if self._end_timer is not None:
            self._end_timer.cancel()
        async with self._starting:
            child = await self._present()
            number, answer = child.ask(domain, on_step)
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await answer
        except TimeoutError:
            raise CheckFailedError("no answer in time") from None
        finally:
            child.forget(number)
            self._rest()

    async def aclose(self) -> None:
        """End the child."""
        if self._end_timer is not None:
            self._end_timer.cancel()
        child, self._child = self._child, None
        if child is not None:
            await child.end()
        for leaving in list(self._leaving):
            await leaving.end()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _present(self) -> _Child:
        """Return the child that runs, or a new one."""
        loop = asyncio.get_running_loop()
        child = self._child
        if child is not None and not child.is_over:
            if loop.time() - child.born_at <= MAX_AGE_SECONDS:
                return child
            self._send_away()
        elif child is not None:
            self._await_end(child.listener)
        ours, theirs = socket.socketpair()
        try:
            process = self._spawn(theirs)
        except OSError as error:
            ours.close()
            raise CheckFailedError(f"the checking process cannot be started: {error}") from error
        finally:
            theirs.close()
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours, limit=link.MAX_LINE_BYTES)
        writer.write(self._hello)
        self._child = _Child(process, reader, writer, loop.time())
        return self._child

    def _rest(self) -> None:
        """End the child after a while without work."""
        if self._end_timer is not None:
            self._end_timer.cancel()
        loop = asyncio.get_running_loop()
        self._end_timer = loop.call_later(IDLE_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._child is not None and not self._child.waiting:
            self._send_away()

    def _send_away(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            self._await_end(asyncio.create_task(self._see_off(child)))

    async def _see_off(self, child: _Child) -> None:
        """End a child once what it does is done; another one takes what is asked from now on."""
        self._leaving.add(child)
        try:
            await child.finish()
            await child.end()
        finally:
            self._leaving.discard(child)

    def _await_end(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
