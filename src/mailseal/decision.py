"""What a sender must do for a next hop: DANE and MTA-STS weighed together, for any MTA.

RFC 8461 §2 forbids that MTA-STS overrides a failing DANE; RFC 7672 §2.2.1 forbids that a worse
MX host with TLSA records goes before a better one without. ``decide`` keeps both.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from mailseal.dane.exchange import DaneSummary, Exchange, ExchangeUnknown, MxHost
from mailseal.dane.host import TlsaState
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.quoting import name_some

MAX_TEMP_UNLEARNT = timedelta(hours=4)  # after that an unreachable DNS no longer holds mail back


@dataclass(frozen=True, slots=True, kw_only=True)
class StsEnforced:
    """Deliver only to MX hosts that the policy covers, over TLS with a valid certificate.

    ``only_hosts`` narrows it further to these exact MX names, when DANE forbids the others.
    """

    domain: Domain
    policy: Policy
    only_hosts: tuple[Domain, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DaneRequired:
    """Deliver only to hosts with usable TLSA records (RFC 7672, mandatory).

    ``enforced`` is the enforce policy that a sender without DANE falls back on, if there is one.
    """

    enforced: StsEnforced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaneOpportunistic:
    """Deliver as RFC 7672 says, host by host: one without TLSA records gets opportunistic TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StsTesting:
    """Deliver as ever; the policy in mode ``testing`` is for reports (RFC 8461 §5)."""

    domain: Domain
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptional:
    """Deliver with whatever TLS there is, though the MTA's own default is DANE.

    Only an operator's word for a single domain leads here.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunistic:
    """Nothing is known against the MTA's own default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Do not deliver now; ``reason`` names the host and the cause, printable ASCII.

    ``blames_policy`` says that the enforce policy itself stands in the way: before such an
    answer is given, the record's id must have been checked afresh (RFC 8461 §5).
    ``enforced`` is the enforce policy that a sender without DANE can go by instead.
    """

    reason: str
    blames_policy: bool = False
    enforced: StsEnforced | None = None


DeliveryPolicy = (
    DaneRequired
    | DaneOpportunistic
    | StsEnforced
    | StsTesting
    | TlsOptional
    | Opportunistic
    | Unavailable
)


class PartialDane(enum.StrEnum):
    """What an enforce policy means where only some MX hosts have usable TLSA records."""

    BY_PREFERENCE = "by-preference"
    DANE_ONLY = "dane-only"
    NARROW = "narrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an operator can choose about decisions.

    ``has_dane`` is false for an MTA without DNSSEC. ``default_is_dane`` says that the MTA's own
    default is DANE or stricter already, so that "opportunistic DANE" would be no more than it.
    ``requires_dane`` and ``overrules_default`` are an operator's words for one domain: deliver by
    DANE alone, whatever is published; do without DANE although the MTA's default is just that.
    """

    has_dane: bool = True
    partial_dane: PartialDane = PartialDane.BY_PREFERENCE
    default_is_dane: bool = False
    requires_dane: bool = False
    overrules_default: bool = False


def decide(
    domain: Domain,
    exchange: Exchange | ExchangeUnknown,
    policy: Policy | None,
    rules: Rules,
) -> DeliveryPolicy:
    """Weigh DANE and MTA-STS for one next hop.

    ``policy`` is the one in force for the policy domain ``domain``, None without one.
    The rows of the table are those of docs/explain/decisions.md, in its order.
    """
    if isinstance(exchange, Exchange) and exchange.mx.is_null:
        return Opportunistic()
    enforced = None
    if policy is not None and policy.mode is Mode.ENFORCE:
        enforced = StsEnforced(domain=domain, policy=policy)
    if rules.requires_dane:
        usable = enforced if enforced is not None and enforced.policy.usable_patterns else None
        return DaneRequired(enforced=usable)
    if enforced is None:
        answer = _without_enforcement(exchange, rules)
    else:
        answer = _with_enforcement(exchange, enforced, rules)
    if isinstance(answer, Opportunistic) and rules.overrules_default:
        return TlsOptional()
    if isinstance(answer, Opportunistic) and policy is not None and policy.mode is Mode.TESTING:
        return StsTesting(domain=domain, policy=policy)
    return answer


def _without_enforcement(exchange: Exchange | ExchangeUnknown, rules: Rules) -> DeliveryPolicy:
    if not rules.has_dane:
        return Opportunistic()
    match exchange:
        case ExchangeUnknown():
            wants_dane = True
        case Exchange() if exchange.unvalidated:
            # The MTA's own resolver may validate: DANE is for it to find out.
            wants_dane = True
        case Exchange():
            seen = exchange.states_seen
            if exchange.mx.is_secure and seen == {TlsaState.USABLE}:
                return DaneRequired()
            wants_dane = bool(seen - {TlsaState.NONE})
        case other:
            assert_never(other)
    if wants_dane and not rules.default_is_dane:
        return DaneOpportunistic()
    return Opportunistic()


