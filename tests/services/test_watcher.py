"""Watching: domains are looked at when due, by one node, and what changes is told once."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Severity
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.testing.evidence import absent, domain_evidence, failed
from mailseal.watch.judging import judge_look
from mailseal.watch.records import Look

from .watchworld import DAY, DOMAIN, HOUR, MINUTE, OTHER, World, broken


async def test_what_is_added_is_looked_at_at_once_and_then_on_schedule() -> None:
    """Every six hours, and not in between."""
    world = World()
    await world.add(DOMAIN)

    assert [await world.go_on(by) for by in (0 * HOUR, HOUR, 5 * HOUR, HOUR, 5 * HOUR)] == [
        1, 0, 1, 0, 1,
    ]  # fmt: skip
    assert world.opened == 3  # a look must not count what an earlier one remembers


async def test_a_good_domain_is_quiet_and_has_figures() -> None:
    """Nobody is told that nothing is wrong; metrics and ``list`` show it."""
    world = World()
    await world.add(DOMAIN)
    for _ in range(3):
        await world.go_on(6 * HOUR)

    assert world.mail.attempts == 0
    assert world.watcher.latest is not None
    (watched,) = world.watcher.latest
    assert watched.figures is not None
    assert (watched.figures.verdict, watched.figures.errors) == ("enforcing-and-healthy", 0)
    assert watched.figures.certificate_end is not None
    assert watched.succeeded_at == watched.looked_at == world.clock.now()


async def test_a_loss_is_told_at_once_by_every_way_and_its_end_once() -> None:
    """One alert for what came, one for what went, none in between."""
    world = World()
    await world.add(DOMAIN)
    await world.go_on()
    world.evidence[DOMAIN] = broken()
    await world.go_on(6 * HOUR)

    (notice,) = world.mail.sent
    assert notice.verdict == "enforcing-and-losing-mail"
    assert notice.verdict_before == "enforcing-and-healthy"
    assert Severity.ERROR in {one.severity for one in notice.added}
    assert world.webhook.sent == world.mail.sent
    for _ in range(4):
        await world.go_on(6 * HOUR)
    assert len(world.mail.sent) <= 2  # what was no error waited for a second look
    told = sum(len(one.added) for one in world.mail.sent)

    world.mail.sent.clear()
    del world.evidence[DOMAIN]
    for _ in range(6):
        await world.go_on(15 * MINUTE)
    for _ in range(3):
        await world.go_on(6 * HOUR)
    resolved = [one for notice in world.mail.sent for one in notice.resolved]
    assert len(resolved) == told
    assert len(world.mail.sent) == 1


async def test_what_flaps_wakes_nobody() -> None:
    """A warning that is gone at the second look was never told."""
    world = World()
    await world.add(DOMAIN)
    await world.go_on()
    for _ in range(3):
        world.evidence[DOMAIN] = weak()
        await world.go_on(6 * HOUR)
        del world.evidence[DOMAIN]
        assert await world.go_on(15 * MINUTE) == 1  # looked at again soon
    assert world.mail.attempts == 0


def weak() -> Evidence:
    """Return evidence with a warning and no error."""
    evidence = domain_evidence()
    return replace(evidence, records=replace(evidence.records, tlsrpt=absent()))


async def test_a_warning_is_told_when_it_was_seen_twice() -> None:
    """The second look comes after a quarter of an hour."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = weak()
    await world.go_on()
    assert world.mail.sent == []
    await world.go_on(15 * MINUTE)
    assert [len(one.added) for one in world.mail.sent] == [1]


