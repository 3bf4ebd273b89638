"""Names that do not exist: said so, once, with nothing else to be published there."""

from dataclasses import replace

import pytest

from mailseal.checks.evidence import Evidence, PolicyHostEvidence
from mailseal.checks.finding import Severity
from mailseal.checks.headline import say_headline
from mailseal.checks.judge import judge
from mailseal.checks.reading import read
from mailseal.checks.verdict import Verdict
from mailseal.testing.evidence import absent, domain_evidence, failed, host, records, txt


def nowhere(**changes: object) -> Evidence:
    """A name that is not in DNS, asked of a resolver that may not validate."""
    own = replace(records(sts=absent()), mx=absent())
    own = replace(own, **changes)  # type: ignore[arg-type] # as above
    itself = replace(host("example.com", sessions=()), a=absent(), aaaa=absent())
    gone = PolicyHostEvidence(name="mta-sts.example.com", a=absent(), aaaa=absent())
    evidence = replace(domain_evidence(policy=gone, own_records=own), mx_hosts=(itself,))
    return replace(evidence, observer=replace(evidence.observer, validates=None))


def test_a_mistyped_domain_is_said_not_to_exist() -> None:
    """Whoever mistypes a name learns that, whatever else cannot be told from here."""
    headline = say_headline(read(nowhere()), ())

    assert headline.verdict is Verdict.NOT_PUBLISHED
    assert headline.sentence.startswith("example.com does not exist in DNS")


@pytest.mark.parametrize(
    "evidence",
    [
        nowhere(mx=absent(is_name_known=True)),  # it has other records
        nowhere(mx=failed()),
        nowhere(sts=txt("v=STSv1; id=1;")),  # a name below it exists, so that it does, too
        replace(nowhere(), mx_hosts=(host("example.com"),)),  # as does its address
    ],
)
def test_a_domain_of_which_something_is_found_exists(evidence: Evidence) -> None:
    """Some name servers deny a name in answer to one question and not to another."""
    assert "does not exist" not in say_headline(read(evidence), ()).sentence


def test_what_a_missing_name_lacks_is_no_news() -> None:
    """Whoever has mistyped a name is not told to publish five records there."""
    evidence = nowhere(tlsrpt=absent(), txt=absent(), dmarc=absent(), caa=absent())
    findings = judge(evidence).findings

    assert [one.code for one in findings if one.severity is Severity.ERROR] == ["mx-no-host"]
    assert not [one.code for one in findings if one.code.endswith("-absent")]
    assert not [one.ready for one in findings if one.ready]
    assert findings[0].remedy.startswith("Check the spelling.")


def test_what_is_lacked_by_a_name_that_exists_is_told() -> None:
    """It has other records than those of mail, and may be given those."""
    known = absent(is_name_known=True)
    evidence = nowhere(mx=known, tlsrpt=absent(), txt=absent(), dmarc=absent(), caa=absent())
    codes = {one.code for one in judge(evidence).findings}

    assert codes >= {"sts-record-absent", "spf-absent", "dmarc-absent", "caa-absent"}
