"""Results that may say more of this machine than of the domains: held back until that is clear.

When the resolver is away, every domain fails within seconds, and a scan would run through its
whole list and learn nothing; behind a firewall, no mail server answers. One result that proves
the contrary sets free those that were held. When there are too many in a row, a control question
decides: they are kept as what they are, or the work ends and none of them counts as done. Dead
domains take the longest, so that they stand together at the end of every list.
"""

from typing import Protocol

import mailseal
from mailseal.answers import DnsFailure, LookupFailed
from mailseal.checks.evidence import Evidence
from mailseal.services.scanner import Examined

MAX_BLOCKED = 30  # ours: so many domains without a single connection to port 25 are no accident
MAX_SILENT = 100  # ours: so many look-ups in a row that no resolver answers are none either

_SILENT = (DnsFailure.TIMEOUT, DnsFailure.REFUSED)  # SERVFAIL is an answer, about the domain


class CannotSeeError(mailseal.Error):
    """Nothing can be found out from here for the time being."""


class Control(Protocol):
    """Asks what does not depend on the domains."""

    async def can_resolve(self) -> bool:
        """Tell whether a resolver answers at all."""
        ...

    async def can_use_port_25(self) -> bool:
        """Tell whether any mail server could be connected to."""
        ...


class Doubt:
    """Weighs results one after another, of any number of callers at a time."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._blocked: list[Examined] = []
        self._silent: list[Examined] = []

    async def weigh(self, examined: Examined) -> tuple[Examined, ...]:
        """Return the results that can be kept now; raise ``CannotSeeError``."""
        evidence = examined.evidence
        if evidence is None:
            return (examined,)
        if _is_silent(evidence):
            return await self._weigh_silent(examined)
        free = _take(self._silent)
        may_use = evidence.observer.may_use_port_25
        if may_use is False:
            return free + await self._weigh_blocked(examined)
        if may_use:
            free += _take(self._blocked)
        return (*free, examined)

    async def _weigh_silent(self, examined: Examined) -> tuple[Examined, ...]:
        self._silent.append(examined)
        if len(self._silent) < MAX_SILENT:
            return ()
        held = _take(self._silent)
        if not await self._control.can_resolve():
            raise CannotSeeError(
                f"no resolver has answered for {MAX_SILENT} domains in a row, nor a question that "
                "is not about them; see to it that one does, and run the same again to go on"
            )
        return held

    async def _weigh_blocked(self, examined: Examined) -> tuple[Examined, ...]:
        self._blocked.append(examined)
        if len(self._blocked) < MAX_BLOCKED:
            return ()
        held = _take(self._blocked)
        if not await self._control.can_use_port_25():
            raise CannotSeeError(
                "no mail server could be connected to: port 25 is blocked from here, as in most "
                "clouds and homes; use --level policy, or scan from another network. If it is "
                "open and the servers of this list are dead, name one that is not as "
                "port_25_references in [check]"
            )
        return held

    def release(self) -> tuple[Examined, ...]:
        """Return what is still held: the work is over, and they were few."""
        return _take(self._silent) + _take(self._blocked)


def _take(held: list[Examined]) -> tuple[Examined, ...]:
    taken = tuple(held)
    held.clear()
    return taken


def _is_silent(evidence: Evidence) -> bool:
    answers = (evidence.records.mx, evidence.records.sts)
    return all(isinstance(one, LookupFailed) and one.failure in _SILENT for one in answers)
