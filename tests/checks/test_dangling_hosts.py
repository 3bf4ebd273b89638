"""MX hosts without an address, and names with typing mistakes, never get into a ready policy."""

from dataclasses import replace

import pytest

from mailseal.answers import Absent
from mailseal.checks.evidence import Evidence, HostEvidence
from mailseal.checks.finding import Finding, Kind
from mailseal.checks.judge import judge
from mailseal.mtasts.policy import parse_policy
from mailseal.testing.evidence import POLICY, absent, domain_evidence, failed, fetch, policy_host

from .mxworld import MX1, at

GONE = "old-mx.expired.test"


def without_address(name: str, *, is_name_known: bool) -> HostEvidence:
    """A host that takes no mail: its name is unknown, or has no address."""
    missing: Absent = absent(is_name_known=is_name_known)
    return replace(at(name), a=missing, aaaa=missing, sessions=())


def domain(*hosts: HostEvidence, body: bytes = POLICY) -> Evidence:
    """A domain with these MX hosts and this policy."""
    return domain_evidence(*hosts, policy=policy_host(fetch(body)))


def uncovered(evidence: Evidence) -> list[Finding]:
    """Return what is found of hosts that no pattern covers."""
    return [
        one
        for one in judge(evidence).findings
        if one.code.endswith("-uncovered") or one.code == "mx-none-covered"
    ]


def patterns(finding: Finding) -> list[str]:
    """Return the patterns of the ready policy."""
    (text,) = (one.text for one in finding.ready if one.kind is Kind.POLICY)
    return [str(one) for one in parse_policy(text.encode()).mx]


@pytest.mark.parametrize("is_name_known", [False, True])
def test_a_host_without_an_address_needs_no_pattern(*, is_name_known: bool) -> None:
    """Senders pass it over; whoever registers its name must not find it in the policy."""
    evidence = domain(without_address(GONE, is_name_known=is_name_known), at(MX1))
    assert uncovered(evidence) == []
    texts = [ready.text for one in judge(evidence).findings for ready in one.ready]
    assert not any(GONE in text for text in texts)


def test_a_host_without_an_address_is_not_added_beside_one_that_is() -> None:
    """The policy lacks a host that works, and that one alone is proposed."""
    evidence = domain(without_address(GONE, is_name_known=False), at("mail.example.com"), at(MX1))
    (finding,) = uncovered(evidence)
    assert finding.code == "mx-best-uncovered"
    assert GONE not in finding.seen + finding.remedy
    assert patterns(finding) == [MX1, "mail.example.com"]


def test_a_host_whose_look_up_failed_may_have_an_address() -> None:
    """A failure is no absence."""
    unknown = replace(at("mail.example.com"), a=failed(), aaaa=failed(), sessions=())
    (finding,) = uncovered(domain(unknown, at(MX1)))
    assert "mail.example.com" in patterns(finding)


def test_a_typing_mistake_gives_way_to_its_correction() -> None:
    """Whoever registers the mistyped name would be named by the policy."""
    body = POLICY.replace(b"mx1.example.com", b"mx1.exmaple.com")
    (finding,) = uncovered(domain(at(MX1), body=body))

    assert '"mx: mx1.exmaple.com" looks like a typing mistake' in finding.seen
    assert 'Write "mx: mx1.example.com" in place of "mx: mx1.exmaple.com".' in finding.remedy
    assert patterns(finding) == [MX1]


def test_a_host_that_is_there_is_no_typing_mistake_of_another() -> None:
    """mxa and mxb resemble each other, and both take mail."""
    body = POLICY.replace(b"mx1", b"mxa")
    (finding,) = uncovered(domain(at("mxa.example.com"), at("mxb.example.com"), body=body))

    assert "typing mistake" not in finding.seen
    assert patterns(finding) == ["mxa.example.com", "mxb.example.com"]


def test_a_right_pattern_is_no_typing_mistake_of_a_host_that_is_gone() -> None:
    """The mistake stands in the MX record."""
    mistyped = without_address("mx1.exmaple.com", is_name_known=False)
    findings = judge(domain(mistyped, at("mail.example.com"))).findings
    assert not any("mx1.exmaple.com is meant" in one.seen for one in findings)
