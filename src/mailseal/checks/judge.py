"""From evidence to findings and a headline: the whole judgement of one domain."""

from dataclasses import dataclass
from datetime import datetime

from mailseal.checks import caa, dmarc, spf, stsrecord, tlsrptrecord
from mailseal.checks.catalogue import CHECKS
from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.headline import say_headline
from mailseal.checks.reading import Reading, read
from mailseal.checks.verdict import Headline

# What a name lacks that does not exist is no news: nothing can be below it (RFC 8020 §2).
_LACKS = frozenset(each.ABSENT.code for each in (stsrecord, tlsrptrecord, spf, dmarc, caa))

_ORDER = (Severity.ERROR, Severity.UNKNOWN, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the evidence about one domain comes to; findings stand with the worst first."""

    reading: Reading
    headline: Headline
    findings: tuple[Finding, ...]

    @property
    def domain(self) -> str:
        """The domain judged."""
        return self.reading.domain


def judge(evidence: Evidence, *, now: datetime | None = None) -> Judgement:
    """Judge evidence as of ``now``, the end of the observation unless given."""
    reading = read(evidence, now=now)
    findings = [finding for check in CHECKS for finding in check(reading)]
    if reading.is_nowhere:
        findings = [finding for finding in findings if finding.code not in _LACKS]
    findings.sort(key=lambda finding: _ORDER.index(finding.severity))
    return Judgement(
        reading=reading,
        headline=say_headline(reading, findings),
        findings=tuple(findings),
    )
