"""No good news of what a look could not see: what has to be seen for each kind of finding."""

from dataclasses import replace

import pytest

from mailseal.answers import DnsFailure
from mailseal.checks.evidence import Depth, DkimLookup, Evidence, Failure, Trouble
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.judge import judge
from mailseal.checks.reading import read
from mailseal.checks.sight import could_see
from mailseal.testing.evidence import (
    DOMAIN,
    MX_HOST,
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    host,
    records,
    session,
    txt,
)

from .mxworld import MX1, MX2, at, domain, refusing_starttls, unseen, with_lookup
from .stsworld import NO_IPV6, REFUSED, TIMEOUT, V4, V4_TOO, V6, failing, serving

POLICY_HOST = f"mta-sts.{DOMAIN}"
AT_TOO = f"{POLICY_HOST} [{V4_TOO}]"
ROUTELESS = Failure(trouble=Trouble.UNREACHABLE, reason="no route to it")
LATE = failed(DnsFailure.TIMEOUT, "no answer in time")
CLOSED = Failure(trouble=Trouble.CLOSED, reason="the connection was closed")
NO_TLS = Failure(trouble=Trouble.TLS, reason="tls-unrecognized-name")


def having(**changes: object) -> Evidence:
    """A good domain with other records."""
    return domain_evidence(own_records=replace(records(), **changes))  # type: ignore[arg-type] # named in a table


def deep(**changes: object) -> Evidence:
    """The same, looked at more closely."""
    known = {"ds": absent(), "dnskey": absent(), **changes}
    return replace(having(**known), is_deep=True)


def without_policy_addresses(**families: object) -> Evidence:
    """A domain whose policy host has no address that is known."""
    return serving(**{"a": absent(), "aaaa": absent(), "fetches": (), **families})


def dkim(*answers: object) -> Evidence:
    """A domain with these keys for DKIM."""
    lookups = tuple(
        DkimLookup(selector=f"s{number}", answer=answer)  # type: ignore[arg-type] # named in a table
        for number, answer in enumerate(answers)
    )
    return having(dkim=lookups)


NOT_NOW = refusing_starttls(reply="454 4.7.0 TLS not available", code=454)
DARK, DARK_TOO = unseen(Trouble.TIMEOUT, MX1), unseen(Trouble.TIMEOUT, MX2)
GOOD = domain_evidence()
SHALLOW = domain(at(MX1), depth=Depth.POLICY)
HALF = replace(host(sessions=()), a=found("192.0.2.1"), aaaa=failed())
ALONE = replace(GOOD, policy_host=None)

