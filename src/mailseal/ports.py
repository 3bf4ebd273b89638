"""The doors to the world, as Protocols: services see these and never a socket or a database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import mailseal
from mailseal.answers import Answer, MxRecord
from mailseal.dane.exchange import DaneSummary
from mailseal.dane.tlsa import TlsaRecord
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.results import ResultType


class Clock(Protocol):
    """The only source of time for services."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump; only differences mean something."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFetched:
    """The policy host answered 200 over a valid certificate; the body is not parsed yet.

    ``content_type`` is the header's value or None; ``certificate`` the policy host's own as DER,
    which ``certs.read_certificate`` takes apart for whoever wants to look at it.
    """

    body: bytes
    content_type: str | None
    address: str
    certificate: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFetchFailed:
    """No policy: ``result`` is TLSRPT's word, ``reason`` printable ASCII for people."""

    result: ResultType
    reason: str
    certificate: bytes | None = None


class PolicyFetcher(Protocol):
    """Gets ``https://mta-sts.DOMAIN/.well-known/mta-sts.txt`` as RFC 8461 §3.3 wants it."""

    async def fetch(
        self, domain: Domain, *, timeout: timedelta
    ) -> PolicyFetched | PolicyFetchFailed:
        """Fetch a policy's bytes; ends within ``timeout`` in all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LastVerdict:
    """What DNS last proved about DANE at a next hop, for the day it proves nothing.

    ``next_hop`` is ``str(NextHop)``.
    """

    next_hop: str
    state: DaneSummary
    learnt_at: datetime


class StoreError(mailseal.Error):
    """The store could not do what was asked; what it held before, it still holds."""


class PolicyStore(Protocol):
    """Keeps policies with all their dates, and the last DANE verdicts, beyond a restart.

    A method that writes returns when the change would survive ``kill -9``. All may raise
    ``StoreError``; then what was stored before still is.
    """

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Return what is stored for a domain, expired or not."""
        ...

    async def save(self, policy: CachedPolicy) -> None:
        """Insert or replace a domain's policy and dates, all together."""
        ...

    async def remove(self, domain: Domain) -> bool:
        """Forget a domain's policy and verdicts; tell whether there was a policy."""
        ...

    async def list(
        self, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[CachedPolicy, ...]:
        """Return stored policies in the order of their names, from behind ``after``."""
        ...

    async def due(self, now: datetime, *, limit: int) -> tuple[CachedPolicy, ...]:
        """Return policies in force at ``now`` whose ``refetch_at`` has come, longest due first."""
        ...

    async def remove_expired(self, before: datetime) -> int:
        """Forget policies that expired, and verdicts learnt, before an instant; return how many."""
        ...

    async def count(self) -> int:
        """Return how many policies are stored."""
        ...

    async def load_verdict(self, next_hop: str) -> LastVerdict | None:
        """Return the last DANE verdict of a next hop."""
        ...

    async def save_verdict(self, verdict: LastVerdict) -> None:
        """Insert or replace a next hop's DANE verdict."""
        ...
