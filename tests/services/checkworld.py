"""A small world of fakes around a ``Checker``: one good domain, and ways to break it."""

from dataclasses import dataclass, field
from typing import Any

from mailseal.checks.evidence import Evidence, Observer
from mailseal.names import Domain
from mailseal.services.checker import Checker, CheckLimits
from mailseal.services.port25 import Port25
from mailseal.testing import FakeDns, FakePolicyProber, FakeSmtp, FakeZoneProber, ManualClock
from mailseal.testing.evidence import DOMAIN, MX_HOST, POLICY, tls

POLICY_HOST = f"mta-sts.{DOMAIN}"
POLICY_ADDRESS = "192.0.2.10"
MX_ADDRESS = "192.0.2.1"
LABEL = "unlikely"


@dataclass
class World:
    """The fakes, and what observes through them."""

    clock: ManualClock = field(default_factory=ManualClock)
    observer: Observer = field(
        default_factory=lambda: Observer(program="mailseal/0", name="here.example", validates=True)
    )
    limits: CheckLimits = field(default_factory=CheckLimits)
    dns: FakeDns = field(init=False)
    policies: FakePolicyProber = field(init=False)
    smtp: FakeSmtp = field(init=False)
    zones: FakeZoneProber = field(default_factory=FakeZoneProber)

    def __post_init__(self) -> None:
        self.dns = FakeDns(clock=self.clock)
        self.policies = FakePolicyProber(clock=self.clock)
        self.smtp = FakeSmtp(clock=self.clock)

    @property
    def checker(self) -> Checker:
        """A checker in this world."""
        return self.checker_with(None)

    def checker_with(self, port25: Port25 | None) -> Checker:
        """A checker in this world that knows of port 25."""
        return Checker(
            dns=self.dns,
            policies=self.policies,
            smtp=self.smtp,
            clock=self.clock,
            observer=self.observer,
            limits=self.limits,
            zones=self.zones,
            make_label=lambda: LABEL,
            port25=port25,
        )

    async def gather(self, domain: str = DOMAIN, **options: Any) -> Evidence:
        """Observe a domain."""
        return await self.checker.gather(Domain(domain), **options)


def good_world() -> World:
    """Return a world in which example.com has a policy, one MX host and nothing wrong."""
    world = World()
    world.dns.mx(DOMAIN, (10, MX_HOST))
    world.dns.a(MX_HOST, MX_ADDRESS)
    world.dns.txt(f"_mta-sts.{DOMAIN}", "v=STSv1; id=1;")
    world.dns.txt(f"_smtp._tls.{DOMAIN}", f"v=TLSRPTv1; rua=mailto:tls@{DOMAIN}")
    world.dns.a(POLICY_HOST, POLICY_ADDRESS)
    world.policies.serve(POLICY_HOST, POLICY_ADDRESS, POLICY, tls=tls(POLICY_HOST))
    world.smtp.serve(MX_HOST, MX_ADDRESS)
    return world
