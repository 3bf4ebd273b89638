"""Findings about SMTP, STARTTLS, TLS and certificates of MX hosts: what makes them, what not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailseal.checks import (
    certificatedrift,
    certificatequality,
    certificates,
    reachability,
    starttls,
    tlsversions,
)
from mailseal.checks.evidence import (
    DeepSmtp,
    Evidence,
    HostEvidence,
    SmtpSession,
    Stage,
    Trouble,
)
from mailseal.checks.finding import Entry, Finding, Severity
from mailseal.checks.judge import judge as judge_all
from mailseal.checks.reading import read
from mailseal.results import ResultType
from mailseal.testing.certificates import EPOCH, make_chain
from mailseal.testing.evidence import NOW, domain_evidence, session, tls

from .mxworld import (
    MX1,
    V4,
    V4_TOO,
    V6,
    at,
    broken_in_tls,
    digest,
    domain,
    expired,
    failing_handshake,
    record_for,
    refusing_starttls,
    self_signed,
    unseen,
    without_starttls,
    wrong_name,
)
from .oddcertificates import odd_chain
from .tables import Row, each_of

MODULES = (
    reachability,
    starttls,
    tlsversions,
    certificates,
    certificatequality,
    certificatedrift,
)
ENTRIES: tuple[Entry, ...] = tuple(entry for module in MODULES for entry in module.ENTRIES)

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN  # noqa: E741 # letters of the catalogue


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the modules of this test find."""
    reading = read(evidence)
    return [finding for module in MODULES for finding in module.check(reading)]


def codes(findings: Sequence[Finding]) -> set[str]:
    """Return the codes of findings."""
    return {finding.code for finding in findings}


def one(found: SmtpSession) -> Evidence:
    """A domain whose only host shows this."""
    return domain(at(MX1, found))


def deep(**what: object) -> SmtpSession:
    """A good session that was looked at more closely."""
    return replace(session(), deep=DeepSmtp(**what))  # type: ignore[arg-type] # named in a table


def not_now() -> SmtpSession:
    """What Postfix says that cannot read its key."""
    reply = "454 4.7.0 TLS not available due to local problem"
    return refusing_starttls(reply=reply, code=454)


def masked(word: str) -> SmtpSession:
    """An EHLO in which something overwrote STARTTLS."""
    return replace(without_starttls(), extensions=("PIPELINING", word))


def ends_in(**time: int) -> SmtpSession:
    """A certificate that ends soon, or in a while."""
    chain = make_chain((MX1,), not_after=NOW + timedelta(**time))
    return session(handshake=tls(chain=chain))


def cipher(version: str, name: str) -> SmtpSession:
    """A session with a cipher of its own."""
    return session(handshake=replace(tls(MX1, version=version), cipher=name))


def odd(kind: str) -> SmtpSession:
    """A session with a chain that is odd in one way."""
    return session(handshake=tls(chain=odd_chain(kind, MX1)))


OTHER = make_chain((MX1,), key="another")
PLAIN = make_chain(("default.invalid",), key="another")


def flaw(name: str) -> Entry:
    """The entry for a flaw of certificates."""
    return next(each for each in certificates.ENTRIES if each.code == f"certificate-{name}")


LATER = make_chain((MX1,), not_before=NOW + timedelta(days=1))
FLAWED = [
    (flaw("no-certificate"), session(handshake=tls(chain=()))),
    (flaw("unreadable"), session(handshake=tls(chain=(b"\x30\x00",)))),
    (flaw("expired"), expired()),
    (flaw("not-yet-valid"), session(handshake=tls(chain=LATER))),
    (flaw("wrong-name"), wrong_name()),
    (flaw("wrong-name"), session(handshake=tls("*.com"))),  # one label, and not right below com
    (flaw("wrong-name"), session(handshake=tls("example.com"))),  # the domain's own name
    (flaw("self-signed"), self_signed()),
    (flaw("incomplete-chain"), session(handshake=tls(MX1, distrust="incomplete-chain"))),
    (flaw("unknown-ca"), session(handshake=tls(MX1, distrust="unknown-ca"))),
    (flaw("distrusted"), session(handshake=tls(MX1, distrust="path length exceeded"))),
]

