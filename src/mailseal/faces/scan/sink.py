"""Where the results of a scan on this machine go: evidence into its folder, then the line."""

from collections.abc import Iterable
from pathlib import Path

from mailseal.faces.scan.examination import keep_evidence
from mailseal.faces.scan.output import ResultFile
from mailseal.services.doubt import Control, Doubt
from mailseal.services.scanner import Examined


class FileSink:
    """Keeps results (the ``services.scanner.Sink`` protocol): what is done has both."""

    def __init__(self, results: ResultFile, evidence: Path | None, control: Control) -> None:
        self._results = results
        self._evidence = evidence
        self._doubt = Doubt(control)

    async def put(self, examined: Examined) -> None:
        """Keep one, unless it is in doubt; raise ``CannotSeeError`` or ``OSError``."""
        self._keep(await self._doubt.weigh(examined))

    def release(self) -> None:
        """Keep what was in doubt until the end."""
        self._keep(self._doubt.release())

    def _keep(self, some: Iterable[Examined]) -> None:
        for examined in some:
            if self._evidence is not None and examined.evidence is not None:
                keep_evidence(self._evidence, examined.evidence)
            self._results.put(examined.result)
