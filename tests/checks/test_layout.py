"""What a report shows of a domain: what is right as well as what is wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.checks.areas import Area, area_of
from mailseal.checks.catalogue import ENTRIES
from mailseal.checks.evidence import Depth, Evidence, Failure, SmtpSession, Stage, Trouble
from mailseal.checks.judge import judge
from mailseal.checks.layout import MAX_TEXT_CHARS, lay_out
from mailseal.checks.overview import AreaView, Mark, Overview
from mailseal.dane.presented import Presented
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import (
    MX_HOST,
    NOW,
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    host,
    policy_host,
    records,
    session,
    tls,
    txt,
)

from .mxworld import failing_handshake, refusing_starttls
from .stsworld import null_mx


def show(evidence: Evidence) -> Overview:
    """Judge and lay out."""
    return lay_out(judge(evidence))


def part(overview: Overview, area: Area) -> AreaView:
    """Return one area."""
    (view,) = (view for view in overview.areas if view.area is area)
    return view


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_every_code_has_its_area(entry: object) -> None:
    """A finding that no heading stands over would be left out of the report."""
    assert area_of(getattr(entry, "code", "")) in Area


def test_what_is_right_is_said() -> None:
    """The owner of a good domain sees that record, policy and hosts are good, and for how long."""
    overview = show(domain_evidence())

    assert part(overview, Area.RECORD).mark is Mark.GOOD
    assert [one.text for one in part(overview, Area.RECORD).facts] == ["v=STSv1; id=1;"]
    facts = {one.label: one.text for one in part(overview, Area.POLICY).facts}
    assert facts == {"mode": "enforce", "max_age": "604800 seconds (7 days)", "mx": MX_HOST}
    (address,) = overview.mx_hosts[0].addresses
    assert address.starttls.text == "yes"
    assert address.tls.text == "1.3"
    assert address.certificate.mark is Mark.GOOD
    assert "days left" in address.certificate.text
    assert overview.mx_hosts[0].covered.mark is Mark.GOOD


@pytest.mark.parametrize(
    ("evidence", "mark"),
    [
        (domain_evidence(), Mark.GOOD),
        (domain_evidence(host(sessions=()), depth=Depth.DNS), Mark.NONE),  # nobody was asked
    ],
)
def test_mail_servers_without_a_fault_are_good_where_tls_was_seen(
    evidence: Evidence, mark: Mark
) -> None:
    """The tick above the table says the same as those in it."""
    assert part(show(evidence), Area.MX).mark is mark


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (domain_evidence(host(sessions=()), depth=Depth.DNS), "policy not known"),
        (domain_evidence(policy=replace(policy_host(), fetches=())), "policy not known"),
        (domain_evidence(policy=policy_host(fetch(b"<html>"))), "no policy"),
        (domain_evidence(own_records=records(sts=txt()), depth=Depth.DNS), "no policy"),
        (domain_evidence(), "in the policy"),
    ],
)
def test_a_policy_that_was_not_seen_is_not_absent(evidence: Evidence, said: str) -> None:
    """A brief look at DNS alone says nothing of what the policy names."""
    (one,) = show(evidence).mx_hosts

    assert one.covered.text == said


def test_a_host_that_nobody_connected_to_has_no_tick() -> None:
    """Names and addresses alone are no proof of anything."""
    (one,) = show(domain_evidence(host(sessions=()), depth=Depth.DNS)).mx_hosts

    assert one.mark is Mark.NONE


def test_a_flaw_stands_at_its_address_alone() -> None:
    """Two addresses, one certificate expired: the other one's row stays good."""
    old = tls(MX_HOST, distrust="expired", chain=make_chain((MX_HOST,), not_after=NOW))
    late = NOW + timedelta(seconds=1)
    sessions = (session(), session(address="192.0.2.2", handshake=old))
    evidence = replace(domain_evidence(host(sessions=sessions)), finished_at=late)
    overview = show(evidence)
    good, bad = overview.mx_hosts[0].addresses

    assert good.certificate.mark is Mark.GOOD
    assert bad.certificate.mark is Mark.ERROR
    assert bad.certificate.text == "expired"
    assert part(overview, Area.MX).mark is Mark.ERROR


def test_a_flaw_is_as_bad_as_its_context() -> None:
    """Where nobody enforces, a host without STARTTLS is a warning, else an error."""
    plain = replace(
        session(), offers_starttls=False, tls=None, stage=Stage.EHLO, extensions=("SIZE",)
    )
    body = b"version: STSv1\r\nmode: testing\r\nmx: mx1.example.com\r\nmax_age: 604800\r\n"
    sessions = host(sessions=(plain,))
    enforced = show(domain_evidence(sessions)).mx_hosts[0].addresses[0]
    tested = show(domain_evidence(sessions, policy=policy_host(fetch(body)))).mx_hosts[0]

    assert enforced.starttls.mark is Mark.ERROR
    assert tested.addresses[0].starttls.mark is Mark.WARNING


