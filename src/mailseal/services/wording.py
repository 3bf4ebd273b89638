"""A decision in words and fields, the same in logs, explanations and counters."""

from mailseal.decision import DeliveryPolicy, StsEnforced
from mailseal.mtasts.freshness import CachedPolicy
from mailseal.overrides import Match
from mailseal.ruling import Ruling, Source

_WORDS = {
    "DaneRequired": "dane-required",
    "DaneOpportunistic": "dane-opportunistic",
    "StsEnforced": "sts-enforced",
    "StsTesting": "sts-testing",
    "TlsOptional": "tls-optional",
    "Opportunistic": "opportunistic",
    "Unavailable": "unavailable",
}


def word_for(delivery: DeliveryPolicy) -> str:
    """Name a decision in one word for logs and people."""
    if isinstance(delivery, StsEnforced) and delivery.only_hosts:
        return "sts-enforced-narrowed"
    return _WORDS[type(delivery).__name__]


def view_facts(resolvers: tuple[str, ...]) -> dict[str, object]:
    """Say as a field of a log line which resolvers were asked, if not those of the service."""
    return {"resolvers": ",".join(resolvers)} if resolvers else {}


def policy_facts(
    ruling: Ruling, cached: CachedPolicy | None, match: Match | None
) -> dict[str, object]:
    """Say as fields of a log line which policy counted, and on whose word if not the domain's."""
    facts: dict[str, object] = {}
    if ruling.policy is not None:
        facts["mode"] = ruling.policy.mode.value
    if ruling.source is Source.DOMAIN and cached is not None:
        facts.update(id=cached.id, until=cached.expires_at)
    elif ruling.source is Source.PIN:
        facts["policy_from"] = "pin"
    if ruling.mode_changed_by is not None:
        facts["mode_by"] = ruling.mode_changed_by.value
    if match is not None:
        override = match.override
        words = {"_sts": override.sts, "_dane": override.dane, "_comment": override.comment}
        facts["override"] = match.scope.text
        facts |= {f"override{name}": str(word) for name, word in words.items() if word}
    return facts
