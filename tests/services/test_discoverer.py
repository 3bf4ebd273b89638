"""Policies in force: discovered, kept, refreshed and never lost (RFC 8461 §3.3, §5.1)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from mailseal.answers import DnsFailure, RdType
from mailseal.mtasts.policy import Mode
from mailseal.names import Domain
from mailseal.ports.storeerrors import StoreError
from mailseal.results import ResultType
from mailseal.services.discoverer import DiscoveryLimits
from tests.services.world import DOMAIN, LONG, World

RECORD = "_mta-sts.example.com"
SHORT = timedelta(milliseconds=30)
HOUR = timedelta(hours=1)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a world whose tasks are ended behind the test."""
    made = World()
    yield made
    await made.aclose()


async def test_a_policy_is_discovered_stored_and_used_from_memory(world: World) -> None:
    """One TXT look-up and one fetch serve all deliveries of the next minutes."""
    world.publish()

    first, second = await world.ask(), await world.ask()

    assert first.policy is not None
    assert first.policy.mode is Mode.ENFORCE
    assert second.policy == first.policy
    assert world.dns.count(RECORD) == 1
    assert world.hosts.count(DOMAIN) == 1
    assert world.store.policies[DOMAIN].id == "1"


async def test_ten_thousand_first_askers_make_one_fetch(world: World) -> None:
    """Callers who ask at once share one discovery."""
    world.publish()

    views = await asyncio.gather(*(world.ask() for _ in range(10_000)))

    assert {view.policy.mode for view in views if view.policy} == {Mode.ENFORCE}
    assert (world.dns.count(RECORD), world.hosts.count(DOMAIN)) == (1, 1)


async def test_without_a_record_the_policy_host_is_left_alone(world: World) -> None:
    """A policy host alone must not create a policy (RFC 8461 §10.3)."""
    world.publish()
    world.dns.remove(RECORD)

    assert await world.mode() is None
    assert world.hosts.count(DOMAIN) == 0


@pytest.mark.parametrize(
    "records",
    [
        ("v=STSv1; id=1;", "v=STSv1; id=1;"),  # two, even if equal (RFC 8461 §3.1)
        ("v=STSv1; id=bad-id;",),  # no hyphen in an id
        ("v=spf1 -all",),
    ],
)
async def test_an_unusable_record_is_no_policy(world: World, records: tuple[str, ...]) -> None:
    """Discovery ends at the record when there is not exactly one good one."""
    world.publish()
    world.dns.txt(RECORD, *records)

    assert await world.mode() is None
    assert world.hosts.count(DOMAIN) == 0


async def test_absence_is_remembered_for_its_ttl_and_an_hour_at_most(world: World) -> None:
    """A domain without a record costs one look-up per negative TTL."""
    world.dns.negative_ttl = timedelta(days=1)

    await world.ask()
    world.clock.advance(timedelta(minutes=47))
    await world.ask()
    assert world.dns.count(RECORD) == 1

    world.clock.advance(timedelta(minutes=13))
    world.publish()
    assert await world.mode() is Mode.ENFORCE  # the asker of an expired negative waits


async def test_a_failed_look_up_is_remembered_for_a_minute(world: World) -> None:
    """DNS that fails is not asked for every mail, and not forgotten for long."""
    world.dns.fail(RECORD, DnsFailure.SERVFAIL)

    assert await world.mode() is None
    world.dns.recover(RECORD)
    world.publish()
    world.clock.advance(timedelta(seconds=40))
    assert await world.mode() is None
    world.clock.advance(timedelta(seconds=20))
    assert await world.mode() is Mode.ENFORCE


async def test_what_is_in_force_survives_everything_but_its_expiry(world: World) -> None:
    """DNS gone, policy host gone and a restart: still enforced, until max_age is over."""
    world.publish()
    await world.ask()
    world.dns.fail(RECORD, DnsFailure.TIMEOUT)
    world.hosts.fail(DOMAIN)
    world.start()

    for _ in range(6):
        assert await world.mode() is Mode.ENFORCE
        world.clock.advance(timedelta(days=1))
    world.clock.advance(timedelta(hours=23, minutes=59))
    assert await world.mode() is Mode.ENFORCE
    world.clock.advance(timedelta(minutes=1))
    assert await world.mode() is None


@pytest.mark.parametrize("how", ["gone", "two", "garbage"])
async def test_the_old_policy_stays_when_the_record_goes(world: World, how: str) -> None:
    """No record never deletes a policy (RFC 8461 §3.1)."""
    world.publish()
    await world.ask()
    world.dns.remove(RECORD)
    if how == "two":
        world.dns.txt(RECORD, "v=STSv1; id=2;", "v=STSv1; id=3;")
    elif how == "garbage":
        world.dns.txt(RECORD, "v=STSv1;;")
    world.clock.advance(timedelta(days=6))

    assert await world.mode() is Mode.ENFORCE