PRODUCED: list[Row] = [
    (reachability.BLOCKED, U, replace(
        domain(at(MX1, unseen(Trouble.BLOCKED))),
        observer=replace(domain_evidence().observer, may_use_port_25=False))),
    (reachability.BUSY, U, one(unseen(Trouble.BUSY, stage=Stage.CONNECTED, code=421))),
    (reachability.BUSY, U, one(unseen(Trouble.BUSY, stage=Stage.GREETED, code=450))),
    (reachability.BUSY, U, one(refusing_starttls(reply="450 4.7.0 not now", code=450))),
    (reachability.BUSY, U, one(broken_in_tls(Trouble.BUSY))),
    (reachability.REJECTED, U, one(unseen(Trouble.REJECTED, stage=Stage.CONNECTED, code=554))),
    (reachability.UNREACHABLE, U, one(unseen(Trouble.TIMEOUT))),
    (reachability.UNREACHABLE, U, one(unseen(Trouble.REFUSED))),
    (reachability.UNREACHABLE, U, one(unseen(Trouble.CLOSED, stage=Stage.GREETED))),
    (reachability.UNREACHABLE, U, one(unseen(Trouble.UNREACHABLE))),
    (reachability.UNREACHABLE, U, one(unseen(Trouble.BLOCKED))),
    (reachability.GARBLED, U, one(unseen(Trouble.PROTOCOL, stage=Stage.CONNECTED))),
    (reachability.NO_FAMILY, U, one(unseen(Trouble.NO_FAMILY, MX1, V6))),
    (reachability.NO_FAMILY, I,
     domain(at(MX1, session(), unseen(Trouble.NO_FAMILY, MX1, V6)))),  # IPv4 was seen
    (reachability.SKIPPED, U, one(unseen(Trouble.SKIPPED))),
    *((reachability.UNFINISHED, severity, domain(at(MX1, broken_in_tls(trouble)), mode=mode))
      for trouble in (Trouble.TLS, Trouble.REJECTED, Trouble.PROTOCOL)
      for severity, mode in ((E, "enforce"), (W, "testing"), (W, None))),
    (reachability.UNFINISHED, E,
     domain(at(MX1, broken_in_tls(Trouble.TLS), tlsa=(digest(1),)), mode=None)),
    (reachability.UNFINISHED, U, one(broken_in_tls(Trouble.CLOSED))),
    (reachability.UNFINISHED, U, one(broken_in_tls(Trouble.TIMEOUT))),
    (starttls.MISSING, E, one(without_starttls())),
    (starttls.MISSING, E,
     domain(at(MX1, without_starttls(), tlsa=(digest(1),)), mode=None)),  # DANE promises TLS
    (starttls.MISSING, E,
     domain(at(MX1, without_starttls(), tlsa=(digest(1, (1, 1, 1)),)), mode=None)),  # so do these
    (starttls.MISSING, W, domain(at(MX1, without_starttls()), mode="testing")),
    (starttls.MISSING, W, domain(at(MX1, without_starttls()), mode=None)),
    (starttls.REFUSED, E, one(refusing_starttls())),
    (starttls.REFUSED, W, domain(at(MX1, refusing_starttls()), mode=None)),
    *((starttls.UNAVAILABLE, severity, domain(at(MX1, not_now()), mode=mode))
      for severity, mode in ((E, "enforce"), (W, "testing"), (W, None))),
    (starttls.HANDSHAKE, E, one(failing_handshake())),
    (starttls.HANDSHAKE, W, domain(at(MX1, failing_handshake()), mode="testing")),
    (starttls.STRIPPED, W, one(masked("XXXXXXXA"))),
    (starttls.STRIPPED, W, domain(at(MX1, session(), without_starttls(MX1, V4_TOO)))),
    (starttls.INJECTION, W, one(deep(runs_injected=True))),
    (starttls.REQUIRETLS, I, one(replace(session(), extensions_in_tls=("SIZE 1", "REQUIRETLS")))),
    (tlsversions.OLD, E, one(cipher("TLSv1.1", "ECDHE-RSA-AES128-SHA"))),
    (tlsversions.OLD, W, domain(at(MX1, cipher("TLSv1", "ECDHE-RSA-AES128-SHA")), mode=None)),
    (tlsversions.OLD_ENABLED, W, one(deep(old_versions=("TLSv1", "TLSv1.1")))),
    (tlsversions.NOT_NEWEST, I, one(cipher("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"))),
    (tlsversions.WEAK_CIPHER, W, one(cipher("TLSv1.2", "AES256-SHA"))),  # the key decides all
    (tlsversions.WEAK_CIPHER, W, one(cipher("TLSv1.2", "ECDHE-RSA-RC4-SHA"))),
    (tlsversions.WEAK_CIPHER, W, one(cipher("TLSv1.2", "DHE-RSA-DES-CBC3-SHA"))),
    (tlsversions.WEAK_CIPHER, W, one(cipher("TLSv1.2", "ADH-AES256-SHA"))),  # anonymous
    *((entry, severity, domain(at(MX1, which), mode=mode))
      for entry, which in FLAWED
      for severity, mode in ((E, "enforce"), (W, "testing"), (W, None))),
    (certificates.SOON_EXPIRED, W, one(ends_in(days=13))),
    (certificates.SOON_EXPIRED, W, domain(at(MX1, ends_in(hours=1)), mode=None)),
    (certificatequality.WEAK_KEY, W, one(odd("rsa-1024"))),
    (certificatequality.WEAK_KEY, W, one(odd("sha1"))),
    (certificatequality.WRONG_PURPOSE, W, one(odd("client-only"))),
    (certificatequality.WRONG_PURPOSE, W, one(odd("signs-only-lists"))),
    (certificatequality.WRONG_PURPOSE, W, one(odd("authority"))),
    (certificatequality.DISORDERLY, I, one(odd("disorderly"))),
    (certificatedrift.DIFFERENT, W, domain(at(MX1, session(), expired(MX1, V4_TOO)))),
    (certificatedrift.DIFFERENT, W,
     domain(at(MX1, session(), session(MX1, V4_TOO, handshake=tls(MX1, version="TLSv1.2"))))),
    (certificatedrift.DIFFERENT, I,
     domain(at(MX1, session(), session(MX1, V4_TOO, handshake=tls(chain=OTHER))))),
    (certificatedrift.DIFFERENT, W,
     domain(at(MX1, session(), session(MX1, V4_TOO, handshake=tls(chain=OTHER)),
               tlsa=(record_for(session()),)))),  # good both, but only one has a record
    (certificatedrift.SNI, W, one(deep(chain_without_sni=PLAIN))),
    (certificatedrift.SNI, I, one(deep(chain_without_sni=OTHER))),
    (certificatedrift.SNI, W, domain(
        at(MX1, deep(chain_without_sni=OTHER), tlsa=(record_for(session()),)))),
    (certificatedrift.OTHER_KEY, E, one(deep(other_chain=PLAIN))),
    (certificatedrift.OTHER_KEY, W,
     domain(at(MX1, deep(other_chain=PLAIN)), mode="testing")),
    (certificatedrift.OTHER_KEY, E, domain(
        at(MX1, deep(other_chain=OTHER), tlsa=(record_for(session()),)), mode=None)),
]  # fmt: skip


