"""The checker of other people's domains, built from a ``Config`` and closed behind its use."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import mailseal
from mailseal.wiring.clock import clock
from mailseal.wiring.doors import open_tested, open_trusted, self_test_limits, to_addresses
from mailseal.wiring.prober import open_apart

if TYPE_CHECKING:
    from mailseal.checks.evidence import Observer
    from mailseal.config import Config
    from mailseal.net.dns import Resolver, ResolverAddress
    from mailseal.scans.listing import NameSet
    from mailseal.scans.optouts import OptOuts
    from mailseal.services.checker import Checker, CheckLimits
    from mailseal.services.probes import ProbeLimits
    from mailseal.store.scanboard import ScanBoard

DEEP_FACTOR = 2.5  # ours: connections to an address are made one after another, and few hosts have
# more than three


@contextlib.asynccontextmanager
async def open_checker(
    config: "Config", *, opt_outs: "OptOuts | None" = None, is_scan: bool = False
) -> "AsyncIterator[Checker]":
    """Open the doors, build a checker, and close all behind the block.

    Mail hosts among the ``opt_outs`` are not connected to. What a scan will not ask again is not
    remembered, and once it has met many policy hosts, a process of its own looks at them.

    The resolvers are tested first, which takes as long as one look-up. Sessions with mail
    servers are shared by all domains that the checker looks at. Raises ``TrustStoreError`` where
    no authority can be read.
    """
    from mailseal.config import dns_views
    from mailseal.names import Domain
    from mailseal.net.dns.authority import AuthorityProber
    from mailseal.net.https.prober import HttpsPolicyProber
    from mailseal.net.smtp import NetSmtpProber, find_ehlo_name
    from mailseal.net.tls.trust import TrustStore
    from mailseal.services.checker import Checker
    from mailseal.services.dnsmemory import RememberingDns, is_of_mail_hosts
    from mailseal.services.port25 import Port25
    from mailseal.services.probes import SharedProbes
    from mailseal.services.sparing import SparingSmtp

    https = config.https
    trust = await asyncio.to_thread(TrustStore, str(https.ca_file) if https.ca_file else None)
    addresses = to_addresses(config, dns_views(config)[0].resolvers)
    dns = open_trusted(addresses)
    name = config.check.name
    if not name:
        name = await asyncio.to_thread(find_ehlo_name)
    prober = NetSmtpProber(
        trust=trust, clock=clock, ehlo_name=name, allow_private=https.allow_private_addresses
    )
    probes = SharedProbes(prober, clock=clock, limits=_probe_limits(config))
    references = [Domain(host) for host in config.check.port_25_references]
    port25 = Port25(smtp=probes, dns=dns, references=references)
    near = HttpsPolicyProber(
        trust=trust,
        clock=clock,
        user_agent=_user_agent(config),
        allow_private=https.allow_private_addresses,
        proxy=https.proxy,
        max_probes=config.limits.fetches,
    )
    apart = open_apart(config, near, _user_agent(config)) if is_scan else None
    try:
        yield Checker(
            dns=RememberingDns(dns, clock=clock, is_kept=is_of_mail_hosts if is_scan else None),
            policies=apart or near,
            smtp=SparingSmtp(probes, opt_outs=opt_outs, clock=clock) if opt_outs else probes,
            clock=clock,
            observer=_observe_self(config, name, await _test_resolvers(config, dns, addresses)),
            limits=_check_limits(config),
            zones=AuthorityProber(allow_private=https.allow_private_addresses),
            port25=port25,
        )
    finally:
        if apart is not None:
            await apart.aclose()
        await port25.aclose()
        await probes.aclose()
        await dns.close()


def open_names() -> "contextlib.AbstractContextManager[NameSet]":
    """Open an empty set of names, of any size, that is gone behind its use."""
    from mailseal.store.nameset import DiskNames

    return DiskNames()


def open_scan_board(config: "Config") -> "contextlib.AbstractAsyncContextManager[ScanBoard]":
    """Open the scans that machines share; raise ``StoreUnavailableError`` where there are none."""
    from mailseal.store.errors import StoreUnavailableError

    try:
        from mailseal.store.scanboard import open_scan_board as open_board
    except ImportError as error:
        raise StoreUnavailableError(
            'scans on many machines need procrastinate: install "mailseal[worker]"'
        ) from error
    return open_board(config.store.url.reveal())


def _user_agent(config: "Config") -> str:
    product = f"mailseal/{mailseal.__version__}"
    return f"{product} (+{config.check.contact})" if config.check.contact else product


def _observe_self(config: "Config", name: str, validates: bool | None) -> "Observer":
    from mailseal.checks.evidence import Observer
    from mailseal.net.connecting import has_way_out

    # In a lab no way leads to the Internet; there the probes find out by themselves.
    is_lab = config.https.allow_private_addresses
    return Observer(
        program=f"mailseal/{mailseal.__version__}",
        name=name,
        has_ipv4=is_lab or has_way_out(socket.AF_INET),
        has_ipv6=is_lab or has_way_out(socket.AF_INET6),
        validates=validates,
        is_inside=is_lab,
    )


async def _test_resolvers(
    config: "Config", dns: "Resolver", addresses: "Sequence[ResolverAddress]"
) -> bool | None:
    """Tell whether the resolvers validate, None where that is not known; leave out who does not.

    The AD flag of resolvers far away is not believed, so they count as if they did not.
    """
    from mailseal.dane.validation import Validation, find_aside, together
    from mailseal.services.selftest import test_resolver

    limits = self_test_limits(config)
    doors = open_tested(addresses)
    try:
        results = await asyncio.gather(*(test_resolver(door, limits) for door in doors.values()))
    finally:
        for door in doors.values():
            await door.close()
    known = {one: result.validation for one, result in zip(doors, results, strict=True)}
    dns.set_aside(find_aside(known))
    return {Validation.PROVEN: True, Validation.UNPROVEN: None, Validation.DISPROVEN: False}[
        together(known.values())
    ]


def _check_limits(config: "Config") -> "CheckLimits":
    from mailseal.checks.reading import MAX_MX_HOSTS
    from mailseal.services.checker import CheckLimits

    check = config.check
    return CheckLimits(
        total=check.timeout,
        deep_total=check.timeout * DEEP_FACTOR,
        lookup_timeout=config.dns.timeout,
        fetch_timeout=check.fetch_timeout,
        # Its turn may come late; how long it takes then is for the probes to bound.
        session_timeout=check.timeout * DEEP_FACTOR,
        max_mx_hosts=min(config.limits.max_mx_hosts, MAX_MX_HOSTS),
    )


def _probe_limits(config: "Config") -> "ProbeLimits":
    from mailseal.services.probes import ProbeLimits

    check = config.check
    return ProbeLimits(
        session_timeout=check.session_timeout,
        keep=check.keep_sessions,
        keep_failed=min(check.keep_sessions, check.pause_when_busy),
        address_pause=check.pause_per_address,
        busy_pause=check.pause_when_busy,
        max_sessions=check.sessions,
        max_per_provider=check.sessions_per_provider,
    )