async def test_a_look_that_fails_resolves_nothing() -> None:
    """DNS that is down is no all-clear; the success before keeps its date."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.go_on()
    looked_at = world.clock.now()
    evidence = broken()
    world.evidence[DOMAIN] = replace(evidence, records=replace(evidence.records, mx=failed()))
    # What cannot be judged is tried again soon, once; then it has time.
    assert [await world.go_on(by) for by in (6 * HOUR, 15 * MINUTE, 15 * MINUTE, 6 * HOUR)] == [
        1, 1, 0, 1,
    ]  # fmt: skip

    assert [one for notice in world.mail.sent for one in notice.resolved] == []
    known = await world.history.load(DOMAIN)
    assert known is not None
    assert known.succeeded_at == looked_at
    assert known.looked_at == world.clock.now()


async def test_of_several_nodes_one_looks() -> None:
    """Claims are in the store."""
    one = World()
    nodes = [one, one.another_node(), one.another_node()]
    names = [Domain(f"d{number}.example") for number in range(12)]
    await one.add(*names)
    looked = await asyncio.gather(*(node.watcher.round() for node in nodes))

    assert sum(looked) == 12
    assert sorted(name for node in nodes for name in node.looks) == sorted(names)


async def test_a_look_that_was_overtaken_tells_nothing() -> None:
    """Whose claim ran out finds that somebody else has looked, and leaves it at that."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    until = world.clock.now() + HOUR
    stale = await world.history.claim(DOMAIN, world.clock.now(), until=until)
    assert stale is not None
    world.history.claims.clear()
    await world.go_on()
    assert len(world.mail.sent) == 1

    late = judge_look(stale, (), broken(), world.watcher._rules, chance=0.0)
    assert not await world.history.record(late)
    await world.go_on()
    assert len(world.mail.sent) == 1


async def test_looks_at_which_something_changed_are_marked() -> None:
    """The first, the one that broke and the one that was mended; not those in between."""
    world = World()
    await world.add(DOMAIN)
    for evidence in (None, None, broken(), broken(), None, None, None):
        world.evidence[DOMAIN] = evidence or domain_evidence()
        await world.go_on(6 * HOUR)
    seen = world.history.observations[DOMAIN]
    marked = [one.is_change for one in seen]
    assert marked[:4] == [True, False, True, False]
    assert marked[4:] == [True, True, False]  # another verdict, then what is over
    kept = [one.evidence is not None for one in seen]
    assert kept == [one.is_change for one in seen[:-1]] + [True]


async def test_jitter_only_brings_a_look_forward() -> None:
    """A tenth of the interval at most, so that domains added together part."""
    world = World()
    world.watcher._chance = lambda: 1.0
    await world.add(DOMAIN)
    await world.go_on()
    known = await world.history.load(DOMAIN)
    assert known is not None
    assert known.next_look_at == world.clock.now() + 6 * HOUR * 0.9


async def test_old_looks_are_pruned() -> None:
    """History is kept as long as is set, and no longer."""
    world = World()
    await world.add(DOMAIN)
    await world.go_on()
    await world.go_on(401 * DAY)
    assert len(await world.history.load_observations(DOMAIN, limit=9)) == 1


async def test_a_store_that_is_away_costs_a_round() -> None:
    """The next one does what is due."""
    world = World()
    await world.add(DOMAIN)
    world.history.error = StoreError("away")
    with pytest.raises(StoreError):
        await world.watcher.round()
    world.history.error = None
    assert await world.go_on() == 1


async def test_a_fault_with_one_domain_leaves_the_others_their_looks() -> None:
    """It is put off for as long as a second look is, each time, and the rest keep their times."""
    world = World()
    names = [Domain(f"d{number}.example") for number in range(5)]
    await world.add(*names)
    world.faults.add(names[0])

    assert await world.go_on() == 5
    assert sorted(world.looks) == names
    assert await world.go_on(14 * MINUTE) == 0
    assert await world.go_on(MINUTE) == 1
    assert world.looks[5:] == [names[0]]
    known = await world.history.load(names[0])
    assert known is not None
    assert (known.looked_at, known.next_look_at) == (None, world.clock.now() + 15 * MINUTE)

    world.faults.clear()
    assert await world.go_on(6 * HOUR) == 5


async def test_what_nobody_could_be_told_is_told_once_somebody_can() -> None:
    """A channel that is set up later, or on this node alone, brings what was found before."""
    world = World()
    rules = world.watcher._rules
    world.watcher._rules = replace(rules, channels=())
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.go_on()
    await world.go_on(15 * MINUTE)
    assert world.history.messages == {}
    assert {one.told for one in await world.history.load_open(DOMAIN)} == {None}

    world.watcher._rules = rules
    await world.go_on(6 * HOUR)
    (notice,) = world.mail.sent
    assert Severity.ERROR in {one.severity for one in notice.added}
    await world.go_on(6 * HOUR)
    assert len(world.mail.sent) == 1


async def test_a_shorter_interval_holds_from_now_on() -> None:
    """What was put off for a month by the longer one is due at once."""
    world = World()
    rules = world.watcher._rules
    world.watcher._rules = replace(rules, interval=30 * DAY)
    await world.add(DOMAIN)
    assert await world.go_on() == 1
    world.watcher._rules = rules
    assert [await world.go_on(by) for by in (HOUR, HOUR, 5 * HOUR)] == [1, 0, 1]


