"""Judgements as one self-contained page: nothing is loaded, and it prints well.

**Security**: every text is escaped by the template engine, and made harmless before; the page has
no script and no link but to the catalogue's words, and forbids itself to load anything.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

import mailseal
from mailseal.checks.areas import Area
from mailseal.checks.finding import Finding
from mailseal.checks.judge import Judgement
from mailseal.checks.layout import lay_out
from mailseal.checks.overview import Mark, mark_of_told, mark_of_verdict
from mailseal.faces.check import words
from mailseal.faces.check.showing import printable

_GLYPHS = {
    Mark.GOOD: "✓",
    Mark.NONE: "–",
    Mark.NOTE: "i",
    Mark.WARNING: "!",
    Mark.UNKNOWN: "?",
    Mark.ERROR: "✗",
}
# What a screen reader says for a sign.
_SPOKEN = {
    Mark.GOOD: "good",
    Mark.NONE: "not there",
    Mark.NOTE: "note",
    Mark.WARNING: "warning",
    Mark.UNKNOWN: "unknown",
    Mark.ERROR: "error",
}


def render(judgements: Sequence[Judgement]) -> str:
    """Return the page."""
    pages = [_page(judgement, number) for number, judgement in enumerate(judgements, 1)]
    return _template().render(pages=pages, version=mailseal.__version__, Area=Area)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("mailseal.faces.check"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters["glyph"] = _GLYPHS.__getitem__
    environment.filters["spoken"] = _SPOKEN.__getitem__
    environment.filters["day"] = _day
    return environment.get_template("report.html")


def _finalize(value: object) -> object:
    """Make what is put into the page harmless, before it is escaped; markup of ours stays."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _page(judgement: Judgement, number: int) -> dict[str, Any]:
    """Return what the template shows of one domain; ``id`` tells it from the others."""
    headline = judgement.headline
    return {
        "id": f"d{number}",
        "domain": str(judgement.domain),
        "verdict": headline.verdict.words,
        "mark": mark_of_verdict(headline.verdict),
        "sentence": headline.sentence,
        "reasons": headline.reasons,
        "looked": words.looked(judgement),
        "count": words.count(judgement),
        "overview": lay_out(judgement),
        "findings": [_finding(one) for one in words.told(judgement)],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "mark": mark_of_told(finding),
        "word": words.SEVERITIES[finding.severity].capitalize(),
        "code": finding.code,
        "subject": finding.subject,
        "seen": finding.seen,
        "follows": finding.follows,
        "remedy": finding.remedy,
        "clause": finding.clause,
        "result": finding.result.value if finding.result else "",
        "ready": [
            {
                "kind": words.KINDS[one.kind],
                "place": one.place,
                "lines": one.text.splitlines(),
            }
            for one in finding.ready
        ],
    }


def _day(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d") if at else ""
