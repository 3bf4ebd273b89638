"""A way out for notices that keeps them, and fails when it is told to."""

from collections.abc import Sequence
from datetime import timedelta

from mailseal.ports import SendFailed, Sent
from mailseal.watch.notice import Channel, Notice


class FakeAlerts:
    """Takes notices (the ``ports.AlertSender`` protocol).

    ``sent`` has those that were taken, ``bundles`` how many at a time, ``attempts`` counts all.
    While ``failure`` is not empty, every attempt fails for that reason.
    """

    def __init__(self, channel: Channel = Channel.MAIL) -> None:
        self.channel = channel
        self.failure = ""
        self.sent: list[Notice] = []
        self.bundles: list[int] = []
        self.attempts = 0

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Take notices, or fail."""
        del timeout  # it takes no time
        self.attempts += 1
        if self.failure:
            return SendFailed(reason=self.failure)
        self.sent += notices
        self.bundles.append(len(notices))
        return Sent()
