"""Which adapter stands behind each door."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailseal.config import Config, TcpAddress
    from mailseal.faces.doctor import DoorFacts
    from mailseal.mtasts.foreign import ForeignPolicy
    from mailseal.names import Domain
    from mailseal.net.dns import Resolver as DnsResolver
    from mailseal.net.dns import ResolverAddress
    from mailseal.ports.clock import Clock
    from mailseal.services.pinbook import PinBook
    from mailseal.services.selftest import SelfTestLimits


def open_dns(config: "Config") -> "DnsResolver":
    """Return the resolvers for policies, those of the whole service."""
    from mailseal.config import dns_views
    from mailseal.net.dns import Resolver

    return Resolver(to_addresses(config, dns_views(config)[0].resolvers))


def open_trusted(addresses: "Sequence[ResolverAddress]") -> "DnsResolver":
    """Return those of some resolvers that DANE verdicts may be built upon.

    Failing over to a resolver whose validation is not trusted would prove an absence that is
    none, so DANE asks the trusted ones alone, if there are any (RFC 7672 §2.1.1).
    """
    from mailseal.net.dns import Resolver

    return Resolver([address for address in addresses if address.is_trusted] or addresses)


def open_tested(
    addresses: "Sequence[ResolverAddress]",
) -> "dict[ResolverAddress, DnsResolver]":
    """Return a resolver for each address whose validation is relied on, to be tested alone."""
    from mailseal.net.dns import Resolver

    return {address: Resolver([address]) for address in addresses if address.is_trusted}


def to_addresses(config: "Config", resolvers: "Sequence[TcpAddress]") -> "list[ResolverAddress]":
    """Return the resolvers to ask, and which of them are believed about validation."""
    from mailseal.net.dns import ResolverAddress

    trusted = set(config.dns.trust_ad)
    return [
        ResolverAddress(host=one.host, port=one.port, trust_ad=one.host in trusted)
        for one in resolvers
    ]


def self_test_limits(config: "Config") -> "SelfTestLimits":
    """Return how resolvers are tested, by the service and by whoever asks them but once."""
    from mailseal.services.selftest import SelfTestLimits

    return SelfTestLimits(
        signed_name=config.dane.self_test_name,
        bogus_name=config.dane.self_test_bogus_name or "",
        interval=config.dane.self_test_interval,
        lookup_timeout=config.dns.timeout,
    )


def open_pin_book(
    config: "Config",
    clock: "Clock",
    dns: "DnsResolver",
    on_change: "Callable[[Domain], None]",
) -> "PinBook":
    """Return the book of pins, which stays empty without a source."""
    from mailseal.net.https.pinlist import HttpsPinSource
    from mailseal.ports.pins import PinSource
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


def look_through_doors(config: "Config") -> "DoorFacts":
    """Test every resolver, trusted or not, and count the authorities: for ``mailseal doctor``."""
    from mailseal.config import dns_views
    from mailseal.doctor.machine import ResolverFact, TrustStoreFact
    from mailseal.faces.doctor import DoorFacts
    from mailseal.net.https.trust import TrustStoreError, count_authorities
    from mailseal.services.selftest import test_resolver

    limits = self_test_limits(config)

    async def test(zones: tuple[str, ...], address: "ResolverAddress") -> ResolverFact:
        from mailseal.net.dns import Resolver

        door = Resolver([address])
        try:
            result = await test_resolver(door, limits)
        finally:
            await door.close()
        return ResolverFact(
            address=str(address), is_trusted=address.is_trusted, result=result, zones=zones
        )

    async def test_all() -> tuple[ResolverFact, ...]:
        tests = (
            test(view.zones, address)
            for view in dns_views(config)
            for address in to_addresses(config, view.resolvers)
        )
        return tuple(await asyncio.gather(*tests))

    ca_file = config.https.ca_file
    try:
        source, count = count_authorities(str(ca_file) if ca_file else None)
        trust_store = TrustStoreFact(source=source, authorities=count)
    except TrustStoreError as error:
        trust_store = TrustStoreFact(source=str(ca_file or "trust store"), error=str(error))
    return DoorFacts(resolvers=asyncio.run(test_all()), trust_store=trust_store)
