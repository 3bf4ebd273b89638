"""The forms of answer, and what a zone may choose about its own."""

from dataclasses import dataclass

import pytest

from mailseal.decision import DaneRequired, DeliveryPolicy, StsEnforced, StsTesting
from mailseal.mtasts.policy import Mode
from mailseal.wire.postfix import TestingAnswer
from mailseal.wire.profiles import DEFAULT_MAPS, PROFILES, ProfileName, profiles, zone_forms
from tests.mxsets import DOMAIN, policy

ENFORCED = StsEnforced(domain=DOMAIN, policy=policy())
TESTING = StsTesting(domain=DOMAIN, policy=policy(mode=Mode.TESTING))
SECURE = b"OK secure match=.example.com"
SNI = b" servername=hostname"


@dataclass(frozen=True)
class Zone:
    """What an operator can write for one."""

    profile: ProfileName = ProfileName.POSTFIX
    strict_testing: bool = False
    sni: bool = True


def form(**choices: object) -> tuple[bytes, bool, bool]:
    """Return the reply of such a zone to an enforce policy, and what is noted about the zone."""
    zones = {"x": Zone(**choices)}  # type: ignore[arg-type] # fields by name
    made = zone_forms(zones, testing=TestingAnswer.NOTFOUND)["x"]
    return made.render(ENFORCED), made.strict_testing, made.is_plain


@pytest.mark.parametrize(
    ("name", "delivery", "reply"),
    [
        (ProfileName.POSTFIX, ENFORCED, SECURE + SNI),
        (ProfileName.SENDMAIL, ENFORCED, SECURE + SNI),
        (ProfileName.POSTFIX, DaneRequired(enforced=ENFORCED), b"OK dane-only"),
        (ProfileName.POSTFIX_3_10, DaneRequired(enforced=ENFORCED), b"OK dane-only"),
        (ProfileName.SENDMAIL, DaneRequired(enforced=ENFORCED), SECURE + SNI),  # DANE is its own
    ],
)
def test_each_profile_is_the_form_of_its_mta(
    name: ProfileName, delivery: DeliveryPolicy, reply: bytes
) -> None:
    """One decision, in the words that each of them knows."""
    assert PROFILES[name].render(delivery) == reply


def test_only_a_postfix_that_reports_is_told_what_it_reports() -> None:
    """An older one would defer all mail for the attributes; both get the same policy."""
    assert b"policy_type=sts" in PROFILES[ProfileName.POSTFIX_3_10].render(ENFORCED)
    for name in set(ProfileName) - {ProfileName.POSTFIX_3_10}:
        assert b"policy_type" not in PROFILES[name].render(ENFORCED)


def test_sni_is_sent_unless_a_zone_does_without() -> None:
    """Which is for Postfix alone: Sendmail and Exim need it."""
    assert profiles(sni=True)[ProfileName.POSTFIX].render(ENFORCED) == SECURE + SNI
    assert profiles(sni=False)[ProfileName.POSTFIX].render(ENFORCED) == SECURE
    assert SNI not in profiles(sni=False)[ProfileName.POSTFIX_3_10].render(ENFORCED)
    assert profiles(sni=False)[ProfileName.SENDMAIL].render(ENFORCED) == SECURE + SNI


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, (SECURE + SNI, False, True)),
        ({"sni": False}, (SECURE, False, False)),
        ({"strict_testing": True}, (SECURE + SNI, True, False)),
        ({"strict_testing": True, "sni": False}, (SECURE, True, False)),
    ],
)
def test_a_zone_is_plain_where_it_chooses_nothing(
    choices: dict[str, bool], expected: tuple[bytes, bool, bool]
) -> None:
    """Plain zones of one profile can share an answer."""
    assert form(**choices) == expected


def test_what_testing_is_answered_is_for_all_zones_to_share() -> None:
    """It goes to those that report alone."""
    zones = {name.value: Zone(profile=name) for name in ProfileName}
    quiet = zone_forms(zones, testing=TestingAnswer.NOTFOUND)
    told = zone_forms(zones, testing=TestingAnswer.MAY)

    differ = {name for name in zones if quiet[name].render(TESTING) != told[name].render(TESTING)}
    assert differ == {"postfix-3.10"}


def test_each_map_of_old_has_its_form() -> None:
    """Whoever moves here changes the address in main.cf and nothing else."""
    assert {name: profile.value for name, profile in DEFAULT_MAPS.items()} == {
        "postfix": "postfix",
        "postfix-3.10": "postfix-3.10",
        "postfix-tlsrpt": "postfix-3.10",
        "sendmail": "sendmail",
        "sts": "sendmail",
        "QUERY": "postfix",
        "QUERYwithTLSRPT": "postfix-3.10",
        "exim": "exim",
    }
