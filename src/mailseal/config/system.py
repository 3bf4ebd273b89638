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
    resolvers = config.dns.resolvers or system_resolvers()
    if config.dane.enabled and not any(
        resolver.is_loopback or resolver.host in config.dns.trust_ad for resolver in resolvers
    ):
        shown = ", ".join(str(resolver) for resolver in resolvers)
        warnings.append(
            f"no resolver ({shown}) is on this machine or in [dns] trust_ad, so no answer counts "
            "as validated and there is no DANE; run a validating resolver such as unbound here"
        )
    return Findings(errors=tuple(errors), warnings=tuple(warnings))


def _is_known(look_up: Callable[[str], object], name: str) -> bool:
    try:
        look_up(name)
    except KeyError:
        return False
    return True
