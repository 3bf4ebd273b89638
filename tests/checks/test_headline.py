"""The verdict, its sentence and its reasons, for each kind of domain."""

from dataclasses import replace

import pytest

from mailseal.answers import Answer
from mailseal.checks.evidence import (
    Depth,
    Evidence,
    Failure,
    HostEvidence,
    Trouble,
)
from mailseal.checks.finding import Finding, Severity, exit_code
from mailseal.checks.headline import say_headline
from mailseal.checks.judge import judge
from mailseal.checks.reading import read
from mailseal.checks.verdict import Verdict
from mailseal.testing.evidence import (
    absent,
    domain_evidence,
    failed,
    fetch,
    host,
    policy_host,
    records,
    session,
    tls,
    txt,
)

from .mxworld import (
    MX1,
    MX2,
    V4,
    V4_TOO,
    V6,
    at,
    broken_in_tls,
    digest,
    domain,
    expired,
    record_for,
    self_signed,
    unseen,
    with_lookup,
    without_starttls,
)

RIGHT = record_for(session())


def good(name: str = MX1) -> HostEvidence:
    """A host where all is well."""
    return at(name, session(name))


def bad(name: str = MX1) -> HostEvidence:
    """A host without TLS."""
    return at(name, without_starttls(name))


def half(name: str = MX1) -> HostEvidence:
    """A host one of whose addresses is bad."""
    return at(name, session(name), expired(name, V4_TOO))


def dark(name: str = MX1, trouble: Trouble = Trouble.TIMEOUT) -> HostEvidence:
    """A host that nothing is known of."""
    return at(name, unseen(trouble, name))


def dane(name: str = MX1) -> HostEvidence:
    """A host that only DANE can verify."""
    one = self_signed(name)
    return at(name, one, tlsa=(record_for(one),))


def mismatch(name: str = MX1) -> HostEvidence:
    """A host whose TLSA record names another key."""
    return at(name, session(name), tlsa=(digest(1),))


def observed_by(one: Evidence, **changes: object) -> Evidence:
    """The same evidence from another machine."""
    return replace(one, observer=replace(one.observer, **changes))  # type: ignore[arg-type] # named in a table


def with_body(body: bytes) -> Evidence:
    """A domain that serves a text instead of a policy."""
    return domain_evidence(policy=policy_host(fetch(body)))


def without_policy(*troubles: Trouble, **changes: object) -> Evidence:
    """A domain whose policy host gives nothing, at one address for each trouble."""
    fetches = []
    for number, trouble in enumerate(troubles, 1):
        failure = Failure(trouble=trouble, reason=f"{trouble}")
        one = fetch(address=f"192.0.2.{number}")
        one = replace(one, status=None, body=b"", is_whole=False, tls=None, failure=failure)
        fetches.append(replace(one, **changes))  # type: ignore[arg-type] # named in a table
    return domain_evidence(policy=policy_host(*fetches))


def without_policy_address(a: Answer[str], aaaa: Answer[str]) -> Evidence:
    """A domain whose policy host has no address that is known."""
    return domain_evidence(policy=replace(policy_host(), a=a, aaaa=aaaa, fetches=()))


def half_looked_up(address: str, **family: Answer[str]) -> HostEvidence:
    """A good host one of whose address types could not be looked up."""
    return replace(at(MX1, session(MX1, address)), **family)  # type: ignore[arg-type] # as above


def with_records(*texts: str) -> Evidence:
    """A domain with other records at ``_mta-sts``."""
    return domain_evidence(own_records=records(sts=txt(*texts)))


def null_mx() -> Evidence:
    """A domain that takes no mail."""
    return replace(domain_evidence(own_records=records((0, ""))), mx_hosts=())


Case = tuple[str, Evidence, Verdict, str]

