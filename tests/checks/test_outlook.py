"""What enforcing senders would do with each session, each host, the whole domain."""

from dataclasses import replace

import pytest

from mailseal.answers import DnsFailure
from mailseal.checks.evidence import HostEvidence, SmtpSession, Stage, Trouble
from mailseal.checks.outlook import Reach, foresee_dane, foresee_sts, proven_failures
from mailseal.checks.reading import read
from mailseal.checks.sessionoutlook import Outcome, judge_sts
from mailseal.results import ResultType
from mailseal.testing.evidence import absent, failed, host, session, tls

from .mxworld import (
    MX1,
    MX2,
    MX3,
    V4,
    V4_TOO,
    V6,
    at,
    broken_in_tls,
    digest,
    domain,
    expired,
    failing_handshake,
    reading,
    record_for,
    refusing_starttls,
    self_signed,
    unseen,
    with_lookup,
    without_starttls,
    wrong_name,
)

GOOD = session()


@pytest.mark.parametrize(
    ("one", "outcome", "result"),
    [
        (session(), Outcome.PASSES, None),
        (without_starttls(), Outcome.FAILS, ResultType.STARTTLS_NOT_SUPPORTED),
        (refusing_starttls(), Outcome.FAILS, ResultType.STARTTLS_NOT_SUPPORTED),
        (failing_handshake(), Outcome.FAILS, ResultType.VALIDATION_FAILURE),
        (expired(), Outcome.FAILS, ResultType.CERTIFICATE_EXPIRED),
        (wrong_name(), Outcome.FAILS, ResultType.CERTIFICATE_HOST_MISMATCH),
        (self_signed(), Outcome.FAILS, ResultType.CERTIFICATE_NOT_TRUSTED),
        (session(handshake=tls(MX1, version="TLSv1.1")), Outcome.FAILS,
         ResultType.VALIDATION_FAILURE),
        # Nobody knows what another sender would meet there.
        *((unseen(trouble), Outcome.UNKNOWN, None) for trouble in Trouble),
        (unseen(Trouble.BUSY, stage=Stage.CONNECTED, code=421), Outcome.UNKNOWN, None),
        (unseen(Trouble.REJECTED, stage=Stage.CONNECTED, code=554), Outcome.UNKNOWN, None),
        (unseen(Trouble.TLS, stage=Stage.CONNECTED), Outcome.UNKNOWN, None),
        (refusing_starttls(reply="454 4.7.0 not now", code=454), Outcome.UNKNOWN, None),
        # A handshake that only the client thinks has succeeded is no delivery.
        (broken_in_tls(Trouble.TLS), Outcome.FAILS, ResultType.VALIDATION_FAILURE),
        (broken_in_tls(Trouble.REJECTED), Outcome.FAILS, None),
        (broken_in_tls(Trouble.PROTOCOL), Outcome.FAILS, None),
        (broken_in_tls(Trouble.CLOSED), Outcome.UNKNOWN, None),
        (broken_in_tls(Trouble.TIMEOUT), Outcome.UNKNOWN, None),
        (broken_in_tls(Trouble.BUSY), Outcome.UNKNOWN, None),
        # What the handshake has shown is known, however the session ended.
        (broken_in_tls(Trouble.TIMEOUT, handshake=tls("other.example.org")), Outcome.FAILS,
         ResultType.CERTIFICATE_HOST_MISMATCH),
    ],
)  # fmt: skip
def test_each_session_passes_fails_or_is_unknown(
    one: SmtpSession, outcome: Outcome, result: ResultType | None
) -> None:
    """A server that is busy, silent or closed has not shown that it lacks TLS."""
    (session_reading,) = reading(at(MX1, one)).hosts[0].observed
    judged = judge_sts(session_reading)

    assert (judged.outcome, judged.result) == (outcome, result)
    assert bool(judged.reason) is (outcome is not Outcome.PASSES)


