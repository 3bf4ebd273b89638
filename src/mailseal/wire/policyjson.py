"""The JSON form of an answer, for what speaks neither socketmap nor the one-line protocol.

The types are the format: what is sent is encoded from them, and the OpenAPI description is made
of them, so that neither can say what the other does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal, assert_never

import msgspec

from mailseal import decision
from mailseal.dane import exchange as mail_exchange
from mailseal.dane.host import TlsaState
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.mtasts.policy import Policy
from mailseal.names import NextHop
from mailseal.ruling import Ruling, Source
from mailseal.wire import patterns, postfix

Action = Literal[
    "require-dane", "prefer-dane", "require-certificate", "any-tls", "mta-default", "defer"
]


_SOURCES: Mapping[Source, Literal["domain", "override", "pin"]] = {
    Source.DOMAIN: "domain",
    Source.OVERRIDE: "override",
    Source.PIN: "pin",
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender must do; ``action`` is all that a simple one needs to look at."""

    action: Annotated[
        Action,
        msgspec.Meta(
            description="require-dane: deliver only to hosts whose TLSA records match. "
            "prefer-dane: by DANE (RFC 7672) where a host has it, else as the MTA's default. "
            "require-certificate: deliver only to MX hosts that allowed_mx covers, over TLS 1.2 "
            "or later with a valid certificate for the MX host's name. "
            "any-tls: with whatever TLS there is. "
            "mta-default: nothing is known against the MTA's own default. "
            "defer: do not deliver now; reason says why."
        ),
    ]
    answer: Annotated[
        str, msgspec.Meta(description="The decision in mailseal's own word, as in its log.")
    ]
    allowed_mx: Annotated[
        list[str],
        msgspec.Meta(
            description="For require-certificate: MX host names and patterns; a star stands for "
            "exactly one label."
        ),
    ]
    reason: str | None
    fresh_for_s: float
    usable_for_s: Annotated[
        float, msgspec.Meta(description="How long the answer may be repeated, in seconds.")
    ]


class StsPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The MTA-STS policy that counts (RFC 8461); id and dates are null where it is not fetched."""

    source: Annotated[
        Literal["domain", "override", "pin"],
        msgspec.Meta(description="On whose word: the domain's own, or the operator's."),
    ]
    mode_changed_by: Annotated[
        Literal["override", "strict-zone"] | None,
        msgspec.Meta(description="Who has made the mode another one than the policy's own."),
    ]
    mode: Literal["enforce", "testing", "none"]
    mx: list[str]
    max_age_s: int
    id: str | None
    fetched_at: datetime | None
    expires_at: datetime | None
    id_checked_at: datetime | None


class MxHost(msgspec.Struct, frozen=True, kw_only=True):
    """One MX host with its DANE state (RFC 7672)."""

    host: str
    preference: int
    covered: Annotated[
        bool | None, msgspec.Meta(description="Whether the policy in force allows this host.")
    ]
    dane: Annotated[
        Literal["usable", "unusable", "none", "failed"] | None,
        msgspec.Meta(description="null: not looked up, or the host has no address."),
    ]
    reason: str
    tlsa_base: str
    tlsa: list[str]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail for the next hop goes, best preference first."""

    state: Literal["known", "unknown", "null-mx"]
    dnssec: Annotated[
        bool | None, msgspec.Meta(description="Whether the MX set was validated by DNSSEC.")
    ]
    reason: str | None
    hosts: list[MxHost]


class TlsrptPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy as a TLS report names it (RFC 8460 §4.4)."""

    policy_type: Literal["sts", "tlsa", "no-policy-found"]
    policy_domain: str
    policy_string: list[str]
    mx_host_pattern: list[str]


class PolicyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer for a next hop."""

    next_hop: str
    policy_domain: str
    zone: str | None
    reply: Annotated[str | None, msgspec.Meta(description="What an MTA of the zone is answered.")]
    decision: Decision
    sts: StsPolicy | None
    exchange: Exchange
    tlsrpt: list[TlsrptPolicy]
    replies: Annotated[
        dict[str, str], msgspec.Meta(description="What each profile of MTA is answered.")
    ]


def describe(
    next_hop: NextHop,
    delivery: decision.DeliveryPolicy,
    *,
    word: str,
    ruling: Ruling,
    cached: CachedPolicy | None,
    exchange: mail_exchange.Exchange | mail_exchange.ExchangeUnknown,
    fresh_for_s: float,
    usable_for_s: float,
    replies: Mapping[str, bytes],
    zone: str | None = None,
    reply: bytes | None = None,
) -> PolicyAnswer:
    """Put an answer into its JSON form; ``word`` is the log's word for the decision."""
    return PolicyAnswer(
        next_hop=str(next_hop),
        policy_domain=str(next_hop.domain),
        zone=zone,
        reply=reply.decode("ascii") if reply is not None else None,
        decision=Decision(
            action=action_of(delivery),
            answer=word,
            allowed_mx=_allowed_mx(delivery),
            reason=delivery.reason if isinstance(delivery, decision.Unavailable) else None,
            fresh_for_s=round(fresh_for_s, 1),
            usable_for_s=round(usable_for_s, 1),
        ),
        sts=_sts(ruling, cached),
        exchange=_exchange(exchange, ruling.policy),
        tlsrpt=list(_tlsrpt(next_hop, delivery, exchange)),
        replies={name: reply.decode("ascii") for name, reply in replies.items()},
    )


