"""Judgements as plain text."""

from collections.abc import Iterator, Sequence

from mailseal.checks.finding import Finding
from mailseal.checks.judge import Judgement


def render(judgements: Sequence[Judgement]) -> str:
    """Return a block for each domain: the verdict, its reasons, then every finding."""
    blocks = ("\n".join(map(printable, _lines(judgement))) for judgement in judgements)
    return "\n\n".join(blocks) + "\n"


def _lines(judgement: Judgement) -> Iterator[str]:
    headline = judgement.headline
    yield f"{judgement.domain}: {headline.verdict}"
    yield headline.sentence
    for reason in headline.reasons:
        yield f"- {reason}"
    for finding in judgement.findings:
        yield ""
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity.value.upper()} {finding.code}: {finding.subject}"
    for text in (finding.seen, finding.follows, finding.remedy):
        if text:
            yield f"  {text}"
    for ready in finding.ready:
        yield f"  {ready.place}:"
        for line in ready.text.splitlines():
            yield f"    {line}"
    if finding.clause:
        yield f"  ({finding.clause})"


def printable(line: str) -> str:
    """Keep what a server has said from moving the cursor or changing colours."""
    return "".join(char if char.isprintable() else "?" for char in line)
