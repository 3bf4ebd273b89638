"""The ways out for news of watched domains."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from mailseal.watch.notice import Channel, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Notices were taken by whoever carries them on; ``note`` tells of a part that was not."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed:
    """It was not, or nobody knows; ``reason`` is printable ASCII."""

    reason: str


class AlertSender(Protocol):
    """Hands notices on: by mail, by webhook."""

    @property
    def channel(self) -> Channel:
        """The way that it goes."""
        ...

    async def send(self, notices: Sequence[Notice], *, timeout: timedelta) -> Sent | SendFailed:
        """Make one attempt, for one notice or more; ends within ``timeout`` in all."""
        ...
