"""When the policy host counts, and how much: that depends on whether senders are sent there."""

from mailseal.answers import Absent
from mailseal.checks.addresses import failed_lookups
from mailseal.checks.evidence import PolicyHostEvidence, Trouble
from mailseal.checks.finding import Severity
from mailseal.checks.reading import Reading
from mailseal.checks.servedpolicy import FetchReading

# With these nobody knows what another sender gets.
_UNSEEN = (
    Trouble.TIMEOUT,
    Trouble.CLOSED,
    Trouble.UNREACHABLE,
    Trouble.BLOCKED,
    Trouble.NO_FAMILY,
    Trouble.SKIPPED,
)


def policy_host(reading: Reading) -> PolicyHostEvidence | None:
    """Return the policy host if the owner wants MTA-STS; anything else may be at that name."""
    return reading.evidence.policy_host if reading.wants_sts else None


def weigh(reading: Reading) -> Severity:
    """Say how bad it is that no policy is got: an error where a record sends senders there."""
    return Severity.WARNING if reading.sts_record is None else Severity.ERROR


def explain_unseen(reading: Reading) -> tuple[str, ...]:
    """Say why it is not known what the policy host has for senders; nothing where that is known.

    One address that was seen is enough, whatever it shows.
    """
    host = reading.evidence.policy_host
    if host is None or not all(map(_is_unseen, reading.fetches)):
        return ()
    if isinstance(host.a, Absent) and isinstance(host.aaaa, Absent):
        return ()  # there is nothing to be seen
    reasons = [
        f"{lookup.rdtypes} of {host.name} could not be looked up: {lookup.reason}."
        for lookup in failed_lookups(host.a, host.aaaa)
    ]
    reasons += [
        f"{host.name} [{one.address}] could not be tested: {one.failure.reason}."
        for one in host.fetches
        if one.failure is not None
    ]
    return tuple(reasons) or (f"{host.name} was not connected to.",)


def _is_unseen(one: FetchReading) -> bool:
    """Tell whether a fetch shows nothing, neither a bad certificate nor a status that is final."""
    failure = one.fetch.failure
    is_open = one.fetch.status in (None, 200) and not one.problems
    return is_open and failure is not None and failure.trouble in _UNSEEN
