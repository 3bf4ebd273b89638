"""The doors to the world, as Protocols: services see these and never a socket or a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import mailseal
from mailseal.answers import Answer, CaaRecord, DnskeyRecord, DsRecord, MxRecord, RdType
from mailseal.checks.changes import Span
from mailseal.checks.evidence import SMTP_PORT, AuthorityAnswer, PolicyFetch, SmtpSession
from mailseal.dane.exchange import DaneSummary
from mailseal.dane.tlsa import TlsaRecord
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.names import Domain
from mailseal.results import ResultType
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.records import Look, Message, Observation, Postponed, Settled, Watched


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


class PolicyProber(Protocol):
    """Looks at one address of a policy host, whatever it serves and whatever its certificate."""

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        path: str = "",
        user_agent: str = "",
    ) -> PolicyFetch:
        """Fetch the policy from one address of ``mta-sts.DOMAIN``; ends within ``timeout``.

        ``path`` is another path to look at, ``user_agent`` what to be instead of ourselves.
        Never raises for what a server does.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectAnswer:
    """What an authoritative server said, and when the first signature in it ends, if any."""

    answer: AuthorityAnswer
    first_expiry: datetime | None = None


class ZoneProber(Protocol):
    """Asks authoritative servers directly, one at a time, past every cache."""

    async def ask(
        self, server: str, address: str, name: str, rdtype: RdType, *, timeout: timedelta
    ) -> DirectAnswer:
        """Ask the server of that name at one of its addresses; ends within ``timeout``.

        Never raises for what a server does.
        """
        ...


class SmtpProber(Protocol):
    """Looks at one address of an MX host, whatever its certificate."""

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        port: int = SMTP_PORT,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Connect once, or a few more times where ``is_deep``; ends within ``timeout``.

        No message is sent. Never raises for what a server does.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LastVerdict:
    """What DNS last proved about DANE at a next hop, for the day it proves nothing.

    ``next_hop`` is ``str(NextHop)``, with a blank and a mark behind it where it was proven by
    resolvers of a zone's own.
    """

    next_hop: str
    state: DaneSummary
    learnt_at: datetime


class StoreError(mailseal.Error):
    """The store could not do what was asked; what it held before, it still holds."""


class StoreAwayError(StoreError):
    """The store takes nothing for now: not there, busy, damaged, or without room on its disk.

    Any other error is one of what was asked alone.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChanges:
    """What nodes that share a store have changed in it, this one too.

    ``domains`` were written or purged since they were last told, ``purged`` are those of them that
    were purged, whatever was written since. With ``is_anything`` more may have changed than can be
    told: the store was away, or too much changed at once.
    """

    domains: tuple[Domain, ...] = ()
    purged: tuple[Domain, ...] = ()
    is_anything: bool = False


class StoreFullError(StoreError):
    """The store has all the policies it may hold; those it has can still be replaced."""


class PolicyStore(Protocol):
    """Keeps policies with all their dates, and the last DANE verdicts, beyond a restart.

    Several nodes may share one. A method that writes returns when the change would survive
    ``kill -9``. All may raise ``StoreError``; then what was stored before still is.
    """

    async def load(self, domain: Domain) -> CachedPolicy | None:
        """Return what is stored for a domain, expired or not."""
        ...

    async def load_many(self, domains: Sequence[Domain]) -> Mapping[Domain, CachedPolicy | None]:
        """Return what is stored for each of some domains, None for nothing.

        A domain whose row cannot be read is left out: that is no proof of anything.
        """
        ...

    async def save(self, policy: CachedPolicy, *, now: datetime | None = None) -> bool:
        """Insert or replace a domain's policy and dates, all together; tell whether that was done.

        It is not where the store holds one that was fetched later, or was purged of this one
        since. Dates beyond ``now`` are those of a wrong clock and stand in nobody's way.
        """
        ...

    async def remove(self, domain: Domain, *, now: datetime | None = None) -> bool:
        """Forget a domain's policy and verdicts; tell whether there was a policy.

        With ``now`` no node can store again what was fetched before.
        """
        ...

    async def list(
        self, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[CachedPolicy, ...]:
        """Return stored policies in the order of their names, from behind ``after``."""
        ...

    async def list_purged(
        self, since: datetime, *, after: Domain | None = None, limit: int = 1000
    ) -> tuple[Domain, ...]:
        """Return domains last purged at or after an instant, in the order of their names.

        An empty page is the end.
        """
        ...

    async def claim_due(
        self, now: datetime, *, until: datetime, limit: int
    ) -> tuple[CachedPolicy, ...]:
        """Claim policies in force at ``now`` whose ``refetch_at`` has come, longest due first.

        Nobody else is given one until it has been saved, or until ``until``.
        """
        ...

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> bool:
        """Claim one domain's policy likewise; False when it is not due or is claimed already."""
        ...

    async def wait_for_changes(self) -> StoreChanges:
        """Wait until something has changed since the last call; for one caller at a time.

        A store that nobody else writes to never returns.
        """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PinsUnavailable:
    """The list of pins could not be had; ``reason`` is printable ASCII."""

    reason: str


