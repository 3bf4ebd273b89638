"""Who may speak for others: addresses and networks of the web servers in front of ours."""

import enum
import ipaddress
import re

from mailseal.config.kinds import Kind, RefusedValueError

_NETWORK = re.compile(r"[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?", re.ASCII)
# The widest private networks there are (RFC 1918, RFC 4193): wider takes strangers in.
WIDEST_V4, WIDEST_V6 = 8, 7


class UnixPeers(enum.Enum):
    """Whoever may connect to a UNIX socket, where nobody has an address."""

    ANY = "unix:"  # as nginx writes it


TrustedPeer = ipaddress.IPv4Network | ipaddress.IPv6Network | UnixPeers


def trusted_peer() -> Kind[TrustedPeer]:
    """Take an address, a network, or "unix:" for those who connect to a UNIX socket."""

    def read(raw: object) -> TrustedPeer:
        if raw == UnixPeers.ANY.value:
            return UnixPeers.ANY
        if not isinstance(raw, str) or not _NETWORK.fullmatch(raw):
            raise RefusedValueError
        try:
            interface = ipaddress.ip_interface(raw)
        except ValueError:
            raise RefusedValueError from None
        network = interface.network
        if interface.ip != network.network_address:
            raise RefusedValueError(f'one address, or a whole network, "{network}"')
        if isinstance(network, ipaddress.IPv6Network):
            if network.network_address.ipv4_mapped is not None:
                raise RefusedValueError("an IPv4 address as IPv4 writes it")
            widest = WIDEST_V6
        else:
            widest = WIDEST_V4
        if network.prefixlen < widest:
            raise RefusedValueError(f"a network of /{widest} at the widest, with no stranger in it")
        return network

    return Kind(expected='"IP", "IP/PREFIX" or "unix:"', read=read, write=_write)


def _write(peer: TrustedPeer) -> str:
    if isinstance(peer, UnixPeers):
        return peer.value
    is_single = peer.prefixlen == peer.max_prefixlen
    return str(peer.network_address) if is_single else str(peer)
