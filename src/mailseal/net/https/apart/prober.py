"""Looks at policy hosts by a child process once there are many, and by itself else.

What the child loses when it dies is looked at here, and it is waited for a moment only. So a child
that cannot be started costs speed and nothing else.
"""

import asyncio
import socket
import subprocess
from collections.abc import Callable
from datetime import timedelta

import structlog

from mailseal.checks.evidence import PolicyFetch
from mailseal.names import Domain
from mailseal.net.https.apart import link
from mailseal.ports.clock import Clock
from mailseal.ports.policyhost import PolicyProber

NEAR = 20  # ours: looks before a child is worth it, and at a time while it comes up
COMING_UP = timedelta(seconds=3)  # ours: it takes a fifth of one where nothing else is done
GRACE = timedelta(seconds=5)  # ours: beyond the time for a look the child has stopped

log = structlog.stdlib.get_logger("mailseal.scan")

Spawn = Callable[[socket.socket], "subprocess.Popen[bytes]"]


class ApartPolicyProber:
    """Probes policy hosts (the ``ports.PolicyProber`` protocol).

    ``near`` looks at them in this process; ``spawn`` starts a child that has the other end of the
    link, and looks at them by ``settings`` in the same way. ``coming_up`` and ``grace`` are for
    tests.
    """

    def __init__(
        self,
        near: PolicyProber,
        *,
        spawn: Spawn,
        settings: link.Settings,
        clock: Clock,
        near_looks: int = NEAR,
        coming_up: timedelta = COMING_UP,
        grace: timedelta = GRACE,
    ) -> None:
        self._near = near
        self._spawn = spawn
        self._settings = settings
        self._clock = clock
        self._near_looks = near_looks
        self._looks = 0
        self._under_way = 0
        self._coming_up_s = coming_up.total_seconds()
        self._grace_s = grace.total_seconds()
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._link = link.Link(self._take, self._lose)
        self._awaited_until: float | None = None
        self._is_ready = False
        self._is_ending = False
        self._changed = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[PolicyFetch | None]] = {}
        self._next = 0

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        path: str = "",
        user_agent: str = "",
    ) -> PolicyFetch:
        """GET the policy, or another path, from one address.

        Ends within ``timeout``, and a little later where the child has stopped.
        """
        until = self._clock.monotonic() + timeout.total_seconds()
        self._looks += 1
        self._under_way += 1
        try:
            if self._looks > self._near_looks and self._starting is None:
                self._begin()
            if self._awaited_until is not None and self._under_way > self._near_looks:
                await self.settle()
            if self._is_ready:
                fetch = await self._ask(host, address, until, path, user_agent)
                if fetch is not None:
                    return fetch
            left = timedelta(seconds=max(until - self._clock.monotonic(), 0.0))
            return await self._near.probe(
                host, address, timeout=left, path=path, user_agent=user_agent
            )
        finally:
            self._under_way -= 1

    async def settle(self) -> None:
        """Wait until the child has come up, or cannot any more, or takes too long for that."""
        try:
            async with asyncio.timeout_at(self._awaited_until):
                await self._changed.wait()
        except TimeoutError:
            self._awaited_until = None

    async def aclose(self) -> None:
        """End the child; it holds nothing that would be lost."""
        self._is_ending = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        self._link.abort()
        self._lose()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _begin(self) -> None:
        """Start the child, which is done once."""
        self._starting = asyncio.create_task(self._start())
        self._awaited_until = asyncio.get_running_loop().time() + self._coming_up_s

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self._process = self._spawn(theirs)
            await asyncio.get_running_loop().create_connection(lambda: self._link, sock=ours)
        except OSError as error:
            ours.close()
            log.warning("no process for policy hosts could be started", reason=str(error))
            self._lose()
            return
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._link.send(self._settings)

    async def _ask(
        self, host: Domain, address: str, until: float, path: str, user_agent: str
    ) -> PolicyFetch | None:
        """Let the child look; None where it did not."""
        self._next += 1
        number = self._next
        answer: asyncio.Future[PolicyFetch | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._link.send(
            link.Ask(
                number=number,
                host=str(host),
                address=address,
                until=until,
                path=path,
                user_agent=user_agent,
            )
        )
        patience = until - self._clock.monotonic() + self._grace_s
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            self._link.abort()  # the others need not wait as long
            return None
        finally:
            self._waiting.pop(number, None)

    def _take(self, message: bytes) -> None:
        match link.read_child(message):
            case link.Ready():
                self._is_ready = True
                self._awaited_until = None
                self._changed.set()
            case link.Probed(number=number, fetch=fetch):
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(fetch)

    def _lose(self) -> None:
        """Give back all that the child was asked for."""
        if self._is_ready and not self._is_ending:
            log.warning("the process for policy hosts has ended", action="looked-at-here")
        self._is_ready = False
        self._awaited_until = None
        self._changed.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)
