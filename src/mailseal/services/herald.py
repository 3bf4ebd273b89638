"""Carries news of watched domains out: each message once, again and again until it is taken.

What is to be sent stands in the store, so that a restart loses nothing. A message is repeated
only where nobody knows whether it was taken: after a crash between sending and noting that.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from mailseal.ports.alerts import AlertSender, SendFailed, Sent
from mailseal.ports.clock import Clock
from mailseal.ports.historystore import HistoryStore
from mailseal.ports.storeerrors import StoreError
from mailseal.services.tallies import Tally
from mailseal.watch.notice import Channel, Notice
from mailseal.watch.records import Message, Postponed, Settled

log = structlog.stdlib.get_logger("mailseal.herald")

ROUND_INTERVAL = timedelta(seconds=30)  # what comes within it goes out together
SEND_TIMEOUT = timedelta(seconds=60)  # ours: mail servers may think for long
LEASE = SEND_TIMEOUT + timedelta(seconds=60)
BUNDLE = 20  # notices in one message at most
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)  # as queues of mail do


class Herald:
    """One loop over all ways out.

    ``counts`` has the attempts by channel and outcome, ``waiting`` the messages on their way
    when they were last counted.
    """

    def __init__(
        self, *, store: HistoryStore, senders: Sequence[AlertSender], clock: Clock
    ) -> None:
        self._store = store
        self._senders = tuple(senders)
        self._clock = clock
        self.counts = Tally()
        self.waiting: int | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The ways out that are configured."""
        return tuple(sender.channel for sender in self._senders)

    async def run(self) -> None:
        """Work for ever; cancel it to end it."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                log.warning("alerts are without their store", error=str(error), action="try-again")
            await asyncio.sleep(ROUND_INTERVAL.total_seconds())

    async def round(self) -> int:
        """Send what is due by every way; return how many messages were taken."""
        taken = 0
        for sender in self._senders:
            taken += await self._send_due(sender)
        self.waiting = await self._store.count_waiting()
        return taken

    async def test(self) -> tuple[tuple[Channel, Sent | SendFailed], ...]:
        """Send a notice about nothing by every way, past the store; return what came of it."""
        notice = Notice(
            domain="example.com",
            at=self._clock.now(),
            verdict="test",
            sentence="This is a test of mailseal's alerts. Nothing has happened.",
            is_test=True,
        )
        outcomes = await asyncio.gather(*(_attempt(one, (notice,)) for one in self._senders))
        return tuple(zip(self.channels, outcomes, strict=True))

    async def _send_due(self, sender: AlertSender) -> int:
        taken = await self._send_all(sender, is_retry=True)
        return taken + await self._send_all(sender, is_retry=False)

    async def _send_all(self, sender: AlertSender, *, is_retry: bool) -> int:
        taken = 0
        while messages := await self._claim(sender.channel, is_retry=is_retry):
            outcome = await _attempt(sender, tuple(message.notice for message in messages))
            is_taken = isinstance(outcome, Sent)
            self.counts.add(sender.channel.value, "ok" if is_taken else "failed")
            if isinstance(outcome, Sent) and outcome.note:
                log.warning("alert was taken in part", channel=sender.channel, note=outcome.note)
            for message in messages:
                await self._store.settle(message, self._judge(message, outcome))
            if not is_taken:
                break  # the next would fare no better; they wait for their time
            taken += len(messages)
        return taken

    async def _claim(self, channel: Channel, *, is_retry: bool) -> tuple[Message, ...]:
        now = self._clock.now()
        return await self._store.claim_messages(
            (channel,),
            now,
            until=now + LEASE,
            longest=LONGEST_PAUSE,
            # What has failed goes alone: one that cannot be taken must not hold up its neighbours,
            # nor must all of them where together they are too large.
            limit=1 if is_retry else BUNDLE,
            is_retry=is_retry,
        )

    def _judge(self, message: Message, outcome: Sent | SendFailed) -> Settled | Postponed:
        now = self._clock.now()
        match outcome:
            case Sent():
                log.info(
                    "alert sent",
                    channel=message.channel,
                    domain=message.notice.domain,
                    id=message.notice.id,
                )
                return Settled(at=now)
            case SendFailed(reason=reason):
                is_over = now - message.created_at >= GIVE_UP_AFTER
                pause = min(FIRST_PAUSE * 2 ** min(message.attempts, 16), LONGEST_PAUSE)
                log.warning(
                    "alert could not be sent",
                    channel=message.channel,
                    domain=message.notice.domain,
                    id=message.notice.id,
                    reason=reason,
                    action="given-up" if is_over else f"again-in-{pause.total_seconds():.0f}s",
                )
                if is_over:
                    return Settled(at=now, failure=reason)
                return Postponed(until=now + pause, failure=reason)


async def _attempt(sender: AlertSender, notices: Sequence[Notice]) -> Sent | SendFailed:
    try:
        return await sender.send(notices, timeout=SEND_TIMEOUT)
    except Exception as error:
        # A fault of ours: what cannot go this way waits, and is given up, like what is refused.
        log.exception("alert met a fault", channel=sender.channel)
        return SendFailed(reason=f"{type(error).__name__}, see the log")