CASES: list[Case] = [
    # Enforcing.
    ("enforce", domain(good()), Verdict.HEALTHY, "MTA-STS is enforced, and mail to"),
    ("enforce-two", domain(good(), good(MX2)), Verdict.HEALTHY, "MTA-STS is enforced"),
    ("enforce-half", domain(half()), Verdict.HEALTHY, "takes a detour"),
    ("enforce-one-dark", domain(good(), dark(MX2)), Verdict.HEALTHY, "Not every address"),
    ("enforce-one-address-dark", domain(at(MX1, session(), unseen(address=V4_TOO))),
     Verdict.HEALTHY, "Not every address"),
    ("enforce-a-unknown", domain(half_looked_up(V6, a=failed())), Verdict.HEALTHY,
     "Not every address"),
    ("enforce-tls-refused-late", domain(at(MX1, broken_in_tls(Trouble.TLS))),
     Verdict.LOSING_MAIL, "cannot deliver any mail"),
    ("enforce-and-dane", domain(at(MX1, session(), tlsa=(RIGHT,))), Verdict.HEALTHY,
     "MTA-STS and DANE are enforced"),
    ("enforce-v4-only", domain(at(MX1, session(), unseen(Trouble.NO_FAMILY, MX1, V6))),
     Verdict.HEALTHY, "MTA-STS is enforced"),
    # Losing mail.
    ("enforce-bad", domain(bad()), Verdict.LOSING_MAIL, "cannot deliver any mail"),
    ("enforce-best-bad", domain(bad(), good(MX2)), Verdict.LOSING_MAIL, "which they try first"),
    ("enforce-one-of-two-best", domain(good(), bad(MX2), preferences=(10, 10)),
     Verdict.LOSING_MAIL, "which they try first"),
    ("enforce-backup-bad", domain(good(), bad(MX2)), Verdict.LOSING_MAIL, "cannot use the backup"),
    ("enforce-uncovered", domain(good(), covered=("other.example.com",)), Verdict.LOSING_MAIL,
     "cannot deliver any mail"),
    ("enforce-uncovered-unseen", domain(dark(), covered=("other.example.com",)),
     Verdict.LOSING_MAIL, "cannot deliver any mail"),
    ("enforce-uncovered-backup", domain(good(), good(MX2), covered=(MX1,)), Verdict.LOSING_MAIL,
     "cannot use the backup mx2"),
    ("enforce-dns-only-backup", domain(good(), bad(MX2), is_secure=True), Verdict.LOSING_MAIL,
     "backup"),
    ("dane-mismatch", domain(mismatch(), mode=None), Verdict.LOSING_MAIL, "enforce DANE"),
    ("dane-mismatch-and-policy", domain(mismatch()), Verdict.LOSING_MAIL, "enforce DANE"),
    ("dane-mismatch-testing", domain(mismatch(), mode="testing"), Verdict.LOSING_MAIL, "DANE"),
    ("dane-without-tls", domain(at(MX1, without_starttls(), tlsa=(RIGHT,)), mode=None),
     Verdict.LOSING_MAIL, "enforce DANE"),
    ("dane-bogus", domain(with_lookup(good()), mode=None, is_secure=True), Verdict.LOSING_MAIL,
     "enforce DANE"),
    ("dane-cannot-save-sts", domain(dane()), Verdict.LOSING_MAIL,
     "enforce the policy and do not know DANE"),
    ("enforce-nowhere", domain(replace(host(sessions=()), a=absent())), Verdict.LOSING_MAIL,
     "cannot deliver any mail"),
    # DANE alone.
    ("dane", domain(dane(), mode=None), Verdict.HEALTHY, "DANE is enforced"),
    ("dane-partial", domain(dane(), good(MX2), mode=None), Verdict.HEALTHY,
     "does not protect mail to mx2.example.com"),
    ("dane-mode-none", domain(dane(), mode="none", covered=()), Verdict.HEALTHY, "DANE"),
    ("dane-unseen-beside-none",
     domain(at(MX1, unseen(), tlsa=(RIGHT,)), dark(MX2), mode=None), Verdict.CANNOT_TELL,
     "cannot be told"),
    ("dane-dns-only",
     domain(at(MX1, tlsa=(RIGHT,)), at(MX2), mode=None, depth=Depth.DNS), Verdict.CANNOT_TELL,
     "not connected to"),
    ("dane-port-25",
     observed_by(domain(at(MX1, unseen(Trouble.BLOCKED), tlsa=(RIGHT,)),
                        dark(MX2, Trouble.BLOCKED), mode=None), may_use_port_25=False),
     Verdict.CANNOT_TELL, "port 25 are blocked"),
    ("dane-unseen", domain(at(MX1, unseen(), tlsa=(RIGHT,)), mode=None), Verdict.CANNOT_TELL,
     "cannot be told"),
    # Testing.
    ("testing", domain(good(), good(MX2), mode="testing"), Verdict.SAFE_TO_ENFORCE, "It is safe"),
    ("testing-v4-only",
     domain(at(MX1, session(), unseen(Trouble.NO_FAMILY, MX1, V6)), mode="testing"),
     Verdict.SAFE_TO_ENFORCE, "It is safe"),
    ("testing-one-address-dark",
     domain(at(MX1, session(), unseen(Trouble.BUSY, address=V4_TOO)), mode="testing"),
     Verdict.SAFE_TO_ENFORCE, "Not every address"),
    ("testing-and-dane", domain(at(MX1, session(), tlsa=(RIGHT,)), mode="testing"),
     Verdict.SAFE_TO_ENFORCE, "DANE is enforced already"),
    ("testing-dane-only", domain(dane(), mode="testing"), Verdict.NOT_YET,
     "DANE is enforced already"),
    ("testing-bad", domain(bad(), mode="testing"), Verdict.NOT_YET, "all mail"),
    ("testing-half", domain(half(), mode="testing"), Verdict.NOT_YET, "some addresses"),
    ("testing-best-bad", domain(bad(), good(MX2), mode="testing"), Verdict.NOT_YET, "best host"),
    ("testing-backup-bad", domain(good(), bad(MX2), mode="testing"), Verdict.NOT_YET, "backup"),
    ("testing-uncovered", domain(good(), good(MX2), covered=(MX1,), mode="testing"),
     Verdict.NOT_YET, "backup"),
    ("testing-tls-refused-late", domain(at(MX1, broken_in_tls(Trouble.TLS)), mode="testing"),
     Verdict.NOT_YET, "all mail"),
    ("testing-closed-in-tls", domain(at(MX1, broken_in_tls(Trouble.CLOSED)), mode="testing"),
     Verdict.CANNOT_TELL, "Whether it is safe to enforce"),
    ("testing-a-unknown", domain(half_looked_up(V6, a=failed()), mode="testing"),
     Verdict.CANNOT_TELL, "Whether it is safe to enforce"),
    ("testing-aaaa-unknown", domain(half_looked_up(V4, aaaa=failed()), mode="testing"),
     Verdict.CANNOT_TELL, "Whether it is safe to enforce"),
    ("testing-one-dark", domain(good(), dark(MX2), mode="testing"), Verdict.CANNOT_TELL,
     "Whether it is safe to enforce"),
    ("testing-bad-and-dark", domain(bad(), dark(MX2), mode="testing"), Verdict.NOT_YET, "best"),
    # A policy that nobody gets.
    ("html", with_body(b"<!DOCTYPE html>"), Verdict.NOT_YET, "no valid policy"),
    ("html-good-hosts", with_body(b"<!DOCTYPE html>"), Verdict.NOT_YET, "MX hosts are ready"),
    ("policy-refused", without_policy(Trouble.REFUSED), Verdict.NOT_YET, "no valid policy"),
    ("policy-and-no-tls", without_policy(Trouble.TLS), Verdict.NOT_YET, "no valid policy"),
    ("policy-gone", without_policy_address(absent(), absent()), Verdict.NOT_YET, "no valid policy"),
    ("policy-half-refused", without_policy(Trouble.TIMEOUT, Trouble.REFUSED), Verdict.NOT_YET,
     "no valid policy"),
    ("policy-wrong-name-and-silent",
     without_policy(Trouble.TIMEOUT, tls=tls("www.example.com")), Verdict.NOT_YET,
     "no valid policy"),
    ("policy-404-and-cut", without_policy(Trouble.CLOSED, tls=tls("mta-sts.example.com"),
     status=404), Verdict.NOT_YET, "no valid policy"),
    # A policy that was not seen: enforced ones may be cached all the same.
    *((f"policy-{'-'.join(troubles)}", without_policy(*troubles), Verdict.CANNOT_TELL,
       "could not be fetched from here")
      for troubles in ((Trouble.UNREACHABLE,), (Trouble.TIMEOUT,), (Trouble.CLOSED,),
                       (Trouble.NO_FAMILY, Trouble.TIMEOUT))),
    ("policy-cut", without_policy(Trouble.CLOSED, tls=tls("mta-sts.example.com"), status=200),
     Verdict.CANNOT_TELL, "could not be fetched from here"),
    ("policy-host-unknown", without_policy_address(failed(), failed()), Verdict.CANNOT_TELL,
     "could not be fetched from here"),
    ("policy-host-half-unknown", without_policy_address(absent(), failed()), Verdict.CANNOT_TELL,
     "could not be fetched from here"),
    ("orphan", with_records(), Verdict.NOT_YET, "no valid record"),
    ("retired", replace(domain(good(), mode="none", covered=()), records=records(sts=txt())),
     Verdict.NOT_PUBLISHED, "mode none"),
    ("two-records", with_records("v=STSv1; id=1;", "v=STSv1; id=2;"),
     Verdict.NOT_YET, "no valid record"),
    ("dns-only", replace(domain_evidence(depth=Depth.DNS), policy_host=None), Verdict.CANNOT_TELL,
     "Only DNS"),
    # Nothing published.
    ("nothing-good", domain(good(), mode=None), Verdict.NOT_PUBLISHED, "enforced at once"),
    ("nothing-bad", domain(bad(), mode=None), Verdict.NOT_PUBLISHED, "could not be enforced yet"),
    ("nothing-dark", domain(dark(), mode=None), Verdict.NOT_PUBLISHED, "is not known"),
    ("nothing-one-dark", domain(good(), dark(MX2), mode=None), Verdict.NOT_PUBLISHED, "not known"),
    ("mode-none", domain(good(), mode="none", covered=()), Verdict.NOT_PUBLISHED, "mode none"),
    ("null-mx", null_mx(), Verdict.NOT_PUBLISHED, "takes no mail"),
    ("dane-behind-insecure-mx",
     domain(at(MX1, session(), tlsa=(RIGHT,)), mode=None, is_secure=False), Verdict.NOT_PUBLISHED,
     "Neither"),
    ("dane-unusable", domain(at(MX1, session(), tlsa=(digest(1, (1, 1, 1)),)), mode=None),
     Verdict.NOT_PUBLISHED, "nothing proves"),
    # Not to be told.
    ("all-dark", domain(dark(), dark(MX2)), Verdict.CANNOT_TELL, "cannot be told"),
    ("busy", domain(dark(MX1, Trouble.BUSY)), Verdict.CANNOT_TELL, "cannot be told"),
    ("port-25", observed_by(domain(dark(MX1, Trouble.BLOCKED)), may_use_port_25=False),
     Verdict.CANNOT_TELL, "port 25 are blocked"),
    ("no-smtp", domain(at(MX1), depth=Depth.POLICY), Verdict.CANNOT_TELL, "not connected to"),
    ("mx-fails", replace(domain(good()), records=replace(records(), mx=failed())),
     Verdict.CANNOT_TELL, "its MX hosts are not known here"),
    ("record-fails", domain_evidence(own_records=records(sts=failed())), Verdict.CANNOT_TELL,
     "not known"),
    ("no-validation", observed_by(domain(good(), mode=None), validates=None), Verdict.CANNOT_TELL,
     "DANE cannot be judged"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_each_kind_of_domain_gets_its_verdict(case: Case) -> None:
    """One of six verdicts, and a sentence that says what it is about."""
    _, evidence, verdict, words = case
    headline = say_headline(read(evidence), ())

    assert headline.verdict is verdict, headline
    assert words in headline.sentence
    assert headline.sentence.endswith(".")
    assert all(reason.endswith(".") for reason in headline.reasons)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_who_looked_at_everything_and_cannot_tell_is_not_told_that_all_is_well(case: Case) -> None:
    """A monitoring system that sees the exit code alone must not sleep over it."""
    _, evidence, verdict, _ = case
    code = exit_code(one.severity for one in judge(evidence).findings)

    assert verdict is not Verdict.CANNOT_TELL or evidence.depth is not Depth.SMTP or code in (2, 3)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (domain(bad()), f"{MX1} [{V4}] offers no STARTTLS."),
        (domain(good(), bad(MX2), mode="testing"), f"{MX2} [{V4}] offers no STARTTLS."),
        (domain(half()), f"{MX1} [{V4_TOO}] is not believed: the certificate expired on"),
        (domain(good(), covered=("a.test",)), f'{MX1} is covered by no "mx" line'),
        (domain(mismatch(), mode=None), f"{MX1} [{V4}] matches no TLSA record."),
        (domain(dark()), f"{MX1} [{V4}] could not be tested: timeout."),
        (domain(good(), dark(MX2)), f"{MX2} [{V4}] could not be tested: timeout."),
        (domain(dark(), mode=None), f"{MX1} [{V4}] could not be tested: timeout."),
        (observed_by(domain(dark(trouble=Trouble.BLOCKED)), may_use_port_25=False),
         "Connections from this machine to port 25 are blocked, whatever the address."),
    ],
)  # fmt: skip
def test_reasons_name_the_host_and_what_was_seen(evidence: Evidence, reason: str) -> None:
    """The most important one comes first."""
    assert say_headline(read(evidence), ()).reasons[0].startswith(reason)


