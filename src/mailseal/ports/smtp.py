"""Mail servers, as one who checks them sees them."""

from datetime import timedelta
from typing import Protocol

from mailseal.checks.evidence import SMTP_PORT, SmtpSession
from mailseal.names import Domain


class SmtpProber(Protocol):
    """Looks at one address of an MX host, whatever its certificate."""

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        port: int = SMTP_PORT,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Connect once, or a few more times where ``is_deep``; ends within ``timeout``.

        No message is sent. Never raises for what a server does.
        """
        ...
