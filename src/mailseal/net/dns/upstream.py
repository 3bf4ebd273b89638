"""The resolvers to ask, and which of them to ask first: the one that answers."""

from mailseal.net.dns.address import ResolverAddress
from mailseal.net.dns.transport import DatagramPool

SICK_AFTER_FAILURES = 2  # ours: one lost datagram or one slow zone says nothing
SICK_SECONDS = 10.0  # ours: how long others are asked first, doubled at each further failure
MAX_SICK_SECONDS = 80.0  # ours: a resolver that came back is noticed soon


class Upstream:
    """One resolver, its sockets and its health."""

    def __init__(self, address: ResolverAddress) -> None:
        self.address = address
        self.is_trusted = address.is_trusted
        self.pool = DatagramPool(address)
        self._failures = 0
        self._sick_until = 0.0

    def is_sick(self, now: float) -> bool:
        """Tell whether others should be asked before this one."""
        return now < self._sick_until

    def has_answered(self) -> None:
        """Note that it is alive; an answer that a zone is broken is an answer."""
        self._failures = 0
        self._sick_until = 0.0

    def has_failed(self, now: float) -> None:
        """Note that it kept silent, refused to serve us or sent nonsense."""
        self._failures += 1
        excess = self._failures - SICK_AFTER_FAILURES
        if excess >= 0:
            self._sick_until = now + min(SICK_SECONDS * 2.0 ** min(excess, 10), MAX_SICK_SECONDS)


def in_order(upstreams: tuple[Upstream, ...], now: float) -> list[Upstream]:
    """Return all of them, the healthy ones first, else as configured."""
    return sorted(upstreams, key=lambda upstream: upstream.is_sick(now))
