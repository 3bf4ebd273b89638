"""What only time shows of MTA-STS: ids that do not follow the policy, and policies that vanish."""

from collections.abc import Iterator
from datetime import timedelta

from mailseal.checks.correction import ready_record
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.memory import Memory, SeenPolicy
from mailseal.checks.reading import Reading
from mailseal.checks.sight import has_seen_policy_host, unseen_addresses
from mailseal.mtasts.policy import Mode
from mailseal.quoting import name_some

TOLD_FOR = timedelta(days=7)  # ours: how long a change that harms nobody is mentioned
FLAPPING_WITHIN = timedelta(days=2)  # ours: longer than any cache of DNS, and most CDNs'
LONG_TESTING = timedelta(days=30)  # ours: reports of a month show every sender

SAME_ID = Entry(
    code="sts-id-not-renewed",
    title="the policy has changed and the record's id has not",
    about="Senders look at the id, and fetch the policy again when it is a new one. With the old "
    "id those who have the old policy keep it until its max_age is over.",
    clause="RFC 8461 §3.1, §8.1",
    needs_history=True,
)
IDLE_ID = Entry(
    code="sts-id-renewed-alone",
    title="the record's id has changed and the policy has not",
    about="Every sender fetches the policy again. That does no harm; it may be a change of the "
    "policy that never reached its host.",
    clause="RFC 8461 §3.1, §8.1",
    needs_history=True,
)
FLAPPING_ID = Entry(
    code="sts-id-flaps",
    title="the record's id goes to and fro",
    about="An id that comes back after another one is a sign of name servers that disagree, or of "
    "two programs that publish. Senders may keep either policy.",
    clause="RFC 8461 §3.1",
    needs_history=True,
)
LONG_IN_TESTING = Entry(
    code="policy-testing-for-long",
    title="the policy has been in mode testing for long",
    about="Mode testing protects nothing. A month of reports shows every sender that there is; "
    "then it is time to enforce, or to find out what the reports say.",
    clause="RFC 8461 §5, §8",
    needs_history=True,
)
RECORD_GONE = Entry(
    code="sts-record-vanished",
    title="the record is gone while senders still hold the policy",
    about="Senders go on enforcing what they hold until its max_age is over, and learn of no "
    "change. A policy is retired by mode none under a new id, and removed when the longest "
    "max_age has passed.",
    clause="RFC 8461 §8.3",
    needs_history=True,
)
POLICY_GONE = Entry(
    code="policy-vanished",
    title="the policy is gone while senders still hold it",
    about="Senders go on enforcing what they hold until its max_age is over, and cannot be told "
    "of a change of MX hosts meanwhile.",
    clause="RFC 8461 §3.3, §8.3",
    needs_history=True,
)

ENTRIES = (SAME_ID, IDLE_ID, FLAPPING_ID, LONG_IN_TESTING, RECORD_GONE, POLICY_GONE)


def check_history(memory: Memory, reading: Reading) -> Iterator[Finding]:
    """Judge what was seen over time; ``memory`` includes this look."""
    yield from _judge_id(memory, reading)
    yield from _judge_flapping(memory, reading)
    yield from _judge_testing(memory, reading)
    yield from _judge_vanished(memory, reading)


def _judge_id(memory: Memory, reading: Reading) -> Iterator[Finding]:
    policy, first = memory.policy, memory.policy_of_id
    if reading.sts_record is None or policy is None or first is None or not memory.ids:
        return
    present = memory.ids[-1]
    if policy != first:
        yield SAME_ID.found(
            Severity.ERROR if Mode.ENFORCE in (policy.mode, first.mode) else Severity.WARNING,
            reading.domain,
            seen=f'The policy has changed since the id "{present.id}" was first seen on '
            f"{present.at:%Y-%m-%d}: {_say_change(first, policy)}.",
            follows="Senders that hold the earlier policy do not fetch the new one before its "
            f"max_age of {_days(first.max_age)} is over.",
            remedy="Publish a new id in the record.",
            ready=(ready_record(reading),),
        )
    elif policy == memory.policy_before and reading.now - present.at < TOLD_FOR:
        yield IDLE_ID.found(
            Severity.INFO,
            reading.domain,
            seen=f'The id has been "{present.id}" since {present.at:%Y-%m-%d}, and the policy '
            "says the same as before.",
            follows="Senders fetch it once more, and nothing changes for them.",
        )


