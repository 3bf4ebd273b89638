"""Findings about the MX records themselves."""

from dataclasses import replace

import pytest

from mailseal.answers import Answer, DnsFailure, MxRecord
from mailseal.checks import mxrecords
from mailseal.checks.evidence import Evidence, HostEvidence
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import read
from mailseal.testing.evidence import (
    absent,
    domain_evidence,
    failed,
    found,
    host,
    records,
)

from .tables import Row, each_of, severities

E, W, U = Severity.ERROR, Severity.WARNING, Severity.UNKNOWN

MX1, MX2 = "mx1.example.com", "mx2.example.com"


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the module finds."""
    return list(mxrecords.check(read(evidence)))


def with_records(*names: str) -> Evidence:
    """A domain with one good host, and these names in its MX records."""
    own = tuple(MxRecord(preference=10 * n, host=name) for n, name in enumerate(names, 1))
    return replace(domain_evidence(), records=replace(records(), mx=found(*own)))


def with_answer(answer: Answer[MxRecord], *hosts: HostEvidence) -> Evidence:
    """A domain with this answer for MX."""
    own = replace(records(), mx=answer)
    return replace(domain_evidence(), records=own, mx_hosts=hosts)


def without_address(name: str, *, is_name_known: bool = False) -> HostEvidence:
    """A host that DNS knows no address of."""
    gone = absent(is_name_known=is_name_known)
    return replace(host(name), a=gone, aaaa=gone, sessions=())


def aliased(*, is_seen_in_addresses: bool = True) -> HostEvidence:
    """A host that is an alias."""
    if is_seen_in_addresses:
        return replace(host(), a=found("192.0.2.1", name="real.example.net"))
    return replace(host(), alias=found("real.example.net"))


PRODUCED: list[Row] = [
    (mxrecords.UNKNOWN, U, with_answer(failed())),
    (mxrecords.NO_HOST, E, domain_evidence(without_address(MX1))),
    (mxrecords.NO_HOST, E, with_records("192.0.2.1")),
    (mxrecords.NO_HOST, E, with_answer(absent(), without_address("example.com"))),
    (mxrecords.HOST_GONE, W, domain_evidence(host(), without_address(MX2))),
    (mxrecords.HOST_GONE, W, domain_evidence(host(), without_address(MX2, is_name_known=True))),
    (mxrecords.HOST_GONE, E, domain_evidence(without_address(MX1))),  # nothing else is left
    (mxrecords.HOST_UNKNOWN, U, domain_evidence(replace(host(), a=failed()))),
    (mxrecords.HOST_UNKNOWN, U, domain_evidence(replace(host(), aaaa=failed()))),  # A is there
    (
        mxrecords.HOST_UNKNOWN,
        U,
        domain_evidence(replace(host(address="2001:db8::1"), aaaa=failed(DnsFailure.TIMEOUT))),
    ),
    (mxrecords.ADDRESS, E, with_records(MX1, "192.0.2.1")),
    (mxrecords.ADDRESS, E, with_records(MX1, "2001:db8::1")),
    (mxrecords.ADDRESS, E, with_records(MX1, "[192.0.2.1]")),
    (mxrecords.MALFORMED, E, with_records(MX1, "mx 2.example.com")),
    (mxrecords.MALFORMED, E, with_records(MX1, "smtp://mx.example.com")),
    (mxrecords.ALIAS, W, domain_evidence(aliased())),
    (mxrecords.ALIAS, W, domain_evidence(aliased(is_seen_in_addresses=False))),
    (mxrecords.LOCALHOST, E, domain_evidence(without_address("localhost"))),
    (mxrecords.LOCALHOST, E, domain_evidence(host(address="127.0.0.1"))),
    (mxrecords.LOCALHOST, E, domain_evidence(host(address="10.1.2.3"))),
    (mxrecords.UNDERSCORE, W, domain_evidence(host("mx_1.example.com"))),
    (mxrecords.DUPLICATE, W, with_records(MX1, MX1)),
    (mxrecords.NULL_WITH_OTHERS, E, with_records("", MX1)),
]


@each_of(PRODUCED)
def test_each_fault_is_found(entry: Entry, severity: Severity, evidence: Evidence) -> None:
    """A host passed over is a warning while another one is left."""
    assert severities(judge(evidence), entry) == {severity}


def test_every_entry_is_produced() -> None:
    """No code is in the catalogue for nothing."""
    assert {entry for entry, _, _ in PRODUCED} == set(mxrecords.ENTRIES)


@pytest.mark.parametrize(
    "evidence",
    [
        domain_evidence(),
        domain_evidence(host(), host(MX2, address="2001:db8::1")),
        with_answer(absent(), host("example.com")),  # an implicit MX
        with_records(""),  # a null MX
        replace(  # a laboratory: the operator says that such addresses can be reached
            domain_evidence(host(address="127.0.0.1")),
            observer=replace(domain_evidence().observer, is_inside=True),
        ),
        domain_evidence(replace(host(), a=found("192.0.2.1", "10.0.0.1", name=MX1))),
    ],
)
def test_nothing_is_found_where_all_is_well(evidence: Evidence) -> None:
    """A good domain, one without MX records, one that takes no mail."""
    assert judge(evidence) == []


@pytest.mark.parametrize(
    ("is_name_known", "words"),
    [(True, "has neither MX records nor an address"), (False, "does not exist in DNS")],
)
def test_a_domain_without_anything_is_told_once(is_name_known: bool, words: str) -> None:
    """The domain is its own MX host then, and is not called gone as well."""
    nothing = without_address("example.com", is_name_known=is_name_known)
    (finding,) = judge(with_answer(absent(is_name_known=is_name_known), nothing))
    assert finding.code == "mx-no-host"
    assert words in finding.seen


@pytest.mark.parametrize(
    ("a", "aaaa", "seen"),
    [
        (
            failed(),
            failed(),
            [f"A and AAAA of the MX host {MX1} could not be looked up: SERVFAIL."],
        ),
        (failed(), absent(), [f"A of the MX host {MX1} could not be looked up: SERVFAIL."]),
        (
            found("192.0.2.1", name=MX1),
            failed(DnsFailure.TIMEOUT, "no answer within 5 s"),
            [f"AAAA of the MX host {MX1} could not be looked up: no answer within 5 s."],
        ),
        (
            failed(DnsFailure.BOGUS, "a signature has expired"),
            failed(),
            [
                f"A of the MX host {MX1} could not be looked up: a signature has expired.",
                f"AAAA of the MX host {MX1} could not be looked up: SERVFAIL.",
            ],
        ),
    ],
)
def test_each_type_of_address_that_could_not_be_looked_up_is_named(
    a: Answer[str], aaaa: Answer[str], seen: list[str]
) -> None:
    """An address that another sender finds may well be a server without TLS."""
    findings = judge(domain_evidence(replace(host(sessions=()), a=a, aaaa=aaaa)))

    assert [one.seen for one in findings if one.code == "mx-host-unknown"] == seen


def test_a_special_name_without_an_address_is_told_once() -> None:
    """It is not called gone as well."""
    codes = {one.code for one in judge(domain_evidence(host(), without_address("mx.internal")))}
    assert codes == {"mx-is-local"}


def test_the_real_host_is_proposed_with_the_same_preference() -> None:
    """The record can be published as it is."""
    (finding,) = judge(domain_evidence(aliased()))
    assert [ready.text for ready in finding.ready] == ["MX 10 real.example.net."]
