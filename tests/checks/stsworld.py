"""Domains whose MTA-STS has one fault each: the record, the policy host, the file, the coverage."""

from dataclasses import dataclass, replace
from datetime import timedelta

from mailseal.answers import Answer, Found, MxRecord
from mailseal.checks import (
    coverage,
    policycertificate,
    policyfile,
    policyhost,
    policylife,
    policyresponse,
    stsnames,
    stsrecord,
)
from mailseal.checks.evidence import (
    Evidence,
    Failure,
    PolicyFetch,
    Trouble,
)
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.reading import read
from mailseal.testing.evidence import (
    NOW,
    POLICY,
    absent,
    domain_evidence,
    fetch,
    found,
    host,
    policy_host,
    records,
)

MODULES = (
    stsrecord,
    stsnames,
    policyhost,
    policycertificate,
    policyresponse,
    policyfile,
    coverage,
    policylife,
)
STS, HOST = "_mta-sts.example.com", "mta-sts.example.com"
V4, V4_TOO, V6, V6_TOO = "192.0.2.10", "192.0.2.11", "2001:db8::10", "2001:db8::11"
TESTING = POLICY.replace(b"enforce", b"testing").replace(b"604800", b"86400")
REFUSED = Failure(trouble=Trouble.REFUSED, reason="nothing listens there")
TIMEOUT = Failure(trouble=Trouble.TIMEOUT, reason="no TCP connection in time")
NO_IPV6 = Failure(trouble=Trouble.NO_FAMILY, reason="this machine has no IPv6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is observed, and the one finding that it has to lead to."""

    why: str
    evidence: Evidence
    code: str
    severity: Severity
    words: str = ""  # in the texts of the finding


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the modules of MTA-STS find."""
    reading = read(evidence)
    return [finding for module in MODULES for finding in module.check(reading)]


def codes(evidence: Evidence) -> set[str]:
    """Return the codes of what is found."""
    return {finding.code for finding in judge(evidence)}


def find(case: Case) -> Finding:
    """Return the finding that a case is about, and nothing else of that code."""
    findings = judge(case.evidence)
    meant = [one for one in findings if one.code == case.code]
    assert len(meant) == 1, f"found {[one.code for one in findings]}"
    return meant[0]


def texts(finding: Finding) -> str:
    """Return all that a person reads."""
    return " ".join((finding.seen, finding.follows, finding.remedy))


def with_record(answer: Answer[tuple[bytes, ...]], **others: object) -> Evidence:
    """A domain with this answer at _mta-sts, and other records beside it."""
    own = replace(records(sts=answer), **others)  # type: ignore[arg-type] # fields by name
    return domain_evidence(own_records=own)


def without_anything(**others: object) -> Evidence:
    """A domain without any policy, and other records beside it."""
    evidence = with_record(absent(), **others)
    nothing = replace(policy_host(), a=absent(), fetches=())
    return replace(evidence, policy_host=nothing)


def serving(*fetches: PolicyFetch, **others: object) -> Evidence:
    """A domain whose policy host answers so."""
    served = replace(policy_host(*fetches), **others)  # type: ignore[arg-type] # fields by name
    return domain_evidence(policy=served)


def file(body: bytes | str) -> Evidence:
    """A domain that serves this file."""
    return serving(fetch(body.encode() if isinstance(body, str) else body))


def answering(
    status: int,
    body: bytes = b"",
    *,
    address: str = V4,
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/html"),),
) -> PolicyFetch:
    """A response with another status."""
    return replace(fetch(body, address=address), status=status, headers=headers)


def failing(failure: Failure, *, address: str = V4) -> PolicyFetch:
    """A fetch that came to nothing before TLS."""
    return PolicyFetch(
        address=address, started_at=NOW, duration=timedelta(seconds=1), failure=failure
    )


def covering(policy: str, *mx: tuple[int, str], mode: str = "enforce") -> Evidence:
    """A domain with these patterns in its policy, and these MX hosts."""
    lines = "".join(f"mx: {pattern}\r\n" for pattern in policy.split())
    body = f"version: STSv1\r\nmode: {mode}\r\n{lines}max_age: 604800\r\n"
    hosts = tuple(host(name, address=f"192.0.2.{1 + n}") for n, (_, name) in enumerate(mx))
    evidence = domain_evidence(*hosts, policy=policy_host(fetch(body.encode())))
    return replace(evidence, records=records(*mx))


def null_mx(evidence: Evidence) -> Evidence:
    """The same domain taking no mail."""
    answer: Found[MxRecord] = found(MxRecord(preference=0, host=""))
    return replace(evidence, records=replace(evidence.records, mx=answer), mx_hosts=())
