"""For how long something has been failing, told from failures that are no more than isolated."""

from dataclasses import dataclass
from datetime import timedelta

# Postfix tries again after 4000 s at the latest (maximal_backoff_time): failures further apart
# than two such tries say nothing of the time between them.
LONGEST_GAP = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """A row of failures, in seconds of the monotonic clock."""

    began: float
    last: float

    def lasted(self) -> timedelta:
        """Return the time from the first failure to the last."""
        return timedelta(seconds=self.last - self.began)


def prolonged(streak: Streak | None, now: float) -> Streak:
    """Return the streak that a failure at ``now`` belongs to: the known one or a new one."""
    if streak is None or now - streak.last > LONGEST_GAP.total_seconds():
        return Streak(began=now, last=now)
    return Streak(began=streak.began, last=now)
