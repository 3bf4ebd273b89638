"""Cases that differ in one respect, and what is found of each of them and not of the other."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.checks.evidence import Evidence, Failure, PolicyFetch, SmtpSession, Stage, Trouble
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.judge import judge
from mailseal.checks.starttls import is_unavailable
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import NOW, POLICY, fetch, session, tls, txt

from .mxworld import (
    MX1,
    at,
    broken_in_tls,
    digest,
    domain,
    expired,
    record_for,
    refusing_starttls,
    self_signed,
    unseen,
    wrong_name,
)
from .oddcertificates import odd_chain
from .stsworld import (
    HOST,
    REFUSED,
    TESTING,
    TIMEOUT,
    V4_TOO,
    V6,
    V6_TOO,
    answering,
    covering,
    failing,
    file,
    null_mx,
    serving,
    texts,
    with_record,
    without_anything,
)

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue

CLOSED = Failure(trouble=Trouble.CLOSED, reason="the connection was closed")
SLOW = Failure(trouble=Trouble.TIMEOUT, reason="the response did not end in time")
DAY = timedelta(days=1)


def ending(*days: float, policy: bytes = POLICY) -> Evidence:
    """A policy host whose addresses have certificates for so many days."""
    chains = [make_chain((HOST,), not_after=NOW + one * DAY) for one in days]
    return serving(
        *(
            fetch(policy, address=f"192.0.2.{number}", handshake=tls(chain=chain))
            for number, chain in enumerate(chains, 10)
        )
    )


def silent_for(seconds: int, failure: Failure = SLOW) -> Evidence:
    """A policy host that does TLS and says nothing for a while."""
    duration = timedelta(seconds=seconds)
    return serving(replace(failing(failure), tls=tls(HOST), duration=duration))


def with_hosts(count: int) -> PolicyFetch:
    """A policy with so many hosts, at a second address."""
    lines = "".join(f"mx: mx{number}.example.com\r\n" for number in range(1, count + 1))
    return fetch(POLICY.replace(b"mx: mx1.example.com\r\n", lines.encode()), address=V4_TOO)


def bad_at(*addresses: str) -> list[PolicyFetch]:
    """Fetches that show the web site's certificate."""
    return [fetch(address=one, handshake=tls("www.example.com")) for one in addresses]


def kept_for(days: float, *, mode: bytes = b"enforce") -> bytes:
    """A policy with another max_age."""
    seconds = b"%d" % (days * 86_400)
    return POLICY.replace(b"enforce", mode).replace(b"604800", seconds)


def one(found: SmtpSession, **how: object) -> Evidence:
    """A domain whose only host shows this."""
    return domain(at(MX1, found), **how)  # type: ignore[arg-type] # as for ``domain``


def found(evidence: Evidence, code: str) -> list[Finding]:
    """Return the findings of a code."""
    return [each for each in judge(evidence).findings if each.code == code]


