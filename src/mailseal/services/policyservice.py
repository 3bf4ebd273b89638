"""The actors of the policy service, made for each other: what a face is given to work with."""

from dataclasses import dataclass, field

from mailseal.ports import PolicyStore
from mailseal.services.census import Census
from mailseal.services.discoverer import Discoverer
from mailseal.services.explainer import Explainer
from mailseal.services.follower import Follower
from mailseal.services.meter import Meter
from mailseal.services.pinbook import PinBook
from mailseal.services.refresher import Refresher
from mailseal.services.resolver import Resolver
from mailseal.services.selftest import SelfTest
from mailseal.services.surveyor import Surveyor


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyService:
    """One of each; whoever opened them closes them."""

    resolver: Resolver
    discoverer: Discoverer
    surveyor: Surveyor
    refresher: Refresher
    explainer: Explainer
    store: PolicyStore
    pins: PinBook
    follower: Follower | None = None  # None where nobody stays long enough to need one
    self_test: SelfTest | None = None  # None where DANE is off by configuration
    census: Census | None = None  # None where nobody can ask for its figures
    meter: Meter = field(default_factory=Meter)

    def counters(self) -> dict[str, int]:
        """Return what can be counted without asking the store."""
        mx_sets, hosts = self.surveyor.sizes
        counters = {
            "domains_in_memory": len(self.discoverer),
            "mx_sets": mx_sets,
            "hosts": hosts,
            "policies_unsaved": self.discoverer.unsaved,
        }
        if self.pins.in_use is not None:
            counters["pins"] = len(self.pins.in_use.pins)
            counters["pins_expire_at"] = int(self.pins.in_use.expires.timestamp())
        if self.self_test is None:
            return {**counters, "dane_is_on": 0}
        return {**counters, **self.self_test.counters()}