def action_of(delivery: decision.DeliveryPolicy) -> Action:
    """Name what a sender must do."""
    match delivery:
        case decision.DaneRequired():
            return "require-dane"
        case decision.DaneOpportunistic():
            return "prefer-dane"
        case decision.StsEnforced():
            # Without a usable pattern nothing may be delivered, as in every other form.
            return "require-certificate" if _allowed_mx(delivery) else "defer"
        case decision.StsTesting() | decision.Opportunistic():
            return "mta-default"
        case decision.Unavailable():
            return "defer"
        case decision.TlsOptional():
            return "any-tls"
    assert_never(delivery)


def _allowed_mx(delivery: decision.DeliveryPolicy) -> list[str]:
    if not isinstance(delivery, decision.StsEnforced):
        return []
    return _usable(delivery.only_hosts or [pattern.text for pattern in delivery.policy.mx])


def _usable(mx: Iterable[str]) -> list[str]:
    # Plain ones: a Domain is a str to every reader of types, but not to the encoder.
    return [str(one) for one in patterns.usable(mx)]


def _sts(ruling: Ruling, cached: CachedPolicy | None) -> StsPolicy | None:
    policy = ruling.policy
    if policy is None:
        return None
    own = cached if ruling.source is Source.DOMAIN else None
    return StsPolicy(
        source=_SOURCES[ruling.source],
        mode_changed_by=ruling.mode_changed_by.value if ruling.mode_changed_by else None,
        mode=policy.mode.value,
        mx=[pattern.text for pattern in policy.mx],
        max_age_s=int(policy.max_age.total_seconds()),
        id=own.id if own else None,
        fetched_at=_whole(own.fetched_at) if own else None,
        expires_at=_whole(own.expires_at) if own else None,
        id_checked_at=_whole(own.id_checked_at) if own else None,
    )


def _exchange(
    exchange: mail_exchange.Exchange | mail_exchange.ExchangeUnknown, policy: Policy | None
) -> Exchange:
    if isinstance(exchange, mail_exchange.ExchangeUnknown):
        return Exchange(state="unknown", dnssec=None, reason=exchange.reason, hosts=[])
    states = {host.name: state for host, state in exchange.states}
    hosts = []
    for host in exchange.mx.hosts:
        state = states.get(host.name)
        hosts.append(
            MxHost(
                host=str(host.name),
                preference=host.preference,
                covered=policy.covers(host.name) if policy is not None else None,
                dane=state.state.value if state else None,
                reason=state.reason if state else "",
                tlsa_base=str(state.base) if state else "",
                tlsa=[str(record) for record in state.records] if state else [],
            )
        )
    return Exchange(
        state="null-mx" if exchange.mx.is_null else "known",
        dnssec=exchange.mx.is_secure,
        reason=None,
        hosts=hosts,
    )


def _tlsrpt(
    next_hop: NextHop,
    delivery: decision.DeliveryPolicy,
    exchange: mail_exchange.Exchange | mail_exchange.ExchangeUnknown,
) -> Iterator[TlsrptPolicy]:
    """Yield the policies that a delivery by this answer is reported under (RFC 8460 §4.4).

    With DANE there is one for each host, under its TLSA base domain.
    """
    if isinstance(delivery, decision.StsEnforced | decision.StsTesting):
        only_hosts = delivery.only_hosts if isinstance(delivery, decision.StsEnforced) else ()
        mx = only_hosts or [pattern.text for pattern in delivery.policy.mx]
        yield TlsrptPolicy(
            policy_type="sts",
            policy_domain=str(delivery.domain),
            policy_string=postfix.policy_strings(delivery.policy),
            mx_host_pattern=_usable(mx),
        )
        return
    if isinstance(delivery, decision.Unavailable):
        return
    found = False
    if isinstance(delivery, decision.DaneRequired | decision.DaneOpportunistic) and isinstance(
        exchange, mail_exchange.Exchange
    ):
        for _, state in exchange.states:
            if state.state is TlsaState.USABLE:
                found = True
                yield TlsrptPolicy(
                    policy_type="tlsa",
                    policy_domain=str(state.base),
                    policy_string=[str(record) for record in state.records],
                    mx_host_pattern=[],
                )
    if not found and not isinstance(delivery, decision.DaneRequired):
        yield TlsrptPolicy(
            policy_type="no-policy-found",
            policy_domain=str(next_hop.domain),
            policy_string=[],
            mx_host_pattern=[],
        )


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)
