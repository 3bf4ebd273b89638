"""Authoritative servers, as a test wants them."""

from datetime import datetime, timedelta

from mailseal.answers import RdType
from mailseal.checks.evidence import AuthorityAnswer
from mailseal.ports.authority import DirectAnswer


class FakeZoneProber:
    """The servers of zones (the ``ports.ZoneProber`` protocol).

    ``asked`` keeps every question as ``(server, address, name, rdtype)``, in order. A server that
    was told nothing about a name denies that it has records of the type.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, RdType]] = []
        self._texts: dict[tuple[str, str, RdType], tuple[str, ...]] = {}
        self._expiries: dict[tuple[str, RdType], datetime] = {}
        self._failures: dict[str, str] = {}

    def tell(self, server: str, name: str, rdtype: RdType, *texts: str) -> None:
        """Let one server have these records."""
        self._texts[server, name, rdtype] = texts

    def sign(self, name: str, rdtype: RdType, until: datetime) -> None:
        """Let signatures of all servers on some records end then."""
        self._expiries[name, rdtype] = until

    def fail(self, server: str, failure: str = "it does not answer") -> None:
        """Let a server fail at everything."""
        self._failures[server] = failure

    async def ask(
        self, server: str, address: str, name: str, rdtype: RdType, *, timeout: timedelta
    ) -> DirectAnswer:
        """Give what the test said."""
        self.asked.append((server, address, name, rdtype))
        failure = self._failures.get(server, "")
        return DirectAnswer(
            answer=AuthorityAnswer(
                server=server,
                address=address,
                name=name,
                rdtype=rdtype.name,
                texts=None if failure else self._texts.get((server, name, rdtype), ()),
                failure=failure,
            ),
            first_expiry=None if failure else self._expiries.get((name, rdtype)),
        )
