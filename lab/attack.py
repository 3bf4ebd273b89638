"""The attacker who can forge DNS answers: changes of zones that are not signed."""

from lab.catalogue import ATTACKER_HOST
from lab.dns import Dns
from lab.model import LabDomain, ZoneState


class Attack:
    """What somebody on the way to a sender's resolver can do to unsigned domains."""

    def __init__(self, dns: Dns, domains: dict[str, LabDomain]) -> None:
        self._dns = dns
        self._domains = domains

    def forge_mx(self, domain: str, *hosts: str) -> None:
        """Answer MX queries for a domain with other hosts, by default the attacker's.

        ``lab.catalogue.ATTACKER_HOST`` has a valid certificate of its own name,
        ``IMPOSTOR_HOST`` one for names that policies allow. Raises ValueError
        for a signed zone, where the forgery would not pass the resolver.
        """
        self._check(domain)
        self._dns.set_mx(domain, *(hosts or (ATTACKER_HOST,)))

    def hide_record(self, domain: str) -> None:
        """Answer that there is no MTA-STS record."""
        self._check(domain)
        self._dns.remove(f"_mta-sts.{domain}", "TXT")

    def _check(self, domain: str) -> None:
        if self._domains[domain].zone is not ZoneState.UNSIGNED:
            raise ValueError(f"{domain} is signed: forged answers would be bogus")
