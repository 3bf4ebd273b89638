"""Judgements as JSON: one object for one domain, one to a line for several."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mailseal.checks.finding import exit_code
from mailseal.checks.judge import Judgement


def render(judgements: Sequence[Judgement]) -> str:
    """Return the objects, each ending in a newline."""
    indent = 2 if len(judgements) == 1 else None
    return "".join(json.dumps(to_object(one), indent=indent) + "\n" for one in judgements)


def to_object(judgement: Judgement) -> dict[str, Any]:
    """Return one judgement in JSON's own types."""
    evidence = judgement.reading.evidence
    return {
        "domain": judgement.domain,
        "observed_at": evidence.finished_at.isoformat(),
        "depth": evidence.depth.value,
        "verdict": judgement.headline.verdict.value,
        "sentence": judgement.headline.sentence,
        "reasons": list(judgement.headline.reasons),
        "exit_code": exit_code(judgement.findings),
        "findings": [asdict(finding) for finding in judgement.findings],
    }
