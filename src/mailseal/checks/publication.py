"""When the policy host counts, and how much: that depends on whether senders are sent there."""

from mailseal.checks.evidence import PolicyHostEvidence
from mailseal.checks.finding import Severity
from mailseal.checks.reading import Reading


def policy_host(reading: Reading) -> PolicyHostEvidence | None:
    """Return the policy host if the owner wants MTA-STS; anything else may be at that name."""
    return reading.evidence.policy_host if reading.wants_sts else None


def weigh(reading: Reading) -> Severity:
    """Say how bad it is that no policy is got: an error where a record sends senders there."""
    return Severity.WARNING if reading.sts_record is None else Severity.ERROR
