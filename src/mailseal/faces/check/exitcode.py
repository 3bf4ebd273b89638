"""What a command exits with that has judged several domains."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailseal.checks.judge import Judgement

_GRAVITY = (2, 3, 1, 0)  # of several domains the worst counts, in this order


def worst(judgements: "Iterable[Judgement]") -> int:
    """Return the exit code of all together."""
    from mailseal.checks.finding import exit_code

    codes = {exit_code(judgement.findings) for judgement in judgements}
    return next((code for code in _GRAVITY if code in codes), 0)
