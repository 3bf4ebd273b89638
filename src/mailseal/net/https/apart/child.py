"""The process that looks at policy hosts: addresses in, what they served out."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from datetime import timedelta

from mailseal.names import Domain
from mailseal.net.https.apart import link
from mailseal.net.https.prober import HttpsPolicyProber
from mailseal.net.tls.trust import TrustStore
from mailseal.ports.clock import Clock
from mailseal.ports.policyhost import PolicyProber

Open = Callable[[link.Settings], PolicyProber]


async def serve(sock: socket.socket, open_prober: Open, clock: Clock) -> None:
    """Do what the other end of ``sock`` asks for, until it is closed."""
    worker = _Worker(open_prober, clock)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: worker.link, sock=sock)
    await worker.run()


def open_https(settings: link.Settings, clock: Clock) -> PolicyProber:
    """Return who looks at policy hosts; raise ``TrustStoreError``."""
    return HttpsPolicyProber(
        trust=TrustStore(settings.ca_file),
        clock=clock,
        user_agent=settings.user_agent,
        allow_private=settings.allow_private,
        proxy=settings.proxy,
        max_probes=settings.max_probes,
    )


class _Worker:
    """What has been asked for and is not done."""

    def __init__(self, open_prober: Open, clock: Clock) -> None:
        self.link = link.Link(self._take, self._end)
        self._open_prober = open_prober
        self._clock = clock
        self._prober: PolicyProber | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = asyncio.Event()

    async def run(self) -> None:
        """Work until the link ends; nobody wants what is under way then."""
        try:
            await self._is_over.wait()
        finally:
            self.link.abort()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, message: bytes) -> None:
        match link.read_parent(message):
            case link.Settings() as settings:
                self._prober = self._open_prober(settings)
                self.link.send(link.Ready())
            case link.Ask() as ask if self._prober is not None:
                task = asyncio.create_task(self._answer(self._prober, ask))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case link.Ask(number=number):
                self.link.send(link.Probed(number=number, fetch=None))

    async def _answer(self, prober: PolicyProber, ask: link.Ask) -> None:
        fetch = None
        with contextlib.suppress(Exception):  # a mistake of ours: the parent will meet it and log
            fetch = await prober.probe(
                Domain(ask.host),
                ask.address,
                timeout=timedelta(seconds=max(ask.until - self._clock.monotonic(), 0.0)),
                path=ask.path,
                user_agent=ask.user_agent,
            )
        self.link.send(link.Probed(number=ask.number, fetch=fetch))

    def _end(self) -> None:
        self._is_over.set()