@pytest.mark.parametrize(
    ("sessions", "outcome"),
    [
        ((session(MX1, V4), session(MX1, V6)), Outcome.PASSES),
        ((session(MX1, V4), unseen(Trouble.NO_FAMILY, MX1, V6)), Outcome.PASSES),
        ((session(MX1, V4), expired(MX1, V6)), Outcome.PARTLY),
        ((expired(MX1, V4), unseen(Trouble.NO_FAMILY, MX1, V6)), Outcome.FAILS),
        ((expired(MX1, V4), without_starttls(MX1, V6)), Outcome.FAILS),
        ((unseen(Trouble.TIMEOUT, MX1, V4), unseen(Trouble.NO_FAMILY, MX1, V6)), Outcome.UNKNOWN),
        ((), Outcome.UNKNOWN),
    ],
)
def test_a_host_is_the_sum_of_its_addresses(
    sessions: tuple[SmtpSession, ...], outcome: Outcome
) -> None:
    """A sender tries one address after the other; what is not seen counts for nothing."""
    (judged,) = foresee_sts(reading(at(MX1, *sessions)), None).hosts

    assert judged.outcome is outcome


@pytest.mark.parametrize(
    ("trouble", "is_told"),
    [
        (Trouble.TIMEOUT, True),
        (Trouble.BLOCKED, True),
        (Trouble.NO_FAMILY, False),  # this machine's own lack, told of the machine
        (Trouble.SKIPPED, False),  # nobody wanted to
    ],
)
def test_addresses_tried_in_vain_are_told_beside_those_that_answer(
    trouble: Trouble, is_told: bool
) -> None:
    """A verdict over a host does not hide that one of its addresses was never seen."""
    outlook = foresee_sts(reading(at(MX1, session(MX1, V4), unseen(trouble, MX1, V6))), None)

    assert bool(outlook.untested) is is_told
    assert all(f"{MX1} [{V6}]" in sentence for sentence in outlook.untested)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("under_score.example.net", Outcome.PASSES),  # by *.example.net
        ("mx.under_score.example.net", Outcome.FAILS),  # by nothing
    ],
)
def test_a_host_that_no_pattern_can_name_is_lost_to_every_policy(
    name: str, outcome: Outcome
) -> None:
    """Underscores do not stand in policies, but a star may stand for them."""
    (judged,) = foresee_sts(reading(at(name, session(name, V4))), None).hosts

    assert judged.outcome is outcome


@pytest.mark.parametrize("failure", [DnsFailure.TIMEOUT, DnsFailure.SERVFAIL, DnsFailure.BOGUS])
@pytest.mark.parametrize(("family", "address", "rdtype"), [("a", V6, "A"), ("aaaa", V4, "AAAA")])
def test_addresses_that_could_not_be_looked_up_are_not_forgotten(
    failure: DnsFailure, family: str, address: str, rdtype: str
) -> None:
    """The other family passes, and what stands behind this one is not known."""
    one = replace(at(MX1, session(MX1, address)), **{family: failed(failure, "no answer")})  # type: ignore[arg-type] # named in a table
    outlook = foresee_sts(reading(one), None)

    assert outlook.reach is Reach.ALL
    assert not outlook.is_whole
    assert outlook.explain(Outcome.PASSES) == ()
    assert outlook.explain(Outcome.UNKNOWN) == (
        f"{rdtype} of {MX1} could not be looked up: no answer.",
    )


def test_look_ups_that_fail_alike_are_told_once() -> None:
    """Without any address the host as a whole is unknown."""
    one = replace(host(MX1, sessions=()), a=failed(), aaaa=failed())
    (judged,) = foresee_sts(reading(one), None).hosts

    assert judged.outcome is Outcome.UNKNOWN
    assert judged.explain(Outcome.UNKNOWN) == (
        f"A and AAAA of {MX1} could not be looked up: SERVFAIL.",
    )


def good(name: str) -> HostEvidence:
    """A host where all is well."""
    return at(name, session(name, V4))


def bad(name: str) -> HostEvidence:
    """A host that no enforcing sender can use."""
    return at(name, without_starttls(name, V4))


def half(name: str) -> HostEvidence:
    """A host one of whose addresses is bad."""
    return at(name, session(name, V4), without_starttls(name, V4_TOO))


