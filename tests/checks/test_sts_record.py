"""The _mta-sts record and the names of MTA-STS: what makes each finding, and what does not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.answers import Answer, DnsFailure, Found, MxRecord
from mailseal.checks import stsnames, stsrecord
from mailseal.checks.evidence import AuthorityAnswer, Evidence
from mailseal.checks.finding import Kind, Severity
from mailseal.mtasts.record import parse_records
from mailseal.testing.evidence import (
    MX_HOST,
    POLICY,
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    policy_host,
    txt,
)

from .stsworld import (
    HOST,
    STS,
    V4,
    Case,
    codes,
    find,
    judge,
    null_mx,
    texts,
    with_record,
    without_anything,
)

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue

GOOD = "v=STSv1; id=1;"
SPF = "v=spf1 -all"


def authority(server: str, *said: str) -> AuthorityAnswer:
    """One name server's own answer."""
    return AuthorityAnswer(server=server, address=V4, name=STS, rdtype="TXT", texts=said)


def delegated(record_at: str, host_at: str, *, record_alias: str = "") -> Evidence:
    """A domain whose record and policy host stand at other names."""
    sts = txt(GOOD, name=record_at)
    evidence = with_record(sts, sts_alias=found(record_alias) if record_alias else None)
    host = replace(policy_host(), a=found(V4, name=host_at))
    return replace(evidence, policy_host=host)


def serving_at_wildcard(sts: Answer[tuple[bytes, ...]]) -> Evidence:
    """A domain whose wildcard has the address of the policy host, and a web page there."""
    page = fetch(b"<html>Welcome", content_type="text/html")
    return replace(with_record(sts, unlikely_a=found(V4)), policy_host=policy_host(page))


CASES = (
    Case(
        why="the resolver failed",
        evidence=with_record(failed(DnsFailure.TIMEOUT, "no answer in 5 s")),
        code="sts-record-unknown",
        severity=U,
        words="no answer in 5 s",
    ),
    Case(
        why="nothing was published",
        evidence=without_anything(),
        code="sts-record-absent",
        severity=I,
        words="parent domain does not count",
    ),
    Case(
        why="a wildcard's SPF is no record",
        evidence=without_anything(sts=txt(SPF), unlikely_txt=txt(SPF)),
        code="sts-record-absent",
        severity=I,
    ),
    Case(
        why="a policy without a record",
        evidence=with_record(absent()),
        code="sts-record-orphan",
        severity=W,
        words="never ask",
    ),
    Case(
        why="a policy, and nothing but SPF where the record should be",
        evidence=with_record(txt(SPF)),
        code="sts-record-orphan",
        severity=W,
    ),
    Case(
        why="a policy on its way out",
        evidence=replace(
            with_record(absent()),
            policy_host=policy_host(fetch(POLICY.replace(b"enforce", b"none"))),
        ),
        code="sts-record-orphan",
        severity=I,
        words="end of a removal",
    ),
    Case(
        why="two records",
        evidence=with_record(txt(GOOD, "v=STSv1; id=2;")),
        code="sts-record-several",
        severity=E,
        words="2 TXT records",
    ),
    Case(
        why="quotes became part of the record",
        evidence=with_record(txt('"v=STSv1; id=1;"')),
        code="sts-record-unusable",
        severity=E,
        words="quotes became part",
    ),
    Case(
        why="a comma in place of the semicolon",
        evidence=with_record(txt("v=STSv1, id=1")),
        code="sts-record-unusable",
        severity=E,
        words="not a comma",
    ),
    Case(
        why="the policy in DNS",
        evidence=with_record(txt("version: STSv1 mode: enforce")),
        code="sts-record-unusable",
        severity=E,
        words="belongs on the web server",
    ),
    Case(
        why="a doubled semicolon",
        evidence=with_record(txt("v=STSv1;; id=1")),
        code="sts-record-syntax",
        severity=E,
        words="two semicolons",
    ),
    Case(
        why="no id",
        evidence=with_record(txt("v=STSv1; foo=1;")),
        code="sts-record-no-id",
        severity=E,
    ),
    Case(
        why="hyphens in the id",
        evidence=with_record(txt("v=STSv1; id=2026-01-01")),
        code="sts-record-bad-id",
        severity=E,
        words="20260101",
    ),
    Case(
        why="a blank before the semicolon",
        evidence=with_record(txt("v=STSv1 ; id=1")),
        code="sts-record-blank-before-semicolon",
        severity=W,
    ),
    Case(
        why="two ids",
        evidence=with_record(txt("v=STSv1; id=1; id=2")),
        code="sts-record-duplicate-field",
        severity=W,
    ),
    Case(
        why="a damaged one beside it",
        evidence=with_record(txt(GOOD, "v=stsv1; id=2")),
        code="sts-record-damaged-beside",
        severity=W,
    ),
    Case(
        why="SPF at the name",
        evidence=with_record(txt(GOOD, SPF)),
        code="sts-record-foreign",
        severity=W,
        words="v=spf1",
    ),
    Case(
        why="SPF at every name",
        evidence=with_record(txt(GOOD, SPF), unlikely_txt=txt(SPF)),
        code="sts-record-foreign",
        severity=W,
        words="wildcard *.example.com",
    ),
    Case(
        why="a TTL of a week",
        evidence=with_record(
            Found(
                records=((GOOD.encode(),),), ttl=timedelta(days=7), is_secure=False, canonical=STS
            )
        ),
        code="sts-record-long-ttl",
        severity=I,
    ),
    Case(
        why="an alias out of a signed zone",
        evidence=with_record(
            txt(GOOD, name="sts.example.net"),
            mx=found(MxRecord(preference=10, host=MX_HOST), is_secure=True),
        ),
        code="sts-record-insecure",
        severity=I,
        words="sts.example.net",
    ),
)

