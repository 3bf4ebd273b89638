"""Policies are fetched anew before they run out, and the operator hears of it when they are not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import structlog

from mailseal.names import Domain
from mailseal.services.refresher import Refresher
from tests.services.world import World

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
