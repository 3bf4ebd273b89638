"""From a look's evidence to all that it changes: findings over time, memory, figures, news."""

import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from mailseal.checks.changes import Span, advance
from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Finding, Severity
from mailseal.checks.forecast import foresee_ends
from mailseal.checks.history import check_history
from mailseal.checks.judge import Judgement, judge
from mailseal.checks.memory import Memory, MemorySyntaxError, read_memory, remember, write_memory
from mailseal.checks.saved import MAX_SAVED_BYTES, SavedEvidenceError, write_evidence
from mailseal.checks.sight import could_see
from mailseal.checks.verdict import Verdict
from mailseal.watch.notice import Notice
from mailseal.watch.records import Figures, Look, Observation, Watched
from mailseal.watch.rules import WatchRules

MAX_KEPT_BYTES = 1024 * 1024  # ours, compressed: a usual look has 10 KB, 32 hosts have 300


def judge_look(
    before: Watched,
    spans: Sequence[Span],
    evidence: Evidence,
    rules: WatchRules,
    *,
    chance: float,
) -> Look:
    """Judge what was observed and compare it with what was known.

    ``spans`` are the findings that are open; ``chance``, from 0 to 1, decides about the jitter.
    """
    judgement = judge(evidence)
    reading, at = judgement.reading, evidence.finished_at
    memory = remember(_known_memory(before), reading)
    findings = (*judgement.findings, *check_history(memory, reading))
    headline = judgement.headline

    def sees(finding: Finding) -> bool:
        return could_see(reading, findings, finding)

    step = advance(
        spans,
        findings,
        sees,
        at=at,
        least=rules.least,
        is_losing=headline.verdict is Verdict.LOSING_MAIL,
        has_listeners=bool(rules.channels),
    )
    notice = None
    if step.news:
        told = len(step.news.added) + len(step.news.worse)
        open_and_told = sum(one.told is not None and not one.resolved_at for one in step.spans)
        notice = Notice(
            domain=str(before.domain),
            at=at,
            verdict=headline.verdict.value,
            sentence=headline.sentence,
            verdict_before=before.figures.verdict if before.figures else "",
            added=step.news.added,
            worse=step.news.worse,
            resolved=step.news.resolved,
            still_there=open_and_told - told,
        )
    is_success = headline.verdict is not Verdict.CANNOT_TELL
    return Look(
        before=before,
        observation=Observation(
            at=at,
            verdict=headline.verdict.value,
            sentence=headline.sentence,
            is_change=_is_change(before, headline.verdict, step.spans, at),
            evidence=_compress(evidence),
        ),
        is_success=is_success,
        next_look_at=_next_look(
            at, rules, chance, is_soon=step.is_unsettled or (not is_success and _was_well(before))
        ),
        figures=_count(judgement, findings),
        memory=write_memory(memory),
        spans=step.spans,
        notice=notice,
        channels=rules.channels,
    )


def unpack_evidence(packed: bytes) -> bytes:
    """Return kept evidence as ``checks.saved`` reads it; raise ``SavedEvidenceError``."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MAX_SAVED_BYTES)
    except zlib.error as error:
        raise SavedEvidenceError(f"it is damaged: {error}") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise SavedEvidenceError("it is damaged: it has no end")
    return text


def _known_memory(before: Watched) -> Memory | None:
    if before.memory is None:
        return None
    try:
        return read_memory(before.memory)
    except MemorySyntaxError:
        return None  # a newer version's, or damage: comparing begins anew


def _is_change(before: Watched, verdict: Verdict, spans: Sequence[Span], at: datetime) -> bool:
    if before.figures is None or before.figures.verdict != verdict:
        return True
    return any(one.first_seen == at or one.resolved_at is not None for one in spans)


def _was_well(before: Watched) -> bool:
    """Tell whether the look before could tell; after two that could not there is no hurry."""
    return before.looked_at == before.succeeded_at


def _next_look(at: datetime, rules: WatchRules, chance: float, *, is_soon: bool) -> datetime:
    usual = rules.interval * (1 - rules.jitter * chance)
    return at + (min(rules.confirm_after, usual) if is_soon else usual)


def _count(judgement: Judgement, findings: Sequence[Finding]) -> Figures:
    numbers = Counter(finding.severity for finding in findings)
    ends = foresee_ends(judgement.reading)
    return Figures(
        verdict=judgement.headline.verdict.value,
        sentence=judgement.headline.sentence,
        errors=numbers[Severity.ERROR],
        warnings=numbers[Severity.WARNING],
        unknown=numbers[Severity.UNKNOWN],
        infos=numbers[Severity.INFO],
        certificate_end=next((one.at for one in ends if one.is_certificate), None),
        signature_end=next((one.at for one in ends if not one.is_certificate), None),
    )


def _compress(evidence: Evidence) -> bytes | None:
    packed = zlib.compress(write_evidence(evidence))
    return packed if len(packed) <= MAX_KEPT_BYTES else None
