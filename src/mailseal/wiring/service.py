"""The actors of the policy service, built from a ``Config`` and closed behind their use."""

import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from mailseal.wiring.clock import clock
from mailseal.wiring.doors import open_dns, open_pin_book
from mailseal.wiring.views import open_views
from mailseal.wiring.watching import build_watch

if TYPE_CHECKING:
    from mailseal.config import Config
    from mailseal.names import Domain
    from mailseal.services.policyservice import PolicyService


@contextlib.asynccontextmanager
async def open_service(
    config: "Config", on_change: "Callable[[Domain], None]", *, has_watch: bool = False
) -> "AsyncIterator[PolicyService]":
    """Open doors and store, build the actors, and close them all behind the block.

    Those who watch domains are built with ``has_watch`` only: nobody else stays long enough.
    Raises ``StoreError`` where the store cannot be opened.
    """
    from mailseal.mtasts.freshness import Intervals
    from mailseal.net.https import HttpsPolicyFetcher
    from mailseal.overrides import Overrides
    from mailseal.services.census import Census
    from mailseal.services.discoverer import Discoverer, DiscoveryLimits
    from mailseal.services.exceptions import Exceptions
    from mailseal.services.explainer import Explainer
    from mailseal.services.follower import Follower
    from mailseal.services.meter import CountedDns, CountedFetcher, Meter, counted_store
    from mailseal.services.policyservice import PolicyService
    from mailseal.services.refresher import Refresher
    from mailseal.store import open_store
    from mailseal.wire.profiles import profiles, zone_forms

    meter = Meter()
    opened = await open_store(
        config.store.url.reveal(), max_policies=config.store.max_policies, may_be_away=True
    )
    meter.corrupt_rows = lambda: opened.corrupt_rows
    store = counted_store(opened, meter)
    dns = open_dns(config)
    counted_dns = CountedDns(dns, meter, clock)
    sts, https = config.sts, config.https
    fetcher = HttpsPolicyFetcher(
        counted_dns,
        ca_file=str(https.ca_file) if https.ca_file else None,
        allow_private=https.allow_private_addresses,
        require_text_plain=https.require_text_plain,
        proxy=https.proxy,
        max_fetches=config.limits.fetches,
    )
    pins = open_pin_book(config, clock, dns, on_change)

    def forget_hosts(domain: "Domain") -> None:
        """Look a purged domain's hosts up anew; the views are made after the discoverer."""
        views.forget(domain)

    discoverer = Discoverer(
        dns=counted_dns,
        fetcher=CountedFetcher(fetcher, meter, clock),
        store=store,
        clock=clock,
        intervals=Intervals(
            id_check_max_age=sts.id_check_max_age,
            id_ttl_min=sts.id_ttl_min,
            id_ttl_max=sts.id_ttl_max,
            id_retry=config.dns.failed_retry,
            id_backoff=config.dns.failed_wait,
            refetch=sts.refetch_interval,
            fetch_backoff_min=sts.fetch_backoff_min,
            fetch_backoff_max=sts.fetch_backoff_max,
        ),
        limits=DiscoveryLimits(
            max_domains=config.limits.known_domains,
            max_bytes=config.limits.known_mib * 1024 * 1024,
            lookup_timeout=config.dns.timeout,
            id_check_timeout=sts.id_check_timeout,
            fetch_timeout=config.https.timeout,
            negative_max=sts.negative_ttl_max,
            failed_lookup=sts.failed_txt_ttl,
            overtime=config.answers.unfinished_ttl,
            fail_closed=config.answers.fail_closed,
        ),
        jitter=random.random,
        on_change=on_change,
        on_purged=forget_hosts,
        on_fetched=pins.note_fetched,
    )
    exceptions = Exceptions(
        clock=clock,
        overrides=Overrides([one.override for one in config.overrides]),
        pins=pins,
        default_wants_dane=config.answers.mta_default.is_dane,
    )
    try:
        await pins.open()
        async with open_views(
            config,
            discoverer=discoverer,
            exceptions=exceptions,
            store=store,
            meter=meter,
            on_change=on_change,
        ) as views:
            yield PolicyService(
                views=views,
                discoverer=discoverer,
                refresher=Refresher(
                    discoverer=discoverer, store=store, clock=clock, keep_expired=sts.keep_expired
                ),
                explainer=Explainer(
                    views=views,
                    discoverer=discoverer,
                    clock=clock,
                    profiles=profiles(testing=config.answers.testing),
                    zones=zone_forms(config.zones, testing=config.answers.testing),
                ),
                store=store,
                follower=Follower(discoverer=discoverer, store=store),
                pins=pins,
                census=Census(store, clock),
                watch=build_watch(config, opened.history) if has_watch else None,
                meter=meter,
            )
    finally:
        await pins.aclose()
        await discoverer.aclose()
        await dns.close()
        await store.aclose()