@each_of(PRODUCED)
def test_each_fault_is_found_with_the_severity_of_its_context(
    entry: Entry, severity: Severity, evidence: Evidence
) -> None:
    """What is seen, what follows and the clause; the severity by policy and DANE."""
    found = [finding for finding in judge(evidence) if finding.code == entry.code]

    assert {finding.severity for finding in found} == {severity}
    for finding in found:
        assert finding.seen.endswith(".")
        assert finding.seen[0].isupper() or finding.seen.startswith(MX1)
        assert finding.clause
        assert ".." not in finding.seen.replace("…", "")


def test_every_entry_is_produced() -> None:
    """No code is in the catalogue for nothing."""
    assert {entry.code for entry, _, _ in PRODUCED} == {entry.code for entry in ENTRIES}


def good_hosts() -> list[HostEvidence]:
    """Hosts in which nothing is to be found."""
    own = session()
    return [
        at(MX1, own),
        at(MX1, session(MX1, V4), session(MX1, V4_TOO), session(MX1, V6)),
        at(MX1, own, tlsa=(record_for(own),)),
        at(MX1, ends_in(days=15)),
        at(MX1, session(handshake=tls("*.example.com"))),
        at(MX1, session(handshake=tls(chain=make_chain((MX1,), has_root=True)))),
        at(MX1, deep(old_versions=(), runs_injected=False, chain_without_sni=make_chain((MX1,)))),
        at(MX1, deep(old_versions=None, other_chain=OTHER)),
    ]


