"""The authoritative servers of a zone, asked past every cache."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mailseal.answers import RdType
from mailseal.checks.evidence import AuthorityAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectAnswer:
    """What an authoritative server said, and when the first signature in it ends, if any."""

    answer: AuthorityAnswer
    first_expiry: datetime | None = None


class ZoneProber(Protocol):
    """Asks authoritative servers directly, one at a time, past every cache."""

    async def ask(
        self, server: str, address: str, name: str, rdtype: RdType, *, timeout: timedelta
    ) -> DirectAnswer:
        """Ask the server of that name at one of its addresses; ends within ``timeout``.

        Never raises for what a server does.
        """
        ...
