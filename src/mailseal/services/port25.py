"""Whether this machine may connect to port 25 at all: most clouds and homes may not.

A firewall on the way makes every mail server of the world look dead. So connects that fail are
weighed together: when all of them fail the same way, for several domains whose servers have
nothing to do with one another, it is not the servers. One domain alone proves nothing, however
many servers it has: they may be dead, all of them. One connection that was made proves the
contrary for good.
"""

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from mailseal.answers import Found
from mailseal.checks.evidence import SMTP_PORT, Failure, HostEvidence, SmtpSession, Stage, Trouble
from mailseal.checks.organisation import organisation_of
from mailseal.names import Domain
from mailseal.ports.dns import Dns
from mailseal.ports.smtp import SmtpProber

MIN_WITNESSES = 3  # ours: no operator's trouble reaches that many, as far as we have seen
V4_PREFIX, V6_PREFIX = 16, 32  # ours: more than an operator's own network usually spans
MAX_REFERENCES = 5  # ours: a few that are known to answer say all that can be said
REFERENCE_TIMEOUT = timedelta(seconds=10)  # ours: a connection is made in a second or never
REFERENCES_TIMEOUT = 2 * REFERENCE_TIMEOUT  # the look-up of the address included

# How a firewall treats a connection: it drops it, or refuses it in the server's name.
_FIREWALLED = (Trouble.TIMEOUT, Trouble.REFUSED)
_SAID = "connections to port 25 are blocked from here, whatever the address"


@dataclass(frozen=True, slots=True)
class _Witness:
    """A domain with a mail server that could not be connected to: by owner and by network."""

    domain: str
    organisation: str
    network: str

    def is_apart_from(self, other: "_Witness") -> bool:
        """Tell whether two have nothing to do with one another."""
        return (
            self.domain != other.domain
            and self.organisation != other.organisation
            and self.network != other.network
        )


class Port25:
    """Weighs connects to port 25, for as long as a program runs.

    ``references`` are mail servers known to answer: they are asked, once, when a domain's own
    servers leave it open. There are none unless somebody names them: a check should not make
    known to a third party that it is being done.
    """

    def __init__(self, *, smtp: SmtpProber, dns: Dns, references: Sequence[Domain] = ()) -> None:
        self._smtp = smtp
        self._dns = dns
        self._references = tuple(references)[:MAX_REFERENCES]
        self._has_connected = False
        self._are_references_blocked = False
        self._witnesses: dict[Trouble, list[_Witness]] = {one: [] for one in _FIREWALLED}
        self._look: asyncio.Task[None] | None = None

    @property
    def may_use(self) -> bool | None:
        """Tell what is known: False for blocked, None for not known."""
        if self._has_connected:
            return True
        dropped, refused = (self._witnesses[trouble] for trouble in _FIREWALLED)
        # A firewall does the same to all; where some refuse and some are silent, it is they.
        is_alike = not (dropped and refused) and len(dropped + refused) >= MIN_WITNESSES
        return False if is_alike or self._are_references_blocked else None

    def note(self, domain: str, sessions: Iterable[SmtpSession]) -> None:
        """Take in what connects for a domain came to; other ports say nothing here."""
        for session in sessions:
            if session.port != SMTP_PORT:
                continue
            if session.stage is not Stage.NOTHING:
                self._has_connected = True
            elif session.failure is not None and session.failure.trouble in _FIREWALLED:
                self._hear(domain, session, self._witnesses[session.failure.trouble])

    def _hear(self, domain: str, session: SmtpSession, heard: list[_Witness]) -> None:
        one = _Witness(
            domain=organisation_of(domain),
            organisation=organisation_of(session.host),
            network=_network(session.address),
        )
        is_new = all(one.is_apart_from(other) for other in heard)
        if is_new and len(heard) < MIN_WITNESSES:
            heard.append(one)

    async def find_out(
        self,
        domain: str,
        sessions: Iterable[SmtpSession],
        *,
        timeout: timedelta = REFERENCES_TIMEOUT,
    ) -> bool | None:
        """Weigh sessions, ask the references where that leaves it open, and tell what is known.

        Ends within ``timeout``; references that are late then count for whoever asks next.
        """
        sessions = tuple(sessions)
        self.note(domain, sessions)
        is_open = self.may_use is None and any(is_firewalled(one) for one in sessions)
        if is_open and self._references:
            if self._look is None:
                self._look = asyncio.create_task(self._ask_references())
            try:
                async with asyncio.timeout(timeout.total_seconds()):
                    await asyncio.shield(self._look)
            except TimeoutError:
                pass
        return self.may_use

    async def is_proven(self) -> bool:
        """Tell whether a connection was ever made; where none was, ask the references again."""
        if not self._has_connected and self._references:
            try:
                async with asyncio.timeout(REFERENCES_TIMEOUT.total_seconds()):
                    await self._ask_references()
            except TimeoutError:
                pass
        return self._has_connected

    async def aclose(self) -> None:
        """End what is under way."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    async def _ask_references(self) -> None:
        """Connect to all references: if every one fails like a firewall does, it is one."""
        asked = await asyncio.gather(*(self._ask(host) for host in self._references))
        sessions = [session for session in asked if session is not None]
        if any(session.stage is not Stage.NOTHING for session in sessions):
            self._has_connected = True
        elif sessions and all(is_firewalled(session) for session in sessions):
            self._are_references_blocked = True

    async def _ask(self, host: Domain) -> SmtpSession | None:
        answer = await self._dns.look_up_a(host, timeout=REFERENCE_TIMEOUT)
        if not isinstance(answer, Found):
            return None
        return await self._smtp.probe(host, answer.records[0], timeout=REFERENCE_TIMEOUT)


def is_firewalled(session: SmtpSession) -> bool:
    """Tell whether a session failed as one does behind a firewall that blocks port 25."""
    return (
        session.port == SMTP_PORT
        and session.stage is Stage.NOTHING
        and session.failure is not None
        and session.failure.trouble in _FIREWALLED
    )


def blame_firewall(hosts: Iterable[HostEvidence]) -> tuple[HostEvidence, ...]:
    """Return hosts whose failed connects are told as this machine's: they say nothing of hosts."""
    return tuple(
        replace(host, sessions=tuple(_blame(session) for session in host.sessions))
        for host in hosts
    )


def _blame(session: SmtpSession) -> SmtpSession:
    if not is_firewalled(session):
        return session
    return replace(session, failure=Failure(trouble=Trouble.BLOCKED, reason=_SAID))


def _network(address: str) -> str:
    prefix = V6_PREFIX if ":" in address else V4_PREFIX
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
