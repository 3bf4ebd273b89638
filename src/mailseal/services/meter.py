"""Counts what goes through the doors, so that neither doors nor actors need know of metrics.

``CountedDns``, ``CountedFetcher`` and ``counted_store`` stand in front of the real ones and hand
everything on; what they saw is in the ``Meter`` that they share.
"""

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, assert_never, cast

from mailseal.answers import Absent, Answer, Found, LookupFailed, MxRecord
from mailseal.dane.tlsa import TlsaRecord
from mailseal.mtasts.policy import PolicySyntaxError, parse_policy
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.dns import Dns
from mailseal.ports.policyhost import PolicyFetched, PolicyFetcher, PolicyFetchFailed
from mailseal.ports.storeerrors import StoreError
from mailseal.results import ResultType
from mailseal.services.tallies import Durations, Tally

S = TypeVar("S")
T = TypeVar("T")

OK = "ok"

# What a failed fetch's reason counts as, by how it begins; the first that fits, else "other".
# Reasons are for people and may hold what a stranger sent, so none becomes a label as it is.
_REASON_CLASSES = (
    ("dns-", "dns"),
    ("no-address", "no-address"),
    ("private-address", "private-address"),
    ("name-too-long", "name-too-long"),
    ("trust-store", "trust-store"),
    ("timeout-", "timeout"),
    ("connect-timeout", "timeout"),
    ("connection-closed", "closed"),
    ("connect", "connect"),
    ("tls-", "tls"),
    ("http-redirect", "redirect"),
    ("http-4", "http-4xx"),
    ("http-5", "http-5xx"),
    ("http-", "http"),
    ("body-too-large", "too-large"),
    ("response-too-large", "too-large"),
    ("too-many-chunks", "too-large"),
    ("content-type", "content-type"),
    ("content-encoding", "content-encoding"),
    ("expired", "expired"),
    ("not-yet-valid", "not-yet-valid"),
    ("wrong-name", "wrong-name"),
    ("self-signed", "self-signed"),
    ("incomplete-chain", "incomplete-chain"),
    ("unknown-ca", "unknown-ca"),
    ("certificate-", "certificate"),
    ("proxy", "proxy"),
)


class Meter:
    """Everything that the resolver's process counts.

    ``decisions`` by zone, profile and answer; ``dns`` by record type and outcome; ``fetches`` by
    result word and class of reason; ``store`` by operation and outcome.
    """

    def __init__(self) -> None:
        self.decisions = Tally()
        self.cold_answers = Durations()
        self.dns = Tally()
        self.dns_times = Durations()
        self.fetches = Tally()
        self.fetch_times = Durations()
        self.store = Tally()
        self.is_store_failing = False
        self.http = Tally()
        self.http_refused = 0
        self.corrupt_rows: Callable[[], int] = lambda: 0


class CountedDns:
    """A resolver whose look-ups are counted (the ``ports.Dns`` protocol)."""

    def __init__(self, dns: Dns, meter: Meter, clock: Clock) -> None:
        self._dns = dns
        self._meter = meter
        self._clock = clock

    async def look_up_txt(self, name: str, *, timeout: timedelta) -> Answer[tuple[bytes, ...]]:
        """Look up TXT."""
        return await self._count("TXT", self._dns.look_up_txt(name, timeout=timeout))

    async def look_up_mx(self, name: str, *, timeout: timedelta) -> Answer[MxRecord]:
        """Look up MX."""
        return await self._count("MX", self._dns.look_up_mx(name, timeout=timeout))

    async def look_up_a(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv4 addresses."""
        return await self._count("A", self._dns.look_up_a(name, timeout=timeout))

    async def look_up_aaaa(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up IPv6 addresses."""
        return await self._count("AAAA", self._dns.look_up_aaaa(name, timeout=timeout))

    async def look_up_cname(self, name: str, *, timeout: timedelta) -> Answer[str]:
        """Look up an alias."""
        return await self._count("CNAME", self._dns.look_up_cname(name, timeout=timeout))

    async def look_up_tlsa(self, name: str, *, timeout: timedelta) -> Answer[TlsaRecord]:
        """Look up TLSA."""
        return await self._count("TLSA", self._dns.look_up_tlsa(name, timeout=timeout))

    async def _count(self, kind: str, look_up: Awaitable[Answer[T]]) -> Answer[T]:
        began = self._clock.monotonic()
        answer = await look_up
        self._meter.dns_times.add(self._clock.monotonic() - began)
        self._meter.dns.add(kind, _outcome_of(answer))
        return answer


class CountedFetcher:
    """A fetcher whose fetches are counted (the ``ports.PolicyFetcher`` protocol)."""

    def __init__(self, fetcher: PolicyFetcher, meter: Meter, clock: Clock) -> None:
        self._fetcher = fetcher
        self._meter = meter
        self._clock = clock

    async def fetch(
        self, domain: Domain, *, timeout: timedelta
    ) -> PolicyFetched | PolicyFetchFailed:
        """Fetch a policy's bytes."""
        began = self._clock.monotonic()
        outcome = await self._fetcher.fetch(domain, timeout=timeout)
        self._meter.fetch_times.add(self._clock.monotonic() - began)
        match outcome:
            case PolicyFetched(body=body):
                self._meter.fetches.add(*_judge_body(body))
            case PolicyFetchFailed(result=result, reason=reason):
                self._meter.fetches.add(result.value, reason_class(reason))
        return outcome


def counted_store(store: S, meter: Meter) -> S:
    """Return a store that does what ``store`` does, its calls counted."""
    return cast("S", _CountedStore(store, meter))


class _CountedStore:
    """Hands every attribute on; what returns when the store has done something is counted."""

    def __init__(self, store: object, meter: Meter) -> None:
        self._store = store
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def call(*arguments: Any, **named: Any) -> Any:
            try:
                result = await attribute(*arguments, **named)
            except StoreError:
                self._meter.store.add(name, "error")
                self._meter.is_store_failing = True
                raise
            self._meter.store.add(name, OK)
            self._meter.is_store_failing = False
            return result

        setattr(self, name, call)  # found without this detour from now on
        return call


def _outcome_of(answer: Answer[T]) -> str:
    match answer:
        case Found():
            return "found"
        case Absent():
            return "absent"
        case LookupFailed(failure=failure):
            return failure.value
    assert_never(answer)


def _judge_body(body: bytes) -> tuple[str, str]:
    """Tell what a body that was served well counts as; who fetched it parses it once more."""
    try:
        parse_policy(body)
    except PolicySyntaxError:
        return ResultType.STS_POLICY_INVALID.value, "syntax"
    return OK, OK


def reason_class(reason: str) -> str:
    """Return a word of a closed set for a reason that was written for people."""
    for beginning, word in _REASON_CLASSES:
        if reason.startswith(beginning):
            return word
    return "other"
