"""Of several policies that addresses serve, the one by which most mail is lost (RFC 8461 §3.3).

Which of them a sender gets is chance, so an owner has to know the worst.
"""

from mailseal.checks.outlook import Outlook, Reach, foresee_sts
from mailseal.checks.reading import Reading
from mailseal.mtasts.policy import Mode

_GRAVITY = (
    Reach.ALL,
    Reach.PARTLY,
    Reach.UNKNOWN,
    Reach.BACKUPS_FAIL,
    Reach.BEST_FAILS,
    Reach.NONE,
)


def foresee_worst(reading: Reading) -> Outlook:
    """Say what a sender does that enforces the worst of the policies served.

    Only those of the strictest mode are weighed. Without any it is about one that names every
    host, as it is where they are of mode none.
    """
    asked = [one.policy for one in reading.strictest if one.policy.mode is not Mode.NONE]
    outlooks = [foresee_sts(reading, policy) for policy in asked or (None,)]
    return max(outlooks, key=lambda outlook: _GRAVITY.index(outlook.reach))