PRESENT = [
    # Of the policy host.
    ("policy-host-addresses-differ", E, serving(fetch(TESTING), with_hosts(4)),
     "mx mx1.example.com, mx2.example.com, mx3.example.com and 1 more"),
    ("policy-host-addresses-differ", E, serving(fetch(TESTING), with_hosts(3)),
     "mx mx1.example.com, mx2.example.com, mx3.example.com)"),
    ("policy-unfinished", U, silent_for(60), "did not answer"),  # a sender may wait that long
    ("policy-unfinished", U, silent_for(61, CLOSED), "did not answer"),  # somebody on the way?
    ("policy-redirect", E, serving(answering(399)), "399"),
    ("policy-status", E, serving(answering(400)), "400"),
    ("policy-status", E, serving(answering(299)), "299"),
    ("policy-status", E, serving(answering(403), as_browser=(fetch(address=V4_TOO),)), "403"),
    ("policy-status", E,
     serving(answering(404), elsewhere=(("/mta-sts.txt", fetch(b"<html>Not here.")),)), "404"),
    ("policy-certificate-wrong-name", W, serving(fetch(), *bad_at(V4_TOO, V6)),
     "The same at 2001:db8::10."),
    ("policy-certificate-ends-soon", W, ending(60, 10), "in 10 days"),
    ("policy-certificate-ends-soon", W, ending(8), "From then on senders get no policy."),
    ("policy-certificate-ends-soon", W, ending(6), "In less than a week senders get no policy."),
    ("policy-certificate-ends-within-max_age", I, ending(59, policy=kept_for(60)), "60 days"),
    # Of the policy.
    ("policy-short-max_age", W, file(kept_for(2)), "(2 days)"),
    ("policy-short-max_age", W, file(kept_for(1.5)), "(36.0 hours)"),
    ("mx-none-covered", E, covering("old.example.com", (10, MX1)),
     'Add "mx: mx1.example.com" to the policy. Then publish a new id.'),
    # Of the record.
    ("sts-record-absent", I, null_mx(without_anything()), "null MX"),
    ("sts-record-damaged-beside", W, with_record(txt("v=STSv1; id=1;", "v=stsv1; id=2")),
     "Remove the damaged record."),
    # Of MX hosts.
    ("smtp-busy", U, one(unseen(Trouble.BUSY, stage=Stage.CONNECTED)), "put us off"),
    ("smtp-rejected", U, one(unseen(Trouble.REJECTED, stage=Stage.CONNECTED)), "turned us away"),
    ("smtp-busy", U, one(broken_in_tls(Trouble.BUSY)),
     "Whether mail is delivered there within TLS is not known."),
    ("smtp-busy", U, one(unseen(Trouble.BUSY, stage=Stage.CONNECTED)),
     "Whether it does TLS, and with which certificate, is not known."),
    ("smtp-busy", U, one(broken_in_tls(Trouble.BUSY, handshake=tls("www.example.com"))),
     "within TLS"),
    ("smtp-fails-in-tls", E, one(broken_in_tls(Trouble.TLS)), "cannot deliver there."),
    ("smtp-fails-in-tls", U, one(broken_in_tls(Trouble.CLOSED)), "where this happens to them"),
    ("dane-sts-contradict", W,
     domain(at(MX1, self_signed(), tlsa=(record_for(self_signed()),)), mode="testing"),
     "is good by DANE, and not by the policy"),
    ("dane-sts-contradict", W, domain(at(MX1, session(), tlsa=(digest(1),)), mode="testing"),
     "is good by the policy, and not by DANE"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "severity", "evidence", "words"),
    PRESENT,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(PRESENT)],
)
def test_what_is_said_depends_on_what_was_seen(
    code: str, severity: Severity, evidence: Evidence, words: str
) -> None:
    """How grave it is at a limit and beside it, and which of several texts is chosen."""
    (finding,) = found(evidence, code)

    assert finding.severity is severity
    assert words in texts(finding)


ABSENT = [
    # Which family fails is told in place of the failures that make it up.
    (("policy-host-timeout", "policy-host-refused"), serving(
        fetch(), failing(TIMEOUT, address=V6), failing(REFUSED, address=V6_TOO))),
    # A family does not stand out where the other one fails as well.
    (("policy-host-family-broken",), serving(
        fetch(), failing(REFUSED, address=V4_TOO), failing(TIMEOUT, address=V6))),
    # Just enough.
    (("policy-certificate-ends-within-max_age",), ending(60, policy=kept_for(60))),
    (("policy-long-max_age-while-testing",), file(kept_for(31, mode=b"testing"))),
    # Each pattern has its host, and each host its pattern.
    (("mx-pattern-without-host",), covering(
        "mx1.example.com mx2.example.com", (10, MX1), (20, "mx2.example.com"))),
    # A certificate that ends counts where nothing else is wrong with it.
    (("policy-certificate-ends-soon",), serving(*bad_at("192.0.2.10"))),
    # STARTTLS was answered, but with nonsense: there was no handshake.
    (("tls-handshake-failed", "starttls-unavailable"), one(replace(
        refusing_starttls(),
        failure=Failure(trouble=Trouble.PROTOCOL, reason="no reply at all")))),
    (("certificate-weak-key",), one(session(handshake=tls(chain=odd_chain("rsa-2048", MX1))))),
]  # fmt: skip


