"""The hosts that take a domain's mail: names, addresses, TLSA, and a session with each address."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from mailseal.answers import Answer, CaaRecord, Found, all_addresses
from mailseal.checks.evidence import (
    Failure,
    HostEvidence,
    Observer,
    SmtpSession,
    TlsaLookup,
    Trouble,
)
from mailseal.dane.exchange import MxHost
from mailseal.dane.host import DEFAULT_PORT, AskTlsa, judge_addresses
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.smtp import SmtpProber
from mailseal.services.gathering.budget import TIME_IS_UP, Budget
from mailseal.services.gathering.progress import Part, Steps
from mailseal.services.gathering.questions import Questions
from mailseal.services.gathering.together import all_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HostScope:
    """How much is asked of each host; ``is_brief`` leaves out what no delivery depends on."""

    has_sessions: bool
    is_deep: bool = False
    is_brief: bool = False
    max_addresses: int
    session_timeout: timedelta


class HostGatherer:
    """Asks about the hosts of one domain, all at the same time."""

    def __init__(
        self,
        *,
        asked: Questions,
        smtp: SmtpProber,
        clock: Clock,
        observer: Observer,
        budget: Budget,
        steps: Steps,
        scope: HostScope,
    ) -> None:
        self._asked = asked
        self._smtp = smtp
        self._clock = clock
        self._observer = observer
        self._budget = budget
        self._steps = steps
        self._scope = scope

    async def gather(self, hosts: tuple[MxHost, ...]) -> tuple[HostEvidence, ...]:
        """Ask about every host; the order stays."""
        return await all_of(self._gather_host(host.name) for host in hosts)

    async def _gather_host(self, name: Domain) -> HostEvidence:
        a, aaaa = await self._asked.addresses(name)
        addresses = all_addresses(a, aaaa)[: self._scope.max_addresses]
        names = self._names(name, a, aaaa)
        sessions = all_of(self._session(name, one) for one in self._sessions(addresses))
        caa: Answer[CaaRecord] | None = None
        if self._scope.is_brief:
            (alias, tlsa), held = await asyncio.gather(names, sessions)
        else:
            (alias, tlsa), caa, held = await asyncio.gather(names, self._asked.caa(name), sessions)
        # Resolvers turn the order with every answer: reports of the same thing should be the same.
        in_order = sorted(held, key=lambda one: (":" not in one.address, ip_address(one.address)))
        return HostEvidence(
            name=name, a=a, aaaa=aaaa, alias=alias, tlsa=tlsa, caa=caa, sessions=tuple(in_order)
        )

    def _sessions(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        return addresses if self._scope.has_sessions else ()

    async def _names(
        self, name: Domain, a: Answer[str], aaaa: Answer[str]
    ) -> tuple[Answer[str] | None, tuple[TlsaLookup, ...]]:
        """Ask for the alias, where there may be one, and for TLSA at every base domain.

        Senders ask for TLSA only where the addresses are secure; that records stand where no
        sender will look is worth knowing, too.
        """
        step = judge_addresses(name, (a, aaaa))
        bases = step.bases if isinstance(step, AskTlsa) else (name,)
        found = [answer for answer in (a, aaaa) if isinstance(answer, Found)]
        may_be_alias = not found or any(answer.canonical != name for answer in found)
        look_ups = all_of(self._tlsa(base) for base in bases)
        if not may_be_alias:
            return None, await look_ups
        alias, tlsa = await asyncio.gather(self._asked.cname(name), look_ups)
        return alias, tlsa

    async def _tlsa(self, base: str) -> TlsaLookup:
        name = f"_{DEFAULT_PORT}._tcp.{base}"
        if not self._scope.is_deep:
            return TlsaLookup(base=base, name=name, answer=await self._asked.tlsa(name))
        answer, at_name = await asyncio.gather(self._asked.tlsa(name), self._asked.a(name))
        return TlsaLookup(base=base, name=name, answer=answer, at_name=at_name)

    async def _session(self, host: Domain, address: str) -> SmtpSession:
        if not can_reach(self._observer, address):
            return self._no_session(host, address, no_family(address))
        if self._budget.is_spent:
            return self._no_session(
                host, address, Failure(trouble=Trouble.SKIPPED, reason=TIME_IS_UP)
            )
        self._steps.begin(Part.SMTP, f"{host} [{address}]")
        session = await self._smtp.probe(
            host,
            address,
            timeout=self._budget.at_most(self._scope.session_timeout),
            is_deep=self._scope.is_deep,
        )
        self._steps.finish(Part.SMTP, f"{host} [{address}]")
        return session

    def _no_session(self, host: Domain, address: str, failure: Failure) -> SmtpSession:
        return SmtpSession.not_held(host, address, failure, self._clock.now())


def can_reach(observer: Observer, address: str) -> bool:
    """Tell whether this machine has the address's family at all."""
    return observer.has_ipv6 if ":" in address else observer.has_ipv4


def no_family(address: str) -> Failure:
    """Say that an address was not tried, since this machine has no such family."""
    family = "IPv6" if ":" in address else "IPv4"
    return Failure(trouble=Trouble.NO_FAMILY, reason=f"this machine has no {family}")
