"""What only time shows: ids, vanished policies, MX hosts that moved, keys that were replaced."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.answers import Answer
from mailseal.certs import read_certificate
from mailseal.checks.evidence import Evidence, Failure, Trouble
from mailseal.checks.finding import Severity
from mailseal.checks.memory import MemorySyntaxError, read_memory
from mailseal.dane.tlsa import TlsaRecord
from mailseal.mtasts.policy import parse_policy
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import (
    MX_HOST,
    NOW,
    absent,
    domain_evidence,
    failed,
    fetch,
    host,
    policy_host,
    records,
    session,
    tls,
)

from .timeline import DAY, HOUR, Timeline, policy, published

SLOW = Failure(trouble=Trouble.TIMEOUT, reason="slow")
SENTENCE = re.compile(r'[A-Zh"\'0-9].*\.')


def test_a_domain_that_stays_as_it_is_has_no_history() -> None:
    """Quiet looks find nothing, however many."""
    timeline = Timeline()
    assert [timeline.look(published(policy()), 6 * HOUR) for _ in range(10)] == [set()] * 10


def test_a_policy_that_changes_under_its_old_id_is_an_error_until_the_id_changes() -> None:
    """Senders that hold the old policy do not learn of the new one (RFC 8461 §3.1)."""
    timeline = Timeline()
    timeline.look(published(policy()))
    changed = policy("enforce", "mx1.example.com", "mx2.example.com")

    assert timeline.look(published(changed)) == {"sts-id-not-renewed"}
    (finding,) = timeline.found
    assert finding.severity is Severity.ERROR
    assert "mx2.example.com" in finding.seen
    assert timeline.look(published(changed), 5 * DAY) == {"sts-id-not-renewed"}
    assert timeline.look(published(changed, "2")) == set()


def test_other_line_ends_are_no_other_policy() -> None:
    """What says the same to senders needs no new id."""
    timeline = Timeline()
    timeline.look(published(policy()))
    assert timeline.look(published(policy().replace(b"\r\n", b"\n"))) == set()


def test_addresses_that_serve_different_policies_are_no_change() -> None:
    """That is found by itself; which of them is new nobody can tell."""
    timeline = Timeline()
    timeline.look(published(policy()))
    both = policy_host(fetch(policy()), fetch(policy("testing"), address="192.0.2.11"))
    assert timeline.look(replace(published(policy()), policy_host=both)) == set()


def test_an_id_that_changes_alone_is_mentioned_for_a_week() -> None:
    """It harms nobody, and may be a policy that never reached its host."""
    timeline = Timeline()
    timeline.look(published(policy()))
    assert timeline.look(published(policy(), "2")) == {"sts-id-renewed-alone"}
    assert timeline.look(published(policy(), "2"), 8 * DAY) == set()


def test_an_id_that_comes_back_flaps() -> None:
    """Name servers that disagree look like that."""
    timeline = Timeline()
    for id_ in ("1", "2"):
        timeline.look(published(policy(), id_))
    assert "sts-id-flaps" in timeline.look(published(policy(), "1"))


def test_testing_for_a_month_is_said_with_its_age() -> None:
    """The clock begins when the mode was first seen, and anew with another mode."""
    timeline = Timeline()
    evidence = published(policy("testing"))
    timeline.look(evidence)
    assert timeline.look(evidence, 29 * DAY) == set()
    assert timeline.look(evidence, 2 * DAY) == {"policy-testing-for-long"}
    assert "31 days" in timeline.found[0].seen
    assert "policy-testing-for-long" not in timeline.look(published(policy(), "2"))


def test_a_policy_that_vanishes_while_senders_hold_it_is_an_error() -> None:
    """Until the longest max_age that was seen is over, and no longer (RFC 8461 §8.3)."""
    timeline = Timeline()
    timeline.look(published(policy()))
    gone = replace(
        domain_evidence(),
        records=replace(domain_evidence().records, sts=absent()),
        policy_host=replace(policy_host(), a=absent(), aaaa=absent(), fetches=()),
    )

    assert timeline.look(gone, 3 * DAY) == {"sts-record-vanished", "policy-vanished"}
    assert {one.severity for one in timeline.found} == {Severity.ERROR}
    assert timeline.look(gone, 5 * DAY) == set()


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ((), "and has none that senders can use now."),
        (("192.0.2.11",), "where it answers; what 192.0.2.11 would serve could not be seen."),
        (
            ("192.0.2.11", "192.0.2.12"),
            "what 192.0.2.11, 192.0.2.12 would serve could not be seen.",
        ),
    ],
)
def test_an_address_that_stays_silent_may_still_have_the_policy(
    addresses: tuple[str, ...], words: str
) -> None:
    """It is gone where the policy host answers; more than that nobody has seen."""
    timeline = Timeline()
    timeline.look(published(policy()))
    gone = replace(fetch(b""), status=404)
    silent = [replace(fetch(address=one), status=None, tls=None, failure=SLOW) for one in addresses]

    assert timeline.look(replace(published(policy()), policy_host=policy_host(gone, *silent))) == {
        "policy-vanished"
    }
    assert timeline.found[0].severity is Severity.ERROR
    assert words in timeline.found[0].seen


def test_a_removal_by_mode_none_is_right_once_the_old_policies_are_over() -> None:
    """Too early is a warning: those who have not fetched since still enforce."""
    for wait, expected in ((DAY, {"sts-record-vanished"}), (8 * DAY, set())):
        timeline = Timeline()
        timeline.look(published(policy()))
        none = published(policy("none"), "2")
        timeline.look(none)
        bare = replace(none, records=replace(none.records, sts=absent()))
        assert timeline.look(bare, wait) == expected
        assert all(one.severity is Severity.WARNING for one in timeline.found)


@pytest.mark.parametrize("sts", [failed()])
def test_what_cannot_be_looked_up_has_not_vanished(sts: Answer[tuple[bytes, ...]]) -> None:
    """A resolver that fails and a policy host that is slow prove nothing."""
    timeline = Timeline()
    timeline.look(published(policy()))
    late = replace(fetch(), status=None, tls=None, failure=SLOW)
    evidence = replace(
        domain_evidence(),
        records=replace(domain_evidence().records, sts=sts),
        policy_host=policy_host(late),
    )
    assert timeline.look(evidence) == set()


def moved(*names: str) -> Evidence:
    """Return evidence of a domain with these MX hosts and the policy of before."""
    return domain_evidence(*(host(name) for name in names))


def test_a_policy_that_names_only_the_hosts_of_before_is_an_error() -> None:
    """MX records were changed before the policy was (RFC 8461 §8.4)."""
    timeline = Timeline()
    timeline.look(moved(MX_HOST))
    assert timeline.look(moved("in.example.net")) == {"mx-moved-without-policy", "mx-changed"}
    (finding,) = [one for one in timeline.found if one.code == "mx-moved-without-policy"]
    assert finding.severity is Severity.ERROR
    assert "mx: in.example.net" in finding.ready[0].text
    assert "mx: mx1.example.com" in finding.ready[0].text


def test_a_ready_made_policy_after_a_move_keeps_to_the_grammar() -> None:
    """A name with an underscore cannot be written out: senders would refuse the whole file."""
    timeline = Timeline()
    timeline.look(moved(MX_HOST))
    timeline.look(moved("_in.mail.example.net"))
    (finding,) = [one for one in timeline.found if one.code == "mx-moved-without-policy"]

    assert parse_policy(finding.ready[0].text.encode()).covers("_in.mail.example.net")
    timeline.look(moved("in._mail.example.net"))
    (finding,) = [one for one in timeline.found if one.code == "mx-moved-without-policy"]
    assert finding.ready == ()


def test_an_mx_set_that_changes_is_a_warning_for_a_day() -> None:
    """Whoever did not change it himself wants to know."""
    timeline = Timeline()
    timeline.look(moved(MX_HOST))
    both = moved(MX_HOST, "mx2.example.com")
    assert timeline.look(both) == {"mx-changed"}
    assert "mx2.example.com came" in timeline.found[0].seen
    assert timeline.look(both, DAY) == set()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (("mx1", "mx2"), ("mx1",), ": mx2.example.com went."),
        (("mx1",), ("mx2",), ": mx2.example.com came, mx1.example.com went."),
        (("mx1",), ("mx1", "mx2", "mx3", "mx4", "mx5"),
         "mx2.example.com, mx3.example.com, mx4.example.com and 1 more came"),
        (("mx1",), ("mx1", "mx2", "mx3", "mx4"),
         ": mx2.example.com, mx3.example.com, mx4.example.com came."),
    ],
)  # fmt: skip
def test_what_changed_about_an_mx_set_is_named(
    before: tuple[str, ...], after: tuple[str, ...], words: str
) -> None:
    """What came and what went, a few of each."""
    timeline = Timeline()
    timeline.look(moved(*(f"{one}.example.com" for one in before)))
    timeline.look(moved(*(f"{one}.example.com" for one in after)))
    (finding,) = [one for one in timeline.found if one.code == "mx-changed"]
    assert words in finding.seen


def test_a_move_to_hosts_that_the_policy_covers_is_no_error() -> None:
    """Who put the new hosts into the policy first has done all that was to be done."""
    timeline = Timeline()
    both = policy("enforce", MX_HOST, "in.example.net")
    timeline.look(published(both, evidence=moved(MX_HOST)))
    assert timeline.look(published(both, evidence=moved("in.example.net"))) == {"mx-changed"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (policy("testing"), ": mode was enforce and is testing."),
        (policy(max_age=86400), ": max_age was 604800 and is 86400."),
        (policy("enforce", "mx1.example.com", "b.test"), ": mx has b.test anew."),
        (policy("enforce", "b.test"), ": mx has b.test anew; mx lacks mx1.example.com."),
    ],
)
def test_what_changed_under_an_old_id_is_named(changed: bytes, words: str) -> None:
    """What did not change is not told."""
    timeline = Timeline()
    timeline.look(published(policy()))
    timeline.look(published(changed))
    (finding,) = [one for one in timeline.found if one.code == "sts-id-not-renewed"]
    assert words in finding.seen


def with_key(key: str, *tlsa: TlsaRecord, not_after: timedelta = 3650 * DAY) -> Evidence:
    """Return evidence of one host with a key, and TLSA records."""
    chain = make_chain((MX_HOST,), key=key, not_after=NOW + not_after)
    one = session(handshake=tls(chain=chain))
    evidence = domain_evidence(host(sessions=(one,), tlsa=tlsa))
    mx = records((10, MX_HOST), is_secure=True).mx
    return replace(evidence, records=replace(evidence.records, mx=mx))


def record_of(key: str) -> TlsaRecord:
    """Return the 3 1 1 record of a key."""
    digest = read_certificate(make_chain((MX_HOST,), key=key)[0]).spki_sha256
    return TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes.fromhex(digest))


def test_a_new_key_that_leaves_its_records_behind_is_told_as_that() -> None:
    """With the record that belongs into DNS at once."""
    timeline = Timeline()
    timeline.look(with_key("one", record_of("one")))
    assert timeline.look(with_key("two", record_of("one"))) == {"tlsa-left-behind"}
    (finding,) = timeline.found
    assert "the key has changed" in finding.seen
    assert str(record_of("two")) in finding.ready[0].text
    assert timeline.look(with_key("two", record_of("one"), record_of("two"))) == set()


def test_keys_are_of_no_account_where_mx_records_are_insecure() -> None:
    """Nobody looks at the TLSA records of such a domain (RFC 7672 §2.2.1)."""
    timeline = Timeline()
    timeline.look(with_key("one", record_of("one")))
    parted = with_key("two", record_of("one"))
    insecure = replace(parted, records=replace(parted.records, mx=records((10, MX_HOST)).mx))
    assert timeline.look(insecure) == set()


def test_new_records_without_a_new_key_are_told_as_that() -> None:
    """The other way round it is the same loss."""
    timeline = Timeline()
    timeline.look(with_key("one", record_of("one")))
    assert timeline.look(with_key("one", record_of("two"))) == {"tlsa-left-behind"}
    assert "the key has not" in timeline.found[0].seen


def test_a_renewal_is_late_when_the_last_one_came_earlier() -> None:
    """Replaced 30 days before the end once, it is looked for when 24 are left."""
    timeline = Timeline()
    timeline.look(with_key("one", not_after=60 * DAY))
    renewed = with_key("two", not_after=120 * DAY)
    assert timeline.look(renewed, 30 * DAY) == set()
    assert timeline.look(renewed, 60 * DAY) == set()
    assert timeline.look(renewed, 7 * DAY) == {"certificate-renewal-late"}
    assert timeline.found[0].subject == MX_HOST


def test_findings_speak_in_sentences_and_lead_out() -> None:
    """Errors and warnings have a consequence and a remedy."""
    timeline = Timeline()
    timeline.look(published(policy()))
    assert timeline.look(published(policy("testing")))
    for finding in timeline.found:
        for text in (finding.seen, finding.follows, finding.remedy):
            assert SENTENCE.fullmatch(text)


@pytest.mark.parametrize("text", [b"", b"{}", b'{"seen_at": 3}', b"[" * 100_000])
def test_no_memory_is_told_as_that(text: bytes) -> None:
    """A damaged row costs the comparison, nothing else."""
    with pytest.raises(MemorySyntaxError):
        read_memory(text)