@pytest.mark.parametrize(("codes", "evidence"), ABSENT, ids=[row[0][0] for row in ABSENT])
def test_what_is_nearly_a_fault_is_none(codes: tuple[str, ...], evidence: Evidence) -> None:
    """One step further it would be found, as other tests of this folder show."""
    assert not {one.code for one in judge(evidence).findings} & set(codes)


@pytest.mark.parametrize(
    ("code", "evidence", "words"),
    [
        ("policy-certificate-wrong-name", serving(fetch(), *bad_at(V4_TOO)), "The same at"),
        ("policy-certificate-wrong-name", serving(*bad_at("192.0.2.10", V4_TOO)), "The same at"),
        ("policy-host-addresses-differ", serving(fetch(TESTING), with_hosts(3)), "more"),
        ("mx-none-covered", covering("amx.example.com", (10, "smtp.amx.example.com")), "star"),
    ],
)
def test_what_is_not_so_is_not_said(code: str, evidence: Evidence, words: str) -> None:
    """A remark that does not apply sends its reader the wrong way."""
    (finding,) = found(evidence, code)

    assert words not in texts(finding)


@pytest.mark.parametrize(
    ("sessions", "subject"),
    [
        ((session(MX1), expired(MX1, V4_TOO)), f"{MX1} [{V4_TOO}]"),
        ((expired(MX1), expired(MX1, V4_TOO)), MX1),
    ],
)
def test_the_address_is_named_where_others_of_the_host_are_well(
    sessions: tuple[SmtpSession, ...], subject: str
) -> None:
    """Who reads the sentence alone, in an alert or a monitoring system, learns where to look."""
    (finding,) = found(domain(at(MX1, *sessions)), "certificate-expired")

    assert finding.subject == subject
    assert finding.seen.startswith(f"Senders do not believe {subject}: the certificate expired")


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage.NOTHING, "could not be tested when connecting: timeout."),
        (Stage.CONNECTED, "could not be tested at the greeting: timeout."),
        (Stage.GREETED, "could not be tested at EHLO: timeout."),
    ],
)
def test_where_a_session_ended_is_told(stage: Stage, words: str) -> None:
    """Whoever looks for the cause starts there."""
    (finding,) = found(domain(at(MX1, unseen(stage=stage))), "smtp-unreachable")

    assert finding.seen == f"{MX1} {words}"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (refusing_starttls(reply="454 4.7.0 TLS not available", code=454), True),
        (refusing_starttls(reply="450 4.7.0 not now", code=450), False),
        (unseen(Trouble.BUSY, stage=Stage.EHLO, code=454), False),  # not to STARTTLS
        (replace(broken_in_tls(Trouble.BUSY), failure=Failure(
            trouble=Trouble.BUSY, reason="454 later", code=454)), False),  # TLS was there
        (replace(refusing_starttls(), failure=None), False),
    ],
)  # fmt: skip
def test_only_454_to_starttls_says_that_there_is_no_tls_now(
    found: SmtpSession, expected: bool
) -> None:
    """RFC 3207 §4; the same number elsewhere in a session is about something else."""
    assert is_unavailable(found) is expected


@pytest.mark.parametrize(
    ("flawed", "has_lines"),
    [
        (session(handshake=tls(MX1, distrust="incomplete-chain")), True),
        (self_signed(), False),
        (expired(), False),
        (wrong_name(), False),
    ],
)
def test_how_a_chain_is_sent_is_told_where_it_is_not_whole(
    flawed: SmtpSession, has_lines: bool
) -> None:
    """Another certificate is needed in every other case."""
    texts = [
        ready.text
        for finding in judge(one(flawed)).findings
        if finding.code.startswith("certificate-")
        for ready in finding.ready
    ]

    assert any("fullchain" in text for text in texts) is has_lines


def test_addresses_with_one_fault_share_its_finding() -> None:
    """The first of them stands in it where others are good; else the host alone."""
    (some,) = found(serving(fetch(), *bad_at(V4_TOO, V6)), "policy-certificate-wrong-name")
    (every,) = found(serving(*bad_at(V4_TOO, V6)), "policy-certificate-wrong-name")

    assert (some.subject, every.subject) == (f"{HOST} [{V4_TOO}]", HOST)
    assert (some.severity, every.severity) == (W, E)
