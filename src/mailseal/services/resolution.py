"""What came of a question about a next hop: the decision, and all that it was made of."""

from dataclasses import dataclass
from datetime import timedelta

from mailseal.dane.exchange import Exchange, ExchangeUnknown
from mailseal.decision import DeliveryPolicy
from mailseal.names import NextHop
from mailseal.overrides import Match
from mailseal.ruling import Ruling
from mailseal.services.domainstate import StsView


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A decision with what it was made of, and how long it may be given again.

    ``sts`` is what is known of the domain's own policy, ``ruling`` the policy that counted, and
    ``match`` the operator's override.
    """

    next_hop: NextHop
    delivery: DeliveryPolicy
    sts: StsView
    ruling: Ruling
    match: Match | None
    exchange: Exchange | ExchangeUnknown
    fresh_for: timedelta
    usable_for: timedelta