@pytest.mark.parametrize("weaker", ["testing", "none"])
async def test_a_new_id_brings_the_new_policy_without_a_restart(world: World, weaker: str) -> None:
    """A replaced policy counts at once, also a weaker one: HTTPS vouches for it."""
    world.publish()
    await world.ask()
    world.publish(weaker, record_id="2")
    world.clock.advance(timedelta(minutes=6))

    before = await world.mode()  # the id is a few minutes old: answered, and checked behind
    await world.settle()
    after = await world.mode()

    assert (before, after) == (Mode.ENFORCE, Mode(weaker))
    assert world.changed == [DOMAIN, DOMAIN]


async def test_an_id_checked_over_an_hour_ago_is_checked_before_the_answer(world: World) -> None:
    """The last attempt before a bounce must not run on a policy that is no more (§5.1)."""
    world.publish()
    await world.ask()
    world.publish("none", record_id="2")
    world.clock.advance(HOUR)

    assert await world.mode() is Mode.NONE


async def test_a_check_that_takes_too_long_holds_nobody_up_twice(world: World) -> None:
    """DNS that hangs delays one answer per back-off window; the policy rules meanwhile."""
    world = World(limits=DiscoveryLimits(id_check_timeout=SHORT))
    world.publish()
    await world.ask()
    world.clock.advance(HOUR)
    gate = world.dns.hold(RECORD)

    assert await world.mode() is Mode.ENFORCE
    asked = world.dns.count(RECORD)
    assert await world.mode() is Mode.ENFORCE
    assert world.dns.count(RECORD) == asked  # the same look-up still flies

    gate.set()
    await world.settle()
    await world.discoverer.aclose()


async def test_a_new_id_whose_policy_cannot_be_had_leaves_the_old_one(world: World) -> None:
    """A failed fetch or a broken file never replaces what is in force (RFC 8461 §3.3)."""
    world.publish()
    await world.ask()
    world.publish("enforced", record_id="2")
    world.clock.advance(HOUR)

    view = await world.ask()

    assert view.policy is not None
    assert view.policy.mode is Mode.ENFORCE
    assert view.cached is not None
    assert view.cached.id == "1"
    assert view.cached.failure is not None
    assert view.cached.failure.result is ResultType.STS_POLICY_INVALID


async def test_a_failing_policy_host_is_asked_every_five_minutes_at_most(world: World) -> None:
    """A hundred deliveries in five minutes make one attempt; a new id is tried at once (§3.3)."""
    world.publish()
    world.hosts.fail(DOMAIN)

    for _ in range(100):
        assert await world.mode() is None
        world.clock.advance(timedelta(seconds=2))
    assert world.hosts.count(DOMAIN) == 1

    world.clock.advance(timedelta(minutes=3))
    assert await world.mode() is None
    assert world.hosts.count(DOMAIN) == 2


async def test_a_slow_policy_host_does_not_keep_the_asker(world: World) -> None:
    """Past its deadline an unknown domain is answered, and the fetch goes on (§5.1)."""
    world.publish()
    gate = world.hosts.hold(DOMAIN)

    early = await world.ask(SHORT)
    gate.set()
    await world.settle()

    assert early.policy is None
    assert early.usable_for <= timedelta(seconds=2)
    assert world.changed == [DOMAIN]  # whoever kept the early answer is told
    assert await world.mode() is Mode.ENFORCE
    assert world.hosts.count(DOMAIN) == 1


async def test_max_age_zero_counts_for_one_delivery(world: World) -> None:
    """Such a policy is used as it comes and discovered anew for the next mail (§3.2)."""
    world.publish(max_age=0)

    first = await world.ask()
    assert first.policy is not None
    assert first.usable_for == timedelta(0)

    world.clock.advance(timedelta(seconds=1))
    assert await world.mode() is Mode.ENFORCE
    assert world.hosts.count(DOMAIN) == 2


async def test_an_id_that_stays_never_extends_a_policy(world: World) -> None:
    """Only a fetch moves the expiry; DNS alone is not authenticated."""
    world.publish(max_age=7200)
    await world.ask()
    world.hosts.fail(DOMAIN)
    for _ in range(7):
        world.clock.advance(timedelta(minutes=17))
        assert await world.mode() is Mode.ENFORCE
    world.clock.advance(timedelta(minutes=2))

    assert await world.mode() is None


async def test_a_refetch_extends_a_policy_even_when_the_record_is_gone(world: World) -> None:
    """Who blocks the record must not starve a policy that its host still serves (§10.2)."""
    world.publish()
    await world.ask()
    world.dns.remove(RECORD)
    world.clock.advance(timedelta(days=1))

    view = await world.discoverer.refetch(DOMAIN, force=False)

    assert view.cached is not None
    assert view.cached.expires_at == world.clock.now() + timedelta(days=7)


