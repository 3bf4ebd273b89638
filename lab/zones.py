"""DNS zones as data, signed in Python: the easy way to have broken signatures too."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.rdtypes.ANY.RRSIG
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

from lab.addresses import A_ONLY_AUTHORITY, AUTHORITY, SILENT_AUTHORITY, AddressPlan
from lab.model import LabDomain, ZoneState

DEFAULT_TTL_SECONDS = 60
NEGATIVE_TTL_SECONDS = 5  # SOA minimum
NAME_SERVER = "ns.test"
TOP_LEVEL = "test"
ROOT = "."

# By what stands before the domain: what a well-kept one has beside MTA-STS.
NEIGHBOURS = {
    "": "v=spf1 mx -all",
    "_dmarc.": "v=DMARC1; p=reject; rua=mailto:dmarc@reports.test",
    "_smtp._tls.": "v=TLSRPTv1; rua=mailto:tls@reports.test",
}

SIGNED_FOR = dt.timedelta(days=7)
EXPIRED_FOR = dt.timedelta(days=2)  # unbound forgives a day at most (val-sig-skew-max)

_CSK_FLAGS = 257  # one key that signs all: zone key + SEP


def quote_txt(text: str) -> str:
    """Render TXT data of one string, or of several where it exceeds 255 bytes."""
    data = text.encode()
    parts = [data[start : start + 255] for start in range(0, len(data), 255)] or [b""]
    return " ".join('"' + "".join(map(_quote_byte, part)) + '"' for part in parts)


def _quote_byte(byte: int) -> str:
    if chr(byte) in '\\"':
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03}"


class Zone:
    """One zone: its records may change, ``render`` signs what it holds at the time.

    Names are absolute, without the last dot; the root is ``.``.
    """

    def __init__(
        self, origin: str, state: ZoneState, bogus: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.origin = origin
        self.state = state
        self._serial = 0
        self._records: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.bogus: set[tuple[str, str]] = set()
        self.has_expired = False
        self.clear(bogus)

    def put(self, name: str, rdtype: str, *data: str, ttl: int = DEFAULT_TTL_SECONDS) -> None:
        """Replace a record set; no data removes it."""
        key = (name.lower(), rdtype.upper())
        if data:
            self._records[key] = (ttl, data)
        else:
            self._records.pop(key, None)

    def get(self, name: str, rdtype: str) -> tuple[str, ...]:
        """Return the data of a record set, empty when there is none."""
        return self._records.get((name.lower(), rdtype.upper()), (0, ()))[1]

    def clear(self, bogus: Iterable[tuple[str, str]] = ()) -> None:
        """Empty the zone but for its NS record; its key stays."""
        self._records.clear()
        self.has_expired = False
        self.bogus = {(name, rdtype.upper()) for name, rdtype in bogus}
        self.put(self.origin, "NS", f"{NAME_SERVER}.")

    def types_at(self, name: str) -> tuple[str, ...]:
        """List the types of the record sets at a name."""
        return tuple(rdtype for owner, rdtype in self._records if owner == name.lower())

    def ds(self) -> str:
        """Render the DS record that its parent publishes."""
        return dns.dnssec.make_ds(_fqdn(self.origin), self._dnskey(), "SHA256").to_text()

    def dnskey(self) -> str:
        """Render the DNSKEY record, which for the root is the trust anchor."""
        return f"{_fqdn(self.origin)} 3600 IN DNSKEY {self._dnskey().to_text()}\n"

    def render(self) -> str:
        """Return the zone file, newly signed, with a higher serial."""
        self._serial += 1
        text = "".join(f"{line}\n" for line in self._lines())
        if self.state is ZoneState.UNSIGNED:
            return text
        return self._sign(text)

    def _sign(self, text: str) -> str:
        zone = dns.zone.from_text(text, origin=_fqdn(self.origin), relativize=False)
        now = dt.datetime.now(dt.UTC)
        if self.has_expired:
            now -= SIGNED_FOR + EXPIRED_FOR
        dns.dnssec.sign_zone(
            zone,
            keys=[(self._key, self._dnskey())],
            inception=now - dt.timedelta(hours=1),
            expiration=now + SIGNED_FOR,
            dnskey_ttl=3600,
            deterministic=False,
        )
        self._break_signatures(zone)
        return str(zone.to_text(relativize=False))

    def _lines(self) -> Iterator[str]:
        timers = f"3600 600 86400 {NEGATIVE_TTL_SECONDS}"
        origin = _fqdn(self.origin)
        yield (
            f"{origin} {NEGATIVE_TTL_SECONDS} IN SOA {NAME_SERVER}. hostmaster.test."
            f" {self._serial} {timers}"
        )
        for (name, rdtype), (ttl, data) in self._records.items():
            for each in data:
                yield f"{_fqdn(name)} {ttl} IN {rdtype} {each}"

    def _dnskey(self) -> dns.rdtypes.ANY.DNSKEY.DNSKEY:
        return dns.dnssec.make_dnskey(
            self._key.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=_CSK_FLAGS
        )

    def _break_signatures(self, zone: dns.zone.Zone) -> None:
        for name, node in zone.nodes.items():
            for rdataset in node:
                if rdataset.rdtype != dns.rdatatype.RRSIG:
                    continue
                key = (name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rdataset.covers))
                if self.state is not ZoneState.BOGUS and key not in self.bogus:
                    continue
                broken = [_with_broken_signature(rdata) for rdata in rdataset]
                rdataset.clear()
                for rdata in broken:
                    rdataset.add(rdata)


def _with_broken_signature(rdata: dns.rdata.Rdata) -> dns.rdata.Rdata:
    assert isinstance(rdata, dns.rdtypes.ANY.RRSIG.RRSIG)
    flipped = bytes([rdata.signature[0] ^ 0xFF]) + rdata.signature[1:]
    return rdata.replace(signature=flipped)


def _fqdn(name: str) -> str:
    return name if name.endswith(".") else f"{name}."


def build_zones(
    domains: Iterable[LabDomain], plan: AddressPlan, tlsa: Mapping[str, str]
) -> dict[str, Zone]:
    """Make the root, ``test`` and one zone per domain, by origin; ``tlsa`` is by MX host name."""
    root = Zone(ROOT, ZoneState.SIGNED)
    top = Zone(TOP_LEVEL, ZoneState.SIGNED)
    zones = {ROOT: root, TOP_LEVEL: top}
    root.put(NAME_SERVER, "A", AUTHORITY)
    root.put(TOP_LEVEL, "NS", f"{NAME_SERVER}.")
    root.put(TOP_LEVEL, "DS", top.ds())
    top.put(NAME_SERVER, "A", AUTHORITY)
    for domain in domains:
        match domain.zone:
            case ZoneState.ABSENT:
                pass
            case ZoneState.FAILING:
                top.put(domain.name, "NS", f"{NAME_SERVER}.")
            case ZoneState.SILENT:
                delegate(top, domain.name, SILENT_AUTHORITY)
            case ZoneState.A_ONLY:
                delegate(top, domain.name, A_ONLY_AUTHORITY)
            case ZoneState.UNSIGNED | ZoneState.SIGNED | ZoneState.BOGUS:
                zone = Zone(domain.name, domain.zone, domain.bogus)
                fill(zone, domain, plan, tlsa)
                zones[domain.name] = zone
                top.put(domain.name, "NS", f"{NAME_SERVER}.")
                if domain.zone is not ZoneState.UNSIGNED:
                    top.put(domain.name, "DS", zone.ds())
    return zones


def delegate(top: Zone, name: str, address: str) -> None:
    """Let another server than the lab's authority answer for a domain."""
    top.put(name, "NS", f"ns.{name}.")
    top.put(f"ns.{name}", "A", address)


