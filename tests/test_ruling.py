"""Whose MTA-STS policy counts, and in which mode: every combination of the operator's words."""

from datetime import timedelta

import pytest

from mailseal.decision import Rules
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.pins import Pin
from mailseal.mtasts.policy import Mode, Policy
from mailseal.overrides import DaneOverride, Match, Override, Scope, StsOverride
from mailseal.ruling import rule_dane, rule_sts


def policy(mode: str, host: str) -> Policy:
    """Make a policy for one host."""
    return Policy(mode=Mode(mode), max_age=timedelta(days=1), mx=(MxPattern(host),))


def match(sts: str = "", mx: str = "", dane: str = "") -> Match:
    """Make an override for example.com."""
    override = Override(
        domains=(Scope("example.com"),),
        sts=StsOverride(sts) if sts else None,
        mx=(MxPattern(mx),) if mx else (),
        dane=DaneOverride(dane) if dane else None,
    )
    return Match(scope=Scope("example.com"), override=override)


# own: the mode of the domain's policy; pin: "mode" or "mode hold"; sts: "word" or "word fixed";
# ruled: "source mode", and who changed the mode.
@pytest.mark.parametrize(
    ("own", "pin", "sts", "is_strict", "ruled"),
    [
        # Nothing said
        ("", "", "", False, "none -"),
        ("", "", "", True, "none -"),
        ("enforce", "", "", False, "domain enforce"),
        ("testing", "", "", False, "domain testing"),
        ("none", "", "", False, "domain none"),
        # A strict zone
        ("testing", "", "", True, "domain enforce strict-zone"),
        ("enforce", "", "", True, "domain enforce"),
        ("none", "", "", True, "domain none"),
        ("", "testing", "", True, "pin enforce strict-zone"),
        # Pins rank as what was fetched earlier
        ("", "enforce", "", False, "pin enforce"),
        ("", "testing", "", False, "pin testing"),
        ("testing", "enforce", "", False, "domain testing"),
        ("none", "enforce", "", False, "domain none"),
        ("enforce", "testing", "", False, "domain enforce"),
        # ... unless they are held
        ("testing", "enforce hold", "", False, "pin enforce"),
        ("none", "enforce hold", "", False, "pin enforce"),
        ("enforce", "testing hold", "", False, "pin testing"),
        # An override goes before everything
        ("enforce", "", "off", False, "override -"),
        ("", "", "off", False, "override -"),
        ("enforce", "enforce hold", "off", True, "override -"),
        ("enforce", "", "testing", False, "domain testing override"),
        ("enforce", "", "testing", True, "domain testing override"),
        ("testing", "", "testing", True, "domain testing"),  # its word counts more than the zone's
        ("none", "", "testing", False, "domain none"),
        ("", "enforce hold", "testing", False, "pin testing override"),
        ("testing", "", "enforce", False, "domain enforce override"),
        ("testing", "", "enforce", True, "domain enforce override"),
        ("enforce", "", "enforce", False, "domain enforce"),
        ("none", "", "enforce", False, "domain none"),  # the owner has taken it back
        ("", "", "enforce", False, "none -"),  # nothing is made up
        ("", "testing", "enforce", False, "pin enforce override"),
        # A fixed policy
        ("", "", "enforce fixed", False, "override enforce"),
        ("none", "", "enforce fixed", False, "override enforce"),
        ("testing", "enforce hold", "enforce fixed", False, "override enforce"),
        ("enforce", "", "testing fixed", False, "override testing"),
        ("enforce", "", "testing fixed", True, "override testing"),
    ],
)
def test_every_combination_has_one_ruling(
    own: str, pin: str, sts: str, is_strict: bool, ruled: str
) -> None:
    """Override, held pin, the domain's own, pin; then the mode."""
    word, _, is_fixed = sts.partition(" ")
    mode, _, hold = pin.partition(" ")
    ruling = rule_sts(
        policy(own, "own.example.com") if own else None,
        pin=Pin(policy=policy(mode, "pin.example.com"), hold=bool(hold)) if pin else None,
        match=match(word, "fixed.example.com" if is_fixed else "") if sts else None,
        strict_testing=is_strict,
    )

    seen = [ruling.source.value, ruling.policy.mode.value if ruling.policy else "-"]
    if ruling.mode_changed_by is not None:
        seen.append(ruling.mode_changed_by.value)
    assert " ".join(seen) == ruled
    if ruling.policy is not None:
        host = {"domain": "own", "pin": "pin", "override": "fixed"}[ruling.source.value]
        assert ruling.policy.covers(f"{host}.example.com")


@pytest.mark.parametrize(
    ("dane", "default_wants_dane", "rules"),
    [
        ("", False, Rules()),
        ("", True, Rules()),
        ("off", False, Rules(has_dane=False)),
        ("off", True, Rules(has_dane=False, overrules_default=True)),
        ("testing", False, Rules(has_dane=False)),
        ("testing", True, Rules(has_dane=False, overrules_default=True)),
        ("enforce", False, Rules(requires_dane=True)),
    ],
)
def test_an_override_changes_the_rules_of_dane(
    dane: str, default_wants_dane: bool, rules: Rules
) -> None:
    """Where main.cf itself says dane, to switch it off takes a word."""
    found = match(dane=dane) if dane else None
    assert rule_dane(Rules(), found, default_wants_dane=default_wants_dane) == rules
    assert rule_dane(Rules(), match(sts="off"), default_wants_dane=True) == Rules()