@pytest.mark.parametrize("mode", ["enforce", "testing", None])
@pytest.mark.parametrize("host", good_hosts(), ids=range(len(good_hosts())))
def test_nothing_is_found_where_all_is_well(host: HostEvidence, mode: str | None) -> None:
    """A good host gives no finding at all, whoever enforces what."""
    assert judge(domain(host, mode=mode)) == []


# -- details --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        unseen(Trouble.BUSY, stage=Stage.CONNECTED, code=421),
        unseen(Trouble.BUSY, stage=Stage.GREETED, code=451),
        unseen(Trouble.REJECTED, stage=Stage.CONNECTED, code=554),
        unseen(Trouble.TIMEOUT, stage=Stage.GREETED),
        unseen(Trouble.REFUSED),
        unseen(Trouble.CLOSED, stage=Stage.CONNECTED),
        refusing_starttls(reply="450 4.7.0 not now", code=450),
        broken_in_tls(Trouble.BUSY),
    ],
)
def test_a_host_that_was_not_seen_never_lacks_starttls(found: SmtpSession) -> None:
    """Never "no STARTTLS" for a host that rate-limits, times out or refuses."""
    findings = judge(one(found))

    assert {finding.severity for finding in findings} == {U}
    assert not codes(findings) & {entry.code for entry in starttls.ENTRIES}
    if found.failure and found.failure.code:
        assert f"code {found.failure.code}" in findings[0].seen


def test_a_server_that_cannot_do_tls_now_is_not_called_busy() -> None:
    """RFC 3207 §4: 454 is about the server's TLS, whoever asks; nobody has to wait for an hour."""
    (finding,) = judge(one(not_now()))

    assert finding.code == "starttls-unavailable"
    assert "454 4.7.0 TLS not available" in finding.seen
    assert "certificate" in finding.remedy


def test_port_25_is_said_once_and_not_per_address() -> None:
    """A machine behind a block says one thing."""
    evidence = domain(at(MX1, unseen(Trouble.BLOCKED), unseen(Trouble.BLOCKED, MX1, V4_TOO)))
    evidence = replace(evidence, observer=replace(evidence.observer, may_use_port_25=False))

    assert [finding.code for finding in judge(evidence)] == ["port-25-blocked"]


