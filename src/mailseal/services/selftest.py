"""Finds out again and again whether the resolvers that DANE relies on really validate.

What a resolver without validation says is never proof: it would take a forged absence for a
true one (RFC 7672 §2.1.1). One that is proven not to validate is left alone until it passes a
later test; a test without an answer changes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from mailseal.answers import Answer
from mailseal.dane.validation import (
    TestResult,
    Validation,
    find_aside,
    judge_resolver,
    together,
)
from mailseal.ports.clock import Clock
from mailseal.ports.dns import Dns
from mailseal.services.flights import Flights, wait_at_most
from mailseal.services.wording import view_facts

log = structlog.stdlib.get_logger("mailseal.selftest")

NO_RESOLVER = "no resolver is on this machine or in trust_ad"
NOT_TESTED = TestResult(validation=Validation.UNPROVEN, reason="not tested yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestLimits:
    """What is asked and how often.

    ``retry`` is the pause while any resolver is not proven to validate; a test that was begun
    within ``recent`` counts as one of now; ``warn_again`` is for as long as DANE is off.
    """

    signed_name: str = ""
    bogus_name: str = ""
    interval: timedelta = timedelta(minutes=10)
    retry: timedelta = timedelta(seconds=30)
    recent: timedelta = timedelta(seconds=30)
    lookup_timeout: timedelta = timedelta(seconds=4)
    warn_again: timedelta = timedelta(hours=1)


class SelfTest:
    """Knows what is proven of each resolver; ``doors`` are the trusted ones, one ``Dns`` each.

    ``on_change`` is called with the names of those that must not be asked for DANE, whenever
    they are others than before or what is proven of all together has changed. ``resolvers`` are
    those of a zone's own, trusted or not, for the log.
    """

    def __init__(
        self,
        *,
        doors: Mapping[str, Dns],
        clock: Clock,
        limits: SelfTestLimits,
        on_change: Callable[[frozenset[str]], None],
        resolvers: tuple[str, ...] = (),
    ) -> None:
        self._doors = doors
        self._clock = clock
        self._limits = limits
        self._on_change = on_change
        self._facts = view_facts(resolvers)
        self._known: dict[str, TestResult] = dict.fromkeys(doors, NOT_TESTED)
        self._state = (self.validation, frozenset[str]())
        self._flights: Flights[str, None] = Flights(1)
        self.rounds = 0  # ended so far
        self._begun_at = 0.0
        self._off_since: float | None = None
        self._warned_at: float | None = None

    @property
    def validation(self) -> Validation:
        """What is proven of the resolvers together."""
        return together(result.validation for result in self._known.values())

    @property
    def reason(self) -> str:
        """Say why the resolvers together are not proven to validate."""
        if not self._doors:
            return NO_RESOLVER
        return "; ".join(
            f"{name}: {result.reason}" for name, result in self._known.items() if result.reason
        )

    def counters(self) -> dict[str, int]:
        """Return gauges: 1 is yes, 0 is no, -1 is not known."""
        words = {Validation.PROVEN: 1, Validation.UNPROVEN: -1, Validation.DISPROVEN: 0}
        return {
            "dane_is_on": int(self.validation is not Validation.DISPROVEN),
            **{
                f"resolver_validates {name}": words[result.validation]
                for name, result in self._known.items()
            },
        }

    async def run(self) -> None:
        """Test for ever; cancel it to end it."""
        while True:
            await self.round()
            is_proven = all(one.validation is Validation.PROVEN for one in self._known.values())
            pause = self._limits.interval
            if not is_proven:
                pause = min(pause, self._limits.retry)
            await asyncio.sleep(pause.total_seconds())

    async def round(self) -> None:
        """Test every resolver now, or wait for the test that is under way."""
        await wait_at_most(self._start(), 3 * self._limits.lookup_timeout)

    async def settle(self, timeout: timedelta) -> None:
        """Wait for the first test, so that nothing is concluded before it; no longer than that."""
        if not self.rounds:
            await wait_at_most(self._start(), timeout)

    async def confirm(self, timeout: timedelta) -> None:
        """Test before something weaker is believed than was proven, unless that was just done."""
        now = self._clock.monotonic()
        if not self.rounds or now - self._begun_at >= self._limits.recent.total_seconds():
            await wait_at_most(self._start(), timeout)

    async def aclose(self) -> None:
        """End a test that is under way."""
        await self._flights.aclose()

    def _start(self) -> "asyncio.Task[None]":
        return self._flights.join("round", self._round)

    async def _round(self) -> None:
        self._begun_at = self._clock.monotonic()
        names = list(self._doors)
        results = await asyncio.gather(
            *(test_resolver(self._doors[name], self._limits) for name in names)
        )
        for name, result in zip(names, results, strict=True):
            self._take(name, result)
        self.rounds += 1
        self._conclude()

    def _take(self, name: str, result: TestResult) -> None:
        """Note what a test has proven; without proof what was known before stands."""
        known = self._known[name]
        if result.validation is Validation.UNPROVEN:
            if known.validation is Validation.UNPROVEN:
                self._known[name] = result
            if known is NOT_TESTED or known.validation is Validation.PROVEN:
                log.info(
                    "resolver test has no result",
                    resolver=name,
                    reason=result.reason,
                    action="keep-what-was-known",
                )
            return
        self._known[name] = result
        if result.validation is known.validation:
            return
        if result.validation is Validation.PROVEN:
            log.info("resolver validates", resolver=name)
        else:
            log.warning(
                "resolver does not validate",
                resolver=name,
                reason=result.reason,
                action="not-asked-for-dane",
            )

    def _conclude(self) -> None:
        validation = self.validation
        aside = find_aside({name: one.validation for name, one in self._known.items()})
        if (validation, aside) != self._state:
            self._state = (validation, aside)
            self._on_change(aside)
        self._tell(validation)

    def _tell(self, validation: Validation) -> None:
        now = self._clock.monotonic()
        if validation is not Validation.DISPROVEN:
            if self._off_since is not None and validation is Validation.PROVEN:
                log.info("DANE is on again", after_s=round(now - self._off_since), **self._facts)
            self._off_since = self._warned_at = None
            return
        if self._off_since is None:
            self._off_since = now
        if (
            self._warned_at is None
            or now - self._warned_at >= self._limits.warn_again.total_seconds()
        ):
            self._warned_at = now
            log.warning(
                "DANE is off",
                reason=self.reason,
                since_s=round(now - self._off_since),
                action="answer-without-new-verdicts",
                **self._facts,
            )


async def test_resolver(door: Dns, limits: SelfTestLimits) -> TestResult:
    """Ask one resolver what shows whether it validates; takes ``lookup_timeout`` at most."""
    signed, bogus = await asyncio.gather(
        door.look_up_txt(limits.signed_name, timeout=limits.lookup_timeout),
        _ask_bogus(door, limits),
    )
    return judge_resolver(limits.signed_name, signed, limits.bogus_name, bogus)


async def _ask_bogus(door: Dns, limits: SelfTestLimits) -> Answer[str] | None:
    if not limits.bogus_name:
        return None
    return await door.look_up_a(limits.bogus_name, timeout=limits.lookup_timeout)
