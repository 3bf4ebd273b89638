"""The views of DNS: doors to each set of resolvers, and the actors that see the world by it."""

import contextlib
import functools
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mailseal.wiring.clock import clock
from mailseal.wiring.doors import open_tested, open_trusted, self_test_limits, to_addresses

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.names import Domain
    from mailseal.ports.policystore import PolicyStore
    from mailseal.services.discoverer import Discoverer
    from mailseal.services.exceptions import Exceptions
    from mailseal.services.meter import Meter
    from mailseal.services.resolver import ResolverLimits
    from mailseal.services.surveyor import SurveyLimits
    from mailseal.services.views import View, Views


@contextlib.asynccontextmanager
async def open_views(
    config: "Config",
    *,
    discoverer: "Discoverer",
    exceptions: "Exceptions",
    store: "PolicyStore",
    meter: "Meter",
    on_change: "Callable[[Domain], None]",
) -> "AsyncIterator[Views]":
    """Build a view for the whole service and one for each set of resolvers that zones have.

    What bounds the looking up of hosts is shared out among them.
    """
    from mailseal.config import dns_views
    from mailseal.services.meter import CountedDns
    from mailseal.services.resolver import Resolver
    from mailseal.services.selftest import SelfTest
    from mailseal.services.surveyor import Surveyor
    from mailseal.services.views import View, Views
    from mailseal.wiring.rules import decision_rules

    async with contextlib.AsyncExitStack() as closing:
        seen = dns_views(config)

        def make(number: int) -> "View":
            zones = seen[number].zones
            addresses = to_addresses(config, seen[number].resolvers)
            names = tuple(map(str, addresses)) if zones else ()
            dns, tested = open_trusted(addresses), open_tested(addresses)
            surveyor = Surveyor(
                CountedDns(dns, meter, clock),
                clock,
                _survey_limits(config, shares=len(seen)),
                port_of=port_of,
            )

            def use_others(aside: frozenset[str]) -> None:
                """Ask none of these for DANE, and forget what may have come from them."""
                dns.set_aside([address for address in tested if str(address) in aside])
                surveyor.forget_all()
                for domain in resolver.doubted_domains():
                    on_change(domain)

            self_test = SelfTest(
                doors={str(address): door for address, door in tested.items()},
                clock=clock,
                limits=self_test_limits(config),
                on_change=use_others,
                resolvers=names,
            )
            resolver = Resolver(
                self_test=self_test,
                exceptions=exceptions,
                discoverer=discoverer,
                surveyor=surveyor,
                store=store,
                clock=clock,
                rules=decision_rules(config),
                limits=_resolver_limits(config),
                resolvers=names,
            )
            for door in (dns, *tested.values()):
                closing.push_async_callback(door.close)
            closing.push_async_callback(surveyor.aclose)
            closing.push_async_callback(self_test.aclose)
            return View(
                resolver=resolver,
                surveyor=surveyor,
                self_test=self_test if config.dane.enabled else None,
                resolvers=names,
                zones=zones,
            )

        default, *others = map(make, range(len(seen)))
        yield Views(default, others)


@functools.lru_cache(maxsize=1024)  # the file is read anew each time
def port_of(service: str) -> int | None:
    """Return the port that a service has by /etc/services, where MTAs look for it too."""
    try:
        return socket.getservbyname(service, "tcp")
    except OSError:
        return None


def _survey_limits(config: "Config", *, shares: int) -> "SurveyLimits":
    from mailseal.services.surveyor import SurveyLimits

    limits = SurveyLimits(
        max_mx_hosts=config.limits.max_mx_hosts,
        max_flights=max(1, config.limits.cold_lookups // shares),
        lookup_timeout=config.dns.timeout,
        refresh_at=config.dane.refresh_at,
        max_ttl=config.dane.ttl_max,
        failed_fresh=config.dns.failed_retry,
        failed_usable=config.dns.failed_wait,
    )
    return replace(limits, max_entries=limits.max_entries // shares)


def _resolver_limits(config: "Config") -> "ResolverLimits":
    from mailseal.services.resolver import ResolverLimits

    return ResolverLimits(
        recheck_before_temp=config.sts.id_check_before_hold,
        temp_fresh=config.answers.temp_ttl / 3,
        temp_usable=config.answers.temp_ttl,
        pin_wait=config.sts.id_check_timeout,
    )
