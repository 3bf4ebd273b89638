"""What a command exits with that has judged several domains."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailseal.checks.judge import Judgement


def worst(judgements: "Iterable[Judgement]") -> int:
    """Return the exit code of all together."""
    from mailseal.checks.finding import exit_code

    return exit_code(one.severity for judgement in judgements for one in judgement.findings)
