"""Whom the service runs as: ``[process]``."""

from dataclasses import dataclass

from mailseal.config.keys import key
from mailseal.config.kinds import optional, word


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """What the service gives up when it is started as root."""

    user: str | None = key(
        None,
        optional(word("a user's name"), unset=""),
        "Become this user once the listeners are open, before anything is read from anybody.\n"
        "The user must be able to read the configuration file, for a reload.\n"
        "Not needed where the service is started as its own user, as by the systemd unit.\n"
        "A change takes a restart.",
        example="mailseal",
    )
    group: str | None = key(
        None,
        optional(word("a group's name"), unset=""),
        "The group to run in, with the user's other groups; the user's own when empty.",
        example="mailseal",
    )
