"""Observes one domain: everything that ``checks`` judges, gathered at the same time.

It concludes nothing, and it never raises for what the network does: a server that fails is
evidence of its failure. Each step takes its time from one deadline.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from mailseal.answers import Answer, Found
from mailseal.checks.evidence import (
    Depth,
    Evidence,
    HostEvidence,
    Observer,
    PolicyHostEvidence,
    RecordEvidence,
)
from mailseal.checks.reading import MAX_MX_HOSTS
from mailseal.dane.exchange import MxSet, read_mx_set
from mailseal.mtasts.record import read_records
from mailseal.names import Domain, NextHop
from mailseal.ports.authority import ZoneProber
from mailseal.ports.clock import Clock
from mailseal.ports.dns import ZoneDns
from mailseal.ports.policyhost import PolicyProber
from mailseal.ports.smtp import SmtpProber
from mailseal.services.controlquestions import ControlQuestions
from mailseal.services.gathering.authorities import Authorities, AuthorityGatherer
from mailseal.services.gathering.budget import Budget
from mailseal.services.gathering.hosts import HostGatherer, HostScope
from mailseal.services.gathering.policyhost import PolicyHostGatherer, PolicyScope
from mailseal.services.gathering.progress import Progress, Steps
from mailseal.services.gathering.questions import Questions
from mailseal.services.gathering.records import gather_mail_records, gather_records
from mailseal.services.port25 import REFERENCES_TIMEOUT, Port25, blame_firewall

__all__ = ["CheckLimits", "Checker", "Progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """The bounds of one observation.

    ``total`` is for everything together, ``deep_total`` for a deep one, whose connections to an
    address are made one after another. ``session_timeout`` counts from when a session is wanted,
    whatever it then has to wait for.
    """

    total: timedelta = timedelta(seconds=120)
    deep_total: timedelta = timedelta(seconds=300)
    lookup_timeout: timedelta = timedelta(seconds=5)
    fetch_timeout: timedelta = timedelta(seconds=20)
    session_timeout: timedelta = timedelta(seconds=60)
    max_mx_hosts: int = MAX_MX_HOSTS
    max_addresses: int = 16  # of one host; large CDNs have 4 to 8, the largest MX hosts 10


def _make_label() -> str:
    return "mailseal-" + secrets.token_hex(6)


class Checker:
    """Gathers evidence about domains, any number at a time; what is shared lies behind the doors.

    Without ``zones`` no authoritative server is asked, however deep. ``make_label`` gives a label
    that no zone has. Without ``port25`` nothing is concluded about the way to port 25.
    """

    def __init__(
        self,
        *,
        dns: ZoneDns,
        policies: PolicyProber,
        smtp: SmtpProber,
        clock: Clock,
        observer: Observer,
        limits: CheckLimits,
        zones: ZoneProber | None = None,
        make_label: Callable[[], str] = _make_label,
        port25: Port25 | None = None,
    ) -> None:
        self._dns = dns
        self._policies = policies
        self._smtp = smtp
        self._zones = zones
        self._clock = clock
        self._observer = observer
        self._limits = limits
        self._make_label = make_label
        self._port25 = port25
        self.controls = ControlQuestions(
            dns=dns, port25=port25, timeout=limits.lookup_timeout, make_label=make_label
        )

    async def gather(
        self,
        domain: Domain,
        *,
        depth: Depth = Depth.SMTP,
        is_deep: bool = False,
        is_brief: bool = False,
        dkim_selectors: Sequence[str] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Evidence:
        """Observe a domain; ends within the limits' total.

        ``is_deep`` makes a few more connections to each address. ``is_brief`` asks only what the
        delivery of mail depends on, half as many questions, and leaves the policy host alone
        where no record tells senders of it: for a scan.
        """
        started_at = self._clock.now()
        limits = self._limits
        budget = Budget(self._clock, limits.deep_total if is_deep else limits.total)
        steps = Steps(domain, on_progress)
        asked = Questions(self._dns, budget=budget, timeout=limits.lookup_timeout, steps=steps)
        hosts = HostGatherer(
            asked=asked,
            smtp=self._smtp,
            clock=self._clock,
            observer=self._observer,
            budget=budget,
            steps=steps,
            scope=HostScope(
                has_sessions=depth is Depth.SMTP,
                is_deep=is_deep,
                is_brief=is_brief,
                max_addresses=limits.max_addresses,
                session_timeout=limits.session_timeout,
            ),
        )
        policy_host = PolicyHostGatherer(
            asked=asked,
            policies=self._policies,
            clock=self._clock,
            observer=self._observer,
            budget=budget,
            steps=steps,
            scope=PolicyScope(
                has_fetches=depth is not Depth.DNS,
                is_brief=is_brief,
                max_addresses=limits.max_addresses,
                fetch_timeout=limits.fetch_timeout,
            ),
        )
        authorities: AuthorityGatherer | None = None
        if is_deep and self._zones is not None:
            authorities = AuthorityGatherer(
                asked=asked,
                zones=self._zones,
                observer=self._observer,
                budget=budget,
                steps=steps,
                timeout=limits.lookup_timeout,
            )
        records, policy, mx_hosts, (answers, signatures) = await asyncio.gather(
            self._gather_records(domain, asked, dkim_selectors, is_brief=is_brief),
            _gather_policy(domain, asked, policy_host, is_brief=is_brief),
            self._gather_hosts(domain, asked, hosts),
            _gather_authorities(domain, authorities),
        )
        observer = self._observer
        if depth is Depth.SMTP and self._port25 is not None:
            sessions = tuple(session for host in mx_hosts for session in host.sessions)
            patience = budget.at_most(REFERENCES_TIMEOUT)
            may_use = await self._port25.find_out(domain, sessions, timeout=patience)
            observer = replace(observer, may_use_port_25=may_use)
            mx_hosts = blame_firewall(mx_hosts) if may_use is False else mx_hosts
        return Evidence(
            domain=domain,
            started_at=started_at,
            finished_at=self._clock.now(),
            depth=depth,
            observer=observer,
            records=replace(records, authorities=answers, signatures=signatures),
            policy_host=policy,
            mx_hosts=mx_hosts,
            is_deep=is_deep,
        )

    async def _gather_records(
        self, domain: Domain, asked: Questions, dkim_selectors: Sequence[str], *, is_brief: bool
    ) -> RecordEvidence:
        if is_brief:
            return await gather_mail_records(domain, asked)
        return await gather_records(
            domain, asked, dkim_selectors=dkim_selectors, label=self._make_label()
        )

    async def _gather_hosts(
        self, domain: Domain, asked: Questions, hosts: HostGatherer
    ) -> tuple[HostEvidence, ...]:
        answer = await asked.mx(domain)
        mx = read_mx_set(NextHop(domain=domain), answer, limit=self._limits.max_mx_hosts)
        return await hosts.gather(mx.hosts) if isinstance(mx, MxSet) else ()


async def _gather_policy(
    domain: Domain, asked: Questions, policy_host: PolicyHostGatherer, *, is_brief: bool
) -> PolicyHostEvidence | None:
    if is_brief and not _names_a_policy(await asked.txt(f"_mta-sts.{domain}")):
        return None
    return await policy_host.gather(domain)


async def _gather_authorities(domain: Domain, authorities: AuthorityGatherer | None) -> Authorities:
    return ((), None) if authorities is None else await authorities.gather(domain)


def _names_a_policy(sts: Answer[tuple[bytes, ...]]) -> bool:
    """Tell whether some record wants to be one of MTA-STS, well-formed or not."""
    return isinstance(sts, Found) and read_records(sts.records).is_meant
