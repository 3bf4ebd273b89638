"""The lab's DNS: records that tests change, served and validated by real servers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.addresses import SECOND_RESOLVER, AddressPlan
from lab.knot import Knot
from lab.model import LabDomain, ZoneState
from lab.namespace import Namespace
from lab.unbound import Unbound
from lab.zones import DEFAULT_TTL_SECONDS, ROOT, Zone, build_zones, fill, quote_txt


class Dns:
    """Authority and resolver, and the records they serve.

    A change is in force when the call returns: the zone is signed and loaded
    anew, and the resolver's cache is emptied of it. It takes about 30 ms.
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        domains: Sequence[LabDomain],
        plan: AddressPlan,
        tlsa: dict[str, str],
    ) -> None:
        folder.mkdir()
        self._domains = {domain.name: domain for domain in domains}
        self._plan = plan
        self._tlsa = tlsa
        self._zones = build_zones(self._domains.values(), plan, tlsa)
        self._changed: set[str] = set()
        self._held: set[str] | None = None
        self._dropped: set[str] = set()
        failing = [each.name for each in domains if each.zone is ZoneState.FAILING]
        self.authority = Knot(namespace, folder, self._zones.values(), failing)
        anchor = self._zones[ROOT].dnskey()
        self.resolver = Unbound(namespace, folder, anchor)
        self.second_resolver = Unbound(namespace, folder / "second", anchor, (SECOND_RESOLVER,))

    def start(self) -> None:
        """Start both servers, the authority first: unbound would back off otherwise."""
        self.authority.service.start()
        self.resolver.start()

    def stop(self) -> None:
        """Stop resolver and authority: nothing listens on port 53 any more."""
        self.resolver.service.stop()
        self.authority.service.stop()

    def start_second_resolver(self, *, validates: bool) -> None:
        """Start the resolver on 127.0.0.54, or start it anew; ``restore`` stops it."""
        self.second_resolver.service.stop()
        self.second_resolver.start(validates=validates)

    def drop_queries(self, name: str, drop: bool = True) -> None:
        """Let queries for a name, and below it, go unanswered; what an attacker can do on the way.

        ``restore`` lets them through again.
        """
        command = f"local_zone {name}. deny" if drop else f"local_zone_remove {name}."
        for resolver in (self.resolver, self.second_resolver):
            if resolver.service.is_running():
                resolver.command(command)
        if drop:
            self._dropped.add(name)
        else:
            self._dropped.discard(name)

    def let_second_refuse(self, name: str, *others: str) -> None:
        """Let the second resolver refuse all queries for a name, and below it but for ``others``.

        The first one answers them, so that one program's look-up fails and another's does not.
        """
        self.second_resolver.command(f"local_zone {name}. refuse")
        for other in others:
            self.second_resolver.command(f"local_zone {other}. transparent")

    def freeze(self) -> None:
        """Let queries to the resolver go unanswered, until ``thaw``."""
        self.resolver.service.freeze()

    def thaw(self) -> None:
        """End a freeze."""
        self.resolver.service.thaw()

    def records(self, name: str, rdtype: str) -> tuple[str, ...]:
        """Return the data of a record set as served, in zone file form."""
        return self._zone_of(name).get(name, rdtype)

    def set_records(
        self, name: str, rdtype: str, *data: str, ttl: int = DEFAULT_TTL_SECONDS
    ) -> None:
        """Replace a record set; ``data`` is in zone file form, with last dots."""
        zone = self._zone_of(name)
        zone.put(name, rdtype, *data, ttl=ttl)
        self._publish(zone)

    def set_txt(self, name: str, *texts: str, ttl: int = DEFAULT_TTL_SECONDS) -> None:
        """Replace the TXT records at a name, one record per text."""
        self.set_records(name, "TXT", *map(quote_txt, texts), ttl=ttl)

    def set_sts(self, domain: str, *records: str, ttl: int = DEFAULT_TTL_SECONDS) -> None:
        """Replace the MTA-STS records of a domain, such as ``v=STSv1; id=2;``."""
        self.set_txt(f"_mta-sts.{domain}", *records, ttl=ttl)

    def set_mx(self, domain: str, *hosts: str, ttl: int = DEFAULT_TTL_SECONDS) -> None:
        """Replace the MX records of a domain; preferences go 10, 20, …."""
        data = (f"{10 * number} {host}." for number, host in enumerate(hosts, start=1))
        self.set_records(domain, "MX", *data, ttl=ttl)

    def remove(self, name: str, rdtype: str | None = None) -> None:
        """Remove one record set at a name, or all of them."""
        zone = self._zone_of(name)
        for each in (rdtype,) if rdtype else zone.types_at(name):
            zone.put(name, each)
        self._publish(zone)

    def set_bogus(self, name: str, rdtype: str, bogus: bool = True) -> None:
        """Break or mend the signature of a record set in a signed zone."""
        zone = self._zone_of(name)
        if bogus:
            zone.bogus.add((name, rdtype))
        else:
            zone.bogus.discard((name, rdtype))
        self._publish(zone)

    def let_expire(self, domain: str) -> None:
        """Let the signatures of a whole zone have expired two days ago."""
        zone = self._zone_of(domain)
        zone.has_expired = True
        self._publish(zone)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Publish the changes made inside the block at its end, in one go."""
        self._held = set()
        try:
            yield
        finally:
            held, self._held = self._held, None
            self._reload(held)

    def restore(self) -> None:
        """Bring every changed zone back to its declaration."""
        self.second_resolver.service.stop()
        for name in sorted(self._dropped):
            self.drop_queries(name, drop=False)
        for name in self._changed:
            domain = self._domains[name]
            zone = self._zones[name]
            zone.clear(domain.bogus)
            fill(zone, domain, self._plan, self._tlsa)
        changed, self._changed = self._changed, set()
        self._reload(changed)

    def _zone_of(self, name: str) -> Zone:
        """Find the domain's zone that a name is in."""
        labels = name.lower().rstrip(".").split(".")
        origin = ".".join(labels[-2:])
        if origin not in self._domains or origin not in self._zones:
            raise LookupError(f"{name} is in no zone of the lab that can be changed")
        return self._zones[origin]

    def _publish(self, zone: Zone) -> None:
        self._changed.add(zone.origin)
        if self._held is not None:
            self._held.add(zone.origin)
        else:
            self._reload({zone.origin})

    def _reload(self, origins: set[str]) -> None:
        self.authority.reload(self._zones[origin] for origin in sorted(origins))
        for origin in sorted(origins):
            self.resolver.flush(origin)
