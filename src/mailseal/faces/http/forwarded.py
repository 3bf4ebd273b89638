"""Who asks through a web server: the client's address out of ``X-Forwarded-For``.

Each web server on the way appends the address that it was asked from, so that the list is read
from its end, and no further than to the first address that is no trusted web server's: what is
left of that is what a stranger has sent. ``Forwarded`` (RFC 7239) is not read: hardly any web
server writes it, and a stranger's would pass through those that do not.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailseal.config.proxies import TrustedPeer, UnixPeers

MAX_HOPS = 8  # ours: web servers of one's own, one behind the other
# Some web servers append the port, too, in brackets where the address has colons.
_ENTRY = re.compile(
    r"\[(?P<v6>[0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?"
    r"|(?P<v4>[0-9.]{7,15})(?::[0-9]{1,5})?"
    r"|(?P<bare>[0-9A-Fa-f:.]{2,45})",
    re.ASCII,
)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedProxies:
    """The web servers that are believed about who asks them; nobody unless named."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    are_unix_peers: bool = False

    @classmethod
    def of(cls, peers: Iterable[TrustedPeer]) -> "TrustedProxies":
        """Sort what the configuration has."""
        known = tuple(peers)
        return cls(
            networks=tuple(peer for peer in known if not isinstance(peer, UnixPeers)),
            are_unix_peers=UnixPeers.ANY in known,
        )

    def client_of(self, peer: str, forwarded: str) -> str:
        """Return the address that a request counts for: its client's, or else the peer's.

        ``peer`` is who has connected, "" on a UNIX socket; ``forwarded`` is the whole header,
        of any length and content. The peer's it is where the peer is not trusted, and where the
        list has, from its end, something else than addresses, nobody but trusted web servers,
        or more than ``MAX_HOPS`` of them.
        """
        if not self._trusts(peer):
            return peer
        for entry in reversed(forwarded.rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
            address = _read(entry.strip(" \t"))
            if address is None:
                return peer
            if not self._has(address):
                return str(address)
        return peer

    def _trusts(self, peer: str) -> bool:
        if not peer:
            return self.are_unix_peers
        try:
            return self._has(_unmapped(ipaddress.ip_address(peer)))
        except ValueError:
            return False

    def _has(self, address: IpAddress) -> bool:
        return any(address in network for network in self.networks)


def _read(entry: str) -> IpAddress | None:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        return None
    try:
        return _unmapped(ipaddress.ip_address(match["v6"] or match["v4"] or match["bare"]))
    except ValueError:
        return None


def _unmapped(address: IpAddress) -> IpAddress:
    """Return an IPv4 client of a socket for both families as what it is (RFC 4291 §2.5.5.2)."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