def dark(name: str) -> HostEvidence:
    """A host that nothing is known of."""
    return at(name, unseen(Trouble.TIMEOUT, name))


@pytest.mark.parametrize(
    ("hosts", "preferences", "reach"),
    [
        ([good, good], (10, 20), Reach.ALL),
        ([good, half], (10, 20), Reach.PARTLY),
        ([good, dark], (10, 20), Reach.ALL),
        ([dark, dark], (10, 20), Reach.UNKNOWN),
        ([good, bad], (10, 20), Reach.BACKUPS_FAIL),
        ([half, bad], (10, 20), Reach.BACKUPS_FAIL),
        ([bad, good], (10, 20), Reach.BEST_FAILS),
        ([good, bad], (10, 10), Reach.BEST_FAILS),  # half of the mail tries it first
        ([bad, bad], (10, 20), Reach.NONE),
        ([bad, dark], (10, 20), Reach.BEST_FAILS),  # who knows whether the other one takes it
        ([dark, bad], (10, 20), Reach.BACKUPS_FAIL),
    ],
)
def test_a_domain_is_the_sum_of_its_hosts(
    hosts: list[object], preferences: tuple[int, ...], reach: Reach
) -> None:
    """Which mail is hurt depends on which hosts a sender tries first."""
    made = [make(name) for make, name in zip(hosts, (MX1, MX2), strict=True)]  # type: ignore[operator] # functions in a table
    outlook = foresee_sts(reading(*made, preferences=preferences), None)

    assert outlook.reach is reach
    assert outlook.is_whole is (dark not in hosts)


def test_a_host_that_the_policy_does_not_cover_fails_however_good() -> None:
    """RFC 8461 §4.1: it is not even connected to."""
    here = reading(good(MX1), good(MX2), covered=(MX1,))
    outlook = foresee_sts(here, here.policy)

    assert [host.outcome for host in outlook.hosts] == [Outcome.PASSES, Outcome.FAILS]
    assert outlook.explain(Outcome.FAILS) == (f'{MX2} is covered by no "mx" line of the policy.',)


def test_a_name_that_no_pattern_can_cover_fails_any_policy() -> None:
    """An underscore is not for the grammar of a policy, but below a wildcard it may stand."""
    inside, below = "a.b_c.example.com", "a_b.example.com"
    outlook = foresee_sts(reading(good(inside), good(below), mode="testing", covered=()), None)

    assert [host.outcome for host in outlook.hosts] == [Outcome.FAILS, Outcome.PASSES]


def test_a_host_without_address_is_no_host_and_one_not_looked_at_is_unknown() -> None:
    """The one can get no mail anyway; of the other nobody knows."""
    nowhere = replace(host(MX1, sessions=()), a=absent())
    evidence = domain(nowhere, good(MX2), good(MX3))
    evidence = replace(evidence, mx_hosts=evidence.mx_hosts[:2])
    outlook = foresee_sts(read(evidence), None)

    assert [(one.name, one.outcome) for one in outlook.hosts] == [
        (MX2, Outcome.PASSES),
        (MX3, Outcome.UNKNOWN),
    ]


# -- DANE -----------------------------------------------------------------------------------

RIGHT = record_for(GOOD)


@pytest.mark.parametrize(
    ("one", "records", "outcome"),
    [
        (session(), (RIGHT,), Outcome.PASSES),
        (session(), (digest(1), RIGHT), Outcome.PASSES),
        (session(), (digest(1),), Outcome.FAILS),
        (session(), (digest(1, (1, 1, 1)),), Outcome.PASSES),  # unusable: TLS is enough
        (without_starttls(), (digest(1, (1, 1, 1)),), Outcome.FAILS),
        (without_starttls(), (RIGHT,), Outcome.FAILS),
        (failing_handshake(), (RIGHT,), Outcome.FAILS),
        (unseen(), (RIGHT,), Outcome.UNKNOWN),
        (broken_in_tls(Trouble.TLS), (RIGHT,), Outcome.FAILS),
        (broken_in_tls(Trouble.CLOSED), (RIGHT,), Outcome.UNKNOWN),
        (broken_in_tls(Trouble.CLOSED), (digest(1),), Outcome.FAILS),
        (self_signed(), (record_for(self_signed()),), Outcome.PASSES),
        (expired(), (record_for(expired()),), Outcome.PASSES),
        (expired(), (record_for(expired(), (2, 1, 1), depth=1),), Outcome.FAILS),
        (wrong_name(), (record_for(wrong_name(), (2, 1, 1), depth=1),), Outcome.FAILS),
    ],
)
def test_a_sender_of_dane_judges_by_the_records(
    one: SmtpSession, records: tuple[object, ...], outcome: Outcome
) -> None:
    """RFC 7672 §2.2, §3.1."""
    outlook = foresee_dane(reading(at(MX1, one, tlsa=records)))  # type: ignore[arg-type] # a table

    assert outlook
    assert outlook.hosts[0].outcome is outcome