@pytest.mark.parametrize(
    ("evidence", "words", "is_said"),
    [
        (domain(dane()), "and do not know DANE", True),
        (domain(at(MX1, without_starttls(), tlsa=(RIGHT,))), "and do not know DANE", False),
        (with_body(b"<html>"), "The MX hosts are ready.", True),
        (replace(with_body(b"<html>"), mx_hosts=(half_looked_up(V6, a=failed()),)),
         "The MX hosts are ready.", False),
        (domain(good(), bad(MX2), bad("mx3.example.com")),
         "the backup mx2.example.com and mx3.example.com:", True),
        (domain(good(), *(bad(f"mx{n}.example.com") for n in (2, 3, 4, 5)),
                preferences=(10, 20, 30, 40, 50)),
         "mx2.example.com, mx3.example.com, mx4.example.com and mx5.example.com:", True),
        (domain(good(), *(bad(f"mx{n}.example.com") for n in (2, 3, 4, 5, 6)),
                preferences=(10, 20, 30, 40, 50, 60)),
         "mx2.example.com, mx3.example.com, mx4.example.com and 2 more:", True),
    ],
)  # fmt: skip
def test_a_sentence_says_what_holds(evidence: Evidence, words: str, is_said: bool) -> None:
    """Neither less than was seen nor more."""
    assert (words in say_headline(read(evidence), ()).sentence) is is_said


