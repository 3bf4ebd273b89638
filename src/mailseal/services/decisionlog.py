"""Tells the log of decisions: each when it is made or changes, never when it is repeated."""

import structlog

from mailseal.dane.exchange import ExchangeUnknown
from mailseal.decision import Unavailable
from mailseal.names import NextHop
from mailseal.ruling import ModeChange
from mailseal.services.resolution import Resolution
from mailseal.services.wording import policy_facts, view_facts, word_for

log = structlog.stdlib.get_logger("mailseal.resolver")

MAX_REMEMBERED = 200_000  # ours; one that was forgotten is told once more


class DecisionLog:
    """Remembers what was last said of each next hop; ``resolvers`` are named if a zone's own."""

    def __init__(self, resolvers: tuple[str, ...] = ()) -> None:
        self._words: dict[tuple[NextHop, bool], str] = {}
        self._view_facts = view_facts(resolvers)

    def last_word(self, next_hop: NextHop) -> str | None:
        """Return the word that was last said of a next hop, strict zones aside."""
        return self._words.get((next_hop, False))

    def tell(self, resolution: Resolution) -> None:
        """Log a decision when it is made or changes, never when it is repeated."""
        word = word_for(resolution.delivery)
        # Strict zones may be told different things, and are told them in lines of their own.
        is_their_own = resolution.ruling.mode_changed_by is ModeChange.ZONE
        asked = (resolution.next_hop, is_their_own)
        before = self._words.get(asked)
        if word == before:
            return
        if before is None and len(self._words) >= MAX_REMEMBERED:
            del self._words[next(iter(self._words))]
        self._words[asked] = word
        facts: dict[str, object] = {"next_hop": str(resolution.next_hop), "answer": word}
        if before is not None:
            facts["before"] = before
        facts |= self._view_facts
        facts |= policy_facts(resolution.ruling, resolution.sts.cached, resolution.match)
        if isinstance(resolution.exchange, ExchangeUnknown):
            facts["dns"] = resolution.exchange.reason
        elif resolution.exchange.unvalidated:
            facts["dns"] = f"not validated: {resolution.exchange.unvalidated}"
        if isinstance(resolution.delivery, Unavailable):
            log.warning("mail has to wait", reason=resolution.delivery.reason, **facts)
        else:
            log.info("decision made" if before is None else "decision changed", **facts)
