"""When a watched domain is looked at again, and what of a look is told to whom."""

from dataclasses import dataclass
from datetime import timedelta

from mailseal.deviations import Severity
from mailseal.watch.notice import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRules:
    """What the operator wants of watching.

    ``jitter`` is the share of ``interval`` by which a look may come earlier. What is unsettled is
    looked at again after ``confirm_after``, and so is, once, what could not be judged.
    """

    interval: timedelta
    jitter: float
    confirm_after: timedelta
    least: Severity
    channels: tuple[Channel, ...]
