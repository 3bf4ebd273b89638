"""Finds out where mail for a next hop goes and what DANE says of each host (RFC 7672 §2.2)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from mailseal.answers import Absent
from mailseal.dane.exchange import (
    Exchange,
    ExchangeUnknown,
    MxHost,
    MxSet,
    host_itself,
    read_mx_set,
)
from mailseal.dane.host import (
    DEFAULT_PORT,
    AskAlias,
    HostState,
    TlsaState,
    judge_addresses,
    judge_alias,
    judge_denial,
    judge_tlsa,
)
from mailseal.names import MAX_NAME_BYTES, Domain, NextHop
from mailseal.ports.clock import Clock
from mailseal.ports.dns import Dns
from mailseal.services.streak import Streak, prolonged
from mailseal.services.ttlcache import Timed, TtlCache

V = TypeVar("V")

# Port numbers of the service names that MTAs deliver to; TLSA names hold decimal numbers alone.
_PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "lmtp": 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyLimits:
    """The bounds of a survey.

    ``refresh_at`` is the share of a TTL after which an answer is looked up again behind its use;
    ``failed_*`` says how long a failure is remembered, and after which time it is tried again.
    """

    max_mx_hosts: int = 32
    max_entries: int = 200_000
    max_flights: int = 128
    lookup_timeout: timedelta = timedelta(seconds=5)
    max_ttl: timedelta = timedelta(hours=1)
    refresh_at: float = 0.8
    failed_fresh: timedelta = timedelta(seconds=15)
    failed_usable: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The exchange of a next hop, and how long it may be relied on."""

    exchange: Exchange | ExchangeUnknown
    fresh_for: timedelta
    usable_for: timedelta


