"""One look at each mail server for all who want to know, and gently: the unit is the address.

Thousands of domains share a mail server, and a provider that sees a thousand connections within
a second turns all of them away. So a session with (host, address, port) is held once and serves
everybody for a while, an address never has two at a time and rests between them, a provider has
a few, and who says that he is busy is left alone.
"""

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from mailseal.checks.evidence import SMTP_PORT, Failure, SmtpSession, Trouble
from mailseal.checks.organisation import organisation_of
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.smtp import SmtpProber
from mailseal.services.flights import Flights
from mailseal.services.recent import Recent

V4_PREFIX, V6_PREFIX = 24, 48  # what one operator usually has at the least
_NO_TURN = "its turn did not come in time"

Key = tuple[str, str, int, bool]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLimits:
    """How gently servers are asked, and how much is remembered.

    ``keep_failed`` is for sessions that did not come to TLS; ``busy_pause`` is how long an
    address rests that answered 421 or another 4xx. Each session has at most ``session_timeout``
    of its own, whatever its caller would wait.
    """

    session_timeout: timedelta = timedelta(seconds=30)
    keep: timedelta = timedelta(minutes=15)
    keep_failed: timedelta = timedelta(minutes=5)
    address_pause: timedelta = timedelta(seconds=1)
    busy_pause: timedelta = timedelta(minutes=5)
    max_sessions: int = 200
    max_per_provider: int = 8
    max_remembered: int = 4096  # ours: some 25 MB of chains
    max_places: int = 16_384  # ours: addresses and providers whose last use is known


@dataclass(slots=True)
class _Place:
    """An address: whose turn it is, and when the next may begin.

    ``pace`` is how many seconds a turn took at the least, the pause behind it included.
    """

    turn: asyncio.Semaphore
    pace: float = 0.0
    next_at: float = 0.0
    is_busy: bool = False
    users: int = 0


@dataclass(slots=True)
class _Provider:
    """Everything that one operator seems to run."""

    turns: asyncio.Semaphore
    users: int = 0


