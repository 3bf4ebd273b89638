"""Warnings of certificates that are about to end: which of a chain, and how grave for whom."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailseal.checks import certificates
from mailseal.checks.evidence import SmtpSession
from mailseal.checks.finding import Finding, Severity
from mailseal.testing.certificates import EPOCH, make_chain
from mailseal.testing.evidence import NOW, session, tls

from .mxworld import MX1, at, digest, reading, record_for

PAST = make_chain(("left.over",), not_after=EPOCH + timedelta(days=1))[0]


def ends_in(days: int, *more: bytes, distrust: str = "") -> SmtpSession:
    """A session with a certificate that ends, and what else is sent with it."""
    chain = make_chain((MX1,), not_after=NOW + timedelta(days=days))
    return session(handshake=tls(chain=(*chain, *more), distrust=distrust))


def ends(one: SmtpSession, *tlsa: tuple[int, int, int], mode: str | None) -> list[Finding]:
    """Return what is said of ends, for a host with TLSA records of these forms."""
    records = tuple(record_for(one, form, depth=form[0] == 2) for form in tlsa)
    found = certificates.check(reading(at(MX1, one, tlsa=records), mode=mode))
    return [each for each in found if each.code == certificates.SOON_EXPIRED.code]


@pytest.mark.parametrize(
    ("tlsa", "mode", "severity"),
    [
        ((), "enforce", Severity.WARNING),
        ((), None, Severity.WARNING),
        (((3, 1, 1),), None, Severity.INFO),  # nobody looks at the dates
        (((2, 1, 1),), None, Severity.WARNING),  # RFC 7672 §3.1.2: below an issuer they count
        (((2, 1, 1),), "none", Severity.WARNING),
        (((2, 1, 1), (3, 1, 1)), None, Severity.INFO),  # one record that matches is enough
        (((3, 1, 1),), "enforce", Severity.WARNING),
    ],
)
def test_an_end_is_as_grave_as_those_who_look_at_dates(
    tlsa: tuple[tuple[int, int, int], ...], mode: str | None, severity: Severity
) -> None:
    """Senders of DANE look at dates where an issuer's record alone speaks for the server."""
    (finding,) = ends(ends_in(3, distrust="unknown-ca"), *tlsa, mode=mode)

    assert finding.severity is severity
    assert ("Senders with DANE do not deliver" in finding.follows) is (tlsa == ((2, 1, 1),))


def test_records_of_an_issuer_that_match_nothing_do_not_count() -> None:
    """That they do not match is an error by itself."""
    one = ends_in(3)
    found = certificates.check(
        reading(at(MX1, one, tlsa=(record_for(one), digest(1, (2, 1, 1)))), mode=None)
    )

    assert {each.severity for each in found} == {Severity.INFO}


def test_a_certificate_of_the_past_above_hides_no_end() -> None:
    """What an authority gave out years ago is often still sent, and needed by nobody."""
    (finding,) = ends(ends_in(3, PAST), mode="enforce")

    assert finding.seen.startswith("The certificate of")


def test_nothing_is_foretold_of_a_chain_whose_own_certificate_has_ended() -> None:
    """That it has is the fault."""
    soon = make_chain((MX1,), not_after=NOW + timedelta(days=3))[0]
    one = ends_in(-1, soon, distrust="expired")

    assert ends(one, mode="enforce") == []
    assert ends(replace(one, tls=None), mode="enforce") == []
