"""Where configuration and machine meet: /etc/resolv.conf, accounts, files that are named."""

import grp
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailseal.config.addresses import DNS_PORT, TcpAddress, resolver_address
from mailseal.config.kinds import RefusedValueError
from mailseal.config.settings import Config

RESOLV_CONF = Path("/etc/resolv.conf")
MAX_NAMESERVERS = 3  # MAXNS, resolv.conf(5): the C library ignores further ones too
MAX_RESOLV_CONF_BYTES = 64 * 1024  # ours: such files have some hundred bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What does not fit: ``errors`` keep the service from starting, ``warnings`` weaken it."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def system_resolvers(path: Path = RESOLV_CONF) -> tuple[TcpAddress, ...]:
    """Return the machine's resolvers; 127.0.0.1 when it names none (resolv.conf(5))."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_RESOLV_CONF_BYTES).decode("ascii", "replace")
    except OSError:
        text = ""
    return parse_resolv_conf(text) or (TcpAddress(host="127.0.0.1", port=DNS_PORT),)


def parse_resolv_conf(text: str) -> tuple[TcpAddress, ...]:
    """Read the ``nameserver`` lines; what cannot be an address is passed over."""
    found: list[TcpAddress] = []
    for line in text.split("\n"):
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = resolver_address().read(words[1])
        except RefusedValueError:
            continue
        if address not in found:
            found.append(address)
    return tuple(found[:MAX_NAMESERVERS])


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsView:
    """A set of resolvers, and the zones that ask it; none named are all the others."""

    resolvers: tuple[TcpAddress, ...]
    zones: tuple[str, ...] = ()


def dns_views(config: Config) -> tuple[DnsView, ...]:
    """Return every different set of resolvers once, that of the whole service first."""
    default = config.dns.resolvers or system_resolvers()
    zones: dict[tuple[TcpAddress, ...], list[str]] = {}
    for name, zone in config.zones.items():
        if zone.resolvers and zone.resolvers != default:
            zones.setdefault(zone.resolvers, []).append(name)
    others = (DnsView(resolvers=own, zones=tuple(names)) for own, names in zones.items())
    return (DnsView(resolvers=default), *others)


def look_around(config: Config) -> Findings:
    """Compare a configuration with this machine, as far as files and accounts go."""
    errors: list[str] = []
    warnings: list[str] = []
    if (ca_file := config.https.ca_file) is not None and not os.access(ca_file, os.R_OK):
        errors.append(f"[https] ca_file {ca_file} cannot be read")
    for number, listener in enumerate(config.listen, 1):
        place = f"[[listen]] number {number}"
        if listener.owner is not None and not _is_known(pwd.getpwnam, listener.owner):
            errors.append(f'{place} owner "{listener.owner}" is no user of this machine')
        if listener.group is not None and not _is_known(grp.getgrnam, listener.group):
            errors.append(f'{place} group "{listener.group}" is no group of this machine')
    pins = config.pins.source
    if pins is not None and pins.startswith("/") and not os.access(pins, os.R_OK):
        warnings.append(f"[pins] source {pins} cannot be read; the last good list is used, if any")
    process = config.process
    if process.user is not None and not _is_known(pwd.getpwnam, process.user):
        errors.append(f'[process] user "{process.user}" is no user of this machine')
    if process.group is not None and not _is_known(grp.getgrnam, process.group):
        errors.append(f'[process] group "{process.group}" is no group of this machine')
    for view in dns_views(config) if config.dane.enabled else ():
        if any(one.is_loopback or one.host in config.dns.trust_ad for one in view.resolvers):
            continue
        shown = ", ".join(str(resolver) for resolver in view.resolvers)
        where = f" for {_zones(view.zones)}" if view.zones else ""
        warnings.append(
            f"no resolver ({shown}) is on this machine or in [dns] trust_ad, so no answer counts "
            f"as validated and there is no DANE{where}; run a validating resolver such as unbound "
            "here"
        )
    return Findings(errors=tuple(errors), warnings=tuple(warnings))


def _zones(names: tuple[str, ...]) -> str:
    return f"the {'zone' if len(names) == 1 else 'zones'} {', '.join(names)}"


def _is_known(look_up: Callable[[str], object], name: str) -> bool:
    try:
        look_up(name)
    except KeyError:
        return False
    return True