@pytest.mark.parametrize("trouble", Trouble)
def test_what_could_not_be_seen_is_no_absence(trouble: Trouble) -> None:
    """A host that is busy, or turns us away, has not said that it lacks TLS."""
    failure = Failure(trouble=trouble, reason="421 4.7.0 Too many connections", code=421)
    busy = replace(
        session(), offers_starttls=None, tls=None, stage=Stage.CONNECTED, failure=failure
    )
    (address,) = show(domain_evidence(host(sessions=(busy,)))).mx_hosts[0].addresses

    assert address.starttls.text == trouble.value
    assert address.starttls.mark is Mark.UNKNOWN
    assert address.note == "421 4.7.0 Too many connections"

    overview = show(domain_evidence(own_records=records(sts=failed())))
    assert part(overview, Area.RECORD).mark is Mark.UNKNOWN
    assert part(overview, Area.RECORD).facts[0].text == "not known: SERVFAIL"


@pytest.mark.parametrize(
    ("one", "tls_text"),
    [
        (failing_handshake(), "none"),
        (refusing_starttls(), "none"),
        (refusing_starttls(reply="454 4.7.0 TLS not available", code=454), "none"),
        (refusing_starttls(reply="451 4.7.1 Try again later", code=451), ""),  # nothing is known
    ],
)
def test_starttls_that_leads_nowhere_is_shown_as_that(one: SmtpSession, tls_text: str) -> None:
    """A tick for the offer alone would hide that nobody gets TLS."""
    (address,) = show(domain_evidence(host(sessions=(one,)))).mx_hosts[0].addresses

    assert address.starttls.mark is Mark.GOOD
    assert address.tls.text == tls_text
    assert (address.tls.mark is Mark.ERROR) is bool(tls_text)


@pytest.mark.parametrize(
    ("mode", "mark"),
    [("enforce", Mark.ERROR), ("testing", Mark.WARNING), ("none", Mark.NONE)],
)
def test_a_host_outside_of_the_policy_has_no_tick(mode: str, mark: Mark) -> None:
    """However good its TLS is: senders that enforce the policy pass it over."""
    body = f"version: STSv1\nmode: {mode}\nmx: other.example.com\nmax_age: 604800\n"
    (view,) = show(domain_evidence(policy=policy_host(fetch(body.encode())))).mx_hosts

    assert view.covered.text == "not in the policy"
    assert view.mark is mark


def test_the_record_that_matches_is_named() -> None:
    """With DANE each address says by which kind of record it was authenticated."""
    chain = make_chain((MX_HOST,))
    digest = Presented.read(chain[0]).digest(1, 1)
    assert digest is not None
    record = TlsaRecord(usage=3, selector=1, matching_type=1, data=digest)
    sessions = (session(handshake=tls(MX_HOST, chain=chain)),)
    evidence = domain_evidence(
        host(sessions=sessions, tlsa=(record,)), own_records=records(is_secure=True)
    )
    overview = show(evidence)

    assert overview.mx_hosts[0].addresses[0].dane.text == "3 1 1"
    assert overview.mx_hosts[0].dane.text == "1 TLSA record"
    assert part(overview, Area.DANE).facts[1].text.endswith(" (in use)")
    other = replace(record, data=bytes(32))
    wrong = domain_evidence(
        host(sessions=sessions, tlsa=(other,)), own_records=records(is_secure=True)
    )
    assert show(wrong).mx_hosts[0].addresses[0].dane.mark is Mark.ERROR
    assert part(show(wrong), Area.DANE).facts[1].text.endswith(" (matches nothing now)")


def test_a_shallow_look_says_what_was_not_looked_at() -> None:
    """Nothing is shown as missing that nobody asked for."""
    evidence = replace(domain_evidence(depth=Depth.DNS), mx_hosts=(host(sessions=()),))
    overview = show(evidence)

    assert "only DNS" in part(overview, Area.POLICY).facts[0].text
    assert overview.mx_hosts[0].addresses == ()
    assert any("not connected" in one.text for one in part(overview, Area.MX).facts)


def policy_file(max_age: int, *mx: str) -> Evidence:
    """A domain whose policy has these lines."""
    lines = "".join(f"mx: {one}\n" for one in mx or (MX_HOST,))
    body = f"version: STSv1\nmode: enforce\n{lines}max_age: {max_age}\n"
    return domain_evidence(policy=policy_host(fetch(body.encode())))


