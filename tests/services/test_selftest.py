"""Resolvers are tested again and again; only positive proof of non-validation counts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import structlog

from mailseal.answers import DnsFailure
from mailseal.dane.validation import Validation
from mailseal.services.selftest import SelfTest, SelfTestLimits
from mailseal.testing import FakeDns, ManualClock

HOUR = timedelta(hours=1)


@dataclass
class World:
    """Two trusted resolvers that validate; ``changes`` is what was told of those set aside."""

    first: FakeDns = field(default_factory=FakeDns)
    second: FakeDns = field(default_factory=FakeDns)
    clock: ManualClock = field(default_factory=ManualClock)
    changes: list[frozenset[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for dns in (self.first, self.second):
            dns.secure()
        self.test = SelfTest(
            doors={"first": self.first, "second": self.second},
            clock=self.clock,
            limits=SelfTestLimits(bogus_name="bogus.example"),
            on_change=self.changes.append,
        )

    async def round(self) -> list[dict[str, Any]]:
        """Test once; return what was logged."""
        with structlog.testing.capture_logs() as logs:
            await self.test.round()
        return [dict(entry) for entry in logs]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a world whose tasks are ended behind the test."""
    made = World()
    yield made
    await made.test.aclose()


def events(logs: list[dict[str, Any]]) -> list[str]:
    """Return the sentences that were logged."""
    return [entry["event"] for entry in logs]


async def test_nothing_is_proven_before_the_first_test(world: World) -> None:
    """Until then DANE is neither off nor relied on."""
    assert world.test.validation is Validation.UNPROVEN
    assert world.test.counters() == {
        "dane_is_on": 1,
        "resolver_validates first": -1,
        "resolver_validates second": -1,
    }


async def test_validating_resolvers_are_used_and_told_once(world: World) -> None:
    """The default test asks for the root, which every validator can judge."""
    assert events(await world.round()) == ["resolver validates"] * 2
    assert events(await world.round()) == []
    assert world.first.queries[0][0] == ""
    assert world.changes == [frozenset()]
    assert world.test.counters()["resolver_validates first"] == 1


async def test_a_resolver_without_validation_is_set_aside_until_it_passes(world: World) -> None:
    """Failing over to it would take a forged absence for a true one."""
    world.second.insecure()
    logs = await world.round()

    assert world.changes[-1] == {"second"}
    assert world.test.validation is Validation.PROVEN
    assert {"event": "resolver does not validate", "resolver": "second"}.items() <= logs[1].items()
    world.second.secure()
    await world.round()
    assert world.changes[-1] == frozenset()


async def test_a_resolver_that_answers_bogus_data_is_set_aside(world: World) -> None:
    """Setting AD elsewhere does not help it."""
    world.second.a("bogus.example", "192.0.2.1")
    await world.round()

    assert world.changes[-1] == {"second"}


@pytest.mark.parametrize("failure", list(DnsFailure))
async def test_a_test_without_an_answer_changes_nothing(world: World, failure: DnsFailure) -> None:
    """Who can block a few datagrams must not switch DANE off, nor on."""
    await world.round()
    world.first.fail("", failure)
    logs = await world.round()
    assert world.test.validation is Validation.PROVEN
    assert world.changes == [frozenset()]
    assert events(logs) == ["resolver test has no result"]

    world.first.recover("")
    world.first.insecure()
    world.second.insecure()
    await world.round()
    world.first.fail("", failure)
    await world.round()
    assert world.test.counters()["dane_is_on"] == 0


async def test_a_resolver_that_never_passed_is_not_asked_beside_one_that_did(world: World) -> None:
    """An attacker who delays its test must not make it a source of verdicts."""
    world.second.fail("", DnsFailure.TIMEOUT)
    await world.round()

    assert world.changes[-1] == {"second"}


async def test_time_outs_alone_leave_dane_on(world: World) -> None:
    """With no answer from anybody nothing is proven against anybody."""
    for dns in (world.first, world.second):
        dns.fail("", DnsFailure.TIMEOUT)
    logs = await world.round()

    assert world.test.validation is Validation.UNPROVEN
    assert world.test.counters()["dane_is_on"] == 1
    assert "DANE is off" not in events(logs)


async def test_dane_off_is_told_at_once_and_every_hour(world: World) -> None:
    """A loud warning that nobody can miss for long, and a word when it is over."""
    for dns in (world.first, world.second):
        dns.insecure()
    logs = await world.round()
    assert events(logs).count("DANE is off") == 1
    assert "first: the root was answered as if it were not signed" in logs[-1]["reason"]
    assert world.test.counters()["dane_is_on"] == 0

    told = 0
    for _ in range(12):
        world.clock.advance(HOUR / 6)
        told += events(await world.round()).count("DANE is off")
    assert told == 2

    world.first.secure()
    assert events(await world.round()) == ["resolver validates", "DANE is on again"]


async def test_without_a_trusted_resolver_dane_is_off() -> None:
    """An answer over the open network is no proof of anything."""
    test = SelfTest(
        doors={}, clock=ManualClock(), limits=SelfTestLimits(), on_change=lambda _: None
    )
    await test.round()

    assert test.validation is Validation.DISPROVEN
    assert "no resolver" in test.reason


async def test_whoever_comes_first_waits_for_the_first_test_but_not_for_ever(world: World) -> None:
    """One test serves all who wait, and a slow one is not waited for."""
    released = world.first.hold("")
    await world.test.settle(timedelta(0))
    assert world.test.rounds == 0
    waiting = [asyncio.create_task(world.test.settle(timedelta(minutes=1))) for _ in range(3)]
    await asyncio.sleep(0)
    released.set()
    await asyncio.gather(*waiting)

    assert world.first.count("") == 1
    await world.test.settle(timedelta(minutes=1))
    assert world.first.count("") == 1


async def test_a_doubt_leads_to_a_test_once_in_a_while(world: World) -> None:
    """Many domains that change at once are no reason for as many tests."""
    await world.round()
    await world.test.confirm(timedelta(minutes=1))
    assert world.first.count("") == 1
    world.clock.advance(timedelta(seconds=30))
    await world.test.confirm(timedelta(minutes=1))
    assert world.first.count("") == 2
