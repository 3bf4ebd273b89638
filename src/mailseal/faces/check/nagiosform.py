"""Judgements as a monitoring plug-in prints them: one line with its figures, then long text.

The form is that of the Monitoring Plugins' guidelines, which Nagios, Icinga and others read.
"""

from collections.abc import Iterator, Sequence

from mailseal.checks.finding import Severity
from mailseal.checks.forecast import foresee_ends
from mailseal.checks.judge import Judgement
from mailseal.faces.check.exitcode import worst
from mailseal.faces.check.showing import printable
from mailseal.faces.check.words import SEVERITIES
from mailseal.quoting import name_some

MAX_LINES = 60  # ours: Nagios keeps 8 KiB
MAX_LINE_CHARS = 300
MAX_NAMED = 3
_STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}


def render(judgements: Sequence[Judgement]) -> str:
    """Return what a plug-in prints."""
    state = worst(judgements)
    first = f"{_STATES[state]} - {_say(judgements, state)} | {' '.join(_figures(judgements))}"
    lines = [first, *_long(judgements)]
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"and {len(lines) - MAX_LINES} more"]
    return "".join(f"{line}\n" for line in lines)


def _say(judgements: Sequence[Judgement], state: int) -> str:
    if len(judgements) == 1:
        (one,) = judgements
        return _plain(f"{one.domain}: {one.headline.verdict.words}. {one.headline.sentence}")
    if state == 0:
        return f"{len(judgements)} domains are well"
    those = [one.domain for one in judgements if worst([one]) == state]
    return _plain(f"{len(those)} of {len(judgements)} domains: {name_some(those, MAX_NAMED)}")


def _figures(judgements: Sequence[Judgement]) -> Iterator[str]:
    seen = [finding.severity for one in judgements for finding in one.findings]
    yield f"errors={seen.count(Severity.ERROR)};;0"
    yield f"warnings={seen.count(Severity.WARNING)};0"
    yield f"unknown={seen.count(Severity.UNKNOWN)}"
    days = [left for one in judgements for left in _days_left(one)]
    if days:
        yield f"certificate_days={min(days)}"
    evidences = [one.reading.evidence for one in judgements]
    seconds = [(one.finished_at - one.started_at).total_seconds() for one in evidences]
    yield f"time={max(seconds, default=0.0):.3f}s"


def _days_left(judgement: Judgement) -> Iterator[int]:
    for end in foresee_ends(judgement.reading):
        if end.is_certificate:
            yield (end.at - judgement.reading.now).days


def _long(judgements: Sequence[Judgement]) -> Iterator[str]:
    for judgement in judgements:
        if len(judgements) > 1:
            verdict = judgement.headline.verdict.words
            yield _plain(f"{judgement.domain}: {verdict}. {judgement.headline.sentence}")
        for one in judgement.findings:
            if one.severity is not Severity.INFO:
                yield _plain(f"{SEVERITIES[one.severity]} {one.code}: {one.seen} {one.follows}")


def _plain(text: str) -> str:
    """Return one line; a bar would begin figures."""
    line = printable(text).replace("|", "/").rstrip()
    return line if len(line) <= MAX_LINE_CHARS else f"{line[: MAX_LINE_CHARS - 3]}..."
