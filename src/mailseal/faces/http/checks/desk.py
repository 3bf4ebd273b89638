"""Takes wishes for checks: one flight for each domain, rations for clients and domains.

An answer is kept for a minute, so that whoever asks again at once gets the same one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import mailseal
from mailseal.faces.http.checks.rations import Rations, client_key
from mailseal.names import Domain
from mailseal.services.recent import Recent

KEEP = timedelta(seconds=60)  # ours: a reload of a page is no wish for another look
MAX_KEPT = 64  # ours: answers have some 20 KB
MAX_KEPT_BYTES = 256 * 1024  # ours, of one, so that all have 16 MiB; only hostile ones are larger
MAX_KEYS = 4096  # ours: of clients and of domains that are counted, some 200 bytes each
MAX_WATCHERS = 32  # ours: half of the server's connections
QUEUE_FACTOR = 3  # ours: domains that wait for each that is looked at; more is a crowd
SHARE = 2  # ours: one client has half of the places at most, of watchers and in the queue


class CheckFailedError(mailseal.Error):
    """No answer came, by no fault of the domain; half a sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a check has come: so many of so many steps, the last about ``subject``."""

    part: str
    subject: str
    done: int
    total: int


class Runner(Protocol):
    """Makes checks."""

    async def run(self, domain: Domain, on_step: Callable[[Step], None]) -> bytes:
        """Return the answer's JSON; raise ``CheckFailedError``."""
        ...

    async def aclose(self) -> None:
        """End what is under way."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing is done: ``code`` and ``detail`` say why, ``retry_after`` when it may be, in s."""

    code: str
    detail: str
    retry_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLimits:
    """How much may be asked: checks at once, and an hour by one client and about one domain.

    ``patience`` is the longest time from a wish to its answer, its turn included.
    """

    at_once: int
    per_client: int
    per_domain: int
    patience: timedelta


class _Flight:
    """One check under way, with its last step; ``who`` had it begun."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.task: asyncio.Task[bytes]
        self.step: Step | None = None
        self.changed = asyncio.Event()

    def note(self, step: Step) -> None:
        """Tell all watchers of a step; who is slow sees the last one only."""
        self.step = step
        self.wake()

    def wake(self) -> None:
        """Let all watchers look."""
        self.changed.set()
        self.changed = asyncio.Event()


class Watch:
    """One client's view of a flight; ``who`` is what the client is known by."""

    def __init__(self, flight: _Flight, who: str) -> None:
        self._flight = flight
        self.who = who

    async def steps(self, *, pause: float) -> AsyncIterator[Step | None]:
        """Yield steps until the check ends; None when nothing has happened for ``pause`` s."""
        flight, seen = self._flight, None
        while not flight.task.done():
            changed = flight.changed
            if flight.step is not seen:
                seen = flight.step
                yield seen
                continue
            try:
                async with asyncio.timeout(pause):
                    await changed.wait()
            except TimeoutError:
                yield None

    async def answer(self) -> bytes:
        """Return the answer; raise ``CheckFailedError``."""
        # The flight goes on when this client leaves: others watch it, or ask soon.
        await asyncio.wait({self._flight.task})
        if self._flight.task.cancelled():
            raise CheckFailedError("the service ends")
        return self._flight.task.result()


class CheckDesk:
    """Decides who is served; ``now`` gives monotonic seconds."""

    def __init__(self, runner: Runner, limits: DeskLimits, now: Callable[[], float]) -> None:
        self._runner = runner
        self._limits = limits
        self._now = now
        self._clients = Rations(limits.per_client, max_keys=MAX_KEYS)
        self._domains = Rations(limits.per_domain, max_keys=MAX_KEYS)
        self._turns = asyncio.Semaphore(limits.at_once)
        self._flights: dict[Domain, _Flight] = {}
        self._kept: Recent[Domain, bytes] = Recent(now, max_entries=MAX_KEPT)
        self._watchers: Counter[str] = Counter()  # by client; nobody without one

    @property
    def patience(self) -> timedelta:
        """The longest time from a wish to its answer."""
        return self._limits.patience

    def kept(self, domain: Domain) -> bytes | None:
        """Return an answer of a moment ago."""
        return self._kept.get(domain)

    def open_watch(self, domain: Domain, client: str) -> Watch | Refused:
        """Join a check under way, or begin one; the caller gives it back with ``close_watch``."""
        now, who = self._now(), client_key(client)
        if self._watchers.total() >= MAX_WATCHERS:
            return Refused(code="busy", detail="too many wait for checks", retry_after=30)
        wait = self._clients.wait(who, now)
        if wait:
            detail = f"a client may ask for {self._limits.per_client} checks an hour"
            return Refused(code="client-limit", detail=detail, retry_after=wait)
        if self._watchers[who] >= MAX_WATCHERS // SHARE:
            detail = f"a client may wait for {MAX_WATCHERS // SHARE} checks at a time"
            return Refused(code="client-limit", detail=detail, retry_after=30)
        flight = self._flights.get(domain)
        if flight is None:
            wait = self._domains.wait(domain, now)
            if wait:
                detail = f"a domain is checked {self._limits.per_domain} times an hour at most"
                return Refused(code="domain-limit", detail=detail, retry_after=wait)
            room = self._limits.at_once * (1 + QUEUE_FACTOR)
            if len(self._flights) >= room:
                return Refused(code="busy", detail="too many checks are waiting", retry_after=30)
            own = sum(flight.who == who for flight in self._flights.values())
            if own >= room // SHARE:
                detail = f"a client may have {room // SHARE} domains in the queue at a time"
                return Refused(code="client-limit", detail=detail, retry_after=30)
            self._domains.take(domain, now)
            flight = self._begin(domain, who)
        self._clients.take(who, now)
        self._watchers[who] += 1
        return Watch(flight, who)

    def close_watch(self, watch: Watch) -> None:
        """Count a client as gone."""
        self._watchers[watch.who] -= 1
        if not self._watchers[watch.who]:
            del self._watchers[watch.who]

    async def aclose(self) -> None:
        """End all checks."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._runner.aclose()

    def _begin(self, domain: Domain, who: str) -> _Flight:
        flight = _Flight(who)
        flight.task = asyncio.create_task(self._fly(domain, flight))
        self._flights[domain] = flight

        def land(task: asyncio.Task[bytes]) -> None:
            del self._flights[domain]
            if not task.cancelled():
                task.exception()  # seen here, whether anybody still watches or not
            flight.wake()

        flight.task.add_done_callback(land)
        return flight

    async def _fly(self, domain: Domain, flight: _Flight) -> bytes:
        try:
            async with asyncio.timeout(self._limits.patience.total_seconds()), self._turns:
                answer = await self._runner.run(domain, flight.note)
        except TimeoutError:
            raise CheckFailedError("its turn did not come in time, or it took too long") from None
        if len(answer) <= MAX_KEPT_BYTES:
            self._kept.keep(domain, answer, KEEP)
        return answer
