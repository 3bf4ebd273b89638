"""Builds the object graph from a ``Config``: the only module that knows every part.

Here alone is the real clock read, the database opened and an adapter chosen for each door.
What is heavy is imported when it is needed, so that ``mailseal --help`` need not wait for it.
"""

import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailseal.config import Config, LogSettings
    from mailseal.faces.doctor import DoorFacts
    from mailseal.faces.policyd.answerer import Plan
    from mailseal.mtasts.foreign import ForeignPolicy
    from mailseal.names import Domain
    from mailseal.net.dns import Resolver as DnsResolver
    from mailseal.net.dns import ResolverAddress
    from mailseal.services.pinbook import PinBook
    from mailseal.services.policyservice import PolicyService


class SystemClock:
    """The machine's clocks (the ``ports.Clock`` protocol)."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()


clock = SystemClock()


def read_foreign_cache(source: str) -> "Iterator[list[ForeignPolicy]]":
    """Open the cache of postfix-mta-sts-resolver: a Redis or PostgreSQL URL, or an SQLite file.

    Raises ``RedisError`` or ``StoreError``, as does reading on.
    """
    if source.startswith(("redis://", "rediss://", "unix://")):
        from mailseal.net.redis import parse_redis_url, read_redis

        return read_redis(parse_redis_url(source))
    from mailseal.store.foreigncache import read_postgresql, read_sqlite

    if source.startswith(("postgresql://", "postgres://")):
        return read_postgresql(source)
    return read_sqlite(Path(source))


@contextlib.asynccontextmanager
async def open_service(
    config: "Config", on_change: "Callable[[Domain], None]"
) -> "AsyncIterator[PolicyService]":
    """Open doors and store, build the actors, and close them all behind the block.

    Raises ``StoreError`` where the store cannot be opened.
    """
    from mailseal.decision import Rules
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
    from mailseal.services.resolver import Resolver, ResolverLimits
    from mailseal.services.selftest import SelfTest, SelfTestLimits
    from mailseal.services.surveyor import SurveyLimits, Surveyor
    from mailseal.store import open_store
    from mailseal.wire.profiles import profiles, zone_forms

    clock = SystemClock()
    meter = Meter()
    opened = await open_store(
        config.store.url.reveal(), max_policies=config.store.max_policies, may_be_away=True
    )
    meter.corrupt_rows = lambda: opened.corrupt_rows
    store = counted_store(opened, meter)
    dns, dane_dns = _open_dns(config)
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
    pins = _pin_book(config, clock, dns, on_change)
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
        on_fetched=pins.note_fetched,
    )
    surveyor = Surveyor(
        CountedDns(dane_dns, meter, clock),
        clock,
        SurveyLimits(
            max_mx_hosts=config.limits.max_mx_hosts,
            max_flights=config.limits.cold_lookups,
            lookup_timeout=config.dns.timeout,
            refresh_at=config.dane.refresh_at,
            max_ttl=config.dane.ttl_max,
            failed_fresh=config.dns.failed_retry,
            failed_usable=config.dns.failed_wait,
        ),
    )
    tested = _open_tested(config)

    def use_others(aside: frozenset[str]) -> None:
        """Ask none of these for DANE, and forget what may have come from them."""
        dane_dns.set_aside([address for address in tested if str(address) in aside])
        surveyor.forget_all()
        for domain in resolver.doubted_domains():
            on_change(domain)

    self_test = SelfTest(
        doors={str(address): door for address, door in tested.items()},
        clock=clock,
        limits=SelfTestLimits(
            signed_name=config.dane.self_test_name,
            bogus_name=config.dane.self_test_bogus_name or "",
            interval=config.dane.self_test_interval,
            lookup_timeout=config.dns.timeout,
        ),
        on_change=use_others,
    )
    resolver = Resolver(
        self_test=self_test,
        exceptions=Exceptions(
            clock=clock,
            overrides=Overrides([one.override for one in config.overrides]),
            pins=pins,
            default_wants_dane=config.answers.mta_default in {"dane", "dane-only"},
        ),
        discoverer=discoverer,
        surveyor=surveyor,
        store=store,
        clock=clock,
        rules=Rules(
            has_dane=config.dane.enabled,
            partial_dane=config.dane.partial,
            default_is_dane=config.answers.mta_default not in {"none", "may", "encrypt"},
        ),
        limits=ResolverLimits(
            recheck_before_temp=sts.id_check_before_hold,
            temp_fresh=config.answers.temp_ttl / 3,
            temp_usable=config.answers.temp_ttl,
            pin_wait=sts.id_check_timeout,
        ),
    )
    try:
        await pins.open()
        yield PolicyService(
            resolver=resolver,
            discoverer=discoverer,
            surveyor=surveyor,
            refresher=Refresher(
                discoverer=discoverer, store=store, clock=clock, keep_expired=sts.keep_expired
            ),
            explainer=Explainer(
                resolver=resolver,
                discoverer=discoverer,
                clock=clock,
                profiles=profiles(testing=config.answers.testing),
                zones=zone_forms(config.zones, testing=config.answers.testing),
            ),
            store=store,
            follower=Follower(discoverer=discoverer, store=store),
            pins=pins,
            self_test=self_test if config.dane.enabled else None,
            census=Census(store, clock),
            meter=meter,
        )
    finally:
        await pins.aclose()
        await self_test.aclose()
        await surveyor.aclose()
        await discoverer.aclose()
        for door in {dns, dane_dns, *tested.values()}:
            await door.close()
        await store.aclose()


def _pin_book(
    config: "Config",
    clock: SystemClock,
    dns: "DnsResolver",
    on_change: "Callable[[Domain], None]",
) -> "PinBook":
    """Return the book of pins, which stays empty without a source."""
    from mailseal.net.https.pinlist import HttpsPinSource
    from mailseal.ports import PinSource
    from mailseal.services.pinbook import PinBook
    from mailseal.store.pinfiles import FilePinSource, PinFiles

    name, https = config.pins.source, config.https
    if name is None:
        return PinBook(clock=clock)
    source: PinSource = FilePinSource(Path(name))
    if name.startswith("https:"):
        ca_file = str(https.ca_file) if https.ca_file else None
        source = HttpsPinSource(name, dns, ca_file=ca_file, proxy=https.proxy)
    return PinBook(
        clock=clock,
        source=source,
        shelf=PinFiles(config.state_dir, name),
        keys=config.pins.keys,
        check_interval=config.pins.check_interval,
        on_change=on_change,
    )


def _open_dns(config: "Config") -> "tuple[DnsResolver, DnsResolver]":
    """Return the resolvers for policies, and those that DANE verdicts may be built upon.

    Failing over to a resolver whose validation is not trusted would prove an absence that is
    none, so DANE asks the trusted ones alone, if there are any (RFC 7672 §2.1.1).
    """
    from mailseal.net.dns import Resolver

    addresses = resolver_addresses(config)
    dns = Resolver(addresses)
    believed = [address for address in addresses if address.is_trusted]
    return dns, Resolver(believed) if believed else dns


def _open_tested(config: "Config") -> "dict[ResolverAddress, DnsResolver]":
    """Return a resolver for each address whose validation is relied on, to be tested alone."""
    from mailseal.net.dns import Resolver

    return {
        address: Resolver([address]) for address in resolver_addresses(config) if address.is_trusted
    }


def resolver_addresses(config: "Config") -> "list[ResolverAddress]":
    """Return the resolvers to ask, and which of them are believed about validation."""
    from mailseal.config import system_resolvers
    from mailseal.net.dns import ResolverAddress

    trusted = set(config.dns.trust_ad)
    return [
        ResolverAddress(host=one.host, port=one.port, trust_ad=one.host in trusted)
        for one in config.dns.resolvers or system_resolvers()
    ]


def look_through_doors(config: "Config") -> "DoorFacts":
    """Test every resolver, trusted or not, and count the authorities: for ``mailseal doctor``."""
    import asyncio

    from mailseal.doctor.machine import ResolverFact, TrustStoreFact
    from mailseal.faces.doctor import DoorFacts
    from mailseal.net.https.trust import TrustStoreError, count_authorities
    from mailseal.services.selftest import SelfTestLimits, test_resolver

    limits = SelfTestLimits(
        signed_name=config.dane.self_test_name,
        bogus_name=config.dane.self_test_bogus_name or "",
        lookup_timeout=config.dns.timeout,
    )

    async def test(address: "ResolverAddress") -> ResolverFact:
        from mailseal.net.dns import Resolver

        door = Resolver([address])
        try:
            result = await test_resolver(door, limits)
        finally:
            await door.close()
        return ResolverFact(address=str(address), is_trusted=address.is_trusted, result=result)

    async def test_all() -> tuple[ResolverFact, ...]:
        return tuple(await asyncio.gather(*map(test, resolver_addresses(config))))

    ca_file = config.https.ca_file
    try:
        source, count = count_authorities(str(ca_file) if ca_file else None)
        trust_store = TrustStoreFact(source=source, authorities=count)
    except TrustStoreError as error:
        trust_store = TrustStoreFact(source=str(ca_file or "trust store"), error=str(error))
    return DoorFacts(resolvers=asyncio.run(test_all()), trust_store=trust_store)


def set_up_logging(settings: "LogSettings") -> None:
    """Let every module log to standard error in the form that the configuration asks for."""
    import logging

    import structlog

    from mailseal.config import LogFormat
    from mailseal.faces import logline

    render = logline.render_json if settings.format is LogFormat.JSON else logline.render_text
    level = logline.LEVELS[settings.level]

    def write_out(_logger: object, _method: str, fields: structlog.typing.EventDict) -> str:
        event, severity = str(fields.pop("event")), str(fields.pop("level"))
        trace = fields.pop("exception", "")
        line = render(datetime.now(UTC), severity, event, fields)
        return f"{line}\n{trace}" if trace else line

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, write_out],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries, and the store, use the standard library's loggers.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, write_out],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def serve(config: "Config", read_config: "Callable[[], Config]") -> int:
    """Run the policy service until a signal ends it; return the exit status.

    ``read_config`` reads the configuration anew for a reload; it raises ``ConfigError``.
    """
    from mailseal.config import ConfigError, take_handover
    from mailseal.faces.policyd import plan, privileges, process
    from mailseal.faces.policyd.servicemanager import Notifier

    handover = take_handover()
    passed = plan.adopt(handover.sockets)

    def read_plan() -> "Plan":
        try:
            return plan.make_plan(read_config(), passed)
        except ConfigError as error:
            raise process.UnusablePlanError(
                tuple(f"{error.source}: {problem}" for problem in error.problems)
            ) from error

    first = plan.make_plan(config, passed)
    return process.run(
        first.config,
        [sys.executable, "-m", "mailseal.wiring"],
        first.hello,
        process.Surroundings(
            notifier=Notifier(handover.notify_socket, watchdog_seconds=handover.watchdog_seconds),
            read_plan=read_plan,
            when_open=lambda: privileges.become(
                config.process.user, config.process.group, state_dir=config.state_dir
            ),
        ),
    )


def main() -> None:
    """Run the command line; what we raise by intention is told in a line."""
    import mailseal
    from mailseal.faces.cli import cli

    try:
        cli(obj=sys.modules[__name__])
    except mailseal.Error as error:
        sys.exit(f"mailseal: {error}")


def _run_resolver(arguments: Sequence[str]) -> int:
    from mailseal.faces.policyd import resolver

    def open_logged(
        config: "Config", on_change: "Callable[[Domain], None]"
    ) -> "contextlib.AbstractAsyncContextManager[PolicyService]":
        set_up_logging(config.log)
        return open_service(config, on_change)

    return resolver.run(arguments, open_logged)


if __name__ == "__main__":
    sys.exit(_run_resolver(sys.argv[1:]))