async def test_an_unknown_domain_is_not_fetched_without_a_record_even_by_force(
    world: World,
) -> None:
    """Force is for policies that are known."""
    world.publish()
    world.dns.remove(RECORD)

    view = await world.discoverer.refetch(DOMAIN, force=True)

    assert view.policy is None
    assert world.hosts.count(DOMAIN) == 0


async def test_a_policy_that_cannot_be_stored_is_used_and_stored_later(world: World) -> None:
    """A full disk loses nothing that is in force."""
    world.publish()
    world.store.error = StoreError("disk full")
    assert await world.discoverer.save_unsaved() == 0

    assert await world.mode() is Mode.ENFORCE
    assert await world.discoverer.save_unsaved() == 1
    world.store.error = None
    assert await world.discoverer.save_unsaved() == 0
    assert DOMAIN in world.store.policies


async def test_an_unreadable_store_and_a_failing_dns_leave_doubt(world: World) -> None:
    """A policy may be in force that cannot be read: mail must wait, and not go out unprotected."""
    world.publish()
    await world.ask()
    world.start()
    world.store.error = StoreError("database is away")
    world.dns.fail(RECORD, DnsFailure.TIMEOUT)

    view = await world.ask()
    assert (view.policy, view.doubt) == (None, "database is away")

    world.store.error = None
    world.clock.advance(timedelta(seconds=60))
    assert await world.mode() is Mode.ENFORCE


async def test_an_unreadable_store_is_made_good_by_a_live_policy(world: World) -> None:
    """What DNS and the policy host say now needs no store."""
    world.publish()
    world.store.error = StoreError("database is away")

    view = await world.ask()

    assert view.policy is not None
    assert not view.doubt


async def test_purging_forgets_memory_and_store(world: World) -> None:
    """After a purge the domain is discovered anew."""
    world.publish()
    await world.ask()

    assert await world.discoverer.forget(DOMAIN)
    assert DOMAIN not in world.store.policies
    assert await world.mode() is Mode.ENFORCE
    assert world.hosts.count(DOMAIN) == 2
    assert not await world.discoverer.forget(Domain("example.net"))


async def test_memory_is_bounded_and_what_it_drops_is_in_the_store() -> None:
    """A flood of junk domains evicts from memory, never from what is in force."""
    world = World(limits=DiscoveryLimits(max_domains=10))
    world.publish()
    await world.ask()
    for number in range(50):
        await world.discoverer.policy_for(Domain(f"junk{number}.example.net"), timeout=LONG)

    assert len(world.discoverer) == 10
    assert world.discoverer.evictions == 51 - 10
    world.dns.fail(RECORD, DnsFailure.TIMEOUT)
    assert await world.mode() is Mode.ENFORCE


async def test_the_record_is_asked_for_by_its_absolute_name(world: World) -> None:
    """One TXT question for ``_mta-sts.`` in front of the domain, and nothing else."""
    await world.ask()

    assert world.dns.queries == [(RECORD, RdType.TXT)]


async def test_a_domain_too_long_for_the_label_has_no_policy(world: World) -> None:
    """With ``_mta-sts.`` in front, a name of 250 bytes cannot be asked for."""
    domain = Domain.parse(".".join(["a" * 61] * 4))

    view = await world.discoverer.policy_for(domain, timeout=LONG)

    assert view.policy is None
    assert world.dns.queries == []


async def test_an_operator_can_choose_that_mail_waits_while_dns_fails() -> None:
    """With ``fail_closed`` an unknown domain is in doubt, but not for ever and not once known."""
    world = World(limits=DiscoveryLimits(fail_closed=HOUR))
    world.dns.fail(RECORD, DnsFailure.SERVFAIL)

    assert (await world.ask()).doubt
    world.clock.advance(timedelta(minutes=59))
    assert (await world.ask()).doubt
    world.clock.advance(timedelta(minutes=1))
    assert not (await world.ask()).doubt

    world.dns.recover(RECORD)
    world.clock.advance(timedelta(minutes=1))
    assert not (await world.ask()).doubt


async def test_a_policy_the_store_never_took_outlives_the_stores_return(world: World) -> None:
    """What is in memory alone is not replaced by what the store does not know."""
    world.publish()
    world.store.error = StoreError("database is away")
    assert await world.mode() is Mode.ENFORCE
    world.store.error = None
    world.dns.remove(RECORD)
    world.clock.advance(HOUR)

    assert await world.mode() is Mode.ENFORCE
    await world.discoverer.save_unsaved()
    assert DOMAIN in world.store.policies


