"""The first day of a policy: whether it may be enforced at once where no sender gets it yet.

To publish what is missing starts enforcement. Where mail would be lost by that, or nobody knows,
the policy begins in mode testing (RFC 8461 §5, §8).
"""

from dataclasses import replace
from datetime import timedelta

from mailseal.checks.outlook import Reach, foresee_sts
from mailseal.checks.reading import Reading
from mailseal.checks.sessionoutlook import Outcome
from mailseal.mtasts.policy import Mode, Policy

MAX_AGE = timedelta(days=7)  # ours: what is being tried may be wrong


def soften(reading: Reading, policy: Policy) -> tuple[Policy, str]:
    """Return how to publish a policy first, and a sentence why not as it is, "" if it may be.

    It may be where senders enforce one already, and where every MX host passes under it and
    under those that are served.
    """
    if policy.mode is not Mode.ENFORCE or reading.mode is Mode.ENFORCE:
        return policy, ""
    served = [one.policy for one in reading.served]
    written = reading.written.policy if reading.written else None
    for one in dict.fromkeys((policy, *served, *([written] if written else ()))):
        outlook = foresee_sts(reading, one)
        if one.mode is Mode.ENFORCE and not (outlook.reach is Reach.ALL and outlook.is_whole):
            first = replace(policy, mode=Mode.TESTING, max_age=min(policy.max_age, MAX_AGE))
            failing = outlook.explain(Outcome.FAILS, Outcome.PARTLY)
            what = f"would lose mail today: {failing[0]}" if failing else _UNKNOWN
            return first, f"Mode enforce {what}"
    return policy, ""


_UNKNOWN = "has to wait until every MX host has been seen to pass."
