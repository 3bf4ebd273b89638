"""What a sender must do for a next hop: DANE and MTA-STS weighed together, for no MTA in particular.

RFC 8461 §2 forbids that MTA-STS overrides a failing DANE; RFC 7672 §2.2.1 forbids that a worse
MX host with TLSA records goes before a better one without. ``decide`` keeps both.
"""

from dataclasses import dataclass

from mailseal.mtasts.policy import Policy
from mailseal.names import Domain


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
    """Deliver as RFC 7672 says, host by host; a host without TLSA records gets opportunistic TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StsTesting:
    """Deliver as ever; the policy in mode ``testing`` is for reports (RFC 8461 §5)."""

    domain: Domain
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunistic:
    """Nothing is known against the MTA's own default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Do not deliver now; ``reason`` names the host and the cause, printable ASCII."""

    reason: str


DeliveryPolicy = (
    DaneRequired | DaneOpportunistic | StsEnforced | StsTesting | Opportunistic | Unavailable
)
