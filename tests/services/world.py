"""Discoverer and resolver on fakes: where the tests of several actors begin."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from mailseal.dane.tlsa import TlsaRecord
from mailseal.decision import Rules
from mailseal.mtasts.freshness import Intervals
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain, NextHop, parse_next_hop
from mailseal.ports.clock import Clock
from mailseal.ports.dns import Dns
from mailseal.ports.policyhost import PolicyFetcher
from mailseal.ports.policystore import PolicyStore
from mailseal.services.discoverer import Discoverer, DiscoveryLimits
from mailseal.services.domainstate import StsView
from mailseal.services.exceptions import Exceptions
from mailseal.services.resolution import Resolution
from mailseal.services.resolver import Resolver, ResolverLimits
from mailseal.services.selftest import SelfTest
from mailseal.services.surveyor import SurveyLimits, Surveyor
from mailseal.testing import FakeDns, FakePolicyHosts, ManualClock, MemoryStore
from mailseal.wire import postfix

DOMAIN = Domain("example.com")
LONG = timedelta(seconds=10)
TLSA = "_25._tcp.mx.example.com"
GOOD = TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes(32))
SECURE = "OK secure match=mx.example.com servername=hostname"


def publish(
    dns: FakeDns,
    hosts: FakePolicyHosts,
    domain: str,
    mode: str,
    mx: tuple[str, ...],
    *,
    record_id: str,
    max_age: int = 604_800,
) -> None:
    """Let a domain have a record and a policy."""
    dns.txt(f"_mta-sts.{domain}", f"v=STSv1; id={record_id};")
    lines = "".join(f"mx: {host}\r\n" for host in mx)
    hosts.serve(domain, f"version: STSv1\r\nmode: {mode}\r\n{lines}max_age: {max_age}\r\n")


def new_discoverer(
    *,
    dns: Dns,
    fetcher: PolicyFetcher,
    store: PolicyStore,
    clock: Clock,
    on_change: Callable[[Domain], None],
    on_purged: Callable[[Domain], None] = lambda _domain: None,
    limits: DiscoveryLimits | None = None,
    jitter: float = 0.0,
) -> Discoverer:
    """Make a discoverer as it is by default, but with a jitter that is known."""
    return Discoverer(
        dns=dns,
        fetcher=fetcher,
        store=store,
        clock=clock,
        intervals=Intervals(),
        limits=limits or DiscoveryLimits(),
        jitter=lambda: jitter,
        on_change=on_change,
        on_purged=on_purged,
    )


@dataclass
class World:
    """A discoverer with fakes behind every door; nobody has published anything yet."""

    dns: FakeDns = field(default_factory=FakeDns)
    hosts: FakePolicyHosts = field(default_factory=FakePolicyHosts)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=ManualClock)
    changed: list[Domain] = field(default_factory=list)
    limits: DiscoveryLimits = field(default_factory=DiscoveryLimits)
    jitter: float = 0.0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin anew with the store alone, as after a restart."""
        self.discoverer = new_discoverer(
            dns=self.dns,
            fetcher=self.hosts,
            store=self.store,
            clock=self.clock,
            on_change=self.changed.append,
            on_purged=self.forget_hosts,
            limits=self.limits,
            jitter=self.jitter,
        )

    def forget_hosts(self, domain: Domain) -> None:
        """Drop what else is remembered of a purged domain: a discoverer alone has nothing."""

    def publish(
        self,
        mode: str = "enforce",
        *mx: str,
        domain: str = DOMAIN,
        record_id: str = "1",
        max_age: int = 604_800,
    ) -> None:
        """Let a domain take part; unless told, whatever is not "none" allows its MX host."""
        if not mx and mode != "none":
            mx = ("mx.example.com",)
        publish(self.dns, self.hosts, domain, mode, mx, record_id=record_id, max_age=max_age)

    async def ask(self, timeout: timedelta = LONG, **options: bool) -> StsView:
        """Ask for the policy in force at example.com."""
        return await self.discoverer.policy_for(DOMAIN, timeout=timeout, **options)

    async def mode(self) -> Mode | None:
        """Return the mode in force at example.com."""
        view = await self.ask()
        return view.policy.mode if view.policy else None

    async def settle(self) -> None:
        """Let what runs behind an answer end."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        """End all tasks."""
        self.store.error = None
        await self.discoverer.aclose()


@dataclass
class SenderWorld(World):
    """A resolver too: ``example.com`` has one MX host, and nothing is signed."""

    survey_limits: SurveyLimits = field(default_factory=SurveyLimits)

    def __post_init__(self) -> None:
        self.dns.mx("example.com", (10, "mx.example.com"))
        self.dns.a("mx.example.com", "192.0.2.25")
        super().__post_init__()

    def start(self) -> None:
        """Begin anew with the store alone, as after a restart."""
        super().start()
        self.surveyor = Surveyor(self.dns, self.clock, self.survey_limits)
        self.start_resolver()

    def start_resolver(
        self,
        *,
        rules: Rules | None = None,
        exceptions: Exceptions | None = None,
        self_test: SelfTest | None = None,
    ) -> None:
        """Decide by these from now on, with all that was discovered."""
        self.resolver = Resolver(
            discoverer=self.discoverer,
            surveyor=self.surveyor,
            store=self.store,
            clock=self.clock,
            rules=rules or Rules(),
            limits=ResolverLimits(),
            self_test=self_test,
            exceptions=exceptions,
        )

    def forget_hosts(self, domain: Domain) -> None:
        """Drop what DNS and DANE said of a purged domain, as a view does."""
        self.surveyor.forget(domain)
        self.resolver.forget(domain)

    def enforce(self, *mx: str, domain: str = DOMAIN, record_id: str = "1") -> None:
        """Publish an enforce policy."""
        self.publish("enforce", *mx, domain=domain, record_id=record_id)

    async def resolve(self, key: str = "example.com", *, timeout: timedelta = LONG) -> Resolution:
        """Ask with the key that an MTA would send."""
        next_hop = parse_next_hop(key)
        assert isinstance(next_hop, NextHop)
        return await self.resolver.resolve(next_hop, timeout=timeout)

    async def reply(self, key: str = "example.com") -> str:
        """Return the reply that Postfix would get."""
        resolution = await self.resolve(key)
        return postfix.render(resolution.delivery, with_tlsrpt=False).decode()

    async def aclose(self) -> None:
        """End all tasks."""
        await super().aclose()
        await self.surveyor.aclose()
