"""What many results come to."""

from mailseal.checks.finding import Severity
from mailseal.checks.judge import judge
from mailseal.checks.verdict import Verdict
from mailseal.mtasts.policy import Mode
from mailseal.scans.result import Facts, MxState, Result, State, sum_up
from mailseal.scans.tally import Tally, class_of_age
from mailseal.testing.evidence import domain_evidence


def result(facts: Facts, verdict: Verdict = Verdict.NOT_PUBLISHED) -> Result:
    return Result(number=1, domain="example.com", verdict=verdict, facts=facts)


def test_shares_are_of_domains_that_take_mail() -> None:
    """A null MX needs no policy, nor does a name that leads nowhere; unknown is none of these."""
    tally = Tally()
    tally.add_all(
        [
            sum_up(1, judge(domain_evidence())),
            result(Facts(sts=State.ABSENT, mx=MxState.IMPLICIT, mx_count=1)),
            result(Facts(sts=State.ABSENT, mx=MxState.NULL)),
            result(Facts(sts=State.ABSENT, mx=MxState.NOWHERE)),
            result(Facts(sts=State.UNKNOWN, mx=MxState.UNKNOWN), Verdict.CANNOT_TELL),
            Result(number=5, domain="!", fault="no domain name: empty"),
            Result(number=6, domain="!!", fault="no domain name: other"),
        ]
    )

    assert (tally.entries, tally.domains, tally.takes_mail) == (7, 5, 2)
    assert tally.sts == {State.PRESENT: 1, State.ABSENT: 1}
    assert tally.modes == {Mode.ENFORCE: 1}
    assert tally.faults == {"no domain name": 2}


def test_dane_counts_a_domain_by_all_of_its_hosts() -> None:
    """One host with TLSA protects only the mail that goes there."""
    tally = Tally()
    for dane in ({"usable": 2}, {"usable": 1, "none": 1}, {"none": 1, "failed": 1}, {}):
        facts = Facts(sts=State.ABSENT, mx=MxState.PRESENT, mx_count=2, dane=dane)
        tally.add(result(facts))

    assert tally.dane == {"every host": 1, "some hosts": 1, "unknown": 1, "none": 1}


def test_findings_count_domains_by_code_and_severity() -> None:
    """Classes of faults are the codes of findings."""
    one = Result(
        number=1,
        domain="example.com",
        verdict=Verdict.LOSING_MAIL,
        findings={"mx-not-covered": Severity.ERROR, "tlsrpt-absent": Severity.INFO},
        facts=Facts(sts=State.PRESENT, mx=MxState.PRESENT),
    )
    tally = Tally()
    tally.add_all([one, one])

    assert tally.to_object()["findings"] == {
        "error": {"mx-not-covered": 2},
        "warning": {},
        "info": {"tlsrpt-absent": 2},
        "unknown": {},
    }


def test_ages_are_told_in_classes() -> None:
    """A week to the second is still up to a week."""
    assert class_of_age(604_800) == "up to a week"
    assert class_of_age(604_801) == "up to a month"
    assert class_of_age(31_557_600) == "longer"
