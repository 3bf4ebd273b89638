"""Answers of DNS remembered for as long as they say, for the checker.

A resolver has a memory of its own, but it is a way off: domains that are checked one after another
share mail hosts, and each of these has four questions.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol, TypeVar, cast

from mailseal.answers import (
    Answer,
    CaaRecord,
    DnskeyRecord,
    DsRecord,
    LookupFailed,
    MxRecord,
    RdType,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.ports.clock import Clock
from mailseal.ports.dns import ZoneDns
from mailseal.services.recent import Recent

MAX_ANSWERS = 20_000  # ours, about 1 KB each
MAX_KEPT = timedelta(minutes=5)  # ours: whoever mends a record checks it again soon
KEPT_FAILURE = timedelta(seconds=30)  # ours: the same broken server is behind many names
_HOST_TYPES = frozenset({RdType.A, RdType.AAAA, RdType.CNAME, RdType.TLSA})

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _LookUp(Protocol[T_co]):
    def __call__(self, name: str, *, timeout: timedelta) -> Awaitable[Answer[T_co]]: ...


def is_of_mail_hosts(rdtype: RdType, name: str) -> bool:
    """Tell what domains of a scan share: each is asked about the rest once and never again."""
    return rdtype in _HOST_TYPES and not name.startswith("mta-sts.")


class RememberingDns:
    """Remembers what another door said (the ``ports.ZoneDns`` protocol).

    The answers used least recently go first. Two who ask for the same at one time both ask: that
    they share one exchange is for the door to see to. What ``is_kept`` says no to is not
    remembered.
    """

    def __init__(
        self,
        dns: ZoneDns,
        *,
        clock: Clock,
        max_answers: int = MAX_ANSWERS,
        max_kept: timedelta = MAX_KEPT,
        is_kept: Callable[[RdType, str], bool] | None = None,
    ) -> None:
        self._dns = dns
        self._max_kept = max_kept
        self._is_kept = is_kept
        self._known: Recent[tuple[RdType, str], Answer[object]] = Recent(
            clock.monotonic, max_entries=max_answers
        )

    def __len__(self) -> int:
        return len(self._known)

    async def look_up_txt(self, name: str, *, timeout: timedelta) -> Answer[tuple[bytes, ...]]:
        """Look up TXT; each record is its character-strings, in order."""
        return await self._ask(RdType.TXT, name, self._dns.look_up_txt, timeout)

    async def look_up_mx(self, name: str, *, timeout: timedelta) -> Answer[MxRecord]:
        """Look up MX, sorted by preference."""
        return await self._ask(RdType.MX, name, self._dns.look_up_mx, timeout)

    async def look_up_a(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv4 addresses."""
        return await self._ask(RdType.A, name, self._dns.look_up_a, timeout)

    async def look_up_aaaa(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv6 addresses."""
        return await self._ask(RdType.AAAA, name, self._dns.look_up_aaaa, timeout)

    async def look_up_cname(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the alias at this very name, without following it."""
        return await self._ask(RdType.CNAME, name, self._dns.look_up_cname, timeout)

    async def look_up_tlsa(self, name: str, *, timeout: timedelta) -> Answer[TlsaRecord]:
        """Look up TLSA at the whole name, ``_25._tcp.host``."""
        return await self._ask(RdType.TLSA, name, self._dns.look_up_tlsa, timeout)

    async def look_up_caa(self, name: str, *, timeout: timedelta) -> Answer[CaaRecord]:
        """Look up CAA at this name, without climbing to its parents."""
        return await self._ask(RdType.CAA, name, self._dns.look_up_caa, timeout)

    async def look_up_ds(self, name: str, *, timeout: timedelta) -> Answer[DsRecord]:
        """Look up DS, which the parent's servers hold."""
        return await self._ask(RdType.DS, name, self._dns.look_up_ds, timeout)

    async def look_up_dnskey(self, name: str, *, timeout: timedelta) -> Answer[DnskeyRecord]:
        """Look up DNSKEY."""
        return await self._ask(RdType.DNSKEY, name, self._dns.look_up_dnskey, timeout)

    async def look_up_ns(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the names of the authoritative servers."""
        return await self._ask(RdType.NS, name, self._dns.look_up_ns, timeout)

    async def _ask(
        self, rdtype: RdType, name: str, look_up: _LookUp[T], timeout: timedelta
    ) -> Answer[T]:
        if self._is_kept is not None and not self._is_kept(rdtype, name):
            return await look_up(name, timeout=timeout)
        key = (rdtype, name)
        known = self._known.get(key)
        if known is not None:
            return cast("Answer[T]", known)
        fresh = await look_up(name, timeout=timeout)
        kept = KEPT_FAILURE if isinstance(fresh, LookupFailed) else fresh.ttl
        self._known.keep(key, fresh, min(kept, self._max_kept))
        return fresh
