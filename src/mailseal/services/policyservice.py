"""The actors of the policy service, made for each other: what a face is given to work with."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailseal.ports.policystore import PolicyStore
from mailseal.services.census import Census
from mailseal.services.discoverer import Discoverer
from mailseal.services.explainer import Explainer
from mailseal.services.follower import Follower
from mailseal.services.meter import Meter
from mailseal.services.pinbook import PinBook
from mailseal.services.refresher import Refresher
from mailseal.services.views import Views

if TYPE_CHECKING:
    # It knows every check, and a question about a next hop needs none of them.
    from mailseal.services.watchservice import WatchService


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyService:
    """One of each, but as many views of DNS as there are; whoever opened them closes them."""

    views: Views
    discoverer: Discoverer
    refresher: Refresher
    explainer: Explainer
    store: PolicyStore
    pins: PinBook
    follower: Follower | None = None  # None where nobody stays long enough to need one
    census: Census | None = None  # None where nobody can ask for its figures
    watch: "WatchService | None" = None  # None where domains are not watched
    meter: Meter = field(default_factory=Meter)

    def counters(self) -> dict[str, int]:
        """Return what can be counted without asking the store."""
        counters = {
            "domains_in_memory": len(self.discoverer),
            "domains_evicted": self.discoverer.evictions,
            "policies_unsaved": self.discoverer.unsaved,
        }
        return {**counters, **self.pins.counters(), **self.views.counters()}
