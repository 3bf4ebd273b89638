"""Certificates of one host that differ: when that is trouble, and when it is none."""

from dataclasses import replace

import pytest

from mailseal.checks import certificatedrift
from mailseal.checks.evidence import DeepSmtp, Evidence, SmtpSession
from mailseal.checks.finding import Finding
from mailseal.checks.reading import read
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import session, tls

from .mxworld import MX1, V4_TOO, at, domain, expired, record_for

OTHER = make_chain((MX1,), key="another")


def found_in(evidence: Evidence) -> list[Finding]:
    """Return what is found of differences."""
    return list(certificatedrift.check(read(evidence)))


@pytest.mark.parametrize(
    ("other", "follows"),
    [
        (session(MX1, V4_TOO, handshake=tls(chain=OTHER)), "All of them are good now"),
        (expired(MX1, V4_TOO), "Mail is treated differently"),
    ],
)
def test_addresses_that_differ_are_told_by_what_it_means(other: SmtpSession, follows: str) -> None:
    """Two good certificates are work for their owner, a bad one is trouble for mail."""
    findings = found_in(domain(at(MX1, session(), other)))

    (finding,) = (one for one in findings if one.code == certificatedrift.DIFFERENT.code)
    assert finding.follows.startswith(follows)


def test_records_that_no_sender_believes_condemn_no_second_key() -> None:
    """Behind unsigned MX records senders do not look at TLSA records."""
    one = at(
        MX1, replace(session(), deep=DeepSmtp(other_chain=OTHER)), tlsa=(record_for(session()),)
    )
    codes = {
        is_secure: {finding.code for finding in found_in(domain(one, is_secure=is_secure))}
        for is_secure in (True, False)
    }

    assert certificatedrift.OTHER_KEY.code in codes[True]
    assert certificatedrift.OTHER_KEY.code not in codes[False]
