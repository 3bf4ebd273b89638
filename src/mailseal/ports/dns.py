"""Stub resolvers: what a sender asks of DNS, and what a checker asks beyond."""

from datetime import timedelta
from typing import Protocol

from mailseal.answers import Answer, CaaRecord, DnskeyRecord, DsRecord, MxRecord
from mailseal.dane.tlsa import TlsaRecord


class Dns(Protocol):
    """A stub resolver: answers keep the AD flag and the TTL, failures are values.

    ``name`` is absolute (no search list) and has no final dot. Every look-up ends within
    ``timeout``, all resolvers and retransmissions included.
    """

    async def look_up_txt(self, name: str, *, timeout: timedelta) -> Answer[tuple[bytes, ...]]:
        """Look up TXT; each record is its character-strings, in order."""
        ...

    async def look_up_mx(self, name: str, *, timeout: timedelta) -> Answer[MxRecord]:
        """Look up MX, sorted by preference."""
        ...

    async def look_up_a(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv4 addresses."""
        ...

    async def look_up_aaaa(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv6 addresses."""
        ...

    async def look_up_cname(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the alias at this very name, without following it."""
        ...

    async def look_up_tlsa(self, name: str, *, timeout: timedelta) -> Answer[TlsaRecord]:
        """Look up TLSA at the whole name, ``_25._tcp.host``."""
        ...


class ZoneDns(Dns, Protocol):
    """What a checker asks beyond what a sender does."""

    async def look_up_caa(self, name: str, *, timeout: timedelta) -> Answer[CaaRecord]:
        """Look up CAA at this name, without climbing to its parents."""
        ...

    async def look_up_ds(self, name: str, *, timeout: timedelta) -> Answer[DsRecord]:
        """Look up DS, which the parent's servers hold."""
        ...

    async def look_up_dnskey(self, name: str, *, timeout: timedelta) -> Answer[DnskeyRecord]:
        """Look up DNSKEY."""
        ...

    async def look_up_ns(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up the names of the authoritative servers."""
        ...
