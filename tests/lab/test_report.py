"""The HTML report in a real browser: it prints, and a hostile server's texts stay texts."""

import re
from pathlib import Path

import pytest

from lab.browser import browse
from lab.unavailable import Unavailable
from mailseal.checks.judge import judge
from mailseal.faces.check import htmlform
from mailseal.testing.evidence import domain_evidence
from tests.faces.check.hostile import hostile_evidence
from tests.realservers import give_up_on_lab

pytestmark = pytest.mark.lab


def look_at(folder: Path, page: str, *options: str) -> str:
    """Open a page; return what the browser prints."""
    path = folder / "report.html"
    path.write_text(page, "utf-8")
    try:
        return browse(path, *options)
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)


def test_a_hostile_report_runs_nothing(tmp_path: Path) -> None:
    """What the browser made of the page has no element and no attribute but those of ours."""
    page = htmlform.render([judge(hostile_evidence())])
    document = look_at(tmp_path, page, "--dump-dom")
    elements = set(re.findall(r"<([a-z0-9]+)[ >]", document))

    assert "article" in elements
    assert not elements & {"script", "img", "iframe", "object", "link", "form"}
    assert not re.search(r"<[^>]* on[a-z]+=", document)
    assert "&lt;script&gt;" in document


def test_a_report_prints_on_paper(tmp_path: Path) -> None:
    """Each domain begins on a page of its own."""
    judgements = [judge(domain_evidence()), judge(domain_evidence(domain="b.example"))]
    paper = tmp_path / "report.pdf"
    look_at(
        tmp_path, htmlform.render(judgements), "--no-pdf-header-footer", f"--print-to-pdf={paper}"
    )
    pages = max(int(count) for count in re.findall(rb"/Count (\d+)", paper.read_bytes()))

    assert 3 <= pages <= 12


def test_tables_fit_a_narrow_window(tmp_path: Path) -> None:
    """What is cut off at the edge is not read: columns of words break their lines first."""
    names = ("example.com", "second.example.com")
    page = htmlform.render([judge(domain_evidence(domain=name)) for name in names])
    measure = (
        "<script>document.title = [...document.querySelectorAll('.scroll')]"
        ".map(one => one.scrollWidth - one.clientWidth).join(' ')</script>"
    )
    page = re.sub(r"<meta http-equiv=[^>]*>", "", page).replace("</body>", f"{measure}</body>")
    document = look_at(tmp_path, page, "--dump-dom", "--window-size=500,900")
    title = re.search(r"<title>([^<]*)</title>", document)

    assert title is not None
    assert title[1].split() == ["0"] * page.count('<div class="scroll">')
