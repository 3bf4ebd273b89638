"""Which MTA-STS policy counts for a question, and on whose word.

In this order: the operator's override, a pin that is to be held, the policy that the domain
itself serves, a pin. Then its mode may be changed: by an override, or by a strict zone.
"""

import enum
from dataclasses import dataclass, replace

from mailseal.decision import Rules
from mailseal.mtasts.pins import Pin
from mailseal.mtasts.policy import Mode, Policy
from mailseal.overrides import DaneOverride, Match, StsOverride


class Source(enum.StrEnum):
    """On whose word a policy counts, or none does."""

    DOMAIN = "domain"
    OVERRIDE = "override"
    PIN = "pin"
    NONE = "none"


class ModeChange(enum.StrEnum):
    """Who has made the mode another one than the policy's own."""

    OVERRIDE = "override"
    ZONE = "strict-zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The policy that counts, in the mode that counts; None without one."""

    policy: Policy | None
    source: Source
    mode_changed_by: ModeChange | None = None


def rule_sts(
    found: Policy | None, *, pin: Pin | None, match: Match | None, strict_testing: bool
) -> Ruling:
    """Choose among what is known of a domain.

    ``found`` is the domain's own policy in force, ``pin`` one that applies: not expired, and not
    replaced by a later policy of the domain's own.
    """
    override = match.override if match is not None else None
    if override is not None and override.sts is StsOverride.OFF:
        return Ruling(policy=None, source=Source.OVERRIDE)
    if override is not None and (fixed := override.fixed_policy) is not None:
        return Ruling(policy=fixed, source=Source.OVERRIDE)
    if pin is not None and (pin.hold or found is None):
        policy, source = pin.policy, Source.PIN
    elif found is not None:
        policy, source = found, Source.DOMAIN
    else:
        return Ruling(policy=None, source=Source.NONE)
    wanted, changed_by = _mode(policy.mode, override.sts if override else None, strict_testing)
    return Ruling(
        policy=policy if changed_by is None else replace(policy, mode=wanted),
        source=source,
        mode_changed_by=changed_by,
    )


def rule_dane(rules: Rules, match: Match | None, *, default_wants_dane: bool) -> Rules:
    """Return the rules of a decision for a domain.

    ``default_wants_dane`` says that the MTA's own default is DANE and nothing else, so that to
    switch DANE off takes a word of ours.
    """
    match match.override.dane if match is not None else None:
        case DaneOverride.OFF | DaneOverride.TESTING:
            return replace(rules, has_dane=False, overrules_default=default_wants_dane)
        case DaneOverride.ENFORCE:
            return replace(rules, requires_dane=True)
        case None:
            return rules


def _mode(
    mode: Mode, override: StsOverride | None, strict_testing: bool
) -> tuple[Mode, ModeChange | None]:
    if mode is Mode.NONE:
        return mode, None  # the domain takes its policy back; there is nothing to enforce
    if override is StsOverride.TESTING:
        return Mode.TESTING, ModeChange.OVERRIDE if mode is Mode.ENFORCE else None
    if mode is Mode.TESTING and override is StsOverride.ENFORCE:
        return Mode.ENFORCE, ModeChange.OVERRIDE
    if mode is Mode.TESTING and strict_testing:
        return Mode.ENFORCE, ModeChange.ZONE
    return mode, None
