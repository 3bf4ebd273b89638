"""Where the answerer's questions become finished bytes, each within the time that it still has."""

import time
from datetime import timedelta

import structlog

from mailseal.config import Config
from mailseal.decision import DeliveryPolicy
from mailseal.names import NextHop, parse_next_hop
from mailseal.services.policyservice import PolicyService
from mailseal.services.wording import word_for
from mailseal.wire import link, profiles, socketmap

log = structlog.stdlib.get_logger("mailseal.policyd")

ON_THE_WAY = timedelta(milliseconds=300)  # ours: for an answer to be written and read
AT_LEAST = timedelta(milliseconds=100)  # ours: to look into the store takes less


class Desk:
    """Turns the answerer's questions into finished bytes."""

    def __init__(self, service: PolicyService, config: Config) -> None:
        self._service = service
        self._zones = config.zones
        self._forms = profiles.zone_forms(config.zones, testing=config.answers.testing)

    def render(self, zone: str, delivery: DeliveryPolicy) -> bytes:
        """Return the reply payload of a zone for a decision."""
        return self._forms[zone].render(delivery)

    async def answer(self, ask: link.Ask) -> link.Put:
        """Decide and render; an error of ours is answered TEMP, and told in the log."""
        next_hop = parse_next_hop(ask.next_hop)
        zone = self._zones.get(ask.zone)
        if zone is None or not isinstance(next_hop, NextHop):
            return self._put(ask, socketmap.temp("mailseal was asked what it cannot answer"))
        try:
            resolution = await self._service.views.of(ask.zone).resolver.resolve(
                next_hop,
                timeout=time_left(zone.answer_within, ask, time.monotonic()),
                wait_for_fresh=ask.is_revalidation,
                strict_testing=zone.strict_testing,
            )
            reply = self.render(ask.zone, resolution.delivery)
        except Exception:
            # A fault of ours: this mail waits, and nobody else's.
            log.exception("question could not be answered", next_hop=ask.next_hop, zone=ask.zone)
            return self.apology(ask)
        self._service.meter.decisions.add(
            ask.zone, zone.profile.value, word_for(resolution.delivery)
        )
        return self._put(
            ask,
            reply,
            fresh_for=resolution.fresh_for,
            usable_for=resolution.usable_for,
        )

    def apology(self, ask: link.Ask) -> link.Put:
        """Let mail wait for an error of ours."""
        return self._put(ask, socketmap.temp("internal error of mailseal, see its log"))

    def _put(
        self,
        ask: link.Ask,
        reply: bytes,
        *,
        fresh_for: timedelta = timedelta(0),
        usable_for: timedelta = timedelta(0),
    ) -> link.Put:
        return link.Put(
            zone=ask.zone,
            next_hop=ask.next_hop,
            fresh_for_ms=_milliseconds(fresh_for),
            usable_for_ms=_milliseconds(usable_for),
            reply=reply,
        )


def time_left(longest: timedelta, ask: link.Ask, now: float) -> timedelta:
    """Return how long there is for an answer: less than usual where the asker has waited already.

    Such as for this process to start. What is known, then, is answered in time.
    """
    if not ask.until_ms:
        return longest
    left = timedelta(milliseconds=ask.until_ms - now * 1000) - ON_THE_WAY
    return max(min(longest, left), AT_LEAST)


def _milliseconds(duration: timedelta) -> int:
    return max(0, int(duration.total_seconds() * 1000))
