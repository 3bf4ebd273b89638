"""The MX hosts of the world, as a test wants them."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from mailseal.checks.evidence import (
    SMTP_PORT,
    Failure,
    SmtpSession,
    Stage,
    TlsFacts,
    Trouble,
)
from mailseal.names import Domain
from mailseal.testing.clock import ManualClock
from mailseal.testing.evidence import NOW, session
from mailseal.testing.holds import Holds


class FakeSmtp:
    """The MX hosts of the world (the ``ports.SmtpProber`` protocol).

    ``probes`` keeps every (host, address, port) that was probed, in order; ``most_in_flight``
    how many probes ran at one time at most, ``most_at_one_address`` those at one address.
    Where nothing was told about an address, nothing listens. With a ``clock``, sessions begin
    at its time.
    """

    def __init__(self, *, clock: ManualClock | None = None) -> None:
        self.probes: list[tuple[str, str, int]] = []
        self.deep_probes = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.most_at_one_address = 0
        self._clock = clock
        self._at_address: Counter[str] = Counter()
        self._sessions: dict[tuple[str, str, int], SmtpSession] = {}
        self._holds = Holds(clock)

    def serve(
        self,
        host: str,
        address: str = "192.0.2.1",
        *,
        tls: TlsFacts | None = None,
        port: int = SMTP_PORT,
    ) -> None:
        """Let all go well, with this handshake, or a good one for the host's name."""
        self.answer(session(host, address, handshake=tls), port=port)

    def fail(
        self,
        host: str,
        address: str = "192.0.2.1",
        trouble: Trouble = Trouble.REFUSED,
        reason: str = "connection refused",
        *,
        code: int | None = None,
        stage: Stage = Stage.NOTHING,
        port: int = SMTP_PORT,
    ) -> None:
        """Let sessions end early behind a stage, until told otherwise."""
        good = session(host, address)
        bare = SmtpSession(
            host=host,
            address=address,
            started_at=good.started_at,
            duration=good.duration,
            stage=stage,
            failure=Failure(trouble=trouble, reason=reason, code=code),
        )
        self.answer(bare, port=port)

    def answer(self, one: SmtpSession, *, port: int = SMTP_PORT) -> None:
        """Answer probes of the session's host and address with it."""
        self._sessions[one.host, one.address, port] = replace(one, port=port)

    def hold(self, address: str) -> asyncio.Event:
        """Keep probes of an address waiting until the event is set (``clock``: or timed out)."""
        return self._holds.hold(address)

    def count(self, host: str, address: str | None = None) -> int:
        """Count the probes of a host, at one address or at all of them."""
        return sum(1 for name, where, _ in self.probes if name == host and address in (None, where))

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        port: int = SMTP_PORT,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Give what the test said; what stands when the probe ends counts."""
        self.probes.append((host, address, port))
        self.deep_probes += is_deep
        self.in_flight += 1
        self._at_address[address] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.most_at_one_address = max(self.most_at_one_address, self._at_address[address])
        started_at = self._clock.now() if self._clock else NOW
        try:
            is_in_time = await self._holds.pass_by(address, timeout)
        finally:
            self.in_flight -= 1
            self._at_address[address] -= 1
        if not is_in_time:
            return _nothing(host, address, port, Trouble.TIMEOUT, "no connection in time", timeout)
        told = self._sessions.get((host, address, port))
        if told is None:
            told = _nothing(host, address, port, Trouble.REFUSED, "connection refused", timeout * 0)
        return replace(told, started_at=started_at)


def _nothing(
    host: str, address: str, port: int, trouble: Trouble, reason: str, duration: timedelta
) -> SmtpSession:
    return SmtpSession(
        host=host,
        address=address,
        port=port,
        started_at=NOW,
        duration=duration,
        stage=Stage.NOTHING,
        failure=Failure(trouble=trouble, reason=reason),
    )
