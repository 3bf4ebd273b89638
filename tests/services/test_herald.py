"""News of watched domains: each message is sent once, again after failures, and not for ever."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from structlog.testing import capture_logs

from mailseal.names import Domain
from mailseal.ports.alerts import SendFailed, Sent
from mailseal.services.herald import Herald
from mailseal.testing import FakeAlerts
from mailseal.watch.notice import Channel, Notice

from .watchworld import DAY, DOMAIN, HOUR, MINUTE, World, broken


async def test_messages_are_tried_again_until_they_are_taken() -> None:
    """With pauses that grow; each way for itself."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    world.mail.failure = "connection refused"
    await world.go_on()
    assert (world.mail.attempts, len(world.webhook.sent)) == (1, 1)
    await world.go_on(30 * timedelta(seconds=1))
    assert world.mail.attempts == 1
    await world.go_on(MINUTE)
    assert world.mail.attempts == 2
    await world.go_on(MINUTE)
    assert world.mail.attempts == 2
    world.mail.failure = ""
    await world.go_on(HOUR)
    first = world.mail.sent[0]
    assert [one.id for one in world.mail.sent].count(first.id) == 1
    assert world.herald.waiting == 0
    assert world.herald.counts["mail", "failed"] == 2


async def test_messages_are_given_up_after_days() -> None:
    """News of last week is none."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    world.mail.failure = "connection refused"
    await world.go_on()
    world.clock.advance(4 * DAY)
    await world.herald.round()
    assert world.herald.waiting == 0
    assert world.mail.sent == []


async def test_messages_for_a_channel_that_is_gone_are_given_up_too() -> None:
    """Nobody claims them any more; a day after their time they stop counting as waiting."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    world.webhook.failure = "gone"
    await world.go_on()
    before = world.herald
    world.herald = Herald(store=world.history, senders=(world.mail,), clock=world.clock)
    world.watcher._rules = replace(world.watcher._rules, channels=world.herald.channels)
    await world.go_on(3 * DAY)
    assert world.herald.waiting == 1
    await world.go_on(DAY + HOUR)
    assert world.herald.waiting == 0

    world.webhook.failure = ""
    await before.round()
    assert world.webhook.sent == []  # news of last week is none, should the channel come back


async def test_a_restart_neither_loses_nor_repeats() -> None:
    """What was not sent is sent by the next process, what was sent is not."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    world.mail.failure = "connection refused"
    await world.go_on()
    after = world.another_node()
    await after.go_on(10 * MINUTE)
    assert len(after.mail.sent) == 1
    assert after.webhook.sent == []


async def test_news_that_come_together_go_out_together() -> None:
    """A hundred domains with one mail server are one mail, or few."""
    world = World()
    names = [Domain(f"d{number}.example") for number in range(25)]
    await world.add(*names)
    for name in names:
        world.evidence[name] = broken()
    await world.go_on()
    assert world.mail.bundles == [20, 5]


async def test_a_bundle_that_is_refused_comes_again_one_by_one() -> None:
    """One notice that a receiver cannot take costs the others a pause, and not their way."""
    world = World()
    names = [Domain(f"d{number}.example") for number in range(20)]
    await world.add(*names)
    for name in names:
        world.evidence[name] = broken()
    world.webhook.most = 1
    world.webhook.refused.add(names[3])
    await world.go_on()
    assert world.webhook.attempts == 1
    for _ in range(3):
        await world.go_on(2 * MINUTE)

    told = {one.domain for one in world.webhook.sent if one.verdict_before == ""}
    assert told == {*names} - {names[3]}
    assert set(world.webhook.bundles) == {1}
    assert world.mail.bundles[0] == 20


async def test_a_fault_of_a_sender_is_a_failure_like_others() -> None:
    """It is tried again with pauses, given up in the end, and holds up no other way."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    world.mail.fault = UnicodeError("label empty")
    await world.go_on()

    assert len(world.webhook.sent) == 1
    assert world.herald.waiting == 1
    assert world.herald.counts["mail", "failed"] == 1
    assert await world.herald.round() == 0
    assert world.mail.attempts == 1
    world.clock.advance(4 * DAY)
    await world.herald.round()
    assert world.herald.waiting == 0
    ((_, outcome), _) = await world.herald.test()
    assert outcome == SendFailed(reason="UnicodeError, see the log")


async def test_two_nodes_do_not_send_the_same_message() -> None:
    """Whoever claims it has it for longer than sending can take."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.watcher.round()
    other = world.another_node()
    sent_elsewhere = []

    class Slow(FakeAlerts):
        async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
            """Take as long as there is, and let the other node come by at the end of it."""
            world.clock.advance(timeout)
            sent_elsewhere.append(await other.herald.round())
            return await super().send(notices, timeout=timeout)

    slow = Slow()
    herald = Herald(store=world.history, senders=(slow,), clock=world.clock)

    assert await herald.round() == 1
    assert sent_elsewhere == [1]  # by the other way
    assert (len(slow.sent), len(other.mail.sent), len(other.webhook.sent)) == (1, 0, 1)


async def test_how_many_messages_were_taken_is_told() -> None:
    """Those that failed before as well as new ones; those that fail again do not count."""
    world = World()
    names = [Domain(f"d{number}.example") for number in range(3)]
    await world.add(*names)
    world.evidence = {name: broken() for name in names}
    await world.watcher.round()
    world.mail.failure = "connection refused"
    assert await world.herald.round() == 3  # by webhook
    world.mail.failure = ""
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.watcher.round()
    world.clock.advance(MINUTE)

    assert await world.herald.round() == 3 + 2


async def test_a_message_that_was_taken_in_part_is_told() -> None:
    """One recipient of several may be unknown by now."""
    world = World()
    await world.add(DOMAIN)
    world.evidence[DOMAIN] = broken()
    await world.watcher.round()

    class Partly(FakeAlerts):
        async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
            """Take them, with a remark."""
            await super().send(notices, timeout=timeout)
            return Sent(note="a@example.com was refused")

    herald = Herald(store=world.history, senders=(Partly(),), clock=world.clock)
    with capture_logs() as logs:
        await herald.round()
        await world.herald.round()

    notes = [one["note"] for one in logs if one["event"] == "alert was taken in part"]
    assert notes == ["a@example.com was refused"]


async def test_a_test_goes_by_every_way_and_is_nothing_to_remember() -> None:
    """What came of each is told to whoever asked."""
    world = World()
    world.webhook.failure = "404"
    outcomes = await world.herald.test()
    assert [one.is_test for one in world.mail.sent] == [True]
    assert outcomes == ((Channel.MAIL, Sent()), (Channel.WEBHOOK, SendFailed(reason="404")))
    assert world.history.messages == {}
