"""Finds the MTA-STS policy in force for a domain, from memory, the store or the live host.

Implements the sender's side of RFC 8461 §3 and §5.1. What is known stays in force whatever DNS
and the policy host do; what is not known is looked up once for all who ask.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from mailseal.answers import Absent, Answer, Found, LookupFailed
from mailseal.mtasts.freshness import (
    CachedPolicy,
    Intervals,
    adopt,
    checked,
    next_failure,
    postponed,
    retry_at,
    wants_fetch,
)
from mailseal.mtasts.policy import Mode, Policy, PolicySyntaxError, parse_policy
from mailseal.mtasts.record import read_records
from mailseal.names import MAX_NAME_BYTES, Domain
from mailseal.ports.clock import Clock
from mailseal.ports.dns import Dns
from mailseal.ports.policyhost import PolicyFetcher, PolicyFetchFailed
from mailseal.ports.policystore import PolicyStore
from mailseal.ports.storeerrors import StoreError
from mailseal.results import ResultType
from mailseal.services.domainstate import (
    DomainState,
    Negative,
    StsView,
    overtime_view,
    view_of,
)
from mailseal.services.flights import Flights, wait_at_most
from mailseal.services.keeper import Keeper, differs
from mailseal.services.streak import prolonged

log = structlog.stdlib.get_logger("mailseal.discoverer")

RECORD_LABEL = "_mta-sts."  # RFC 8461 §3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryLimits:
    """The bounds of discovery.

    ``overtime`` is how long an answer lives that was given before its look-up ended.
    ``fail_closed`` is how long mail to unknown domains waits while DNS fails; zero is RFC 8461's
    way, which never defers for want of a policy (§3.3).
    """

    max_domains: int = 200_000
    max_bytes: int = 512 * 1024 * 1024
    lookup_timeout: timedelta = timedelta(seconds=5)
    id_check_timeout: timedelta = timedelta(seconds=2)
    fetch_timeout: timedelta = timedelta(seconds=60)
    negative_max: timedelta = timedelta(hours=1)
    failed_lookup: timedelta = timedelta(seconds=60)
    overtime: timedelta = timedelta(seconds=2)
    fail_closed: timedelta = timedelta(0)

    @property
    def longest(self) -> timedelta:
        """How long a discovery may take that looks up and fetches."""
        return self.lookup_timeout + self.fetch_timeout

    @property
    def claim_lease(self) -> timedelta:
        """How long a node keeps a refetch to itself: it has ended by then, one way or the other."""
        return 2 * self.longest + timedelta(minutes=1)


class Discoverer(Keeper):
    """Looks up and fetches what memory and store do not know, or not for certain."""

    def __init__(
        self,
        *,
        dns: Dns,
        fetcher: PolicyFetcher,
        store: PolicyStore,
        clock: Clock,
        intervals: Intervals,
        limits: DiscoveryLimits,
        jitter: Callable[[], float],
        on_change: Callable[[Domain], None],
        on_purged: Callable[[Domain], None],
        on_fetched: Callable[[CachedPolicy], None] = lambda _cached: None,
    ) -> None:
        super().__init__(
            store=store,
            clock=clock,
            max_domains=limits.max_domains,
            max_bytes=limits.max_bytes,
            on_change=on_change,
            on_purged=on_purged,
        )
        self._dns = dns
        self._fetcher = fetcher
        self._intervals = intervals
        self._limits = limits
        self._jitter = jitter
        self._on_fetched = on_fetched
        # Names and fetches are bounded behind their doors: a slow policy host must not take the
        # place of another domain's record.
        self._discoveries: Flights[Domain, StsView] = Flights()

    async def policy_for(
        self, domain: Domain, *, timeout: timedelta, wait_for_fresh: bool = False
    ) -> StsView:
        """Return the policy in force, asking no more than freshness demands.

        Past ``timeout`` the answer is made of what is known, while the look-up goes on.
        """
        state = await self._recall(domain)
        view = self._view(state)
        if view.fresh_for:
            return view
        flight = self._discoveries.join(domain, lambda: self._discover(domain))
        if view.usable_for and not wait_for_fresh:
            return view
        if state.in_force(self._clock.now()) is not None:
            timeout = min(timeout, self._limits.id_check_timeout)
        if state.given_up is not flight and await wait_at_most(flight, timeout):
            return flight.result()
        # Somebody has waited long enough for this one; whoever comes meanwhile need not.
        state.given_up = flight
        return self._overtime_view(state)

    async def check_id(self, domain: Domain, *, timeout: timedelta) -> StsView:
        """Look at the record's id now, whatever was seen before (RFC 8461 §5)."""
        state = await self._recall(domain)
        flight = self._discoveries.join(domain, lambda: self._discover(domain))
        if await wait_at_most(flight, timeout):
            return flight.result()
        return self._overtime_view(state)

    async def refetch(self, domain: Domain, *, force: bool) -> StsView:
        """Fetch a policy that is due; with ``force`` one that is not, back-off or no back-off."""
        state = await self._recall(domain)
        in_air = self._discoveries.in_air(domain)
        if in_air is not None:
            # It may be one that found the refetch claimed, by whom we work for.
            await wait_at_most(in_air, self._limits.longest)
            await asyncio.sleep(0)  # until it has landed
        flight = self._discoveries.join(
            domain, lambda: self._discover(domain, refetch=True, force=force)
        )
        if await wait_at_most(flight, self._limits.longest):
            return flight.result()
        return self._overtime_view(state)

    def still_holds(self, domain: Domain, view: StsView) -> bool:
        """Tell whether a view from a moment ago is what is known now."""
        state = self._states.get(domain)
        if state is None:
            return False
        return (state.cached.policy if state.cached else None) == view.policy

    @property
    def claim_lease(self) -> timedelta:
        """Say for how long a refetch is claimed."""
        return self._limits.claim_lease

    async def aclose(self) -> None:
        """Cancel the look-ups under way, then store what could not be stored before."""
        await self._discoveries.aclose()
        await self._recalls.aclose()
        await self.save_unsaved()

    def _is_busy(self, domain: Domain) -> bool:
        return self._discoveries.in_air(domain) is not None

    def _view(self, state: DomainState) -> StsView:
        return view_of(state, self._clock.now(), self._intervals)

    def _overtime_view(self, state: DomainState) -> StsView:
        view = overtime_view(state, self._clock.now(), self._limits.overtime)
        if view.cached is None and not view.doubt and self._limits.fail_closed:
            return replace(view, doubt="no answer in time")
        return view

    async def _discover(
        self, domain: Domain, *, refetch: bool = False, force: bool = False
    ) -> StsView:
        """Ask for the record and, where it calls for that, for the policy (RFC 8461 §3.1, §3.3).

        A ``refetch`` needs no record and no claim; with ``force`` it need not be due either.
        """
        state = await self._recall(domain)
        if state.store_error:
            await self._reread(domain, state)
        answer = await self._ask_record(domain)
        now = self._clock.now()
        state.sighting.asked_at, state.sighting.answer = now, answer
        if self._states.get(domain) is state:
            self._keep(domain, state)  # weighed anew, with what was seen
        record_id, ttl, why_not = self._read_answer(answer)
        in_force = state.in_force(now)
        if isinstance(answer, LookupFailed):
            state.id_failed_at = now
            state.failing = prolonged(state.failing, self._clock.monotonic())
        else:
            state.id_failed_at = state.failing = None
            if in_force is not None:
                state.cached = in_force = checked(in_force, id_ttl=ttl, now=now)
        if record_id is None and in_force is not None and refetch:
            # Who blocks or drops the record must not starve a policy that its host still serves.
            record_id = in_force.id
        if record_id is None:
            if in_force is None:
                self._note_negative(state, now, ttl, why_not, doubt=self._doubt(state))
            return self._settled(state)
        failure = in_force.failure if in_force is not None else state.failure
        if force or wants_fetch(in_force, failure, record_id, now, self._intervals):
            is_routine = in_force is not None and in_force.id == record_id
            if refetch or not is_routine or await self._is_ours(domain, state, now):
                return await self._fetch(domain, state, record_id, ttl)
        if in_force is None and failure is not None:
            until = retry_at(failure, self._intervals)
            self._note_negative(state, now, until - now, failure.reason)
        return self._settled(state)

    async def _is_ours(self, domain: Domain, state: DomainState, now: datetime) -> bool:
        """Claim the daily refetch of a domain; False where another node is at it already."""
        if state.is_unsaved:
            return True  # nobody else knows of it
        try:
            return await self._store.claim(domain, now, until=now + self.claim_lease)
        except StoreError:
            return True  # alone with what it has in memory

    def _doubt(self, state: DomainState) -> str:
        """Say why mail must wait although no policy is known; empty when it must not."""
        if state.failing is None:
            return ""
        if state.failing.lasted() < self._limits.fail_closed:
            return state.store_error or "its record cannot be looked up"
        return state.store_error

    def _read_answer(self, answer: Answer[tuple[bytes, ...]]) -> tuple[str | None, timedelta, str]:
        """Return the record's id if there is one valid record, the TTL, and else why not."""
        match answer:
            case LookupFailed():
                return None, self._limits.failed_lookup, answer.reason
            case Absent():
                return None, min(answer.ttl, self._limits.negative_max), "no record"
            case Found():
                ttl = min(answer.ttl, self._limits.negative_max)
                reading = read_records(answer.records)
                if reading.record is not None:
                    return reading.record.id, ttl, ""
                return None, ttl, reading.deviations[0].message

    async def _ask_record(self, domain: Domain) -> Answer[tuple[bytes, ...]]:
        name = RECORD_LABEL + domain
        if len(name) > MAX_NAME_BYTES:
            return Absent(is_name_known=False, ttl=self._limits.negative_max, is_secure=False)
        return await self._dns.look_up_txt(name, timeout=self._limits.lookup_timeout)

    async def _fetch(
        self, domain: Domain, state: DomainState, record_id: str, ttl: timedelta
    ) -> StsView:
        outcome = await self._fetcher.fetch(domain, timeout=self._limits.fetch_timeout)
        now = self._clock.now()
        sighting = state.sighting
        sighting.fetched_at, sighting.fetched = now, outcome
        if isinstance(outcome, PolicyFetchFailed):
            return await self._note_failure(
                domain, state, record_id, outcome.result, outcome.reason
            )
        sighting.fetched, sighting.body_bytes = replace(outcome, body=b""), len(outcome.body)
        try:
            policy = parse_policy(outcome.body)
        except PolicySyntaxError as error:
            return await self._note_failure(
                domain, state, record_id, ResultType.STS_POLICY_INVALID, str(error)
            )
        return await self._adopt(domain, state, policy, outcome.body, record_id=record_id, ttl=ttl)

    async def _adopt(
        self,
        domain: Domain,
        state: DomainState,
        policy: Policy,
        body: bytes,
        *,
        record_id: str,
        ttl: timedelta,
    ) -> StsView:
        """Put a fetched policy into force, weaker or stronger (RFC 8461 §5.1), and store it."""
        previous = state.cached
        state.cached = adopted = adopt(
            domain,
            policy,
            body,
            record_id=record_id,
            id_ttl=ttl,
            now=self._clock.now(),
            previous=previous,
            intervals=self._intervals,
            jitter=self._jitter(),
        )
        state.negative = state.failure = None
        self._on_fetched(adopted)
        await self._save(state)
        held = state.held()  # another node may have stored a newer one
        current = adopted if held is None else held
        if current is adopted and differs(previous, adopted):
            log.info(
                "policy adopted",
                domain=domain,
                id=record_id,
                mode=policy.mode.value,
                previous_mode=previous.policy.mode.value if previous else "none-known",
                expires=adopted.expires_at,
            )
            self._on_change(domain)
        # A policy of max_age 0 has expired by now, but for this delivery it was fetched.
        return replace(self._view(state), policy=current.policy, cached=current)

    async def _note_failure(
        self, domain: Domain, state: DomainState, record_id: str, result: ResultType, reason: str
    ) -> StsView:
        now = self._clock.now()
        in_force = state.in_force(now)
        previous = in_force.failure if in_force is not None else state.failure
        failure = next_failure(previous, record_id=record_id, at=now, result=result, reason=reason)
        if in_force is not None:
            state.cached = postponed(in_force, failure, self._intervals)
            await self._save(state)
            # RFC 8461 §10.2: a policy in mode none is on its way out, nobody need be told.
            level = log.info if in_force.policy.mode is Mode.NONE else log.warning
            level(
                "policy fetch failed",
                domain=domain,
                result=result.value,
                reason=reason,
                failures=failure.count,
                cached_until=in_force.expires_at,
                action="use-cached",
            )
        else:
            state.failure = failure
            self._note_negative(state, now, retry_at(failure, self._intervals) - now, reason)
            log.info(
                "policy fetch failed",
                domain=domain,
                result=result.value,
                reason=reason,
                failures=failure.count,
                action="deliver-without-policy",
            )
        return self._settled(state)

    def _note_negative(
        self, state: DomainState, now: datetime, ttl: timedelta, reason: str, *, doubt: str = ""
    ) -> None:
        state.cached, state.is_unsaved = None, False
        state.negative = Negative(since=now, until=now + ttl, reason=reason, doubt=doubt)

    def _settled(self, state: DomainState) -> StsView:
        """Return what a look-up came to; what is in force rules, however old its id check."""
        view = self._view(state)
        if view.usable_for or state.in_force(self._clock.now()) is None:
            return view
        return self._overtime_view(state)
