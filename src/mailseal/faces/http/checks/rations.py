"""Token buckets by key in a bounded table: who has used up a ration waits for its refill."""

import ipaddress
import math
from collections import OrderedDict

V6_PREFIX = 64  # what one customer has at the least (RFC 6177)


class Rations:
    """At most ``size`` at once, and ``size`` an hour in the long run, for each key.

    With ``max_keys`` keys in the table the one that was used longest ago is forgotten, which
    gives it a whole ration again: what bounds all keys together must be bounded elsewhere.
    """

    def __init__(self, size: int, *, max_keys: int) -> None:
        self._size = float(size)
        self._refill = size / 3600
        self._max_keys = max_keys
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def wait(self, key: str, now: float) -> int:
        """Return in how many seconds there is something left for ``key``; 0 is now."""
        left = self._count(key, now)
        return 0 if left >= 1 else math.ceil((1 - left) / self._refill)

    def take(self, key: str, now: float) -> None:
        """Take one; there must be one."""
        self._left[key] = (self._count(key, now) - 1, now)
        self._left.move_to_end(key)
        while len(self._left) > self._max_keys:
            self._left.popitem(last=False)

    def _count(self, key: str, now: float) -> float:
        known = self._left.get(key)
        if known is None:
            return self._size
        left, then = known
        return min(self._size, left + (now - then) * self._refill)


def client_key(address: str) -> str:
    """Return what clients are told apart by: the address, or the network of an IPv6 customer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a UNIX socket has none: all its clients are one
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, V6_PREFIX), strict=False))
    return str(parsed)
