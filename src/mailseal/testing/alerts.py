"""A way out for notices that keeps them, and fails when it is told to."""

from collections.abc import Sequence
from datetime import timedelta

from mailseal.ports.alerts import SendFailed, Sent
from mailseal.watch.notice import Channel, Notice


class FakeAlerts:
    """Takes notices (the ``ports.AlertSender`` protocol).

    ``sent`` has those that were taken, ``bundles`` how many at a time, ``attempts`` counts all.
    While ``failure`` is not empty, every attempt fails for that reason; while there is a
    ``fault``, it is raised. More notices than ``most`` at a time, and news of domains that are
    ``refused``, are not taken.
    """

    def __init__(self, channel: Channel = Channel.MAIL) -> None:
        self.channel = channel
        self.failure = ""
        self.fault: Exception | None = None
        self.most: int | None = None
        self.refused: set[str] = set()
        self.sent: list[Notice] = []
        self.bundles: list[int] = []
        self.attempts = 0

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Take notices, or fail."""
        del timeout  # it takes no time
        self.attempts += 1
        if self.fault is not None:
            raise self.fault
        if self.most is not None and len(notices) > self.most:
            return SendFailed(reason="too large")
        if any(one.domain in self.refused for one in notices):
            return SendFailed(reason="refused")
        if self.failure:
            return SendFailed(reason=self.failure)
        self.sent += notices
        self.bundles.append(len(notices))
        return Sent()
