"""One domain of a scan: observed, judged and summed up; where wanted, its evidence kept."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from mailseal.checks.judge import judge
from mailseal.checks.saved import write_evidence
from mailseal.names import Domain
from mailseal.scans.result import sum_up
from mailseal.scans.unexamined import failed
from mailseal.services.judging import judge_aside
from mailseal.services.scanner import Examined

if TYPE_CHECKING:
    from mailseal.checks.evidence import Depth, Evidence
    from mailseal.services.checker import Checker

MAX_STEM = 200  # ours: names of files end at 255 bytes, those of domains at 253

log = structlog.get_logger()


class Examination:
    """Looks at domains with one checker, always equally deep."""

    def __init__(self, checker: "Checker", *, depth: "Depth", is_complete: bool = False) -> None:
        self._checker = checker
        self._depth = depth
        self._is_complete = is_complete

    async def __call__(self, number: int, domain: Domain) -> Examined:
        """Return what there is to say of a domain."""
        try:
            evidence = await self._checker.gather(
                domain, depth=self._depth, is_brief=not self._is_complete
            )
            result = sum_up(number, await judge_aside(evidence, judge))
        except Exception as error:
            # A fault of ours: one domain must not cost the others; a new run would meet it again
            # and never come past it.
            log.exception("domain could not be examined", domain=str(domain))
            return Examined(result=failed(number, domain, error))
        return Examined(result=result, evidence=evidence)


def keep_evidence(folder: Path, evidence: "Evidence") -> None:
    """Write evidence where ``evidence_place`` says; raise ``OSError``."""
    place = evidence_place(folder, evidence.domain)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(write_evidence(evidence) + b"\n")


def evidence_place(folder: Path, domain: str) -> Path:
    """Return the file of a domain's evidence: in one of 256 folders, so that none overflows."""
    digest = hashlib.blake2b(domain.encode(), digest_size=8).hexdigest()
    stem = domain if len(domain) <= MAX_STEM else f"{domain[:MAX_STEM]}-{digest}"
    return folder / digest[:2] / f"{stem}.json"
