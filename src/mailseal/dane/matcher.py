"""Matches all chains of one judgement: each with the same records once, and within one effort.

Thirty hosts with a dozen addresses mostly show a few chains. Those that show a different one at
each address, to make work, find that the work is bounded for all of them together.
"""

from collections.abc import Sequence
from datetime import datetime

from mailseal.dane.effort import Effort
from mailseal.dane.match import DaneMatch, match_chain
from mailseal.dane.tlsa import TlsaRecord

_Question = tuple[tuple[TlsaRecord, ...], tuple[bytes, ...], tuple[str, ...], datetime]


class Matcher:
    """Remembers what it has found out; for one judgement."""

    def __init__(self, effort: Effort | None = None) -> None:
        self.effort = effort or Effort()
        self._known: dict[_Question, DaneMatch] = {}

    def match(
        self,
        records: Sequence[TlsaRecord],
        chain: Sequence[bytes],
        names: Sequence[str],
        now: datetime,
    ) -> DaneMatch:
        """Do what ``match_chain`` does."""
        question = (tuple(records), tuple(chain), tuple(names), now)
        if question not in self._known:
            self._known[question] = match_chain(records, chain, names, now, effort=self.effort)
        return self._known[question]
