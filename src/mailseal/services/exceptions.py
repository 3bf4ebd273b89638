"""What the operator has excepted or pinned, brought together for one question."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from mailseal.decision import Rules
from mailseal.mtasts.pins import Pin
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain
from mailseal.overrides import DaneOverride, Match, Overrides, StsOverride
from mailseal.ports.clock import Clock
from mailseal.ruling import Ruling, Source, rule_dane, rule_sts
from mailseal.services.pinbook import PinBook

log = structlog.stdlib.get_logger("mailseal.exceptions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms on which a question is decided; ``ends`` is when they will be others."""

    match: Match | None
    pin: Pin | None
    rules: Rules
    strict_testing: bool
    ends: datetime | None

    @property
    def settles_sts(self) -> bool:
        """Whether the domain's own policy makes no difference, so that it need not be looked up."""
        if self.match is not None and self.match.override.settles_sts:
            return True
        return self.pin is not None and self.pin.hold

    @property
    def shows_dane(self) -> bool:
        """Whether the hosts' DANE state is wanted, to decide by or to be shown."""
        return self.rules.has_dane or (
            self.match is not None and self.match.override.dane is DaneOverride.TESTING
        )

    def rule(self, found: Policy | None) -> Ruling:
        """Say which policy counts beside the one that the domain itself serves."""
        return rule_sts(found, pin=self.pin, match=self.match, strict_testing=self.strict_testing)

    def is_beyond_doubt(self, ruling: Ruling) -> bool:
        """Tell whether a stored policy that cannot be read could not make the answer stricter."""
        if self.rules.requires_dane or ruling.source is Source.OVERRIDE:
            return True
        return ruling.policy is not None and ruling.policy.mode is Mode.ENFORCE


class Exceptions:
    """Finds the terms for a domain; tells once of each override that has expired."""

    def __init__(
        self,
        *,
        clock: Clock,
        overrides: Overrides | None = None,
        pins: PinBook | None = None,
        default_wants_dane: bool = False,
    ) -> None:
        self._clock = clock
        self._overrides = overrides or Overrides()
        self._default_wants_dane = default_wants_dane
        self._told: set[str] = set()
        self.pins = pins or PinBook(clock=clock)

    def terms(self, domain: Domain, rules: Rules, *, strict_testing: bool) -> Terms:
        """Return what counts for a domain now."""
        now = self._clock.now()
        for expired in self._overrides.expired(domain, now):
            self._tell(expired)
        match = self._overrides.find(domain, now)
        pin = self.pins.pin_for(domain)
        if match is not None and match.override.sts is StsOverride.OFF:
            pin = None
        ends = [self.pins.expires if pin is not None else None]
        ends.append(match.override.expires if match is not None else None)
        return Terms(
            match=match,
            pin=pin,
            rules=rule_dane(rules, match, default_wants_dane=self._default_wants_dane),
            strict_testing=strict_testing,
            ends=min((end for end in ends if end is not None), default=None),
        )

    def still_hold(self, domain: Domain, terms: Terms) -> bool:
        """Tell whether the pin of a moment ago is the one that applies now."""
        if terms.match is not None and terms.match.override.sts is StsOverride.OFF:
            return True
        return self.pins.pin_for(domain) == terms.pin

    def _tell(self, expired: Match) -> None:
        if expired.scope.text in self._told:
            return
        self._told.add(expired.scope.text)
        log.warning(
            "override has expired",
            override=expired.scope.text,
            expired=expired.override.expires,
            comment=expired.override.comment,
            action="decide-without-it",
        )