def test_a_policy_that_was_not_seen_hides_no_fault_of_the_hosts() -> None:
    """Why it was not seen comes first, then what a sender that knows it would meet."""
    silent = without_policy(Trouble.TIMEOUT)
    headline = say_headline(read(replace(silent, mx_hosts=(bad(),))), ())

    assert headline.verdict is Verdict.CANNOT_TELL
    assert headline.reasons == (
        "mta-sts.example.com [192.0.2.1] could not be tested: timeout.",
        f"{MX1} [{V4}] offers no STARTTLS.",
    )


def test_the_look_up_that_hides_the_policy_is_named() -> None:
    """Nothing else would say what to look at."""
    headline = say_headline(read(without_policy_address(absent(), failed())), ())

    assert headline.reasons == ("AAAA of mta-sts.example.com could not be looked up: SERVFAIL.",)


def test_a_healthy_domain_needs_no_reason() -> None:
    """There is nothing to do."""
    assert say_headline(read(domain_evidence()), ()).reasons == ()


@pytest.mark.parametrize("mode", ["enforce", "testing"])
def test_errors_beside_mail_that_flows_are_not_hidden(mode: str) -> None:
    """The verdict is about mail; whatever else is wrong stands below it."""
    fault = Finding(
        code="x", severity=Severity.ERROR, subject="example.com", seen="An error.", clause=""
    )
    headline = say_headline(read(domain(good(), mode=mode)), (fault,))

    assert headline.verdict in (Verdict.HEALTHY, Verdict.SAFE_TO_ENFORCE)
    assert headline.sentence.endswith("Something else is wrong all the same.")
    assert headline.reasons == ("An error.",)


def test_what_an_address_fails_for_is_told_once() -> None:
    """The failing address is the reason for the detour, and nothing else beside it."""
    evidence = domain(half())
    headline = judge(evidence).headline

    assert headline.verdict is Verdict.HEALTHY
    assert headline.sentence.endswith("Some addresses fail, so that some of it takes a detour.")
    assert [V4_TOO in reason for reason in headline.reasons] == [True]


def test_reasons_are_bounded() -> None:
    """A domain with hosts and addresses without end does not fill the screen."""
    sessions = tuple(without_starttls(MX1, f"192.0.2.{number}") for number in range(1, 60))

    assert len(say_headline(read(domain(at(MX1, *sessions))), ()).reasons) == 20