@pytest.mark.parametrize(
    ("max_age", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "60 seconds (1 minute)"),
        (1_800, "1800 seconds (30 minutes)"),
        (3_600, "3600 seconds (1 hour)"),
        (7_200, "7200 seconds (2 hours)"),
        (86_399, "86399 seconds (24 hours)"),
        (86_400, "86400 seconds (1 day)"),
        (31_557_600, "31557600 seconds (365 days)"),
    ],
)
def test_max_age_is_told_in_the_unit_that_people_use(max_age: int, said: str) -> None:
    """A policy for half an hour is not one for nothing."""
    facts = {one.label: one.text for one in part(show(policy_file(max_age)), Area.POLICY).facts}

    assert facts["max_age"] == said


def test_many_patterns_are_counted() -> None:
    """The first twenty are shown."""
    patterns = [MX_HOST, *(f"mx{number}.example.net" for number in range(24))]
    facts = part(show(policy_file(604_800, *patterns)), Area.POLICY).facts

    shown = [one.text for one in facts if one.label in ("mx", "")]
    assert shown[:20] == patterns[:20]
    assert shown[20] == "and 5 more"
    assert [one.label for one in facts].count("mx") == 1


@pytest.mark.parametrize("size", [MAX_TEXT_CHARS - 1, MAX_TEXT_CHARS, MAX_TEXT_CHARS + 1])
def test_a_text_is_cut_only_where_something_is_left_out(size: int) -> None:
    """Three dots stand for what is not shown."""
    (fact,) = part(
        show(domain_evidence(own_records=records(sts=txt("x" * size)))), Area.RECORD
    ).facts

    dots = "..." if size > MAX_TEXT_CHARS else ""
    assert fact.text == "x" * min(size, MAX_TEXT_CHARS) + dots


def test_a_domain_that_takes_no_mail_has_no_hosts_to_connect_to() -> None:
    """A null MX is the whole truth, however shallow the look."""
    facts = part(show(null_mx(domain_evidence(depth=Depth.DNS))), Area.MX).facts

    assert [one.text for one in facts] == ["none: the domain takes no mail (null MX)"]


def test_what_is_there_is_said_once_and_what_need_not_be_there_has_no_tick() -> None:
    """The record stands for the finding that there is one; an absent neighbour is no merit."""
    own = replace(records(is_secure=True), txt=txt("v=spf1 -all"), dmarc=absent(), caa=absent())
    overview = show(domain_evidence(own_records=own))

    assert [one.label for one in part(overview, Area.TLSRPT).facts] == ["reports to"]
    assert [one.label for one in part(overview, Area.DNSSEC).facts] == ["MX records", MX_HOST]
    neighbours = {one.label: one.mark for one in part(overview, Area.NEIGHBOURS).facts}
    assert neighbours == {"SPF": Mark.GOOD, "DMARC": Mark.NONE, "CAA": Mark.NONE}


@pytest.mark.parametrize(
    ("is_a_signed", "is_aaaa_signed", "text", "mark"),
    [
        (True, True, "addresses are signed", Mark.GOOD),
        (True, False, "addresses are not signed", Mark.NONE),
        (False, False, "addresses are not signed", Mark.NONE),
    ],
)
def test_addresses_are_signed_when_all_are(
    is_a_signed: bool, is_aaaa_signed: bool, text: str, mark: Mark
) -> None:
    """One that is not lets an attacker send mail elsewhere."""
    own = replace(
        host(),
        a=found("192.0.2.1", is_secure=is_a_signed),
        aaaa=found("2001:db8::1", is_secure=is_aaaa_signed),
    )
    facts = part(show(domain_evidence(own)), Area.DNSSEC).facts

    assert (facts[1].label, facts[1].text, facts[1].mark) == (MX_HOST, text, mark)


def test_a_host_without_addresses_is_neither_signed_nor_not() -> None:
    """There is nothing to sign; what is wrong with it stands elsewhere."""
    facts = part(
        show(domain_evidence(replace(host(sessions=()), a=absent(), aaaa=absent()))), Area.DNSSEC
    ).facts

    assert [one.label for one in facts] == ["MX records"]


def test_long_and_many_records_are_cut() -> None:
    """What a name server can send does not fill the page."""
    evidence = domain_evidence(own_records=records(sts=txt(*["x" * 5000] * 100)))
    facts = part(show(evidence), Area.RECORD).facts

    assert len(facts) <= 25
    assert all(len(one.text) <= MAX_TEXT_CHARS + 3 for one in facts[:20])
    assert facts[20].text == "and 80 more"
