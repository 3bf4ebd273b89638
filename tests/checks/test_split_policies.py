"""Addresses of a policy host that serve different policies: the verdict is that of the worst."""

import pytest

from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Severity
from mailseal.checks.judge import judge
from mailseal.checks.reading import read
from mailseal.checks.verdict import Verdict
from mailseal.mtasts.policy import Mode
from mailseal.testing.evidence import MX_HOST, absent, domain_evidence, fetch, policy_host, records

from .mxworld import MX1, MX2, at, without_starttls
from .stsworld import V4, V6

GOOD = b"version: STSv1\nmode: enforce\nmx: mx1.example.com\nmax_age: 604800\n"
STALE = GOOD.replace(b"mx1.example.com", b"old.example.net")
TESTING = GOOD.replace(b"enforce", b"testing")
NONE = GOOD.replace(b"enforce", b"none")


def split(over_v6: bytes, over_v4: bytes) -> Evidence:
    """A good domain with one file over IPv6 and another one over IPv4."""
    files = policy_host(fetch(over_v6, address=V6), fetch(over_v4, address=V4))
    return domain_evidence(policy=files)


@pytest.mark.parametrize(
    ("bodies", "mode", "verdict"),
    [
        ((GOOD, STALE), Mode.ENFORCE, Verdict.LOSING_MAIL),
        ((TESTING, STALE), Mode.ENFORCE, Verdict.LOSING_MAIL),
        ((NONE, STALE), Mode.ENFORCE, Verdict.LOSING_MAIL),
        ((GOOD, TESTING), Mode.ENFORCE, Verdict.HEALTHY),
        ((GOOD, NONE), Mode.ENFORCE, Verdict.HEALTHY),
        ((TESTING, STALE.replace(b"enforce", b"testing")), Mode.TESTING, Verdict.NOT_YET),
        ((TESTING, NONE), Mode.TESTING, Verdict.SAFE_TO_ENFORCE),
    ],
)
@pytest.mark.parametrize("is_turned", [False, True])
def test_the_worst_policy_decides_whichever_address_has_it(
    bodies: tuple[bytes, bytes], mode: Mode, verdict: Verdict, *, is_turned: bool
) -> None:
    """Which address a sender uses is chance, so mail is lost where any of them makes it."""
    first, second = reversed(bodies) if is_turned else bodies
    judgement = judge(split(first, second))

    assert judgement.reading.mode is mode
    assert judgement.headline.verdict is verdict
    (differs,) = (one for one in judgement.findings if one.code == "policy-host-addresses-differ")
    assert differs.severity is Severity.ERROR


def test_a_policy_is_named_by_who_serves_it() -> None:
    """With two of them, "the policy" would not say where to look."""
    judgement = judge(split(GOOD, STALE))
    uncovered = next(one for one in judgement.findings if one.code == "mx-none-covered")

    assert uncovered.severity is Severity.ERROR
    assert V4 in uncovered.seen
    assert V6 not in uncovered.seen
    assert any(V4 in reason for reason in judgement.headline.reasons)
    assert judgement.reading.hosts[0].is_covered is False


def test_a_single_policy_needs_no_name() -> None:
    """The same file everywhere is the policy, and kept once with all its addresses."""
    reading = read(split(GOOD, GOOD))
    (served,) = reading.served
    assert served.addresses == (V6, V4)
    assert reading.name_policy(served.policy) == "the policy"


def test_a_split_that_nobody_is_sent_to_is_a_warning() -> None:
    """Without a record no sender gets any of the files."""
    policy = split(GOOD, STALE).policy_host
    evidence = domain_evidence(policy=policy, own_records=records(sts=absent()))
    differs = next(
        one for one in judge(evidence).findings if one.code == "policy-host-addresses-differ"
    )
    assert differs.severity is Severity.WARNING


def test_of_two_partial_policies_the_one_that_loses_more_counts() -> None:
    """A policy that names the host without TLS loses all; the other one reaches the good host."""
    both = GOOD.replace(b"mx: mx1", b"mx: mx2.example.com\nmx: mx1")
    only_bad = GOOD.replace(b"mx1", b"mx2")
    files = policy_host(fetch(both, address=V6), fetch(only_bad, address=V4))
    evidence = domain_evidence(at(MX1), at(MX2, without_starttls(MX2)), policy=files)
    headline = judge(evidence).headline

    assert headline.verdict is Verdict.LOSING_MAIL
    assert "any mail" in headline.sentence
    assert any(MX_HOST in reason for reason in headline.reasons)
