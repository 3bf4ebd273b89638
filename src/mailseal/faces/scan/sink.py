"""Where the results of a scan on this machine go: evidence into its folder, then the line."""

from pathlib import Path

import mailseal
from mailseal.faces.scan.examination import keep_evidence
from mailseal.faces.scan.output import ResultFile
from mailseal.services.scanner import Examined

# ours: so many domains in a row without a single connection to port 25 of anybody are no accident
MAX_BLOCKED = 30


class PortBlockedError(mailseal.Error):
    """No mail server of the world can be asked from here."""


class FileSink:
    """Keeps results (the ``services.scanner.Sink`` protocol): what is done has both.

    Results that only say that port 25 is blocked from here are held back: either they are so
    many that the scan is not worth while, and then none of them counts as done, or they are
    kept after all.
    """

    def __init__(self, results: ResultFile, evidence: Path | None) -> None:
        self._results = results
        self._evidence = evidence
        self._held: list[Examined] = []

    def put(self, examined: Examined) -> None:
        """Keep one; raise ``PortBlockedError`` or ``OSError``."""
        evidence = examined.evidence
        may_use = evidence.observer.may_use_port_25 if evidence else None
        if may_use is False:
            self._held.append(examined)
            if len(self._held) == MAX_BLOCKED:
                raise PortBlockedError(
                    "no mail server could be connected to: port 25 is blocked from here, as in "
                    "most clouds and homes; use --level policy, or scan from another network"
                )
            return
        if may_use:
            self.release()
        self._keep(examined)

    def release(self) -> None:
        """Keep what was held back."""
        for examined in self._held:
            self._keep(examined)
        self._held.clear()

    def _keep(self, examined: Examined) -> None:
        if self._evidence is not None and examined.evidence is not None:
            keep_evidence(self._evidence, examined.evidence)
        self._results.put(examined.result)
