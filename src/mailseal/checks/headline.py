"""How findings and the outlook of every host come to one verdict and its reasons."""

from collections.abc import Sequence

from mailseal.checks.finding import Finding, Severity
from mailseal.checks.reading import Reading
from mailseal.checks.verdict import Headline, Verdict


def say_headline(reading: Reading, findings: Sequence[Finding]) -> Headline:
    """Return the verdict, its sentence and the reasons for it."""
    errors = tuple(one.seen for one in findings if one.severity is Severity.ERROR)
    if not reading.wants_sts and not reading.has_dane:
        sentence = "Neither MTA-STS nor DANE protects mail to this domain."
        return Headline(verdict=Verdict.NOT_PUBLISHED, sentence=sentence, reasons=errors)
    sentence = "Not everything could be judged."
    return Headline(verdict=Verdict.CANNOT_TELL, sentence=sentence, reasons=errors)
