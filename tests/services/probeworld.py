"""Shared probes over fake mail servers, for tests of how gently those are asked."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from mailseal.checks.evidence import SmtpSession, Trouble
from mailseal.names import Domain
from mailseal.services.probes import ProbeLimits, SharedProbes
from mailseal.testing import FakeSmtp, ManualClock

HOST = Domain("mx1.example.com")
HERE = "192.0.2.1"
LONG = timedelta(seconds=100)
SECOND = timedelta(seconds=1)


@dataclass
class World:
    """Shared probes over fake mail servers; sleeping moves the clock."""

    limits: ProbeLimits = field(default_factory=ProbeLimits)
    clock: ManualClock = field(default_factory=ManualClock)
    slept: list[float] = field(default_factory=list)
    smtp: FakeSmtp = field(init=False)
    probes: SharedProbes = field(init=False)

    def __post_init__(self) -> None:
        self.smtp = FakeSmtp(clock=self.clock)
        self.smtp.serve(HOST, HERE)
        self.probes = SharedProbes(
            self.smtp, clock=self.clock, limits=self.limits, sleep=self._sleep
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    async def probe(
        self,
        host: str = HOST,
        address: str = HERE,
        *,
        timeout: timedelta = LONG,
        port: int = 25,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Probe one address."""
        return await self.probes.probe(
            Domain(host), address, timeout=timeout, port=port, is_deep=is_deep
        )


async def settle() -> None:
    """Let every task come to where it waits."""
    for _ in range(30):
        await asyncio.sleep(0)


def trouble(session: SmtpSession) -> Trouble | None:
    """Return what was in the way."""
    return session.failure.trouble if session.failure else None
