"""The views of DNS: what depends on which resolvers are asked, once for each set of them.

Where mail goes and what DANE says of its hosts can differ between two networks, so a zone may
have resolvers of its own. A policy cannot: it is proven by its host's certificate, whoever found
it, and is shared by all views.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailseal.names import Domain
from mailseal.services.resolver import Resolver
from mailseal.services.selftest import SelfTest
from mailseal.services.surveyor import Surveyor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """What is seen through one set of resolvers, and who decides by it.

    ``zones`` ask ``resolvers`` of their own; both are empty for those of the whole service.
    """

    resolver: Resolver
    surveyor: Surveyor
    self_test: SelfTest | None = None  # None where DANE is off by configuration
    resolvers: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()

    def forget(self, domain: Domain) -> None:
        """Look a domain's hosts up anew, and judge them by nothing older."""
        self.surveyor.forget(domain)
        self.resolver.forget(domain)


class Views:
    """All views; most services have one."""

    def __init__(self, default: View, others: Sequence[View] = ()) -> None:
        self.default = default
        self._all = (default, *others)
        self._by_zone = {zone: view for view in others for zone in view.zones}

    def __iter__(self) -> Iterator[View]:
        return iter(self._all)

    def of(self, zone: str) -> View:
        """Return the view of a zone, or of whatever else asks."""
        return self._by_zone.get(zone, self.default)

    def forget(self, domain: Domain) -> None:
        """Let every view look at a domain anew."""
        for view in self._all:
            view.forget(domain)

    def counters(self) -> dict[str, int]:
        """Return what can be counted; DANE is on when it is in every view."""
        counters = {"mx_sets": 0, "hosts": 0, "mx_sets_evicted": 0, "hosts_evicted": 0}
        is_on = 1
        for view in reversed(self._all):  # of an address in two views, the default's word
            mx_sets, hosts = view.surveyor.sizes
            counters["mx_sets"] += mx_sets
            counters["hosts"] += hosts
            mx_sets, hosts = view.surveyor.evictions
            counters["mx_sets_evicted"] += mx_sets
            counters["hosts_evicted"] += hosts
            told = view.self_test.counters() if view.self_test is not None else {"dane_is_on": 0}
            is_on = min(is_on, told["dane_is_on"])
            counters |= told
        return {**counters, "dane_is_on": is_on}