class SharedProbes:
    """Shares sessions and rations them (the ``ports.SmtpProber`` protocol).

    ``sleep`` is for tests.
    """

    def __init__(
        self,
        prober: SmtpProber,
        *,
        clock: Clock,
        limits: ProbeLimits,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._prober = prober
        self._clock = clock
        self._limits = limits
        self._sleep = sleep
        self._turns = asyncio.Semaphore(limits.max_sessions)
        self._flights: Flights[Key, SmtpSession] = Flights()
        self._known: Recent[Key, SmtpSession] = Recent(
            clock.monotonic, max_entries=limits.max_remembered
        )
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._providers: dict[str, _Provider] = {}

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        port: int = SMTP_PORT,
        is_deep: bool = False,
    ) -> SmtpSession:
        """Return what a session shows, of now or of a while ago; ends within ``timeout``."""
        key = (str(host), address, port, is_deep)
        known = self._known.get(key) or self._known.get((*key[:3], True))
        if known is not None:
            return known
        flight = self._flights.join(
            key, lambda: self._hold(host, address, port=port, is_deep=is_deep, timeout=timeout)
        )
        # The session goes on when this caller may wait no longer: others will want it.
        done, _ = await asyncio.wait({flight}, timeout=timeout.total_seconds())
        if done:
            return flight.result()
        return self._skipped(host, address, port, _NO_TURN, again_in=self._line(address))

    async def aclose(self) -> None:
        """Call off what is under way."""
        await self._flights.aclose()

    def __len__(self) -> int:
        return len(self._known)

    @property
    def places(self) -> int:
        """Return of how many addresses the last use is known."""
        return len(self._places)

    async def _hold(
        self, host: Domain, address: str, *, port: int, is_deep: bool, timeout: timedelta
    ) -> SmtpSession:
        limits = self._limits
        deadline = self._clock.monotonic() + timeout.total_seconds()
        line = self._line(address)
        if line > timeout:
            # Nobody waits for minutes in vain: he could do something else meanwhile.
            return self._skipped(host, address, port, self._say_rest(address), again_in=line)
        async with self._place(address) as place:
            wait = place.next_at - self._clock.monotonic()
            if place.next_at > deadline:
                reason, again_in = self._say_rest(address), self._line(address)
                return self._skipped(host, address, port, reason, again_in=again_in)
            if wait > 0:
                await self._sleep(wait)
            async with self._provider(host, address), self._turns:
                left = timedelta(seconds=max(deadline - self._clock.monotonic(), 0.0))
                if not left:
                    again_in = self._line(address)
                    return self._skipped(host, address, port, _NO_TURN, again_in=again_in)
                started = self._clock.monotonic()
                session = await self._prober.probe(
                    host,
                    address,
                    timeout=left if is_deep else min(left, limits.session_timeout),
                    port=port,
                    is_deep=is_deep,
                )
            place.is_busy = _was_turned_away(session)
            pause = limits.busy_pause if place.is_busy else limits.address_pause
            place.next_at = self._clock.monotonic() + pause.total_seconds()
            took = self._clock.monotonic() - started + limits.address_pause.total_seconds()
            place.pace = min(place.pace or took, took)
        self._remember((str(host), address, port, is_deep), session)
        return session

    def _line(self, address: str) -> timedelta:
        """Return how long it takes until somebody who comes now has his turn at an address."""
        place = self._places.get(address)
        if place is None:
            return timedelta(0)
        rest = max(place.next_at - self._clock.monotonic(), 0.0)
        pace = max(place.pace, self._limits.address_pause.total_seconds())
        return timedelta(seconds=rest + place.users * pace)

    def _say_rest(self, address: str) -> str:
        place = self._places.get(address)
        return (
            f"it is given a rest, since it {'is busy' if place and place.is_busy else 'was asked'}"
        )

    @asynccontextmanager
    async def _place(self, address: str) -> AsyncIterator[_Place]:
        """Wait until nobody else is at the address."""
        place = self._places.get(address)
        if place is None:
            self._forget_places()
            place = self._places[address] = _Place(asyncio.Semaphore(1))
        self._places.move_to_end(address)
        place.users += 1
        try:
            async with place.turn:
                yield place
        finally:
            place.users -= 1

    @asynccontextmanager
    async def _provider(self, host: str, address: str) -> AsyncIterator[None]:
        """Wait until few enough sessions are under way with the provider, by name and network."""
        names = sorted({organisation_of(host), provider_of_address(address)})
        taken = []
        try:
            for name in names:
                provider = self._providers.get(name)
                if provider is None:
                    turns = asyncio.Semaphore(self._limits.max_per_provider)
                    provider = self._providers[name] = _Provider(turns)
                provider.users += 1
                try:
                    await provider.turns.acquire()
                except BaseException:
                    self._leave(name, provider)
                    raise
                taken.append((name, provider))
            yield
        finally:
            for name, provider in taken:
                provider.turns.release()
                self._leave(name, provider)

    def _leave(self, name: str, provider: _Provider) -> None:
        provider.users -= 1
        if not provider.users:
            del self._providers[name]

    def _forget_places(self) -> None:
        """Make room for one more address: those at rest for the longest go first."""
        while len(self._places) >= self._limits.max_places:
            idle = next((name for name, one in self._places.items() if not one.users), None)
            if idle is None:
                return
            del self._places[idle]

    def _remember(self, key: Key, session: SmtpSession) -> None:
        if _is_trouble(session, Trouble.SKIPPED):
            return  # a bound of ours says nothing about the server
        keep = self._limits.keep_failed if session.tls is None else self._limits.keep
        self._known.keep(key, session, keep)

    def _skipped(
        self, host: str, address: str, port: int, reason: str, *, again_in: timedelta
    ) -> SmtpSession:
        failure = Failure(trouble=Trouble.SKIPPED, reason=reason, again_in=again_in)
        return SmtpSession.not_held(host, address, failure, self._clock.now(), port=port)


def _was_turned_away(session: SmtpSession) -> bool:
    """Tell whether the server has said, at whichever of our connections, that it is busy."""
    stopped_by = session.deep.stopped_by if session.deep else None
    return _is_trouble(session, Trouble.BUSY) or (
        stopped_by is not None and stopped_by.trouble is Trouble.BUSY
    )


def _is_trouble(session: SmtpSession, trouble: Trouble) -> bool:
    return session.failure is not None and session.failure.trouble is trouble


def provider_of_address(address: str) -> str:
    """Return the network that an address belongs to, at the size that operators have."""
    parsed = ipaddress.ip_address(address)
    prefix = V4_PREFIX if parsed.version == 4 else V6_PREFIX
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
