"""Who lives where: every host of the lab has its own address below 127.0.0.0/8."""

from collections.abc import Iterable
from dataclasses import dataclass

from lab.model import LabDomain, StartTls

RESOLVER = "127.0.0.53"
RESOLVER_TOO = "127.0.0.1"  # for programs that look there by default
SECOND_RESOLVER = "127.0.0.54"  # runs only in tests that start it
AUTHORITY = "127.0.53.1"
SILENT_AUTHORITY = "127.0.53.99"
A_ONLY_AUTHORITY = "127.0.53.98"
SILENT_HOST = "127.0.0.99"

# The third byte.
_MX, _BEHIND_INTERCEPTOR, _SECOND_MX, _POLICY_HOST = 25, 26, 28, 80


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """Addresses by host name; ``servers`` differ from ``mx`` where somebody sits between.

    ``second`` are those of hosts that have two.
    """

    mx: dict[str, str]
    servers: dict[str, str]
    second: dict[str, str]
    policy_hosts: dict[str, str]  # by mail domain


def plan_addresses(domains: Iterable[LabDomain]) -> AddressPlan:
    """Give every MX host and policy host an address, in the order of the catalogue."""
    plan = AddressPlan({}, {}, {}, {})
    for domain in domains:
        for host in domain.mx:
            number = len(plan.mx) + 1
            stripped = host.starttls is StartTls.STRIPPED
            plan.mx[host.name] = f"127.0.{_MX}.{number}"
            plan.servers[host.name] = f"127.0.{_BEHIND_INTERCEPTOR if stripped else _MX}.{number}"
            if host.second is not None:
                plan.second[host.name] = f"127.0.{_SECOND_MX}.{number}"
        if domain.policy_host is not None:
            plan.policy_hosts[domain.name] = f"127.0.{_POLICY_HOST}.{len(plan.policy_hosts) + 1}"
    return plan