class Surveyor:
    """Looks up MX, addresses and TLSA, each shared by all next hops that need it.

    ``port_of`` gives the numbers of service names beyond the usual ones, None for what is none.
    """

    def __init__(
        self,
        dns: Dns,
        clock: Clock,
        limits: SurveyLimits,
        *,
        port_of: Callable[[str], int | None] = _PORTS.get,
    ) -> None:
        self._dns = dns
        self._port_of = port_of
        self._clock = clock
        self._limits = limits
        self._failing: dict[Domain, Streak] = {}
        self._mx_sets: TtlCache[Domain, MxSet | ExchangeUnknown] = TtlCache(
            self._look_up_mx,
            clock=clock,
            max_entries=limits.max_entries,
            max_flights=limits.max_flights,
        )
        self._hosts: TtlCache[tuple[Domain, str], HostState] = TtlCache(
            self._look_up_host,
            clock=clock,
            max_entries=limits.max_entries,
            max_flights=limits.max_flights,
        )

    async def survey_mx(
        self, next_hop: NextHop, *, timeout: timedelta, wait_for_fresh: bool = False
    ) -> Timed[MxSet | ExchangeUnknown]:
        """Return the MX set of a next hop; unknown when it cannot be had within ``timeout``."""
        if next_hop.is_host:
            alone = host_itself(next_hop, self._limits.max_ttl)
            return Timed(value=alone, fresh_for=alone.ttl, usable_for=alone.ttl)
        timed = await self._mx_sets.get(
            next_hop.domain, timeout=timeout, wait_for_fresh=wait_for_fresh
        )
        if timed is not None:
            return timed
        late = ExchangeUnknown(
            reason=f"{next_hop.domain}: MX look-up: no answer in time",
            failing_for=self._failing_for(next_hop.domain),
        )
        return Timed(value=late, fresh_for=timedelta(0), usable_for=timedelta(0))

    async def survey_hosts(
        self, mx: MxSet, port: str | None, *, timeout: timedelta, wait_for_fresh: bool = False
    ) -> Survey:
        """Return the state of every host of an MX set; a host that is late counts as failed.

        So does every host at a port that nobody can name: its TLSA records cannot be asked for.
        """
        number = self._number_of(port or DEFAULT_PORT)
        if number is None:
            return self._survey_nowhere(mx, port)
        states = await asyncio.gather(
            *(
                self._hosts.get((host.name, number), timeout=timeout, wait_for_fresh=wait_for_fresh)
                for host in mx.hosts
            )
        )
        fresh_for = usable_for = self._limits.max_ttl
        judged = []
        for host, known in zip(mx.hosts, states, strict=True):
            timed = known or _late(host)
            fresh_for = min(fresh_for, timed.fresh_for)
            usable_for = min(usable_for, timed.usable_for)
            if timed.value.has_address:
                judged.append((host, timed.value))
        return Survey(
            exchange=Exchange(mx=mx, states=tuple(judged)),
            fresh_for=fresh_for,
            usable_for=usable_for,
        )

    def forget(self, domain: Domain) -> None:
        """Look a domain's MX set and its hosts up anew at the next question."""
        mx = self._mx_sets.forget(domain)
        names = {host.name for host in mx.hosts} if isinstance(mx, MxSet) else set()
        for key in [key for key in self._hosts if key[0] in names | {domain}]:
            self._hosts.forget(key)

    @property
    def sizes(self) -> tuple[int, int]:
        """Return how many MX sets and how many hosts are remembered."""
        return len(self._mx_sets), len(self._hosts)

    @property
    def evictions(self) -> tuple[int, int]:
        """Return how many MX sets and how many hosts had to make room for others."""
        return self._mx_sets.evictions, self._hosts.evictions

    def forget_all(self) -> None:
        """Look everything up anew, such as when other resolvers are asked from now on."""
        self._mx_sets.forget_all()
        self._hosts.forget_all()

    async def aclose(self) -> None:
        """Cancel the look-ups under way."""
        await self._mx_sets.aclose()
        await self._hosts.aclose()

    async def _look_up_mx(self, domain: Domain) -> Timed[MxSet | ExchangeUnknown]:
        answer = await self._dns.look_up_mx(domain, timeout=self._limits.lookup_timeout)
        mx = read_mx_set(NextHop(domain=domain), answer, limit=self._limits.max_mx_hosts)
        if isinstance(mx, MxSet):
            self._failing.pop(domain, None)
            return self._timed(mx, mx.ttl)
        streak = prolonged(self._failing.pop(domain, None), self._clock.monotonic())
        if len(self._failing) >= self._limits.max_entries:
            del self._failing[next(iter(self._failing))]
        self._failing[domain] = streak
        return self._failed(
            ExchangeUnknown(reason=mx.reason, failing_for=self._failing_for(domain))
        )

    async def _look_up_host(self, key: tuple[Domain, str]) -> Timed[HostState]:
        host, port = key
        state = await self._judge_host(host, port)
        if state.state is TlsaState.FAILED:
            return self._failed(state)
        return self._timed(state, state.ttl)

    async def _judge_host(self, host: Domain, port: str) -> HostState:
        timeout = self._limits.lookup_timeout
        addresses = await asyncio.gather(
            self._dns.look_up_a(host, timeout=timeout),
            self._dns.look_up_aaaa(host, timeout=timeout),
        )
        step = judge_addresses(host, addresses)
        if isinstance(step, AskAlias):
            alias = await self._dns.look_up_cname(host, timeout=timeout)
            step = judge_alias(host, step.ttl, alias)
        if isinstance(step, HostState):
            is_proven = all(isinstance(one, Absent) and one.is_secure for one in addresses)
            if step.has_address or is_proven:
                return step
            alias = await self._dns.look_up_cname(host, timeout=timeout)
            return judge_denial(host, step.ttl, alias)
        state = HostState(state=TlsaState.NONE, ttl=step.ttl)
        for base in step.bases:
            name = f"_{port}._tcp.{base}"
            if len(name) > MAX_NAME_BYTES:
                continue  # there can be no such name, and so no records
            answer = await self._dns.look_up_tlsa(name, timeout=timeout)
            state = judge_tlsa(base, state.ttl, answer)
            if state.state is not TlsaState.NONE:
                break
        return state

    def _number_of(self, port: str) -> str | None:
        if port.isdigit():
            return port
        number = _PORTS.get(port) or self._port_of(port)
        return str(number) if number else None

    def _survey_nowhere(self, mx: MxSet, port: str | None) -> Survey:
        failed = self._failed(None)
        states = tuple(
            (host, _state_unknown(host, f'no service is called "{port}" on this machine'))
            for host in mx.hosts
        )
        return Survey(
            exchange=Exchange(mx=mx, states=states),
            fresh_for=failed.fresh_for,
            usable_for=failed.usable_for,
        )

    def _failing_for(self, domain: Domain) -> timedelta:
        streak = self._failing.get(domain)
        return streak.lasted() if streak else timedelta(0)

    def _timed(self, value: V, ttl: timedelta) -> Timed[V]:
        ttl = min(ttl, self._limits.max_ttl)
        return Timed(value=value, fresh_for=ttl * self._limits.refresh_at, usable_for=ttl)

    def _failed(self, value: V) -> Timed[V]:
        return Timed(
            value=value,
            fresh_for=min(self._limits.failed_fresh, self._limits.failed_usable),
            usable_for=self._limits.failed_usable,
        )


def _late(host: MxHost) -> Timed[HostState]:
    state = _state_unknown(host, "no answer in time")
    return Timed(value=state, fresh_for=timedelta(0), usable_for=timedelta(0))


def _state_unknown(host: MxHost, why: str) -> HostState:
    return HostState(
        state=TlsaState.FAILED, ttl=timedelta(0), reason=f"{host.name}: look-up: {why}"
    )
