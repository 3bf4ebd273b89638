"""Ready-made fixes begin gently: what starts enforcement does not lose mail on its first day."""

from dataclasses import replace

import pytest

from mailseal.answers import Answer
from mailseal.checks.evidence import Depth, Evidence, HostEvidence
from mailseal.checks.finding import Finding, Kind
from mailseal.checks.judge import judge
from mailseal.mtasts.policy import Mode, Policy, parse_policy
from mailseal.testing.evidence import (
    POLICY,
    absent,
    domain_evidence,
    fetch,
    found,
    host,
    policy_host,
    records,
    txt,
)

from .mxworld import MX1, MX2, at, without_starttls

BROKEN = POLICY.replace(b"enforce", b"enforced")


def evidence(
    *hosts: HostEvidence,
    sts: Answer[tuple[bytes, ...]] | None = None,
    body: bytes = POLICY,
    **others: object,
) -> Evidence:
    """A domain with these hosts, this answer at _mta-sts, and this file."""
    names = tuple((10 * number, one.name) for number, one in enumerate(hosts, 1))
    own = replace(records(*names, sts=sts), **others)  # type: ignore[arg-type] # fields by name
    return domain_evidence(*hosts, own_records=own, policy=policy_host(fetch(body)))


def find(code: str, one: Evidence) -> Finding:
    """Return the finding of a code."""
    return next(finding for finding in judge(one).findings if finding.code == code)


def offered(finding: Finding) -> Policy | None:
    """Return the policy that is offered first; None where the record is."""
    first = finding.ready[0]
    return parse_policy(first.text.encode()) if first.kind is Kind.POLICY else None


PASSING = host(MX1)
UNABLE = at(MX1, without_starttls())
NO_RECORD: dict[str, dict[str, object]] = {
    "sts-record-orphan": {"sts": absent()},
    "sts-record-several": {"sts": txt("v=STSv1; id=1;", "v=STSv1; id=2;")},
    "sts-record-no-id": {"sts": txt("v=STSv1;")},
    "sts-record-at-apex": {"sts": absent(), "txt": txt("v=STSv1; id=1;")},
    "sts-record-dangling": {"sts": absent(), "sts_alias": found("sts.example.net")},
    "policy-mode-word": {"body": BROKEN},
}


@pytest.mark.parametrize("code", NO_RECORD)
def test_what_would_lose_mail_begins_in_mode_testing(code: str) -> None:
    """A record, or a file that can be read, starts enforcement; here no host has STARTTLS."""
    finding = find(code, evidence(UNABLE, **NO_RECORD[code]))  # type: ignore[arg-type] # by name

    policy = offered(finding)
    assert policy is not None
    assert policy.mode is Mode.TESTING
    assert "first" in finding.remedy
    assert f"{MX1} [192.0.2.1] offers no STARTTLS." in finding.remedy
    assert finding.ready[-1].kind is Kind.RECORD


@pytest.mark.parametrize("code", [code for code in NO_RECORD if code.startswith("sts-")])
def test_the_record_alone_is_offered_where_all_mail_passes(code: str) -> None:
    """Nothing has to be tried where every host is seen to pass."""
    finding = find(code, evidence(PASSING, **NO_RECORD[code]))  # type: ignore[arg-type] # by name
    assert offered(finding) is None
    assert "testing" not in finding.remedy


def test_a_broken_file_is_enforced_again_where_all_mail_passes() -> None:
    """It was meant so, and holds nothing up."""
    policy = offered(find("policy-mode-word", evidence(PASSING, body=BROKEN)))
    assert policy is not None
    assert policy.mode is Mode.ENFORCE


def test_what_nobody_has_seen_pass_begins_in_mode_testing() -> None:
    """Without a look at port 25 nobody knows that mail would pass."""
    unseen = replace(evidence(at(MX1), sts=absent()), depth=Depth.POLICY)
    finding = find("sts-record-orphan", unseen)
    policy = offered(finding)
    assert policy is not None
    assert policy.mode is Mode.TESTING
    assert "wait until every MX host has been seen to pass" in finding.remedy


def test_a_policy_in_mode_testing_needs_no_other_one() -> None:
    """The record may lead to it at once."""
    body = POLICY.replace(b"enforce", b"testing")
    finding = find("sts-record-orphan", evidence(UNABLE, sts=absent(), body=body))
    assert offered(finding) is None


def test_what_covers_nothing_today_is_not_enforced_by_its_correction() -> None:
    """The file is wrong and the record missing: both findings offer the same first policy."""
    one = evidence(PASSING, sts=absent(), body=POLICY.replace(b"mx1", b"old"))
    modes = set()
    for code in ("sts-record-orphan", "mx-none-covered"):
        policy = offered(find(code, one))
        assert policy is not None
        assert policy.covers(MX1)
        modes.add(policy.mode)
    assert modes == {Mode.TESTING}


def test_what_is_enforced_already_stays_so() -> None:
    """The correction of a policy in force adds a host, and weakens nothing."""
    finding = find("mx-best-uncovered", evidence(at(MX2, without_starttls(MX2)), PASSING))
    policy = offered(finding)
    assert policy is not None
    assert policy.mode is Mode.ENFORCE
