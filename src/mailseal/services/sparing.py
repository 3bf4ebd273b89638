"""Mail hosts that have opted out are not connected to, whoever's mail they take."""

from datetime import timedelta

from mailseal.checks.evidence import SMTP_PORT, Failure, SmtpSession, Trouble
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.smtp import SmtpProber
from mailseal.scans.optouts import OptOuts

REASON = "the host has asked to be left alone"


class SparingSmtp:
    """Leaves out who is on a list (the ``ports.SmtpProber`` protocol)."""

    def __init__(self, prober: SmtpProber, *, opt_outs: OptOuts, clock: Clock) -> None:
        self._prober = prober
        self._opt_outs = opt_outs
        self._clock = clock

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        port: int = SMTP_PORT,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Probe a host, or say that it was left out."""
        if not self._opt_outs.covers(host):
            return await self._prober.probe(
                host, address, timeout=timeout, port=port, is_deep=is_deep
            )
        failure = Failure(trouble=Trouble.SKIPPED, reason=REASON)
        return SmtpSession.not_held(host, address, failure, self._clock.now(), port=port)