NAMES = (
    Case(
        why="the record at the domain itself, and nowhere else",
        evidence=without_anything(txt=txt(SPF, GOOD)),
        code="sts-record-at-apex",
        severity=E,
        words="Move",
    ),
    Case(
        why="the record there as well",
        evidence=with_record(txt(GOOD), txt=txt(GOOD)),
        code="sts-record-at-apex",
        severity=W,
        words="Remove",
    ),
    Case(
        why="an alias of nothing",
        evidence=with_record(absent(), sts_alias=found("gone.example.net")),
        code="sts-record-dangling",
        severity=W,
        words="does not exist",
    ),
    Case(
        why="an alias of a name without TXT",
        evidence=with_record(absent(is_name_known=True), sts_alias=found("gone.example.net")),
        code="sts-record-dangling",
        severity=W,
        words="no TXT record",
    ),
    Case(
        why="the record at one provider, the policy at another",
        evidence=delegated("r.one.example.net", "h.two.example.org"),
        code="sts-delegation-split",
        severity=W,
        words="the old one",
    ),
    Case(
        why="the record at a provider, the policy at home",
        evidence=delegated("r.one.example.net", HOST),
        code="sts-delegation-split",
        severity=I,
        words="an address of its own",
    ),
    Case(
        why="a wildcard's web server is asked for a policy",
        evidence=serving_at_wildcard(txt(GOOD)),
        code="policy-host-wildcard",
        severity=W,
        words="*.example.com",
    ),
    Case(
        why="a wildcard's web server, and nobody asks",
        evidence=serving_at_wildcard(absent()),
        code="policy-host-wildcard",
        severity=I,
        words="Nothing is to be done",
    ),
    Case(
        why="reporting as drafts had it",
        evidence=with_record(txt(GOOD), legacy=txt("v=TLSRPTv1; rua=mailto:a@example.com")),
        code="sts-legacy-name",
        severity=W,
        words="_smtp._tls.example.com",
    ),
    Case(
        why="a secondary that was left behind",
        evidence=with_record(
            txt(GOOD),
            authorities=(authority("ns1", GOOD), authority("ns2", GOOD), authority("ns3")),
        ),
        code="sts-authorities-differ",
        severity=W,
        words="ns3 [192.0.2.10] has none",
    ),
)

