"""What a configuration says about decisions."""

from mailseal.config import Config
from mailseal.decision import Rules


def decision_rules(config: Config) -> Rules:
    """Return the rules that hold for every domain without an override."""
    return Rules(
        has_dane=config.dane.enabled,
        partial_dane=config.dane.partial,
        default_is_dane=config.answers.mta_default.is_dane_or_stricter,
    )
