"""docs/howto/check-a-domain.md: what it shows is what its command prints."""

import re
from dataclasses import replace
from pathlib import Path

from mailseal.checks.evidence import Stage
from mailseal.checks.judge import Judgement, judge
from mailseal.faces.check import nagiosform
from mailseal.faces.check.text import render
from mailseal.testing.evidence import domain_evidence, host, session

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "check-a-domain.md"
_FIGURES = re.compile(r"(?<=certificate_days=)\d+|(?<=time=)[\d.]+")


def without_starttls() -> Judgement:
    """Return the domain of the page, whose only host offers no STARTTLS."""
    bare = replace(
        session(),
        stage=Stage.EHLO,
        extensions=("PIPELINING",),
        offers_starttls=False,
        starttls_reply="",
        tls=None,
        extensions_in_tls=(),
    )
    return judge(domain_evidence(host(sessions=(bare,))))


def test_the_page_shows_what_its_command_prints() -> None:
    """Whoever compares their own terminal with the page finds the same words."""
    summary, finding, line, *_ = re.findall(
        r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    judgements = [without_starttls()]
    text = render(judgements)

    assert text.startswith(summary)
    assert finding in text
    printed = nagiosform.render(judgements).splitlines()[0]
    assert _FIGURES.sub("", line.strip()) == _FIGURES.sub("", printed)
