"""Findings about the record that asks for TLS reports."""

from dataclasses import replace

import pytest

from mailseal.answers import Answer, Found, MxRecord
from mailseal.checks import tlsrptrecord
from mailseal.checks.evidence import Evidence, RecipientEvidence
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.reading import read
from mailseal.testing.evidence import (
    absent,
    domain_evidence,
    failed,
    found,
    host,
    records,
    session,
    txt,
)

from .mxworld import MX1, at, domain, record_for
from .tables import Row, each_of, severities

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue

GOOD = "v=TLSRPTv1; rua=mailto:tls@example.net"
NAME = "_smtp._tls.example.com"
NULL: Found[MxRecord] = found(MxRecord(preference=0, host=""))


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the module finds."""
    return list(tlsrptrecord.check(read(evidence)))


def with_answer(
    answer: Answer[tuple[bytes, ...]],
    *,
    mode: str | None = "enforce",
    recipients: tuple[tuple[str, Answer[MxRecord]], ...] = (),
    alias: Answer[str] | None = None,
) -> Evidence:
    """A domain with this answer at _smtp._tls."""
    evidence = domain(host(), mode=mode)
    own = replace(
        evidence.records,
        tlsrpt=answer,
        tlsrpt_alias=alias,
        recipients=tuple(RecipientEvidence(domain=name, mx=mx) for name, mx in recipients),
    )
    return replace(evidence, records=own)


def asking(*texts: str, **how: object) -> Evidence:
    """A domain with these TXT records."""
    return with_answer(txt(*texts, name=NAME), **how)  # type: ignore[arg-type] # named in a table


def reporting_to(name: str, answer: Answer[MxRecord]) -> Evidence:
    """A domain that asks for reports at another one."""
    return asking(f"v=TLSRPTv1; rua=mailto:tls@{name}", recipients=((name, answer),))


def mx(name: str) -> Found[MxRecord]:
    """One MX record."""
    return found(MxRecord(preference=10, host=name))


def with_dane() -> Evidence:
    """A domain with DANE alone, and no record for reports."""
    evidence = domain(at(MX1, session(), tlsa=(record_for(session()),)), mode=None)
    return replace(evidence, records=replace(evidence.records, tlsrpt=absent()))


PRODUCED: list[Row] = [
    (tlsrptrecord.UNKNOWN, U, with_answer(failed())),
    (tlsrptrecord.ABSENT, W, with_answer(absent())),
    (tlsrptrecord.ABSENT, I, with_answer(absent(), mode=None)),  # nothing is enforced
    (tlsrptrecord.ABSENT, W, with_dane()),
    (tlsrptrecord.ABSENT, W, asking("v=spf1 -all")),  # nothing of the kind among the TXT records
    (tlsrptrecord.PRESENT, I, asking(GOOD)),
    (tlsrptrecord.SEVERAL, E, asking(GOOD, GOOD)),
    (tlsrptrecord.SEVERAL, W, asking(GOOD, GOOD, mode=None)),
    (tlsrptrecord.UNUSABLE, E, asking('"v=TLSRPTv1; rua=mailto:tls@example.net"')),
    (tlsrptrecord.UNUSABLE, E, asking(f"{GOOD}; x")),
    (tlsrptrecord.NO_ADDRESS, E, asking("v=TLSRPTv1; x=1")),
    (tlsrptrecord.NO_ADDRESS, E, asking("v=TLSRPTv1; rua=tls@example.net")),
    (tlsrptrecord.BAD_ADDRESS, W, asking(f"{GOOD},http://example.net/")),
    (tlsrptrecord.BAD_ADDRESS, W, asking(f"{GOOD},mailto:a@example.net!10m")),
    (tlsrptrecord.ODD, W, asking(f"{GOOD},mailto:tls@example.net")),
    (tlsrptrecord.ODD, W, asking("v=TLSRPTv1 ; rua=mailto:tls@example.net")),
    (tlsrptrecord.DAMAGED_BESIDE, W, asking(GOOD, "v=tlsrptv1; rua=mailto:tls@example.net")),
    (tlsrptrecord.FOREIGN, I, asking(GOOD, "v=spf1 -all")),
    (tlsrptrecord.SEVERAL_ADDRESSES, I, asking(f"{GOOD},https://example.net/")),
    (tlsrptrecord.DANGLING, W, with_answer(absent(), alias=found("gone.example.net"))),
    (tlsrptrecord.RECIPIENT_GONE, W, reporting_to("gone.example", absent())),
    (tlsrptrecord.RECIPIENT_GONE, W, reporting_to("null.example", NULL)),
    (tlsrptrecord.RECIPIENT_UNKNOWN, U, reporting_to("example.net", failed())),
    (tlsrptrecord.RECIPIENT_WITHIN, I, asking("v=TLSRPTv1; rua=mailto:tls@example.com")),
    (tlsrptrecord.RECIPIENT_WITHIN, I, reporting_to("example.net", mx("mx1.example.com"))),
]


@each_of(PRODUCED)
def test_each_fault_is_found_with_the_severity_of_its_context(
    entry: Entry, severity: Severity, evidence: Evidence
) -> None:
    """The severity depends on whether anything is enforced that reports would be about."""
    assert severities(judge(evidence), entry) == {severity}


def test_every_entry_is_produced() -> None:
    """No code is in the catalogue for nothing."""
    assert {entry for entry, _, _ in PRODUCED} == set(tlsrptrecord.ENTRIES)


@pytest.mark.parametrize(
    "evidence",
    [
        asking(GOOD),
        reporting_to("example.net", mx("mx.example.net")),
        reporting_to("example.net", absent(is_name_known=True)),  # an implicit MX may take it
        asking("v=TLSRPTv1; rua=https://example.com/tls"),
    ],
)
def test_a_good_record_is_found_to_be_there_and_nothing_else(evidence: Evidence) -> None:
    """What is right is said once."""
    assert [one.code for one in judge(evidence)] == ["tlsrpt-present"]


@pytest.mark.parametrize(
    "evidence",
    [
        with_answer(absent(), mode="testing"),  # the check of the policy says that it is useless
        replace(with_answer(absent()), records=replace(records(), mx=NULL, tlsrpt=absent())),
        replace(domain_evidence(), records=replace(records(), tlsrpt=None)),  # nobody asked
    ],
)
def test_absence_is_not_told_where_somebody_else_tells_it_or_it_does_not_matter(
    evidence: Evidence,
) -> None:
    """One fault, one finding."""
    assert judge(evidence) == []


def test_the_ready_record_is_one_that_reads_well() -> None:
    """What is proposed can be published as it is, at the place that is named."""
    (finding,) = judge(with_answer(absent()))
    (ready,) = finding.ready
    assert ready.place == NAME
    text = ready.text.removeprefix("TXT ").strip('"')
    assert "tlsrpt-present" in {one.code for one in judge(asking(text))}


def test_another_recipient_is_proposed_where_the_own_domain_takes_mail() -> None:
    """A null MX of one's own cannot be mended by naming oneself."""
    (elsewhere,) = _gone(reporting_to("null.example", NULL))
    (own,) = _gone(reporting_to("example.com", NULL))

    assert [ready.place for ready in elsewhere.ready] == [NAME]
    assert own.ready == ()


def _gone(evidence: Evidence) -> list[Finding]:
    return [one for one in judge(evidence) if one.code == tlsrptrecord.RECIPIENT_GONE.code]


def test_where_nothing_is_protected_reports_may_come_by_any_way() -> None:
    """Nothing that they tell of could keep them from coming."""
    evidence = asking("v=TLSRPTv1; rua=mailto:tls@example.com", mode=None)

    assert tlsrptrecord.RECIPIENT_WITHIN.code not in {one.code for one in judge(evidence)}


def test_the_record_that_is_meant_is_named_where_there_are_several() -> None:
    """What is about none of them in particular names none."""
    (damaged,) = [
        one
        for one in judge(asking(GOOD, "v=tlsrptv1; rua=mailto:tls@example.net"))
        if one.code == tlsrptrecord.DAMAGED_BESIDE.code
    ]
    (several,) = judge(asking(GOOD, GOOD))

    assert damaged.seen.startswith(f"At {NAME}, TXT record 2: ")
    assert several.seen.startswith(f"At {NAME}: ")
