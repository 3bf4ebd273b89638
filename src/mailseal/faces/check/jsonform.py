"""Judgements as JSON: one object for one domain, one to a line for several."""

import json
from collections.abc import Sequence

import msgspec

from mailseal.checks.judge import Judgement
from mailseal.faces.check.document import to_answer


def render(judgements: Sequence[Judgement], *, has_evidence: bool = False) -> str:
    """Return the objects, each ending in a newline; in ASCII, so that a terminal may see them."""
    indent = 2 if len(judgements) == 1 else None
    answers = (to_answer(one, has_evidence=has_evidence) for one in judgements)
    return "".join(
        json.dumps(msgspec.to_builtins(answer), indent=indent) + "\n" for answer in answers
    )
