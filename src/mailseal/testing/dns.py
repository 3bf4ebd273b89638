"""A resolver that knows what a test told it, and counts what it was asked."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from mailseal.answers import (
    Absent,
    Answer,
    CaaRecord,
    DnsFailure,
    DnskeyRecord,
    DsRecord,
    Found,
    LookupFailed,
    MxRecord,
    RdType,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.clock import ManualClock
from mailseal.testing.holds import Holds

T = TypeVar("T")

DEFAULT_TTL = timedelta(minutes=5)
MAX_CNAME_CHAIN = 8  # as mailseal.net.dns has it


@dataclass(frozen=True, slots=True)
class _RecordSet:
    records: tuple[object, ...]
    ttl: timedelta


class FakeDns:
    """A resolver that knows what it was told (the ``ports.ZoneDns`` protocol).

    Everything else does not exist. Names are compared without case and final dot. Aliases are
    followed as a resolver does it. ``queries`` keeps every look-up asked for, in order.
    Nothing is secure until ``secure`` says so.
    """

    def __init__(self, *, clock: ManualClock | None = None) -> None:
        self.queries: list[tuple[str, RdType]] = []
        self.negative_ttl = DEFAULT_TTL
        self._sets: dict[tuple[str, RdType], _RecordSet] = {}
        self._failures: dict[tuple[str, RdType | None], LookupFailed] = {}
        self._security: dict[str, bool] = {}
        self._holds = Holds(clock)

    def txt(
        self, name: str, *records: str | bytes | Iterable[str | bytes], ttl: timedelta = DEFAULT_TTL
    ) -> None:
        """Set the TXT records; one of several character-strings is given as a tuple."""
        self._set(name, RdType.TXT, (_strings(record) for record in records), ttl)

    def mx(self, name: str, *records: tuple[int, str], ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the MX records as ``(preference, host)``; ``(0, "")`` is a null MX."""
        parsed = sorted((preference, _plain(host)) for preference, host in records)
        self._set(name, RdType.MX, (MxRecord(preference=p, host=h) for p, h in parsed), ttl)

    def a(self, name: str, *addresses: str, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the IPv4 addresses."""
        self._set(name, RdType.A, addresses, ttl)

    def aaaa(self, name: str, *addresses: str, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the IPv6 addresses."""
        self._set(name, RdType.AAAA, addresses, ttl)

    def cname(self, name: str, target: str, ttl: timedelta = DEFAULT_TTL) -> None:
        """Make a name an alias."""
        self._set(name, RdType.CNAME, (_plain(target),), ttl)

    def tlsa(self, name: str, *records: TlsaRecord, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the TLSA records of a whole name, ``_25._tcp.host``."""
        self._set(name, RdType.TLSA, records, ttl)

    def caa(self, name: str, *records: CaaRecord, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the CAA records of this very name."""
        self._set(name, RdType.CAA, records, ttl)

    def ds(self, name: str, *records: DsRecord, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the DS records that the parent holds."""
        self._set(name, RdType.DS, records, ttl)

    def dnskey(self, name: str, *records: DnskeyRecord, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the DNSKEY records."""
        self._set(name, RdType.DNSKEY, records, ttl)

    def ns(self, name: str, *servers: str, ttl: timedelta = DEFAULT_TTL) -> None:
        """Set the names of the authoritative servers."""
        self._set(name, RdType.NS, (_plain(server) for server in servers), ttl)

    def remove(self, name: str, rdtype: RdType | None = None) -> None:
        """Take records away: one type's, or all of the name."""
        for key in [key for key in self._sets if key[0] == _plain(name)]:
            if rdtype is None or key[1] is rdtype:
                del self._sets[key]

    def fail(
        self,
        name: str,
        failure: DnsFailure = DnsFailure.SERVFAIL,
        *,
        rdtype: RdType | None = None,
        reason: str = "",
    ) -> None:
        """Let look-ups of a name fail, of one type or of all, until ``recover``."""
        self._failures[_plain(name), rdtype] = LookupFailed(
            failure=failure, reason=reason or f"fake resolver: {failure.value}"
        )

    def recover(self, name: str) -> None:
        """Let look-ups of a name succeed again."""
        for key in [key for key in self._failures if key[0] == _plain(name)]:
            del self._failures[key]

    def secure(self, name: str = "") -> None:
        """Sign a zone: all answers at and below the name; "" is the root."""
        self._security[_plain(name)] = True

    def insecure(self, name: str = "") -> None:
        """Leave a zone unsigned, also where one above it is signed."""
        self._security[_plain(name)] = False

    def hold(self, name: str) -> asyncio.Event:
        """Keep look-ups of a name waiting until the event is set (``clock``: or timed out)."""
        return self._holds.hold(_plain(name))

    def count(self, name: str, rdtype: RdType | None = None) -> int:
        """Count the look-ups of a name, of one type or of all."""
        return sum(
            1 for asked, type_ in self.queries if asked == _plain(name) and rdtype in (None, type_)
        )

    async def look_up_txt(self, name: str, *, timeout: timedelta) -> Answer[tuple[bytes, ...]]:
        """Look up TXT; each record is its character-strings, in order."""
        return await self._look_up(name, RdType.TXT, timeout)

    async def look_up_mx(self, name: str, *, timeout: timedelta) -> Answer[MxRecord]:
        """Look up MX, sorted by preference."""
        return await self._look_up(name, RdType.MX, timeout)

    async def look_up_a(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv4 addresses."""
        return await self._look_up(name, RdType.A, timeout)

    async def look_up_aaaa(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv6 addresses."""
        return await self._look_up(name, RdType.AAAA, timeout)

    async def look_up_cname(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the alias at this very name, without following it."""
        return await self._look_up(name, RdType.CNAME, timeout)

    async def look_up_tlsa(self, name: str, *, timeout: timedelta) -> Answer[TlsaRecord]:
        """Look up TLSA at the whole name, ``_25._tcp.host``."""
        return await self._look_up(name, RdType.TLSA, timeout)

    async def look_up_caa(self, name: str, *, timeout: timedelta) -> Answer[CaaRecord]:
        """Look up CAA at this name, without climbing to its parents."""
        return await self._look_up(name, RdType.CAA, timeout)

    async def look_up_ds(self, name: str, *, timeout: timedelta) -> Answer[DsRecord]:
        """Look up DS."""
        return await self._look_up(name, RdType.DS, timeout)

    async def look_up_dnskey(self, name: str, *, timeout: timedelta) -> Answer[DnskeyRecord]:
        """Look up DNSKEY."""
        return await self._look_up(name, RdType.DNSKEY, timeout)

    async def look_up_ns(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the names of the authoritative servers."""
        return await self._look_up(name, RdType.NS, timeout)

    def _set(self, name: str, rdtype: RdType, records: Iterable[object], ttl: timedelta) -> None:
        self._sets[_plain(name), rdtype] = _RecordSet(tuple(records), ttl)

    async def _look_up(self, name: str, rdtype: RdType, timeout: timedelta) -> Answer[T]:
        name = _plain(name)
        self.queries.append((name, rdtype))
        if not await self._holds.pass_by(name, timeout):
            return LookupFailed(failure=DnsFailure.TIMEOUT, reason="fake resolver: timeout")
        return self._answer(name, rdtype)

    def _answer(self, name: str, rdtype: RdType) -> Answer[T]:
        is_secure, ttl = True, timedelta.max
        for _ in range(MAX_CNAME_CHAIN + 1):
            failed = self._failures.get((name, rdtype)) or self._failures.get((name, None))
            if failed is not None:
                return failed
            is_secure = is_secure and self._is_secure(name)
            found = self._sets.get((name, rdtype))
            if found is not None and found.records:
                return Found(
                    records=found.records,  # type: ignore[arg-type]  # typed by its setter
                    ttl=min(ttl, found.ttl),
                    is_secure=is_secure,
                    canonical=name,
                )
            alias = self._sets.get((name, RdType.CNAME))
            if alias is None:
                return Absent(
                    is_name_known=self._is_known(name),
                    ttl=min(ttl, self.negative_ttl),
                    is_secure=is_secure,
                )
            name, ttl = str(alias.records[0]), min(ttl, alias.ttl)
        return LookupFailed(failure=DnsFailure.MALFORMED, reason="fake resolver: CNAME chain")

    def _is_known(self, name: str) -> bool:
        return any(known == name or known.endswith("." + name) for known, _ in self._sets)

    def _is_secure(self, name: str) -> bool:
        while name:
            if name in self._security:
                return self._security[name]
            name = name.partition(".")[2]
        return self._security.get("", False)


def _plain(name: str) -> str:
    return name.removesuffix(".").lower()


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _strings(record: str | bytes | Iterable[str | bytes]) -> tuple[bytes, ...]:
    if isinstance(record, str | bytes):
        return (_bytes(record),)
    return tuple(_bytes(part) for part in record)
