"""What is said of MX hosts that senders of DANE verify, and of TLS that no policy allows."""

from dataclasses import replace

import pytest

from mailseal.checks import certificatedrift, tlsversions
from mailseal.checks.finding import Severity
from mailseal.checks.judge import judge
from mailseal.checks.verdict import Verdict
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import session, tls

from .mxworld import MX1, V4_TOO, at, domain, reading, record_for, self_signed

OLD = session(handshake=tls(MX1, version="TLSv1"))


@pytest.mark.parametrize(
    ("mode", "severity"),
    [(None, Severity.INFO), ("testing", Severity.WARNING), ("enforce", Severity.WARNING)],
)
def test_different_certificates_are_alike_where_each_has_its_tlsa_record(
    mode: str | None, severity: Severity
) -> None:
    """Without a policy nobody but DANE judges them, and it is content with both."""
    chain = make_chain((MX1,), is_self_signed=True, key="too")
    one = self_signed()
    other = session(MX1, V4_TOO, handshake=tls(chain=chain, distrust="self-signed"))
    host = at(MX1, one, other, tlsa=(record_for(one), record_for(other)))

    (finding,) = certificatedrift.check(reading(host, mode=mode))

    assert finding.severity is severity


@pytest.mark.parametrize(
    ("mode", "is_dane", "word"),
    [
        ("enforce", False, "Senders that enforce the policy do not deliver there."),
        ("testing", False, "once the policy is enforced"),
        (None, False, "deliver in clear"),
        (None, True, "those with DANE then do not deliver there"),
        ("enforce", True, "those with DANE then do not deliver there"),
    ],
)
def test_an_obsolete_tls_is_no_lack_of_tls(mode: str | None, is_dane: bool, word: str) -> None:
    """Senders of DANE that speak it deliver, and so the verdict says that mail flows."""
    evidence = domain(at(MX1, OLD, tlsa=(record_for(OLD),) * is_dane), mode=mode)
    judgement = judge(evidence)
    (finding,) = [one for one in judgement.findings if one.code == tlsversions.OLD.code]

    assert word in finding.follows
    assert "all others do so in clear" not in finding.follows
    if is_dane and mode is None:
        assert judgement.headline.verdict is Verdict.HEALTHY


def test_an_obsolete_tls_under_a_policy_that_was_not_seen_may_be_enforced() -> None:
    """Senders that know it go on with it."""
    evidence = domain(at(MX1, OLD))
    host = evidence.policy_host
    assert host is not None
    unseen = replace(evidence, policy_host=replace(host, fetches=()))
    (finding,) = [one for one in judge(unseen).findings if one.code == tlsversions.OLD.code]

    assert "know an enforced policy" in finding.follows
