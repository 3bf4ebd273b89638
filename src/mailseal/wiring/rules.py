"""What a configuration says about decisions."""

from mailseal.config import Config
from mailseal.config.words import MtaDefault
from mailseal.decision import Rules

WEAKER_THAN_DANE = frozenset({MtaDefault.NONE, MtaDefault.MAY, MtaDefault.ENCRYPT})


def decision_rules(config: Config) -> Rules:
    """Return the rules that hold for every domain without an override."""
    return Rules(
        has_dane=config.dane.enabled,
        partial_dane=config.dane.partial,
        default_is_dane=config.answers.mta_default not in WEAKER_THAN_DANE,
    )
