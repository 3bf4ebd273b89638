"""The policy host: addresses, TLS and certificate, response; what makes each finding."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mailseal.checks import policycertificate, policyhost, policyresponse
from mailseal.checks.evidence import Evidence, Failure, PolicyFetch, TlsFacts, Trouble
from mailseal.checks.finding import Kind, Severity
from mailseal.results import ResultType
from mailseal.testing.certificates import EPOCH, make_chain
from mailseal.testing.evidence import (
    NOW,
    POLICY,
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    policy_host,
    tls,
    txt,
)

from .stsworld import (
    HOST,
    NO_IPV6,
    REFUSED,
    TESTING,
    TIMEOUT,
    V4,
    V4_TOO,
    V6,
    V6_TOO,
    Case,
    answering,
    codes,
    failing,
    find,
    judge,
    serving,
    texts,
    with_record,
)

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue

CLOSED = Failure(trouble=Trouble.CLOSED, reason="the connection was closed in the TLS handshake")
NO_TLS = Failure(trouble=Trouble.TLS, reason="tls-unrecognized-name")
SKIPPED = Failure(trouble=Trouble.SKIPPED, reason="a private or reserved address")
SLOW = Failure(trouble=Trouble.TIMEOUT, reason="the response did not end in time")
MALFORMED = Failure(trouble=Trouble.PROTOCOL, reason="http-malformed")
GITHUB = b"<p><strong>There isn't a GitHub Pages site here.</strong></p>"
MODULES = (policyhost, policycertificate, policyresponse)


def without_addresses(**others: object) -> Evidence:
    """A domain whose policy host has no address."""
    return serving(a=absent(), aaaa=absent(), fetches=(), **others)


def showing(handshake: TlsFacts) -> Evidence:
    """A domain whose policy host shows this."""
    return serving(fetch(handshake=handshake))


def lasting(until: datetime) -> Evidence:
    """A domain whose policy host has a certificate until then."""
    return showing(tls(chain=make_chain((HOST,), not_after=until)))


def with_headers(*headers: tuple[str, str]) -> Evidence:
    """A domain whose policy comes with these headers."""
    return serving(replace(fetch(), headers=headers))


def long_policy(size: int) -> bytes:
    """A good policy of a size."""
    return POLICY + b"note: " + b"x" * (size - len(POLICY) - 8) + b"\r\n"


ADDRESSES = (
    Case(
        why="the resolver failed",
        evidence=serving(a=failed(), aaaa=failed(), fetches=()),
        code="policy-host-unknown",
        severity=U,
    ),
    Case(
        why="one family is absent and the other not known",
        evidence=serving(a=absent(), aaaa=failed(), fetches=()),
        code="policy-host-unknown",
        severity=U,
    ),
    Case(
        why="one family is there and the other not known",
        evidence=serving(fetch(address=V6), a=failed(reason="no answer within 5 s")),
        code="policy-host-unknown",
        severity=U,
        words="A of mta-sts.example.com could not be looked up: no answer within 5 s.",
    ),
    Case(
        why="no address",
        evidence=without_addresses(),
        code="policy-host-absent",
        severity=E,
    ),
    Case(
        why="an alias of nothing",
        evidence=without_addresses(alias=found("gone.example.net")),
        code="policy-host-dangling",
        severity=E,
        words="gone.example.net, which does not exist",
    ),
    Case(
        why="nothing listens",
        evidence=serving(failing(REFUSED)),
        code="policy-host-refused",
        severity=E,
        words="192.0.2.10 (nothing listens there)",
    ),
    Case(
        why="nothing listens at one of two",
        evidence=serving(fetch(), failing(REFUSED, address=V4_TOO)),
        code="policy-host-refused",
        severity=W,
        words="192.0.2.11",
    ),
    Case(
        why="silence, which others need not meet",
        evidence=serving(failing(TIMEOUT)),
        code="policy-host-timeout",
        severity=U,
    ),
    Case(
        why="silence at one of two: the way there works",
        evidence=serving(fetch(), failing(TIMEOUT, address=V4_TOO)),
        code="policy-host-timeout",
        severity=W,
    ),
    Case(
        why="connections are dropped",
        evidence=serving(failing(CLOSED)),
        code="policy-host-closed",
        severity=U,
        words="in the TLS handshake",
    ),
    Case(
        why="the server does not know the name",
        evidence=serving(failing(NO_TLS)),
        code="policy-host-no-tls",
        severity=E,
        words="unrecognized-name",
    ),
    Case(
        why="no IPv6 here",
        evidence=serving(fetch(), failing(NO_IPV6, address=V6)),
        code="policy-host-untested",
        severity=I,
    ),
    Case(
        why="only addresses that may not be contacted",
        evidence=serving(failing(SKIPPED)),
        code="policy-host-untested",
        severity=U,
        words="private",
    ),
    Case(
        why="IPv6 leads nowhere",
        evidence=serving(fetch(), failing(TIMEOUT, address=V6), failing(REFUSED, address=V6_TOO)),
        code="policy-host-family-broken",
        severity=W,
        words="IPv6 does not work",
    ),
    Case(
        why="IPv4 leads nowhere",
        evidence=serving(failing(REFUSED), fetch(address=V6)),
        code="policy-host-family-broken",
        severity=W,
        words="IPv4 does not work",
    ),
    Case(
        why="two servers, two policies",
        evidence=serving(fetch(), fetch(TESTING, address=V4_TOO)),
        code="policy-host-addresses-differ",
        severity=E,
        words="192.0.2.11: mode testing, max_age 86400, mx mx1.example.com",
    ),
    Case(
        why="two servers, one mode, other hosts",
        evidence=serving(fetch(), fetch(POLICY.replace(b"mx1", b"old"), address=V4_TOO)),
        code="policy-host-addresses-differ",
        severity=E,
        words="192.0.2.11: mode enforce, max_age 604800, mx old.example.com",
    ),
    Case(
        why="two servers, two files that ask the same of senders",
        evidence=serving(fetch(), fetch(POLICY.replace(b"6048", b"7048"), address=V4_TOO)),
        code="policy-host-addresses-differ",
        severity=W,
        words="max_age 704800",
    ),
    Case(
        why="two servers, one policy",
        evidence=serving(fetch(), fetch(b"<html>", address=V4_TOO)),
        code="policy-host-addresses-differ",
        severity=W,
        words="6 bytes that are no policy",
    ),
)

CERTIFICATES = (
    Case(
        why="TLS of 2006",
        evidence=showing(tls(HOST, version="TLSv1.1")),
        code="policy-certificate-old-tls",
        severity=E,
        words="TLSv1.1",
    ),
    Case(
        why="an anonymous handshake",
        evidence=showing(tls(chain=())),
        code="policy-certificate-missing",
        severity=E,
    ),
    Case(
        why="no certificate at all",
        evidence=showing(tls(chain=(b"hello",))),
        code="policy-certificate-unreadable",
        severity=E,
    ),
    Case(
        why="expired yesterday",
        evidence=lasting(NOW - timedelta(days=1)),
        code="policy-certificate-expired",
        severity=E,
        words="2026-06-29",
    ),
    Case(
        why="from tomorrow on",
        evidence=showing(tls(chain=make_chain((HOST,), not_before=NOW + timedelta(days=1)))),
        code="policy-certificate-not-yet-valid",
        severity=E,
    ),
    Case(
        why="the web site's certificate",
        evidence=showing(tls("www.example.com")),
        code="policy-certificate-wrong-name",
        severity=E,
        words="www.example.com",
    ),
    Case(
        why="a star of another level",
        evidence=domain_evidence(
            domain="mail.example.com",
            policy=policy_host(
                fetch(domain="mail.example.com", handshake=tls("*.example.com")),
                domain="mail.example.com",
            ),
        ),
        code="policy-certificate-wrong-name",
        severity=E,
        words="stands for one label",
    ),
    Case(
        why="a common name only",
        evidence=showing(tls(chain=make_chain(()))),
        code="policy-certificate-wrong-name",
        severity=E,
        words="common name does not count",
    ),
    Case(
        why="self-made",
        evidence=showing(tls(HOST, distrust="self-signed")),
        code="policy-certificate-self-signed",
        severity=E,
    ),
    Case(
        why="the intermediate is not sent",
        evidence=showing(tls(HOST, distrust="incomplete-chain")),
        code="policy-certificate-incomplete-chain",
        severity=E,
        words="fullchain",
    ),
    Case(
        why="an authority of one's own",
        evidence=showing(tls(HOST, distrust="unknown-ca")),
        code="policy-certificate-unknown-ca",
        severity=E,
        words="Test Issuer",
    ),
    Case(
        why="a weak key",
        evidence=showing(tls(HOST, distrust="ee-key-too-small")),
        code="policy-certificate-distrusted",
        severity=E,
        words="ee-key-too-small",
    ),
    Case(
        why="bad at one of two addresses",
        evidence=serving(fetch(), fetch(address=V4_TOO, handshake=tls("www.example.com"))),
        code="policy-certificate-wrong-name",
        severity=W,
        words="mta-sts.example.com [192.0.2.11]",
    ),
    Case(
        why="not renewed for two weeks",
        evidence=lasting(NOW + timedelta(days=13)),
        code="policy-certificate-ends-soon",
        severity=W,
        words="Find out why",
    ),
    Case(
        why="days left",
        evidence=lasting(NOW + timedelta(days=6, hours=23)),
        code="policy-certificate-ends-soon",
        severity=W,
        words="Renew it now",
    ),
    Case(
        why="policies are kept longer",
        evidence=serving(
            fetch(
                POLICY.replace(b"604800", b"31557600"),
                handshake=tls(chain=make_chain((HOST,), not_after=NOW + timedelta(days=60))),
            )
        ),
        code="policy-certificate-ends-within-max_age",
        severity=I,
        words="in 60 days",
    ),
)

RESPONSES = (
    Case(
        why="no such file",
        evidence=serving(answering(404)),
        code="policy-status",
        severity=E,
        words="404",
    ),
    Case(
        why="no such file at one address",
        evidence=serving(fetch(), answering(404, address=V4_TOO)),
        code="policy-status",
        severity=W,
        words="At 192.0.2.11",
    ),
    Case(
        why="another success is none",
        evidence=serving(answering(204)),
        code="policy-status",
        severity=E,
    ),
    Case(
        why="a page of GitHub's",
        evidence=serving(answering(404, GITHUB)),
        code="policy-host-abandoned",
        severity=E,
        words="GitHub Pages",
    ),
    Case(
        why="www is preferred",
        evidence=serving(answering(301, headers=(("location", "https://www.example.com/"),))),
        code="policy-redirect",
        severity=E,
        words='"https://www.example.com/"',
    ),
    Case(
        why="a redirect to nowhere",
        evidence=serving(answering(302, headers=())),
        code="policy-redirect",
        severity=E,
        words="redirect 302",
    ),
    Case(
        why="a bot filter",
        evidence=serving(answering(403), as_browser=(fetch(),)),
        code="policy-user-agent-blocked",
        severity=E,
        words="with 403 to a mail server",
    ),
    Case(
        why="the file is one folder up",
        evidence=serving(answering(404), elsewhere=(("/mta-sts.txt", fetch()),)),
        code="policy-elsewhere",
        severity=E,
        words="https://mta-sts.example.com/mta-sts.txt",
    ),
    Case(
        why="the file is at the web site",
        evidence=serving(
            answering(404),
            elsewhere=(
                ("/mta-sts.txt", answering(404)),
                ("https://example.com/.well-known/mta-sts.txt", fetch()),
            ),
        ),
        code="policy-elsewhere",
        severity=E,
        words="https://example.com/.well-known/mta-sts.txt",
    ),
    Case(
        why="octets",
        evidence=serving(fetch(content_type="application/octet-stream")),
        code="policy-content-type",
        severity=W,
        words='"application/octet-stream"',
    ),
    Case(
        why="no type",
        evidence=with_headers(),
        code="policy-content-type",
        severity=W,
        words="no Content-Type",
    ),
    Case(
        why="compressed",
        evidence=with_headers(("content-type", "text/plain"), ("content-encoding", "gzip")),
        code="policy-content-encoding",
        severity=E,
        words='"gzip"',
    ),
    Case(
        why="five kilobytes",
        evidence=serving(fetch(long_policy(5000))),
        code="policy-large",
        severity=W,
        words="5000 bytes",
    ),
    Case(
        why="one byte too many",
        evidence=serving(replace(fetch(long_policy(65_537)), is_whole=False)),
        code="policy-too-large",
        severity=E,
        words="65537 bytes",
    ),
    Case(
        why="no end in sight",
        evidence=serving(
            replace(fetch(long_policy(65_537)), is_whole=False, headers=(("a", "b"),))
        ),
        code="policy-too-large",
        severity=E,
        words="more than 65536 bytes",
    ),
    Case(
        why="six seconds",
        evidence=serving(replace(fetch(), duration=timedelta(seconds=6))),
        code="policy-slow",
        severity=W,
    ),
    Case(
        why="TLS, and then silence until our own patience ends",
        evidence=serving(replace(failing(SLOW), tls=tls(HOST), duration=timedelta(seconds=20))),
        code="policy-unfinished",
        severity=U,
        words="did not answer",
    ),
    Case(
        why="silence for longer than a sender has to wait",
        evidence=serving(replace(failing(SLOW), tls=tls(HOST), duration=timedelta(seconds=61))),
        code="policy-unfinished",
        severity=E,
        words="did not answer",
    ),
    Case(
        why="no HTTP",
        evidence=serving(replace(failing(MALFORMED), tls=tls(HOST))),
        code="policy-unfinished",
        severity=E,
        words="http-malformed",
    ),
    Case(
        why="cut off in the middle",
        evidence=serving(replace(fetch(POLICY[:20]), is_whole=False, failure=CLOSED)),
        code="policy-unfinished",
        severity=U,
        words="began to answer",
    ),
    Case(
        why="a copy of last week",
        evidence=with_headers(("content-type", "text/plain"), ("age", "600000")),
        code="policy-stale-copy",
        severity=I,
        words="Purge",
    ),
)

FINE = (
    domain_evidence(),
    serving(fetch(), fetch(address=V6)),
    serving(fetch(content_type="Text/PLAIN; charset=utf-8")),  # parameters and case do not matter
    with_headers(("content-type", "text/plain"), ("content-encoding", "identity"), ("age", "60")),
    with_headers(("content-type", "text/plain"), ("age", "a" * 500)),  # no number
    showing(tls("*.example.com")),
    showing(tls(HOST, version="TLSv1.2")),
    lasting(NOW + timedelta(days=14)),
    serving(fetch(long_policy(4096))),
)


@pytest.mark.parametrize("case", [*ADDRESSES, *CERTIFICATES, *RESPONSES], ids=lambda case: case.why)
def test_each_fault_leads_to_its_finding(case: Case) -> None:
    """What was seen is said with its address, as bad as it is."""
    finding = find(case)
    assert finding.severity is case.severity
    assert case.words in texts(finding)
    assert finding.clause


@pytest.mark.parametrize("evidence", FINE)
def test_what_is_fine_is_left_alone(evidence: Evidence) -> None:
    """A finding that comes without need is not read when it is needed."""
    own = {entry.code for module in MODULES for entry in module.ENTRIES}
    assert not codes(evidence) & own


def test_every_entry_has_its_case() -> None:
    """A code that nothing leads to would be a promise of the catalogue that nobody keeps."""
    own = {entry.code for module in MODULES for entry in module.ENTRIES}
    assert own == {case.code for case in (*ADDRESSES, *CERTIFICATES, *RESPONSES)}


def test_certificates_of_the_policy_host_have_one_result_type() -> None:
    """RFC 8460 §4.3.2.2 has one word for all of them."""
    flaws = [find(case) for case in CERTIFICATES if case.severity is E]
    assert {one.result for one in flaws} == {ResultType.STS_WEBPKI_INVALID}


@pytest.mark.parametrize(
    "case",
    [case for case in (*ADDRESSES, *CERTIFICATES, *RESPONSES) if case.severity is E],
    ids=lambda case: case.why,
)
def test_without_a_record_nothing_is_lost(case: Case) -> None:
    """Senders that are not sent to the policy host do not mind its faults."""
    own = replace(case.evidence.records, sts=absent(), txt=txt("v=STSv1; id=1;"))
    evidence = replace(case.evidence, records=own)
    severities = {one.severity for one in judge(evidence) if one.code == case.code}
    assert severities == {W}


@pytest.mark.parametrize(
    "make",
    [
        lambda: failing(REFUSED),
        lambda: answering(404, GITHUB),
        lambda: fetch(b"<html>", handshake=tls("www.example.com")),
    ],
)
def test_whatever_stands_at_the_name_of_nobodys_policy_is_no_fault(
    make: Callable[[], PolicyFetch],
) -> None:
    """Without any sign of MTA-STS the host is somebody's web server."""
    evidence = replace(with_record(absent()), policy_host=policy_host(make()))
    assert codes(evidence) == {"sts-record-absent"}


def test_a_missing_file_is_offered_ready_made() -> None:
    """Whoever has a record and no policy gets one that names the hosts."""
    (finding,) = judge(serving(answering(404)))
    (ready,) = finding.ready
    assert ready.kind is Kind.POLICY
    assert "mx: mx1.example.com\r\n" in ready.text


def test_faults_that_addresses_share_are_told_once() -> None:
    """Ten addresses with one expired certificate are one thing to do."""
    handshake = tls(chain=make_chain((HOST,), not_after=EPOCH + timedelta(days=1)))
    fetches = [fetch(address=f"192.0.2.{n}", handshake=handshake) for n in range(1, 11)]
    (finding,) = judge(serving(*fetches))
    assert (finding.code, finding.subject) == ("policy-certificate-expired", HOST)
    assert V4 not in finding.seen
