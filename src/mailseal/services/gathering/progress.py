"""How far an observation has come, for whoever watches it."""

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Part(enum.StrEnum):
    """What kind of server a step asks."""

    DNS = "dns"
    POLICY = "policy"
    SMTP = "smtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step is done: so many of so many that are known of until now.

    ``subject`` is what was asked about, a name in DNS or ``host [address]``, printable ASCII.
    """

    domain: str
    part: Part
    subject: str
    done: int
    total: int


class Steps:
    """Counts steps and tells of each that ends; without a listener it does next to nothing."""

    def __init__(self, domain: str, listener: Callable[[Progress], None] | None) -> None:
        self._domain = domain
        self._listener = listener
        self._done = 0
        self._total = 0

    def plan(self) -> None:
        """Count a step that is about to be made."""
        self._total += 1

    def finish(self, part: Part, subject: str) -> None:
        """Count a step as made."""
        self._done += 1
        if self._listener is not None:
            self._listener(
                Progress(
                    domain=self._domain,
                    part=part,
                    subject=subject,
                    done=self._done,
                    total=self._total,
                )
            )
