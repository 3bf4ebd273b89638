"""Results that may say more of this machine than of the domains: held back until that is clear.

When the resolver is away, every domain fails within seconds, and a scan would run through its
whole list and learn nothing; behind a firewall, no mail server answers. One result that proves
the contrary sets free those that were held; too many in a row end the work, and none of them
counts as done.
"""

import mailseal
from mailseal.answers import DnsFailure, LookupFailed
from mailseal.checks.evidence import Evidence
from mailseal.services.scanner import Examined

MAX_BLOCKED = 30  # ours: so many domains without a single connection to port 25 are no accident
MAX_SILENT = 100  # ours: so many look-ups in a row that no resolver answers are none either

_SILENT = (DnsFailure.TIMEOUT, DnsFailure.REFUSED)  # SERVFAIL is an answer, about the domain


class CannotSeeError(mailseal.Error):
    """Nothing can be found out from here for the time being."""


class Doubt:
    """Weighs results one after another."""

    def __init__(self) -> None:
        self._blocked: list[Examined] = []
        self._silent: list[Examined] = []

    def weigh(self, examined: Examined) -> tuple[Examined, ...]:
        """Return the results that can be kept now; raise ``CannotSeeError``."""
        evidence = examined.evidence
        if evidence is None:
            return (examined,)
        if _is_silent(evidence):
            self._silent.append(examined)
            if len(self._silent) >= MAX_SILENT:
                raise CannotSeeError(
                    f"no resolver has answered for {MAX_SILENT} domains in a row; see to it that "
                    "one does, and run the same again to go on"
                )
            return ()
        free = _take(self._silent)
        may_use = evidence.observer.may_use_port_25
        if may_use is False:
            self._blocked.append(examined)
            if len(self._blocked) >= MAX_BLOCKED:
                raise CannotSeeError(
                    "no mail server could be connected to: port 25 is blocked from here, as in "
                    "most clouds and homes; use --level policy, or scan from another network"
                )
            return free
        if may_use:
            free += _take(self._blocked)
        return (*free, examined)

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
