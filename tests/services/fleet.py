"""Nodes that share one store: each an actor's memory of its own, with one world around them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Generic, TypeVar

from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.policystore import PolicyStore
from mailseal.services.follower import Follower
from mailseal.services.refresher import Refresher
from mailseal.testing import FakeDns, FakePolicyHosts, ManualClock
from tests.services.world import DOMAIN, LONG, new_discoverer, publish

StoreT = TypeVar("StoreT", bound=PolicyStore)


class Node(Generic[StoreT]):
    """One machine: its own memory and its own way to the store."""

    def __init__(self, fleet: "Fleet[StoreT]", store: StoreT) -> None:
        self.store = store
        self.changed: list[Domain] = []
        self.purged: list[Domain] = []
        self.discoverer = new_discoverer(
            dns=fleet.dns,
            fetcher=fleet.hosts,
            store=store,
            clock=fleet.clock,
            on_change=self.changed.append,
            on_purged=self.purged.append,
        )
        self.refresher = Refresher(
            discoverer=self.discoverer,
            store=store,
            clock=fleet.clock,
            keep_expired=timedelta(days=30),
        )
        self.follower = Follower(discoverer=self.discoverer, store=store)

    async def mode(self, domain: Domain = DOMAIN) -> Mode | None:
        """Return the mode in force here."""
        view = await self.discoverer.policy_for(domain, timeout=LONG)
        return view.policy.mode if view.policy else None

    def held(self, domain: Domain = DOMAIN) -> Mode | None:
        """Return the mode that memory holds, asking nobody."""
        state = self.discoverer._states.get(domain)
        return state.cached.policy.mode if state and state.cached else None


class Fleet(Generic[StoreT]):
    """Nodes, one for each way to the store, with one DNS, one policy host and one clock."""

    def __init__(self, stores: Iterable[StoreT]) -> None:
        self.dns = FakeDns()
        self.hosts = FakePolicyHosts()
        self.clock = ManualClock()
        self.nodes = [Node(self, store) for store in stores]

    def publish(self, domain: str = DOMAIN, *, mode: str = "enforce", record_id: str = "1") -> None:
        """Let a domain take part."""
        mx = ("mx.example.com",)
        publish(self.dns, self.hosts, domain, mode, mx, record_id=record_id)