def _judge_flapping(memory: Memory, reading: Reading) -> Iterator[Finding]:
    recent = [one for one in memory.ids if reading.now - one.at < FLAPPING_WITHIN]
    again = [one.id for one in recent]
    back = next((id_ for id_ in again if again.count(id_) > 1), None)
    if back is None:
        return
    yield FLAPPING_ID.found(
        Severity.WARNING,
        reading.domain,
        seen=f'The id "{back}" has come back after another one within two days.',
        follows="Senders fetch the policy at every change, and may keep the wrong one.",
        remedy="Make sure that every name server of the zone has the same record, and that one "
        "program alone publishes it.",
    )


def _judge_testing(memory: Memory, reading: Reading) -> Iterator[Finding]:
    since = memory.mode_since
    if reading.mode is not Mode.TESTING or since is None or reading.now - since < LONG_TESTING:
        return
    yield LONG_IN_TESTING.found(
        Severity.WARNING,
        reading.domain,
        seen=f"The policy has been in mode testing since {since:%Y-%m-%d} at the latest, "
        f"{_days(reading.now - since)}.",
        follows="Senders report what is wrong and deliver all the same; an attacker can still "
        "read and divert the mail.",
        remedy="Read the TLS reports, and go to mode enforce once every MX host passes.",
    )


def _judge_vanished(memory: Memory, reading: Reading) -> Iterator[Finding]:
    until = memory.enforced_until
    if until is None or until <= reading.now or memory.policy is None:
        return
    # Mode none was the right first step: only its time was too short.
    severity = Severity.ERROR if memory.policy.mode is Mode.ENFORCE else Severity.WARNING
    held = f"Senders may hold a policy in mode enforce until {until:%Y-%m-%d %H:%M} UTC"
    remedy = (
        "Publish record and policy again; to retire them, serve mode none under a new id until "
        "then."
    )
    if reading.record is not None and reading.sts_record is None:
        name = f"_mta-sts.{reading.domain}"
        text = ready_record(reading)
        yield RECORD_GONE.found(
            severity,
            reading.domain,
            seen=f"There was a record at {name}, and there is none that senders can use now.",
            follows=f"{held}, and learn of no change until it is back.",
            remedy=remedy,
            ready=(Ready(kind=Kind.RECORD, place=text.place, text=text.text),),
        )
    if reading.served_policy is None and has_seen_policy_host(reading):
        yield POLICY_GONE.found(
            severity,
            reading.domain,
            seen=f"https://mta-sts.{reading.domain}/.well-known/mta-sts.txt had a policy on "
            f"{memory.policy_at:%Y-%m-%d}, and {_say_missing(reading)}.",
            follows=f"{held}; a change of MX hosts would lose their mail.",
            remedy=remedy,
        )


def _say_missing(reading: Reading) -> str:
    """Claim no more than was seen: an address that stays silent may still have the policy."""
    host = reading.evidence.policy_host
    unseen = unseen_addresses(host) if host is not None else ()
    if not unseen:
        return "has none that senders can use now"
    return (
        "has none that senders can use now where it answers; what "
        f"{name_some(unseen, 3)} would serve could not be seen"
    )


def _say_change(before: SeenPolicy, after: SeenPolicy) -> str:
    parts = []
    if before.mode is not after.mode:
        parts.append(f"mode was {before.mode} and is {after.mode}")
    if before.max_age != after.max_age:
        old, new = (int(one.max_age.total_seconds()) for one in (before, after))
        parts.append(f"max_age was {old} and is {new}")
    new_patterns = [one for one in after.mx if one not in before.mx]
    old_patterns = [one for one in before.mx if one not in after.mx]
    if new_patterns:
        parts.append(f"mx has {name_some(new_patterns, 3)} anew")
    if old_patterns:
        parts.append(f"mx lacks {name_some(old_patterns, 3)}")
    return "; ".join(parts)


def _days(duration: timedelta) -> str:
    days = duration / timedelta(days=1)
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours"