CASES = [
    # Each record by itself
    ("sts-record-no-id", DOMAIN, GOOD, True),
    ("sts-record-no-id", DOMAIN, having(sts=failed()), False),
    ("tlsrpt-absent", DOMAIN, having(tlsrpt=txt()), True),
    ("tlsrpt-absent", DOMAIN, having(tlsrpt=failed()), False),
    ("tlsrpt-absent", DOMAIN, having(tlsrpt=None), False),
    ("spf-absent", DOMAIN, having(txt=txt()), True),
    ("spf-absent", DOMAIN, having(txt=LATE), False),
    ("dmarc-absent", DOMAIN, having(dmarc=absent()), True),
    ("dmarc-absent", DOMAIN, having(dmarc=LATE), False),
    ("caa-malformed", DOMAIN, having(caa=absent()), True),
    ("caa-malformed", DOMAIN, having(caa=LATE), False),
    ("dkim-weak", DOMAIN, dkim(absent(), absent()), True),
    ("dkim-weak", DOMAIN, dkim(absent(), LATE), False),
    ("dkim-weak", DOMAIN, dkim(), False),
    ("dnssec-no-ds", DOMAIN, having(ds=absent(), dnskey=absent()), True),
    ("dnssec-no-ds", DOMAIN, having(ds=LATE, dnskey=absent()), False),
    ("dnssec-no-ds", DOMAIN, having(ds=absent(), dnskey=LATE), False),
    ("zone-servers-differ", DOMAIN, having(ds=absent(), dnskey=absent()), False),  # not asked
    ("zone-servers-differ", DOMAIN, deep(), True),
    # The policy host, where senders are sent to it
    ("policy-status", POLICY_HOST, GOOD, True),
    ("policy-status", POLICY_HOST, ALONE, False),
    ("policy-status", POLICY_HOST, having(sts=failed()), False),
    ("certificate-expired", POLICY_HOST, GOOD, True),
    ("certificate-expired", POLICY_HOST, serving(failing(TIMEOUT)), False),
    ("policy-status", POLICY_HOST, without_policy_addresses(), True),
    ("policy-status", POLICY_HOST, without_policy_addresses(aaaa=LATE), False),
    ("policy-status", POLICY_HOST, without_policy_addresses(a=LATE), False),
    ("policy-status", POLICY_HOST, serving(failing(REFUSED)), True),
    ("policy-status", POLICY_HOST, serving(failing(NO_TLS)), True),
    ("policy-status", POLICY_HOST, serving(failing(CLOSED)), False),
    ("policy-status", POLICY_HOST, serving(failing(REFUSED), failing(CLOSED, address=V4_TOO)),
     False),
    # What all addresses had is over when one does otherwise, what any of them had is not
    ("policy-status", POLICY_HOST, serving(fetch(), failing(TIMEOUT, address=V4_TOO)), True),
    ("policy-status", AT_TOO, serving(fetch(), failing(TIMEOUT, address=V4_TOO)), False),
    ("policy-status", AT_TOO, serving(fetch(), failing(REFUSED, address=V4_TOO)), True),
    ("policy-status", AT_TOO, serving(failing(TIMEOUT), fetch(address=V4_TOO)), True),
    ("policy-status", AT_TOO, serving(fetch()), True),  # no address of it any more
    ("policy-status", AT_TOO, serving(fetch(), a=found(V4, V4_TOO)), False),  # beyond our bound
    ("policy-status", AT_TOO, serving(fetch(), aaaa=LATE), False),
    *(
        (code, POLICY_HOST, evidence, is_seen)
        for code in (
            "policy-host-refused",
            "policy-host-timeout",
            "policy-host-closed",
            "policy-host-no-tls",
            "policy-host-family-broken",
            "policy-host-addresses-differ",
            "policy-certificate-ends-soon",
            "policy-certificate-ends-within-max_age",
        )
        for evidence, is_seen in (
            (serving(fetch(), fetch(address=V4_TOO)), True),
            (serving(fetch(), failing(NO_TLS, address=V4_TOO)), True),
            (serving(fetch(), failing(TIMEOUT, address=V4_TOO)), False),
            (serving(fetch(), failing(ROUTELESS, address=V6)), False),
            (serving(fetch(), failing(NO_IPV6, address=V6)), True),  # there never was one here
        )
    ),
    # The set of hosts, whose patterns stand in the policy
    ("mx-null-with-policy", DOMAIN, GOOD, True),
    ("mx-null-with-policy", DOMAIN, ALONE, False),
    ("mx-one-host", DOMAIN, replace(having(sts=txt()), policy_host=None), True),
    ("mx-one-host", DOMAIN, having(mx=failed()), False),
    # Hosts
    ("starttls-missing", MX_HOST, GOOD, True),
    ("certificate-expired", MX_HOST, domain(at(MX1, NOT_NOW)), False),  # no TLS just now
    ("certificate-expired", MX_HOST, domain(at(MX1, DARK)), False),
    ("certificate-expired", MX_HOST, domain(at(MX1, session()), at(MX2, DARK_TOO)), True),
    ("tlsa-unusable", MX_HOST, domain(at(MX1, DARK)), False),
    # What is blind to one thing may see another
    ("sts-record-no-id", DOMAIN, having(tlsrpt=failed()), True),
    ("tlsrpt-absent", DOMAIN, having(sts=failed()), True),
    ("starttls-missing", MX_HOST, SHALLOW, False),
    ("starttls-missing", "gone.example.com", SHALLOW, True),  # no host any more
    ("starttls-missing", MX_HOST, domain_evidence(HALF), False),
    ("starttls-missing", MX_HOST, replace(GOOD, mx_hosts=()), False),  # one beyond our bound
    ("tlsa-unusable", MX_HOST, domain(with_lookup(at(MX1)), is_secure=True), False),
    ("starttls-missing", MX_HOST,
     domain(replace(with_lookup(host()), sessions=host().sessions), is_secure=True), True),
    ("tlsa-unusable", MX_HOST, GOOD, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "subject", "evidence", "is_seen"),
    CASES,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(CASES)],
)
def test_what_is_not_found_any_more_is_over_where_it_could_be_seen(
    code: str, subject: str, evidence: Evidence, is_seen: bool
) -> None:
    """A resolver or a server that does not answer is no all-clear."""
    judgement = judge(evidence)
    old = Finding(code=code, severity=Severity.ERROR, subject=subject, seen="It was seen.")

    assert could_see(judgement.reading, judgement.findings, old) is is_seen


def test_what_was_unknown_is_over_as_soon_as_nobody_says_so_any_more() -> None:
    """It said only that something could not be seen, which is no fault that may still be there."""
    judgement = judge(serving(failing(CLOSED)))
    old = Finding(
        code="policy-host-timeout", severity=Severity.UNKNOWN, subject=POLICY_HOST, seen="Silence."
    )

    assert could_see(judgement.reading, judgement.findings, old)
    fault = replace(old, severity=Severity.ERROR)
    assert not could_see(judgement.reading, judgement.findings, fault)


@pytest.mark.parametrize(
    ("code", "subject", "evidence"),
    [
        ("starttls-missing", MX_HOST, SHALLOW),
        ("starttls-missing", MX_HOST, domain_evidence(HALF)),
        ("starttls-missing", MX_HOST, domain_evidence(replace(HALF, a=HALF.aaaa, aaaa=HALF.a))),
        ("policy-status", POLICY_HOST, having(sts=failed())),
        ("policy-status", POLICY_HOST, without_policy_addresses(a=LATE)),
        ("policy-status", POLICY_HOST, without_policy_addresses(aaaa=LATE)),
        ("policy-status", POLICY_HOST, replace(GOOD, depth=Depth.DNS)),
    ],
)
def test_what_was_not_looked_at_is_not_seen_whatever_was_found(
    code: str, subject: str, evidence: Evidence
) -> None:
    """Even if no finding of this look says that something was not seen."""
    old = Finding(code=code, severity=Severity.ERROR, subject=subject, seen="It was seen.")

    assert not could_see(read(evidence), (), old)