class PinSource(Protocol):
    """Where the signed list of pinned policies comes from; nothing of it is checked yet."""

    @property
    def name(self) -> str:
        """The path or URL."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether it can be read without waiting for a network."""
        ...

    async def read(self, *, timeout: timedelta) -> bytes | PinsUnavailable:
        """Return the list, of bounded size; ends within ``timeout`` in all."""
        ...


class PinShelf(Protocol):
    """Keeps the last good list of pins beyond a restart. All methods may raise ``StoreError``."""

    async def load(self) -> bytes | None:
        """Return the list as it was signed."""
        ...

    async def save(self, envelope: bytes) -> None:
        """Keep a list in place of the last one."""
        ...

    async def load_replaced(self) -> dict[Domain, datetime]:
        """Return the domains whose own policy has replaced their pin, and since when."""
        ...

    async def save_replaced(self, replaced: dict[Domain, datetime]) -> None:
        """Keep these in place of the ones before."""
        ...


class HistoryStore(Protocol):
    """Keeps the domains that are watched, what was seen of them, and news on their way.

    Several nodes may share one. A method that writes returns when the change would survive
    ``kill -9``. All may raise ``StoreError``; then what was stored before still is.
    """

    async def add(self, domain: Domain, *, now: datetime, at_most: int) -> bool:
        """Watch a domain from now on; tell whether it was not watched before.

        Raises ``StoreFullError`` where ``at_most`` are watched already.
        """
        ...

    async def remove(self, domain: Domain) -> bool:
        """Forget a domain with its whole history; tell whether it was watched."""
        ...

    async def list(self) -> tuple[Watched, ...]:
        """Return all that are watched, in the order of their names."""
        ...

    async def load(self, domain: Domain) -> Watched | None:
        """Return one of them."""
        ...

    async def claim_due(
        self, now: datetime, *, until: datetime, longest: timedelta, limit: int
    ) -> tuple[Watched, ...]:
        """Claim domains whose look is due, longest due first.

        One that would be due later than ``longest`` from now is due, too: a wrong clock or a
        longer interval has put it there. Nobody else is given one until its look has been
        recorded, or until ``until``.
        """
        ...

    async def claim(self, domain: Domain, now: datetime, *, until: datetime) -> Watched | None:
        """Claim one domain, due or not; None where it is not watched or somebody is at it."""
        ...

    async def load_open(self, domain: Domain) -> tuple[Span, ...]:
        """Return the findings that are not over."""
        ...

    async def load_resolved(self, domain: Domain, *, limit: int) -> tuple[Span, ...]:
        """Return findings that are over, the latest first."""
        ...

    async def load_observations(self, domain: Domain, *, limit: int) -> tuple[Observation, ...]:
        """Return looks without their evidence, the latest first."""
        ...

    async def load_evidence(self, domain: Domain) -> bytes | None:
        """Return what the last look has observed, as it was stored; None where it was not kept."""
        ...

    async def record(self, look: Look) -> bool:
        """Store all of a look; tell whether that was done: not where somebody else was faster."""
        ...

    async def put_off(self, before: Watched, *, until: datetime) -> None:
        """Give a claim back: the look came to nothing, and the next is due at ``until``."""
        ...

    async def claim_messages(
        self,
        channels: Sequence[Channel],
        now: datetime,
        *,
        until: datetime,
        longest: timedelta,
        limit: int,
        is_retry: bool,
    ) -> tuple[Message, ...]:
        """Claim messages whose time has come, the oldest first; nobody else gets them meanwhile.

        The time has come, too, where it is further away than ``longest``. ``is_retry`` is for
        those of which an attempt has failed; without it they are left out.
        """
        ...

    async def settle(self, message: Message, outcome: Settled | Postponed) -> None:
        """Note what came of an attempt."""
        ...

    async def count_waiting(self) -> int:
        """Count the messages that are neither delivered nor given up."""
        ...

    async def give_up(self, before: datetime, outcome: Settled) -> int:
        """Settle what waits since before an instant, by whatever channel; return how many did."""
        ...

    async def prune(self, before: datetime) -> int:
        """Forget looks, findings that are over and settled messages from before an instant."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Notices were taken by whoever carries them on; ``note`` tells of a part that was not."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed:
    """It was not, or nobody knows; ``reason`` is printable ASCII."""

    reason: str


class AlertSender(Protocol):
    """Hands notices on: by mail, by webhook."""

    @property
    def channel(self) -> Channel:
        """The way that it goes."""
        ...

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Make one attempt, for one notice or more; ends within ``timeout`` in all."""
        ...
