"""Differences of two looks: told once, when seen twice, and never for what could not be seen."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from mailseal.checks.changes import Advance, Changes, Span, advance, compare
from mailseal.checks.evidence import Failure, Stage, Trouble
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.judge import judge
from mailseal.checks.sight import could_see
from mailseal.testing.evidence import (
    MX_HOST,
    NOW,
    domain_evidence,
    failed,
    host,
    records,
    session,
    tls,
)

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def finding(
    code: str = "certificate-expired", severity: Severity = WARNING, subject: str = MX_HOST
) -> Finding:
    """Return a finding."""
    return Finding(code=code, severity=severity, subject=subject, seen="It was seen.")


class Watch:
    """Looks one hour after another."""

    def __init__(self, least: Severity = WARNING) -> None:
        self.spans: tuple[Span, ...] = ()
        self.least = least
        self.at = NOW

    def look(self, *now: Finding, is_losing: bool = False, unseen: Iterable[str] = ()) -> Advance:
        """Carry on by one look."""
        self.at += timedelta(hours=1)
        step = advance(
            self.spans,
            now,
            lambda one: one.code not in unseen,
            at=self.at,
            least=self.least,
            is_losing=is_losing,
        )
        self.spans = tuple(one for one in step.spans if one.resolved_at is None)
        return step


def test_two_looks_differ_by_what_was_added_resolved_and_stayed() -> None:
    """Code and subject are what a finding is known by."""
    old, new, same = finding("a-1"), finding("b-1"), finding("c-1")
    hidden = finding("d-1")
    changes = compare((old, same, hidden), (same, new), lambda one: one is not hidden)
    assert changes == Changes(added=(new,), still_there=(same,), resolved=(old,), unseen=(hidden,))


def test_what_is_found_twice_is_told_once() -> None:
    """And what is found for the third time is old."""
    watch = Watch()
    assert not watch.look(finding()).news
    assert watch.look(finding()).news.added == (finding(),)
    assert not watch.look(finding()).news


def test_what_comes_and_goes_is_never_told() -> None:
    """A flap wakes nobody, and each time it begins anew."""
    watch = Watch()
    assert [bool(watch.look(*one).news) for one in [(finding(),), (), (finding(),), ()]] == [
        False
    ] * 4
    assert watch.spans == ()


def test_where_mail_is_lost_an_error_is_told_at_once() -> None:
    """Nobody wants to wait for a second look; a warning beside it can."""
    watch = Watch()
    error, warning = finding(severity=ERROR), finding("tls-1.3-missing")
    news = watch.look(error, warning, is_losing=True).news
    assert news.added == (error,)
    assert watch.look(error, warning, is_losing=True).news.added == (warning,)


def test_it_is_over_when_it_was_missed_twice() -> None:
    """The end is dated by the first look that missed it, and told once."""
    watch = Watch()
    for _ in range(2):
        watch.look(finding())
    missed = watch.look()
    assert not missed.news
    assert missed.is_unsettled
    gone_at = watch.at
    over = watch.look()
    assert over.news.resolved == (finding(),)
    assert over.spans[0].resolved_at == gone_at
    assert not watch.look().news


def test_a_finding_that_comes_back_before_its_end_goes_on() -> None:
    """No second alert, no all-clear in between."""
    watch = Watch()
    for _ in range(2):
        watch.look(finding())
    watch.look()
    assert not watch.look(finding()).news
    assert watch.spans[0].first_seen == NOW + timedelta(hours=1)


def test_what_could_not_be_seen_is_not_over() -> None:
    """However often nobody could look."""
    watch = Watch()
    for _ in range(2):
        watch.look(finding())
    for _ in range(5):
        step = watch.look(unseen=("certificate-expired",))
        assert not step.news
    assert len(watch.spans) == 1


def test_what_gets_worse_is_told_again() -> None:
    """A warning that became an error is news; the way back is none."""
    watch = Watch()
    for _ in range(2):
        watch.look(finding())
    worse = finding(severity=ERROR)
    assert watch.look(worse).news.worse == (worse,)
    assert not watch.look(worse).news
    assert not watch.look(finding()).news


def test_what_is_below_the_threshold_is_kept_and_not_told() -> None:
    """Information is for whoever looks; should it become an error, it is told."""
    watch = Watch()
    for _ in range(3):
        step = watch.look(finding(severity=INFO))
        assert not step.news
        assert not step.is_unsettled
    assert watch.look(finding(severity=ERROR)).news.added == (finding(severity=ERROR),)


def test_a_look_is_wanted_soon_while_something_is_unsettled() -> None:
    """After the first sight, not after the second."""
    watch = Watch()
    assert watch.look(finding()).is_unsettled
    assert not watch.look(finding()).is_unsettled


def test_nobody_is_hurried_by_what_cannot_be_seen_again() -> None:
    """A server that is busy after the first sight is left to its usual time."""
    watch = Watch()
    assert watch.look(finding()).is_unsettled
    assert not watch.look(unseen=("certificate-expired",)).is_unsettled
    watch.look(finding())
    assert watch.look().is_unsettled
    assert not watch.look(unseen=("certificate-expired",)).is_unsettled


# -- what a look could see ------------------------------------------------------------------


def sees(evidence_now: object, found: Finding) -> bool:
    """Tell whether a look could see a finding."""
    judgement = judge(evidence_now)  # type: ignore[arg-type]  # given as evidence below
    return could_see(judgement.reading, judgement.findings, found)


def busy(name: str = MX_HOST) -> object:
    """Return evidence of a host that says 421."""
    one = replace(
        session(name),
        stage=Stage.CONNECTED,
        failure=Failure(trouble=Trouble.BUSY, reason="421 too many", code=421),
        offers_starttls=None,
        tls=None,
    )
    return domain_evidence(host(name, sessions=(one,)))


def test_a_busy_server_hides_its_certificate_and_nothing_else() -> None:
    """A 421 resolves nothing about the host; records are seen all the same."""
    assert not sees(busy(), finding())
    assert not sees(busy(), finding("tlsa-mismatch"))
    assert sees(busy(), finding("sts-record-several", subject="example.com"))
    assert sees(busy(), finding("policy-mode-testing", subject="example.com"))
    assert sees(domain_evidence(), finding())


def test_a_server_without_tls_for_now_hides_its_certificate() -> None:
    """454 is a fault with a finding of its own, and nobody saw whether the old one is mended."""
    reply = "454 4.7.0 TLS not available"
    one = replace(
        session(),
        stage=Stage.EHLO,
        failure=Failure(trouble=Trouble.BUSY, reason=reply, code=454),
        starttls_reply=reply,
        tls=None,
    )
    without_tls = domain_evidence(host(sessions=(one,)))
    assert not sees(without_tls, finding())
    assert sees(without_tls, finding("policy-mode-testing", subject="example.com"))


def test_a_host_that_is_no_mx_any_more_has_no_faults() -> None:
    """Its findings are over, though nobody looks at it."""
    assert sees(busy("mx9.example.com"), finding())


def test_failed_look_ups_hide_what_lies_behind_them() -> None:
    """Without MX records nothing is known of hosts, without TXT nothing of the record."""
    blind = domain_evidence(own_records=replace(records(), mx=failed(), sts=failed()))
    assert not sees(blind, finding())
    assert not sees(blind, finding("mx-host-gone", subject="example.com"))
    assert not sees(blind, finding("sts-record-several", subject="example.com"))
    assert not sees(blind, finding("policy-mode-testing", subject="example.com"))
    assert not sees(blind, finding("spf-open", subject="example.com"))


def test_what_was_unknown_is_over_when_it_is_not_said_again() -> None:
    """It speaks of the observation, not of the server."""
    assert sees(busy(), finding("smtp-unreachable", Severity.UNKNOWN))


def test_a_good_look_sees_its_own_findings_gone() -> None:
    """Whatever a bad certificate had brought is over with a good one."""
    bad = host(sessions=(session(handshake=tls(MX_HOST, distrust="self-signed")),))
    before = judge(domain_evidence(bad)).findings
    now = judge(domain_evidence())
    gone = compare(before, now.findings, lambda one: could_see(now.reading, now.findings, one))
    assert gone.unseen == ()
    assert any(one.code == "certificate-self-signed" for one in gone.resolved)
