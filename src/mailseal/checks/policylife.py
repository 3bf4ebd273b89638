"""Where a policy stands between its first day and its last: mode, max_age (RFC 8461 §5, §8)."""

from collections.abc import Iterator
from datetime import timedelta

from mailseal.checks.correction import ready_record, show_policy
from mailseal.checks.finding import Entry, Finding, Kind, Ready, Severity
from mailseal.checks.reading import Reading
from mailseal.mtasts.policy import Mode, Policy

SHORTEST = timedelta(days=1)  # senders that refetch daily forget a policy in between
SHORT_WHILE_ENFORCING = timedelta(days=7)  # RFC 8461 §3.2 expects weeks or more
LONG_WHILE_TESTING = timedelta(days=31)  # ours: a first policy may be wrong

TESTING = Entry(
    code="policy-mode-testing",
    title="the policy is in mode testing",
    about="Senders deliver whatever they find and report what is wrong. The mode is for the weeks "
    "before enforce; it protects nothing.",
    clause="RFC 8461 §5, §8",
)
NONE = Entry(
    code="policy-mode-none",
    title="the policy is in mode none",
    about="The mode is the last step of a removal: senders forget the policy that they knew. It "
    "protects nothing.",
    clause="RFC 8461 §5, §8.3",
)
TESTING_WITHOUT_REPORTS = Entry(
    code="policy-testing-without-reports",
    title="the policy is being tested, and nobody gets the results",
    about="Mode testing is there to collect reports; without a TLSRPT record senders have nowhere "
    "to send them, and testing tells nothing.",
    clause="RFC 8461 §8, RFC 8460 §3",
)
SHORT = Entry(
    code="policy-short-max_age",
    title="senders forget the policy too soon",
    about="max_age is how long an attacker who blocks DNS or the policy host must hold out. Weeks "
    "are expected; some senders ignore a policy of less than a day.",
    clause="RFC 8461 §3.2, §10.2",
)
LONG = Entry(
    code="policy-long-max_age-while-testing",
    title="a policy under test is remembered for long",
    about="While a policy is being tried it may be wrong; senders that miss its change keep it for "
    "max_age.",
    clause="RFC 8461 §8.1",
)

ENTRIES = (TESTING, NONE, TESTING_WITHOUT_REPORTS, SHORT, LONG)


def check(reading: Reading) -> Iterator[Finding]:
    """Judge the policy that senders get."""
    policy = reading.policy
    if policy is None:
        return
    match policy.mode:
        case Mode.TESTING:
            yield from _judge_testing(reading, policy)
        case Mode.NONE:
            yield _judge_none(reading)
        case Mode.ENFORCE:
            pass
    yield from _judge_max_age(reading, policy)


def _judge_testing(reading: Reading, policy: Policy) -> Iterator[Finding]:
    yield TESTING.found(
        Severity.INFO,
        reading.domain,
        seen="The policy is in mode testing.",
        follows="Senders report what is wrong and deliver all the same; an attacker can still "
        "read and divert the mail.",
        remedy="Go to mode enforce once reports show that every MX host passes.",
    )
    if reading.tlsrpt is not None and not reading.tlsrpt.is_meant:
        name = f"_smtp._tls.{reading.domain}"
        text = f'TXT "v=TLSRPTv1; rua=mailto:tls-reports@{reading.domain}"'
        yield TESTING_WITHOUT_REPORTS.found(
            Severity.WARNING,
            reading.domain,
            seen=f"The policy is in mode testing, and there is no TLSRPT record at {name}.",
            follows="Senders have nowhere to report to, so that testing tells nothing.",
            remedy="Publish a TLSRPT record with an address that exists.",
            ready=(Ready(kind=Kind.RECORD, place=name, text=text),),
        )
    if policy.max_age > LONG_WHILE_TESTING:
        yield LONG.found(
            Severity.INFO,
            reading.domain,
            seen=f"The policy is in mode testing, and max_age is {_days(policy)}.",
            follows="Nothing is lost while it is tested; after a mistake in a later change some "
            "senders need that long to see the correction.",
            remedy="Shorten max_age to a week until the policy is enforced.",
        )


def _judge_none(reading: Reading) -> Finding:
    return NONE.found(
        Severity.WARNING,
        reading.domain,
        seen="The policy is in mode none.",
        follows="Senders treat the domain as one without MTA-STS.",
        remedy="If it is to be removed, wait until the longest max_age that was ever served is "
        "over, then remove the record, and the policy after it. Otherwise go on to mode testing.",
    )


def _judge_max_age(reading: Reading, policy: Policy) -> Iterator[Finding]:
    limit = SHORT_WHILE_ENFORCING if policy.mode is Mode.ENFORCE else SHORTEST
    if policy.mode is Mode.NONE or policy.max_age >= limit:
        return
    longer = Policy(mode=policy.mode, max_age=limit, mx=policy.usable_patterns)
    yield SHORT.found(
        Severity.WARNING if policy.mode is Mode.ENFORCE else Severity.INFO,
        reading.domain,
        seen=f"max_age is {int(policy.max_age.total_seconds())} seconds ({_days(policy)}).",
        follows="Who blocks DNS or the policy host that long gets rid of the policy."
        if policy.mode is Mode.ENFORCE
        else "Few senders keep the policy long enough to report on it.",
        remedy=f'Write "max_age: {int(limit.total_seconds())}" or more, unless a removal is under '
        "way; then publish a new id.",
        ready=(show_policy(reading, longer), ready_record(reading)) if longer.mx else (),
    )


def _days(policy: Policy) -> str:
    days = policy.max_age / timedelta(days=1)
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.1f} hours"