def _with_enforcement(
    exchange: Exchange | ExchangeUnknown, enforced: StsEnforced, rules: Rules
) -> DeliveryPolicy:
    if isinstance(exchange, ExchangeUnknown):
        return _by_last_verdict(exchange, enforced, rules)
    seen = exchange.states_seen
    if not rules.has_dane:
        return _secure(exchange, enforced)
    if exchange.unvalidated:
        if exchange.last in {DaneSummary.ALL_USABLE, DaneSummary.MIXED}:
            return DaneRequired(enforced=enforced)
        return _secure(exchange, enforced)
    if not exchange.mx.is_secure:
        return _secure(exchange, enforced)
    if TlsaState.USABLE in seen:
        # spec: 8461 §2 does not say whether mx patterns count for a host that DANE authenticates.
        # They do not: DANE has the last word on the hosts that it covers.
        if seen <= {TlsaState.USABLE, TlsaState.FAILED} or _usable_comes_first(exchange, rules):
            return DaneRequired(enforced=enforced)
        return _narrowed(exchange, enforced) or DaneRequired(enforced=enforced)
    if TlsaState.FAILED in seen:
        if narrowed := _narrowed(exchange, enforced):
            return narrowed
        if any(enforced.policy.covers(host.name) for host, _ in exchange.states):
            # Only hosts that cannot be judged now are allowed: as strict as DANE, and it heals.
            return DaneRequired(enforced=enforced)
    return _secure(exchange, enforced)


def _by_last_verdict(
    unknown: ExchangeUnknown, enforced: StsEnforced, rules: Rules
) -> DeliveryPolicy:
    """Answer from memory: the MTA's own MX look-up has succeeded, so mail is about to go out."""
    if not enforced.policy.usable_patterns:
        return _no_pattern(enforced)
    if not rules.has_dane or unknown.last is DaneSummary.NONE:
        return enforced
    if unknown.last is not None:
        return DaneRequired(enforced=enforced)
    if unknown.failing_for >= MAX_TEMP_UNLEARNT:
        return enforced
    return Unavailable(
        reason=f"{unknown.reason}; DANE is unknown and must not be overridden",
        enforced=enforced,
    )


def _usable_comes_first(exchange: Exchange, rules: Rules) -> bool:
    """Tell whether a host with usable TLSA records is among the best that can be tried now."""
    if rules.partial_dane is not PartialDane.BY_PREFERENCE:
        return rules.partial_dane is PartialDane.DANE_ONLY
    judged = [pair for pair in exchange.states if pair[1].state is not TlsaState.FAILED]
    best = min(host.preference for host, _ in judged)
    return any(
        host.preference == best and state.state is TlsaState.USABLE for host, state in judged
    )


def _narrowed(exchange: Exchange, enforced: StsEnforced) -> StsEnforced | None:
    """Allow only the hosts that the policy covers and DANE says nothing of; None without one."""
    allowed = tuple(
        host.name
        for host, state in exchange.states
        if state.state in {TlsaState.NONE, TlsaState.UNUSABLE}
        and host.name.has_dot
        and enforced.policy.covers(host.name)
    )
    if not allowed:
        return None
    return StsEnforced(domain=enforced.domain, policy=enforced.policy, only_hosts=allowed)


def _secure(exchange: Exchange, enforced: StsEnforced) -> DeliveryPolicy:
    if not enforced.policy.usable_patterns:
        return _no_pattern(enforced)
    hosts = exchange.mx.hosts
    covered = [host for host in hosts if enforced.policy.covers(host.name)]
    if not covered:
        return Unavailable(
            reason=f"MTA-STS policy of {enforced.domain} allows none of its MX hosts "
            f"({_names(hosts)})",
            blames_policy=True,
        )
    if len(covered) < len(hosts) and exchange.is_surveyed:
        # Postfix returns the mail when the allowed hosts have no address and others do.
        reachable = {host for host, _ in exchange.states}
        if not reachable & set(covered):
            return Unavailable(
                reason=f"no MX host that the MTA-STS policy of {enforced.domain} allows has an "
                f"address ({_names(covered)})",
                blames_policy=True,
            )
    return enforced


def _names(hosts: Sequence[MxHost]) -> str:
    return name_some([host.name for host in hosts], 3) or "none"


def _no_pattern(enforced: StsEnforced) -> Unavailable:
    return Unavailable(
        reason=f"MTA-STS policy of {enforced.domain} has no mx pattern that a host could match",
        blames_policy=True,
    )
