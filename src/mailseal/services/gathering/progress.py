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
    """A step has begun or is done: so many are done of so many that are known of until now.

    ``subject`` is what it asks about, a name in DNS or ``host [address]``, printable ASCII.
    ``waits_for`` is the subject of the step that is under way for longest, "" where none is.
    """

    domain: str
    part: Part
    subject: str
    done: int
    total: int
    waits_for: str = ""


class Steps:
    """Counts steps and tells of each; without a listener it does next to nothing."""

    def __init__(self, domain: str, listener: Callable[[Progress], None] | None) -> None:
        self._domain = domain
        self._listener = listener
        self._under_way: list[str] = []
        self._done = 0
        self._total = 0

    def begin(self, part: Part, subject: str) -> None:
        """Count a step that is about to be made."""
        self._total += 1
        if self._listener is not None:
            self._under_way.append(subject)
            self._listener(self._now(part, subject))

    def finish(self, part: Part, subject: str) -> None:
        """Count a step as made."""
        self._done += 1
        if self._listener is not None:
            self._under_way.remove(subject)
            self._listener(self._now(part, subject))

    def _now(self, part: Part, subject: str) -> Progress:
        return Progress(
            domain=self._domain,
            part=part,
            subject=subject,
            done=self._done,
            total=self._total,
            waits_for=self._under_way[0] if self._under_way else "",
        )