FINE = (  # and why each of them is
    domain_evidence(),
    delegated("r.example.com", "h.example.net"),  # an alias within the domain
    delegated("r.example.net", "h.example.net"),  # one provider
    delegated("r.cdn.example", "h.web.example", record_alias="x.web.example"),  # through a CDN
    delegated(STS, "pages.example.net"),  # only the file is elsewhere
    with_record(txt(GOOD), txt=txt(SPF)),  # nothing of MTA-STS at the apex
    with_record(txt(GOOD), legacy=txt(SPF), unlikely_txt=txt(SPF)),  # a wildcard, nothing else
    with_record(txt(GOOD), unlikely_a=found(V4)),  # the wildcard's host serves the policy
    with_record(txt(GOOD), authorities=(authority("ns1", GOOD), authority("ns2", GOOD))),
    with_record(
        txt(GOOD), authorities=(authority("ns1", GOOD), replace(authority("ns2"), texts=None))
    ),  # silence is no other answer
)


@pytest.mark.parametrize("case", [*CASES, *NAMES], ids=lambda case: case.why)
def test_each_fault_leads_to_its_finding(case: Case) -> None:
    """What was seen is said, as bad as it is."""
    finding = find(case)
    assert finding.severity is case.severity
    assert case.words in texts(finding)
    assert finding.clause


@pytest.mark.parametrize("evidence", FINE)
def test_what_is_fine_is_left_alone(evidence: Evidence) -> None:
    """A finding that comes without need is not read when it is needed."""
    own = {entry.code for module in (stsrecord, stsnames) for entry in module.ENTRIES}
    assert not codes(evidence) & own


def test_every_entry_has_its_case() -> None:
    """A code that nothing leads to would be a promise of the catalogue that nobody keeps."""
    own = {entry.code for module in (stsrecord, stsnames) for entry in module.ENTRIES}
    assert own == {case.code for case in (*CASES, *NAMES)}


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.severity is E], ids=lambda case: case.why
)
def test_the_record_that_is_offered_is_good(case: Case) -> None:
    """What is ready to be copied is what senders accept."""
    ready = next(one for one in find(case).ready if one.kind is Kind.RECORD)
    assert ready.place == STS
    text = ready.text.removeprefix('TXT "').removesuffix('"')
    assert parse_records([(text.encode(),)]).id == "20260630T000000"


def test_whoever_has_nothing_is_offered_a_first_policy() -> None:
    """The way begins with mode testing and the hosts that there are."""
    (finding,) = judge(without_anything())
    policy = next(one for one in finding.ready if one.kind is Kind.POLICY)
    assert policy.place == f"https://{HOST}/.well-known/mta-sts.txt"
    assert policy.text.splitlines() == [
        "version: STSv1",
        "mode: testing",
        f"mx: {MX_HOST}",
        "max_age: 86400",
    ]


def test_a_domain_without_mail_is_asked_for_nothing() -> None:
    """A null MX needs no policy (RFC 7505)."""
    (finding,) = judge(null_mx(without_anything()))
    assert (finding.remedy, finding.ready) == ("", ())


def test_a_web_server_that_answers_to_any_name_is_no_policy_host() -> None:
    """A domain that never published anything is not told off for its wildcard."""
    findings = judge(serving_at_wildcard(absent()))
    assert {(one.code, one.severity) for one in findings} == {
        ("sts-record-absent", I),
        ("policy-host-wildcard", I),
    }


@given(st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=3), min_size=1, max_size=4))
def test_any_records_are_judged(strings: list[list[bytes]]) -> None:
    """Nothing that stands in DNS ends the judgement."""
    judge(with_record(found(*(tuple(one) for one in strings), name=STS)))


@given(st.lists(st.sampled_from([b"v=STSv1", b";", b" id=1", b"id=", b"\xff", b",", b" "])))
def test_any_record_nearly_right_is_judged(parts: list[bytes]) -> None:
    """Each way to be wrong has its finding."""
    judge(with_record(found((b"".join(parts),), name=STS)))