def fill(zone: Zone, domain: LabDomain, plan: AddressPlan, tlsa: Mapping[str, str]) -> None:
    """Put the records of a domain's declaration into its zone."""
    if domain.mx and domain.announces_mx:
        zone.put(domain.name, "MX", *(f"{mx.preference} {mx.name}." for mx in domain.mx))
    for host in domain.mx:
        second = plan.second.get(host.name)
        zone.put(host.name, "A", plan.mx[host.name], *((second,) if second else ()))
        if host.name in tlsa:
            zone.put(f"_25._tcp.{host.name}", "TLSA", tlsa[host.name])
    if domain.sts_records:
        zone.put(f"_mta-sts.{domain.name}", "TXT", *map(quote_txt, domain.sts_records))
    if domain.name in plan.policy_hosts:
        zone.put(f"mta-sts.{domain.name}", "A", plan.policy_hosts[domain.name])
    more = {(record.name, record.rdtype) for record in domain.more}
    if domain.has_neighbours:
        for place, text in NEIGHBOURS.items():
            name = f"{place}{domain.name}"
            if not {(name, "TXT"), (name, "CNAME")} & more:
                zone.put(name, "TXT", quote_txt(text))
    for record in domain.more:
        before = zone.get(record.name, record.rdtype)
        zone.put(record.name, record.rdtype, *before, record.data)
