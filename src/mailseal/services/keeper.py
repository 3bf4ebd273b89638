"""Keeps what is known of domains: a bounded memory in front of the store.

What is in force is never forgotten: memory drops what the store has, and holds on to an enforce
policy that the store refuses until it takes it.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from mailseal.mtasts.freshness import CachedPolicy, newer_of, not_from_the_future
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.clock import Clock
from mailseal.ports.policystore import PolicyStore
from mailseal.ports.storeerrors import StoreAwayError, StoreError
from mailseal.services.domainstate import DomainState
from mailseal.services.flights import Flights

log = structlog.stdlib.get_logger("mailseal.keeper")

MAX_RECALLS = 256  # reads of the store at a time
MAX_SAVES = 500  # at a time after an outage: half of what the store puts into one commit
MAX_PURGES = 500  # read at a time, so that questions get their turn in between
PURGE_MARGIN = timedelta(minutes=5)  # ours: clocks that differ, and commits that waited
MAX_PASSED_OVER = 100  # entries that must stay, looked at in one search for one that may go


class Keeper:
    """A state for every domain asked about, the ones not asked for longest dropped first."""

    def __init__(
        self,
        *,
        store: PolicyStore,
        clock: Clock,
        max_domains: int,
        max_bytes: int,
        on_change: Callable[[Domain], None],
        on_purged: Callable[[Domain], None],
    ) -> None:
        """Make one; ``on_change`` is to drop answers, ``on_purged`` all else that was learnt."""
        self._store = store
        self._clock = clock
        self._max_domains = max_domains
        self._max_bytes = max_bytes
        self._on_change = on_change
        self._on_purged = on_purged
        self._states: dict[Domain, DomainState] = {}
        self._weights: dict[Domain, int] = {}
        self._used_bytes = 0
        self._purges = 0
        self.evictions = 0
        self._caught_up_at = clock.monotonic()
        self._recalls: Flights[Domain, DomainState] = Flights(MAX_RECALLS)

    def __len__(self) -> int:
        return len(self._states)

    def held(self) -> tuple[Domain, ...]:
        """Return the domains that memory knows something of."""
        return tuple(self._states)

    @property
    def unsaved(self) -> int:
        """Return how many policies are in force that the store does not hold."""
        return sum(state.is_unsaved for state in self._states.values())

    async def state_of(self, domain: Domain) -> DomainState:
        """Return what is known of a domain, from memory or the store, asking nobody else."""
        return await self._recall(domain)

    async def forget(self, domain: Domain) -> bool:
        """Drop all that memory and store hold of a domain; tell whether there was a policy."""
        state = self._states.get(domain)
        self._drop(domain)
        was_stored = await self._store.remove(domain, now=self._clock.now())
        self._purges += 1
        self._drop(domain)  # a question may have read it again meanwhile
        self.learn_purge(domain)
        return was_stored or (state is not None and state.cached is not None)

    def learn(self, domain: Domain, stored: CachedPolicy | None, *, was_told: bool) -> None:
        """Take over what the store holds of a domain, where another node knows better.

        ``was_told`` says that the domain was certainly written or purged a moment ago; else its
        absence means less than a policy that is still to be stored.
        """
        state = self._states.get(domain)
        if stored is None and was_told:
            self._on_purged(domain)
        if state is None:
            if was_told:
                self._on_change(domain)  # an answer may have outlived what it was made of
        elif stored is not None or was_told or (state.cached and not state.is_unsaved):
            self._take_over(domain, state, stored)

    def learn_purge(self, domain: Domain) -> None:
        """Drop what was learnt of a purged domain besides its policy, and the answers made of it.

        Whether the policy is still stored, or another by now, is to be looked at by itself.
        """
        self._on_purged(domain)
        self._on_change(domain)

    async def learn_purges(self) -> None:
        """Drop what was purged elsewhere while nobody could tell us, since this was last done.

        A policy in memory stays: whether the store still holds it is to be looked at before. What
        goes is a remembered absence, and all that was learnt of the domain besides its policy.
        """
        begun = self._clock.monotonic()
        since = self._clock.now() - timedelta(seconds=begun - self._caught_up_at) - PURGE_MARGIN
        last: Domain | None = None
        while page := await self._store.list_purged(since, after=last, limit=MAX_PURGES):
            for domain in page:
                state = self._states.get(domain)
                if state is None or state.cached is None:
                    self._drop(domain)
                self.learn_purge(domain)
            last = page[-1]
        self._caught_up_at = begun

    async def save_unsaved(self) -> int:
        """Try again to store what the store has refused; return how many are left.

        Many at a time, since the store commits together what comes together.
        """
        # By name, so that nodes which come back together lock the same rows in the same order.
        waiting = sorted(domain for domain, state in self._states.items() if state.is_unsaved)
        number = 1  # the first one alone: while the store refuses all, the rest would repeat it
        while waiting:
            chunk, waiting = waiting[:number], waiting[number:]
            async with asyncio.TaskGroup() as group:
                saves = [group.create_task(self._save_again(domain)) for domain in chunk]
            if not all(save.result() for save in saves):
                break
            number = MAX_SAVES
        return self.unsaved

    async def _save_again(self, domain: Domain) -> bool:
        """Store what is still to be stored of a domain; return as ``_save`` does."""
        state = self._states.get(domain)
        if state is None or not state.is_unsaved:
            return True
        if state.in_force(self._clock.now()) is None:
            state.is_unsaved = False  # it has run out while it waited
            return True
        return await self._save(state)

    def _is_busy(self, domain: Domain) -> bool:
        """Tell whether something is being found out that would be lost with the entry."""
        return False

    async def _recall(self, domain: Domain) -> DomainState:
        """Return the state in memory, or make it of what the store holds."""
        state = self._states.get(domain)
        if state is None:
            # Shielded, since others wait for the same.
            state = await asyncio.shield(self._recalls.join(domain, lambda: self._load(domain)))
        else:
            self._states[domain] = self._states.pop(domain)  # the youngest again
        state.mend(self._clock.now())
        return state

    async def _load(self, domain: Domain) -> DomainState:
        while True:
            purges = self._purges
            state = DomainState()
            await self._reread(domain, state)
            if purges == self._purges:  # else what was read may be gone by now
                self._keep(domain, state)
                return state

    async def _reread(self, domain: Domain, state: DomainState) -> None:
        """Add what the store holds to what is known, the newer of both."""
        try:
            stored = await self._store.load(domain)
        except StoreError as error:
            state.store_error = str(error)
            log.error(
                "stored policy cannot be read", domain=domain, error=str(error), action="look-up"
            )
            return
        state.store_error = ""
        now = self._clock.now()
        if stored is None or not stored.is_in_force(now):
            return
        known = state.in_force(now)
        newer = newer_of(known, not_from_the_future(stored, now))
        if newer is not known:
            state.cached, state.is_unsaved = newer, False

    def _keep(self, domain: Domain, state: DomainState) -> None:
        """Put a state into memory, or weigh it anew, and drop what no longer fits."""
        weight = state.weight_bytes
        self._used_bytes += weight - self._weights.get(domain, 0)
        self._states[domain], self._weights[domain] = state, weight
        passed_over = 0
        for candidate in list(self._oldest()):
            if self._fits():
                return
            if candidate == domain or self._must_stay(candidate):
                passed_over += 1
                if passed_over >= MAX_PASSED_OVER and not self._is_overfull():
                    return
                if not self._is_overfull():
                    continue
                log.error(
                    "memory is full of what cannot be stored", domain=candidate, action="dropped"
                )
            self._drop(candidate)
            self.evictions += 1

    def _oldest(self) -> list[Domain]:
        number = MAX_PASSED_OVER + 1 + max(0, len(self._states) - self._max_domains)
        return [domain for _, domain in zip(range(number), self._states, strict=False)]

    def _fits(self) -> bool:
        return len(self._states) <= self._max_domains and self._used_bytes <= self._max_bytes

    def _is_overfull(self) -> bool:
        """Tell whether even what should stay has to go, so that the process can live on."""
        return len(self._states) > 2 * self._max_domains or self._used_bytes > 2 * self._max_bytes

    def _must_stay(self, domain: Domain) -> bool:
        state = self._states[domain]
        if state.is_unsaved and state.cached and state.cached.policy.mode is Mode.ENFORCE:
            return True
        return self._is_busy(domain)

    def _drop(self, domain: Domain) -> None:
        if self._states.pop(domain, None) is not None:
            self._used_bytes -= self._weights.pop(domain)

    async def _save(self, state: DomainState) -> bool:
        """Store a policy, or take over what another node has stored or purged since.

        Returns whether the store works: false when it refuses all, not this one policy alone.
        """
        saved = state.cached
        assert saved is not None
        if self._states.get(saved.domain) is state:
            self._keep(saved.domain, state)
        state.is_unsaved = True  # until it is stored: nothing may take it from memory before
        try:
            if not await self._store.save(saved, now=self._clock.now()):
                for domain, stored in (await self._store.load_many([saved.domain])).items():
                    self._take_over(domain, state, stored)
        except StoreError as error:
            log.error(
                "policy cannot be stored",
                domain=saved.domain,
                error=str(error),
                action="kept-in-memory-and-tried-again",
            )
            return not isinstance(error, StoreAwayError)
        if state.cached is saved:  # else what came meanwhile is stored, or not, by itself
            state.is_unsaved = False
        return True

    def _take_over(self, domain: Domain, state: DomainState, stored: CachedPolicy | None) -> None:
        """Hold what the store holds, if that is newer; without a row forget the domain."""
        now = self._clock.now()
        known = None if state.cached is None else not_from_the_future(state.cached, now)
        if stored is None:
            state.cached, state.is_unsaved = None, False
            if self._states.get(domain) is state:
                self._drop(domain)
            self._on_change(domain)
            return
        newer = newer_of(known, not_from_the_future(stored, now))
        if newer is known or not newer.is_in_force(now):
            return
        state.cached, state.negative, state.failure = newer, None, None
        state.is_unsaved, state.store_error = False, ""
        if differs(known, newer):
            log.info(
                "policy learnt from another node",
                domain=domain,
                id=newer.id,
                mode=newer.policy.mode.value,
                previous_mode=known.policy.mode.value if known else "none-known",
                expires=newer.expires_at,
            )
            self._on_change(domain)


def differs(known: CachedPolicy | None, newer: CachedPolicy) -> bool:
    """Tell whether answers made of one may be others than those made of the other."""
    return known is None or (known.id, known.policy) != (newer.id, newer.policy)