@pytest.mark.parametrize(("may_use", "is_said"), [(None, True), (True, False)])
@pytest.mark.parametrize("trouble", [Trouble.TIMEOUT, Trouble.REFUSED])
def test_that_port_25_may_be_closed_here_is_said_where_nothing_is_proven(
    trouble: Trouble, may_use: bool | None, is_said: bool
) -> None:
    """One domain alone proves nothing; what was seen of its servers stays what is told."""
    evidence = domain(at(MX1, unseen(trouble)))
    evidence = replace(evidence, observer=replace(evidence.observer, may_use_port_25=may_use))

    (finding,) = judge(evidence)

    assert finding.code == "smtp-unreachable"
    assert ("Perhaps it is this machine" in finding.remedy) is is_said


def test_a_self_signed_certificate_is_only_told_where_dane_verifies_it() -> None:
    """RFC 7672 §3.1.1; under an enforced policy it loses mail of other senders all the same."""
    host = at(MX1, self_signed(), tlsa=(record_for(self_signed()),))

    assert {each.severity for each in judge(domain(host, mode=None))} == {I}
    assert {each.severity for each in judge(domain(host, mode="testing"))} == {W}
    assert {each.severity for each in judge(domain(host, mode="enforce"))} == {E}


def test_what_all_addresses_share_is_said_once() -> None:
    """A fault of some addresses names them, one of all names the host."""
    both = judge(domain(at(MX1, without_starttls(), without_starttls(MX1, V4_TOO))))
    half = judge(domain(at(MX1, session(), without_starttls(MX1, V4_TOO))))

    assert [each.subject for each in both] == [MX1]
    assert [each.subject for each in half if each.code == "starttls-missing"] == [
        f"{MX1} [{V4_TOO}]"
    ]


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (without_starttls(), ResultType.STARTTLS_NOT_SUPPORTED),
        (expired(), ResultType.CERTIFICATE_EXPIRED),
        (wrong_name(), ResultType.CERTIFICATE_HOST_MISMATCH),
        (self_signed(), ResultType.CERTIFICATE_NOT_TRUSTED),
        (failing_handshake(), ResultType.VALIDATION_FAILURE),
    ],
)
def test_findings_have_the_word_of_reports(found: SmtpSession, result: ResultType) -> None:
    """So that they can be put beside what senders report (RFC 8460 §4.3)."""
    assert result in {finding.result for finding in judge(one(found))}


def test_an_intermediate_that_ends_is_warned_of() -> None:
    """Not only the server's own certificate can end."""
    assert EPOCH < NOW
    findings = judge(one(odd("issuer-ends-soon")))

    assert codes(findings) == {certificates.SOON_EXPIRED.code}
    assert "A certificate in the chain" in findings[0].seen


@given(
    place=st.integers(min_value=0, max_value=1000),
    value=st.integers(min_value=0, max_value=255),
    which=st.integers(min_value=0, max_value=1),
)
@example(place=14, value=128, which=1)  # a serial number below 1: the library warns
def test_damaged_chains_are_judged(place: int, value: int, which: int) -> None:
    """Whatever a server sends as its chain, nothing is raised and something is said."""
    chain = [*make_chain((MX1,))]
    damaged = bytearray(chain[which])
    damaged[place % len(damaged)] = value
    chain[which] = bytes(damaged)
    shown = deep(chain_without_sni=tuple(chain), other_chain=tuple(chain))
    shown = replace(shown, tls=replace(tls(MX1), chain=tuple(chain)))
    issuer = record_for(session(), (2, 1, 1), depth=1)

    judgement = judge_all(domain(at(MX1, shown, tlsa=(issuer,))))
    assert judgement.headline.sentence.endswith(".")


def test_an_address_beside_one_that_was_not_seen_is_named() -> None:
    """What is known of one address is not said of the other."""
    findings = judge(domain(at(MX1, without_starttls(MX1, V4), unseen(Trouble.TIMEOUT, MX1, V6))))

    assert {finding.subject for finding in findings} == {f"{MX1} [{V4}]", f"{MX1} [{V6}]"}