def test_dane_asks_nothing_of_hosts_without_records() -> None:
    """A sender treats them like everybody else's (RFC 7672 §2.2)."""
    outlook = foresee_dane(reading(at(MX1, without_starttls()), at(MX2, session(), tlsa=(RIGHT,))))

    assert outlook
    assert [one.outcome for one in outlook.hosts] == [Outcome.PASSES, Outcome.PASSES]
    assert foresee_dane(reading(good(MX1), is_secure=True)) is None


def test_hosts_that_dane_asks_nothing_of_do_not_stand_for_those_it_does() -> None:
    """Of the only host with TLSA records nothing was seen: nobody knows whether mail flows."""
    hidden = at(MX1, unseen(), tlsa=(RIGHT,))
    outlook = foresee_dane(reading(hidden, at(MX2, unseen(name=MX2))))

    assert outlook
    assert outlook.reach is Reach.UNKNOWN
    assert [one.outcome for one in outlook.hosts] == [Outcome.UNKNOWN, Outcome.PASSES]


def test_dane_asks_nothing_behind_insecure_mx_records() -> None:
    """Whoever can forge the MX set chooses the host (RFC 7672 §2.2.1)."""
    assert foresee_dane(reading(at(MX1, session(), tlsa=(digest(1),)), is_secure=False)) is None


def test_of_hosts_that_nobody_knows_dane_says_nothing() -> None:
    """Whether the MX records are signed is not known either."""
    evidence = domain(at(MX1, session(), tlsa=(RIGHT,)), mode=None)
    unknown = replace(evidence, records=replace(evidence.records, mx=failed()))

    assert foresee_dane(read(unknown)) is None


@pytest.mark.parametrize(
    ("one", "is_proven"),
    [
        (replace(host(MX1, sessions=()), a=failed(), aaaa=absent()), True),
        (replace(host(MX1, sessions=()), a=absent(), aaaa=failed(DnsFailure.BOGUS)), True),
        (replace(host(MX1, sessions=()), a=failed(DnsFailure.TIMEOUT), aaaa=absent()), False),
        (replace(at(MX1, session()), aaaa=failed()), False),  # it has another address
        (replace(at(MX1, session()), alias=failed()), True),
    ],
)
def test_a_look_up_of_addresses_fails_for_dane_where_there_is_no_other(
    one: HostEvidence, is_proven: bool
) -> None:
    """Behind one address the other family's failure keeps nobody away (RFC 7672 §2.1.1)."""
    assert bool(proven_failures(one)) is is_proven


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (DnsFailure.BOGUS, Outcome.FAILS),
        (DnsFailure.SERVFAIL, Outcome.FAILS),
        (DnsFailure.TIMEOUT, Outcome.UNKNOWN),
        (DnsFailure.REFUSED, Outcome.UNKNOWN),
        (DnsFailure.MALFORMED, Outcome.UNKNOWN),
    ],
)
def test_a_host_whose_records_cannot_be_looked_up_is_passed_over(
    failure: DnsFailure, outcome: Outcome
) -> None:
    """RFC 7672 §2.1.2; what only failed here proves nothing about other senders."""
    one = with_lookup(good(MX1), answer=failed(failure))
    outlook = foresee_dane(reading(one, is_secure=True))

    assert outlook
    assert outlook.hosts[0].outcome is outcome
