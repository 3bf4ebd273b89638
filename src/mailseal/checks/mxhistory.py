"""MX hosts that came and went, and a policy that has not gone with them (RFC 8461 §8.1)."""

from collections.abc import Iterator
from datetime import timedelta

from mailseal.checks.correction import cover, ready_record, show_policy
from mailseal.checks.finding import Entry, Finding, Ready, Severity
from mailseal.checks.memory import Memory
from mailseal.checks.reading import Reading
from mailseal.mtasts.policy import Mode, Policy
from mailseal.quoting import name_some

TOLD_FOR = timedelta(days=1)  # ours: whoever did not make the change has been told by then

MOVED = Entry(
    code="mx-moved-without-policy",
    title="the MX hosts have moved and the policy has stayed",
    about="The policy names hosts that mail does not go to any more, and lacks those that it goes "
    "to now. The policy has to change first, with both, and the MX records after it.",
    clause="RFC 8461 §8.1, §8.4",
    needs_history=True,
)
CHANGED = Entry(
    code="mx-changed",
    title="the MX hosts have changed",
    about="Whoever can change MX records can take the mail; a change that nobody at home has made "
    "is one to look into.",
    clause="RFC 5321 §5.1",
    needs_history=True,
)

ENTRIES = (MOVED, CHANGED)


def check_history(memory: Memory, reading: Reading) -> Iterator[Finding]:
    """Judge what has become of the MX set; ``memory`` includes this look."""
    if reading.mx is None:
        return
    yield from _judge_move(memory, reading)
    at = memory.mx_changed_at
    if at is not None and reading.now - at < TOLD_FOR:
        yield CHANGED.found(
            Severity.WARNING,
            reading.domain,
            seen=f"The MX hosts were found changed on {at:%Y-%m-%d}: {_say_change(memory)}.",
            follows="Mail goes to the new hosts as soon as caches have run out.",
            remedy="If nobody at home has made this change, look at who can write to the zone; "
            "otherwise there is nothing to be done.",
        )


def _judge_move(memory: Memory, reading: Reading) -> Iterator[Finding]:
    policy = reading.policy
    if policy is None or policy.mode is Mode.NONE:
        return
    left = [one.name for one in memory.former_hosts if policy.covers(one.name)]
    taking = [one for one in reading.hosts if one.dane.has_address]
    missing = [one.name for one in taking if one.is_covered is False]
    if not left or not missing:
        return
    # A name with an underscore gets a wildcard, or nothing: an exact line would spoil the file.
    added = [pattern for host in missing if (pattern := cover(host)) is not None]
    patterns = dict.fromkeys((*policy.usable_patterns, *added))
    both = Policy(mode=policy.mode, max_age=policy.max_age, mx=tuple(patterns))
    is_enforced = policy.mode is Mode.ENFORCE
    ready: tuple[Ready, ...] = (show_policy(reading, both), ready_record(reading)) if added else ()
    yield MOVED.found(
        Severity.ERROR if is_enforced else Severity.WARNING,
        reading.domain,
        seen=f"Mail goes to {name_some(missing, 3)} now, which the policy does not name; it still "
        f"names {name_some(left, 3)}, where mail went before.",
        follows="Senders that enforce the policy do not deliver to the new hosts."
        if is_enforced
        else "With mode enforce, senders would not deliver to the new hosts.",
        remedy="Add the new hosts to the policy and publish a new id; take the old ones out when "
        "the MX records of before have left every cache.",
        ready=ready,
    )


def _say_change(memory: Memory) -> str:
    before, after = set(memory.mx_before), set(memory.mx or ())
    parts = []
    if after - before:
        parts.append(f"{name_some(sorted(after - before), 3)} came")
    if before - after:
        parts.append(f"{name_some(sorted(before - after), 3)} went")
    return ", ".join(parts) or "their order"
