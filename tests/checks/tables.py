"""Tables of what is found and the evidence that leads to it, one for each area of the catalogue."""

from collections.abc import Iterable, Sequence

import pytest

from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Entry, Finding, Severity

Row = tuple[Entry, Severity, Evidence]


def each_of(table: Sequence[Row]) -> pytest.MarkDecorator:
    """Run a test with every row of a table, which is named by its number and its code."""
    return pytest.mark.parametrize(
        ("entry", "severity", "evidence"),
        table,
        ids=[f"{number}-{entry.code}" for number, (entry, _, _) in enumerate(table)],
    )


def severities(findings: Iterable[Finding], entry: Entry) -> set[Severity]:
    """Return how bad the findings of one entry are; empty where there is none."""
    return {one.severity for one in findings if one.code == entry.code}
