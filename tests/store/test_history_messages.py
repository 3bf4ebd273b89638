"""Messages about watched domains, in both engines and in the fake: one sends, all know."""

from mailseal.ports.historystore import HistoryStore
from mailseal.watch.notice import Channel
from mailseal.watch.records import Postponed, Settled
from tests.store.looks import look, notice, watch
from tests.store.samples import DAY, HOUR, NOW


async def test_messages_that_have_failed_are_claimed_apart(history: HistoryStore) -> None:
    """What goes out together must not be held up by what was refused."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    for channel, is_retry in ((Channel.MAIL, True), (Channel.WEBHOOK, False)):
        (message,) = await history.claim_messages(
            (channel,), NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
        )
        if is_retry:
            await history.settle(message, Postponed(until=NOW + HOUR, failure="too large"))
        due = [
            await history.claim_messages(
                (channel,),
                NOW + HOUR,
                until=NOW + 2 * HOUR,
                longest=DAY,
                limit=9,
                is_retry=one,
            )
            for one in (True, False)
        ]
        assert [len(one) for one in due] == ([1, 0] if is_retry else [0, 1])


async def test_messages_are_claimed_and_settled(history: HistoryStore) -> None:
    """Each channel has its own; what failed is tried again later, what is settled is not."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    both = (Channel.MAIL, Channel.WEBHOOK)
    assert await history.count_waiting() == 2

    (mail,) = await history.claim_messages(
        (Channel.MAIL,), NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
    )
    assert mail.notice == notice()
    assert mail.attempts == 0
    (webhook,) = await history.claim_messages(
        both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
    )
    assert webhook.channel is Channel.WEBHOOK
    await history.settle(mail, Settled(at=NOW))
    await history.settle(webhook, Postponed(until=NOW + HOUR, failure="timeout"))

    assert (
        await history.claim_messages(
            both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=True
        )
        == ()
    )
    later = NOW + HOUR
    (again,) = await history.claim_messages(
        both, later, until=later + HOUR, longest=DAY, limit=9, is_retry=True
    )
    assert (again.id, again.attempts) == (webhook.id, 1)
    await history.settle(again, Settled(at=later, failure="given up"))
    assert await history.count_waiting() == 0


async def test_a_claimed_message_comes_back_when_its_claim_is_over(history: HistoryStore) -> None:
    """A node that died on the way to it loses nothing."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    both = (Channel.MAIL, Channel.WEBHOOK)
    assert (
        len(
            await history.claim_messages(
                both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
            )
        )
        == 2
    )
    assert (
        await history.claim_messages(
            both, NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
        )
        == ()
    )
    later = NOW + HOUR
    assert (
        len(
            await history.claim_messages(
                both, later, until=later + HOUR, longest=DAY, limit=9, is_retry=False
            )
        )
        == 2
    )


async def test_old_messages_are_given_up_whoever_was_to_send_them(history: HistoryStore) -> None:
    """Those that are settled already keep what came of them."""
    before = await watch(history)
    await history.record(look(before, NOW, notice=notice()))
    (mail,) = await history.claim_messages(
        (Channel.MAIL,), NOW, until=NOW + HOUR, longest=DAY, limit=9, is_retry=False
    )
    await history.settle(mail, Settled(at=NOW))
    assert await history.give_up(NOW, Settled(at=NOW + DAY, failure="too old")) == 0
    assert await history.give_up(NOW + HOUR, Settled(at=NOW + DAY, failure="too old")) == 1
    assert await history.count_waiting() == 0
    assert await history.prune(NOW + HOUR) == 2  # the mail, and the look
    assert await history.prune(NOW + 2 * DAY) == 1
