"""Policies are fetched anew before they run out, and the operator hears of it when they are not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import structlog

from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.services import refresher as refresher_module
from mailseal.services.refresher import CONCURRENCY, Refresher
from tests.services.world import LONG, World

GUARD_SECONDS = 10.0  # only reached by a test that would hang otherwise
DOMAIN = Domain("example.com")
DAY = timedelta(days=1)


@dataclass
class RefresherWorld(World):
    """A refresher with one domain, whose policy was fetched a moment ago."""

    jitter: float = 0.5

    def start(self) -> None:
        """Begin anew with the store alone, as after a restart."""
        super().start()
        self.refresher = Refresher(
            discoverer=self.discoverer,
            store=self.store,
            clock=self.clock,
            keep_expired=timedelta(days=30),
        )

    async def publish_and_ask(self, mode: str = "enforce") -> None:
        """Publish a policy of a week and ask for it once."""
        self.publish(mode)
        await self.ask()


@pytest.fixture
async def world() -> AsyncIterator[RefresherWorld]:
    """Give a world, and end its tasks behind the test."""
    made = RefresherWorld()
    yield made
    await made.aclose()


async def test_a_policy_nobody_asks_for_is_fetched_daily(world: RefresherWorld) -> None:
    """Without any traffic the expiry moves every day (RFC 8461 §10.2)."""
    await world.publish_and_ask()
    for _ in range(3):
        world.clock.advance(DAY)
        await world.refresher.round()

    assert world.hosts.count("example.com") == 4
    assert world.store.policies[DOMAIN].expires_at == world.clock.now() + timedelta(days=7)


async def test_nothing_is_fetched_before_it_is_due(world: RefresherWorld) -> None:
    """A round a minute costs nothing when nothing is due."""
    await world.publish_and_ask()
    for _ in range(60):
        world.clock.advance(timedelta(minutes=10))
        await world.refresher.round()

    assert world.hosts.count("example.com") == 1


async def test_a_dead_policy_host_is_tried_again_with_back_off_until_it_returns(
    world: RefresherWorld,
) -> None:
    """Failures come ever more rarely, once an hour at least, and end with the first success."""
    await world.publish_and_ask()
    world.hosts.fail("example.com")
    world.clock.advance(DAY)
    for _ in range(6 * 60):
        await world.refresher.round()
        world.clock.advance(timedelta(minutes=1))
    assert 6 <= world.hosts.count("example.com") - 1 <= 10

    await world.publish_and_ask()
    world.clock.advance(timedelta(hours=1))
    await world.refresher.round()
    assert world.store.policies[DOMAIN].failure is None


async def test_the_operator_is_told_once_per_step_as_a_policy_nears_its_end(
    world: RefresherWorld,
) -> None:
    """At a half, a quarter and a tenth of its life, and not for every failed fetch."""
    await world.publish_and_ask()
    world.hosts.fail("example.com")
    with structlog.testing.capture_logs() as logs:
        for _ in range(7 * 24 - 1):
            world.clock.advance(timedelta(hours=1))
            await world.refresher.round()

    warnings = [entry for entry in logs if entry["event"] == "policy nears its end unrefreshed"]
    assert len(warnings) == 3
    assert warnings[0]["reason"] == "connection-refused"


async def test_nobody_is_alarmed_about_a_policy_of_mode_none(world: RefresherWorld) -> None:
    """A domain on its way out may let everything disappear (RFC 8461 §8.3, §10.2)."""
    await world.publish_and_ask("none")
    world.hosts.fail("example.com")
    with structlog.testing.capture_logs() as logs:
        for _ in range(7):
            world.clock.advance(timedelta(hours=23))
            await world.refresher.round()

    assert not [entry for entry in logs if entry["log_level"] in {"warning", "error"}]


async def test_expired_policies_leave_the_store_after_a_while(world: RefresherWorld) -> None:
    """They are kept for those who ask why, and then no longer."""
    await world.publish_and_ask()
    world.hosts.fail("example.com")
    world.clock.advance(timedelta(days=7 + 29))
    await world.refresher.round()
    assert DOMAIN in world.store.policies

    world.clock.advance(timedelta(days=2))
    await world.refresher.round()
    assert DOMAIN not in world.store.policies


async def test_a_clock_that_is_ahead_does_not_empty_the_store(world: RefresherWorld) -> None:
    """All policies look expired to it, and are there when the clock is mended."""
    await world.publish_and_ask()
    world.hosts.fail("example.com")
    world.clock.advance(timedelta(hours=2))
    await world.refresher.round()
    world.clock.step(timedelta(days=365))
    await world.refresher.round()
    world.clock.advance(timedelta(minutes=1))
    await world.refresher.round()
    world.clock.step(-timedelta(days=365))

    assert world.store.policies[DOMAIN].is_in_force(world.clock.now())


async def test_a_clock_that_was_set_is_trusted_again_after_an_hour(world: RefresherWorld) -> None:
    """One jump is no reason to keep what has expired for ever."""
    await world.publish_and_ask()
    world.hosts.fail("example.com")
    world.clock.step(timedelta(days=365))
    for _ in range(60):
        await world.refresher.round()
        assert DOMAIN in world.store.policies
        world.clock.advance(timedelta(minutes=1))
    await world.refresher.round()

    assert DOMAIN not in world.store.policies


async def test_a_policy_that_was_refreshed_is_told_of_anew_when_it_fails_again(
    world: RefresherWorld,
) -> None:
    """What was said about its end before was about another end."""
    told = []
    for _ in range(2):
        await world.publish_and_ask()
        world.clock.advance(timedelta(hours=1))
        await world.refresher.round()
        world.hosts.fail("example.com")
        with structlog.testing.capture_logs() as logs:
            for _ in range(5 * 24):
                world.clock.advance(timedelta(hours=1))
                await world.refresher.round()
        told.append([entry["event"] for entry in logs].count("policy nears its end unrefreshed"))

    assert told == [1, 1]


async def test_what_the_store_refused_is_stored_by_the_next_round(world: RefresherWorld) -> None:
    """Nothing else would store it before the service ends, which may be by a crash."""
    world.store.error = StoreError("the disk is full")
    await world.publish_and_ask()
    assert world.discoverer.unsaved == 1
    world.store.error = None

    await world.refresher.round()

    assert world.discoverer.unsaved == 0
    assert DOMAIN in world.store.policies


async def test_a_round_goes_on_where_others_have_ended(world: RefresherWorld) -> None:
    """Only so many are fetched at a time, and all of those that are due."""
    names = [Domain(f"d{number:03}.example") for number in range(CONCURRENCY + 20)]
    for name in names:
        world.publish(domain=name)
        await world.discoverer.policy_for(name, timeout=LONG)
    world.clock.advance(DAY)

    async with asyncio.timeout(GUARD_SECONDS):
        assert await world.refresher.round() == len(names)


async def test_the_loop_goes_on_when_the_store_fails(
    world: RefresherWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and what is due is fetched once the store is back."""
    monkeypatch.setattr(refresher_module, "ROUND_INTERVAL", timedelta(0))
    await world.publish_and_ask()
    world.clock.advance(2 * DAY)
    world.store.error = StoreError("the database is away")
    with structlog.testing.capture_logs() as logs:
        loop = asyncio.create_task(world.refresher.run())
        async with asyncio.timeout(GUARD_SECONDS):
            while len(logs) < 2:  # noqa: ASYNC110 -- a log wakes nobody
                await asyncio.sleep(0)
            world.store.error = None
            while world.hosts.count("example.com") < 2:  # noqa: ASYNC110 -- nor does a fake
                await asyncio.sleep(0)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)

    assert {entry["event"] for entry in logs} == {"refresh round failed"}
