"""Sendmail's and Exim's answers: the words they know and no other."""

import pytest

from mailseal import decision
from mailseal.mtasts.policy import Mode, parse_policy
from mailseal.names import Domain
from mailseal.wire import exim, line, postfix, profiles, sendmail

DOMAIN = Domain("example.com")
POLICY = parse_policy(
    b"version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.example.net\r\n"
    b"max_age: 604800\r\n"
)
ENFORCED = decision.StsEnforced(domain=DOMAIN, policy=POLICY)
NARROWED = decision.StsEnforced(
    domain=DOMAIN, policy=POLICY, only_hosts=(Domain("mx9.example.net"),)
)
SECURE = b"OK secure match=mx1.example.com:.example.net servername=hostname"


@pytest.mark.parametrize(
    ("policy", "reply"),
    [
        (ENFORCED, SECURE),
        (NARROWED, SECURE),  # Sendmail weighs DANE by itself, host by host
        (decision.DaneRequired(), b"NOTFOUND "),  # a dane word would mean "no STS"
        (decision.DaneRequired(enforced=ENFORCED), SECURE),
        (decision.DaneRequired(enforced=NARROWED), SECURE),
        (decision.DaneOpportunistic(), b"NOTFOUND "),
        (decision.StsTesting(domain=DOMAIN, policy=POLICY), b"NOTFOUND "),
        (decision.Opportunistic(), b"NOTFOUND "),
        (decision.Unavailable(reason="why"), b"TEMP why"),
        (decision.Unavailable(reason="why", enforced=ENFORCED), SECURE),  # DANE is not its matter
    ],
)
def test_no_dane_word_and_nothing_behind_servername(
    policy: decision.DeliveryPolicy, reply: bytes
) -> None:
    """Sendmail defers at any other attribute; Exim reads the same words as a line."""
    assert sendmail.render(policy) == reply
    assert exim.render(policy) == reply
    assert line.from_payload(exim.render(policy)) == reply.rstrip(b" ") + b"\n"


def test_every_default_map_has_a_profile() -> None:
    """A map name that people already have in their files leads to a form of answer."""
    assert set(profiles.DEFAULT_MAPS.values()) <= set(profiles.PROFILES)
    reply = profiles.PROFILES[profiles.DEFAULT_MAPS["QUERYwithTLSRPT"]].render(ENFORCED)
    assert b"policy_type=sts" in reply
    assert profiles.PROFILES[profiles.DEFAULT_MAPS["sts"]].render(ENFORCED) == SECURE


def test_testing_answer_is_a_setting_of_the_310_profile_alone() -> None:
    """Only Postfix 3.10 knows the attributes that make another answer to testing useful."""
    table = profiles.profiles(testing=postfix.TestingAnswer.MAY)
    testing = decision.StsTesting(domain=DOMAIN, policy=POLICY)
    replies = {name: profile.render(testing).split()[:2] for name, profile in table.items()}
    assert replies == {
        "postfix": [b"NOTFOUND"],
        "postfix-3.10": [b"OK", b"may"],
        "sendmail": [b"NOTFOUND"],
        "exim": [b"NOTFOUND"],
    }
    assert POLICY.mode is Mode.ENFORCE