async def test_a_clock_that_was_ahead_once_stops_neither_looks_nor_messages() -> None:
    """Times that none of ours would have set do not count."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    world.mail.failure = "connection refused"
    world.clock.step(365 * DAY)
    await world.go_on()
    assert world.mail.attempts == 1
    world.clock.step(-365 * DAY)
    world.mail.failure = ""

    assert await world.go_on(MINUTE) == 1
    assert len(world.mail.sent) == 1
    assert [await world.go_on(by) for by in (MINUTE, 6 * HOUR)] == [0, 1]


async def test_looks_on_demand_are_looks_like_others() -> None:
    """Due or not, stored and told; who is being looked at elsewhere is named."""
    world = World()
    await world.add(DOMAIN, OTHER)
    await world.history.claim(OTHER, world.clock.now(), until=world.clock.now() + 10 * MINUTE)
    unknown = Domain("unknown.example")
    found = await world.watcher.look_now((DOMAIN, OTHER, unknown))

    assert isinstance(found[0], Look)
    assert found[1:] == (OTHER, unknown)
    assert await world.history.load_observations(DOMAIN, limit=9)


async def test_a_memory_that_cannot_be_read_begins_anew() -> None:
    """Damage costs the comparison and nothing else."""
    world = World()
    await world.add(DOMAIN)
    await world.go_on()
    known = world.history.watched[DOMAIN]
    world.history.watched[DOMAIN] = replace(known, memory=b"{")
    assert await world.go_on(6 * HOUR) == 1
    assert world.history.watched[DOMAIN].memory not in (None, b"{")


async def test_only_so_many_domains_are_looked_at_at_a_time() -> None:
    """Two here, however many are due."""
    world = World()
    await world.add(*(Domain(f"d{number}.example") for number in range(6)))
    assert await world.go_on() == 6
    assert world.most == 2


async def test_a_store_that_goes_away_during_a_look_is_told() -> None:
    """The look is lost, and made again when the claim is over."""
    world = World()
    await world.add(DOMAIN)

    def lose() -> None:
        world.history.error = StoreError("away")

    world.on_look = lose
    with capture_logs() as logs, pytest.raises(StoreError):
        await world.watcher.round()
    assert "watch is without its store" in {one["event"] for one in logs}
    world.history.error = None
    world.on_look = lambda: None
    assert [await world.go_on(by) for by in (MINUTE, 9 * MINUTE)] == [0, 1]


async def test_rounds_in_which_nothing_is_due_leave_the_store_alone() -> None:
    """All that is watched is read after looks and once a minute, old things once an hour."""
    world = World()
    await world.add(DOMAIN)
    await world.go_on()
    known, pruned = world.watcher.latest, []
    prune = world.history.prune

    async def count(before: datetime) -> int:
        pruned.append(before)
        return await prune(before)

    world.history.prune = count  # type: ignore[method-assign] # counted
    for _ in range(5):
        await world.go_on(timedelta(seconds=10))
        assert world.watcher.latest is known
    await world.go_on(timedelta(seconds=10))
    assert world.watcher.latest is not known

    assert pruned == []
    for _ in range(12):
        await world.go_on(10 * MINUTE)
    assert len(pruned) == 2


async def test_housekeeping_waits_for_no_round() -> None:
    """Metrics have their figures while many domains are due, and old things go."""
    world = World()
    await world.add(*(Domain(f"d{number}.example") for number in range(6)))
    seen = []

    def see() -> None:
        latest = world.watcher.latest or ()
        seen.append(sum(one.looked_at is not None for one in latest))
        world.clock.advance(MINUTE)

    world.on_look = see
    assert await world.watcher.round() >= 4
    assert max(seen) >= 2


async def test_a_round_ends_in_time_for_the_next_to_observe_anew() -> None:
    """What is looked at twice must not be answered from what the first look remembers."""
    world = World()
    await world.add(*(Domain(f"d{number}.example") for number in range(12)))
    world.on_look = lambda: world.clock.advance(2 * MINUTE)
    looked = []
    while number := await world.watcher.round():
        looked.append(number)
    assert sum(looked[:4]) >= 12
    assert max(looked) <= 4
    assert world.opened == len(looked)
