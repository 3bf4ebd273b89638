"""Hosts and addresses beyond the bounds of a check: judged by what is known, and told."""

from dataclasses import replace

from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Severity
from mailseal.checks.judge import Judgement, judge
from mailseal.checks.reading import MAX_MX_HOSTS
from mailseal.checks.verdict import Verdict
from mailseal.testing.evidence import absent, found, records, session

from .mxworld import MX1, V4, V4_TOO, at, domain

NAMES = tuple(f"mx{number}.example.com" for number in range(1, MAX_MX_HOSTS + 3))


def many(*covered: str, mode: str = "testing") -> Evidence:
    """A domain with more MX hosts than are looked at; those that are, are good."""
    seen = (at(name, session(name, V4)) for name in NAMES[:MAX_MX_HOSTS])
    own = records(*((10, name) for name in NAMES))
    one = domain(*seen, mode=mode, covered=covered, preferences=(10,) * MAX_MX_HOSTS)
    return replace(one, records=replace(one.records, mx=own.mx))


def codes(judgement: Judgement) -> dict[str, Severity]:
    """Return what is found beyond mere information."""
    return {
        one.code: one.severity for one in judgement.findings if one.severity is not Severity.INFO
    }


def test_nothing_is_safe_while_hosts_were_left_out() -> None:
    """Whoever covers them may still have one without TLS among them."""
    judgement = judge(many(*NAMES))

    assert judgement.headline.verdict is Verdict.CANNOT_TELL
    assert codes(judgement) == {"smtp-skipped": Severity.UNKNOWN}


def test_a_policy_is_held_against_hosts_that_were_left_out() -> None:
    """Their names are known: senders that enforce pass over those that no line covers."""
    judgement = judge(many(*NAMES[:MAX_MX_HOSTS], mode="enforce"))

    assert judgement.headline.verdict is Verdict.LOSING_MAIL
    assert codes(judgement)["mx-best-uncovered"] is Severity.ERROR


def test_hosts_that_were_left_out_may_have_addresses() -> None:
    """That mail reaches nobody is only known where each host was looked up."""
    one = many(*NAMES)
    gone = (replace(each, a=absent(), aaaa=absent(), sessions=()) for each in one.mx_hosts)
    told = codes(judge(replace(one, mx_hosts=tuple(gone))))

    assert "mx-no-host" not in told
    assert told["mx-host-gone"] is Severity.WARNING


def test_addresses_that_were_left_out_are_mentioned() -> None:
    """The host is known by the others."""
    host = replace(at(MX1, session(MX1, V4)), a=found(V4, V4_TOO, name=MX1))
    (finding,) = [one for one in judge(domain(host)).findings if one.code == "smtp-skipped"]

    assert finding.severity is Severity.INFO
    assert finding.seen.startswith("1 of 2 addresses")