async def test_a_policy_found_while_memory_overflows_is_not_lost() -> None:
    """A domain that is being looked up stays, and so does what the store refuses."""
    world = World(limits=DiscoveryLimits(max_domains=5))
    world.publish()
    gate = world.hosts.hold(DOMAIN)
    world.store.error = StoreError("disk full")
    asking = asyncio.create_task(world.ask())
    await world.settle()
    for number in range(20):
        await world.discoverer.policy_for(Domain(f"junk{number}.example.net"), timeout=LONG)
    gate.set()
    await asking
    for number in range(20):
        await world.discoverer.policy_for(Domain(f"more{number}.example.net"), timeout=LONG)

    assert len(world.discoverer) <= 6
    world.store.error = None
    await world.discoverer.save_unsaved()
    assert DOMAIN in world.store.policies


async def test_memory_is_bounded_in_bytes_too() -> None:
    """A few thousand policies of 64 KiB must not take gigabytes."""
    world = World(limits=DiscoveryLimits(max_bytes=2_000_000))
    for number in range(20):
        domain = Domain(f"big{number}.example.net")
        hosts = "".join(f"mx: mx{host}.example.net\r\n" for host in range(999))
        world.dns.txt(f"_mta-sts.{domain}", "v=STSv1; id=1;")
        world.hosts.serve(domain, f"version: STSv1\r\nmode: testing\r\n{hosts}max_age: 86400\r\n")
        await world.discoverer.policy_for(domain, timeout=LONG)

    assert len(world.discoverer) < 12
    assert len(world.store.policies) == 20


async def test_a_clock_set_back_makes_no_absence_last(world: World) -> None:
    """What was learnt in what is now the future counts for nothing."""
    assert await world.mode() is None
    world.clock.step(-timedelta(days=30))
    world.publish()

    assert await world.mode() is Mode.ENFORCE


async def test_a_failure_dated_ahead_does_not_stop_fetches(world: World) -> None:
    """A policy host that failed while the clock was wrong is asked again when it is right."""
    world.publish()
    world.hosts.fail(DOMAIN)
    assert await world.mode() is None
    world.clock.step(-timedelta(days=10))
    world.publish()

    assert await world.mode() is Mode.ENFORCE


async def test_isolated_failures_are_no_period_of_failing() -> None:
    """``fail_closed`` begins anew when DNS has worked, or was not asked, in between."""
    world = World(limits=DiscoveryLimits(fail_closed=timedelta(hours=4)))
    world.dns.fail(RECORD, DnsFailure.SERVFAIL)
    assert (await world.ask()).doubt
    world.clock.advance(timedelta(days=3))

    assert (await world.ask()).doubt


async def test_tarpit_policy_hosts_keep_nobody_from_being_discovered(world: World) -> None:
    """A thousand hosts that never answer hold up neither records nor another domain's policy."""
    world.publish()
    for number in range(1000):
        slow = Domain(f"slow{number}.example.net")
        world.dns.txt(f"_mta-sts.{slow}", "v=STSv1; id=1;")
        world.hosts.hold(slow)
        await world.discoverer.policy_for(slow, timeout=timedelta(0))

    assert await world.mode() is Mode.ENFORCE


async def test_who_comes_after_an_overtime_answer_need_not_wait_again(world: World) -> None:
    """A hanging policy host costs one asker the deadline, not every one for a minute."""
    world.publish()
    world.hosts.hold(DOMAIN)
    await world.ask(SHORT)

    async with asyncio.timeout(5):
        for _ in range(10):
            await world.ask(timedelta(seconds=60))


async def test_a_policy_that_ran_out_unsaved_stops_nobody(world: World) -> None:
    """What was never stored and is over is forgotten; the others are stored."""
    world.publish(max_age=60)
    world.store.error = StoreError("disk full")
    await world.ask()
    world.dns.remove(RECORD)
    world.clock.advance(timedelta(minutes=5))
    assert await world.mode() is None

    assert await world.discoverer.save_unsaved() == 0
    world.store.error = None
    assert await world.discoverer.save_unsaved() == 0


async def test_a_purge_is_not_undone_by_a_question_in_between(world: World) -> None:
    """A question that read the store before the purge was done keeps nothing of it."""
    world.publish()
    await world.ask()
    world.start()
    world.dns.remove(RECORD)

    await asyncio.gather(
        world.discoverer.state_of(DOMAIN), world.discoverer.forget(DOMAIN), world.ask()
    )

    assert await world.mode() is None


async def test_memory_counts_what_was_seen_too() -> None:
    """A thousand records of 60 KB are not kept for nothing."""
    world = World(limits=DiscoveryLimits(max_bytes=2_000_000))
    for number in range(100):
        name = f"_mta-sts.wide{number}.example.net"
        world.dns.txt(name, *(b"x" * 250 for _ in range(240)))
        await world.discoverer.policy_for(Domain(name.partition(".")[2]), timeout=LONG)

    assert len(world.discoverer) < 60
